package chatwoot

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"carillon/conversations"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/templates"
)

// status is a message's as Chatwoot calls it: what was taken here counts as sent there.
func status(state messages.State) string {
	switch state {
	case messages.Delivered:
		return "delivered"
	case messages.Read:
		return "read"
	case messages.Failed, messages.Rejected, messages.Skipped, messages.Canceled:
		return "failed"
	default:
		return "sent"
	}
}

const (
	deletedText  = "This message was deleted"
	typeIncoming = 0
	typeOutgoing = 1
)

// content is what an entry says, and its attributes.
func content(e conversations.Entry) (text any, attributes map[string]any) {
	attributes, _ = objectOf(e.Attributes)
	if attributes == nil {
		attributes = map[string]any{}
	}
	if e.DeletedAt != nil {
		return deletedText, map[string]any{"deleted": true}
	}
	if status(e.State) == "failed" && e.Reason != "" {
		attributes["external_error"] = e.Reason
	}
	return orNull(e.Text), attributes
}

// message is an entry as it is shown.
func (r around) message(v conversations.Conversation, e conversations.Entry) map[string]any {
	text, attributes := content(e)
	kind, state := typeOutgoing, status(e.State)
	if e.Direction == conversations.Incoming {
		kind, state = typeIncoming, "sent"
	}
	if e.Private {
		state = "sent"
	}
	out := map[string]any{
		"id": e.ID, "content": text, "inbox_id": v.ChannelID, "conversation_id": v.Number, "message_type": kind, "content_type": e.Kind, "status": state,
		"content_attributes": attributes, "created_at": e.CreatedAt.Unix(), "private": e.Private, "source_id": orNull(e.SourceID),
	}
	if e.Direction == conversations.Incoming {
		out["sender"] = r.person(r.people[v.ContactID])
	}
	if a := e.Attachment; a != nil && e.DeletedAt == nil {
		out["attachments"] = []any{attachment(v, e)}
	}
	return out
}

// attachment is a file as it is shown. It has the message's id: there is one.
func attachment(v conversations.Conversation, e conversations.Entry) map[string]any {
	kind := "file"
	name := strings.ToLower(e.Attachment.Filename + " " + e.Attachment.URL)
	for _, end := range []string{".png", ".jpg", ".jpeg", ".gif", ".webp"} {
		if strings.HasSuffix(name, end) {
			kind = "image"
		}
	}
	return map[string]any{
		"id": e.ID, "message_id": e.ID, "file_type": kind, "account_id": v.AccountID, "data_url": e.Attachment.URL, "thumb_url": "", "file_size": 0,
		"extension": nil, "fallback_title": orNull(e.Attachment.Filename),
	}
}

// Pages of messages.
const (
	lastMessages  = 20
	laterMessages = 100
)

func (c *Server) listMessages(ctx context.Context, a asked) (any, error) {
	v, err := c.Conversations.Get(ctx, a.account(), a.ids[0])
	if err != nil {
		return nil, err
	}
	f := conversations.Entries{AccountID: a.account(), ConversationID: v.ID, Before: a.given.number("before"), After: a.given.number("after"), Limit: lastMessages}
	if f.After != 0 {
		f.Limit = laterMessages
	}
	list, err := c.Conversations.Entries(ctx, f)
	if err != nil {
		return nil, err
	}
	r, err := c.around(ctx, a.account(), v)
	if err != nil {
		return nil, err
	}
	shown := []any{}
	for _, e := range list {
		shown = append(shown, r.message(v, e))
	}
	return map[string]any{
		"meta": map[string]any{
			"labels": append([]string{}, v.Labels...), "additional_attributes": v.Additional, "contact": r.person(r.people[v.ContactID]),
			"agent_last_seen_at": 0, "assignee_last_seen_at": 0,
		},
		"payload": shown,
	}, nil
}

// draft is a message that was read.
type draft struct {
	entry    conversations.Entry
	incoming bool
	// named is the template that it speaks; nil for none.
	named *templates.Use
	said  providers.Content
	data  map[string]any
	// params are the template_params themselves, for a provider that has templates of its own.
	params string
	// kind is that of the addresses of the inbox.
	kind providers.AddressKind
}

// withItems are the kinds of content that consist of items.
var withItems = []string{"cards", "input_select", "form", "article"}

// kinds are those of content.
var kinds = append([]string{
	"text", "input_text", "input_textarea", "input_email", "incoming_email", "input_csat", "integrations", "sticker", "voice_call",
}, withItems...)

func validation(text string) error { return refuse("Validation failed: " + text) }

