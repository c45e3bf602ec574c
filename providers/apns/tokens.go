package apns

import (
	"crypto/ecdsa"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"carillon/providers"
	"carillon/providers/line"
)

// life is how long a token is used: Apple wants it renewed within an hour, and no more than once
// in twenty minutes.
const life = 40 * time.Minute

// newTokens are what a key proves itself by.
func newTokens(c *Config, key *ecdsa.PrivateKey, deps providers.Deps) *line.Signed {
	return &line.Signed{Life: life, Clock: deps.Clock, Sign: func(now time.Time) (string, error) {
		made := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{"iss": c.TeamID, "iat": now.Unix()})
		made.Header["kid"] = c.KeyID
		return made.SignedString(key)
	}}
}
