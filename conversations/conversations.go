// Package conversations owns what is said to and fro with one person through one channel:
// conversations, their statuses, and the entries of which they consist. It must not know
// the store or HTTP, nor how a message is sent.
package conversations

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"carillon/contacts"
	"carillon/contacts/reply"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
)

// Status says whether somebody still has to look at a conversation.
type Status string

// The statuses.
const (
	Open     Status = "open"
	Resolved Status = "resolved"
	Pending  Status = "pending"
	Snoozed  Status = "snoozed"
)

// Statuses lists them in the order in which users are shown them.
func Statuses() []Status { return []Status{Open, Resolved, Pending, Snoozed} }

// Conversation is what is said with one contact through one channel, from when it was
// opened until it is resolved. A new matter is another conversation.
type Conversation struct {
	ID, AccountID int64
	// Number is its place among those of its account, from 1.
	Number               int64
	ChannelID, ContactID int64
	UUID                 string
	// SourceID is how whoever opened it calls the contact in the channel; may be empty.
	SourceID string
	Status   Status
	Labels   []string
	// Custom and Additional are what programs keep of it: JSON objects.
	Custom, Additional json.RawMessage
	CreatedAt          time.Time
	UpdatedAt          time.Time
	LastActivityAt     time.Time
	ResolvedAt         *time.Time
}

// Direction is who said something.
type Direction string

// The directions.
const (
	Incoming Direction = "incoming" // the contact
	Outgoing Direction = "outgoing" // we
)

// Entry is something that was said in a conversation, or noted about it.
type Entry struct {
	ID, AccountID, ConversationID int64
	// MessageID is the message that it went out as, ReplyID the reply that it came in as; both
	// are 0 for a private note.
	MessageID, ReplyID int64
	Direction          Direction
	// Private notes are sent to nobody.
	Private bool
	// Kind is text, or what else programs call it, such as cards.
	Kind string
	// Text is what is shown of it: what was written, as long as that is kept.
	Text string
	// Attributes and Additional are what programs keep of it: JSON objects.
	Attributes, Additional json.RawMessage
	SourceID               string
	// Attachment is the file that went out with it; nil for none.
	Attachment *providers.Attachment
	// State and Reason are the message's; a reply and a note are Delivered.
	State     messages.State
	Reason    string
	CreatedAt time.Time
	UpdatedAt time.Time
	// DeletedAt is since when it is hidden; nil if it is not. What was sent was sent.
	DeletedAt *time.Time
}

// Filter selects conversations, those of late first. What is empty does not restrict.
type Filter struct {
	AccountID int64
	// ContactID 0 is everybody.
	ContactID, ChannelID int64
	Status               Status
	// Labels are those of which it has one.
	Labels []string
	// Text occurs in an entry that is no message, or in the contact's name.
	Text          string
	Offset, Limit int
	// Behind goes on behind a place of the list, instead of Offset; the zero place begins it.
	Behind Place
	// Uncounted leaves out how many there are in all.
	Uncounted bool
}

// Place is where a conversation stands among those of an account, those of late first.
type Place struct {
	At time.Time
	ID int64
}

// Entries selects entries of a conversation in their order: the last ones, those before an
// id, or those behind one.
type Entries struct {
	AccountID, ConversationID int64
	Before, After             int64
	Limit                     int
	// NewestFirst turns their order round.
	NewestFirst bool
}

// Store keeps conversations.
type Store interface {
	// CreateConversation keeps a new one; ID, Number and the times are set there. A channel or
	// contact that there is not is NotFound.
	CreateConversation(ctx context.Context, c Conversation) (Conversation, error)
	// GetConversation is NotFound if the account has none of that number.
	GetConversation(ctx context.Context, accountID, number int64) (Conversation, error)
	// ConversationOf is the one of an id, for whoever holds that.
	ConversationOf(ctx context.Context, accountID, id int64) (Conversation, error)
	// ListConversations lists them, and says how many there are in all unless that is not asked for.
	ListConversations(ctx context.Context, f Filter) (list []Conversation, total int64, err error)
	// UpdateConversation changes status, labels, custom and additional in one transaction.
	UpdateConversation(ctx context.Context, accountID, number int64, change func(*Conversation) error) (Conversation, error)
	// AddNote keeps a private note.
	AddNote(ctx context.Context, e Entry) (Entry, error)
	// ReceiveEntry takes a reply into a conversation and does what it means.
	ReceiveEntry(ctx context.Context, r contacts.Reply, e Entry) (Entry, error)
	// ListSaid lists them, the oldest first unless it is asked for the newest first.
	ListSaid(ctx context.Context, f Entries) ([]Entry, error)
	// GetEntry is NotFound if the account has no such entry; EntryOfMessage is the one that
	// went out as a message.
	GetEntry(ctx context.Context, accountID, id int64) (Entry, error)
	EntryOfMessage(ctx context.Context, accountID, messageID int64) (Entry, error)
	// HideEntry hides one for good: its text is forgotten here.
	HideEntry(ctx context.Context, accountID, id int64) (Entry, error)
	// CountConversations counts what reports show of a time.
	CountConversations(ctx context.Context, q Count) ([]int64, error)
}

