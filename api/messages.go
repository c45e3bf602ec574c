package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/internal/naming"
	"carillon/messages"
	"carillon/providers"
	"carillon/templates"
)

// Message is one recipient of one run, or a transactional message.
type Message struct {
	ID          int64             `json:"id"`
	ChannelID   int64             `json:"channel_id"`
	CampaignID  int64             `json:"campaign_id,omitempty" doc:"Absent for a transactional message."`
	RunID       int64             `json:"run_id,omitempty"`
	ContactID   int64             `json:"contact_id,omitempty"`
	Variant     string            `json:"variant,omitempty" doc:"Which of its campaign's variants it is; absent where there are none, or it waits for the one that wins."`
	Address     string            `json:"address" personal:"addresses"`
	Language    string            `json:"language,omitempty" doc:"Of the template's translation that was chosen for it; absent without a template, and before it was rendered."`
	State       string            `json:"state" enum:"pending,queued,sending,sent,delivered,read,failed,rejected,skipped,canceled,unknown"`
	Reason      string            `json:"reason,omitempty" doc:"Why it is in its state."`
	Detail      string            `json:"detail,omitempty" personal:"texts" doc:"The provider's answer, or who did it."`
	Attempt     int               `json:"attempt" doc:"Tries so far."`
	Metadata    map[string]string `json:"metadata,omitempty" doc:"What was said of a transactional message when it was sent."`
	ProviderID  string            `json:"provider_id,omitempty"`
	DueAt       *time.Time        `json:"due_at,omitempty"`
	CreatedAt   time.Time         `json:"created_at"`
	QueuedAt    *time.Time        `json:"queued_at,omitempty"`
	ClaimedAt   *time.Time        `json:"claimed_at,omitempty"`
	SentAt      *time.Time        `json:"sent_at,omitempty"`
	DeliveredAt *time.Time        `json:"delivered_at,omitempty"`
	ReadAt      *time.Time        `json:"read_at,omitempty"`
	FinalAt     *time.Time        `json:"final_at,omitempty"`
}

// MessageHistory is a message with everything that happened to it.
type MessageHistory struct {
	Message
	History    []HistoryEntry     `json:"history" doc:"Every state it passed, in order."`
	Engagement *MessageEngagement `json:"engagement,omitempty" doc:"What was done with it; absent if nothing was, or it is not tracked."`
	// Standstill is absent where it does not wait, or goes out in its turn.
	Standstill *Standstill `json:"standstill,omitempty" doc:"Why it does not go out; absent if it does not wait, or goes out in its turn."`
	Attempts   []Attempt   `json:"attempts" doc:"The tries among them that did not simply succeed."`
}

// HistoryEntry is a state and when a message came to it.
type HistoryEntry struct {
	State   string    `json:"state"`
	At      time.Time `json:"at"`
	Reason  string    `json:"reason,omitempty"`
	Detail  string    `json:"detail,omitempty" personal:"texts" doc:"The provider's answer, or who did it."`
	Attempt int       `json:"attempt,omitempty" doc:"The try whose answer led here; absent where none did."`
	Kind    string    `json:"kind,omitempty" doc:"Of the answer, as under attempts."`
	Code    string    `json:"code,omitempty" doc:"The provider's own code."`
	Omitted int       `json:"omitted,omitempty" doc:"How many states just before this one are not kept: of a message's moves off the plain way, the first 99 and the last are."`
}

// Attempt is a provider's answer to one try.
type Attempt struct {
	Attempt int       `json:"attempt"`
	At      time.Time `json:"at"`
	Kind    string    `json:"kind" doc:"temporary, throttled, recipient, content, auth, in_doubt, or not_asked: what was in doubt was not sent after all."`
	Code    string    `json:"code,omitempty" doc:"The provider's own code."`
	Detail  string    `json:"detail,omitempty" personal:"texts"`
}

