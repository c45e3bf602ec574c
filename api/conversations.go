package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"carillon/access"
	"carillon/api/gate"
	"carillon/conversations"
	"carillon/internal/fault"
	"carillon/internal/naming"
	"carillon/messages"
	"carillon/providers"
)

// Conversation is what is said with a contact through a channel, until it is resolved.
type Conversation struct {
	ID             int64           `json:"id"`
	Number         int64           `json:"number" doc:"Its place among those of the account, from 1: by it Chatwoot's clients know it."`
	ChannelID      int64           `json:"channel_id"`
	ContactID      int64           `json:"contact_id"`
	Status         string          `json:"status" enum:"open,resolved,pending,snoozed"`
	Labels         []string        `json:"labels"`
	Custom         json.RawMessage `json:"custom_attributes" personal:"texts" doc:"What programs keep of it: an object."`
	Additional     json.RawMessage `json:"additional_attributes" personal:"texts" doc:"What programs keep beside: an object."`
	SourceID       string          `json:"source_id,omitempty" personal:"addresses" doc:"How whoever opened it calls the contact in the channel."`
	CreatedAt      time.Time       `json:"created_at"`
	UpdatedAt      time.Time       `json:"updated_at"`
	LastActivityAt time.Time       `json:"last_activity_at"`
	ResolvedAt     *time.Time      `json:"resolved_at,omitempty"`
}

func (c Conversation) identity() int64 { return c.ID }

// ConversationEntry is something that was said in a conversation, or noted about it.
type ConversationEntry struct {
	ID         int64                 `json:"id"`
	Direction  string                `json:"direction" enum:"incoming,outgoing" doc:"incoming is what the contact said."`
	Private    bool                  `json:"private,omitempty" doc:"A note, which is sent to nobody."`
	MessageID  int64                 `json:"message_id,omitempty" doc:"The message that it went out as."`
	ReplyID    int64                 `json:"reply_id,omitempty" doc:"The reply that it came in as."`
	Kind       string                `json:"kind" doc:"text, or what else programs call it, such as cards."`
	Text       string                `json:"text,omitempty" personal:"texts" doc:"What is shown of it; absent where that is hidden or kept no more."`
	Attachment *providers.Attachment `json:"attachment,omitempty" personal:"texts" doc:"The file that went along."`
	Attributes json.RawMessage       `json:"attributes" personal:"texts" doc:"What programs keep of it: an object."`
	SourceID   string                `json:"source_id,omitempty" personal:"texts"`
	State      string                `json:"state,omitempty" doc:"Of what was sent: where the message is now."`
	Reason     string                `json:"reason,omitempty"`
	CreatedAt  time.Time             `json:"created_at"`
	HiddenAt   *time.Time            `json:"hidden_at,omitempty" doc:"Since when it is hidden; what was sent was sent."`
}

// ConversationInput is what a conversation is made of.
type ConversationInput struct {
	ChannelID int64           `json:"channel_id,omitempty" minimum:"1" doc:"On which channel; channel may say it instead."`
	Channel   naming.Ref      `json:"channel,omitzero" kind:"channel" needed:"true" doc:"Instead of channel_id: the channel, by its id or its name."`
	ContactID int64           `json:"contact_id" minimum:"1"`
	Status    string          `json:"status,omitempty" enum:"open,resolved,pending,snoozed" doc:"open if absent."`
	Labels    []string        `json:"labels,omitempty" maxItems:"100" doc:"Free words, of 1 to 255 letters."`
	Custom    json.RawMessage `json:"custom_attributes,omitempty" doc:"What programs keep of it: an object."`
	SourceID  string          `json:"source_id,omitempty" maxLength:"255"`
}

// ConversationChange is what is to become of a conversation; what is absent stays.
type ConversationChange struct {
	Status *string         `json:"status,omitempty" enum:"open,resolved,pending,snoozed"`
	Labels *[]string       `json:"labels,omitempty" maxItems:"100" doc:"Those that it has from then on; none takes them off."`
	Custom json.RawMessage `json:"custom_attributes,omitempty" doc:"Instead of what is kept: an object."`
}

// ConversationMessage is what is to be said in a conversation.
type ConversationMessage struct {
	Content  MessageContent    `json:"content" doc:"Liquid in every text: contact of the contact, row of data; or a template."`
	Data     map[string]any    `json:"data,omitempty" doc:"Values for the templates: row.<name>."`
	Metadata map[string]string `json:"metadata,omitempty" doc:"Travels to providers that echo it."`
}

// ConversationNote is a private note.
type ConversationNote struct {
	Text string `json:"text" minLength:"1" maxLength:"150000" doc:"Sent to nobody."`
}

type createConversation struct{ Body ConversationInput }

