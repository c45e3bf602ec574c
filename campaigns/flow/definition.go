// Package flow owns what a flow is: steps through which each person is walked, what a
// person's next move is, and when. It is pure: it has no clock, no store and no network.
// The scheduler moves people by it, simulate plays it on a clock of its own, and tests
// move through flows that were made up. It must not know how places and answers are kept.
package flow

import (
	"encoding/json"

	"carillon/internal/naming"
	"carillon/providers"
	"carillon/templates"
)

// Kind is what a step does.
type Kind string

// The kinds of steps.
const (
	Send   Kind = "send"   // a message
	Ask    Kind = "ask"    // a message whose answer is waited for
	Wait   Kind = "wait"   // some time, until a time, or for an event
	Branch Kind = "branch" // the way depends on the person, or on chance
	Set    Kind = "set"    // writes properties, puts into lists and takes out of them
	Call   Kind = "call"   // asks a program of yours
	Start  Kind = "start"  // lets the person enter another flow as well
	End    Kind = "end"    // with an outcome
)

// Kinds lists every kind.
func Kinds() []Kind { return []Kind{Send, Ask, Wait, Branch, Set, Call, Start, End} }

// The exits of steps, beside the way on.
const (
	ExitSkipped = "skipped" // send, ask: our own rules kept the message from being sent
	// send, ask, call: it could not be sent, or the program did not answer; a wait for what was
	// sent to arrive: it came back.
	ExitFailed  = "failed"
	ExitTimeout = "timeout" // ask, wait for an event, or for what was sent to arrive: nothing came in time
	ExitInvalid = "invalid" // ask: no answer could be used, after all tries
)

// exits are those that a kind of step has.
var exits = map[Kind][]string{
	Send: {ExitSkipped, ExitFailed},
	Ask:  {ExitSkipped, ExitFailed, ExitTimeout, ExitInvalid},
	Wait: {ExitTimeout, ExitFailed},
	Call: {ExitFailed},
}

// Bounds of a flow.
const (
	MaxSteps    = 200
	MaxBranches = 20
	MaxSize     = 1 << 20 // bytes of JSON
	MaxTries    = 10
	maxGoals    = 10
	maxTriggers = 20
	maxName     = 63
	maxOutcome  = 100 // letters
)

// Definition is a flow as people write it.
type Definition struct {
	Steps []Step `json:"steps" doc:"The steps; everybody enters at the first, and goes on to the one behind unless next says where."`
	// Goals are looked at whenever somebody moves: who meets one leaves with its outcome.
	Goals    []Goal    `json:"goals,omitempty" doc:"Who meets one of these rules, wherever they stand, leaves with its outcome; looked at before every move."`
	Reentry  Reentry   `json:"reentry,omitzero" doc:"Whether somebody may enter again."`
	Triggers []Trigger `json:"triggers,omitempty" doc:"What lets people enter by itself."`
}

// Step is one step of a flow.
type Step struct {
	ID   string `json:"id" doc:"Its name within the flow: lower-case letters, digits and _." example:"welcome"`
	Kind Kind   `json:"kind" enum:"send,ask,wait,branch,set,call,start,end" doc:"What it does."`
	// ChannelID is the channel of send and ask; 0 is the flow's.
	ChannelID int64             `json:"channel_id,omitempty" doc:"send, ask: another channel than the flow's."`
	Channel   naming.Ref        `json:"channel,omitzero" kind:"channel" doc:"Instead of channel_id: the channel, by its id or its name. It is kept as an id."`
	Content   *Saying           `json:"content,omitempty" doc:"send, ask: what is said; Liquid in every text, with {{ answers.<step> }} for what was answered. Or a template."`
	Question  *Question         `json:"question,omitempty" doc:"ask: which answer is expected."`
	Wait      *WaitFor          `json:"wait,omitempty" doc:"wait: for what."`
	Branches  []BranchWay       `json:"branches,omitempty" doc:"branch: the ways; the first whose rule holds is taken, or by chance if they have shares; next is for everybody else."`
	Set       *ContactChange    `json:"set,omitempty" doc:"set: what is written."`
	Call      *ProgramCall      `json:"call,omitempty" doc:"call: which program is asked."`
	FlowID    int64             `json:"flow_id,omitempty" doc:"start: the flow that the person enters as well."`
	Flow      naming.Ref        `json:"flow,omitzero" kind:"campaign" doc:"Instead of flow_id: the flow, by its id or its name. It is kept as an id."`
	Outcome   string            `json:"outcome,omitempty" doc:"end: how it ended, in your words." example:"bought"`
	Next      string            `json:"next,omitempty" doc:"The step that follows; without it, the one behind."`
	Exits     map[string]string `json:"exits,omitempty" doc:"Other ways on: skipped, failed, timeout, invalid. Without one, the step that follows. Behind a colon an exit may name the reason for which alone it is taken, such as skipped:no_address."`
	Fallback  []Fallback        `json:"fallback,omitempty" doc:"send: other channels for who was not reached, tried in this order. It is written out as steps of its own, called as this one with _2, _3 behind, and with _arrived for a wait, as which it is kept and shown."`
}

// Saying is what is said: texts, or what a template says.
type Saying struct {
	providers.Content
	Template *templates.Use `json:"template,omitempty" doc:"A template instead of texts."`
}

