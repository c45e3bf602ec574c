package chatwoot

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"carillon/api/gate"
	"carillon/contacts"
	"carillon/conversations"
	"carillon/internal/fault"
	"carillon/providers"
)

// conversationsAtOnce is how many a page has.
const conversationsAtOnce = 25

// person is a contact as conversations and messages show it: also one that is gone.
func (k known) person(contact contacts.Contact) map[string]any {
	out := k.show(contact, false)
	delete(out, "availability_status")
	delete(out, "created_at")
	out["type"] = "contact"
	return out
}

// around is what a conversation is shown with.
type around struct {
	known
	people map[int64]contacts.Contact
}

// around loads the contacts of conversations, each once.
func (c *Server) around(ctx context.Context, account int64, list ...conversations.Conversation) (r around, err error) {
	if r.known, err = c.known(ctx, account); err != nil {
		return r, err
	}
	r.people = map[int64]contacts.Contact{}
	for _, v := range list {
		if _, has := r.people[v.ContactID]; has {
			continue
		}
		contact, err := c.Contacts.Get(ctx, account, v.ContactID)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return r, err
		}
		contact.ID = v.ContactID
		r.people[v.ContactID] = contact
	}
	return r, nil
}

// channel is one of the account's; the zero one if it is gone.
func (k known) channel(id int64) providers.Channel {
	at := slices.IndexFunc(k.channels, func(h providers.Channel) bool { return h.ID == id })
	if at < 0 {
		return providers.Channel{ID: id}
	}
	return k.channels[at]
}

// conversation is one as it is shown, with its last messages.
func (c *Server) conversation(ctx context.Context, r around, v conversations.Conversation) (map[string]any, error) {
	last, err := c.Conversations.Entries(ctx, conversations.Entries{AccountID: v.AccountID, ConversationID: v.ID, Limit: 1})
	if err != nil {
		return nil, err
	}
	shown := []any{}
	for _, e := range last {
		shown = append(shown, r.message(v, e))
	}
	contact, channel := r.people[v.ContactID], r.channel(v.ChannelID)
	labels := v.Labels
	if labels == nil {
		labels = []string{}
	}
	var said any
	if len(shown) > 0 {
		said = shown[0]
	}
	return map[string]any{
		"id": v.Number, "uuid": v.UUID, "account_id": v.AccountID, "inbox_id": v.ChannelID, "status": v.Status, "labels": labels,
		"meta":     map[string]any{"sender": r.person(contact), "channel": inboxType(channel.Address), "hmac_verified": false},
		"messages": shown, "last_non_activity_message": said, "additional_attributes": v.Additional, "custom_attributes": v.Custom,
		"agent_last_seen_at": 0, "assignee_last_seen_at": 0, "contact_last_seen_at": 0, "can_reply": true, "muted": false, "snoozed_until": nil,
		"created_at": v.CreatedAt.Unix(), "updated_at": seconds(v.UpdatedAt), "timestamp": v.LastActivityAt.Unix(),
		"first_reply_created_at": 0, "unread_count": 0, "last_activity_at": v.LastActivityAt.Unix(), "priority": nil, "waiting_since": 0,
		"sla_policy_id": nil,
	}, nil
}

// seconds are those of an instant, with parts.
func seconds(at time.Time) float64 { return float64(at.UnixMilli()) / 1000 }

// oneConversation is a conversation as it is shown alone.
func (c *Server) oneConversation(ctx context.Context, v conversations.Conversation) (any, error) {
	r, err := c.around(ctx, v.AccountID, v)
	if err != nil {
		return nil, err
	}
	return c.conversation(ctx, r, v)
}

func (c *Server) manyConversations(ctx context.Context, account int64, list []conversations.Conversation) ([]any, error) {
	r, err := c.around(ctx, account, list...)
	if err != nil {
		return nil, err
	}
	shown := []any{}
	for _, v := range list {
		out, err := c.conversation(ctx, r, v)
		if err != nil {
			return nil, err
		}
		shown = append(shown, out)
	}
	return shown, nil
}