type changeConversation struct {
	ByID
	Body ConversationChange
}

type sayInConversation struct {
	ByID
	Body ConversationMessage
}

type noteConversation struct {
	ByID
	Body ConversationNote
}

type hideEntry struct {
	ByID
	EntryID int64 `path:"entry_id" minimum:"1"`
}

type listConversations struct {
	Paged
	Status    string     `query:"status" enum:"open,resolved,pending,snoozed"`
	ContactID int64      `query:"contact_id" minimum:"1"`
	ChannelID naming.Ref `query:"channel_id" kind:"channel" doc:"Only those on this channel, by its id or its name."`
	Label     string     `query:"label" maxLength:"255" doc:"Only those with this label."`
	Query     string     `query:"q" maxLength:"200" doc:"Occurs in a note, in what a program told of a message, or in the contact's name."`
}

func conversationView(c conversations.Conversation) Conversation {
	return Conversation{
		ID: c.ID, Number: c.Number, ChannelID: c.ChannelID, ContactID: c.ContactID, Status: string(c.Status), Labels: append([]string{}, c.Labels...),
		Custom: c.Custom, Additional: c.Additional, SourceID: c.SourceID, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt, LastActivityAt: c.LastActivityAt,
		ResolvedAt: timestamp(c.ResolvedAt),
	}
}

func conversationOut(c conversations.Conversation, err error) (*one[Conversation], error) {
	if err != nil {
		return nil, err
	}
	return &one[Conversation]{conversationView(c)}, nil
}

func entryView(e conversations.Entry) ConversationEntry {
	view := ConversationEntry{
		ID: e.ID, Direction: string(e.Direction), Private: e.Private, MessageID: e.MessageID, ReplyID: e.ReplyID, Kind: e.Kind, Text: e.Text,
		Attachment: e.Attachment, Attributes: e.Attributes, SourceID: e.SourceID, CreatedAt: e.CreatedAt, HiddenAt: timestamp(e.DeletedAt),
	}
	if e.MessageID != 0 {
		view.State, view.Reason = e.State.String(), e.Reason
	}
	return view
}

func entryOut(e conversations.Entry, err error) (*one[ConversationEntry], error) {
	if err != nil {
		return nil, err
	}
	return &one[ConversationEntry]{entryView(e)}, nil
}

// behind is the place that a cursor of conversations names.
func (in *listConversations) behind() (p conversations.Place, err error) {
	if in.Cursor == "" {
		return p, nil
	}
	text, err := in.text()
	if err == nil {
		var millis int64
		if _, err = fmt.Sscanf(text, "%d.%d", &millis, &p.ID); err == nil && p.ID > 0 {
			p.At = time.UnixMilli(millis)
			return p, nil
		}
	}
	return p, fault.InvalidField("query.cursor", in.Cursor, "is no cursor of this list: take next_cursor of a page, or none")
}

// conversationPage are conversations, those of late first.
func (s *Server) conversationPage(ctx context.Context, caller access.Caller, in *listConversations) (*pageOut[Conversation], error) {
	behind, err := in.behind()
	if err != nil {
		return nil, err
	}
	f := conversations.Filter{
		AccountID: caller.AccountID, ContactID: in.ContactID, ChannelID: in.ChannelID.ID, Status: conversations.Status(in.Status), Text: in.Query,
		Behind: behind, Limit: in.Limit + 1, Uncounted: true,
	}
	if in.Label != "" {
		f.Labels = []string{in.Label}
	}
	list, _, err := s.Conversations.List(ctx, f)
	if err != nil {
		return nil, err
	}
	return page(list, in.Limit, conversationView, func(c conversations.Conversation) string {
		return fmt.Sprintf("%d.%d", c.LastActivityAt.UnixMilli(), c.ID)
	}), nil
}

// updateConversation changes a conversation that is named by its id.
func (s *Server) updateConversation(ctx context.Context, caller access.Caller, in *changeConversation) (*one[Conversation], error) {
	c, err := s.Conversations.Of(ctx, caller.AccountID, in.ID)
	if err != nil {
		return nil, err
	}
	change := conversations.Change{Labels: in.Body.Labels, Custom: in.Body.Custom}
	if in.Body.Status != nil {
		status := conversations.Status(*in.Body.Status)
		change.Status = &status
	}
	return conversationOut(s.Conversations.Update(ctx, caller.AccountID, c.Number, change))
}

