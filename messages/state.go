// Package messages owns a message's life: its states and the moves between them,
// why it is in one, whom it goes to, how it is claimed, recorded, counted, queued
// and cleared, and single sends. It must not know the store, Redis or HTTP, nor
// campaigns but by their ids.
package messages

import (
	"fmt"
	"slices"
)

// State is where a message stands. The numbers are stored; they never change
// their meaning. docs/states.md describes each.
type State int8

// The states of a message.
const (
	Pending   State = 0  // planned; waits for its due time or for room in the queue
	Queued    State = 1  // in the channel's window; a task in Redis points at it
	Sending   State = 2  // claimed by a worker; the provider is being asked
	Sent      State = 3  // the provider accepted it
	Delivered State = 4  // a receipt says that it arrived
	Read      State = 5  // a receipt says that it was opened
	Failed    State = 6  // permanent error, or attempts used up
	Rejected  State = 7  // the provider will not deliver to this recipient
	Skipped   State = 8  // our own rules kept us from sending
	Canceled  State = 9  // an operator cleared it or canceled its campaign
	Unknown   State = 10 // in doubt, and the channel holds such messages
)

// NumStates is the number of states; a State is always below it.
const NumStates = 11

var stateNames = [NumStates]string{
	"pending", "queued", "sending", "sent", "delivered", "read",
	"failed", "rejected", "skipped", "canceled", "unknown",
}

// moves is the whole state machine: from each state, where it may go. Receipts
// are facts: of a message that the provider has been asked to send they end
// whatever else it waits for (Delivered to Rejected below), and what was
// delivered is so whatever the provider had answered. An operator may send again
// what ended (Pending below), on the same row.
var moves = [NumStates][]State{
	Pending:   {Queued, Skipped, Canceled, Delivered, Read, Failed, Rejected},
	Queued:    {Sending, Pending, Canceled, Skipped, Delivered, Read, Failed, Rejected},
	Sending:   {Sent, Pending, Failed, Rejected, Unknown, Delivered, Read},
	Sent:      {Delivered, Read, Failed, Rejected, Pending},
	Delivered: {Read, Pending},
	Read:      {Pending},
	Failed:    {Pending, Delivered, Read},
	Rejected:  {Pending, Delivered, Read},
	Skipped:   {Delivered, Read},
	Canceled:  {Delivered, Read},
	// A late answer of the worker settles it, a receipt proves that it went, or an
	// operator does. A worker that was taken for dead and had not asked the
	// provider puts it back, or lets it be canceled with its campaign.
	Unknown: {Sent, Delivered, Read, Failed, Rejected, Pending, Canceled},
}

// String is the state's name as the API shows it.
func (s State) String() string {
	if s < 0 || int(s) >= NumStates {
		return fmt.Sprintf("state(%d)", int8(s))
	}
	return stateNames[s]
}

// MarshalText is the state's name.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a state's name.
func (s *State) UnmarshalText(text []byte) error {
	parsed, err := ParseState(string(text))
	if err != nil {
		return err
	}
	*s = parsed
	return nil
}

// ParseState reads a state's name; the error lists the names.
func ParseState(name string) (State, error) {
	if i := slices.Index(stateNames[:], name); i >= 0 {
		return State(i), nil
	}
	return 0, fmt.Errorf("%q is no message state: one of %v", name, stateNames)
}

// States lists every state in the order of its number.
func States() []State {
	all := make([]State, NumStates)
	for i := range all {
		all[i] = State(i)
	}
	return all
}

// CanMove reports whether a message may go from one state to another.
func CanMove(from, to State) bool { return slices.Contains(moves[from], to) }

// Asked is how many the provider was asked to take.
func (c Counts) Asked() int64 {
	return c[Sent] + c[Delivered] + c[Read] + c[Failed] + c[Rejected] + c[Unknown]
}

// Active reports whether a message still has to go somewhere by itself: a run
// can't finish while one of its messages is active.
func (s State) Active() bool { return s <= Sending }