func (c *Server) listConversations(ctx context.Context, a asked) (any, error) {
	page, _ := a.page()
	f := conversations.Filter{
		AccountID: a.account(), ChannelID: a.given.number("inbox_id"), Labels: a.given.texts("labels"), Text: strings.TrimSpace(a.given.text("q")),
		Offset: (page - 1) * conversationsAtOnce, Limit: conversationsAtOnce,
	}
	switch status := a.given.text("status"); status {
	case "":
		f.Status = conversations.Open
	case "all":
	default:
		f.Status = conversations.Status(status)
	}
	list, total, err := c.Conversations.List(ctx, f)
	if err == nil {
		err = gate.NoteReading(ctx, c.Trail, gate.Reading{
			Caller: a.caller, Action: "list-conversations", Target: "conversation", Through: "Chatwoot", Items: len(list), Further: page > 1,
		})
	}
	if err != nil {
		return nil, err
	}
	if slices.Contains([]string{"me", "assigned"}, a.given.text("assignee_type")) {
		list = nil // nobody is assigned here
	}
	shown, err := c.manyConversations(ctx, a.account(), list)
	meta := map[string]any{"mine_count": 0, "assigned_count": 0, "unassigned_count": total, "all_count": total}
	return map[string]any{"data": map[string]any{"meta": meta, "payload": shown}}, err
}

// countConversations is what is said of a list, without it.
func (c *Server) countConversations(ctx context.Context, a asked) (any, error) {
	list, err := c.listConversations(ctx, a)
	if err != nil {
		return nil, err
	}
	data, _ := list.(map[string]any)["data"].(map[string]any)
	return map[string]any{"meta": data["meta"]}, nil
}

func (c *Server) contactConversations(ctx context.Context, a asked) (any, error) {
	if _, err := c.contact(ctx, a); err != nil {
		return nil, err
	}
	const most = 20
	list, _, err := c.Conversations.List(ctx, conversations.Filter{AccountID: a.account(), ContactID: a.ids[0], Limit: most, Uncounted: true})
	if err != nil {
		return nil, err
	}
	shown, err := c.manyConversations(ctx, a.account(), list)
	return map[string]any{"payload": shown}, err
}

// meant are the contact and the inbox of a new conversation: those that are named, or those
// of a source that is known.
func (c *Server) meant(ctx context.Context, a asked) (contact contacts.Contact, channel providers.Channel, source string, err error) {
	source = strings.TrimSpace(a.given.text("source_id"))
	channels, err := c.channels(ctx, a.account())
	if err != nil {
		return contact, channel, source, err
	}
	if id := a.given.number("inbox_id"); id != 0 {
		channels = slices.DeleteFunc(channels, func(h providers.Channel) bool { return h.ID != id })
	}
	var found *contacts.Contact
	for _, h := range channels {
		if source == "" {
			break
		}
		if found, err = c.ofSource(ctx, a.account(), h, source); err != nil {
			return contact, channel, source, err
		}
		if found != nil {
			channel = h
			break
		}
	}
	nowhere := fault.New(fault.NotFound, "name an inbox and a contact, or a source_id that is known")
	id := a.given.number("contact_id")
	switch {
	case id == 0 && found == nil, id != 0 && (a.given.number("inbox_id") == 0 && found == nil || len(channels) == 0):
		return contact, channel, source, nowhere
	case id == 0:
		return *found, channel, source, nil
	case found != nil && found.ID != id:
		return contact, channel, source, refuse("source_id should be unique")
	case found == nil:
		channel = channels[0]
	}
	if contact, err = c.Contacts.Get(ctx, a.account(), id); err == nil && contact.Status == contacts.Deleted {
		err = nowhere
	}
	return contact, channel, source, err
}

