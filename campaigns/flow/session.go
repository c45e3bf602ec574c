package flow

import (
	"encoding/json"
	"time"

	"carillon/targeting/rule"
)

// Phase is what a session does where it stands.
type Phase string

// The phases.
const (
	Arrived Phase = ""        // it is about to begin with its step
	Sending Phase = "sending" // its message is under way
	Open    Phase = "open"    // its question was asked
	Waiting Phase = "waiting" // for a time or an event
	// Arriving: for a receipt that its last message has arrived.
	Arriving Phase = "arriving"
	Calling  Phase = "calling" // a program is asked
	Ended    Phase = "ended"
)

// Session is a contact's place in a flow. Whatever a move needs that is not in its Input
// is in it.
type Session struct {
	CampaignID int64
	ContactID  int64
	// Step is where it stands; where it ended, the last.
	Step  string
	Phase Phase
	// Deadline is when the step ends by itself; zero for never.
	Deadline time.Time
	// Tries counts the answers to the question that were of no use.
	Tries int
	// Sends counts the messages of the session, and of those of the contact before it: it
	// is what tells two messages of one step apart.
	Sends int
	// Answers are what was answered, by step or key, in stored form.
	Answers map[string]json.RawMessage
	// Messages are the latest messages of steps, by their ids.
	Messages map[string]int64
	// Outcome is with which it ended, Reason why, where that was no end of the flow.
	Outcome, Reason string
}

// The reasons for which a session ends that has not come to an end of the flow.
const (
	ReasonGoal     = "goal"      // it met a goal
	ReasonOptedOut = "opted_out" // the contact wants no messages any more
	ReasonBlocked  = "blocked"   // the contact is blocked or inactive
	ReasonErased   = "erased"    // the contact is gone
	ReasonCanceled = "canceled"  // the flow was canceled
)

// Input is what a move is made of besides its session.
type Input struct {
	// Stop ends the session: one of the reasons; empty to go on.
	Stop string
	// Contact is the contact as rules see it, with Answers and Steps left out; needed
	// where Rules says so.
	Contact *rule.Contact
	// Lists are the targeting lists inside of rules.
	Lists map[int64]rule.Rule
	// Zone is the recipient's; nil is UTC.
	Zone *time.Location
	// Steps are what became of the messages of steps.
	Steps map[string][]string
	// Settled is what became of the message under way; empty while nobody knows.
	Settled string
	// Arrived says that a receipt tells of it.
	Arrived bool
	// Why is the reason for which it was not sent.
	Why string
	// Heard are replies and events that came for the session, oldest first.
	Heard []Heard
}

// What became of a message under way.
const (
	SettledSent    = "sent"
	SettledSkipped = "skipped"
	SettledFailed  = "failed"
)

// Heard is something that came for a session: a reply, an event, or a program's answer.
// One of its texts is given.
type Heard struct {
	// Reply is what somebody wrote.
	Reply *string `json:"reply,omitempty"`
	// Event is the name of an event.
	Event string `json:"event,omitempty"`
	// Called says that a program answered, with these answers.
	Called map[string]json.RawMessage `json:"called,omitempty"`
	// Failed is why a program did not.
	Failed string    `json:"failed,omitempty"`
	At     time.Time `json:"-"`
}

// Effects are what a move has become of the world.
type Effects struct {
	// Send is the step whose message goes out; empty for none. Again says that it is the
	// words for another try.
	Send  string
	Again bool
	// Set is the step whose change is made.
	Set string
	// Call is the step whose program is asked.
	Call string
	// Start are the flows that the contact enters as well.
	Start []int64
	// Answered are the answers that were taken.
	Answered []Answered
	// Trace are the steps that were left, in their order.
	Trace []Left
	// Heard is how many of the input's Heard were dealt with.
	Heard int
	// Wake is when the session is looked at again by itself; zero for when something
	// comes.
	Wake time.Time
}

// Answered is one answer.
type Answered struct {
	Step  string
	Text  string
	Value json.RawMessage
	// Write is the key of the property into which it is written; may be empty.
	Write string
}

// Left is a step that was left, by which exit and why.
type Left struct {
	Step string
	Exit string // empty for the way on
	Why  string
}
