package campaigns

import (
	"context"
	"fmt"

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
// every state with its time, every try with its answer. recipient is an address
// or, as a number, a contact's id. Nobody found is NotFound with what that
// means.
func (s *Service) Explain(ctx context.Context, accountID, campaignID, contactID int64, address string) ([]Explanation, error) {
	c, err := s.store.GetCampaign(ctx, accountID, campaignID)
	if err != nil {
		return nil, err
	}
	const most = 100
	found, err := s.store.ListMessages(ctx, MessageFilter{AccountID: accountID, CampaignID: campaignID, ContactID: contactID, Address: address, Limit: most})
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
