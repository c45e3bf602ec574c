package schedule

import (
	"fmt"
	"math"
	"slices"
	"time"

	"carillon/internal/zone"
)

// fixed are wall-clock times with a fixed hour on some days.
type fixed struct {
	days  dayRule
	times []int // seconds from midnight
	// dates are the times of single days; nil where all days have times.
	dates onDates
}

func (f fixed) on(d date) []int {
	switch {
	case f.dates != nil:
		return f.dates[d.day]
	case f.days.holds(d):
		return f.times
	}
	return nil
}

// elapsed are the instants at which a wall clock shows one of some times, whatever
// is done to the clock: an expression whose hour is * or a step.
type elapsed struct {
	days                   dayRule
	seconds, minutes, hour uint64 // a bit for each value
}

// interval are instants at equal distances.
type interval struct {
	anchor time.Time
	step   time.Duration
}

func (i interval) next(after time.Time) time.Time {
	if after.Before(i.anchor) {
		return i.anchor
	}
	return i.anchor.Add(i.step * time.Duration(int64(after.Sub(i.anchor)/i.step)+1))
}

// wanted says which occurrences are looked for.
type wanted bool

const (
	fires wanted = true  // those that fire
	every wanted = false // those that are left out, too
)

// Next is the first occurrence after an instant, whether it fires or not; false if
// there is none within 40 years.
func (p *Plan) Next(after time.Time) (Occurrence, bool) { return p.next(after, every) }

// NextFiring is the first occurrence after an instant that fires.
func (p *Plan) NextFiring(after time.Time) (Occurrence, bool) { return p.next(after, fires) }

func (p *Plan) next(after time.Time, which wanted) (best Occurrence, ok bool) {
	if before := p.from.Add(-time.Nanosecond); !p.from.IsZero() && after.Before(before) {
		after = before
	}
	end := after.AddDate(0, 0, horizon)
	if !p.until.IsZero() && p.until.Before(end) {
		end = p.until
	}
	take := func(o Occurrence) {
		switch {
		case o.At.After(end) || which == fires && o.Skipped != "":
		case !ok || o.At.Before(best.At):
			best, ok = o, true
		case o.At.Equal(best.At) && best.Skipped != "" && o.Skipped == "":
			best = o // it fires for another reason
		}
	}
	if o, found := p.nextFixed(after, end, which); found {
		take(o)
	}
	for _, e := range p.elapsed {
		if o, found := p.nextElapsed(e, after, end, which); found {
			take(o)
		}
	}
	if p.interval != nil {
		for at := p.interval.next(after); !at.After(end); at = p.interval.next(at) {
			o := p.judge(at)
			if which == fires && o.Skipped != "" {
				// Excluded days are passed over whole.
				at = zone.Resolve((dayOf(at.In(p.zone)) + 1).midnight(), p.zone).Add(-time.Nanosecond)
				continue
			}
			take(o)
			break
		}
	}
	return best, ok
}

// judge is an occurrence that goes by elapsed time.
func (p *Plan) judge(at time.Time) Occurrence {
	o := Occurrence{At: at.UTC()}
	if d := dayOf(at.In(p.zone)); p.excluded.holds(d) {
		o.Skipped, o.Note = Excluded, d.String()+" "+p.excluded.why(d)
	}
	return o
}

// slack is how many days an instant may lie beside the day of its wall-clock time:
// clocks were set by a whole day once.
const slack = 2

// lastDay is the last day on which the plan's wall-clock times may lie: behind its last
// date, if it has nothing but dates, there is nothing to look through.
func (p *Plan) lastDay() (last day) {
	last = math.MinInt32
	for _, f := range p.fixed {
		if f.dates == nil {
			return math.MaxInt32
		}
		for d := range f.dates {
			last = max(last, d+farthest)
		}
	}
	return last
}

func (p *Plan) nextFixed(after, end time.Time, which wanted) (best Occurrence, ok bool) {
	if len(p.fixed) == 0 {
		return best, false
	}
	last := min(dayOf(end.In(p.zone)), p.lastDay()) + slack
	for d := dayOf(after.In(p.zone)) - slack; d <= last; d++ {
		for _, o := range p.on(d) {
			if !o.At.After(after) || which == fires && o.Skipped != "" {
				continue
			}
			if !ok {
				last = min(last, d+slack)
			}
			if !ok || o.At.Before(best.At) || o.At.Equal(best.At) && best.Skipped != "" && o.Skipped == "" {
				best, ok = o, true
			}
		}
	}
	return best, ok
}

// farthest bounds how far an instant is moved away from excluded days.
const farthest = 366

