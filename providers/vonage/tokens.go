package vonage

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"carillon/internal/clock"
)

// A token is used for life, and holds for twice as long, so that none ends on its way: Vonage
// takes 24 hours at most.
const life = 10 * time.Minute

// tokens are what an application proves itself by: its key signs one for ten minutes, which
// costs as much as some hundred messages.
type tokens struct {
	application string
	key         *rsa.PrivateKey
	clock       clock.Clock

	mu    sync.Mutex
	last  string
	until time.Time
}

// token is one that holds.
func (t *tokens) token() (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock.Now()
	if now.Before(t.until) {
		return t.last, nil
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"application_id": t.application, "iat": now.Unix(), "exp": now.Add(2 * life).Unix(), "jti": rand.Text(),
	}).SignedString(t.key)
	if err != nil {
		return "", fmt.Errorf("sign with config.private_key: %w", err)
	}
	t.last, t.until = signed, now.Add(life)
	return signed, nil
}

// current is the last one, to take it out of what is said.
func (t *tokens) current() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}