// Sender writes messages down; *messages.Service does.
type Sender interface {
	Send(ctx context.Context, n messages.Notification) (messages.Message, error)
}

// Service is the service for conversations. It is safe for concurrent use.
type Service struct {
	store  Store
	sender Sender
}

// NewService makes the service.
func NewService(store Store, sender Sender) *Service { return &Service{store, sender} }

// Bounds of what is kept.
const (
	// MaxText is the longest text of an entry, in letters.
	MaxText = 150_000
	// maxKept bounds each JSON object that programs keep, in bytes.
	maxKept   = 64 << 10
	maxLabels = 100
	maxLabel  = 255
)

// check brings a conversation into the form in which it is kept.
func (c *Conversation) check() error {
	if c.Status == "" {
		c.Status = Open
	}
	if err := c.Status.check(); err != nil {
		return err
	}
	if len(c.Labels) > maxLabels {
		return fault.InvalidField("labels", len(c.Labels), "at most %d labels", maxLabels)
	}
	for i, label := range c.Labels {
		if label == "" || utf8.RuneCountInString(label) > maxLabel {
			return fault.InvalidField(fmt.Sprintf("labels[%d]", i), label, "a label has 1 to %d letters", maxLabel)
		}
	}
	var err error
	if c.Custom, err = object("custom_attributes", c.Custom); err == nil {
		c.Additional, err = object("additional_attributes", c.Additional)
	}
	return err
}

// object is a JSON object, {} for none.
func object(name string, text json.RawMessage) (json.RawMessage, error) {
	text = bytes.TrimSpace(text)
	if len(text) == 0 || string(text) == "null" {
		return json.RawMessage("{}"), nil
	}
	if len(text) > maxKept || text[0] != '{' || !json.Valid(text) || !utf8.Valid(text) {
		return nil, fault.InvalidField(name, nil, "is no JSON object of at most %d bytes", maxKept)
	}
	return text, nil
}

// Create opens a conversation. Each is a new one, whatever there was before.
func (s *Service) Create(ctx context.Context, c Conversation) (Conversation, error) {
	if err := c.check(); err != nil {
		return Conversation{}, err
	}
	c.UUID = NewUUID()
	return s.store.CreateConversation(ctx, c)
}

// Get is the conversation of a number.
func (s *Service) Get(ctx context.Context, accountID, number int64) (Conversation, error) {
	return s.store.GetConversation(ctx, accountID, number)
}

// Of is the conversation of an id.
func (s *Service) Of(ctx context.Context, accountID, id int64) (Conversation, error) {
	return s.store.ConversationOf(ctx, accountID, id)
}

// check refuses a status that there is not.
func (s Status) check() error {
	if !slices.Contains(Statuses(), s) {
		return fault.InvalidField("status", string(s), "is no status: use open, resolved, pending or snoozed")
	}
	return nil
}

// List lists conversations, those of late first, and says how many there are in all.
func (s *Service) List(ctx context.Context, f Filter) ([]Conversation, int64, error) {
	if f.Status != "" {
		if err := f.Status.check(); err != nil {
			return nil, 0, err
		}
	}
	return s.store.ListConversations(ctx, f)
}

// Change is what is to become of a conversation; nil leaves it as it is.
type Change struct {
	Status             *Status
	Labels             *[]string
	Custom, Additional json.RawMessage
}

// Update changes a conversation.
func (s *Service) Update(ctx context.Context, accountID, number int64, change Change) (Conversation, error) {
	return s.store.UpdateConversation(ctx, accountID, number, func(c *Conversation) error {
		if change.Status != nil {
			c.Status = *change.Status
		}
		if change.Labels != nil {
			c.Labels = *change.Labels
		}
		if change.Custom != nil {
			c.Custom = change.Custom
		}
		if change.Additional != nil {
			c.Additional = change.Additional
		}
		return c.check()
	})
}