// entryPage is what was said in a conversation, the newest first.
func (s *Server) entryPage(ctx context.Context, caller access.Caller, in *struct {
	ByID
	Paged
}) (*pageOut[ConversationEntry], error) {
	before, err := in.position()
	if err != nil {
		return nil, err
	}
	if _, err := s.Conversations.Of(ctx, caller.AccountID, in.ID); err != nil {
		return nil, err
	}
	list, err := s.Conversations.Entries(ctx, conversations.Entries{
		AccountID: caller.AccountID, ConversationID: in.ID, Before: before, Limit: in.Limit + 1, NewestFirst: true,
	})
	if err != nil {
		return nil, err
	}
	return page(list, in.Limit, entryView, func(e conversations.Entry) string { return idKey(e.ID) }), nil
}

func (s *Server) conversationRoutes() {
	const path, tag = "/v1/conversations", "conversations"
	register(s, operation{reads: readsPeople, id: "list-conversations", method: http.MethodGet, path: path, tag: tag,
		doc: "List conversations, those of late first", roles: mayLook,
		more: "A conversation begins when somebody opens one, or when a contact writes and the account has conversations."}, s.conversationPage)
	register(s, operation{id: "create-conversation", method: http.MethodPost, path: path, tag: tag, doc: "Open a conversation with a contact",
		status: http.StatusCreated, roles: mayEdit,
		more: "Each is a new one. From the account's first on, what contacts write stands in conversations."},
		func(ctx context.Context, caller access.Caller, in *createConversation) (*one[Conversation], error) {
			b := in.Body
			return conversationOut(s.Conversations.Create(ctx, conversations.Conversation{
				AccountID: caller.AccountID, ChannelID: b.ChannelID, ContactID: b.ContactID, Status: conversations.Status(b.Status), Labels: b.Labels,
				Custom: b.Custom, SourceID: b.SourceID,
			}))
		})
	register(s, operation{id: "get-conversation", method: http.MethodGet, path: path + "/{id}", tag: tag, doc: "Show a conversation", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[Conversation], error) {
			return conversationOut(s.Conversations.Of(ctx, caller.AccountID, in.ID))
		})
	register(s, operation{id: "update-conversation", method: http.MethodPatch, path: path + "/{id}", tag: tag,
		doc: "Resolve a conversation, open it again, or label it", roles: mayEdit,
		more: "What the contact writes to a resolved one begins another."}, s.updateConversation)
	register(s, operation{reads: readsPeople, id: "list-conversation-entries", method: http.MethodGet, path: path + "/{id}/entries", tag: tag,
		doc: "List what was said in a conversation, newest first", roles: mayLook,
		more: "Messages, replies, and private notes."}, s.entryPage)
	register(s, operation{id: "send-conversation-message", method: http.MethodPost, path: path + "/{id}/messages", tag: tag,
		doc: "Send a message in a conversation", status: http.StatusAccepted, roles: gate.Roles{access.Admin, access.Editor, access.Sender}, unaudited: true,
		more: "It goes as any single message does, to the conversation's contact on its channel. " +
			"Give an Idempotency-Key, so that a repeated request does not send twice."},
		func(ctx context.Context, caller access.Caller, in *sayInConversation) (*one[ConversationEntry], error) {
			c, err := s.Conversations.Of(ctx, caller.AccountID, in.ID)
			if err != nil {
				return nil, err
			}
			n := messages.Notification{Content: in.Body.Content.Content, Template: in.Body.Content.Template, Data: in.Body.Data, Metadata: in.Body.Metadata}
			return entryOut(s.Conversations.Say(ctx, c, n, conversations.Entry{}))
		})
	register(s, operation{id: "note-conversation", method: http.MethodPost, path: path + "/{id}/notes", tag: tag,
		doc: "Put a private note into a conversation", status: http.StatusCreated, roles: mayEdit, unaudited: true, more: "It is sent to nobody."},
		func(ctx context.Context, caller access.Caller, in *noteConversation) (*one[ConversationEntry], error) {
			return entryOut(s.Conversations.Note(ctx, conversations.Entry{AccountID: caller.AccountID, ConversationID: in.ID, Text: in.Body.Text}))
		})
	register(s, operation{id: "hide-conversation-entry", method: http.MethodDelete, path: path + "/{id}/entries/{entry_id}", tag: tag,
		doc: "Hide what was said for good", status: http.StatusNoContent, roles: mayEdit,
		more: "Its text is forgotten in the conversation. What was sent was sent: the message stays as it is."},
		func(ctx context.Context, caller access.Caller, in *hideEntry) (*struct{}, error) {
			e, err := s.Conversations.Entry(ctx, caller.AccountID, in.EntryID)
			if err == nil && e.ConversationID != in.ID {
				err = fault.New(fault.NotFound, "nothing was said under %d in conversation %d", in.EntryID, in.ID)
			}
			if err == nil {
				_, err = s.Conversations.Hide(ctx, caller.AccountID, in.EntryID)
			}
			return nil, err
		})
}
