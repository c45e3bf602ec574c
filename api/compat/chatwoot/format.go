package chatwoot

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"carillon/contacts"
	"carillon/conversations"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/outgoing"
	"carillon/providers"
	"carillon/providers/fetch"
	"carillon/services"
	"carillon/webhooks"
)

// Format tells webhooks in Chatwoot's words.
type Format struct {
	server *Server
	clock  clock.Clock
}

// NewFormat makes it.
func NewFormat(s *services.Services, c clock.Clock) *Format {
	if c == nil {
		c = clock.System{}
	}
	return &Format{&Server{Services: s, clock: c}, c}
}

// Took says whether a request was taken.
func (f *Format) Took(answer fetch.Told) bool { return answer.Status >= 200 && answer.Status < 300 }

// Tries is as often as one of ours: there each is made once, and what was not heard is lost.
func (f *Format) Tries(webhooks.Webhook) (most int, off bool) { return 0, false }

// Request makes the request that tells what happened.
func (f *Format) Request(
	ctx context.Context, w webhooks.Webhook, d webhooks.Delivery, o webhooks.Occurrence,
) (r outgoing.Request, ok bool, err error) {
	body, err := f.body(ctx, w, o)
	if fault.Is(err, fault.NotFound) {
		return r, false, nil // it is gone meanwhile
	}
	if err != nil || body == nil {
		return r, false, err
	}
	if !slices.Contains(optionsOf(w).Subscriptions, textOf(body["event"])) {
		return r, false, nil
	}
	r.Body = encoded(body)
	r.Header = http.Header{}
	r.Header.Set("X-Chatwoot-Delivery", uuidOf(d.Key))
	if len(w.Secrets) > 0 {
		at := strconv.FormatInt(f.clock.Now().Unix(), 10)
		r.Header.Set("X-Chatwoot-Timestamp", at)
		r.Header.Set("X-Chatwoot-Signature", "sha256="+sign(w.Secrets[0].Reveal(), at, r.Body))
	}
	return r, true, nil
}

