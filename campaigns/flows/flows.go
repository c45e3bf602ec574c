// Package flows owns flow campaigns as people see them: what is checked before one is
// kept or started, who enters, who stands where, what was answered, and what would come of
// one on a clock of its own. How a person moves is campaigns/flow's; it must not know the
// store, Redis or HTTP, and takes what it needs as small interfaces.
package flows

import (
	"encoding/json"
	"time"

	"carillon/campaigns"
	"carillon/campaigns/flow"
	"carillon/messages"
)

// Flow is a campaign of several steps. The Campaign says through which channel, under
// which limits and category, and who enters when by its Audience and Schedule; it has no
// content of its own.
type Flow struct {
	campaigns.Campaign
	Definition flow.Definition
	// InForce is the version by which people enter now; 0 before it was started. Changed
	// says that Definition is another one.
	InForce int64
	Changed bool
	// ClosedAt is since when nobody enters any more; nil if people may.
	ClosedAt *time.Time
	// Inside are the sessions that have not ended, Entered all there were.
	Inside, Entered int64
}

// Session is somebody's way through a flow.
type Session struct {
	ID         int64
	CampaignID int64
	Version    int64
	ContactID  int64
	// Source is how it was entered: api, audience, event, keyword, joined, date, flow.
	Source string
	Step   string
	Phase  flow.Phase
	// WakeAt is when it is looked at next; nil if something must come before.
	WakeAt    *time.Time
	Answers   map[string]json.RawMessage
	Outcome   string
	Reason    string
	EnteredAt time.Time
	MovedAt   time.Time
	EndedAt   *time.Time
	// Moves are the steps that were left; only of a session that is read by itself.
	Moves []Move
}

// Move is a step that was left.
type Move struct {
	At   time.Time
	Step string
	Exit string
	Why  string
	// ArrivedAt is when a receipt said that what was sent had arrived which the move gave up;
	// zero where none has. They may have what came next as well.
	ArrivedAt time.Time
}

// SessionFilter selects sessions. What is empty does not restrict.
type SessionFilter struct {
	AccountID, CampaignID, ContactID int64
	Step                             string
	// Ended selects those that have ended, or have not.
	Ended *bool
	// Before is the id before which the list goes on, newest first; 0 begins with the newest.
	Before int64
	Limit  int
}

// Answer is what somebody answered.
type Answer struct {
	ID         int64
	SessionID  int64
	CampaignID int64
	ContactID  int64
	// QuestionID is the question's own, the same in all versions; 0 for what a program
	// answered.
	QuestionID int64
	Step       string
	Question   string
	Text       string
	Value      json.RawMessage
	At         time.Time
}

// AnswerFilter selects answers. What is empty does not restrict.
type AnswerFilter struct {
	AccountID, CampaignID, ContactID int64
	Step                             string
	// After is the id behind which the list goes on, oldest first.
	After int64
	Limit int
}

// Entry is who enters a flow.
type Entry struct {
	CampaignID int64
	Contacts   []int64
	Source     string
	// Answers are known before anything is asked, such as the payload of an event.
	Answers map[string]json.RawMessage
}

// Entered is what became of an entry.
type Entered struct {
	// Sessions are the new ones, by contact.
	Sessions map[int64]int64
	// Left out are the contacts that could not enter, with the reason.
	Left map[int64]string
}

// Why somebody did not enter.
const (
	LeftInside  = "inside"  // is in the flow already
	LeftBefore  = "before"  // was in the flow, and it allows that once
	LeftGap     = "gap"     // was in it too short a time ago
	LeftUnknown = "unknown" // no contact, or not an active one
)

// StepCount is what happens at a step.
type StepCount struct {
	Step string
	Kind flow.Kind
	// Here are the sessions that stand there now.
	Here int64
	// Exits are those that have left it, by exit; the way on is the empty one.
	Exits map[string]int64
	// Messages are the messages of the step by state; nil where it sends none.
	Messages *messages.Counts
}

// Outcome counts the sessions that ended so.
type Outcome struct {
	Outcome string
	Reason  string
	Count   int64
}

// Report is where everybody is. Entered is the sum of what is inside and of the outcomes.
type Report struct {
	Entered, Inside int64
	Steps           []StepCount
	Outcomes        []Outcome
}

// Version is one that was in force, or is.
type Version struct {
	Version   int64
	CreatedAt time.Time
	By        string
	// Inside are the sessions on it.
	Inside int64
	// RetiredAt is since when nobody is on it any more.
	RetiredAt *time.Time
	// Definition is what it says; only of a version that is read by itself.
	Definition flow.Definition
}

// Call is a program that is to be asked.
type Call struct {
	SessionID, AccountID, CampaignID, ContactID int64
	Rev                                         int64
	Step                                        string
	Request                                     flow.ProgramCall
	Tries                                       int
	Answers                                     map[string]json.RawMessage
	FlowName                                    string
}
