package access

import (
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"image/png"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"carillon/internal/fault"
	"carillon/internal/secret"
)

// Codes of an authenticator app: RFC 6238 with what every such app does, six digits of
// SHA-1, a new one each 30 s.
const (
	totpPeriod = 30 * time.Second
	// totpDrift is how many steps a person's clock may be off, either way.
	totpDrift = 1
	// recoveryCodes are made with a second factor; each opens once.
	recoveryCodes = 10
	// qrPixels is the side of the picture that an app reads.
	qrPixels = 256
)

// Enrolment is a second factor that is about to be taken.
type Enrolment struct {
	// Secret is what codes are made of, in base 32, to be typed into an app.
	Secret secret.String
	// URI is the same for apps that read it, and PNG its picture.
	URI secret.String
	PNG []byte
}

// newEnrolment makes a secret for a person.
func newEnrolment(issuer, email string) (Enrolment, error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: email, Period: uint(totpPeriod / time.Second), SecretSize: 20})
	if err != nil {
		return Enrolment{}, fault.Wrap(fault.Internal, "make a second factor", err)
	}
	picture, err := key.Image(qrPixels, qrPixels)
	if err != nil {
		return Enrolment{}, fault.Wrap(fault.Internal, "draw a second factor", err)
	}
	var drawn bytes.Buffer
	if err := png.Encode(&drawn, picture); err != nil {
		return Enrolment{}, fault.Wrap(fault.Internal, "draw a second factor", err)
	}
	return Enrolment{Secret: secret.New(key.Secret()), URI: secret.New(key.URL()), PNG: drawn.Bytes()}, nil
}

// stepOf is the step whose code somebody gave, behind the step last; 0 if it is no code of
// now. A code is looked for in the steps around now, because clocks differ, but never in one
// that was taken already: whoever has read a code over a shoulder is late.
func stepOf(key secret.String, code string, now time.Time, last int64) (int64, error) {
	code = strings.ReplaceAll(strings.TrimSpace(code), " ", "")
	at := now.Unix() / int64(totpPeriod/time.Second)
	for step := at - totpDrift; step <= at+totpDrift; step++ {
		want, err := totp.GenerateCodeCustom(key.Reveal(), time.Unix(step*int64(totpPeriod/time.Second), 0),
			totp.ValidateOpts{Period: uint(totpPeriod / time.Second), Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return 0, fault.Wrap(fault.Internal, "make a code", err)
		}
		if step > last && secret.New(want).Equal(code) {
			return step, nil
		}
	}
	return 0, nil
}

// newRecoveryCodes are codes that open once each in the place of a second factor, such as
// "K7QZ-4MBN-X2PA-9WTE": 80 bits, so that their hashes need no salt.
func newRecoveryCodes() []secret.String {
	codes := make([]secret.String, recoveryCodes)
	for i := range codes {
		var raw [10]byte
		_, _ = rand.Read(raw[:]) // never fails (crypto/rand)
		text := base32.StdEncoding.EncodeToString(raw[:])
		codes[i] = secret.New(text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:])
	}
	return codes
}

// normalRecovery is a recovery code as it is kept, however it was typed.
func normalRecovery(code string) secret.String {
	return secret.New(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z' || r >= '2' && r <= '7':
			return r
		}
		return -1
	}, code))
}

// linkTo is an address of the server with a token behind #, which browsers send to nobody:
// it stands in no log of a proxy.
func linkTo(base, page string, token secret.String) secret.String {
	if base == "" {
		return secret.String{}
	}
	return secret.New(strings.TrimSuffix(base, "/") + "/" + page + "#" + url.QueryEscape(token.Reveal()))
}
