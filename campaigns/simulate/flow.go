package simulate

import (
	"math"
	"time"
)

// tick is how finely time is reckoned.
const tick = time.Millisecond

// allocate says how fast what may go does, and what holds up the rest.
func (l *lane) allocate() {
	wants, weights := make([]float64, len(l.players)), make([]float64, len(l.players))
	for i, c := range l.players {
		c.wants = 0
		for _, r := range c.open {
			l.want(r)
			c.wants += r.wants
		}
		wants[i], weights[i] = min(c.wants, c.limit.rate), float64(c.Weight)
	}
	for i, got := range share(l.limit.rate, wants, weights) {
		c := l.players[i]
		c.gets = got
		inner, even := make([]float64, len(c.open)), make([]float64, len(c.open))
		for k, r := range c.open {
			inner[k], even[k] = r.wants, 1
		}
		for k, mine := range share(got, inner, even) {
			c.open[k].gets = mine
			l.divide(c.open[k])
		}
	}
}

// want says how much of the channel a run wants, and what holds it up whatever the
// limits.
func (l *lane) want(r *run) {
	r.wants, r.holding = 0, [causes]float64{}
	may, short := l.mayGo(r)
	for _, p := range r.parcels {
		l.work++
		p.rate = 0
		if p.done() {
			continue
		}
		if l.now.Before(p.due) {
			if p.later != nothing && !l.now.Before(p.meant) {
				r.hold(p.later, p.total)
			}
			continue
		}
		waits := p.waits(l.now)
		switch {
		case l.channel.Stopped:
			r.hold(byChannel, waits)
		case r.of.Stopped:
			r.hold(byPause, waits)
		case !p.open:
			r.hold(byHours, waits)
		case may < least:
			r.hold(short, waits)
		case waits >= least:
			p.rate = math.Inf(1)
		default:
			p.rate = p.arriving(l.now)
		}
		r.wants += p.rate
	}
}

// divide gives the parcels of a run their rates, those whose turn was first first.
func (l *lane) divide(r *run) {
	rest := r.gets
	by := byChannelRate
	if c := r.of; c.limit.bounded() && c.gets >= c.limit.rate*(1-1e-9) {
		by = byCampaignRate
	}
	for _, p := range r.parcels {
		if p.rate <= 0 {
			continue
		}
		waits := math.IsInf(p.rate, 1)
		p.rate = min(p.rate, rest)
		rest -= p.rate
		if waits {
			r.hold(by, p.waits(l.now))
		}
	}
}

// step is for how long nothing changes.
func (l *lane) step() time.Duration {
	until := l.end
	consider := func(at time.Time) {
		if at.After(l.now) && at.Before(until) {
			until = at
		}
	}
	consider(l.midnight)
	consider(l.from)
	if l.daily != nil {
		if at, ok := l.daily.next(); ok {
			consider(at)
		}
	}
	if l.warmth != nil && !l.warmth.Since.IsZero() {
		consider(l.warmth.Since.Add(day))
	}
	for _, c := range l.players {
		if !c.look.After(l.until) {
			consider(c.look)
		}
		for _, r := range c.waiting {
			consider(r.startsAt)
		}
		for _, r := range c.open {
			l.changes(r, consider)
			l.batched(r, consider)
		}
	}
	if l.daily != nil {
		l.bounded(consider)
	}
	d := until.Sub(l.now)
	if d%tick > 0 {
		d += tick - d%tick
	}
	return max(tick, d)
}

// changes are the times at which something else may hold of a run.
func (l *lane) changes(r *run, consider func(time.Time)) {
	for _, p := range r.parcels {
		if p.done() {
			continue
		}
		consider(p.meant)
		consider(p.due)
		if l.now.Before(p.due) {
			continue
		}
		consider(p.due.Add(p.spread))
		consider(p.changes)
		waits, excess := p.waits(l.now), p.rate-p.arriving(l.now)
		if waits >= least && excess > 0 {
			consider(l.after(waits / excess))
		}
	}
}

// batched are the times at which a batch of a run begins, or is used up.
func (l *lane) batched(r *run, consider func(time.Time)) {
	consider(r.batches.next)
	var rate float64
	for _, p := range r.parcels {
		rate += p.rate
	}
	if room := r.batches.room(l.now); rate > 0 && !math.IsInf(room, 1) {
		consider(l.after(room / rate))
	}
}

// after is so many seconds from now.
func (l *lane) after(seconds float64) time.Time {
	return l.now.Add(time.Duration(min(seconds, LongestSpan.Seconds()) * float64(time.Second)))
}

// bounded are the times at which the day's recipients may be used up.
func (l *lane) bounded(consider func(time.Time)) {
	var fresh float64
	for _, c := range l.players {
		for _, r := range c.open {
			var rate float64
			for _, p := range r.parcels {
				rate += p.rate
			}
			if rate <= 0 {
				continue
			}
			consider(l.now.Add(dailyStep))
			if known := l.daily.known(r); known >= least {
				consider(l.after(known / rate))
			} else {
				fresh += rate
			}
		}
	}
	if fresh > 0 {
		consider(l.after(l.daily.room() / fresh))
	}
}

// pass lets time pass.
func (l *lane) pass(dt time.Duration) {
	l.weigh(dt)
	began, seconds, through := l.now, dt.Seconds(), l.through
	l.now = l.now.Add(dt)
	for _, c := range l.players {
		var sent float64
		for _, r := range c.open {
			r.pass(dt)
			for _, p := range r.parcels {
				n := min(p.rate*seconds, p.arrived(l.now)-p.served, r.batches.room(began))
				if p.rate <= 0 || n <= 0 {
					continue
				}
				if r.First.IsZero() {
					r.First = began
				}
				r.batches.take(began, n)
				l.let(r, p, n)
				r.Last = l.now
				sent += n
			}
		}
		c.limit.pass(seconds, sent)
	}
	l.limit.pass(seconds, l.through-through)
}

// load is a Load that goes on.
type load struct {
	Load
	through float64
	runs    map[*run]bool
	by      [causes]float64
}

// leastLoad is what is told of a load: less is no time to wait.
const leastLoad = time.Second

// weigh takes down whether messages wait for limits while time passes.
func (l *lane) weigh(dt time.Duration) {
	waits := false
	for _, c := range l.players {
		for _, r := range c.open {
			for _, by := range []cause{byChannelRate, byCampaignRate, byRecipients} {
				n := r.holding[by]
				if n < least {
					continue
				}
				waits = true
				if l.load == nil {
					l.load = &load{Load: Load{ChannelID: l.channel.ID, From: l.now}, through: l.before, runs: map[*run]bool{}}
				}
				l.load.runs[r] = true
				l.load.by[by] += n * dt.Seconds()
			}
		}
	}
	if !waits {
		l.closeLoad(false)
	}
}

// closeLoad ends a load, if there is one.
func (l *lane) closeLoad(open bool) {
	if l.load == nil {
		return
	}
	out := l.load.Load
	out.Until, out.Open, out.Runs, out.Messages = l.now, open, len(l.load.runs), whole(l.through-l.load.through)
	most := 0.0
	for by, n := range l.load.by {
		if n > most {
			out.By, most = names[by], n
		}
	}
	l.load = nil
	if out.Until.Sub(out.From) >= leastLoad && out.Until.After(l.from) {
		l.loads = append(l.loads, out)
	}
}
