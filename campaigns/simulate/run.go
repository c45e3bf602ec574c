package simulate

import (
	"cmp"
	"math"
	"slices"
	"time"

	"carillon/campaigns"
	"carillon/contacts"
	"carillon/messages"
)

// player is a campaign that is played.
type player struct {
	Campaign
	limit limit
	// look is when something is to be decided of it next; zero for never.
	look          time.Time
	open, waiting []*run
	began         []*run
	// sent are the times at which its runs began to go to those of a zone, for caps.
	sent map[string][]time.Time
	// wants and gets are its share of the channel at the moment.
	wants, gets float64
}

// run is a run that is played.
type run struct {
	Run
	of     *player
	timing campaigns.Timing
	// startsAt is until when it waits; zero if it waits for those before.
	startsAt    time.Time
	parcels     []*parcel
	held        [causes]Hold
	wants, gets float64
	// holding is how many messages each cause holds now.
	holding [causes]float64
	batches batches
}

// parcel are those recipients of a run whose turn follows the same clock.
type parcel struct {
	key  string
	home *time.Location
	// meant is the time that is meant for them; due is when the first has a turn, the
	// last has it spread later.
	meant, due time.Time
	spread     time.Duration
	total      float64
	served     float64
	// later is why due is later than meant; checked says that caps were asked.
	later   cause
	checked bool
	// open says that they may be sent to, which may change at changes.
	open    bool
	changes time.Time
	rate    float64
}

// far is a time that does not come.
var far = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// begin makes the parcels of a run that starts.
func (r *run) begin(now time.Time) {
	c := r.of
	r.Status, r.Reason, r.Detail, r.Starts = campaigns.RunSending, "", "", now
	r.timing = campaigns.NewTiming(c.Schedule, r.Instant, c.Zone, c.Quiet)
	r.Recipients = c.Audience.Reachable()
	r.Skipped = map[string]int64{}
	for why, n := range c.Audience.Skipped {
		r.Skipped[why] = n
	}
	r.deal(c.Audience.Zones)
	if c.Received != nil {
		r.spare(c.received(now), messages.ReasonExcluded)
	}
	if c.Timetable != nil && c.Schedule.WhileRunning == campaigns.RunsLeaveOut {
		r.spare(left(c.open), messages.ReasonStillWaiting)
	}
	if c.Told > 0 {
		r.await(now.Add(c.Told))
	} else {
		r.await(far)
	}
	r.waves()
	c.began = append(c.began, r)
}

// left are those who still wait in some runs, by the keys of their parcels.
func left(runs []*run) map[string]float64 {
	found := map[string]float64{}
	for _, r := range runs {
		for _, p := range r.parcels {
			found[p.key] += p.total - p.served
		}
	}
	return found
}

// received are those whom earlier runs have reached, or are about to, as far as that
// leaves them out: what is played begins behind the runs that the audience knows of.
func (c *player) received(now time.Time) map[string]float64 {
	runs := c.began
	if most := c.Received.Runs; most > 0 {
		runs = runs[max(0, len(runs)-most):]
	}
	found := map[string]float64{}
	for _, r := range runs {
		waits := r.Ends.IsZero()
		if span := c.Received.Span(); span > 0 && !waits && !r.Last.After(now.Add(-span)) {
			continue
		}
		for _, p := range r.parcels {
			if found[p.key] += p.served; waits {
				found[p.key] += p.total - p.served
			}
		}
	}
	return found
}

// spare leaves people out of a run that begins.
func (r *run) spare(some map[string]float64, why string) {
	for _, p := range r.parcels {
		n := min(float64(whole(some[p.key])), p.total)
		if n > 0 {
			p.total -= n
			r.Recipients -= int64(n)
			r.Skipped[why] += int64(n)
		}
	}
}

// await has those who wait for a winner have their turn when it is told.
func (r *run) await(told time.Time) {
	if r.of.Waiting == 0 {
		return
	}
	for _, p := range slices.Clone(r.parcels) {
		rest := *p
		rest.total = math.Round(p.total * r.of.Waiting)
		if p.total -= rest.total; rest.due.Before(told) {
			rest.due, rest.later = told, byWinner
		}
		r.parcels = append(r.parcels, &rest)
	}
	slices.SortStableFunc(r.parcels, func(a, b *parcel) int { return a.due.Compare(b.due) })
}

// deal makes parcels of recipients by their zones.
func (r *run) deal(zones map[string]int64) {
	if !r.timing.ByRecipientTime() && len(r.of.Quiet.All(r.of.Schedule.Hours)) == 0 {
		zones = map[string]int64{"": Audience{Zones: zones}.Reachable()} // their clocks do not matter
	}
	byKey := map[string]*parcel{}
	for _, name := range sortedKeys(zones) {
		home := r.timing.Zone(name)
		p := byKey[home.String()]
		if p == nil {
			turn := r.timing.Turn(home)
			p = &parcel{key: home.String(), home: home, meant: r.timing.Meant(home), due: turn.Due, spread: r.timing.Spread()}
			if turn.Reason != "" {
				p.later = byHours
			}
			byKey[p.key] = p
			r.parcels = append(r.parcels, p)
		}
		p.total += float64(zones[name])
	}
	slices.SortStableFunc(r.parcels, func(a, b *parcel) int { return a.due.Compare(b.due) })
}

// mostWaves bounds the waves of a run; there are about forty offsets on earth.
const mostWaves = 100

