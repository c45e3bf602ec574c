package hook

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers"
)

// Parser reads receipts and replies. It is a providers.CallbackParser, a
// providers.ReplyParser and a providers.RequestIdentifier.
type Parser struct {
	secret secret.String
	deps   providers.Deps
}

// NewParser makes a parser that wants callbacks signed with config.secret, which is s, or with
// what that was before, as long as that is taken; with no secret it refuses them all.
func NewParser(s secret.String, deps providers.Deps) (*Parser, error) {
	p := &Parser{secret: s, deps: deps.WithDefaults()}
	for _, taken := range p.deps.Taken("secret", s) {
		if _, err := standardwebhooks.NewWebhook(taken.Reveal()); err != nil {
			return nil, errors.New("read signing secret: not base64")
		}
	}
	return p, nil
}

// signed reports whether a request is signed with a secret that is taken now.
func (p *Parser) signed(header http.Header, body []byte) (right bool) {
	for _, s := range p.deps.Taken("secret", p.secret) {
		w, err := standardwebhooks.NewWebhook(s.Reveal())
		right = err == nil && w.VerifyIgnoringTimestamp(body, header) == nil || right
	}
	return right
}

// The bounds of what is kept: of a receipt's code and detail, and of what
// somebody wrote, in runes; and of a value that an error quotes.
const (
	maxText  = 500
	maxReply = 4000
	maxQuote = 60
)

// callback is a request; its items are read one by one.
type callback struct {
	Events  []json.RawMessage `json:"events"`
	Replies []json.RawMessage `json:"replies"`
}

// ParseCallback checks the signature and its age and reads
// {"events": [{"message_id": 1, "status": "delivered", "bounce": "hard", "at": "…",
// "code": "…", "detail": "…"}]}, of which all but the first two may be left out.
// The error is a providers.Refused if only some items are wrong.
func (p *Parser) ParseCallback(header http.Header, body []byte) ([]providers.Receipt, error) {
	c, err := p.read(header, body)
	if err != nil {
		return nil, err
	}
	var receipts []providers.Receipt
	var refused providers.Refused
	for i, raw := range c.Events {
		item := readItem(fmt.Sprintf("events[%d]", i), raw)
		e := item.receipt()
		if item.refused != nil {
			refused = append(refused, *item.refused)
			continue
		}
		receipts = append(receipts, e)
	}
	return receipts, refused.OrNil()
}

// ParseReplies checks the same and reads {"replies": [{"id": "…", "from": "…",
// "text": "…", "at": "…"}]}, of which id and at may be left out, and text where there
// is one of the parts {"button": {"id", "title"}}, {"choice": {"id", "title"}},
// {"location": {"latitude", "longitude", "name", "address", "url"}} and {"media": {"type",
// "caption", "filename"}}. Both lists may come in one request. A reply without an id is known by its request and its
// place there.
func (p *Parser) ParseReplies(header http.Header, body []byte) ([]providers.Reply, error) {
	c, err := p.read(header, body)
	if err != nil {
		return nil, err
	}
	var replies []providers.Reply
	var refused providers.Refused
	for i, raw := range c.Replies {
		item := readItem(fmt.Sprintf("replies[%d]", i), raw)
		r := item.reply()
		if item.refused != nil {
			refused = append(refused, *item.refused)
			continue
		}
		if r.ID == "" {
			r.ID = p.RequestID(header, body) + "/" + strconv.Itoa(i)
		}
		replies = append(replies, r)
	}
	return replies, refused.OrNil()
}

// RequestID is by what a repeat of a request is known: its webhook-id, which
// stays when it is sent anew, and what it says, in case that its sender gives
// every request the same.
func (p *Parser) RequestID(header http.Header, body []byte) string {
	id := header.Get(standardwebhooks.HeaderWebhookID)
	sum := sha256.Sum256(append(append([]byte(id), '.'), body...))
	return base64.RawURLEncoding.EncodeToString(sum[:18])
}

// read checks the signature and its age and decodes the body.
func (p *Parser) read(header http.Header, body []byte) (callback, error) {
	if p.secret.Empty() {
		return callback{}, refuse(providers.ErrorAuth, "callbacks are refused because the channel has no secret: set config.secret")
	}
	for _, name := range []string{standardwebhooks.HeaderWebhookID, standardwebhooks.HeaderWebhookTimestamp, standardwebhooks.HeaderWebhookSignature} {
		if header.Get(name) == "" {
			return callback{}, refuse(providers.ErrorAuth, "the header %s is missing: sign requests as the Standard Webhooks specification says", name)
		}
	}
	stamp := header.Get(standardwebhooks.HeaderWebhookTimestamp)
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return callback{}, refuse(providers.ErrorAuth, "the header webhook-timestamp must be a number of seconds since 1970, not %s", quote(stamp))
	}
	if !p.signed(header, body) {
		return callback{}, refuse(providers.ErrorAuth, "the signature is not right: it must be made with the channel's secret over the header webhook-id, "+
			"the header webhook-timestamp and the body as it is sent, with a full stop between them")
	}
	// The library compares with the machine's clock, so the age is checked here.
	now := p.deps.Clock.Now()
	if age := now.Sub(time.Unix(seconds, 0)); age > Tolerance || age < -Tolerance {
		word := "old"
		if age < 0 {
			word = "in the future"
		}
		return callback{}, refuse(providers.ErrorAuth, "the signature is right, but its timestamp is %s: the header webhook-timestamp says %s "+
			"and this server's clock %s, and they may be %s apart; sign each attempt anew, and set the clock that is wrong",
			word, time.Unix(seconds, 0).UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339), Tolerance)
	}
	return decode(body)
}