// Question is which answer is expected.
type Question struct {
	Type Answer `json:"type" enum:"text,number,date,email,phone,choice,location,file" doc:"What kind of answer."`
	// Rule constrains it as the rule of a property does.
	Rule string `json:"rule,omitempty" doc:"What it must keep to: >=1 <=10 for a number or a date, red,green,\"light blue\" for a choice, <=160 for the length of a text."`
	// Country is of phone numbers that are given without one.
	Country string `json:"country,omitempty" doc:"phone: the country of numbers without one, such as DE."`
	// Retry is said to who gave another answer.
	Retry *Saying `json:"retry,omitempty" doc:"What is said to who answered something else; without it the question stays open in silence."`
	Tries int     `json:"tries,omitempty" minimum:"0" maximum:"10" doc:"How many answers may be of no use before the exit invalid is taken; default 3."`
	// Timeout is from when the question was sent.
	Timeout string `json:"timeout" doc:"For how long an answer is waited for, from when the question was sent: a duration such as 12h or 3d, from 1m to 90d." example:"24h"`
	Write   string `json:"write,omitempty" doc:"Key of a property of the contact into which the answer is written as well."`
}

// WaitFor is for what a wait waits.
type WaitFor struct {
	For   string `json:"for,omitempty" doc:"A duration such as 90m, 2d or 1w, from 1s to 400d." example:"2d"`
	Until *Clock `json:"until,omitempty" doc:"Until the recipient's clock shows this, the next time."`
	Event string `json:"event,omitempty" doc:"Until this event of the person comes." example:"order.paid"`
	// Delivered waits for a receipt.
	Delivered bool `json:"delivered,omitempty" doc:"Until a receipt says that the last message of this person has arrived. Where it comes back, the exit failed is taken."`
	// AtMost bounds the wait for an event or a receipt.
	AtMost string `json:"at_most,omitempty" doc:"event, delivered: for how long at most; then the exit timeout is taken." example:"3d"`
}

// Clock is a time on the recipient's clock.
type Clock struct {
	Time     string   `json:"time" doc:"Wall-clock time." example:"09:00"`
	Weekdays []string `json:"weekdays,omitempty" doc:"On one of these days: mon tue wed thu fri sat sun; without them, on any."`
}

// BranchWay is one way of a branch: by a rule, or by chance.
type BranchWay struct {
	Rule  json.RawMessage `json:"rule,omitempty" doc:"A targeting rule, which may call lists by their names and is kept with their ids; beside its fields there are answers.<step> and steps.<step>, whose values are sent, delivered, read, clicked, replied, failed, skipped."`
	Share int             `json:"share,omitempty" minimum:"0" maximum:"100" doc:"Percent of the people, the same ones whenever they come by."`
	Next  string          `json:"next" doc:"The step that follows."`
}

// ContactChange is what a set writes.
type ContactChange struct {
	Attributes map[string]json.RawMessage `json:"attributes,omitempty" doc:"Values of properties by their keys; null takes a value away."`
	Add        *NamedLists                `json:"add,omitempty" doc:"Puts the contact into lists."`
	Remove     *NamedLists                `json:"remove,omitempty" doc:"Takes the contact out of lists."`
}

// NamedLists are lists, which are kept as ids.
type NamedLists struct {
	Groups     []naming.Ref `json:"groups,omitempty" kind:"group" doc:"Groups, each by its id or its name. They are kept as ids."`
	Labels     []naming.Ref `json:"labels,omitempty" kind:"label" doc:"Labels, likewise."`
	Categories []naming.Ref `json:"categories,omitempty" kind:"category" doc:"Categories, likewise."`
}

// ProgramCall is how a program is asked: a POST of a JSON object with contact, answers and
// flow; its answer, a JSON object, may set answers.
type ProgramCall struct {
	URL     string   `json:"url" format:"uri" doc:"Where the program is. It gets a POST with a JSON object: flow, step, session, contact, answers; Idempotency-Key is the same for every try."`
	Answers []string `json:"answers,omitempty" doc:"Keys of its answer, a JSON object, that become answers."`
	Tries   int      `json:"tries,omitempty" minimum:"0" maximum:"10" doc:"How often it is asked before the exit failed is taken; default 3."`
}

// Goal lets people leave who meet a rule.
type Goal struct {
	Rule    json.RawMessage `json:"rule" doc:"A targeting rule, as of a branch."`
	Outcome string          `json:"outcome" doc:"With which outcome they leave." example:"bought"`
}

// Again says whether somebody may enter again.
type Again string

// Whether somebody may enter again.
const (
	Never        Again = "never"         // once and for all
	AfterLeaving Again = "after_leaving" // who is not inside
	Always       Again = "always"        // who is inside is so twice
)

// Reentry is whether and when somebody may enter again.
type Reentry struct {
	Allow Again  `json:"allow,omitempty" enum:"never,after_leaving,always" doc:"Default never."`
	Gap   string `json:"gap,omitempty" doc:"The least time between two entries: a duration such as 30d."`
}

// Trigger lets people enter by itself. One of its fields is given.
type Trigger struct {
	Event   string      `json:"event,omitempty" doc:"On an event of this name." example:"cart.left"`
	Keyword string      `json:"keyword,omitempty" doc:"Who writes this word on the flow's channel." example:"survey"`
	Joins   *NamedLists `json:"joins,omitempty" doc:"Who comes into one of these lists."`
	// Date is a day that each contact has.
	Date *Anniversary `json:"date,omitempty" doc:"On, before or after a day that a property of each contact holds."`
}

// Anniversary is a day that a property holds, by the recipient's clock.
type Anniversary struct {
	Property string `json:"property" doc:"Key of a property with a date." example:"birthday"`
	Days     int    `json:"days,omitempty" minimum:"-365" maximum:"365" doc:"So many days after that day; before it, if negative."`
	Time     string `json:"time" doc:"At this wall-clock time." example:"09:00"`
	Yearly   bool   `json:"yearly,omitempty" doc:"Every year; 29 February is 1 March in other years."`
}
