package messages

import (
	"encoding/json"
	"slices"
	"time"

	"carillon/providers"
)

// Claim asks for messages of one envelope, just before they are sent.
type Claim struct {
	WorkerID   int64
	ChannelID  int64
	RunID      int64
	EnvelopeID int64
	MessageIDs []int64
	// Languages are those in which the messages speak, in the same order; nil where no
	// template does.
	Languages []string
}

// Outcome is what became of a claimed message.
type Outcome struct {
	MessageID int64
	ChannelID int64
	RunID     int64
	WorkerID  int64
	// Attempt is the try that this is the outcome of, EnvelopeID the envelope that
	// it was claimed of. An unspent try gives its number back, so that only both
	// together name one claim.
	Attempt    int
	EnvelopeID int64
	// State is Sent, Pending (again, at DueAt), Failed, Rejected or Unknown.
	State State
	// Reason is one of the Reason constants; empty for Sent.
	Reason string
	// Detail is the provider's answer, for people.
	Detail     string
	ProviderID string
	// DueAt is when a Pending message may be tried again.
	DueAt time.Time
	// Unspent says that the try does not count: throttled is not failed.
	Unspent bool
	// NotAsked says of an unspent try that the provider was provably not asked:
	// if the message has been taken for in doubt meanwhile, it is not.
	NotAsked bool
	// At is when the provider answered.
	At time.Time
	// Kind and Code are of the provider's answer, for the history of the message;
	// empty for what simply succeeded and where it was not asked.
	Kind, Code string
	// Bounce says of a Rejected message that its address is to be suppressed, or
	// may be.
	Bounce providers.BounceKind
	// Unheard is when the recipient was believed to have written to the channel last, and with
	// that within its window, where the provider says that they are outside of it: nothing is
	// known of what they wrote until then. Zero where it says no such thing.
	Unheard time.Time `json:",omitzero"`
	// MovedTo is the address that the recipient has now by the provider's word; empty where it
	// says nothing of that. The contact and the message have it from then on.
	MovedTo string `json:",omitempty"`
}

// NotTaken reports whether the outcome proves that the provider has not taken the
// message: it was not asked, or it refused for now.
func (o Outcome) NotTaken() bool {
	return o.State == Pending && (o.NotAsked || o.Kind != "" && o.Kind != string(providers.ErrorInDoubt))
}

// Deferred reports whether the provider was asked and put the message off.
func (o Outcome) Deferred() bool {
	switch providers.ErrorKind(o.Kind) {
	case providers.ErrorTemporary, providers.ErrorRecipientBusy, providers.ErrorThrottled:
		return o.State == Pending && !o.NotAsked
	}
	return false
}

// MessageFilter selects messages to list. Zero values select everything.
type MessageFilter struct {
	AccountID  int64
	ChannelID  int64
	RunID      int64
	CampaignID int64
	ContactID  int64
	Address    string
	// Transactional selects messages without a campaign.
	Transactional bool
	State         *State
	Reason        string
	// Metadata selects single messages of which all of these entries were said.
	Metadata map[string]string
	// SenderID selects what a sender sent: a key, or less a user's id.
	SenderID int64
	// Newest lists the newest first instead of the oldest.
	Newest bool
	// After is the cursor: the id of the last message seen, 0 for none; Limit is at most
	// 1000.
	After int64
	Limit int
}

// Said is a message's place in a conversation, and what is shown of it there.
type Said struct {
	ConversationID int64
	// Text is what is shown where it is not what is sent; Kind what programs call it.
	Text, Kind string
	// Attributes and Additional are what programs keep of it: JSON objects.
	Attributes, Additional json.RawMessage
	SourceID               string
}

// Outgoing is a transactional message to create.
type Outgoing struct {
	AccountID int64
	ChannelID int64
	ContactID int64
	Address   string
	Content   []byte // providers.Content as JSON, rendered
	Metadata  []byte // JSON object of texts
	// SenderID is the sender who sees it as the own one: a key, or less a user's id; 0 for nobody.
	SenderID int64
	// SeriesID is the series in which it is counted; 0 for none.
	SeriesID int64
	// HeedOptOut has it skipped if the recipient opted out of campaigns.
	HeedOptOut bool
	// Masked has the content forgotten once the message was sent.
	Masked   bool
	Language string // of the template's translation; empty where there is none
	// TemplateID is the template that it speaks; 0 for none.
	TemplateID int64
	DueAt      time.Time
	// ReplyID is the reply that it answers, which is to be open; 0 for none.
	ReplyID int64
	// Said is its place in a conversation; nil for none.
	Said *Said
	// Trace is the trace in which it is made, as a traceparent; empty where it is not followed.
	Trace string
}

