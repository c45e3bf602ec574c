package apns

import (
	"crypto/ecdsa"
	"fmt"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"carillon/internal/clock"
)

// life is how long a token is used: Apple wants it renewed within an hour, and no more than once
// in twenty minutes.
const life = 40 * time.Minute

// tokens are what a key proves itself by.
type tokens struct {
	team, id string
	key      *ecdsa.PrivateKey
	clock    clock.Clock

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
	made := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{"iss": t.team, "iat": now.Unix()})
	made.Header["kid"] = t.id
	signed, err := made.SignedString(t.key)
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
