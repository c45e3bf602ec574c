package worker

import (
	"context"
	"sync"
	"time"

	"carillon/internal/clock"
	"carillon/providers"
)

// trouble is something that a provider does to one message after the other, and
// how long it is left alone then: for first, and twice as long each time that a
// single message has found it unchanged, up to most.
type trouble struct {
	name        string
	first, most time.Duration
	// personal says that single messages meet it too: it is none of the channel's
	// before it has come as often as the settings say.
	personal bool
}

// The troubles. What costs nothing to try is tried soon; a try at a provider that
// gives no answer costs a message in doubt.
var (
	down    = trouble{name: "down", first: time.Second, most: 30 * time.Second}
	busy    = trouble{name: "busy", first: 5 * time.Second, most: 5 * time.Minute, personal: true}
	refuses = trouble{name: "refuses", first: 30 * time.Second, most: 30 * time.Minute, personal: true}
	doubt   = trouble{name: "doubt", first: 15 * time.Second, most: 10 * time.Minute}
	quota   = trouble{name: "quota", first: time.Minute, most: time.Hour}
)

// downAfter is how many temporary failures in a row say that the provider is down
// for everybody.
const downAfter = 10

// provenFor is how long a success says that the provider answers. After that, and
// until the first one, messages go out as after a doubt: no more at once than may
// come to be in doubt.
const provenFor = time.Minute

// maxKeys bounds the different refusals, and the runs, that are counted apart.
const maxKeys = 64

// breaker is the circuit breaker of a channel. After a run of the same trouble
// without a success in between it lets nothing through for a while, then one
// message at a time, until one succeeds.
type breaker struct {
	clock clock.Clock

	mu sync.Mutex
	// inflight are the messages that were let through and are not answered yet,
	// urgent those of them that are transactional.
	inflight, urgent int
	// proven is when a message last succeeded.
	proven time.Time
	// inARow are the failures since then, by trouble and what was said; asked are
	// all answers since then.
	inARow map[string]int
	asked  int
	// byRun are the refusals of each campaign run since its own last success.
	byRun map[int64]*refusals
	// cause is what holds the channel, with an empty name if nothing does.
	cause trouble
	wait  time.Duration
	until time.Time
	// opened counts how often it was opened: what was let through before then is
	// not asked for any more.
	opened  int
	waiting int
	changed chan struct{}
}

// refusals are those of one campaign run.
type refusals struct {
	asked int
	same  map[string]int
	// tripped is until when further ones are taken for the same, by what was said:
	// they were on their way when the campaign was paused.
	tripped map[string]time.Time
}

func newBreaker(c clock.Clock) *breaker {
	b := &breaker{clock: c, changed: make(chan struct{})}
	b.reset()
	return b
}

// reset begins anew, as if nothing had been sent yet.
func (b *breaker) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inARow, b.byRun, b.asked = map[string]int{}, map[int64]*refusals{}, 0
	b.proven, b.until, b.wait, b.cause = time.Time{}, time.Time{}, 0, trouble{}
	b.tell()
}

// tell wakes those who wait in enter.
func (b *breaker) tell() {
	if b.waiting > 0 {
		close(b.changed)
		b.changed = make(chan struct{})
		b.waiting = 0
	}
}

// pass is the permission to ask for n messages.
type pass struct {
	n      int
	urgent bool
	opened int
}

// enter waits until messages may be asked for, and says how many of those wanted:
// all of them from a provider that is known to answer, else so few that at most
// doubts come to be in doubt (and one that is urgent, so that it does not wait
// for those that aren't), and one alone to try a provider that was in trouble.
// While nothing may be asked it says for how long. The caller leaves once for
// each.
func (b *breaker) enter(ctx context.Context, stop <-chan struct{}, urgent bool, wanted, doubts int) (p pass, wait time.Duration) {
	for {
		p, wait, changed := b.admit(urgent, wanted, doubts)
		if changed == nil {
			return p, wait
		}
		select {
		case <-changed:
		case <-stop:
			return pass{}, 0
		case <-ctx.Done():
			return pass{}, 0
		}
	}
}

