package simulate

import (
	"slices"
	"time"

	"carillon/campaigns"
	"carillon/contacts"
	"carillon/internal/zone"
	"carillon/providers"
)

// lane is a channel with the campaigns that share it.
type lane struct {
	channel Channel
	limit   limit
	daily   *daily
	warmth  *providers.Warmth // nil without a warm-up
	players []*player
	runs    []*run // all of them

	now, until, end time.Time
	from            time.Time
	cut             string
	decided, work   int

	zone     *time.Location
	midnight time.Time
	today    *dayTotal
	days     map[string]*dayTotal

	// through counts the messages that went, and before those that had gone before
	// what goes at once now.
	through, before float64
	load            *load
	loads           []Load
}

func newLane(in Input, channel Channel, days map[string]*dayTotal) *lane {
	l := &lane{
		channel: channel, limit: newLimit(channel.Limits.PerSecond, ChannelShare), now: in.Begin, from: in.From, until: in.Until, end: in.Until.Add(runOut),
		zone: in.Zone, midnight: in.Begin, days: days,
	}
	if channel.Warmth != nil {
		at := *channel.Warmth
		l.warmth = &at
	}
	if most := l.dayMost(); most > 0 {
		l.daily = &daily{most: float64(most)}
	}
	for _, c := range in.Campaigns {
		if c.ChannelID == channel.ID {
			l.join(c)
		}
	}
	return l
}

// dayMost is the most recipients of a day now; 0 for no limit.
func (l *lane) dayMost() int {
	return providers.Channel{Limits: l.channel.Limits, Warmth: l.warmth}.Bounds().RecipientsPerDay
}

// warm takes the warm-up a step on, if all goes well with what was sent.
func (l *lane) warm() {
	if l.warmth == nil {
		return
	}
	total := l.channel.Warmth.Before
	total.Asked += int64(l.through)
	*l.warmth = l.channel.Limits.WarmUp.Step(*l.warmth, total, l.now)
	l.daily.most = float64(l.dayMost())
}

// join takes a campaign in, with the runs that it has already.
func (l *lane) join(in Campaign) {
	c := &player{Campaign: in, limit: newLimit(in.Throttle.PerSecond, CampaignShare)}
	c.Weight = max(1, c.Weight)
	if spacing := l.channel.Limits.PerRecipientSeconds; spacing > 0 {
		burst := max(1, l.channel.Limits.PerRecipientBurst)
		c.Caps = append(slices.Clone(c.Caps), contacts.FrequencyCap{
			MaxMessages: burst, Window: time.Duration(float64(burst) * spacing * float64(time.Second)), Action: contacts.CapDefer,
		})
	}
	for _, kept := range in.Runs {
		c.keep(l, kept)
	}
	c.look = in.At
	if in.Timetable != nil {
		c.look = in.Timetable.Outlook(c.standing()).LookAt
	}
	l.players = append(l.players, c)
}

// keep goes on with a run that there is already.
func (c *player) keep(l *lane, kept campaigns.Run) {
	r := &run{of: c, Run: Run{
		CampaignID: c.ID, ChannelID: c.ChannelID, Instant: kept.Instant, Status: kept.Status, Reason: kept.Reason, Detail: kept.Detail,
	}}
	l.runs = append(l.runs, r)
	switch kept.Status {
	case campaigns.RunWaiting:
		if kept.StartsAt != nil {
			r.startsAt = *kept.StartsAt
		}
		c.waiting = append(c.waiting, r)
	case campaigns.RunPlanning, campaigns.RunSending, campaigns.RunPaused:
		r.Status, r.Starts = campaigns.RunSending, kept.Began()
		r.timing = campaigns.NewTiming(c.Schedule, r.Instant, c.Zone, c.Quiet)
		r.batches = batches{of: c.Throttle.Batch}
		left := kept.Counts.Active()
		if !kept.PlanDone {
			left += max(0, c.Audience.Reachable()-kept.Planned)
		}
		r.Recipients, r.Skipped = left, map[string]int64{}
		home := r.timing.Zone("")
		r.parcels = []*parcel{{key: home.String(), home: home, meant: l.now, due: l.now, total: float64(left), checked: true}}
		if kept.Undecided {
			r.awaitRest(kept.LookAt)
		}
		c.open = append(c.open, r)
	}
}

// standing is where a campaign stands, with the runs that it has now.
func (c *player) standing() campaigns.Standing {
	s := c.Standing
	s.Open, s.Waiting = len(c.open), len(c.waiting)
	return s
}

