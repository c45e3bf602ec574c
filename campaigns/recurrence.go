package campaigns

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"carillon/campaigns/schedule"
	"carillon/internal/fault"
	"carillon/internal/words"
	"carillon/internal/zone"
)

// Policy says what becomes of the instants of a recurring campaign that can't simply
// fire. The zero value is the safe default of all of it.
type Policy struct {
	// Count is how many instants fire at all; 0 sets no bound.
	Count int `json:"count,omitempty"`
	// CatchUp says what becomes of instants that came while nothing could fire them,
	// and CatchUpWithin for how long they are worth it, such as 1h.
	CatchUp       CatchUp `json:"catch_up,omitempty"`
	CatchUpWithin string  `json:"catch_up_within,omitempty"`
	// WhileRunning says what becomes of an instant that comes while a run of the
	// campaign is under way.
	WhileRunning WhileRunning `json:"while_running,omitempty"`
	// Jitter is by how much an instant starts later at most, such as 5m: the same for
	// the same instant, whoever reckons it.
	Jitter string `json:"jitter,omitempty"`
	// Guards pause it by themselves; nil for the default.
	Guards *Guards `json:"guards,omitempty"`
}

// CatchUp says which of the instants fire that came while no scheduler was there.
type CatchUp string

// What may become of them.
const (
	// CatchUpLatest fires the last of them.
	CatchUpLatest CatchUp = "latest" // the default
	CatchUpAll    CatchUp = "all"
	// CatchUpSkip fires none that is later than SkipLate.
	CatchUpSkip CatchUp = "skip"
)

// WhileRunning says what becomes of an instant while a run is under way.
type WhileRunning string

// What may become of it.
const (
	RunsSkip     WhileRunning = "skip"
	RunsQueueOne WhileRunning = "queue_one" // the default: it waits, unless one waits already
	RunsQueueAll WhileRunning = "queue_all"
	RunsTogether WhileRunning = "together"
	// RunsCancelPrevious cancels what is under way.
	RunsCancelPrevious WhileRunning = "cancel_previous"
	// RunsLeaveOut runs for those who do not still wait in a run before.
	RunsLeaveOut WhileRunning = "leave_out"
)

// Bounds of policies.
const (
	// defaultCatchUp is how late an instant may fire unless something else is said.
	defaultCatchUp = time.Hour
	// SkipLate is how late an instant may be that is not caught up with: a scheduler
	// that takes over from another one needs some seconds.
	SkipLate     = time.Minute
	mostCatchUp  = 366 * 24 * time.Hour
	mostJitter   = 24 * time.Hour
	mostInstants = 1_000_000
	// mostWaiting bounds the runs of a campaign that wait for one another.
	mostWaiting = 100
	// mostDecided bounds what is decided in one go.
	mostDecided = 500
)

// Timetable is a compiled recurring schedule with its policy. It is safe for concurrent
// use.
type Timetable struct {
	plan   *schedule.Plan
	policy Policy
	within time.Duration
	jitter time.Duration
	// leads says that runs go by each recipient's clock, and begin when the first zone
	// on earth shows their time.
	leads bool
}

// begins is when something is to be decided of an instant.
func (t *Timetable) begins(instant time.Time) time.Time {
	if !t.leads {
		return instant
	}
	return zone.Resolve(instant.In(t.plan.Zone()), farthestEast)
}

// Timetable compiles a schedule that recurs. Errors are of code Invalid and name all
// fields that are wrong. Of o only what the schedule does not say itself counts.
func (s Schedule) Timetable(o schedule.Options) (*Timetable, error) {
	t := &Timetable{policy: s.Policy, within: defaultCatchUp, leads: s.RecipientTime}
	var wrong []fault.Field
	refuse := func(field string, value any, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "schedule." + field, Value: value, Message: fmt.Sprintf(format, args...)})
	}
	if s.At != "" {
		refuse("at", s.At, "is for what fires once: leave it out, or leave out what recurs")
	}
	if s.Count < 0 || s.Count > mostInstants {
		refuse("count", s.Count, "must be from 1 to %d; leave it out for no bound", mostInstants)
	}
	switch s.CatchUp {
	case "", CatchUpLatest, CatchUpAll:
	case CatchUpSkip:
		t.within = SkipLate
		if s.CatchUpWithin != "" {
			refuse("catch_up_within", s.CatchUpWithin, "belongs to catch_up latest and all; skip leaves out what is later than a minute")
		}
	default:
		refuse("catch_up", string(s.CatchUp), "must be skip, latest or all")
	}
	if s.CatchUpWithin != "" {
		if within, ok := duration(s.CatchUpWithin, time.Minute, mostCatchUp); ok {
			t.within = within
		} else {
			refuse("catch_up_within", s.CatchUpWithin, "must be a duration from 1m to 8784h, such as 1h or 90m")
		}
	}
	switch s.WhileRunning {
	case "", RunsSkip, RunsQueueOne, RunsQueueAll, RunsTogether, RunsCancelPrevious, RunsLeaveOut:
	default:
		refuse("while_running", string(s.WhileRunning), "must be skip, queue_one, queue_all, together, cancel_previous or leave_out")
	}
	if s.Jitter != "" {
		jitter, ok := duration(s.Jitter, time.Second, mostJitter)
		if !ok {
			refuse("jitter", s.Jitter, "must be a duration from 1s to 24h, such as 5m")
		}
		t.jitter = jitter
	}
	wrong = append(wrong, s.Guards.validate()...)
	var err error
	if t.plan, err = s.Compile(o); err != nil {
		if wrong, err = fault.Gather(wrong, err); err != nil {
			return nil, err
		}
	}
	return t, fault.InvalidFields(wrong)
}