func (r *run) waves() {
	open := false
	for _, p := range r.parcels {
		n, waits := whole(p.total), p.later != nothing
		if open = p.due.Equal(far); open {
			break // nobody knows when
		}
		if last := len(r.Waves) - 1; last >= 0 && r.Waves[last].At.Equal(p.due) {
			r.Waves[last].Recipients += n
			r.Waves[last].Waits = r.Waves[last].Waits || waits
		} else if n > 0 && len(r.Waves) < mostWaves {
			r.Waves = append(r.Waves, Wave{At: p.due, Recipients: n, Waits: waits})
		}
	}
	if len(r.Waves) == 1 && !open && !r.Waves[0].Waits && !r.Waves[0].At.After(r.Starts) {
		r.Waves = nil
	}
}

// arrived is how many have had their turn by a time, sent to or not.
func (p *parcel) arrived(at time.Time) float64 {
	since := at.Sub(p.due)
	switch {
	case since < 0:
		return 0
	case since >= p.spread:
		return p.total
	}
	return p.total * float64(since) / float64(p.spread)
}

// arriving is how many have their turn each second from a time on.
func (p *parcel) arriving(at time.Time) float64 {
	if since := at.Sub(p.due); since < 0 || since >= p.spread {
		return 0
	}
	return p.total / p.spread.Seconds()
}

func (p *parcel) waits(at time.Time) float64 { return max(0, p.arrived(at)-p.served) }

// sent is how many have been sent to: of a message nothing goes by parts.
func (p *parcel) sent() int64 { return int64(p.served + 2*least) }

func (p *parcel) done() bool { return p.total-p.served < least }

// look brings up to date whether those of a parcel may be sent to.
func (r *run) look(p *parcel, now time.Time) {
	if p.done() || now.Before(p.due) {
		return
	}
	if !p.checked {
		p.checked = true
		if r.cap(p, now); p.done() || now.Before(p.due) {
			return
		}
	}
	if now.Before(p.changes) {
		return
	}
	if expiry, ends := r.timing.Expires(p.home); ends && !now.Before(expiry) {
		r.leaveOut(p, messages.ReasonExpired)
		return
	}
	p.open, p.changes = true, far
	if !r.timing.Gated() {
		return
	}
	if next := r.timing.Next(now, p.home); next.After(now) {
		p.open, p.changes = false, next
	} else if changes, ok := r.timing.Changes(now, []string{p.key}); ok {
		p.changes = changes
	}
}

// leaveOut skips those of a parcel who still wait, or are to.
func (r *run) leaveOut(p *parcel, why string) {
	if n := whole(p.total) - p.sent(); n > 0 {
		r.Skipped[why] += n
		r.Recipients -= n
	}
	p.total = p.served
}

// cap asks frequency caps, and the spacing of a channel, of a parcel whose turn has
// come.
func (r *run) cap(p *parcel, now time.Time) {
	for _, rule := range r.of.Caps {
		times := r.of.sent[p.key]
		for len(times) > 0 && !times[0].After(now.Add(-rule.Window)) {
			times = times[1:]
		}
		if len(times) < rule.MaxMessages {
			continue
		}
		if rule.Action == contacts.CapSkip {
			r.leaveOut(p, messages.ReasonCapped)
			return
		}
		if due := times[len(times)-rule.MaxMessages].Add(rule.Window); due.After(p.due) {
			p.due, p.later, p.checked = due, byCap, false
			if rule.ID == 0 {
				p.later = bySpacing
			}
		}
	}
}

// serve lets messages of a parcel go.
func (r *run) serve(p *parcel, now time.Time, n float64) {
	if n <= 0 {
		return
	}
	if p.served == 0 {
		if r.of.sent == nil {
			r.of.sent = map[string][]time.Time{}
		}
		r.of.sent[p.key] = append(r.of.sent[p.key], now)
	}
	if r.First.IsZero() {
		r.First = now
	}
	p.served += n
}

func (r *run) done() bool {
	return !slices.ContainsFunc(r.parcels, func(p *parcel) bool { return !p.done() })
}

// hold takes down what holds messages now.
func (r *run) hold(by cause, n float64) { r.holding[by] += n }

// pass lets time pass with what holds messages.
func (r *run) pass(dt time.Duration) {
	for by, n := range r.holding {
		if n >= least {
			h := &r.held[by]
			h.For += dt
			h.Messages = max(h.Messages, whole(n))
		}
	}
}

// told is a run as it is told of.
func (r *run) told() Run {
	out := r.Run
	if out.Status == campaigns.RunSending && r.of.Stopped {
		out.Status = campaigns.RunPaused
	}
	for _, p := range r.parcels {
		out.Sent += p.sent()
	}
	for by, h := range r.held {
		if h.Messages > 0 {
			h.By = names[by]
			out.Held = append(out.Held, h)
		}
	}
	slices.SortStableFunc(out.Held, func(a, b Hold) int { return cmp.Compare(b.For, a.For) })
	return out
}

// awaitRest is await for a run that there is already: as many as there may be wait, those
// behind them are what is left of the test.
func (r *run) awaitRest(told time.Time) {
	if told.IsZero() {
		told = far
	}
	p := r.parcels[0]
	rest := *p
	rest.total = min(p.total, math.Round(float64(r.of.Audience.Reachable())*r.of.Waiting))
	if p.total -= rest.total; rest.due.Before(told) {
		rest.due, rest.later = told, byWinner
	}
	r.parcels = append(r.parcels, &rest)
}