// play lets time pass until nothing more happens.
func (l *lane) play() {
	for {
		l.turnDay()
		l.before = l.through
		l.settle()
		if !l.now.Before(l.end) || l.idle() {
			break
		}
		if l.work > mostWork {
			l.stop("too much goes on at once to be reckoned further: take a shorter span")
			break
		}
		l.allocate()
		l.pass(l.step())
	}
	l.closeLoad(!l.idle())
}

// stop decides of no instant any more.
func (l *lane) stop(why string) {
	if l.cut == "" && l.now.Before(l.until) {
		l.until, l.cut = l.now, why
	}
	for _, c := range l.players {
		c.look = time.Time{}
	}
}

// idle reports whether nothing is to come and nothing is under way.
func (l *lane) idle() bool {
	return !slices.ContainsFunc(l.players, func(c *player) bool {
		return len(c.open)+len(c.waiting) > 0 || !c.look.IsZero() && !c.look.After(l.until)
	})
}

// turnDay begins a day when it comes.
func (l *lane) turnDay() {
	if l.now.Before(l.midnight) {
		return
	}
	wall := l.now.In(l.zone)
	date := wall.Format(time.DateOnly)
	if l.days[date] == nil {
		l.days[date] = &dayTotal{}
	}
	l.today = l.days[date]
	l.midnight = zone.Resolve(time.Date(wall.Year(), wall.Month(), wall.Day()+1, 0, 0, 0, 0, time.UTC), l.zone)
}

// settle does everything that is due now: it ends runs, decides of instants, starts
// what waited and lets go at once what may.
func (l *lane) settle() {
	if l.daily != nil {
		l.daily.forget(l.now)
	}
	for again := true; again; {
		again = false
		l.warm()
		for _, c := range l.players {
			again = l.finish(c) || again
			again = l.decide(c) || again
			again = l.start(c) || again
		}
		again = l.burst() || again
	}
}

// finish ends the runs of a campaign of which nothing waits, and lets the first of
// those that wait for them start.
func (l *lane) finish(c *player) (changed bool) {
	for _, r := range slices.Clone(c.open) {
		for _, p := range r.parcels {
			l.work++
			r.look(p, l.now)
		}
		if r.done() && !c.Stopped {
			r.Status, r.Ends = campaigns.RunFinished, l.now
			c.open = without(c.open, r)
			changed = true
		}
	}
	if changed {
		c.next(l.now)
	}
	return changed
}

func without(list []*run, r *run) []*run {
	return slices.DeleteFunc(list, func(o *run) bool { return o == r })
}

// next gives the first of the runs that wait for others a time, if none is under way.
func (c *player) next(now time.Time) {
	if len(c.open) > 0 {
		return
	}
	var first *run
	for _, r := range c.waiting {
		if r.startsAt.IsZero() && (first == nil || r.Instant.Before(first.Instant)) {
			first = r
		}
	}
	if first != nil {
		first.startsAt = now
	}
}

// decide decides of the instants of a campaign that have come.
func (l *lane) decide(c *player) (changed bool) {
	for !c.look.IsZero() && !c.look.After(l.now) && !c.look.After(l.until) {
		l.work++
		changed = true
		if c.Timetable == nil {
			c.look = time.Time{}
			l.apply(c, campaigns.Decision{Instant: c.At, Status: campaigns.RunPlanning})
			continue
		}
		list, after := c.Timetable.Decide(c.standing(), l.now)
		c.Standing = after
		for _, d := range list {
			if l.apply(c, d); l.decided >= MostRuns {
				l.stop(tooManyRuns())
				return true
			}
		}
		c.look = c.Timetable.Outlook(c.standing()).LookAt
	}
	return changed
}

// apply does what was decided of an instant.
func (l *lane) apply(c *player, d campaigns.Decision) {
	r := &run{of: c, startsAt: d.StartsAt, Run: Run{
		CampaignID: c.ID, ChannelID: c.ChannelID, Instant: d.Instant, Status: d.Status, Reason: d.Reason, Detail: d.Detail,
	}}
	l.runs = append(l.runs, r)
	if !l.now.Before(l.from) {
		l.decided++
	}
	switch d.Status {
	case campaigns.RunPlanning:
		if d.CancelsOthers {
			l.cancel(append(slices.Clone(c.open), c.waiting...))
		}
		l.begin(r)
	case campaigns.RunWaiting:
		c.waiting = append(c.waiting, r)
	}
}