// readMessage reads a message, and refuses what there can't be.
func (c *Server) readMessage(a asked, channel providers.Channel) (d draft, err error) {
	g := a.given
	d.kind = channel.Address
	d.entry = conversations.Entry{
		AccountID: a.account(), Text: g.text("content"), Kind: g.text("content_type"), Private: g.boolean("private", false), SourceID: g.text("source_id"),
		Direction: conversations.Outgoing,
	}
	if d.entry.Kind == "" {
		d.entry.Kind = "text"
	}
	switch kind := g.text("message_type"); kind {
	case "", "outgoing", "1":
	case "incoming", "0":
		d.incoming = true
		if inboxType(channel.Address) != "Channel::Api" {
			return d, refuse("Incoming messages are only allowed in Api inboxes")
		}
	default:
		return d, refuse("'" + kind + "' is not a valid message_type")
	}
	if utf8.RuneCountInString(d.entry.Text) > conversations.MaxText {
		return d, validation(fmt.Sprintf("Content is too long (maximum is %d characters)", conversations.MaxText))
	}
	if !slices.Contains(kinds, d.entry.Kind) {
		return d, refuse("'" + d.entry.Kind + "' is not a valid content_type")
	}
	attributes := g.object("content_attributes")
	if attributes != nil {
		d.entry.Attributes = encoded(attributes)
	}
	if slices.Contains(withItems, d.entry.Kind) && len(given(attributes).list("items")) == 0 {
		return d, validation("Content attributes At least one item is required.")
	}
	if err := d.template(g, channel.Address); err != nil {
		return d, err
	}
	d.said.Text, d.data = "{{ row.content }}", map[string]any{"content": d.entry.Text}
	if d.entry.Text == "" {
		d.said.Text, d.data = "", nil
	}
	d.said.Buttons = buttonsOf(d.entry.Kind, given(attributes).list("items"))
	if files := a.form.Files("attachments"); len(files) > 1 {
		return d, refuse("one file goes with a message: send the others in messages of their own")
	}
	return d, nil
}

// template reads template_params, in any of their forms.
func (d *draft) template(g given, kind providers.AddressKind) error {
	if !g.has("template_params") || g["template_params"] == nil || g["template_params"] == "" {
		return nil
	}
	object := given(g.object("template_params"))
	if object == nil {
		return validation("Additional attributes template_params must be of type hash")
	}
	use, err := templateOf(object, kind)
	if err != nil {
		return err
	}
	d.named, d.params = &use, string(encoded(object))
	d.entry.Additional = encoded(map[string]any{"template_params": object})
	return nil
}

// buttonsOf are the buttons of cards and of a choice.
func buttonsOf(kind string, items []any) (buttons []providers.MessageButton) {
	add := func(b providers.MessageButton) {
		if letters := []rune(b.Caption); len(letters) > providers.MaxCaption {
			b.Caption = string(letters[:providers.MaxCaption])
		}
		if b.Caption != "" && len(buttons) < providers.MaxButtons && !strings.ContainsAny(b.Caption+b.Info, "{}") {
			buttons = append(buttons, b)
		}
	}
	for _, item := range items {
		object, _ := item.(map[string]any)
		g := given(object)
		switch kind {
		case "input_select":
			add(providers.MessageButton{Type: providers.ButtonPostback, Caption: g.text("title"), Info: g.text("value")})
		case "article":
			add(providers.MessageButton{Type: providers.ButtonLink, Caption: g.text("title"), Info: g.text("link")})
		case "cards":
			for _, action := range g.list("actions") {
				object, _ := action.(map[string]any)
				b := providers.MessageButton{Type: providers.ButtonLink, Caption: given(object).text("text"), Info: given(object).text("uri")}
				if given(object).text("type") == "postback" {
					b.Type, b.Info = providers.ButtonPostback, given(object).text("payload")
				}
				add(b)
			}
		}
	}
	return buttons
}

// say does what a message says in a conversation.
func (c *Server) say(ctx context.Context, a asked, v conversations.Conversation, channel providers.Channel) (e conversations.Entry, err error) {
	d, err := c.readMessage(a, channel)
	if err != nil {
		return e, err
	}
	d.entry.ConversationID = v.ID
	switch {
	case d.entry.Private:
		return c.Conversations.Note(ctx, d.entry)
	case d.incoming:
		contact, err := c.Contacts.Get(ctx, a.account(), v.ContactID)
		if err != nil {
			return e, err
		}
		e, err := c.Conversations.Hear(ctx, v, channel, contact, d.entry)
		return e, saidOfMessage(err)
	}
	if err := c.attach(ctx, a, &d); err != nil {
		return e, err
	}
	if d.named == nil && d.said.Empty() {
		return e, validation("Content can't be blank")
	}
	n := messages.Notification{Content: d.said, Data: d.data}
	if d.named != nil {
		n.Metadata = map[string]string{"template_params": d.params}
	}
	if e, err = c.deliver(ctx, v, n, d); err != nil {
		return e, saidOfMessage(err)
	}
	c.wake()
	return e, nil
}

// deliver sends a message. One with a template says what the template says, where the
// catalogue has it; else what stands in the message is what is sent. Text is Liquid there, and
// what is none is text.
func (c *Server) deliver(ctx context.Context, v conversations.Conversation, n messages.Notification, d draft) (conversations.Entry, error) {
	if d.named != nil {
		spoken := n
		spoken.Content, spoken.Data, spoken.Template = providers.Content{}, nil, d.named
		e, err := c.Conversations.Say(ctx, v, spoken, d.entry)
		if !missingTemplate(err) || d.said.Empty() {
			return e, err
		}
	}
	if len(d.said.Buttons) == 0 { // which may stand in what is sent as lines
		d.entry.Text = ""
	}
	if text, _ := n.Data["content"].(string); strings.Contains(text, "{{") || strings.Contains(text, "{%") {
		filled := n
		filled.Content.Text, filled.Data = liquidOf(text, d.kind), nil
		if e, err := c.Conversations.Say(ctx, v, filled, d.entry); !fault.Is(err, fault.Invalid) {
			return e, err
		}
	}
	return c.Conversations.Say(ctx, v, n, d.entry)
}