// MessageInput is a transactional message.
type MessageInput struct {
	ChannelID  int64             `json:"channel_id,omitempty" minimum:"1" doc:"Through which channel; channel may say it instead."`
	Channel    naming.Ref        `json:"channel,omitzero" kind:"channel" needed:"true" doc:"Instead of channel_id: the channel, by its id or its name."`
	To         string            `json:"to,omitempty" maxLength:"320" doc:"Address of the channel's kind."`
	ContactID  int64             `json:"contact_id,omitempty" minimum:"1" doc:"Instead of to: a contact."`
	Content    MessageContent    `json:"content" doc:"Liquid in every text: contact of the contact, row of data; or a template."`
	Data       map[string]any    `json:"data,omitempty" doc:"Values for the templates: row.<name>. Of any kind that JSON has: {% for item in row.items %}{{ item.name }}{% endfor %}. At most 256 KiB."`
	Metadata   map[string]string `json:"metadata,omitempty" doc:"Travels to providers that echo it; messages are found by it. At most 50 entries."`
	DueAt      *time.Time        `json:"due_at,omitempty" doc:"When to send it, a time to come; at once if absent."`
	SeriesID   int64             `json:"series_id,omitempty" minimum:"1" doc:"The series in which it is counted."`
	Series     naming.Ref        `json:"series,omitzero" kind:"series" doc:"Instead of series_id: the series, by its id or its name."`
	HeedOptOut bool              `json:"heed_opt_out,omitempty" doc:"Skip it if the recipient opted out of campaigns; left out, it is sent all the same."`
}

// MessageSent is a message that was just taken.
type MessageSent struct {
	Message
	Notices []string `json:"notices,omitempty" doc:"What may be a mistake, such as a value that nobody gave, which renders as nothing."`
}

// MessagePreview is what would be sent.
type MessagePreview struct {
	To       string            `json:"to" personal:"addresses" doc:"The address, as it is kept."`
	Language string            `json:"language,omitempty" doc:"Of the template's translation; absent without a template."`
	Content  providers.Content `json:"content" personal:"texts" doc:"As it is rendered."`
	Skipped  string            `json:"skipped,omitempty" doc:"The reason for which it would not be sent; absent if it would."`
	Notices  []string          `json:"notices,omitempty" doc:"What may be a mistake, such as a value that nobody gave, which renders as nothing."`
}

// MessageContent is what a message says: texts, or a template.
type MessageContent struct {
	providers.Content
	Template *templates.Use `json:"template,omitempty" doc:"A template instead of texts; everybody gets it in their language."`
}

type sendMessage struct{ Body MessageInput }

// notification is the message that is asked for.
func (b MessageInput) notification(caller access.Caller) messages.Notification {
	n := messages.Notification{
		AccountID: caller.AccountID, SenderID: caller.SeesOwn(), ChannelID: b.ChannelID, To: b.To, ContactID: b.ContactID,
		Content: b.Content.Content, Template: b.Content.Template, Data: b.Data, Metadata: b.Metadata, HeedOptOut: b.HeedOptOut, SeriesID: b.SeriesID,
	}
	if b.DueAt != nil {
		n.DueAt = *b.DueAt
	}
	return n
}

type previewMessage struct{ Body MessageInput }

func (in *previewMessage) changesNothing() bool { return true }

type listMessages struct {
	Paged
	ChannelID     naming.Ref `query:"channel_id" kind:"channel" doc:"Only those through this channel, by its id or its name."`
	CampaignID    naming.Ref `query:"campaign_id" kind:"campaign" doc:"Only those of this campaign, by its id or its name."`
	RunID         int64      `query:"run_id" minimum:"1"`
	ContactID     int64      `query:"contact_id" minimum:"1"`
	Address       string     `query:"address" maxLength:"320"`
	State         string     `query:"state" enum:"pending,queued,sending,sent,delivered,read,failed,rejected,skipped,canceled,unknown"`
	Reason        string     `query:"reason" maxLength:"60"`
	Transactional bool       `query:"transactional" doc:"Only messages without a campaign."`
	Metadata      []string   `query:"metadata,explode" nullable:"false" maxItems:"10" doc:"Only those with this in their metadata, such as order=4711; may be repeated, and all have to be there. Names and values of at most 200 bytes are found."`
}

