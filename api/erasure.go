package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"carillon/access"
	"carillon/campaigns/flows"
	"carillon/contacts"
	"carillon/conversations"
	"carillon/messages"
	"carillon/providers"
)

// EraseInput says whether to erase, or only what that would do.
type EraseInput struct {
	DryRun bool `json:"dry_run,omitempty" doc:"Change nothing; say what would be erased."`
}

// Erasure is what was, or would be, erased of a person.
type Erasure struct {
	ContactID int64            `json:"contact_id"`
	DryRun    bool             `json:"dry_run"`
	Rows      map[string]int64 `json:"rows" doc:"Rows in which something is emptied or removed, by table."`
	Skipped   int64            `json:"skipped" doc:"Messages that waited for the person."`
	Hashes    int64            `json:"hashes" doc:"Addresses of which a hash stays, so that nobody writes to them again."`
}

// ContactExport is everything that is known of a contact.
type ContactExport struct {
	ExportedAt   time.Time         `json:"exported_at"`
	Contact      Contact           `json:"contact"`
	Memberships  []Membership      `json:"memberships"`
	Suppressions []Suppression     `json:"suppressions"`
	Bounces      []Bounce          `json:"bounces"`
	Consents     []Consent         `json:"consents"`
	Replies      []Reply           `json:"replies"`
	Events       []ContactEvent    `json:"events"`
	Sessions     []FlowSession     `json:"sessions" doc:"Their ways through flows."`
	Answers      []FlowAnswer      `json:"answers" doc:"What they answered in flows."`
	Messages     []ExportedMessage `json:"messages"`
	// Conversations are absent where the account has none with the contact.
	Conversations []ExportedConversation `json:"conversations,omitempty" doc:"What was said to and fro, with what was noted."`
	Free          *ExportedFree          `json:"free,omitempty" personal:"texts" doc:"What programs keep of the contact that no property takes."`
}

// ExportedConversation is a conversation with what was said in it.
type ExportedConversation struct {
	Number     int64           `json:"number"`
	ChannelID  int64           `json:"channel_id"`
	Status     string          `json:"status" enum:"open,resolved,pending,snoozed"`
	Labels     []string        `json:"labels,omitempty"`
	Custom     json.RawMessage `json:"custom" personal:"texts"`
	Additional json.RawMessage `json:"additional" personal:"texts"`
	CreatedAt  time.Time       `json:"created_at"`
	Entries    []ExportedEntry `json:"entries"`
}

// ExportedEntry is something that was said in a conversation, or noted about it.
type ExportedEntry struct {
	At        time.Time       `json:"at"`
	Direction string          `json:"direction" enum:"incoming,outgoing"`
	Private   bool            `json:"private,omitempty" doc:"A note that was sent to nobody."`
	Text      string          `json:"text,omitempty" personal:"texts"`
	More      json.RawMessage `json:"attributes,omitempty" personal:"texts" doc:"What programs keep of it."`
}

// ExportedFree are a contact's values that no property takes.
type ExportedFree struct {
	Custom     contacts.Attributes `json:"custom,omitempty"`
	Additional contacts.Attributes `json:"additional,omitempty"`
}

// Membership is a list that a contact is in.
type Membership struct {
	ListID int64           `json:"list_id"`
	Kind   string          `json:"kind"`
	Name   string          `json:"name"`
	Data   json.RawMessage `json:"data,omitempty" personal:"texts" doc:"The contact's line of an upload."`
}

func membershipView(m contacts.Membership) Membership {
	return Membership{ListID: m.ListID, Kind: string(m.Kind), Name: m.Name, Data: json.RawMessage(m.Data)}
}

// Bounce counts an address's soft bounces in a row.
type Bounce struct {
	Kind    string    `json:"kind"`
	Address string    `json:"address" personal:"addresses"`
	Soft    int64     `json:"soft"`
	LastAt  time.Time `json:"last_at"`
}

// ExportedMessage is a message with its history and, if it has one of its own,
// its content.
type ExportedMessage struct {
	MessageHistory
	Content *providers.Content `json:"content,omitempty" personal:"texts"`
}

type eraseContact struct {
	ByID
	Body *EraseInput
}

func (s *Server) erasureRoutes() {
	const path, tag = "/v1/contacts/{id}", "contacts"
	register(s, operation{id: "erase-contact", method: http.MethodPost, path: path + "/erase", tag: tag, doc: "Erase a person", roles: mayAdmin,
		more: "For good: the contact and everything that names them goes; counts and statistics stay. Of addresses that must not be written to a hash stays. " +
			"Refused while a message to them is being sent or a file is being imported. dry_run says beforehand what it would do."},
		func(ctx context.Context, caller access.Caller, in *eraseContact) (*one[Erasure], error) {
			dryRun := in.Body != nil && in.Body.DryRun
			done, err := s.Contacts.Erase(ctx, caller.AccountID, in.ID, dryRun)
			if err != nil {
				return nil, err
			}
			return &one[Erasure]{Erasure{ContactID: in.ID, DryRun: dryRun, Rows: done.Rows, Skipped: done.Skipped, Hashes: done.Kept}}, nil
		})
	register(s, operation{reads: readsAll, id: "export-contact", method: http.MethodGet, path: path + "/export", tag: tag,
		doc: "Everything that is known of a contact", roles: mayEdit}, s.exportContact)
}

