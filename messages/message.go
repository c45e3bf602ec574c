package messages

import "time"

// Priority orders messages on one channel.
type Priority int8

// The priorities: transactional messages go before bulk.
const (
	Bulk          Priority = 0
	Transactional Priority = 1
)

// Message is one recipient, one step, one run: a row of the message table.
type Message struct {
	ID         int64
	ChannelID  int64
	RunID      int64 // 0 for a transactional message
	CampaignID int64 // 0 for a transactional message
	ContactID  int64 // 0 where no contact is behind the address
	Step       int
	// Variant is which of its campaign's variants it is, from 1 on, and VariantName its
	// name; 0 where there are none, or it waits for the one that wins.
	Variant     int
	VariantName string
	Priority    Priority
	Address     string
	// Language is that of the template's translation that was chosen when it was rendered
	// last; empty where no template speaks, and before.
	Language string
	// TemplateID is the template that a message without a campaign speaks; 0 for none.
	TemplateID int64
	State      State
	Reason     string
	Detail     string
	// Metadata is what a program said of a single message; nil for nothing.
	Metadata   map[string]string
	Attempt    int
	ProviderID string
	// EnvelopeID is the envelope that it was last queued in; 0 before the first.
	EnvelopeID int64
	DueAt      *time.Time
	CreatedAt  time.Time
	// Times are when it came to the states of the plain way, in its last round.
	Times
	// FinalAt is when it came to a state that it does not leave by itself; nil where
	// it has not.
	FinalAt *time.Time
}
