package gate

import (
	"context"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"carillon/access"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/secret"
)

// Keys knows API keys; *access.Keys does.
type Keys interface {
	// Lookup finds the key that somebody presents from an address, and notes that it was used.
	// An unknown or revoked one is Unauthorized, one of a closed account, or that is not taken
	// from there, Forbidden: whose it is comes with that, too.
	Lookup(ctx context.Context, presented secret.String, source string) (access.Key, error)
}

// Refusals writes down who was not let in, within bounds; *access.Refusals does.
type Refusals interface {
	// Refused writes a refusal down, or counts it.
	Refused(ctx context.Context, f access.Refusal) error
}

// refused writes down that a request was not let in; a failure is logged.
func (g *Gate) refused(ctx context.Context, caller access.Caller, why string) {
	if g.deps.Refusals == nil {
		return
	}
	if err := g.deps.Refusals.Refused(context.WithoutCancel(ctx), access.Refusal{Caller: caller, Why: why, From: From(ctx)}); err != nil {
		g.deps.Logger.ErrorContext(ctx, "audit failed", "action", why, "request_id", RequestID(ctx), "error", err)
	}
}

// Lookup finds whom a request comes from by the key that it presents, or by the session that
// its browser is in. No key, and one that is unknown or
// revoked, is Unauthorized; RateLimited comes from where too many wrong ones come
// from.
func (g *Gate) Lookup(ctx context.Context, r *http.Request) (access.Caller, error) {
	presented, err := g.presented(r)
	if token, ok := g.session(r); ok && fault.Is(err, fault.Unauthorized) {
		return g.visit(ctx, r, token)
	}
	if err != nil {
		return access.Caller{}, err
	}
	return g.LookupPresented(ctx, r, presented)
}

// LookupPresented is Lookup for a key that a request presents in another way than
// the dialect's.
func (g *Gate) LookupPresented(ctx context.Context, r *http.Request, presented string) (access.Caller, error) {
	wrong, brake := g.deps.Limits.wrong, g.deps.Limits.Brake
	known, wait := wrong.wait(r, presented)
	guess := access.KeyGuess(sourceOf(r.Context()))
	if brake != nil && !known && wait == 0 {
		var err error
		if wait, err = brake.Take(ctx, guess); err != nil {
			return access.Caller{}, err
		}
	}
	if wait > 0 {
		g.refused(ctx, access.Caller{}, access.RefusedKey)
		return access.Caller{}, fault.New(fault.RateLimited, "too many wrong keys from this address: wait %s", wait.Round(time.Millisecond))
	}
	key, err := g.deps.Keys.Lookup(ctx, secret.New(presented), Source(ctx))
	if err == nil || fault.Is(err, fault.Unauthorized) || fault.Is(err, fault.Forbidden) {
		right := !fault.Is(err, fault.Unauthorized)
		wrong.took(r, presented, right)
		if brake != nil && !known && right {
			if undone := brake.GiveBack(ctx, guess); undone != nil {
				return access.Caller{}, undone
			}
		}
	}
	switch {
	case err == nil:
		return key.Caller(), nil
	case fault.Is(err, fault.Unauthorized):
		g.refused(ctx, access.Caller{}, access.RefusedKey)
	case fault.Is(err, fault.Forbidden):
		g.refused(ctx, key.Caller(), access.RefusedKey)
	}
	return access.Caller{}, err
}

// What bodies that are being read or worked on may take of memory, together: those
// that came with a key.
const keyedBodies = 256 << 20

// The same of the heads of bodies in which a key is looked for: whose they are is not known
// yet. A quarter is for one address at most.
const (
	strangersHeads = 64 << 20
	headsOfOne     = strangersHeads / 4
)

// Limits bound what all APIs of a server take together: the requests of each key,
// wrong keys of each address, memory for bodies.
type Limits struct {
	// Brake has the wrong keys of an address counted by all processes together; nil has this
	// process count its own.
	Brake access.Brake

	rate   rate.Limit
	burst  int
	clock  clock.Clock
	wrong  *wrongKeys
	bodies *Room
	// heads are what has been read of bodies of which nobody knows whose they are.
	heads *sourceRooms

	mu    sync.Mutex
	byKey map[int64]*rate.Limiter
}

// NewLimits makes limits of perSecond requests of a key, burst of them at once; 0
// sets no limit.
func NewLimits(perSecond float64, burst int, c clock.Clock) *Limits {
	return &Limits{
		rate: rate.Limit(perSecond), burst: max(burst, 1), clock: c, wrong: newWrongKeys(c), bodies: NewRoom(keyedBodies),
		heads: newSourceRooms(strangersHeads, headsOfOne),
		byKey: map[int64]*rate.Limiter{},
	}
}

// Take uses one request of a key up and returns 0, or how long to wait for it. own is the key's
// own rate, in requests a second, and 0 where it has that of all.
// Only keys that exist have an entry, so the map stays small.
func (l *Limits) Take(key int64, own float64) time.Duration {
	perSecond, burst := l.rate, l.burst
	if own > 0 {
		perSecond, burst = rate.Limit(own), max(1, int(own))
	}
	if perSecond <= 0 {
		return 0
	}
	now := l.clock.Now()
	l.mu.Lock()
	limiter, ok := l.byKey[key]
	if !ok || limiter.Limit() != perSecond {
		limiter = rate.NewLimiter(perSecond, burst)
		l.byKey[key] = limiter
	}
	l.mu.Unlock()
	reservation := limiter.ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if wait > 0 {
		reservation.CancelAt(now)
	}
	return wait
}