// check brings an entry into the form in which it is kept.
func (e *Entry) check() (err error) {
	if e.Kind == "" {
		e.Kind = "text"
	}
	if n := utf8.RuneCountInString(e.Text); n > MaxText {
		return fault.InvalidField("content", n, "is too long (maximum is %d characters)", MaxText)
	}
	e.Text = strings.ReplaceAll(strings.ToValidUTF8(e.Text, "�"), "\x00", "")
	if e.Attributes, err = object("content_attributes", e.Attributes); err == nil {
		e.Additional, err = object("additional_attributes", e.Additional)
	}
	return err
}

// Note keeps something that is sent to nobody.
func (s *Service) Note(ctx context.Context, e Entry) (Entry, error) {
	e.Private, e.Direction = true, Outgoing
	if err := e.check(); err != nil {
		return Entry{}, err
	}
	return s.store.AddNote(ctx, e)
}

// Say sends a message to the conversation's contact. e says what is shown of it: a text of
// its own where that is not what is sent, such as a template's.
func (s *Service) Say(ctx context.Context, of Conversation, n messages.Notification, e Entry) (Entry, error) {
	if err := e.check(); err != nil {
		return Entry{}, err
	}
	n.AccountID, n.ChannelID, n.ContactID, n.To = of.AccountID, of.ChannelID, of.ContactID, ""
	n.Said = &messages.Said{ConversationID: of.ID, Text: e.Text, Kind: e.Kind, Attributes: e.Attributes, Additional: e.Additional, SourceID: e.SourceID}
	m, err := s.sender.Send(ctx, n)
	if err != nil {
		return Entry{}, err
	}
	return s.store.EntryOfMessage(ctx, of.AccountID, m.ID)
}

// Hear takes what the contact said, which a program brings instead of a provider. What it
// means is done, as with any reply.
func (s *Service) Hear(ctx context.Context, of Conversation, from providers.Channel, contact contacts.Contact, e Entry) (Entry, error) {
	e.Direction = Incoming
	if err := e.check(); err != nil {
		return Entry{}, err
	}
	e.AccountID, e.ConversationID = of.AccountID, of.ID
	return s.store.ReceiveEntry(ctx, contacts.Reply{
		AccountID: of.AccountID, ChannelID: of.ChannelID, ContactID: of.ContactID, ProviderID: e.SourceID,
		Kind: from.Address, Address: contact.Addresses[from.Address],
		Text: e.Text, Meaning: reply.Interpret(e.Text), Word: reply.Word(e.Text), ConversationID: of.ID,
	}, e)
}

// Entries lists what was said, the oldest first unless it is asked for the newest first.
func (s *Service) Entries(ctx context.Context, f Entries) ([]Entry, error) {
	return s.store.ListSaid(ctx, f)
}

// Entry is one entry; OfMessage the one that went out as a message.
func (s *Service) Entry(ctx context.Context, accountID, id int64) (Entry, error) {
	return s.store.GetEntry(ctx, accountID, id)
}

// OfMessage is the entry that went out as a message.
func (s *Service) OfMessage(ctx context.Context, accountID, messageID int64) (Entry, error) {
	return s.store.EntryOfMessage(ctx, accountID, messageID)
}

// Hide hides an entry for good. What was sent was sent.
func (s *Service) Hide(ctx context.Context, accountID, id int64) (Entry, error) {
	return s.store.HideEntry(ctx, accountID, id)
}

// Counted is what of conversations is counted.
type Counted string

// What can be counted.
const (
	CountOpened   Counted = "opened"
	CountResolved Counted = "resolved"
	CountIncoming Counted = "incoming"
	CountOutgoing Counted = "outgoing" // entries; what campaigns send is none
)

// Count asks how many there were in each of several times, in their order.
type Count struct {
	AccountID int64
	What      Counted
	// ChannelID and Label restrict it; 0 and empty do not.
	ChannelID int64
	Label     string
	// Times are the limits of the times: each begins where the one before ends.
	Times []time.Time
}

// Count counts.
func (s *Service) Count(ctx context.Context, q Count) ([]int64, error) {
	if len(q.Times) < 2 {
		return nil, nil
	}
	return s.store.CountConversations(ctx, q)
}

// NewUUID is a random one.
func NewUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // which never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
