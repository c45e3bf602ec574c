// Package hook owns the one form in which Carillon signs what it posts and
// reads the receipts that are posted back: Standard Webhooks signatures over
// JSON. It must not know which provider uses it, nor HTTP beyond the headers.
package hook

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"carillon/internal/clock"
	"carillon/internal/secret"
	"carillon/providers"
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

// Parser reads receipts. It is a providers.CallbackParser.
type Parser struct {
	verify func(body []byte, header http.Header) error
	clock  clock.Clock
}

// maxReply bounds what is kept of what somebody wrote, in runes.
const maxReply = 4000

// NewParser makes a parser that wants callbacks signed with the secret; with no
// secret it refuses them all.
func NewParser(s secret.String, c clock.Clock) (*Parser, error) {
	if s.Empty() {
		return &Parser{clock: c}, nil
	}
	w, err := standardwebhooks.NewWebhook(s.Reveal())
	if err != nil {
		return nil, errors.New("read signing secret: not base64")
	}
	return &Parser{verify: w.VerifyIgnoringTimestamp, clock: c}, nil
}

// maxText bounds what is kept of a receipt's code and detail, in runes.
const maxText = 500

type callback struct {
	Events  []event `json:"events"`
	Replies []reply `json:"replies"`
}

type reply struct {
	ID   string    `json:"id"`
	From string    `json:"from"`
	Text string    `json:"text"`
	At   time.Time `json:"at"`
}

type event struct {
	MessageID int64                 `json:"message_id"`
	Status    providers.EventStatus `json:"status"`
	Bounce    providers.BounceKind  `json:"bounce"`
	At        time.Time             `json:"at"`
	Code      string                `json:"code"`
	Detail    string                `json:"detail"`
}

// ParseCallback checks the signature and its age and reads
// {"events": [{"message_id": 1, "status": "delivered", "bounce": "hard", "at": "…",
// "code": "…", "detail": "…"}]}, of which all but the first two may be left out. The request is
// taken whole or refused whole.
func (p *Parser) ParseCallback(header http.Header, body []byte) ([]providers.Event, error) {
	c, err := p.read(header, body)
	if err != nil {
		return nil, err
	}
	return c.events()
}

// ParseReplies checks the same and reads {"replies": [{"id": "…", "from": "…",
// "text": "…", "at": "…"}]}, of which id and at may be left out. Both lists may
// come in one request.
func (p *Parser) ParseReplies(header http.Header, body []byte) ([]providers.Reply, error) {
	c, err := p.read(header, body)
	if err != nil {
		return nil, err
	}
	replies := make([]providers.Reply, len(c.Replies))
	for i, r := range c.Replies {
		if r.From = clean(r.From); r.From == "" {
			return nil, refuse(providers.BadContent, "replies[%d].from: must be the address that it came from", i)
		}
		replies[i] = providers.Reply{ID: clean(r.ID), From: r.From, Text: cleanUpTo(r.Text, maxReply, true), At: r.At.UTC()}
		if r.At.IsZero() {
			replies[i].At = time.Time{}
		}
	}
	return replies, nil
}

// read checks the signature and its age and decodes the body.
func (p *Parser) read(header http.Header, body []byte) (callback, error) {
	if p.verify == nil {
		return callback{}, refuse(providers.Auth, "callbacks are refused because the channel has no secret: set config.secret")
	}
	if err := p.verify(body, header); err != nil {
		return callback{}, &providers.Error{Kind: providers.Auth, Err: fmt.Errorf("check signature: %w", err)}
	}
	// The library compares with the machine's clock, so the age is checked here.
	seconds, err := strconv.ParseInt(header.Get(standardwebhooks.HeaderWebhookTimestamp), 10, 64)
	if err != nil {
		return callback{}, refuse(providers.Auth, "the webhook-timestamp header is not a number of seconds")
	}
	if age := p.clock.Now().Sub(time.Unix(seconds, 0)); age > Tolerance || age < -Tolerance {
		return callback{}, refuse(providers.Auth, "the webhook-timestamp header is more than %s away from this server's time", Tolerance)
	}
	var c callback
	decoder := json.NewDecoder(bytes.NewReader(body))
	if err := decoder.Decode(&c); err != nil {
		return callback{}, &providers.Error{Kind: providers.BadContent, Err: fmt.Errorf("read callback: %w", err)}
	}
	if decoder.More() {
		return callback{}, refuse(providers.BadContent, "read callback: more than one JSON value")
	}
	return c, nil
}

func (c callback) events() ([]providers.Event, error) {
	events := make([]providers.Event, len(c.Events))
	for i, e := range c.Events {
		switch e.Status {
		case providers.EventDelivered, providers.EventRead, providers.EventFailed, providers.EventRejected, providers.EventComplained:
		default:
			return nil, refuse(providers.BadContent, "events[%d].status: must be delivered, read, failed, rejected or complained, got %q", i, clean(string(e.Status)))
		}
		switch {
		case e.Bounce == "":
		case e.Bounce != providers.BounceHard && e.Bounce != providers.BounceSoft:
			return nil, refuse(providers.BadContent, "events[%d].bounce: must be hard or soft, got %q", i, clean(string(e.Bounce)))
		case e.Status != providers.EventFailed && e.Status != providers.EventRejected:
			return nil, refuse(providers.BadContent, "events[%d].bounce: only what failed or was rejected can bounce, not what was %s", i, e.Status)
		}
		if e.MessageID <= 0 {
			return nil, refuse(providers.BadContent, "events[%d].message_id: must be the id that the message carried", i)
		}
		events[i] = providers.Event{
			MessageID: e.MessageID, Status: e.Status, Bounce: e.Bounce, At: e.At.UTC(), Code: clean(e.Code), Detail: clean(e.Detail),
		}
		if e.At.IsZero() {
			events[i].At = time.Time{}
		}
	}
	return events, nil
}

func refuse(kind providers.ErrorKind, format string, args ...any) *providers.Error {
	return &providers.Error{Kind: kind, Err: fmt.Errorf(format, args...)}
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
