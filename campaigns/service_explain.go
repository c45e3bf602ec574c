package campaigns

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"carillon/internal/fault"
	"carillon/providers"
	"carillon/targeting"
)

// Explanation says why somebody was or was not written to by a campaign.
type Explanation struct {
	Message Message
	History []Passage
}

// Explain finds the messages of a campaign to a recipient, newest run last:
// every state with its time, every try with its answer. recipient is an address of
// the campaign's channel or, if it is a number that is none or that nobody of the
// campaign has, a contact's id. Nobody found is NotFound with what that means, what
// can be neither is Invalid.
func (s *Service) Explain(ctx context.Context, accountID, campaignID int64, recipient string) ([]Explanation, error) {
	c, err := s.store.GetCampaign(ctx, accountID, campaignID)
	if err != nil {
		return nil, err
	}
	channel, err := s.store.GetChannel(ctx, accountID, c.ChannelID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	address, contactID := addressOf(channel.Address, recipient), contactIDOf(recipient)
	if address == "" && contactID == 0 {
		return nil, fault.InvalidField("recipient", recipient, "must be an address of the campaign's channel, such as an e-mail address or a phone number with +, or a contact's id")
	}
	const most = 100
	filter := MessageFilter{AccountID: accountID, CampaignID: campaignID, Address: address, Limit: most}
	if address == "" {
		filter.ContactID = contactID
	}
	found, err := s.store.ListMessages(ctx, filter)
	if err == nil && len(found) == 0 && filter.ContactID == 0 && contactID != 0 {
		filter.Address, filter.ContactID = "", contactID
		found, err = s.store.ListMessages(ctx, filter)
	}
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		why := "the recipient is not in the campaign's audience"
		switch c.Status {
		case Draft, Scheduled:
			why = "it has not been started"
		case Running, Paused:
			why += ", or not planned yet"
		}
		return nil, fault.New(fault.NotFound, "campaign %d (%s) has no message for this recipient: %s", c.ID, c.Status, why)
	}
	explained := make([]Explanation, len(found))
	for i, m := range found {
		moves, err := s.store.Transitions(ctx, m.ID)
		if err != nil {
			return nil, err
		}
		explained[i] = Explanation{Message: m, History: History(m, moves)}
	}
	return explained, nil
}

// addressOf is a recipient as an address: of the kind, or of any where it is none of
// that; empty if it is none at all.
func addressOf(kind providers.AddressKind, recipient string) string {
	for _, k := range append([]providers.AddressKind{kind}, targeting.AddressKinds()...) {
		// Numbers are addresses of several kinds: only the channel's own is meant.
		if k != kind && contactIDOf(recipient) != 0 {
			continue
		}
		if normal, err := targeting.NormalAddress(k, recipient, ""); err == nil {
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

// Unsubscriber reads the token of an unsubscribe link and finds the address
// behind it.
func (s *Service) Unsubscriber(ctx context.Context, token string) (Unsubscriber, error) {
	u, err := s.tokens.Parse(token)
	if err != nil || u.MessageID == 0 {
		return u, err
	}
	m, err := s.store.GetMessage(ctx, u.AccountID, u.MessageID)
	if err != nil {
		return Unsubscriber{}, err
	}
	channel, err := s.store.GetChannel(ctx, u.AccountID, m.ChannelID)
	if err != nil {
		return Unsubscriber{}, err
	}
	if m.Address == "" {
		return Unsubscriber{}, fault.New(fault.NotFound, "the recipient of message %d was erased", m.ID)
	}
	u.Kind, u.Address = channel.Address, m.Address
	return u, nil
}

// Unsubscribe keeps the address behind a token from being written to by
// campaigns; it binds when it returns. Doing it twice is no error.
func (s *Service) Unsubscribe(ctx context.Context, token string) (kind providers.AddressKind, err error) {
	u, err := s.Unsubscriber(ctx, token)
	if err != nil {
		return "", err
	}
	c := targeting.ConsentChange{
		AccountID: u.AccountID, Kind: u.Kind, Address: u.Address, Source: targeting.SourceLink, Actor: "recipient",
	}
	if u.MessageID != 0 {
		c.Proof = fmt.Sprintf("the link of message %d", u.MessageID)
	}
	_, err = s.store.OptOut(ctx, c)
	return u.Kind, err
}
