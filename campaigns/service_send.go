package campaigns

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"carillon/contacts"
	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/providers"
)

// Notification is one message that somebody's action asked for.
type Notification struct {
	AccountID int64
	ChannelID int64
	// To is the address; empty where ContactID says it.
	To string
	// ContactID is the contact to write to; 0 where To says it.
	ContactID int64
	// Content may hold Liquid: contact of the contact, row of Data.
	Content  providers.Content
	Data     map[string]string
	Metadata map[string]string
	// DueAt is when to send it; zero means now.
	DueAt time.Time
}

// maxMetadata bounds the entries of metadata.
const maxMetadata = 50

// Send writes one transactional message down; from then on it is sent, before
// any campaign. Address, content and templates are checked first.
func (s *Service) Send(ctx context.Context, t Notification) (Message, error) {
	channel, err := s.store.GetChannel(ctx, t.AccountID, t.ChannelID)
	if fault.Is(err, fault.NotFound) {
		return Message{}, fault.InvalidField("channel_id", t.ChannelID, "there is no such channel: GET /v1/channels lists them")
	}
	if err != nil {
		return Message{}, err
	}
	wrong, err := s.checkContent(ctx, t.Content, channel)
	if err != nil {
		return Message{}, err
	}
	if len(t.Metadata) > maxMetadata {
		wrong = append(wrong, fault.Field{Location: "metadata", Value: len(t.Metadata), Message: fmt.Sprintf("at most %d entries", maxMetadata)})
	}
	to, fields, err := s.recipient(ctx, t, channel)
	if err != nil {
		return Message{}, err
	}
	if err := fault.InvalidFields(append(wrong, fields...)); err != nil {
		return Message{}, err
	}
	if len(t.Data) > 0 {
		row, err := json.Marshal(t.Data)
		if err != nil {
			return Message{}, fmt.Errorf("encode data: %w", err)
		}
		to.Row = string(row)
	}
	return s.send(ctx, t, channel, to, "")
}

// recipient says to whom a transactional message goes; fields are what is wrong.
func (s *Service) recipient(ctx context.Context, t Notification, channel providers.Channel) (to Recipient, fields []fault.Field, err error) {
	refuse := func(location string, value any, format string, args ...any) (Recipient, []fault.Field, error) {
		return Recipient{}, []fault.Field{{Location: location, Value: value, Message: fmt.Sprintf(format, args...)}}, nil
	}
	switch {
	case t.To != "" && t.ContactID != 0:
		return refuse("to", nil, "give either to or contact_id")
	case t.To == "" && t.ContactID == 0:
		return refuse("to", nil, "say to whom: an %s address, or contact_id", channel.Address)
	case t.To != "":
		address, err := value.Normal(channel.Address, t.To, "")
		if err != nil {
			return refuse("to", t.To, "%s", reason(err))
		}
		return Recipient{Address: address}, nil, nil
	}
	contact, err := s.store.GetContact(ctx, t.AccountID, t.ContactID)
	switch {
	case fault.Is(err, fault.NotFound):
		return refuse("contact_id", t.ContactID, "there is no such contact")
	case err != nil:
		return Recipient{}, nil, err
	case contact.Status != contacts.Active:
		return refuse("contact_id", t.ContactID, "the contact is %s", contact.Status)
	case contact.Addresses[channel.Address] == "":
		return refuse("contact_id", t.ContactID, "the contact has no %s address, to which this channel sends", channel.Address)
	}
	return Recipient{
		ContactID: contact.ID, ExternalID: contact.ExternalID, Name: contact.Name, FirstName: contact.FirstName, LastName: contact.LastName,
		Language: contact.Language, Timezone: contact.Timezone, Address: contact.Addresses[channel.Address],
	}, nil, nil
}

// reason is the message of an error's first field.
func reason(err error) string {
	if fields, rest := gather(nil, err); rest == nil && len(fields) > 0 {
		return fields[0].Message
	}
	return err.Error()
}

func (s *Service) send(ctx context.Context, t Notification, channel providers.Channel, to Recipient, campaignName string) (Message, error) {
	compiled, err := s.compile(ctx, t.AccountID, t.Content)
	if err != nil {
		return Message{}, err
	}
	link := ""
	if campaignName != "" {
		link = s.tokens.URL(Unsubscriber{AccountID: t.AccountID, Kind: channel.Address, Address: to.Address})
	}
	rendered, err := compiled.Render(ctx, to.Vars(campaignName, link))
	if err != nil {
		return Message{}, err
	}
	content, err := json.Marshal(rendered)
	if err != nil {
		return Message{}, fmt.Errorf("encode content: %w", err)
	}
	var metadata []byte
	if len(t.Metadata) > 0 {
		if metadata, err = json.Marshal(t.Metadata); err != nil {
			return Message{}, fmt.Errorf("encode metadata: %w", err)
		}
	}
	return s.store.CreateMessage(ctx, Outgoing{
		AccountID: t.AccountID, ChannelID: channel.ID, ContactID: to.ContactID, Address: to.Address,
		Content: content, Metadata: metadata, DueAt: t.DueAt,
	})
}

// Test sends a campaign to one address as it would read for the first recipient
// of its audience, or for a contact. The subject is unchanged: what is tested is
// what is sent.
func (s *Service) Test(ctx context.Context, accountID, id int64, to string, contactID int64) (Message, error) {
	c, err := s.store.GetCampaign(ctx, accountID, id)
	if err != nil {
		return Message{}, err
	}
	channel, err := s.store.GetChannel(ctx, accountID, c.ChannelID)
	if err != nil {
		return Message{}, err
	}
	var sample Recipient
	found, err := s.store.SampleAudience(ctx, channel, c.Audience, c.CategoryID, 1)
	if err != nil {
		return Message{}, err
	}
	if len(found) > 0 {
		sample = found[0]
	}
	t := Notification{AccountID: accountID, ChannelID: c.ChannelID, To: to, ContactID: contactID, Content: c.Content}
	target, fields, err := s.recipient(ctx, t, channel)
	if err != nil {
		return Message{}, err
	}
	if err := fault.InvalidFields(fields); err != nil {
		return Message{}, err
	}
	if contactID == 0 {
		// The message belongs to no contact: only its words are the sample's.
		sample.ContactID, sample.Address = 0, target.Address
		target = sample
	} else if sample.ContactID == contactID {
		target.Row = sample.Row
	}
	return s.send(ctx, t, channel, target, c.Name)
}

// TestChannel sends a short message through a channel to one address.
func (s *Service) TestChannel(ctx context.Context, accountID, channelID int64, to string) (Message, error) {
	channel, err := s.store.GetChannel(ctx, accountID, channelID)
	if err != nil {
		return Message{}, err
	}
	kind, err := s.kinds.Kind(channel.Provider)
	if err != nil {
		return Message{}, err
	}
	content := providers.Content{Text: "This is a test message of Carillon, sent through the channel " + quoteLiquid(channel.Name) + "."}
	if kind.Capabilities.Subject {
		content.Subject = "Test message of Carillon"
	}
	return s.Send(ctx, Notification{AccountID: accountID, ChannelID: channelID, To: to, Content: content})
}

// quoteLiquid makes sure that a name is not read as a template.
func quoteLiquid(name string) string { return strings.ReplaceAll(name, "{", "(") }
