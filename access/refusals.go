package access

import (
	"context"
	"sync"
	"time"

	"carillon/internal/clock"
)

// Refusal is a request that was not let in.
type Refusal struct {
	// Caller is whose key it was; its zero value is nobody that is known.
	Caller Caller
	// Why is an action of the trail, such as refuse-key, and Says what should be known besides, such as
	// that there may be a copy of a passkey; empty for nothing.
	Why, Says string
	From
}

// From is the request by which somebody comes.
type From struct {
	// Source is the address that it comes from, Route what was asked for, by its pattern.
	Source, Route string
	// RequestID is the request's.
	RequestID string
}

// The reasons of refusals, as actions of the trail.
const (
	refusals = "refuse-"
	// RefusedKey is a key that is unknown, revoked or over, of a closed account, or not taken
	// from where it comes from.
	RefusedKey = refusals + "key"
	// RefusedRole is a key that may not do what was asked for.
	RefusedRole = refusals + "role"
	// RefusedSignIn is a password, second factor, passkey or word of an identity provider that
	// opened nothing.
	RefusedSignIn = refusals + "sign-in"
)

// Bounds of the entries of refusals, in each process: who guesses keys fills no table.
const (
	// refusalsEach is how long refusals of one kind are counted into one entry.
	refusalsEach = time.Minute
	// mostRefusals are how many kinds are told apart in that time; what is more is counted together.
	mostRefusals = 200
)

// refusalKind is what is counted together: routes are many, and chosen by who asks.
type refusalKind struct {
	account     int64
	actor, why  string
	says        string
	source      string
	everybodies bool
}

// Refusals write down requests that were not let in: the first of a kind at once, and
// what follows within a minute as one entry with its count. They are safe for
// concurrent use.
type Refusals struct {
	trail *Trail
	clock clock.Clock

	mu    sync.Mutex
	since time.Time
	more  map[refusalKind]int
}

// NewRefusals makes the count of a process.
func NewRefusals(trail *Trail, c clock.Clock) *Refusals {
	return &Refusals{trail: trail, clock: c, more: map[refusalKind]int{}}
}

// Refused writes a refusal down, or counts it.
func (r *Refusals) Refused(ctx context.Context, f Refusal) error {
	kind := refusalKind{account: f.Caller.AccountID, why: f.Why, says: f.Says, source: f.Source, actor: "nobody"}
	if f.Caller.ID != 0 {
		kind.actor = f.Caller.Actor()
	}
	over, first := r.count(kind)
	if err := r.write(ctx, over); err != nil || !first {
		return err
	}
	e := kind.entry("route", f.Route)
	e.RequestID = f.RequestID
	return r.trail.Add(ctx, e)
}

// count counts a refusal, and returns what was counted in a minute that is over, and whether it is
// the first of its kind.
func (r *Refusals) count(kind refusalKind) (over map[refusalKind]int, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	over = r.takeOver(refusalsEach)
	if _, known := r.more[kind]; !known && len(r.more) >= mostRefusals {
		kind = refusalKind{why: kind.why, actor: "several", everybodies: true}
	}
	n, known := r.more[kind]
	if !known && !kind.everybodies {
		n = -1 // it has an entry of its own
	}
	r.more[kind] = n + 1
	return over, !known && !kind.everybodies
}

// takeOver returns what was counted if that is so long ago, and begins anew. The lock must be held.
func (r *Refusals) takeOver(after time.Duration) map[refusalKind]int {
	now := r.clock.Now()
	if now.Sub(r.since) < after {
		return nil
	}
	over := r.more
	r.since, r.more = now, map[refusalKind]int{}
	return over
}

// Flush writes what was counted, if its minute is over or all is wanted.
func (r *Refusals) Flush(ctx context.Context, all bool) error {
	after := refusalsEach
	if all {
		after = 0
	}
	r.mu.Lock()
	over := r.takeOver(after)
	r.mu.Unlock()
	return r.write(ctx, over)
}

func (r *Refusals) write(ctx context.Context, counted map[refusalKind]int) error {
	for kind, n := range counted {
		if n == 0 {
			continue
		}
		if err := r.trail.Add(ctx, kind.entry("more", n)); err != nil {
			return err
		}
	}
	return nil
}

// entry is what is written of a kind.
func (k refusalKind) entry(name string, value any) AuditEntry {
	detail := map[string]any{name: value}
	if k.says != "" {
		detail["why"] = k.says
	}
	return AuditEntry{AccountID: k.account, Actor: k.actor, Action: k.why, Target: "request", Source: k.source, Detail: detail}
}
