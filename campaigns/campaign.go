// Package campaigns owns the rules of a campaign's life: campaigns and their runs,
// schedules, what a run would do and does, and what holds it up. It must not know
// the store, Redis or HTTP; it takes what it needs as small interfaces.
package campaigns

import (
	"time"

	"carillon/messages"
	"carillon/providers"
	"carillon/targeting"
	"carillon/templates"
	"carillon/tracking"
)

// Status is where a campaign stands.
type Status string

// The statuses of a campaign.
const (
	Draft     Status = "draft"
	Scheduled Status = "scheduled"
	Running   Status = "running"
	Paused    Status = "paused"
	Finished  Status = "finished"
	Canceled  Status = "canceled"
	// Failed is a campaign that fires once and whose run could not be planned.
	Failed Status = "failed"
)

// Campaign is a message to an audience through a channel at a time.
type Campaign struct {
	ID        int64
	AccountID int64
	// Number is its place among those of its account, from 1; none comes again.
	Number    int64
	Name      string
	ChannelID int64
	Audience  targeting.Audience
	// Content is the template: Liquid in every text.
	Content providers.Content
	// Template is what everybody gets instead of Content, in their language; may be nil.
	Template *templates.Use
	// DataFeed is what is read when a run begins, for the texts to be filled from; nil for
	// nothing.
	DataFeed *DataFeed
	// Experiment is what it tries out; nil for nothing.
	Experiment *Experiment
	// Tracking is what of its messages is tracked.
	Tracking tracking.Settings
	// Conversion is the event that counts for it; nil for none.
	Conversion *Conversion
	// Resolved is what the template came to when the run was fired; only a campaign
	// that is read for a run has it, and only with a template.
	Resolved *templates.Resolved
	// ResolvedVariants are the same of each variant, nil for one without a template of its
	// own.
	ResolvedVariants []*templates.Resolved
	// Snippets are the texts that Content renders by name, as they were when the run
	// was fired; only a campaign that is read for a run has them.
	Snippets map[string]string
	Schedule Schedule
	Throttle Throttle
	// Weight is the campaign's share of its channel against other campaigns, 1
	// to 100; default 1.
	Weight int
	// CategoryID is the subscription topic that it is about: whoever opted out of
	// it is skipped, and its frequency caps count. 0 for none.
	CategoryID int64
	// IsPublished says that it is, was or will be published for people to pull it.
	IsPublished bool
	// IsFlow says that it is one of several steps, which walks people through a flow.
	IsFlow bool
	Status Status
	// NextFireAt is when the campaign fires next; nil if it doesn't.
	NextFireAt *time.Time
	// RunID is the latest run that fired; 0 before the first.
	RunID int64
	// Version counts the changes of content and audience; a run keeps the one that it
	// began with.
	Version int64
	// Pause is why the campaign is paused, SchedulePause why its instants alone do not
	// fire; zero if it is not, or they do.
	Pause, SchedulePause Pause
	// Behind is the last instant of a recurring campaign of which something was decided,
	// and Fired how many have fired, or wait to.
	Behind time.Time
	Fired  int
	About  About
	// ArchivedAt is since when it is archived; nil if it is not.
	ArchivedAt *time.Time
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// Throttle bounds a campaign more tightly than its channel.
type Throttle struct {
	// PerSecond is the most messages of this campaign in any sliding second; 0
	// sets no limit beside the channel's.
	PerSecond float64 `json:"per_second,omitempty" minimum:"0" maximum:"100000" doc:"Most messages of this campaign in any sliding second; 0 leaves it to the channel's limit."`
	// Batch has each run go out in batches with pauses.
	Batch Batch `json:"batch,omitzero" required:"false" doc:"Batches with pauses: so many messages, and as many again when the time has passed."`
	// MaxAttempts is how often a message is tried when errors are temporary.
	MaxAttempts int `json:"max_attempts,omitempty" minimum:"0" maximum:"20" doc:"How often a message is tried while errors are temporary; default 5."`
}

// DefaultMaxAttempts is how often a message is tried when nothing else is said.
// With Backoff's delays that covers an outage of about half an hour.
const DefaultMaxAttempts = 5

// Attempts is MaxAttempts with its default.
func (t Throttle) Attempts() int {
	if t.MaxAttempts == 0 {
		return DefaultMaxAttempts
	}
	return t.MaxAttempts
}

// RunStatus is where a run stands.
type RunStatus string

// The statuses of a run.
const (
	// RunWaiting waits for its time, or for the run before it.
	RunWaiting  RunStatus = "waiting"
	RunPlanning RunStatus = "planning"
	RunSending  RunStatus = "sending"
	RunPaused   RunStatus = "paused"
	RunFinished RunStatus = "finished"
	RunCanceled RunStatus = "canceled"
	// RunFailed could not be planned, or not to its end.
	RunFailed RunStatus = "failed"
	// RunSkipped is an instant that did not fire.
	RunSkipped RunStatus = "skipped"
)

// RunKind is what a run was made for.
type RunKind string

// The kinds of runs.
const (
	RunScheduled RunKind = "scheduled" // its time had come
	// RunTriggered is one that a person asked for.
	RunTriggered RunKind = "triggered"
	// RunBackfill is an instant that is made up for.
	RunBackfill RunKind = "backfill"
	// RunResend sends what another run did not bring to everybody.
	RunResend RunKind = "resend"
	// RunStep holds the messages of a step of a flow, for as long as somebody may come
	// there.
	RunStep RunKind = "step"
)

// Run is one firing of a campaign, or an instant at which it did not fire.
type Run struct {
	ID         int64
	AccountID  int64
	CampaignID int64
	ChannelID  int64
	// Instant is the due time it stands for, unique within the campaign.
	Instant time.Time
	Kind    RunKind
	Status  RunStatus
	// Reason is why it was left out, or waits: one of the reasons of runs. It explains
	// failed and canceled, and paused where nobody asked for it.
	Reason string
	// Detail is the reason in words; may be empty.
	Detail string
	// ResendOf is the run whose messages one of kind resend sends again; else 0.
	ResendOf int64
	// Feed is what stands of its data feed; nil if it reads none.
	Feed *RunFeed
	// Version is that of the campaign's content and audience that it began with.
	Version int64
	// Undecided says that people may wait for the variant that wins, and LookAt when it is
	// looked for; zero where a person chooses it.
	Undecided bool
	LookAt    time.Time
	// PlanDone says that every member of the audience has its message.
	PlanDone bool
	// Cursor is the last contact that was planned.
	Cursor int64
	// Planned is how many messages the planner made; the counts by state must
	// add up to it.
	Planned int64
	Counts  messages.Counts
	// Engagement is what was done with its messages, as far as that is tracked.
	Engagement tracking.Counts
	// Converted are the messages for which the event came that counts.
	Converted int64
	CreatedAt time.Time
	// StartsAt is until when a waiting run waits; nil if it waits for the run before.
	StartsAt *time.Time
	// StartedAt is when it fired; nil if it did not, or not yet.
	StartedAt  *time.Time
	FinishedAt *time.Time
	// SweptAt is when the last of its messages was removed, because the account does not keep
	// them; nil while there are some.
	SweptAt *time.Time
}

// Began is since when the run is under way, or was: when it fired or else when it was
// made.
func (r Run) Began() time.Time {
	if r.StartedAt != nil {
		return *r.StartedAt
	}
	return r.CreatedAt
}

// Late is by how much the run fired after its instant.
func (r Run) Late() time.Duration {
	if r.StartedAt == nil || r.Kind != RunScheduled {
		return 0
	}
	return max(0, r.StartedAt.Sub(r.Instant))
}
