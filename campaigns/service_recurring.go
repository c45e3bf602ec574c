package campaigns

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"carillon/campaigns/schedule"
	"carillon/internal/fault"
	"carillon/providers"
)

// Bounds of what a person does to a schedule.
const (
	// mostBackfill bounds the instants that are made up for at once.
	mostBackfill = 1000
	// longestSpan bounds the time that is looked through for them.
	longestSpan = 5 * 366 * 24 * time.Hour
	maxWhy      = 500
	// mostHistory bounds the instants of the past that are shown with those to come.
	mostHistory = 100
)

// startRecurring lets a draft fire from now on. A schedule of which nothing is to come
// is refused.
func (s *Service) startRecurring(ctx context.Context, c Campaign, channel providers.Channel) (Campaign, error) {
	if _, err := s.nextFiring(ctx, c, channel); err != nil {
		return Campaign{}, err
	}
	if err := s.store.StartRecurring(ctx, c.AccountID, c.ID); err != nil {
		return Campaign{}, err
	}
	return s.store.GetCampaign(ctx, c.AccountID, c.ID)
}

// nextFiring is when a recurring campaign fires next; Invalid if it never does.
func (s *Service) nextFiring(ctx context.Context, c Campaign, channel providers.Channel) (time.Time, error) {
	o, err := s.compiledWith(ctx, c.AccountID, c.Schedule, channel.Timezone)
	if err != nil {
		return time.Time{}, err
	}
	t, err := c.Schedule.Timetable(o)
	if err != nil {
		return time.Time{}, err
	}
	next, ok := t.Plan().NextFiring(s.clock.Now())
	if !ok {
		return time.Time{}, fault.InvalidField("schedule", nil, "is over: nothing of it fires any more; set later dates, or a later until")
	}
	return next.At, nil
}

// PauseSchedule lets the instants of a recurring campaign not fire before until, or
// until ResumeSchedule if that is zero; its runs go on. Every instant is recorded as
// left out, with who paused and why.
func (s *Service) PauseSchedule(ctx context.Context, accountID, id int64, p Pause) (Campaign, error) {
	if utf8.RuneCountInString(p.Why) > maxWhy {
		return Campaign{}, fault.InvalidField("reason", nil, "must be at most %d characters", maxWhy)
	}
	now := s.clock.Now()
	if !p.Until.IsZero() && !p.Until.After(now) {
		return Campaign{}, fault.InvalidField("until", p.Until.Format(time.RFC3339), "is over: set a time to come, or none")
	}
	p.Since, p.Why = now, strings.TrimSpace(p.Why)
	if err := s.store.PauseSchedule(ctx, accountID, id, p); err != nil {
		return Campaign{}, err
	}
	return s.store.GetCampaign(ctx, accountID, id)
}

// ResumeSchedule lets the instants fire again.
func (s *Service) ResumeSchedule(ctx context.Context, accountID, id int64) (Campaign, error) {
	if err := s.store.PauseSchedule(ctx, accountID, id, Pause{}); err != nil {
		return Campaign{}, err
	}
	return s.store.GetCampaign(ctx, accountID, id)
}

// Trigger makes a run of a recurring campaign now, beside its schedule. What is under
// way stands in its way as it does in that of an instant.
func (s *Service) Trigger(ctx context.Context, accountID, id int64, actor string) (Run, error) {
	return s.store.TriggerRun(ctx, accountID, id, actor)
}

// SkipNext leaves the next instant out that fires.
func (s *Service) SkipNext(ctx context.Context, accountID, id int64, actor string) (Run, error) {
	return s.store.SkipNext(ctx, accountID, id, actor)
}

// MoveNext lets the next instant start at another time, which is written as At of a
// Schedule is, in the zone of the campaign's.
func (s *Service) MoveNext(ctx context.Context, accountID, id int64, to, actor string) (Run, error) {
	_, t, err := s.timetable(ctx, accountID, id)
	if err != nil {
		return Run{}, err
	}
	when := Schedule{At: to}
	at, ok, err := when.Instant(t.Plan().Zone().String())
	if err != nil || !ok {
		return Run{}, fault.InvalidField("to", to, "not a time: write 2026-12-01T09:00 (in the zone) or 2026-12-01T09:00:00+01:00")
	}
	if !at.After(s.clock.Now()) {
		return Run{}, fault.InvalidField("to", to, "is over (it was %s): set a time to come, or POST …/trigger for a run now", at.Format(time.RFC3339))
	}
	return s.store.MoveNext(ctx, accountID, id, at, actor)
}

// timetable is that of a recurring campaign.
func (s *Service) timetable(ctx context.Context, accountID, id int64) (Campaign, *Timetable, error) {
	c, err := s.ofOneStep(ctx, accountID, id)
	if err != nil {
		return c, nil, err
	}
	if !c.Schedule.Recurs() {
		return c, nil, DoesNotRecur(id)
	}
	channel, err := s.store.GetChannel(ctx, accountID, c.ChannelID)
	if err != nil {
		return c, nil, err
	}
	o, err := s.compiledWith(ctx, accountID, c.Schedule, channel.Timezone)
	if err != nil {
		return c, nil, err
	}
	t, err := c.Schedule.Timetable(o)
	return c, t, err
}

