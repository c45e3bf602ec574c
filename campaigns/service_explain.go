package campaigns

import (
	"context"
	"strconv"
	"strings"

	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
)

// Explained says why somebody was or was not written to by a campaign.
type Explained struct {
	// Says are sentences about all of it.
	Says     []string
	Messages []Explanation
}

// Explanation is a message with everything that happened to it.
type Explanation struct {
	Message messages.Message
	History []messages.Passage
}

// maxExplained is how many messages of a campaign to one recipient are explained.
const maxExplained = 100

// Explain finds the messages of a campaign to a recipient, newest run last:
// every state with its time, every try with its answer. recipient is an address of
// the campaign's channel or, if it is a number that is none or that nobody of the
// campaign has, a contact's id. Nobody found is NotFound with what that means, what
// can be neither is Invalid. It takes the same time however large the campaign is,
// unless messagesTo has to look for an address.
func (s *Service) Explain(ctx context.Context, accountID, campaignID int64, recipient string) (e Explained, err error) {
	c, err := s.store.GetCampaign(ctx, accountID, campaignID)
	if err != nil {
		return e, err
	}
	channel, err := s.store.GetChannel(ctx, accountID, c.ChannelID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return e, err
	}
	address, contactID := addressOf(channel.Address, recipient), contactIDOf(recipient)
	if address == "" && contactID == 0 {
		return e, fault.InvalidField("recipient", recipient,
			"must be an address of the campaign's channel, such as an e-mail address or a phone number with +, or a contact's id")
	}
	var found []messages.Message
	if address != "" {
		if found, err = s.messagesTo(ctx, c, channel.Address, address); err != nil {
			return e, err
		}
	}
	if len(found) == 0 && contactID != 0 {
		found, err = s.store.ListMessages(ctx, messages.MessageFilter{AccountID: accountID, CampaignID: campaignID, ContactID: contactID, Limit: maxExplained})
		if err != nil {
			return e, err
		}
	}
	if len(found) == 0 {
		why := "the recipient is not in the campaign's audience"
		switch c.Status {
		case Draft, Scheduled:
			why = "it has not been started"
		case Running, Paused:
			why += ", or not planned yet"
		}
		return e, fault.New(fault.NotFound, "campaign %d (%s) has no message for this recipient: %s", c.ID, c.Status, why)
	}
	for _, m := range found {
		history, err := s.messages.History(ctx, m)
		if err != nil {
			return e, err
		}
		e.Messages = append(e.Messages, Explanation{Message: m, History: history})
	}
	e.Says, err = s.saysOf(ctx, c, found[0].ContactID, recipient)
	return e, err
}

// saysOf says what a campaign was to a contact or, where none is behind the address, to
// the address.
func (s *Service) saysOf(ctx context.Context, c Campaign, contactID int64, recipient string) ([]string, error) {
	query := TraceQuery{AccountID: c.AccountID, ContactID: contactID}
	if contactID == 0 {
		var err error
		if query, err = NewTraceQuery(c.AccountID, 0, recipient); err != nil {
			return nil, err
		}
	}
	trace, err := s.store.Trace(ctx, query)
	if err != nil {
		return nil, err
	}
	return trace.Says(c.ID), nil
}

// messagesTo finds the messages of a campaign to an address. Messages have an index
// by contact and none by address, so whoever has the address now is asked first.
// All of the campaign is gone through only if that is no answer: nobody has the
// address, or its holder may have got it since from another, whom the campaign
// wrote to.
func (s *Service) messagesTo(ctx context.Context, c Campaign, kind providers.AddressKind, address string) ([]messages.Message, error) {
	holder, err := s.store.Holder(ctx, c.AccountID, kind, address)
	if err != nil {
		return nil, err
	}
	filter := messages.MessageFilter{AccountID: c.AccountID, CampaignID: c.ID, Limit: maxExplained}
	if holder != 0 {
		filter.ContactID, filter.Address = holder, address
		if found, err := s.store.ListMessages(ctx, filter); err != nil || len(found) > 0 {
			return found, err
		}
		contact, err := s.store.GetContact(ctx, c.AccountID, holder)
		if err != nil || contact.UpdatedAt.Before(c.CreatedAt) {
			return nil, err
		}
	}
	filter.ContactID, filter.Address = 0, address
	found, err := s.store.ListMessages(ctx, filter)
	if err != nil || len(found) > 0 || holder == 0 {
		return found, err
	}
	// The holder may have been planned for before it had any address.
	filter.ContactID, filter.Address = holder, ""
	return s.store.ListMessages(ctx, filter)
}

// addressOf is a recipient as an address: of the kind, or of any where it is none of
// that; empty if it is none at all.
func addressOf(kind providers.AddressKind, recipient string) string {
	for _, k := range append([]providers.AddressKind{kind}, value.Kinds()...) {
		// Numbers are addresses of several kinds: only the channel's own is meant.
		if k != kind && contactIDOf(recipient) != 0 {
			continue
		}
		if normal, err := value.Normal(k, recipient, ""); err == nil {
			return normal
		}
	}
	return ""
}

// contactIDOf is a recipient as a contact's id; 0 if it is none.
func contactIDOf(recipient string) int64 {
	id, err := strconv.ParseInt(recipient, 10, 64)
	if err != nil || id <= 0 || strings.HasPrefix(recipient, "+") {
		return 0
	}
	return id
}
