package gate

import (
	"crypto/sha256"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"carillon/internal/clock"
)

// Bounds of wrong keys from one address. A person who mistypes is not noticed; a
// program that guesses learns nothing of more than one key a second.
const (
	wrongKeysAtOnce    = 20
	wrongKeysPerSecond = 1
	// mostSources are the addresses that are kept, twice: the newer ones, and the
	// ones before.
	mostSources = 4096
	// mostKnown are the keys that are kept as having worked from one address.
	mostKnown = 64
)

// wrongKeys slows down addresses from which wrong keys come. A key that has
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
		s = &source{wrong: rate.NewLimiter(wrongKeysPerSecond, wrongKeysAtOnce), known: map[[sha256.Size]byte]bool{}}
	}
	if len(k.newer) >= mostSources {
		k.before, k.newer = k.newer, map[netip.Prefix]*source{}
	}
	k.newer[at] = s
	return s
}

// wait is how long a key has to wait before it is looked up; 0 for now.
func (k *wrongKeys) wait(r *http.Request, presented string) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.of(r)
	now := k.clock.Now()
	if s.known[sha256.Sum256([]byte(presented))] || s.wrong.TokensAt(now) >= 1 {
		return 0
	}
	reservation := s.wrong.ReserveN(now, 1)
	defer reservation.CancelAt(now)
	return reservation.DelayFrom(now)
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