// Reasons: why a message is in its state, as stored beside it and shown by the
// API. Providers' own codes stand in Detail.
const (
	ReasonNoAddress        = "no_address"        // the contact has no address of the channel's kind
	ReasonExcluded         = "excluded"          // in the audience's exclude
	ReasonStillWaiting     = "still_waiting"     // waits for its message of an earlier run of the campaign
	ReasonInactive         = "contact_inactive"  // the contact is inactive
	ReasonBlocked          = "contact_blocked"   // the contact is blocked
	ReasonDeleted          = "contact_deleted"   // the contact is gone
	ReasonSuppressed       = "suppressed"        // the address is on the suppression list
	ReasonOptedOut         = "opted_out"         // the recipient unsubscribed
	ReasonCapped           = "capped"            // a frequency cap holds it back
	ReasonHours            = "outside_hours"     // it is not within the hours where the recipient is
	ReasonWindow           = "window"            // they have not written lately, and the channel may send them templates at most
	ReasonExpired          = "expired"           // its time was over before it could go
	ReasonHoldout          = "holdout"           // the campaign holds the contact out, to compare
	ReasonUndecided        = "awaits_winner"     // waits for the variant that wins
	ReasonRenderFailed     = "render_failed"     // the template could not be rendered for this recipient
	ReasonCleared          = "cleared"           // an operator cleared the queue
	ReasonCanceled         = "campaign_canceled" // an operator canceled the campaign
	ReasonAttemptsUsedUp   = "attempts_used_up"  // temporary errors until no attempt was left
	ReasonRefused          = "refused"           // the provider refuses this message
	ReasonRecipient        = "recipient"         // the provider refuses this recipient
	ReasonInDoubt          = "in_doubt"          // the provider was asked, the answer is not known
	ReasonNotAsked         = "not_asked"         // its worker was taken for dead, but had not asked the provider
	ReasonTemporary        = "temporary"         // waits for its next attempt after a temporary error
	ReasonThrottled        = "throttled"         // waits because the provider asked us to
	ReasonRenderExceeded   = "render_exceeded"   // the template took too much work or time for this recipient
	ReasonChannelStopped   = "channel_stopped"   // waits because the provider refuses the credentials, the sender or the account
	ReasonChannelHeld      = "channel_held"      // waits because the provider is not to be asked now
	ReasonPaused           = "paused"            // taken back from the queue by a pause
	ReasonRequeued         = "requeued"          // taken back because its task was gone from Redis
	ReasonRecipientPerDay  = "recipients_per_day"
	ReasonRecipientSpacing = "recipient_spacing"
	ReasonAccountPerDay    = "account_per_day"
	ReasonMailbox          = "mailbox"         // waits for a time at which its mailbox provider may be written to
	ReasonMailboxPerDay    = "mailbox_per_day" // as many of its mailbox provider's were written to as may in a day
	ReasonReceipt          = "receipt"         // a receipt said so
	ReasonSettled          = "settled"         // an operator said what became of what was in doubt
	ReasonProviderAsked    = "provider_asked"  // the provider was asked what became of what was in doubt
	ReasonResend           = "resend"          // an operator sends it again
	ReasonResendSent       = "resend_sent"     // the same, although it was sent
)

// Reasons are all of them, in the order in which they are documented.
func Reasons() []string {
	return []string{
		ReasonNoAddress, ReasonExcluded, ReasonStillWaiting, ReasonInactive, ReasonBlocked, ReasonDeleted, ReasonSuppressed,
		ReasonOptedOut, ReasonCapped, ReasonHours, ReasonWindow, ReasonExpired, ReasonHoldout, ReasonUndecided, ReasonRenderFailed,
		ReasonRenderExceeded, ReasonCleared, ReasonCanceled, ReasonAttemptsUsedUp, ReasonRefused, ReasonRecipient, ReasonInDoubt,
		ReasonNotAsked, ReasonTemporary, ReasonThrottled, ReasonChannelStopped, ReasonChannelHeld, ReasonPaused, ReasonRequeued,
		ReasonRecipientPerDay, ReasonRecipientSpacing, ReasonAccountPerDay, ReasonMailbox, ReasonMailboxPerDay, ReasonReceipt, ReasonSettled,
		ReasonProviderAsked, ReasonResend, ReasonResendSent,
	}
}

// Counts holds how many messages are in each state, indexed by State.
type Counts [NumStates]int64

// Total is the number of messages in all states.
func (c Counts) Total() int64 {
	var sum int64
	for _, n := range c {
		sum += n
	}
	return sum
}

// Active is the number of messages that still have to go somewhere.
func (c Counts) Active() int64 { return c[Pending] + c[Queued] + c[Sending] }

// Add returns the sum of two counts.
func (c Counts) Add(other Counts) Counts {
	for i := range c {
		c[i] += other[i]
	}
	return c
}

// Map is the counts by name, every state present, as the API shows them.
func (c Counts) Map() map[string]int64 {
	m := make(map[string]int64, NumStates)
	for i, n := range c {
		m[stateNames[i]] = n
	}
	return m
}
