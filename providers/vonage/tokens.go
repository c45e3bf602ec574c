package vonage

import (
	"crypto/rand"
	"crypto/rsa"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"carillon/providers"
	"carillon/providers/line"
)

// A token is used for life, and holds for twice as long, so that none ends on its way: Vonage
// takes 24 hours at most.
const life = 10 * time.Minute

// newTokens are what an application proves itself by.
func newTokens(c *Config, key *rsa.PrivateKey, deps providers.Deps) *line.Signed {
	return &line.Signed{Life: life, Clock: deps.Clock, Sign: func(now time.Time) (string, error) {
		return jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
			"application_id": c.ApplicationID, "iat": now.Unix(), "exp": now.Add(2 * life).Unix(), "jti": rand.Text(),
		}).SignedString(key)
	}}
}
