package fcm

import (
	"fmt"
	"net/url"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"carillon/internal/clock"
)

// What Google wants of who buys a token (RFC 7523).
const (
	grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	scope = "https://www.googleapis.com/auth/firebase.messaging"
	// life is how long an assertion holds: Google takes an hour at most.
	life = 10 * time.Minute
)

// form is what the account's key signs to buy a token.
func (a *account) form(c clock.Clock) (url.Values, error) {
	now := c.Now()
	made := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": a.email, "scope": scope, "aud": a.audience, "iat": now.Unix(), "exp": now.Add(life).Unix(),
	})
	made.Header["kid"] = a.keyID
	signed, err := made.SignedString(a.key)
	if err != nil {
		return nil, fmt.Errorf("sign with the service account's key: %w", err)
	}
	return url.Values{"grant_type": {grant}, "assertion": {signed}}, nil
}
