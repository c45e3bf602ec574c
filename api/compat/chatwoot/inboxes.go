package chatwoot

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/providers"
)

// inboxType is what an inbox is called that sends to a kind of address.
func inboxType(kind providers.AddressKind) string {
	switch kind {
	case providers.SMS, providers.Phone:
		return "Channel::Sms"
	case providers.WhatsApp:
		return "Channel::Whatsapp"
	case providers.Email:
		return "Channel::Email"
	case providers.Telegram:
		return "Channel::Telegram"
	case providers.Facebook:
		return "Channel::FacebookPage"
	case providers.Instagram:
		return "Channel::Instagram"
	default:
		return "Channel::Api"
	}
}

// ownSource says whether programs say themselves how a contact is called in an inbox.
func ownSource(kind providers.AddressKind) bool { return kind == providers.Custom }

// sourceOf is how a contact is called in an inbox; empty where it can't be reached there.
func sourceOf(channel providers.Channel, c contacts.Contact) string {
	address := c.Addresses[channel.Address]
	if channel.Address == providers.WhatsApp {
		return strings.TrimPrefix(address, "+")
	}
	return address
}

// madeSource is how a contact is called in an inbox of programs where nobody said it: a UUID
// that is always the same.
func madeSource(channel providers.Channel, c contacts.Contact) string {
	b := sha256.Sum256(fmt.Appendf(nil, "carillon: source of contact %d in channel %d", c.ID, channel.ID))
	b[6], b[8] = b[6]&0x0f|0x50, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// slim is an inbox as contacts show it.
func slim(channel providers.Channel) map[string]any {
	return map[string]any{
		"id": channel.ID, "avatar_url": "", "channel_id": channel.ID, "name": channel.Name, "channel_type": inboxType(channel.Address), "provider": nil,
	}
}

// inbox is one whole.
func (c *Server) inbox(ctx context.Context, channel providers.Channel) (map[string]any, error) {
	out := slim(channel)
	for name, value := range map[string]any{
		"greeting_enabled": false, "greeting_message": nil, "working_hours_enabled": false, "enable_email_collect": false, "csat_survey_enabled": false,
		"csat_config": map[string]any{}, "enable_auto_assignment": false, "auto_assignment_config": map[string]any{}, "out_of_office_message": nil,
		"working_hours": []any{}, "timezone": channel.Timezone, "callback_webhook_url": "", "allow_messages_after_resolved": true,
		"lock_to_single_conversation": false, "sender_name_type": "friendly", "business_name": nil, "widget_color": nil, "website_url": nil,
		"hmac_mandatory": nil, "welcome_title": nil, "welcome_tagline": nil, "web_widget_script": nil, "website_token": nil, "selected_feature_flags": nil,
		"reply_time": nil, "messaging_service_sid": nil, "phone_number": nil, "medium": nil, "email": nil, "forward_to_email": nil, "inbox_identifier": nil,
		"additional_attributes": map[string]any{},
	} {
		out[name] = value
	}
	if channel.Address == providers.WhatsApp {
		templates, err := c.templatesOf(ctx, channel)
		if err != nil {
			return nil, err
		}
		out["message_templates"] = templates
	}
	return out, nil
}

// channels are all of the account.
func (c *Server) channels(ctx context.Context, account int64) (all []providers.Channel, err error) {
	const page = 500
	for after := int64(0); ; after = all[len(all)-1].ID {
		list, err := c.Channels.List(ctx, account, after, page)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
		if len(list) < page {
			return all, nil
		}
	}
}

func (c *Server) listInboxes(ctx context.Context, a asked) (any, error) {
	list, err := c.channels(ctx, a.account())
	if err != nil {
		return nil, err
	}
	shown := make([]any, 0, len(list))
	for _, channel := range list {
		inbox, err := c.inbox(ctx, channel)
		if err != nil {
			return nil, err
		}
		shown = append(shown, inbox)
	}
	return map[string]any{"payload": shown}, nil
}

func (c *Server) showInbox(ctx context.Context, a asked) (any, error) {
	channel, err := c.Channels.Get(ctx, a.account(), a.ids[0])
	if err != nil {
		return nil, err
	}
	return c.inbox(ctx, channel)
}

// joinInbox makes a contact reachable in an inbox: most addresses say that by themselves.
func (c *Server) joinInbox(ctx context.Context, a asked) (any, error) {
	contact, err := c.contact(ctx, a)
	if err != nil {
		return nil, err
	}
	channel, err := c.Channels.Get(ctx, a.account(), a.given.number("inbox_id"))
	if err != nil {
		return nil, err
	}
	source, err := c.reach(ctx, contact, channel, a.given.text("source_id"))
	if err != nil {
		return nil, err
	}
	return map[string]any{"source_id": source, "inbox": slim(channel)}, nil
}

// reach is how a contact is called in an inbox. In one of programs it is called as they say,
// or by a UUID.
func (c *Server) reach(ctx context.Context, contact contacts.Contact, channel providers.Channel, given string) (source string, err error) {
	source = sourceOf(channel, contact)
	if !ownSource(channel.Address) {
		if source == "" {
			return "", refuse("the contact has no " + string(channel.Address) + " address, to which this inbox sends")
		}
		return source, nil
	}
	if given == "" && source != "" {
		return source, nil
	}
	if given != "" && source == given {
		return source, nil
	}
	if source = given; source == "" {
		source = madeSource(channel, contact)
	}
	_, err = c.Contacts.Update(ctx, contact.AccountID, contact.ID, contacts.ContactChange{
		Addresses: map[providers.AddressKind]string{channel.Address: source},
	})
	if fault.Is(err, fault.Conflict) {
		return "", refuse("source_id should be unique")
	}
	return source, err
}

func (c *Server) contactableInboxes(ctx context.Context, a asked) (any, error) {
	contact, err := c.contact(ctx, a)
	if err != nil {
		return nil, err
	}
	list, err := c.channels(ctx, a.account())
	if err != nil {
		return nil, err
	}
	shown := []any{}
	for _, channel := range list {
		source := sourceOf(channel, contact)
		if source == "" && ownSource(channel.Address) {
			source = madeSource(channel, contact)
		}
		if source != "" {
			shown = append(shown, map[string]any{"source_id": source, "inbox": slim(channel)})
		}
	}
	return map[string]any{"payload": shown}, nil
}
