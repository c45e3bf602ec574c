package campaigns

import (
	"crypto/sha256"
	"encoding/base64"
	"time"

	"carillon/providers"
)

// Recipient is what a template may say about whom it is rendered for.
type Recipient struct {
	ContactID  int64
	ExternalID string
	Name       string
	FirstName  string
	LastName   string
	Language   string
	Timezone   string
	Address    string
	// Attributes are the values of properties, a JSON object; empty where there
	// are none.
	Attributes string
	// Row is the recipient's line of the CSV upload, a JSON object; empty where
	// the audience is no upload.
	Row string
}

// Claim asks for messages of one envelope, just before they are sent.
type Claim struct {
	WorkerID   int64
	ChannelID  int64
	RunID      int64
	EnvelopeID int64
	MessageIDs []int64
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
}

// NotTaken reports whether the outcome proves that the provider has not taken the
// message: it was not asked, or it refused for now.
func (o Outcome) NotTaken() bool {
	return o.State == Pending && (o.NotAsked || o.Kind != "" && o.Kind != string(providers.ErrorInDoubt))
}

// Preview says what a campaign would do; the planner does exactly that.
type Preview struct {
	// Total is the number of recipients, Reachable how many will be sent to.
	Total, Reachable int64
	// Skipped counts the others by reason.
	Skipped map[string]int64
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
	// After is the cursor: the id of the last message seen; Limit is at most 1000.
	After int64
	Limit int
}

// Outgoing is a transactional message to create.
type Outgoing struct {
	AccountID int64
	ChannelID int64
	ContactID int64
	Address   string
	Content   []byte // providers.Content as JSON, rendered
	Metadata  []byte // JSON object of texts
	DueAt     time.Time
}

// QueueFilter selects what waits to be sent; zero selects everything.
type QueueFilter struct {
	AccountID  int64
	ChannelID  int64
	CampaignID int64
}

// QueueTotals is a channel's share of the outbound queue.
type QueueTotals struct {
	ChannelID              int64
	Pending                int64
	Queued                 int64
	Sending                int64
	OldestPendingCreatedAt *time.Time
}

// QueueOutlook is what is still to come into the outbound queue.
type QueueOutlook struct {
	// Planning are the runs whose audience is still being expanded: each makes
	// more messages than it has so far.
	Planning []PlanningRun
	// Next is the scheduled campaign that fires first; nil if there is none.
	Next *NextFiring
}

// PlanningRun is a run whose audience is not expanded yet.
type PlanningRun struct {
	RunID        int64
	CampaignID   int64
	CampaignName string
	ChannelID    int64
	// Status is RunPlanning, or RunPaused where its planning goes on when its
	// campaign is resumed.
	Status RunStatus
	// Planned is how many messages it has made so far.
	Planned int64
}

// NextFiring is when a scheduled campaign fires.
type NextFiring struct {
	CampaignID   int64
	CampaignName string
	ChannelID    int64
	At           time.Time
}

// Clearing is one clearing of the queue, finished or under way.
type Clearing struct {
	ID         int64
	AccountID  int64
	ChannelID  int64
	CampaignID int64
	Actor      string
	Cleared    int64
	// Examples are up to ten of the cleared messages.
	Examples   []ClearedMessage
	CreatedAt  time.Time
	FinishedAt *time.Time
}

// ClearedMessage is an example of what was cleared.
type ClearedMessage struct {
	MessageID  int64  `json:"message_id"`
	CampaignID int64  `json:"campaign_id,omitempty"`
	Address    string `json:"address"`
}

// Verification is the proof that a run accounts for everybody.
type Verification struct {
	RunID      int64
	CampaignID int64
	Status     RunStatus
	// Planned is what the planner wrote down; Rows is what a count over the
	// table finds; Counters is what the transactions kept.
	Planned  int64
	Rows     Counts
	Counters Counts
	// Problems is empty when everything balances.
	Problems []string
}

// Feedable is a run, or the transactional messages of a channel (RunID 0), with
// messages waiting for room in the channel's window.
type Feedable struct {
	ChannelID  int64
	RunID      int64
	CampaignID int64
	Weight     int
	Pending    int64
	// Queued is how many of its messages are in the channel's window.
	Queued int64
}

// FeedRequest asks for messages to be marked queued.
type FeedRequest struct {
	ChannelID int64
	RunID     int64
	// Envelopes are the ids of the envelopes to fill, PerEnvelope messages each.
	Envelopes   []int64
	PerEnvelope int
}

// FeedMessage is a message that was marked queued.
type FeedMessage struct {
	ID         int64
	EnvelopeID int64
	// Attempt is the number that the next try will have.
	Attempt int
}

// EnvelopeRequest asks for the messages that an envelope names.
type EnvelopeRequest struct {
	ChannelID, RunID, EnvelopeID int64
	MessageIDs                   []int64
	// Uploads are those whose line of the recipient is wanted; the newest has it.
	Uploads []int64
}

// QueuedMessage is a message of an envelope that is still queued, with what is
// needed to render it.
type QueuedMessage struct {
	ID int64
	// Recipient is as the contact is now. Its address is the message's: the one that
	// the run was planned with.
	Recipient Recipient
	// Content and Metadata are set for transactional messages, which carry their
	// own; both are JSON.
	Content, Metadata []byte
}

// Skipping is why messages of an envelope are not sent.
type Skipping struct {
	RunID, ChannelID, EnvelopeID int64
	Reason                       string
	// Details says for each message what is wrong.
	Details map[int64]string
}

// QueuedEnvelope is an envelope that messages in state queued point at.
type QueuedEnvelope struct {
	ID            int64
	Transactional bool
	Messages      int64
	QueuedAt      time.Time
}

// PlanStep is what one batch of the planner did.
type PlanStep struct {
	// Inserted counts the messages of the batch, Skipped those of them that our
	// own rules keep from being sent.
	Inserted, Skipped int64
	// Done says that the audience has no more members.
	Done bool
	// Stopped says that the run is not being planned now: paused, canceled or
	// finished.
	Stopped bool
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

// LatestSlots are until when the latest slots of a channel, and of a campaign on
// it, are paid for; zero where nothing is known.
type LatestSlots struct{ Channel, Campaign time.Time }

// RecipientKey hashes an address for the limiter, so that Redis holds no
// personal data beyond the windows.
func RecipientKey(address string) string {
	sum := sha256.Sum256([]byte(address))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}
