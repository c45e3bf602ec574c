package campaigns

import (
	"context"

	"carillon/internal/fault"
	"carillon/messages"
)

// TestTo is to whom a campaign is sent as a test, and how.
type TestTo struct {
	// Address is of the channel's kind; or ContactID is a contact.
	Address   string
	ContactID int64
	// Variant is one by its name; the first where none is named.
	Variant string
}

// Test sends a campaign to one address as it would read for the first recipient
// of its audience, or for a contact. The subject is unchanged: what is tested is what is
// sent.
func (s *Service) Test(ctx context.Context, accountID, id int64, to TestTo) (messages.Message, error) {
	c, err := s.ofOneStep(ctx, accountID, id)
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
	list, err := s.sayings(ctx, c, channel)
	if err != nil {
		return messages.Message{}, err
	}
	said := list[0]
	if to.Variant != "" {
		n, err := c.Experiment.find("variant", to.Variant)
		if err != nil {
			return messages.Message{}, err
		}
		said = list[n-1]
	}
	t := messages.Notification{AccountID: accountID, ChannelID: c.ChannelID, To: to.Address, ContactID: to.ContactID}
	target, fields, err := s.messages.Recipient(ctx, t, channel)
	if err != nil {
		return messages.Message{}, err
	}
	if err := fault.InvalidFields(fields); err != nil {
		return messages.Message{}, err
	}
	if to.ContactID == 0 {
		// The message belongs to no contact: only its words are the sample's.
		sample.ContactID, sample.Address = 0, target.Address
		target = sample
	} else if sample.ContactID == to.ContactID {
		target.Row = sample.Row
	}
	t.Say(said.Resolved, target)
	of, unread, err := s.occasion(ctx, c, channel)
	if err != nil {
		return messages.Message{}, err
	}
	if unread != nil {
		return messages.Message{}, unreadFeed(id, unread)
	}
	return s.messages.Create(ctx, messages.Single{Notification: t, Channel: channel, To: target, Of: of})
}
