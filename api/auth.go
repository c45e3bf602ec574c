package api

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"carillon/access"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/secret"
)

// callerOf is the key that a request was made with.
func callerOf(ctx context.Context) access.Key {
	key, _ := ctx.Value(callerKey).(access.Key)
	return key
}

// lookupKey is the key that a request presents.
func (s *Server) lookupKey(ctx context.Context, r *http.Request) (access.Key, error) {
	scheme, presented, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") || strings.TrimSpace(presented) == "" {
		return access.Key{}, fault.New(fault.Unauthorized, "a key is needed: send the header Authorization: Bearer <key>")
	}
	presented = strings.TrimSpace(presented)
	if wait := s.wrong.wait(r, presented); wait > 0 {
		return access.Key{}, fault.New(fault.RateLimited, "too many wrong keys from this address: wait %s", wait.Round(time.Millisecond))
	}
	key, err := s.Keys.Lookup(ctx, secret.New(presented))
	if err == nil || fault.Is(err, fault.Unauthorized) {
		s.wrong.took(r, presented, err == nil)
	}
	return key, err
}

// limiters bound the requests of each key.
type limiters struct {
	rate  rate.Limit
	burst int
	clock clock.Clock

	mu    sync.Mutex
	byKey map[int64]*rate.Limiter
}

func newLimiters(perSecond float64, burst int, c clock.Clock) *limiters {
	return &limiters{rate: rate.Limit(perSecond), burst: max(burst, 1), clock: c, byKey: map[int64]*rate.Limiter{}}
}

// take uses one request of a key up and returns 0, or how long to wait for it.
// Only keys that exist have an entry, so the map stays small.
func (l *limiters) take(key int64) time.Duration {
	if l.rate <= 0 {
		return 0
	}
	l.mu.Lock()
	limiter, ok := l.byKey[key]
	if !ok {
		limiter = rate.NewLimiter(l.rate, l.burst)
		l.byKey[key] = limiter
	}
	l.mu.Unlock()
	now := l.clock.Now()
	reservation := limiter.ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if wait > 0 {
		reservation.CancelAt(now)
	}
	return wait
}
