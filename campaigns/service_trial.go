package campaigns

import (
	"context"

	"carillon/internal/fault"
	"carillon/messages"
)

// Test sends a campaign to one address as it would read for the first recipient
// of its audience, or for a contact. The subject is unchanged: what is tested is
// what is sent.
func (s *Service) Test(ctx context.Context, accountID, id int64, to string, contactID int64) (messages.Message, error) {
	c, err := s.store.GetCampaign(ctx, accountID, id)
	if err != nil {
		return messages.Message{}, err
	}
	channel, err := s.store.GetChannel(ctx, accountID, c.ChannelID)
	if err != nil {
		return messages.Message{}, err
	}
	var sample messages.Recipient
	found, err := s.store.SampleAudience(ctx, channel, c.Audience, c.CategoryID, 1)
	if err != nil {
		return messages.Message{}, err
	}
	if len(found) > 0 {
		sample = found[0]
	}
	wording, err := s.wording(ctx, c, channel)
	if err != nil {
		return messages.Message{}, err
	}
	t := messages.Notification{AccountID: accountID, ChannelID: c.ChannelID, To: to, ContactID: contactID}
	target, fields, err := s.messages.Recipient(ctx, t, channel)
	if err != nil {
		return messages.Message{}, err
	}
	if err := fault.InvalidFields(fields); err != nil {
		return messages.Message{}, err
	}
	if contactID == 0 {
		// The message belongs to no contact: only its words are the sample's.
		sample.ContactID, sample.Address = 0, target.Address
		target = sample
	} else if sample.ContactID == contactID {
		target.Row = sample.Row
	}
	of, unread, err := s.occasion(ctx, c, channel)
	if err != nil {
		return messages.Message{}, err
	}
	if unread != nil {
		return messages.Message{}, unreadFeed(id, unread)
	}
	t.Say(wording, target)
	return s.messages.Create(ctx, messages.Single{Notification: t, Channel: channel, To: target, Of: of})
}
