package line

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"carillon/internal/clock"
	"carillon/internal/secret"
)

// Signed has the token that a key signs, which proves who asks for a while. It is safe for
// concurrent use.
type Signed struct {
	// Sign signs one at a time; it may cost as much as some hundred messages.
	Sign func(now time.Time) (string, error)
	// Life is for how long one is used. It must hold for longer, so that none ends on its way.
	Life  time.Duration
	Clock clock.Clock

	mu    sync.Mutex
	last  string
	until time.Time
}

// Token is one that holds. An error names config.private_key, which signs.
func (s *Signed) Token() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Clock.Now()
	if now.Before(s.until) {
		return s.last, nil
	}
	token, err := s.Sign(now)
	if err != nil {
		return "", fmt.Errorf("sign with config.private_key: %w", err)
	}
	s.last, s.until = token, now.Add(s.Life)
	return token, nil
}

// Scrub takes the token out of what the other side says, as Scrub takes secrets out.
func (s *Signed) Scrub(said string) string {
	s.mu.Lock()
	token := s.last
	s.mu.Unlock()
	if token == "" {
		return said
	}
	return strings.ReplaceAll(strings.ToValidUTF8(said, ""), token, secret.Redacted)
}