// duration reads a duration of whole seconds within bounds.
func duration(text string, least, most time.Duration) (time.Duration, bool) {
	d, err := time.ParseDuration(strings.TrimSpace(text))
	return d, err == nil && d >= least && d <= most && d%time.Second == 0
}

// Plan is the instants of the timetable.
func (t *Timetable) Plan() *schedule.Plan { return t.plan }

// Pause is why the instants of a campaign do not fire.
type Pause struct {
	// Since is when it began; zero for no pause.
	Since time.Time `json:"since,omitzero"`
	// Until is when it ends by itself; zero if a person has to end it.
	Until time.Time `json:"until,omitzero"`
	// By is who paused, and Why what they said.
	By  string `json:"by,omitempty"`
	Why string `json:"why,omitempty"`
}

// Covers reports whether an instant falls into the pause.
func (p Pause) Covers(instant time.Time) bool {
	return !p.Since.IsZero() && (p.Until.IsZero() || instant.Before(p.Until))
}

// Words say by whom it is, and why, as "by ada: holidays".
func (p Pause) Words() string {
	switch {
	case p.By == "":
		return p.Why
	case p.Why == "":
		return "by " + p.By
	}
	return "by " + p.By + ": " + p.Why
}

// Standing is where a recurring campaign is in its timetable.
type Standing struct {
	CampaignID int64
	// Behind is the last instant of which something was decided: every later one that
	// has come is decided next.
	Behind time.Time
	// Fired is how many instants have fired, or wait to.
	Fired int
	// Open are its runs under way, and Waiting those that wait for them. What waits for
	// its time alone stands in nobody's way.
	Open, Waiting int
	Pause         Pause
	// Decided are instants after Behind of which something was decided before they
	// came, in milliseconds since 1970: a person left them out, or moved them.
	Decided map[int64]bool
}

// Decision is what becomes of an instant.
type Decision struct {
	Instant time.Time
	// Status is RunPlanning for one that fires now, RunWaiting for one that waits, and
	// RunSkipped.
	Status RunStatus
	// Reason and Detail are why it is left out, or waits.
	Reason, Detail string
	// StartsAt is until when it waits; zero if it waits for the run under way.
	StartsAt time.Time
	// CancelsOthers says that what is under way is canceled first.
	CancelsOthers bool
}

// Why an instant does not fire, or waits: the reasons of runs.
const (
	// RunExcluded and RunInGap follow from the schedule itself.
	RunExcluded = string(schedule.Excluded)
	RunInGap    = string(schedule.InGap)
	// RunTooLate says that nothing could fire the instant for longer than it is worth
	// it, or that a later one had come by then.
	RunTooLate = "too_late"
	// RunOverlap is about the run before, which is under way.
	RunOverlap = "overlap"
	// RunWhilePaused says that the campaign, or its schedule, was paused.
	RunWhilePaused = "paused"
	// RunLeftOut and RunMoved are what a person did to a single instant.
	RunLeftOut = "left_out"
	RunMoved   = "moved"
	RunJitter  = "jitter"
)

// Outlook is what comes next of a timetable.
type Outlook struct {
	// LookAt is the next instant of which something is to be decided, whether it
	// fires or not; zero if there is none.
	LookAt time.Time
	// FiresAt is the next that fires; zero if there is none.
	FiresAt time.Time
}

// Decide says what becomes of the instants that have come, in their order and at most
// mostDecided of them, and where the campaign stands behind them. Applying it again
// from there, at whatever time, decides of every instant once.
func (t *Timetable) Decide(s Standing, now time.Time) (list []Decision, after Standing) {
	for len(list) < mostDecided && !t.exhausted(s) {
		o, ok := t.plan.Next(s.Behind)
		if !ok || t.begins(o.At).After(now) {
			break
		}
		s.Behind = o.At
		if s.Decided[o.At.UnixMilli()] {
			continue
		}
		d := t.judge(o, s, now)
		switch d.Status {
		case RunPlanning:
			s.Fired++
			if d.CancelsOthers {
				s.Open, s.Waiting = 0, 0
			}
			s.Open++
		case RunWaiting:
			s.Fired++
			if d.StartsAt.IsZero() {
				s.Waiting++
			}
		}
		list = append(list, d)
	}
	return list, s
}