// DoesNotRecur refuses what only a recurring campaign has.
func DoesNotRecur(id int64) error {
	return fault.New(fault.Conflict, "campaign %d does not recur: PATCH its schedule while it is a draft, or make one with cron, calendar, every or dates", id)
}

// Backfill lets those instants of a span, both ends included, run one after the other
// that are over and that nothing fired. With dry it only says which.
func (s *Service) Backfill(ctx context.Context, accountID, id int64, span Span, actor string) (b Backfilled, err error) {
	c, t, err := s.timetable(ctx, accountID, id)
	if err != nil {
		return b, err
	}
	now := s.clock.Now()
	switch {
	case span.To.Before(span.From):
		return b, fault.InvalidField("to", span.To.Format(time.RFC3339), "is before from")
	case span.To.After(now):
		return b, fault.InvalidField("to", span.To.Format(time.RFC3339), "is to come: only what is over is made up for; it is %s", now.Format(time.RFC3339))
	case span.To.Sub(span.From) > longestSpan:
		return b, fault.InvalidField("from", span.From.Format(time.RFC3339), "is more than five years before to: take a shorter span")
	}
	runs, err := s.store.RunsAt(ctx, accountID, id, span.From, span.To)
	if err != nil {
		return b, err
	}
	fired := map[int64]bool{}
	for _, r := range runs {
		fired[r.Instant.UnixMilli()] = r.Status != RunSkipped
	}
	for at := span.From.Add(-time.Nanosecond); ; {
		o, ok := t.Plan().NextFiring(at)
		if at = o.At; !ok || at.After(span.To) {
			break
		}
		if fired[at.UnixMilli()] {
			continue
		}
		if b.Instants = append(b.Instants, at); len(b.Instants) > mostBackfill {
			return b, fault.InvalidField("from", span.From.Format(time.RFC3339), "there are more than %d instants to make up for: take a shorter span", mostBackfill)
		}
	}
	if span.Dry || len(b.Instants) == 0 {
		return b, nil
	}
	b.Runs, err = s.store.Backfill(ctx, accountID, c.ID, b.Instants, actor)
	return b, err
}

// Span is a time of which the instants are made up for.
type Span struct {
	From, To time.Time
	// Dry only says what would be done.
	Dry bool
}

// Backfilled is what a backfill does.
type Backfilled struct {
	// Instants are those that are made up for, and Runs the runs that were made.
	Instants []time.Time
	Runs     []Run
}

// Coming is what a recurring campaign does next, and has done.
type Coming struct {
	Campaign Campaign
	Plan     *schedule.Plan
	Items    []ComingInstant
	// History are the newest instants, newest first, with what became of them.
	History []Run
}

// ComingInstant is an instant to come.
type ComingInstant struct {
	schedule.Occurrence
	// Reason is why it does not fire, or at another time: one of the reasons of runs.
	Reason string
	// StartsAt is when it starts, where that is another time.
	StartsAt time.Time
}

// Coming lists the next n instants of a recurring campaign: those that fire, and those
// that are left out or moved, with the reason.
func (s *Service) Coming(ctx context.Context, accountID, id int64, n int) (list Coming, err error) {
	c, t, err := s.timetable(ctx, accountID, id)
	if err != nil {
		return list, err
	}
	list = Coming{Campaign: c, Plan: t.plan, Items: []ComingInstant{}}
	if list.History, err = s.store.ListRuns(ctx, accountID, id, 0, mostHistory); err != nil {
		return list, err
	}
	now := s.clock.Now()
	// What was decided of instants to come stands with these.
	list.History = slices.DeleteFunc(list.History, func(r Run) bool { return r.Instant.After(now) && r.StartedAt == nil })
	if c.Status == Canceled || c.Status == Finished {
		return list, nil
	}
	coming := t.plan.Coming(now, n)
	if len(coming) == 0 {
		return list, nil
	}
	decided := map[int64]Run{}
	runs, err := s.store.RunsAt(ctx, accountID, id, now, coming[len(coming)-1].At)
	if err != nil {
		return list, err
	}
	for _, r := range runs {
		decided[r.Instant.UnixMilli()] = r
	}
	list.Items = t.coming(c, coming, decided)
	return list, nil
}

// coming says what is known of instants to come.
func (t *Timetable) coming(c Campaign, coming []schedule.Occurrence, decided map[int64]Run) []ComingInstant {
	pause := c.SchedulePause
	if c.Status == Paused {
		pause = c.Pause
	}
	items, fired := make([]ComingInstant, 0, len(coming)), c.Fired
	for _, o := range coming {
		item := ComingInstant{Occurrence: o, Reason: string(o.Skipped)}
		r, known := decided[o.At.UnixMilli()]
		switch {
		case known:
			item.Reason, item.Note = r.Reason, r.Detail
			if r.StartsAt != nil {
				item.StartsAt = *r.StartsAt
			}
		case o.Skipped != "":
		case t.policy.Count > 0 && fired >= t.policy.Count:
			return items
		case pause.Covers(o.At):
			item.Reason, item.Note = RunWhilePaused, strings.TrimSpace("paused "+pause.Words())
		default:
			fired++
			if t.jitter > 0 {
				item.StartsAt = o.At.Add(t.jitterOf(c.ID, o.At))
			}
		}
		items = append(items, item)
	}
	return items
}
