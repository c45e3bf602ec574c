package simulate

import (
	"maps"
	"math"
	"slices"
	"time"

	"carillon/campaigns"
	"carillon/messages"
)

// least is what is less than a message, however it was rounded.
const least = 1e-3

func whole(messages float64) int64 { return int64(math.Round(messages)) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// cause is what holds messages up.
type cause int

const (
	nothing cause = iota
	byHours
	byWinner
	byCap
	bySpacing
	byRecipients
	byChannelRate
	byCampaignRate
	byBatch
	byChannel
	byPause
	causes
)

// names are the causes as they are told of.
var names = [causes]string{
	byHours: messages.ReasonHours, byWinner: messages.ReasonUndecided, byCap: messages.ReasonCapped, bySpacing: messages.ReasonRecipientSpacing,
	byRecipients:  ByRecipients,
	byChannelRate: ByChannelRate, byCampaignRate: ByCampaignRate, byBatch: ByBatch, byChannel: ByChannel, byPause: ByPause,
}

// limit is a rate, of which one message may go at once after a quiet time: n messages
// take n-1 intervals.
type limit struct {
	rate   float64 // messages a second; +Inf for no limit
	credit float64
}

func newLimit(perSecond, share float64) limit {
	if perSecond <= 0 {
		return limit{rate: math.Inf(1), credit: 1}
	}
	return limit{rate: perSecond * share, credit: 1}
}

func (l *limit) bounded() bool { return !math.IsInf(l.rate, 1) }

// ready reports whether a message may go at once.
func (l *limit) ready() bool { return l.credit >= 1-least }

// pass lets time pass in which so many messages went.
func (l *limit) pass(seconds, sent float64) {
	if l.bounded() {
		l.credit = max(0, min(1, l.credit+l.rate*seconds-sent))
	}
}

// spend takes messages that went at once.
func (l *limit) spend(n float64) {
	if l.bounded() {
		l.credit = max(0, l.credit-n)
	}
}

// share divides a capacity among those who want some of it, by their weights: what one
// does not want is the others'.
func share(capacity float64, wants, weights []float64) []float64 {
	got := make([]float64, len(wants))
	open := make([]int, 0, len(wants))
	for i, want := range wants {
		if want > 0 {
			open = append(open, i)
		}
	}
	for len(open) > 0 && capacity > 0 {
		if math.IsInf(capacity, 1) {
			for _, i := range open {
				got[i] = wants[i]
			}
			return got
		}
		var weight float64
		for _, i := range open {
			weight += weights[i]
		}
		left, rest := open[:0:0], capacity
		for _, i := range open {
			if mine := capacity * weights[i] / weight; wants[i] <= mine {
				got[i], rest = wants[i], rest-wants[i]
			} else {
				left = append(left, i)
			}
		}
		if len(left) == len(open) {
			for _, i := range open {
				got[i] = capacity * weights[i] / weight
			}
			return got
		}
		open, capacity = left, rest
	}
	return got
}

// dailyStep is how finely the moving day of recipients is reckoned.
const dailyStep = 5 * time.Minute

// daily is how many different recipients a channel had in a moving day. The recipients
// of a campaign's runs are taken to be the same ones in the same order, and those of
// different campaigns to be others.
type daily struct {
	most float64
	log  []handed // oldest first
	sum  float64
}

// handed is what went at a time to recipients who have had nothing since.
type handed struct {
	at time.Time
	of *run
	n  float64
}

// forget drops what is a day old.
func (d *daily) forget(now time.Time) {
	i := 0
	for ; i < len(d.log) && !d.log[i].at.Add(day).After(now); i++ {
		d.sum -= d.log[i].n
	}
	d.log = d.log[i:]
	if len(d.log) == 0 {
		d.sum = 0
	}
}

// known is how many of a run's recipients to come were written to within the day.
func (d *daily) known(r *run) (n float64) {
	for _, h := range d.log {
		if h.of != r && h.of.of == r.of {
			n += h.n
		}
	}
	return n
}

func (d *daily) room() float64 { return max(0, d.most-d.sum) }

// hand takes down what goes to recipients of a run, first to those who are known.
func (d *daily) hand(now time.Time, r *run, n float64) {
	fresh := n
	for i := range d.log {
		if h := &d.log[i]; h.of != r && h.of.of == r.of && fresh > 0 {
			again := min(h.n, fresh)
			h.n, fresh, d.sum = h.n-again, fresh-again, d.sum-again
		}
	}
	d.log = slices.DeleteFunc(d.log, func(h handed) bool { return h.n < least/1000 })
	d.sum += n
	if last := len(d.log) - 1; last >= 0 && d.log[last].of == r && d.log[last].at.Equal(now) {
		d.log[last].n += n
		return
	}
	d.log = append(d.log, handed{now, r, n})
}

// next is when the oldest is a day old.
func (d *daily) next() (at time.Time, ok bool) {
	if len(d.log) == 0 {
		return at, false
	}
	return d.log[0].at.Add(day), true
}

// batches are those of a run, of which any share of a message may be part.
type batches struct {
	of    campaigns.Batch // the zero one for none
	begun int
	left  float64
	next  time.Time
}

// room is +Inf where there are no batches.
func (b *batches) room(now time.Time) float64 {
	switch {
	case !b.of.On():
		return math.Inf(1)
	case !now.Before(b.next):
		return float64(b.of.SizeOf(b.begun + 1))
	}
	return b.left
}

// take lets messages go by a time.
func (b *batches) take(now time.Time, n float64) {
	if !b.of.On() {
		return
	}
	if !now.Before(b.next) {
		b.begun++
		b.left, b.next = float64(b.of.SizeOf(b.begun)), now.Add(b.of.Period())
	}
	b.left = max(0, b.left-n)
}