// on are the occurrences of a day's wall-clock times, and of those that are moved
// there.
func (p *Plan) on(d day) (list []Occurrence) {
	add := func(from day, skipped Reason, note string) {
		for _, f := range p.fixed {
			for _, second := range f.on(from.date()) {
				wall := d.midnight().Add(time.Duration(second) * time.Second)
				for _, o := range p.resolve(wall) {
					if skipped != "" {
						o.Skipped = skipped
					}
					if note != "" {
						o.Note = note
					}
					list = append(list, o)
				}
			}
		}
	}
	moves := p.schedule.OnExcluded == NextDay || p.schedule.OnExcluded == PreviousDay
	if p.excluded.holds(d) {
		if !moves {
			add(d, Excluded, d.String()+" "+p.excluded.why(d))
		}
		return list
	}
	add(d, "", "")
	if moves {
		step := day(-1)
		if p.schedule.OnExcluded == PreviousDay {
			step = 1
		}
		for from := d + step; p.excluded.holds(from) && (from-d)*step <= farthest; from += step {
			add(from, "", "moved from "+from.String()+", which "+p.excluded.why(from))
		}
	}
	return list
}

// resolve are the instants that a wall-clock time with a fixed hour means.
func (p *Plan) resolve(wall time.Time) []Occurrence {
	const clock = "15:04"
	found := zone.Instants(wall, p.zone)
	switch {
	case len(found) == 0:
		end, shifted := zone.Gap(wall, p.zone)
		switch p.schedule.Gap {
		case GapSkip:
			return []Occurrence{{At: end, Skipped: InGap, Note: fmt.Sprintf("the clock jumps over %s", wall.Format(clock))}}
		case GapShift:
			end = shifted
		}
		return []Occurrence{{At: end, Note: fmt.Sprintf("the clock jumps over %s", wall.Format(clock))}}
	case len(found) == 1:
		return []Occurrence{{At: found[0]}}
	}
	switch p.schedule.Overlap {
	case Second:
		found = found[1:]
	case Both:
	default:
		found = found[:1]
	}
	list := make([]Occurrence, len(found))
	for i, at := range found {
		list[i] = Occurrence{At: at, Note: fmt.Sprintf("the clock shows %s twice", wall.Format(clock))}
	}
	return list
}

// nextElapsed goes through the periods between two changes of the clock: within
// one, the wall clock runs evenly.
func (p *Plan) nextElapsed(e elapsed, after, end time.Time, which wanted) (Occurrence, bool) {
	for at := after.Truncate(time.Second).Add(time.Second); !at.After(end); {
		_, offset := at.In(p.zone).Zone()
		until, ends := zone.Evenly(at, p.zone)
		if !ends || until.After(end) {
			until = end.Add(time.Second)
		}
		shift := time.Duration(offset) * time.Second
		wall, found := e.next(at.UTC().Add(shift), until.UTC().Add(shift))
		if !found {
			at = until
			continue
		}
		at = wall.Add(-shift)
		o := p.judge(at)
		switch {
		case which == fires && o.Skipped != "":
			at = zone.Resolve((dayOf(wall) + 1).midnight(), p.zone)
		case p.unwanted(wall, at):
			at = at.Add(time.Second)
		default:
			return o, true
		}
	}
	return Occurrence{}, false
}

// unwanted reports whether the schedule says which of two instants is meant at
// which the clock shows a time, and at is the other one.
func (p *Plan) unwanted(wall, at time.Time) bool {
	if p.schedule.Overlap == "" || p.schedule.Overlap == Both {
		return false
	}
	both := zone.Instants(wall, p.zone)
	if len(both) < 2 {
		return false
	}
	return (p.schedule.Overlap == First) != both[0].Equal(at)
}

// next is the first time from wall on, and before until, that the clock shows.
func (e elapsed) next(wall, until time.Time) (time.Time, bool) {
	for d, second := dayOf(wall), secondOfDay(wall); d.midnight().Before(until); d, second = d+1, 0 {
		if !e.days.holds(d.date()) {
			continue
		}
		if s, ok := e.from(second); ok {
			found := d.midnight().Add(time.Duration(s) * time.Second)
			return found, found.Before(until)
		}
	}
	return time.Time{}, false
}

// from is the first time of the day from a second on.
func (e elapsed) from(second int) (int, bool) {
	h, m, s := second/3600, second/60%60, second%60
	for ; h < 24; h, m, s = h+1, 0, 0 {
		if e.hour>>h&1 == 0 {
			continue
		}
		for ; m < 60; m, s = m+1, 0 {
			if e.minutes>>m&1 == 0 {
				continue
			}
			for ; s < 60; s++ {
				if e.seconds>>s&1 != 0 {
					return h*3600 + m*60 + s, true
				}
			}
		}
	}
	return 0, false
}

// bitsOf are the values of a field.
func bitsOf(field uint64, most int) (values []int) {
	for v := range most + 1 {
		if field>>v&1 != 0 {
			values = append(values, v)
		}
	}
	return values
}

// timesOf are the times of day of an expression with a fixed hour.
func timesOf(e elapsed) (times []int) {
	for _, h := range bitsOf(e.hour, 23) {
		for _, m := range bitsOf(e.minutes, 59) {
			for _, s := range bitsOf(e.seconds, 59) {
				times = append(times, h*3600+m*60+s)
			}
		}
	}
	slices.Sort(times)
	return times
}