// saidOfMessage says what is wrong with a message as errors of messages are said.
func saidOfMessage(err error) error {
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.Conflict) {
		return refuse("Validation failed: " + invalidOf(err, err.Error()).Message)
	}
	return err
}

func (c *Server) createMessage(ctx context.Context, a asked) (any, error) {
	v, err := c.Conversations.Get(ctx, a.account(), a.ids[0])
	if err != nil {
		return nil, err
	}
	channel, err := c.Channels.Get(ctx, a.account(), v.ChannelID)
	if err != nil {
		return nil, err
	}
	e, err := c.say(ctx, a, v, channel)
	if err != nil {
		return nil, err
	}
	r, err := c.around(ctx, a.account(), v)
	if err != nil {
		return nil, err
	}
	out := r.message(v, e)
	if echo := a.given.text("echo_id"); echo != "" {
		out["echo_id"] = echo
	}
	return out, nil
}

// entry is the message that the path names, in its conversation.
func (c *Server) entry(ctx context.Context, a asked) (v conversations.Conversation, e conversations.Entry, err error) {
	if v, err = c.Conversations.Get(ctx, a.account(), a.ids[0]); err != nil {
		return v, e, err
	}
	if e, err = c.Conversations.Entry(ctx, a.account(), a.ids[1]); err == nil && e.ConversationID != v.ID {
		err = fault.New(fault.NotFound, "there is no such message in this conversation")
	}
	return v, e, err
}

// showEntry is a message as it is shown alone.
func (c *Server) showEntry(ctx context.Context, v conversations.Conversation, e conversations.Entry) (any, error) {
	r, err := c.around(ctx, v.AccountID, v)
	if err != nil {
		return nil, err
	}
	return r.message(v, e), nil
}

// updateMessage takes what a program of an API inbox says became of a message.
func (c *Server) updateMessage(ctx context.Context, a asked) (any, error) {
	v, e, err := c.entry(ctx, a)
	if err != nil {
		return nil, err
	}
	channel, err := c.Channels.Get(ctx, a.account(), v.ChannelID)
	if err != nil {
		return nil, err
	}
	if inboxType(channel.Address) != "Channel::Api" {
		return nil, &refusal{http.StatusForbidden, failure{"Message status update is only allowed for API inboxes"}}
	}
	became, known := map[string]providers.ReceiptStatus{
		"delivered": providers.ReceiptDelivered, "read": providers.ReceiptRead, "failed": providers.ReceiptFailed, "sent": "",
	}[a.given.text("status")]
	if !known || e.MessageID == 0 {
		return nil, refuse("Status is invalid")
	}
	if became != "" {
		err := c.Reports.Receive(ctx, channel.ID, []providers.Receipt{{MessageID: e.MessageID, Status: became, Detail: a.given.text("external_error")}})
		if err != nil {
			return nil, err
		}
		if e, err = c.Conversations.Entry(ctx, a.account(), e.ID); err != nil {
			return nil, err
		}
	}
	return c.showEntry(ctx, v, e)
}

func (c *Server) deleteMessage(ctx context.Context, a asked) (any, error) {
	v, e, err := c.entry(ctx, a)
	if err != nil {
		return nil, err
	}
	if e, err = c.Conversations.Hide(ctx, a.account(), e.ID); err != nil {
		return nil, err
	}
	return c.showEntry(ctx, v, e)
}

// retryMessage sends a message again that failed.
func (c *Server) retryMessage(ctx context.Context, a asked) (any, error) {
	v, e, err := c.entry(ctx, a)
	if err != nil {
		return nil, err
	}
	if e.MessageID != 0 {
		if _, err := c.Messages.Resend(ctx, a.account(), e.MessageID, a.caller.Actor()); err != nil {
			return nil, saidOfMessage(err)
		}
		c.wake()
		if e, err = c.Conversations.Entry(ctx, a.account(), e.ID); err != nil {
			return nil, err
		}
	}
	return c.showEntry(ctx, v, e)
}

// attach takes a file in that came with a message: providers fetch it.
func (c *Server) attach(ctx context.Context, a asked, d *draft) error {
	came, has := a.form.File("attachments")
	if !has {
		return nil
	}
	f, err := c.Files.Keep(ctx, messages.File{AccountID: a.account(), Name: came.Name, ContentType: came.ContentType}, bytes.NewReader(came.Content))
	if err != nil {
		return saidOfMessage(err)
	}
	d.said.Attachment = &providers.Attachment{URL: c.Files.Address(f, a.request.Host), Filename: f.Name}
	return nil
}