// admit is enter for those who don't wait: it returns what they would wait for.
func (b *breaker) admit(urgent bool, wanted, doubts int) (p pass, wait time.Duration, changed <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock.Now()
	if b.cause.name != "" && now.Before(b.until) {
		return pass{}, b.until.Sub(now), nil
	}
	allowed := wanted
	switch {
	case b.cause.name != "":
		allowed = 1 - b.inflight
	case b.inARow[doubt.name] > 0 || now.Sub(b.proven) > provenFor:
		allowed = min(wanted, doubts-b.inARow[doubt.name]-b.inflight)
		if urgent && b.urgent == 0 || b.inflight == 0 { // the settings may have fallen below what was counted
			allowed = max(allowed, 1)
		}
	}
	if allowed <= 0 {
		b.waiting++
		return pass{}, 0, b.changed
	}
	b.inflight += allowed
	if urgent {
		b.urgent += allowed
	}
	return pass{allowed, urgent, b.opened}, 0, nil
}

// leave says that messages that were let through are answered, or were not asked
// for.
func (b *breaker) leave(p pass) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inflight -= p.n
	if p.urgent {
		b.urgent -= p.n
	}
	b.tell()
}

// holds reports whether a message that was let through with p must not be asked
// for any more, because the breaker has opened since.
func (b *breaker) holds(p pass) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.opened != p.opened
}

// success closes the breaker and reports whether it was open.
func (b *breaker) success(runID int64) (ended bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ended = b.cause.name != ""
	b.proven = b.clock.Now()
	b.asked, b.until, b.wait, b.cause = 0, time.Time{}, 0, trouble{}
	clear(b.inARow)
	delete(b.byRun, runID)
	b.tell()
	return ended
}

// state is what the breaker makes of a failure.
type state struct {
	// open says that the channel is held, for wait from now; began that it was not
	// before, and tried that it is since now, again or for the first time.
	open, began, tried bool
	wait               time.Duration
	// count of the asked answers since the last success were this failure.
	count, asked int
}

// failure counts a trouble, and opens the breaker at the after-th in a row. least
// is how long the provider asks to be left alone.
func (b *breaker) failure(t trouble, said string, after int, least time.Duration) state {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	key := t.name + said
	if _, known := b.inARow[key]; !known && len(b.inARow) >= maxKeys {
		key = t.name
	}
	b.inARow[key]++
	s := state{count: b.inARow[key], asked: b.asked}
	if s.count < after && (b.cause.name == "" || t.personal && t != b.cause) {
		return s
	}
	now := b.clock.Now()
	s.began = b.cause.name == ""
	if s.began || !now.Before(b.until) || t.first > b.cause.first {
		if t.name != b.cause.name {
			b.wait = 0
		}
		b.cause = t
		b.wait = max(min(max(2*b.wait, t.first), t.most), least)
		b.until = now.Add(b.wait)
		s.tried = true
		b.opened++
		b.tell()
	}
	s.open, s.wait = true, b.until.Sub(now)
	return s
}

// refused counts a refusal for good of a run's message. It reports that the
// campaign is to be paused now, or that the refusal is one of those for which it
// was.
func (b *breaker) refused(runID int64, said string, after int, grace time.Duration) (s state, pause, paused bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.byRun[runID]
	if r == nil {
		if len(b.byRun) >= maxKeys {
			clear(b.byRun)
		}
		r = &refusals{same: map[string]int{}, tripped: map[string]time.Time{}}
		b.byRun[runID] = r
	}
	now := b.clock.Now()
	if now.Before(r.tripped[said]) {
		return s, false, true
	}
	if _, known := r.same[said]; !known && len(r.same) >= maxKeys {
		said = ""
	}
	r.asked++
	r.same[said]++
	s = state{count: r.same[said], asked: r.asked}
	if s.count < after {
		return s, false, false
	}
	r.asked = 0
	clear(r.same)
	r.tripped[said] = now.Add(grace)
	// The channel's own count begins anew with the campaign's.
	delete(b.inARow, refuses.name+said)
	return s, true, true
}

// remaining is how long nothing is sent yet.
func (b *breaker) remaining() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cause.name == "" {
		return 0
	}
	return max(0, b.until.Sub(b.clock.Now()))
}

// healthOf is how a trouble is called on the channel.
func healthOf(t trouble) providers.HealthState {
	if t == quota || t == refuses {
		return providers.HealthHeld
	}
	return providers.HealthDegraded
}