// sign is the signature of a body at a time.
func sign(secret, at string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(at + "."))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// uuidOf is a UUID that is the same for each try.
func uuidOf(key string) string {
	b := sha256.Sum256([]byte(key))
	b[6], b[8] = b[6]&0x0f|0x50, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// body is what is told; nil for nothing.
func (f *Format) body(ctx context.Context, w webhooks.Webhook, o webhooks.Occurrence) (map[string]any, error) {
	switch o.Type {
	case webhooks.ContactCreated, webhooks.ContactUpdated:
		var data webhooks.Contact
		if err := json.Unmarshal(o.Data, &data); err != nil {
			return nil, err
		}
		return f.ofContact(ctx, w.AccountID, data, o.Type)
	case webhooks.ConversationCreated, webhooks.ConversationUpdated, webhooks.ConversationStatus:
		var data webhooks.Conversation
		if err := json.Unmarshal(o.Data, &data); err != nil {
			return nil, err
		}
		return f.ofConversation(ctx, w, data, o.Type)
	case webhooks.ConversationEntry, webhooks.ConversationHidden:
		var data webhooks.Conversation
		if err := json.Unmarshal(o.Data, &data); err != nil {
			return nil, err
		}
		e, err := f.server.Conversations.Entry(ctx, w.AccountID, data.EntryID)
		if err != nil {
			return nil, err
		}
		event := "message_created"
		if o.Type == webhooks.ConversationHidden {
			event = "message_updated"
		}
		return f.ofEntry(ctx, e, event)
	default:
		var data webhooks.Message
		if !strings.HasPrefix(string(o.Type), "message.") {
			return nil, nil
		}
		if err := json.Unmarshal(o.Data, &data); err != nil {
			return nil, err
		}
		if data.CampaignID != 0 || data.ID == 0 {
			return nil, nil
		}
		e, err := f.server.Conversations.OfMessage(ctx, w.AccountID, data.ID)
		if err != nil {
			return nil, err
		}
		return f.ofEntry(ctx, e, "message_updated")
	}
}

// account is the account as it is shown.
func (f *Format) account(ctx context.Context, id int64) (map[string]any, error) {
	of, err := f.server.Messages.Occasion(ctx, providers.Channel{AccountID: id})
	if err != nil {
		return nil, err
	}
	return map[string]any{"id": id, "name": of.AccountName}, nil
}

func (f *Format) ofContact(ctx context.Context, account int64, data webhooks.Contact, event webhooks.Event) (map[string]any, error) {
	contact, err := f.server.Contacts.Get(ctx, account, data.ID)
	if err != nil {
		return nil, err
	}
	k, err := f.server.known(ctx, account)
	if err != nil {
		return nil, err
	}
	custom, additional := k.attributes(contact)
	out := map[string]any{
		"event": strings.ReplaceAll(string(event), ".", "_"), "id": contact.ID, "name": nameOf(contact), "email": orNull(contact.Addresses[providers.Email]),
		"phone_number": orNull(phoneOf(contact)), "identifier": orNull(contact.ExternalID), "blocked": contact.Status == contacts.Blocked,
		"avatar": "", "thumbnail": "", "additional_attributes": additional, "custom_attributes": custom,
	}
	if event == webhooks.ContactUpdated {
		out["changed_attributes"] = changed(data.Changed, out)
	}
	out["account"], err = f.account(ctx, account)
	return out, err
}

// changed are the names of what was changed, with what it is now. What it was is not kept.
func changed(names []string, now map[string]any) []any {
	list, seen := []any{}, map[string]bool{}
	for _, name := range names {
		shown := name
		switch {
		case name == "external_id":
			shown = "identifier"
		case name == "addresses.email":
			shown = "email"
		case strings.HasPrefix(name, "addresses."):
			shown = "phone_number"
		case name == "status":
			shown = "blocked"
		case strings.HasPrefix(name, "additional."), slices.Contains(besides, strings.TrimPrefix(name, contacts.AttributePrefix)):
			shown = "additional_attributes"
		case strings.HasPrefix(name, contacts.AttributePrefix), strings.HasPrefix(name, "free."):
			shown = "custom_attributes"
		}
		if seen[shown] {
			continue
		}
		seen[shown] = true
		list = append(list, map[string]any{shown: map[string]any{"previous_value": nil, "current_value": now[shown]}})
	}
	return list
}

// conversation is one as webhooks tell it.
func (f *Format) conversation(ctx context.Context, r around, v conversations.Conversation) (map[string]any, error) {
	shown, err := f.server.conversation(ctx, r, v)
	if err != nil {
		return nil, err
	}
	contact, channel := r.people[v.ContactID], r.channel(v.ChannelID)
	source := sourceOf(channel, contact)
	if source == "" {
		source = v.SourceID
	}
	shown["channel"] = inboxType(channel.Address)
	shown["meta"] = map[string]any{
		"sender": r.person(contact), "assignee": nil, "assignee_type": nil, "team": nil, "hmac_verified": false,
	}
	shown["contact_inbox"] = map[string]any{
		"id": v.ID, "contact_id": v.ContactID, "inbox_id": v.ChannelID, "source_id": source, "hmac_verified": false,
		"created_at": iso(v.CreatedAt), "updated_at": iso(v.UpdatedAt),
	}
	delete(shown, "last_non_activity_message")
	return shown, nil
}

func (f *Format) ofConversation(ctx context.Context, w webhooks.Webhook, data webhooks.Conversation, event webhooks.Event) (map[string]any, error) {
	v, err := f.server.Conversations.Of(ctx, w.AccountID, data.ID)
	if err != nil {
		return nil, err
	}
	r, err := f.server.around(ctx, w.AccountID, v)
	if err != nil {
		return nil, err
	}
	out, err := f.conversation(ctx, r, v)
	if err != nil {
		return nil, err
	}
	out["event"] = strings.ReplaceAll(string(event), ".", "_")
	if event == webhooks.ConversationStatus {
		out["status"] = data.Status // as it was then
		out["changed_attributes"] = []any{map[string]any{"status": map[string]any{"previous_value": data.Before, "current_value": data.Status}}}
		if !slices.Contains(optionsOf(w).Subscriptions, "conversation_status_changed") {
			out["event"] = "conversation_updated"
		}
	}
	out["account"], err = f.account(ctx, w.AccountID)
	return out, err
}

func (f *Format) ofEntry(ctx context.Context, e conversations.Entry, event string) (map[string]any, error) {
	v, err := f.server.Conversations.Of(ctx, e.AccountID, e.ConversationID)
	if err != nil {
		return nil, err
	}
	r, err := f.server.around(ctx, e.AccountID, v)
	if err != nil {
		return nil, err
	}
	conversation, err := f.conversation(ctx, r, v)
	if err != nil {
		return nil, err
	}
	text, attributes := content(e)
	var sender any
	if e.Direction == conversations.Incoming {
		sender = r.person(r.people[v.ContactID])
	}
	out := map[string]any{
		"event": event, "id": e.ID, "content": text, "content_type": e.Kind, "content_attributes": attributes, "additional_attributes": e.Additional,
		"message_type": string(e.Direction), "private": e.Private, "created_at": iso(e.CreatedAt), "source_id": orNull(e.SourceID), "sender": sender,
		"inbox": map[string]any{"id": v.ChannelID, "name": r.channel(v.ChannelID).Name}, "conversation": conversation,
	}
	if e.Attachment != nil && e.DeletedAt == nil {
		out["attachments"] = []any{attachment(v, e)}
	}
	out["account"], err = f.account(ctx, e.AccountID)
	return out, err
}