// EnvelopeRequest asks for the messages that an envelope names.
type EnvelopeRequest struct {
	ChannelID, RunID, EnvelopeID int64
	MessageIDs                   []int64
	// Uploads are those whose line of the recipient is wanted; the newest has it.
	Uploads []int64
	// HeardSince is since when it matters that a recipient wrote to the channel; zero where it
	// does not.
	HeardSince time.Time
}

// QueuedMessage is a message of an envelope that is still queued, with what is
// needed to render it.
type QueuedMessage struct {
	ID int64
	// Recipient is as the contact is now. Its address is the message's: the one that
	// the run was planned with.
	Recipient Recipient
	// Variant is which of its campaign's variants it is; 0 where there are none.
	Variant int
	// Content and Metadata are set for transactional messages, which carry their
	// own; both are JSON.
	Content, Metadata []byte
	// Trace is the trace in which a transactional message was made, as a traceparent; empty
	// where it is not followed.
	Trace string
	// QueuedAt is when the feeder put it into the queue.
	QueuedAt time.Time
	// HeardAt is when the recipient wrote to the channel last; zero if not since HeardSince.
	HeardAt time.Time
}

// Received is what a provider reported of a message that is known.
type Received struct {
	MessageID, RunID int64
	Status           providers.ReceiptStatus
	At               time.Time
}

// Skipping is why messages of an envelope are not sent.
type Skipping struct {
	RunID, ChannelID, EnvelopeID int64
	Reason                       string
	// Details says for each message what is wrong.
	Details map[int64]string
}

// Unqueuing is which messages of an envelope wait again, and for what.
type Unqueuing struct {
	RunID, ChannelID, EnvelopeID int64
	MessageIDs                   []int64
	Due                          Due
	// At are times of their own of those that do not all wait until Due.At.
	At map[int64]time.Time
}

// QueuedEnvelope is an envelope that messages in state queued point at.
type QueuedEnvelope struct {
	ID            int64
	Transactional bool
	Messages      int64
	QueuedAt      time.Time
}

// DeadWorker is a worker that was not heard of any more, and what became of the messages for
// which it had not recorded the provider's answer.
type DeadWorker struct {
	ID int64
	// Name is the process's, its host and process id; empty if the store has forgotten it.
	Name string
	// Channels are those that it served, and those of the messages, in order.
	Channels []int64
	// Held are held as unknown, Resent go again.
	Held, Resent int64
}

// On notes that it served a channel.
func (d *DeadWorker) On(channelID int64) {
	if at, known := slices.BinarySearch(d.Channels, channelID); !known {
		d.Channels = slices.Insert(d.Channels, at, channelID)
	}
}

// Due is when and why a message waits.
type Due struct {
	At     time.Time
	Reason string
	// AsOf is the UpdatedAt of the channel by whose limits At was reckoned; if it
	// has changed since, the message waits no longer than now. Zero says that At
	// does not follow from limits.
	AsOf time.Time
}

// RecentSend is when an address was last written to on a channel.
type RecentSend struct {
	Address string
	At      time.Time
}

// DaySends is how much of its limit of a moving day an account has used: messages that
// were claimed to be sent.
type DaySends struct {
	// Most is the limit; 0 for none, and then nothing else is known.
	Most, Used int64
	// RoomAt is when there is room again; zero if there is.
	RoomAt time.Time
}

// Full reports whether nothing may be sent now.
func (d DaySends) Full() bool { return d.Most > 0 && d.Used >= d.Most }

// LatestSlots are until when the latest slots of a channel, and of a campaign on
// it, are paid for; zero where nothing is known.
type LatestSlots struct{ Channel, Campaign time.Time }

// Backoff is how long a message waits after its nth temporary failure (n counts
// from 1): 15 s, then four times as long each time, at most an hour.
func Backoff(attempt int) time.Duration {
	d := 15 * time.Second
	for range attempt - 1 {
		d *= 4
		if d >= time.Hour {
			return time.Hour
		}
	}
	return d
}
