// Package webhooks owns what programs of users are told: the names of what happens, who
// wants to know what, and the requests by which they are told. It must not know how these
// are kept or sent.
package webhooks

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/messages"
)

// Event is the name of something that happens.
type Event string

// What happens to messages is named by the state to which they come.
const messagePrefix = "message."

// MessageEvent is the event of messages that come to a state; empty for those that are told
// nobody.
func MessageEvent(state messages.State) Event {
	if state == messages.Pending || state == messages.Sending {
		return ""
	}
	return Event(messagePrefix + state.String())
}

// Other events.
const (
	MessageOpened    Event = "message.opened"   // for the first time by a person
	MessageClicked   Event = "message.clicked"  // for the first time by a person
	MessageReceived  Event = "message.received" // somebody wrote to us
	CampaignStarted  Event = "campaign.started" // once for each run of one that recurs
	CampaignPaused   Event = "campaign.paused"  // by a person or a guard
	CampaignFinished Event = "campaign.finished"
	CampaignCanceled Event = "campaign.canceled"
	CampaignFailed   Event = "campaign.failed"
	RunFinished      Event = "run.finished" // everybody of a campaign's run is accounted for
	RunSkipped       Event = "run.skipped"  // its time came, and it was left out
	FlowEntered      Event = "flow.entered"
	FlowAnswered     Event = "flow.answered"
	FlowEnded        Event = "flow.ended"
	ContactCreated   Event = "contact.created"
	ContactUpdated   Event = "contact.updated"
	ContactOptedOut  Event = "contact.opted_out"
	ContactOptedIn   Event = "contact.opted_in"
	ContactErased    Event = "contact.erased"
	ImportFinished   Event = "import.finished"   // also one that failed
	ChannelDegraded  Event = "channel.degraded"  // its provider is slow, down or out of quota
	ChannelPaused    Event = "channel.paused"    // by a person, or stopped because its provider refuses everybody
	ChannelRecovered Event = "channel.recovered" // it sends again
	TemplateApproved Event = "template.approved" // by a provider
	// Of conversations: opened, given another status, changed otherwise.
	ConversationCreated Event = "conversation.created"
	ConversationStatus  Event = "conversation.status_changed"
	ConversationUpdated Event = "conversation.updated"
	// Something was said in one, or hidden.
	ConversationEntry  Event = "conversation.entry"
	ConversationHidden Event = "conversation.entry_hidden"
	TemplateRejected   Event = "template.rejected"
	Test               Event = "webhook.test" // is sent when a person asks for it
)

// others are the events that are no state of a message, in the order in which they are
// shown.
var others = []Event{
	MessageOpened, MessageClicked, MessageReceived, CampaignStarted, CampaignPaused, CampaignFinished, CampaignCanceled, CampaignFailed,
	RunFinished, RunSkipped, FlowEntered, FlowAnswered, FlowEnded, ContactCreated, ContactUpdated, ContactOptedOut, ContactOptedIn, ContactErased, ImportFinished,
	ChannelDegraded, ChannelPaused, ChannelRecovered, TemplateApproved, TemplateRejected,
	ConversationCreated, ConversationStatus, ConversationUpdated, ConversationEntry, ConversationHidden,
}

// Bounds of webhooks.
const (
	MostInBatch  = 1000
	LongestBatch = time.Minute

	maxWebhooks    = 50
	maxDescription = 200
	maxFilter      = 100
	maxHeaders     = 20
	maxHeader      = 1000 // bytes of a name and its value
	maxURL         = 2000
)

// Events lists all that one can ask for, in the order in which they are shown.
func Events() (list []Event) {
	for _, state := range messages.States() {
		if event := MessageEvent(state); event != "" {
			list = append(list, event)
		}
	}
	return append(list, others...)
}

// State is whether a program is told.
type State string

// A webhook is on, paused by a person, or switched off because nobody answers there any
// more. Who is paused is told of what happens meanwhile once it is on again; who is off
// is not.
const (
	On     State = "on"
	Paused State = "paused"
	Off    State = "off"
)

