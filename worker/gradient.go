package worker

import (
	"math"
	"sync"
	"time"
)

// How many requests to have under way at a provider whose limits.concurrency is
// auto. It is the gradient algorithm of Netflix's concurrency-limits, which compares
// how long answers take now with how long they take while few are asked for, and
// leaves room for the square root of the limit to wait there. As in BBR (RFC
// draft-cardwell-iccrg-bbr-congestion-control) the limit doubles at first, and what
// few take is measured anew by going down for a moment when answers come slower.
// Errors cut the limit as in AIMD.
const (
	// firstRequests is where it begins, leastRequests what it never falls below.
	firstRequests = 8
	leastRequests = 4
	// tolerance is how many times longer answers may take before it asks for less.
	tolerance = 2
	// ownTime is how long an answer may take for reasons of this machine's: what is
	// shorter says nothing of the provider.
	ownTime = time.Millisecond
	// roundAnswers and roundTime are the least of a round, after which it decides.
	roundAnswers = 8
	roundTime    = 20 * time.Millisecond
	// An answer that takes longer than overdue, and overdueTimes what few take, ends a
	// round of that age with half of the limit.
	overdue      = time.Second
	overdueTimes = 8
	// probeInterval is the least between two measurements with a quarter of the limit.
	// The first one is made with leastRequests after warmTime, whatever was found until
	// then: connections were being made, and a campaign planned beside them.
	probeInterval = 5 * time.Second
	probeShare    = 4
	warmTime      = time.Second
	// cut is what is left of the limit after an error. For edgeFor it then stays
	// below edge of where that came: a provider that refuses the 21st connection
	// is not to be asked for it all the time.
	cut     = 0.7
	edge    = 0.9
	edgeFor = time.Minute
)

// gradient is how many requests may be under way.
type gradient struct {
	mu          sync.Mutex
	limit, most float64
	// steep: it doubles each round, until answers come slower or an error comes.
	steep bool
	// base is how long an answer takes while few are asked for, and measured when that
	// was found; both zero before the first round.
	base     time.Duration
	measured time.Time
	// begun is when the first round ended; warm says that base was measured since then.
	begun time.Time
	warm  bool
	// probing: this round measures base, with a part of the limit, which is kept.
	probing bool
	kept    float64
	// failing: the last round ended with an error, and edge is what it must not exceed
	// until edgeUntil.
	failing   bool
	edge      float64
	edgeUntil time.Time

	// The round: requests that began since, and how long their answers took together.
	since   time.Time
	answers int
	took    time.Duration
}

// newGradient is a limit that moves between leastRequests, or most if that is lower,
// and most.
func newGradient(most int) *gradient {
	return &gradient{most: float64(most), limit: math.Min(firstRequests, float64(most)), steep: true}
}

// now is the limit as it is.
func (g *gradient) now() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.whole()
}

func (g *gradient) whole() int { return int(g.limit) }

// answered counts in a message that the provider took, which was asked for at began.
// crowded is asked at the end of a round: a limit that nobody waits for does not grow.
// It returns the limit and whether that is news.
func (g *gradient) answered(began, now time.Time, crowded func() bool) (limit int, news bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if late := max(overdue, overdueTimes*g.base); now.Sub(began) > late && now.Sub(g.since) > late && g.base > 0 {
		// The round waits for those behind this one. After a quiet time the round is old
		// and the answer is not.
		before := g.whole()
		g.probing, g.steep = false, false
		g.set(g.limit/2, now)
		g.begin(now)
		return g.whole(), g.whole() != before
	}
	if !began.After(g.since) {
		return g.whole(), false
	}
	g.answers++
	g.took += now.Sub(began)
	if g.answers < max(roundAnswers, g.whole()) || now.Sub(g.since) < roundTime {
		return g.whole(), false
	}
	before := g.whole()
	g.decide(g.took/time.Duration(g.answers), now, crowded())
	g.begin(now)
	return g.whole(), g.whole() != before
}

// decide ends a round in which answers took so long on average.
func (g *gradient) decide(took time.Duration, now time.Time, crowded bool) {
	g.failing = false
	if g.probing {
		g.probing = false
		g.steep = g.steep || took > tolerance*g.base
		g.base, g.measured = took, now
		g.set(g.kept, now)
		return
	}
	if g.begun.IsZero() {
		g.begun = now
	}
	if g.base == 0 || took <= g.base || g.limit <= leastRequests {
		g.steep = g.steep || took > tolerance*g.base
		g.base, g.measured = took, now
	}
	allowed := tolerance * max(g.base, ownTime)
	switch {
	case !g.warm && now.Sub(g.begun) > warmTime && g.limit > leastRequests:
		g.warm = true
		g.probe(leastRequests, now)
		return
	case took > allowed && now.Sub(g.measured) > probeInterval:
		// Is it because we ask for more, or has the provider become slower?
		g.probe(g.limit/probeShare, now)
		return
	}
	gradient := math.Max(0.5, math.Min(1, float64(allowed)/float64(took)))
	next := g.limit * gradient
	if gradient < 1 {
		g.steep = false
	}
	switch {
	case !crowded:
	case g.steep:
		next *= 2
	default:
		next += math.Sqrt(g.limit)
	}
	g.set(next, now)
}

// probe has the next round measure base.
func (g *gradient) probe(limit float64, now time.Time) {
	g.probing, g.kept = true, g.limit
	g.set(limit, now)
}

// failed counts in an answer that says that the provider can't take as much, or none
// at all. It returns the limit and whether that is news.
func (g *gradient) failed(began, now time.Time) (limit int, news bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !began.After(g.since) {
		return g.whole(), false // of before the last change
	}
	before := g.whole()
	if g.probing {
		g.probing, g.limit = false, g.kept
	}
	if !g.failing {
		g.failing, g.edge, g.edgeUntil = true, g.limit*edge, now.Add(edgeFor)
	}
	g.steep = false
	g.set(g.limit*cut, now)
	g.begin(now)
	return g.whole(), g.whole() != before
}

// begin begins a round.
func (g *gradient) begin(now time.Time) { g.since, g.answers, g.took = now, 0, 0 }

func (g *gradient) set(limit float64, now time.Time) {
	if now.Before(g.edgeUntil) {
		limit = math.Min(limit, g.edge)
	}
	g.limit = math.Min(g.most, math.Max(leastRequests, limit))
}
