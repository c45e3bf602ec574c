// Package hook owns the one form in which Carillon signs what it posts and
// reads the receipts that are posted back: Standard Webhooks signatures over
// JSON. It must not know which provider uses it, nor HTTP beyond the headers.
package hook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"carillon/internal/secret"
)

// Tolerance is how far a callback's timestamp may be from our own time, by the
// Standard Webhooks specification.
const Tolerance = 5 * time.Minute

// minKeyBytes is the shortest key that is taken; the specification asks for 24
// to 64 bytes.
const minKeyBytes = 24

// CheckSecret says what is wrong with a signing secret; empty if nothing is.
func CheckSecret(s secret.String) string {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.Reveal(), "whsec_"))
	if err != nil || len(key) < minKeyBytes {
		return `must be "whsec_" and at least 24 random bytes in base64: make one with "whsec_$(openssl rand -base64 32)"`
	}
	return ""
}

// Signer signs bodies. It is safe for concurrent use.
type Signer struct{ macs *sync.Pool }

// signing is a keyed hash and the scratch space of one signature.
type signing struct {
	mac     hash.Hash
	scratch []byte
}

// NewSigner makes a signer for a secret that CheckSecret accepts. The key lives
// in a closure, so that printing a Signer can't show it.
func NewSigner(s secret.String) (*Signer, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.Reveal(), "whsec_"))
	if err != nil {
		return nil, errors.New("read signing secret: not base64")
	}
	// The standard-webhooks library schedules the key and copies the body anew
	// for each signature; keeping the keyed hash is worth half of the time.
	return &Signer{macs: &sync.Pool{New: func() any {
		return &signing{mac: hmac.New(sha256.New, key), scratch: make([]byte, 0, 64)}
	}}}, nil
}

// Sign is the webhook-signature header for a body sent at a Unix time under an
// id.
func (s *Signer) Sign(id string, unix int64, body []byte) string {
	g := s.macs.Get().(*signing)
	defer s.macs.Put(g)
	g.mac.Reset()
	g.scratch = append(append(g.scratch[:0], id...), '.')
	g.scratch = append(strconv.AppendInt(g.scratch, unix, 10), '.')
	g.mac.Write(g.scratch)
	g.mac.Write(body)
	sum := g.mac.Sum(g.scratch[:0])
	var out [3 + 44]byte
	copy(out[:], "v1,")
	base64.StdEncoding.Encode(out[3:], sum)
	return string(out[:])
}

// clean makes a stranger's text fit to be stored and shown: no control
// characters, which PostgreSQL and terminals don't take, and not too long.
func clean(s string) string { return cleanUpTo(s, maxText, false) }

func cleanUpTo(s string, most int, lines bool) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if r == utf8.RuneError || (unicode.IsControl(r) && (!lines || (r != '\n' && r != '\t'))) {
			continue
		}
		if n++; n > most {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}