func (s *Server) exportContact(ctx context.Context, caller access.Caller, in *ByID) (*one[ContactExport], error) {
	c, err := s.Contacts.Get(ctx, caller.AccountID, in.ID)
	if err != nil {
		return nil, err
	}
	b, err := s.Contacts.Belongings(ctx, caller.AccountID, in.ID)
	if err != nil {
		return nil, err
	}
	x := ContactExport{
		ExportedAt: s.Clock.Now().UTC(), Contact: contactView(c), Memberships: []Membership{}, Suppressions: []Suppression{}, Bounces: []Bounce{},
		Consents: []Consent{}, Replies: []Reply{}, Events: []ContactEvent{}, Sessions: []FlowSession{}, Answers: []FlowAnswer{}, Messages: []ExportedMessage{},
	}
	for _, m := range b.Memberships {
		x.Memberships = append(x.Memberships, membershipView(m))
	}
	for _, p := range b.Suppressions {
		x.Suppressions = append(x.Suppressions, suppressionView(p))
	}
	for _, bounce := range b.Bounces {
		x.Bounces = append(x.Bounces, Bounce(bounce))
	}
	if err := s.exportWords(ctx, caller, in.ID, &x); err != nil {
		return nil, err
	}
	if err := s.exportWays(ctx, caller, in.ID, &x); err != nil {
		return nil, err
	}
	if err := s.exportTalk(ctx, caller, in.ID, &x); err != nil {
		return nil, err
	}
	if len(c.Free.Custom)+len(c.Free.Additional) > 0 {
		x.Free = &ExportedFree{c.Free.Custom, c.Free.Additional}
	}
	for m, err := range s.Messages.Each(ctx, messages.MessageFilter{AccountID: caller.AccountID, ContactID: in.ID}) {
		if err != nil {
			return nil, err
		}
		exported, err := s.exportMessage(ctx, m)
		if err != nil {
			return nil, err
		}
		x.Messages = append(x.Messages, exported)
	}
	return &one[ContactExport]{x}, nil
}

// exportWords adds consents and replies.
func (s *Server) exportWords(ctx context.Context, caller access.Caller, id int64, x *ContactExport) error {
	for c, err := range s.Consents.Each(ctx, caller.AccountID, id) {
		if err != nil {
			return err
		}
		x.Consents = append(x.Consents, consentView(c))
	}
	for r, err := range s.Replies.Each(ctx, contacts.ReplyFilter{AccountID: caller.AccountID, ContactID: id}) {
		if err != nil {
			return err
		}
		x.Replies = append(x.Replies, replyView(r))
	}
	return nil
}

// exportWays adds events, and ways through flows with what was answered there.
func (s *Server) exportWays(ctx context.Context, caller access.Caller, id int64, x *ContactExport) error {
	const page = 1000
	for before, more := int64(0), true; more; {
		list, err := s.Events.List(ctx, caller.AccountID, id, before, page)
		if err != nil {
			return err
		}
		for _, e := range list {
			x.Events, before = append(x.Events, eventView(e)), e.ID
		}
		more = len(list) == page
	}
	for before, more := int64(0), true; more; {
		list, err := s.Flows.Ways(ctx, flows.SessionFilter{AccountID: caller.AccountID, ContactID: id, Before: before, Limit: page})
		if err != nil {
			return err
		}
		for _, n := range list {
			x.Sessions, before = append(x.Sessions, sessionView(n)), n.ID
		}
		more = len(list) == page
	}
	for a, err := range s.Flows.EachAnswer(ctx, flows.AnswerFilter{AccountID: caller.AccountID, ContactID: id}) {
		if err != nil {
			return err
		}
		x.Answers = append(x.Answers, answerView(a))
	}
	return nil
}

// exportTalk adds conversations with what was said in them.
func (s *Server) exportTalk(ctx context.Context, caller access.Caller, id int64, x *ContactExport) error {
	const page = 100
	for f := (conversations.Filter{AccountID: caller.AccountID, ContactID: id, Limit: page}); ; f.Offset += page {
		list, _, err := s.Conversations.List(ctx, f)
		if err != nil {
			return err
		}
		for _, v := range list {
			out := ExportedConversation{
				Number: v.Number, ChannelID: v.ChannelID, Status: string(v.Status), Labels: v.Labels, Custom: v.Custom, Additional: v.Additional,
				CreatedAt: v.CreatedAt, Entries: []ExportedEntry{},
			}
			if err := s.exportEntries(ctx, v, &out); err != nil {
				return err
			}
			x.Conversations = append(x.Conversations, out)
		}
		if len(list) < page {
			return nil
		}
	}
}

func (s *Server) exportEntries(ctx context.Context, v conversations.Conversation, out *ExportedConversation) error {
	const page = 100
	for after := int64(-1); ; { // behind nothing
		list, err := s.Conversations.Entries(ctx, conversations.Entries{AccountID: v.AccountID, ConversationID: v.ID, After: after, Limit: page})
		if err != nil {
			return err
		}
		for _, e := range list {
			out.Entries = append(out.Entries, ExportedEntry{At: e.CreatedAt, Direction: string(e.Direction), Private: e.Private, Text: e.Text, More: e.Attributes})
			after = e.ID
		}
		if len(list) < page {
			return nil
		}
	}
}

func (s *Server) exportMessage(ctx context.Context, m messages.Message) (ExportedMessage, error) {
	h, err := s.history(ctx, m)
	if err != nil {
		return ExportedMessage{}, err
	}
	content, err := s.Messages.Content(ctx, m)
	return ExportedMessage{MessageHistory: h, Content: content}, err
}