func messageView(m messages.Message) Message {
	return Message{
		ID: m.ID, ChannelID: m.ChannelID, CampaignID: m.CampaignID, RunID: m.RunID, ContactID: m.ContactID, Variant: m.VariantName, Address: m.Address,
		Language: m.Language, State: m.State.String(), Reason: m.Reason, Detail: m.Detail, Attempt: m.Attempt, ProviderID: m.ProviderID,
		Metadata: m.Metadata, DueAt: timestamp(m.DueAt), CreatedAt: m.CreatedAt, QueuedAt: timestamp(m.QueuedAt), ClaimedAt: timestamp(m.ClaimedAt),
		SentAt: timestamp(m.SentAt), DeliveredAt: timestamp(m.DeliveredAt), ReadAt: timestamp(m.ReadAt), FinalAt: timestamp(m.FinalAt),
	}
}

func historyView(m messages.Message, history []messages.Passage) MessageHistory {
	h := MessageHistory{Message: messageView(m), History: make([]HistoryEntry, len(history)), Attempts: []Attempt{}}
	for i, p := range history {
		h.History[i] = HistoryEntry{
			State: p.State.String(), At: p.At.UTC(), Reason: p.Reason, Detail: p.Detail, Attempt: p.Attempt, Kind: p.Kind, Code: p.Code, Omitted: p.Repeats,
		}
		if p.Kind != "" {
			h.Attempts = append(h.Attempts, Attempt{Attempt: p.Attempt, At: p.At.UTC(), Kind: p.Kind, Code: p.Code, Detail: p.Detail})
		}
	}
	return h
}

// history is a message with everything that happened to it.
func (s *Server) history(ctx context.Context, m messages.Message) (MessageHistory, error) {
	passages, err := s.Messages.History(ctx, m)
	h := historyView(m, passages)
	if err == nil {
		h.Engagement, err = s.messageEngagement(ctx, m.ID)
	}
	return h, err
}

// messageStandstill says why a message does not go out.
func (s *Server) messageStandstill(ctx context.Context, accountID int64, m messages.Message) (*Standstill, error) {
	still, err := s.Campaigns.StandstillOf(ctx, accountID, m)
	if fault.Is(err, fault.NotFound) { // its channel is deleted
		return nil, nil
	}
	return standstillView(still), err
}

func filterOf(accountID, after int64, limit int, contactID int64) messages.MessageFilter {
	return messages.MessageFilter{AccountID: accountID, ContactID: contactID, After: after, Limit: limit + 1}
}

func (s *Server) messagePage(ctx context.Context, f messages.MessageFilter, limit int) (*pageOut[Message], error) {
	list, err := s.Messages.List(ctx, f)
	if err != nil {
		return nil, err
	}
	return page(list, limit, messageView, func(m messages.Message) string { return idKey(m.ID) }), nil
}