// decode reads a request as far as its lists. Names are matched as they are.
func decode(body []byte) (c callback, err error) {
	var fields map[string]json.RawMessage
	decoder := json.NewDecoder(bytes.NewReader(body))
	if err := decoder.Decode(&fields); err != nil {
		return c, refuse(providers.ErrorContent, "the body must be a JSON object with the list events or replies: %s", plain(err, body))
	}
	if _, err := decoder.Token(); err == nil {
		return c, refuse(providers.ErrorContent, "the body must be one JSON object: something follows it")
	}
	for name, to := range map[string]*[]json.RawMessage{"events": &c.Events, "replies": &c.Replies} {
		if raw, ok := fields[name]; ok && json.Unmarshal(raw, to) != nil {
			return c, refuse(providers.ErrorContent, "%s must be a list, not %s", name, quote(string(raw)))
		}
	}
	return c, nil
}

// plain says in plain words why a body is no JSON object.
func plain(err error, body []byte) string {
	var syntax *json.SyntaxError
	switch {
	case len(bytes.TrimSpace(body)) == 0:
		return "it is empty"
	case errors.As(err, &syntax):
		return fmt.Sprintf("it is no JSON at byte %d of %d", syntax.Offset, len(body))
	case json.Valid(body):
		return "it is " + quote(string(body))
	}
	return fmt.Sprintf("it ends in the middle, after %d bytes", len(body))
}

// item is one entry of a list, read field by field, so that what is wrong can be
// named. The first mistake counts.
type item struct {
	place   string
	fields  map[string]json.RawMessage
	refused *fault.Field
}

func readItem(place string, raw json.RawMessage) *item {
	it := &item{place: place}
	if json.Unmarshal(raw, &it.fields) != nil || it.fields == nil {
		it.refuse("", raw, "must be an object, not %s", quote(string(raw)))
	}
	return it
}

func (it *item) refuse(field string, value any, format string, args ...any) {
	if it.refused != nil {
		return
	}
	place := it.place
	if field != "" {
		place += "." + field
	}
	if raw, ok := value.(json.RawMessage); ok {
		value = shorten(string(raw))
	}
	it.refused = &fault.Field{Location: place, Message: fmt.Sprintf(format, args...), Value: value}
}

// given is a field's value; false if it is absent or null.
func (it *item) given(name string) (json.RawMessage, bool) {
	raw, ok := it.fields[name]
	return raw, ok && string(raw) != "null"
}

func (it *item) text(name string) (s string) {
	if raw, ok := it.given(name); ok && json.Unmarshal(raw, &s) != nil {
		it.refuse(name, raw, "must be a text, not %s", quote(string(raw)))
	}
	return s
}

func (it *item) time(name string) (at time.Time) {
	s := it.text(name)
	if s == "" {
		return at
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		it.refuse(name, shorten(s), "must be a time such as 2026-03-01T12:00:00Z (RFC 3339), not %s", quote(s))
	}
	if at.IsZero() {
		return time.Time{}
	}
	return at.UTC()
}

func (it *item) id(name string) (id int64) {
	raw, ok := it.given(name)
	if !ok {
		it.refuse(name, nil, "is missing: it must be the id that the message carried")
	} else if json.Unmarshal(raw, &id) != nil || id <= 0 {
		it.refuse(name, raw, "must be the id that the message carried, a number above 0, not %s", quote(string(raw)))
	}
	return id
}

func (it *item) receipt() providers.Receipt {
	e := providers.Receipt{
		MessageID: it.id("message_id"), Status: providers.ReceiptStatus(it.text("status")), Bounce: providers.BounceKind(it.text("bounce")),
		At: it.time("at"), Code: clean(it.text("code")), Detail: clean(it.text("detail")),
	}
	switch e.Status {
	case providers.ReceiptDelivered, providers.ReceiptRead, providers.ReceiptFailed, providers.ReceiptRejected, providers.ReceiptComplained,
		providers.ReceiptUnsubscribed:
	default:
		it.refuse("status", shorten(string(e.Status)), "must be delivered, read, failed, rejected, complained or unsubscribed, not %s", quote(string(e.Status)))
	}
	switch {
	case e.Bounce == "":
	case e.Bounce != providers.BounceHard && e.Bounce != providers.BounceSoft:
		it.refuse("bounce", shorten(string(e.Bounce)), "must be hard or soft, not %s", quote(string(e.Bounce)))
	case e.Status != providers.ReceiptFailed && e.Status != providers.ReceiptRejected:
		it.refuse("bounce", shorten(string(e.Bounce)), "only what failed or was rejected can bounce, not what was %s", e.Status)
	}
	return e
}

func (it *item) reply() providers.Reply {
	r := providers.Reply{
		ID: clean(it.text("id")), From: clean(it.text("from")), Text: cleanUpTo(it.text("text"), maxReply, true), At: it.time("at"),
	}
	if r.From == "" {
		it.refuse("from", nil, "must be the address that it came from")
	}
	if r.Parts = it.parts(); r.Text == "" {
		r.Text = r.Parts.Words()
	}
	return r
}

func refuse(kind providers.ErrorKind, format string, args ...any) *providers.Error {
	return &providers.Error{Kind: kind, Err: fmt.Errorf(format, args...)}
}

// shorten makes a stranger's value fit to be shown.
func shorten(s string) string {
	if short := cleanUpTo(s, maxQuote, false); short != s {
		return short + "…"
	}
	return s
}

func quote(s string) string { return strconv.Quote(shorten(s)) }