// exhausted reports whether as many instants have fired as are to.
func (t *Timetable) exhausted(s Standing) bool {
	return t.policy.Count > 0 && s.Fired >= t.policy.Count
}

// Outlook is what comes next, from where a campaign stands.
func (t *Timetable) Outlook(s Standing) (o Outlook) {
	if t.exhausted(s) {
		return o
	}
	if next, ok := t.plan.Next(s.Behind); ok {
		o.LookAt = t.begins(next.At)
	}
	if next, ok := t.nextFiring(s, s.Behind); ok {
		o.FiresAt = next
	}
	return o
}

// nextFiring is the first instant after another that fires and that nothing was
// decided of.
func (t *Timetable) nextFiring(s Standing, after time.Time) (time.Time, bool) {
	for {
		o, ok := t.plan.NextFiring(after)
		if !ok || !s.Decided[o.At.UnixMilli()] && !s.Pause.Covers(o.At) {
			return o.At, ok
		}
		if after = o.At; s.Pause.Covers(after) && s.Pause.Until.IsZero() {
			return time.Time{}, false
		}
	}
}

// judge decides of one instant that has come.
func (t *Timetable) judge(o schedule.Occurrence, s Standing, now time.Time) Decision {
	d := Decision{Instant: o.At, Status: RunSkipped}
	late := now.Sub(t.begins(o.At))
	switch {
	case o.Skipped != "":
		d.Reason, d.Detail = string(o.Skipped), o.Note
		return d
	case s.Pause.Covers(o.At):
		d.Reason, d.Detail = RunWhilePaused, s.Pause.Words()
		return d
	case late > t.within:
		d.Reason, d.Detail = RunTooLate, fmt.Sprintf("it could be fired %s late, and is worth it for %s", words.Duration(late), words.Duration(t.within))
		return d
	case t.policy.CatchUp != CatchUpAll:
		if next, ok := t.nextFiring(s, o.At); ok && !t.begins(next).After(now) {
			d.Reason, d.Detail = RunTooLate, "the next instant had come by the time that this one could be fired"
			return d
		}
	}
	if t.jitter > 0 {
		if at := t.begins(o.At).Add(t.jitterOf(s.CampaignID, o.At)); at.After(now) {
			d.Status, d.Reason, d.StartsAt = RunWaiting, RunJitter, at
			return d
		}
	}
	return t.meet(d, s.Open, s.Waiting)
}

// meet decides of what would fire now beside open runs and waiting ones.
func (t *Timetable) meet(d Decision, open, waiting int) Decision {
	d.Status = RunPlanning
	if open+waiting == 0 {
		return d
	}
	switch t.policy.WhileRunning {
	case RunsTogether, RunsLeaveOut:
	case RunsCancelPrevious:
		d.CancelsOthers = true
	case RunsSkip:
		d.Status, d.Reason, d.Detail = RunSkipped, RunOverlap, "the run before was under way"
	case RunsQueueAll:
		d.Status, d.Reason, d.Detail = RunWaiting, RunOverlap, "for the runs before"
		if waiting >= mostWaiting {
			d.Status, d.Detail = RunSkipped, fmt.Sprintf("%d runs waited already", waiting)
		}
	default:
		d.Status, d.Reason, d.Detail = RunWaiting, RunOverlap, "for the run before"
		if waiting > 0 {
			d.Status, d.Detail = RunSkipped, "the run before was under way, and another one waited already"
		}
	}
	return d
}

// alone reports whether a run waits until no other of its campaign is under way.
func (t *Timetable) alone() bool {
	switch t.policy.WhileRunning {
	case RunsTogether, RunsLeaveOut, RunsCancelPrevious:
		return false
	}
	return true
}

// Start decides of a waiting run whose time has come, beside so many that are under way.
// One that still waits has no time any more: it starts when they have ended.
func (t *Timetable) Start(p Pause, now time.Time, open int) Decision {
	switch {
	case p.Covers(now):
		return Decision{Status: RunSkipped, Reason: RunWhilePaused, Detail: p.Words()}
	case open > 0 && t.alone():
		return Decision{Status: RunWaiting, Reason: RunOverlap}
	}
	// Its own row is not under way: it begins after those are canceled.
	return Decision{Status: RunPlanning, CancelsOthers: t.policy.WhileRunning == RunsCancelPrevious}
}

// Trigger decides of a run that a person asks for now.
func (t *Timetable) Trigger(now time.Time, open, waiting int) Decision {
	return t.meet(Decision{Instant: now}, open, waiting)
}

// jitterOf is by how much an instant of a campaign starts later, in whole seconds.
func (t *Timetable) jitterOf(campaignID int64, instant time.Time) time.Duration {
	h := fnv.New32a()
	_, _ = fmt.Fprintf(h, "%d %d", campaignID, instant.Unix()) // a hash does not fail
	seconds := int64(t.jitter/time.Second) + 1
	return time.Duration(int64(h.Sum32())%seconds) * time.Second
}