func (s *Server) messageRoutes() {
	const path, tag = "/v1/messages", "messages"
	register(s, operation{id: "send-message", method: http.MethodPost, path: path, tag: tag, doc: "Send one transactional message",
		status: http.StatusAccepted, roles: maySend, unaudited: true, bound: true,
		more: "Goes before every campaign on its channel. Give an Idempotency-Key, so that a repeated request does not send twice."},
		func(ctx context.Context, caller access.Caller, in *sendMessage) (*one[MessageSent], error) {
			if err := within(caller, &in.Body.ChannelID); err != nil {
				return nil, err
			}
			m, notices, err := s.Messages.SendNoting(ctx, in.Body.notification(caller))
			if err != nil {
				return nil, err
			}
			m.Metadata = in.Body.Metadata
			return &one[MessageSent]{MessageSent{messageView(m), notices}}, nil
		})
	register(s, operation{id: "preview-message", method: http.MethodPost, path: path + "/preview", tag: tag, doc: "What a transactional message would say",
		roles: maySend, bound: true, more: "Checks and renders it as it would be sent, and sends nothing."},
		func(ctx context.Context, caller access.Caller, in *previewMessage) (*one[MessagePreview], error) {
			if err := within(caller, &in.Body.ChannelID); err != nil {
				return nil, err
			}
			p, err := s.Messages.Preview(ctx, in.Body.notification(caller))
			if err != nil {
				return nil, err
			}
			return &one[MessagePreview]{MessagePreview{To: p.To, Language: p.Language, Content: p.Content, Skipped: p.Skipped, Notices: p.Notices}}, nil
		})
	register(s, operation{reads: readsPeople, id: "list-messages", method: http.MethodGet, path: path, tag: tag, doc: "List messages, oldest first",
		roles: mayWatch, bound: true,
		more: "A sender sees the messages alone that it has sent itself."},
		func(ctx context.Context, caller access.Caller, in *listMessages) (*pageOut[Message], error) {
			after, err := in.position()
			if err != nil {
				return nil, err
			}
			f := messages.MessageFilter{
				AccountID: caller.AccountID, ChannelID: in.ChannelID.ID, CampaignID: in.CampaignID.ID, RunID: in.RunID, ContactID: in.ContactID,
				Address: in.Address, Reason: in.Reason, Transactional: in.Transactional, After: after, Limit: in.Limit + 1,
			}
			if f.Metadata, err = metadataOf(in.Metadata); err != nil {
				return nil, err
			}
			if err := within(caller, &f.ChannelID); err != nil {
				return nil, err
			}
			if f.SenderID = caller.SeesOwn(); f.SenderID != 0 && (f.CampaignID != 0 || f.RunID != 0) {
				return nil, fault.New(fault.Forbidden, "a sender sees the messages alone that it has sent itself")
			}
			if in.State != "" {
				state, err := messages.ParseState(in.State)
				if err != nil {
					return nil, fault.InvalidField("query.state", in.State, "%v", err)
				}
				f.State = &state
			}
			return s.messagePage(ctx, f, in.Limit)
		})
	register(s, operation{id: "get-message", method: http.MethodGet, path: path + "/{id}", tag: tag, doc: "Show a message with its history", roles: mayWatch,
		bound: true, more: "A sender sees the messages alone that it has sent itself."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[MessageHistory], error) {
			m, err := s.Messages.GetOf(ctx, caller.AccountID, caller.SeesOwn(), in.ID)
			if err == nil {
				err = within(caller, &m.ChannelID)
			}
			if err != nil {
				return nil, err
			}
			h, err := s.history(ctx, m)
			if err == nil {
				h.Standstill, err = s.messageStandstill(ctx, caller.AccountID, m)
			}
			return &one[MessageHistory]{h}, err
		})
	register(s, operation{id: "resend-message", method: http.MethodPost, path: path + "/{id}/resend", tag: tag,
		doc: "Send a failed, rejected or doubtful message again", roles: mayEdit,
		more: "A message in state unknown may have arrived: sending it again can reach the recipient twice."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[Message], error) {
			return messageOut(s.Messages.Resend(ctx, caller.AccountID, in.ID, caller.Actor()))
		})
	register(s, operation{id: "cancel-message", method: http.MethodPost, path: path + "/{id}/cancel", tag: tag,
		doc: "Cancel a message that has not been claimed", roles: mayEdit},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[Message], error) {
			return messageOut(s.Messages.Cancel(ctx, caller.AccountID, in.ID, caller.Actor()))
		})
}

// metadataOf reads entries of metadata that messages are to have.
func metadataOf(list []string) (map[string]string, error) {
	entries := make(map[string]string, len(list))
	for _, entry := range list {
		name, value, ok := strings.Cut(entry, "=")
		if !ok || name == "" || len(name) > messages.MaxMetadataFound || len(value) > messages.MaxMetadataFound {
			return nil, fault.InvalidField("query.metadata", entry, "must be a name and a value with = between them, each of at most %d bytes, such as order=4711",
				messages.MaxMetadataFound)
		}
		entries[name] = value
	}
	return entries, nil
}