// ofSource is who is called so in an inbox; nil if nobody is.
func (c *Server) ofSource(ctx context.Context, account int64, channel providers.Channel, source string) (*contacts.Contact, error) {
	address := source
	if channel.Address == providers.WhatsApp && !strings.HasPrefix(source, "+") {
		address = "+" + source
	}
	if channel.Address == providers.Email {
		address = strings.ToLower(source)
	}
	list, err := c.Contacts.Search(ctx, contacts.ContactFilter{AccountID: account, Kind: channel.Address, Address: address, Limit: 1})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

func (c *Server) createConversation(ctx context.Context, a asked) (any, error) {
	contact, channel, source, err := c.meant(ctx, a)
	if err != nil {
		return nil, err
	}
	said := given(a.given.object("message"))
	if said != nil {
		// What can't be said opens no conversation.
		if _, err := c.readMessage(asked{caller: a.caller, given: said}, channel); err != nil {
			return nil, err
		}
	}
	if source, err = c.reach(ctx, contact, channel, source); err != nil {
		return nil, err
	}
	v := conversations.Conversation{
		AccountID: a.account(), ChannelID: channel.ID, ContactID: contact.ID, SourceID: source, Status: conversations.Status(a.given.text("status")),
		Custom: a.object("custom_attributes"), Additional: a.object("additional_attributes"),
	}
	if v, err = c.Conversations.Create(ctx, v); err != nil {
		return nil, err
	}
	if said != nil {
		if _, err := c.say(ctx, asked{caller: a.caller, given: said}, v, channel); err != nil {
			return nil, err
		}
	}
	return c.oneConversation(ctx, v)
}

// object is an object that is kept as it is.
func (a asked) object(name string) json.RawMessage {
	if object := a.given.object(name); object != nil {
		return encoded(object)
	}
	return nil
}

func (c *Server) showConversation(ctx context.Context, a asked) (any, error) {
	v, err := c.Conversations.Get(ctx, a.account(), a.ids[0])
	if err != nil {
		return nil, err
	}
	return c.oneConversation(ctx, v)
}

func (c *Server) toggleStatus(ctx context.Context, a asked) (any, error) {
	v, err := c.Conversations.Get(ctx, a.account(), a.ids[0])
	if err != nil {
		return nil, err
	}
	to := conversations.Status(a.given.text("status"))
	if to == "" {
		if to = conversations.Resolved; v.Status != conversations.Open {
			to = conversations.Open
		}
	}
	if v, err = c.Conversations.Update(ctx, a.account(), a.ids[0], conversations.Change{Status: &to}); err != nil {
		return nil, err
	}
	return map[string]any{"payload": map[string]any{
		"success": true, "conversation_id": v.Number, "current_status": v.Status, "snoozed_until": nil,
	}}, nil
}

func (c *Server) conversationLabels(ctx context.Context, a asked) (any, error) {
	v, err := c.Conversations.Get(ctx, a.account(), a.ids[0])
	if err != nil {
		return nil, err
	}
	return map[string]any{"payload": append([]string{}, v.Labels...)}, nil
}

func (c *Server) labelConversation(ctx context.Context, a asked) (any, error) {
	labels := []string{}
	for _, title := range a.given.texts("labels") {
		if title = strings.ToLower(strings.TrimSpace(title)); !slices.Contains(labels, title) {
			labels = append(labels, title)
		}
	}
	v, err := c.Conversations.Update(ctx, a.account(), a.ids[0], conversations.Change{Labels: &labels})
	if err != nil {
		return nil, err
	}
	return map[string]any{"payload": append([]string{}, v.Labels...)}, nil
}

func (c *Server) conversationAttributes(ctx context.Context, a asked) (any, error) {
	custom := a.object("custom_attributes")
	if custom == nil {
		custom = json.RawMessage("{}")
	}
	v, err := c.Conversations.Update(ctx, a.account(), a.ids[0], conversations.Change{Custom: custom})
	if err != nil {
		return nil, err
	}
	return map[string]any{"custom_attributes": v.Custom}, nil
}