func (l *lane) begin(r *run) {
	c := r.of
	r.begin(l.now)
	r.batches = batches{of: c.Throttle.Batch}
	c.open = append(c.open, r)
	if why := c.guarded(r); why != "" {
		r.Detail = why
		c.Stopped, c.Standing.Pause = true, campaigns.Pause{Since: l.now, Why: why}
	}
	if !l.now.Before(l.from) {
		l.today.runs++
	}
	for _, p := range r.parcels {
		r.look(p, l.now)
	}
}

// guarded says why the guards of a campaign pause it before a run is sent; empty if they
// do not.
func (c *player) guarded(r *run) string {
	before := int64(-1)
	if n := len(c.began); n > 1 {
		before = c.began[n-2].Recipients
	}
	return c.Schedule.Guards.JudgeAudience(r.Recipients, before)
}

// cancel ends runs that give way to the next one.
func (l *lane) cancel(runs []*run) {
	for _, r := range runs {
		r.Status, r.Reason, r.Detail, r.Ends = campaigns.RunCanceled, CanceledForNext, "", l.now
		r.of.open, r.of.waiting = without(r.of.open, r), without(r.of.waiting, r)
	}
}

// start starts the waiting runs of a campaign whose time has come.
func (l *lane) start(c *player) (changed bool) {
	for _, r := range slices.Clone(c.waiting) {
		if r.startsAt.IsZero() || r.startsAt.After(l.now) || !slices.Contains(c.waiting, r) {
			continue
		}
		changed = true
		d := campaigns.Decision{Status: campaigns.RunPlanning}
		if c.Timetable != nil {
			d = c.Timetable.Start(c.Standing.Pause, l.now, len(c.open))
		}
		switch d.Status {
		case campaigns.RunSkipped:
			r.Status, r.Reason, r.Detail = d.Status, d.Reason, d.Detail
			c.waiting = without(c.waiting, r)
			c.next(l.now)
		case campaigns.RunWaiting:
			r.Reason, r.startsAt = d.Reason, time.Time{}
		default:
			c.waiting = without(c.waiting, r)
			if d.CancelsOthers {
				l.cancel(slices.Clone(c.open))
			}
			l.begin(r)
		}
	}
	return changed
}

// mayGo is how many of a run may go now by its batches and the day's recipients, and
// what keeps it from more.
func (l *lane) mayGo(r *run) (n float64, by cause) {
	n, by = r.batches.room(l.now), byBatch
	if l.daily == nil {
		return n, by
	}
	l.work += len(l.daily.log)
	if today := l.daily.known(r) + l.daily.room(); today < n {
		n, by = today, byRecipients
	}
	return n, by
}

// burst lets go what needs no time: all of it where no limit is set, else one message
// after a quiet time.
func (l *lane) burst() (changed bool) {
	if l.channel.Stopped {
		return false
	}
	for _, c := range l.players {
		if c.Stopped {
			continue
		}
		for _, r := range c.open {
			for _, p := range r.parcels {
				l.work++
				if !p.open || p.done() || l.now.Before(p.due) {
					continue
				}
				may, _ := l.mayGo(r)
				n := min(p.waits(l.now), may)
				if l.limit.bounded() || c.limit.bounded() {
					if !l.limit.ready() || !c.limit.ready() {
						continue
					}
					n = min(n, 1)
				}
				if n < least {
					continue
				}
				l.limit.spend(n)
				c.limit.spend(n)
				r.batches.take(l.now, n)
				l.let(r, p, n)
				r.Last, changed = l.now, true
			}
		}
	}
	return changed
}

// let lets messages go by a time and takes that down.
func (l *lane) let(r *run, p *parcel, n float64) {
	r.serve(p, l.now, n)
	if l.daily != nil {
		l.daily.hand(l.now, r, n)
	}
	if !l.now.Before(l.from) {
		l.today.messages += n
	}
	l.through += n
}

// told are the runs that are told of: those that are not over when it begins.
func (l *lane) told() (list []Run) {
	for _, r := range l.runs {
		decided := r.Instant
		if r.Starts.After(decided) {
			decided = r.Starts
		}
		over := !r.Ends.IsZero() || r.Status == campaigns.RunSkipped
		if over && decided.Before(l.from) && !r.Ends.After(l.from) {
			continue
		}
		list = append(list, r.told())
	}
	return list
}