// Format is in whose words a webhook is told: the name of an API of others, or Own.
type Format string

// Own are Carillon's own words. Log is no program: what it reads is written into the log of
// messages.
const (
	Own Format = ""
	Log Format = "log"
)

// Sole says of what a program is the only one in its format: who sets it twice at once, or
// after an answer that was lost, is not told twice ever after.
type Sole string

// One for the channels that it is bound to, or for the key that set it.
const (
	SoleOfChannels Sole = "channels"
	SoleOfKey      Sole = "key"
)

// Webhook is a program that is told what happens.
type Webhook struct {
	ID, AccountID int64
	Format        Format
	// Options are what only its format reads, a JSON object; nil for none.
	Options json.RawMessage
	// Sole has it be refused where there is one already that is the same by this; it is not
	// kept.
	Sole Sole
	// KeyID is the key that set one of another format; 0 where no key is meant.
	KeyID       int64
	URL         string
	Description string
	Events      []Event
	// Channels and Campaigns bind it to what happens to these; empty is all.
	Channels, Campaigns []int64
	Batch               Batch
	// Content has it told what people wrote, too.
	Content bool
	// Headers go along with each request.
	Headers map[string]secret.String
	// Secrets sign, the newest first; an old one signs along until SecretEndsAt, or until it is
	// ended where that is nil.
	Secrets      []secret.String
	SecretEndsAt *time.Time
	// SecretsSet is when the secret and the values of headers were set last, and by whom.
	SecretsSet secret.Record
	State      State
	Reason     string
	// FailingSince is since when no request succeeded; nil if the last one did.
	FailingSince *time.Time
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// SigningSecret is what the secret that signs is called among those of a webhook.
const SigningSecret = "secret"

// SecretNames are the names of what is secret of it: SigningSecret, and such as
// headers.Authorization.
func (w Webhook) SecretNames() []string { return slices.Collect(maps.Keys(w.secrets())) }

// secrets are what is secret of it, by name.
func (w *Webhook) secrets() map[string]secret.String {
	all := map[string]secret.String{}
	if len(w.Secrets) > 0 {
		all[SigningSecret] = w.Secrets[0]
	}
	for name, value := range w.Headers {
		all["headers."+name] = value
	}
	return all
}

// Signing are the secrets that sign now.
func (w *Webhook) Signing(now time.Time) []secret.String {
	if w.SecretEndsAt != nil && !now.Before(*w.SecretEndsAt) {
		return w.Secrets[:1]
	}
	return w.Secrets
}

// EndOverlap has the newest secret sign alone.
func (w *Webhook) EndOverlap() {
	w.Secrets, w.SecretEndsAt = w.Secrets[:min(1, len(w.Secrets))], nil
}

// Batch is how many events a request tells at most, and how long the first of them waits
// for others. With Most 1 each request tells one.
type Batch struct {
	Most   int
	Within time.Duration
}

// Wants says whether a program wants to know of an event of a channel and campaign, 0 for
// none.
func (w Webhook) Wants(event Event, channelID, campaignID int64) bool {
	in := func(list []int64, id int64) bool { return len(list) == 0 || slices.Contains(list, id) }
	return slices.Contains(w.Events, event) && in(w.Channels, channelID) && in(w.Campaigns, campaignID)
}

// Version is that of the bodies of requests. It changes if what was written for it could not
// read them any more; that fields are added changes nothing.
const Version = 1

// Occurrence is something that happened, as programs are told.
type Occurrence struct {
	ID        string          `json:"id"`
	Version   int             `json:"version"`
	Type      Event           `json:"type"`
	Timestamp time.Time       `json:"timestamp"`
	Data      json.RawMessage `json:"data"`
}

// batchBody is a request that tells several.
type batchBody struct {
	Type      string       `json:"type"`
	Version   int          `json:"version"`
	Timestamp time.Time    `json:"timestamp"`
	Data      []Occurrence `json:"data"`
}

// Requests cuts occurrences into bodies of requests, in their order, and says how many
// each tells.
func (b Batch) Requests(list []Occurrence) (bodies []string, counts []int, err error) {
	for some := range slices.Chunk(list, max(b.Most, 1)) {
		for i := range some {
			some[i].Version = Version
		}
		var body any = some[0]
		if b.Most > 1 {
			body = batchBody{"batch", Version, some[len(some)-1].Timestamp, some}
		}
		text, err := json.Marshal(body)
		if err != nil {
			return nil, nil, fmt.Errorf("write webhook: %w", err)
		}
		bodies, counts = append(bodies, string(text)), append(counts, len(some))
	}
	return bodies, counts, nil
}

// Fill has the occurrences of a body changed, and returns the body that they make.
func Fill(body string, change func(*Occurrence) error) (string, error) {
	var kind struct {
		Type string `json:"type"`
	}
	var of any
	var list []*Occurrence
	err := json.Unmarshal([]byte(body), &kind)
	if err == nil && kind.Type == "batch" {
		batch := new(batchBody)
		err, of = json.Unmarshal([]byte(body), batch), batch
		for i := range batch.Data {
			list = append(list, &batch.Data[i])
		}
	} else if err == nil {
		one := new(Occurrence)
		err, of = json.Unmarshal([]byte(body), one), one
		list = append(list, one)
	}
	for _, o := range list {
		if err == nil {
			err = change(o)
		}
	}
	if err != nil {
		return "", fmt.Errorf("read webhook: %w", err)
	}
	text, err := json.Marshal(of)
	return string(text), err
}

// DeliveryState is what became of a request.
type DeliveryState string

// The states of requests.
const (
	Pending   DeliveryState = "pending"
	Delivered DeliveryState = "delivered"
	Failed    DeliveryState = "failed"
)

// Delivery is one request and what became of it.
type Delivery struct {
	ID, WebhookID int64
	// Key is its webhook-id, the same over all tries.
	Key    string
	Events int
	Body   string
	State  DeliveryState
	Tries  int
	// NextTryAt is when it is tried; of those that are pending alone.
	NextTryAt time.Time
	CreatedAt time.Time
	TriedAt   *time.Time
	// Status and Answer are of the last try; 0 if there was no answer, and why.
	Status int
	Answer string
	Took   time.Duration
}

// DeliveryFilter selects deliveries. What is empty does not restrict.
type DeliveryFilter struct {
	AccountID, WebhookID int64
	State                DeliveryState
	// Before is the id before which the list goes on, newest first; 0 begins with the newest.
	Before int64
	Limit  int
}

// ReplayFilter selects requests that are over to be made again. What is empty does not
// restrict.
type ReplayFilter struct {
	AccountID, WebhookID int64
	// From and To bound when they were made; To is not within.
	From, To time.Time
	State    DeliveryState
	// Event selects those that tell it, among others in a batch.
	Event Event
}

// check refuses a webhook that could not be meant.
func (w *Webhook) check() error {
	var wrong []fault.Field
	bad := func(at string, value any, message string) {
		wrong = append(wrong, fault.Field{Location: at, Value: value, Message: message})
	}
	w.URL, w.Description = strings.TrimSpace(w.URL), strings.TrimSpace(w.Description)
	if u, err := url.Parse(w.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || len(w.URL) > maxURL {
		bad("url", w.URL, "must be an address such as https://example.org/hooks, without user and password")
	}
	if utf8.RuneCountInString(w.Description) > maxDescription {
		bad("description", nil, fmt.Sprintf("has more than %d letters", maxDescription))
	}
	known := Events()
	slices.Sort(w.Events)
	w.Events = slices.Compact(w.Events)
	if len(w.Events) == 0 {
		bad("events", nil, "name at least one of what happens: "+joined(known))
	}
	for _, e := range w.Events {
		if !slices.Contains(known, e) {
			bad("events", e, "there is no such event; there are "+joined(known))
		}
	}
	for at, ids := range map[string][]int64{"channels": w.Channels, "campaigns": w.Campaigns} {
		if len(ids) > maxFilter {
			bad(at, len(ids), fmt.Sprintf("names more than %d", maxFilter))
		}
	}
	if w.Batch.Most == 0 {
		w.Batch.Most = 1
	}
	if w.Batch.Most < 1 || w.Batch.Most > MostInBatch {
		bad("batch.most", w.Batch.Most, fmt.Sprintf("from 1 to %d events in a request", MostInBatch))
	}
	if w.Format != Own && w.Batch.Most > 1 {
		bad("batch.most", w.Batch.Most, fmt.Sprintf("must be 1: it is told in the words of %s, which tells one thing at a time", w.Format))
	}
	if w.Batch.Within < 0 || w.Batch.Within > LongestBatch {
		bad("batch.within_ms", w.Batch.Within.Milliseconds(), fmt.Sprintf("from 0 to %d milliseconds", LongestBatch.Milliseconds()))
	}
	wrong = append(wrong, w.checkHeaders()...)
	return fault.InvalidFields(wrong)
}

func joined(events []Event) string {
	var b strings.Builder
	for i, e := range events {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(e))
	}
	return b.String()
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// checkHeaders says what is wrong with the headers.
func (w *Webhook) checkHeaders() (wrong []fault.Field) {
	if len(w.Headers) > maxHeaders {
		wrong = append(wrong, fault.Field{Location: "headers", Value: len(w.Headers), Message: fmt.Sprintf("at most %d", maxHeaders)})
	}
	for name, value := range w.Headers {
		low := strings.ToLower(name)
		switch {
		case !headerName.MatchString(name):
			wrong = append(wrong, fault.Field{Location: "headers", Value: name, Message: "is no name of a header"})
		case strings.HasPrefix(low, "webhook-"), slices.Contains([]string{"host", "content-length", "content-type", "transfer-encoding", "connection"}, low):
			wrong = append(wrong, fault.Field{Location: "headers." + name, Message: "is Carillon's own"})
		case len(name)+len(value.Reveal()) > maxHeader, strings.ContainsFunc(value.Reveal(), func(r rune) bool { return r < ' ' || r == 0x7f }):
			wrong = append(wrong, fault.Field{Location: "headers." + name, Message: "must be one line, and not longer than 1000 bytes"})
		}
	}
	return wrong
}

// Store keeps webhooks. One that there is not is NotFound.
type Store interface {
	// CreateWebhook is a Conflict if there are too many, or one already that is to be the
	// only one. What happens after it returned is
	// told.
	CreateWebhook(ctx context.Context, w Webhook, most int) (Webhook, error)
	UpdateWebhook(ctx context.Context, accountID, id int64, change func(*Webhook) error) (Webhook, error)
	GetWebhook(ctx context.Context, accountID, id int64) (Webhook, error)
	ListWebhooks(ctx context.Context, accountID, after int64, limit int) ([]Webhook, error)
	DeleteWebhook(ctx context.Context, accountID, id int64) error
	// AddDelivery has something told a webhook alone, as soon as what waits for it was.
	AddDelivery(ctx context.Context, accountID, webhookID int64, body string) (Delivery, error)
	ListDeliveries(ctx context.Context, f DeliveryFilter) ([]Delivery, error)
	GetDelivery(ctx context.Context, accountID, webhookID, id int64) (Delivery, error)
	// ReplayDelivery has a request made again, with the same key; a Conflict if it is pending.
	ReplayDelivery(ctx context.Context, accountID, webhookID, id int64) (Delivery, error)
	// ReplayDeliveries has requests made again in their order, each once, and returns how
	// many; dry counts them alone. It is a Conflict if they are more than most.
	ReplayDeliveries(ctx context.Context, f ReplayFilter, most int, dry bool) (n int, err error)
}
