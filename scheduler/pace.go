package scheduler

import "time"

// How fast a channel's windows are used up, which says how large they have to be.
const (
	// firstPace is what a channel is taken for before anything is known of it: a fast
	// one runs dry for half of a pass, a slow one of 20 a second has work for 40 s.
	// leastPace is what it never falls below. Both are messages a second.
	firstPace = 400
	leastPace = 8
	// A pace rises as soon as that much was seen for paceSoon, and falls by half at
	// most each paceWhile.
	paceSoon  = 20 * time.Millisecond
	paceWhile = time.Second
	// paceKept is how long a pace is remembered that nothing is heard of.
	paceKept = time.Hour
)

// pace is how many messages of a channel the workers take a second, and what they
// have not taken yet.
type pace struct {
	rate  float64
	since time.Time
	taken int64
	// queued is how many were in the window when it was last looked at.
	queued int64
	// sizes are how many messages were in each of the last envelopes, the latest last.
	sizes []int
}

// saw counts in that so many are in the window before it is filled, and returns the
// pace.
func (p *pace) saw(now time.Time, queued int64) float64 {
	if p.since.IsZero() {
		p.rate, p.since, p.queued = firstPace, now, queued
	}
	p.taken += max(0, p.queued-queued)
	p.queued = queued
	passed := now.Sub(p.since)
	if passed < paceSoon {
		return p.rate
	}
	seen := float64(p.taken) / passed.Seconds()
	if seen <= p.rate && passed < paceWhile {
		return p.rate
	}
	p.rate = max(seen, p.rate/2, leastPace)
	p.since, p.taken = now, 0
	return p.rate
}

// maxSizes is how many envelopes' sizes are remembered: more than a window has, where
// each has but one message.
const maxSizes = 1 << 14

// fed counts in that so many were put into the window, in envelopes of so many each.
func (p *pace) fed(n, perEnvelope int) {
	p.queued += int64(n)
	for ; n > 0; n -= perEnvelope {
		p.sizes = append(p.sizes, min(n, perEnvelope))
	}
	if spare := len(p.sizes) - maxSizes; spare > maxSizes {
		p.sizes = append([]int(nil), p.sizes[spare:]...)
	}
}

// inside is how many messages there may be in so many envelopes under way, which are
// the last ones, each taken to be full as it was at first. One of which nothing is
// known, as another leader fed it, is taken to have unknown messages.
func (p *pace) inside(envelopes, unknown int) int {
	known := p.sizes[max(0, len(p.sizes)-envelopes):]
	n := (envelopes - len(known)) * unknown
	for _, size := range known {
		n += size
	}
	return n
}
