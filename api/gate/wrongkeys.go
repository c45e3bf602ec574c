package gate

import (
	"crypto/sha256"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"carillon/access"
	"carillon/internal/clock"
)

const (
	// mostSources are the addresses that are kept, twice: the newer ones, and the
	// ones before.
	mostSources = 4096
	// mostKnown are the keys that are kept as having worked from one address.
	mostKnown = 64
)

// wrongKeys slows down addresses from which wrong keys come, as far as this process sees them;
// what asks too often gets no further, so that it is no work for others. A key that has
// worked from an address goes on working from there, so that a proxy's other
// clients do not suffer from a guesser behind it.
type wrongKeys struct {
	clock clock.Clock

	mu            sync.Mutex
	newer, before map[netip.Prefix]*source
}

// source is what is known of one address.
type source struct {
	wrong *rate.Limiter
	known map[[sha256.Size]byte]bool
}

func newWrongKeys(c clock.Clock) *wrongKeys {
	return &wrongKeys{clock: c, newer: map[netip.Prefix]*source{}}
}

// of is what is known of a request's source. The lock must be held.
func (k *wrongKeys) of(r *http.Request) *source {
	at := sourceOf(r.Context())
	if s := k.newer[at]; s != nil {
		return s
	}
	s := k.before[at]
	if s == nil {
		guess := access.KeyGuess(at)
		s = &source{wrong: rate.NewLimiter(rate.Every(guess.Every), guess.AtOnce), known: map[[sha256.Size]byte]bool{}}
	}
	if len(k.newer) >= mostSources {
		k.before, k.newer = k.newer, map[netip.Prefix]*source{}
	}
	k.newer[at] = s
	return s
}

// wait is how long a key has to wait before it is looked up, 0 for now, and whether it is known
// from where it comes.
func (k *wrongKeys) wait(r *http.Request, presented string) (known bool, wait time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.of(r)
	now := k.clock.Now()
	known = s.known[sha256.Sum256([]byte(presented))]
	if known || s.wrong.TokensAt(now) >= 1 {
		return known, 0
	}
	reservation := s.wrong.ReserveN(now, 1)
	defer reservation.CancelAt(now)
	return false, reservation.DelayFrom(now)
}

// took notes whether a key was right.
func (k *wrongKeys) took(r *http.Request, presented string, right bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, sum := k.of(r), sha256.Sum256([]byte(presented))
	if !right {
		delete(s.known, sum)
		s.wrong.AllowN(k.clock.Now(), 1)
		return
	}
	if len(s.known) >= mostKnown && !s.known[sum] {
		for other := range s.known {
			delete(s.known, other)
			break
		}
	}
	s.known[sum] = true
}
