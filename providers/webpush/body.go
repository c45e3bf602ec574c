package webpush

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ecdh"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	webpush "github.com/SherClockHolmes/webpush-go"

	"carillon/providers"
)

// Bounds in bytes. Push services take bodies of 4,096 (RFC 8030, 7.2), of which 102 are the
// header with the key (86) and the cipher's tag (16), and one ends the text.
const (
	maxRecord  = 4096
	overhead   = 102
	maxPayload = maxRecord - overhead - 1
	// step is what bodies are padded to, so that their length does not tell what they say. More
	// than needed is of no use: some browsers on telephones lose what comes near the bound.
	step = 1024
)

const mailto = "mailto:"

// payload is what a page's service worker gets as JSON. docs/providers/webpush.md has one that
// shows it.
type payload struct {
	// ID is the same when a message comes again.
	ID    string `json:"id"`
	Title string `json:"title,omitempty"`
	Body  string `json:"body,omitempty"`
	// URL is what a click opens: the first link, or the file.
	URL   string `json:"url,omitempty"`
	Image string `json:"image,omitempty"`
	// File is the address of a file that is no picture.
	File string `json:"file,omitempty"`
	// Actions are buttons as showNotification takes them; each is named by its address.
	Actions []action `json:"actions,omitempty"`
}

type action struct {
	Action string `json:"action"`
	Title  string `json:"title"`
}

// payload is a message as a service worker gets it.
func (p *Provider) payload(m *providers.Message) ([]byte, *providers.Error) {
	c := &m.Content
	made := payload{ID: p.deps.UniqueID(m.ID), Title: c.Subject, Body: c.Beside()}
	for _, b := range c.Buttons {
		made.URL = cmp.Or(made.URL, b.Info)
		made.Actions = append(made.Actions, action{Action: b.Info, Title: b.Caption})
	}
	switch {
	case c.Attachment == nil:
	case c.Attachment.Sort() == providers.Image:
		made.Image = c.Attachment.URL
	default:
		made.File = c.Attachment.URL
		made.URL = cmp.Or(made.URL, made.File)
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // six bytes for each <, of which there are few
	if err := encoder.Encode(made); err != nil {
		return nil, &providers.Error{Kind: providers.ErrorContent, Err: fmt.Errorf("encode message: %w", err)}
	}
	text := bytes.TrimSpace(b.Bytes())
	if len(text) > maxPayload {
		return nil, &providers.Error{Kind: providers.ErrorContent, Code: "too_long",
			Err: fmt.Errorf("title, text and addresses have %d bytes together; push services take at most %d: shorten them", len(text), maxPayload)}
	}
	return text, nil
}

// authBytes is the length of a subscription's secret.
const authBytes = 16

// subscription reads an address. What is none is no fault of the address's: ids of visitors are
// kept as the same kind.
func (p *Provider) subscription(address string) (*webpush.Subscription, *providers.Error) {
	refused := func(code, format string, args ...any) *providers.Error {
		return &providers.Error{Kind: providers.ErrorRecipient, Code: code, Err: fmt.Errorf(format, args...)}
	}
	var s webpush.Subscription
	if json.Unmarshal([]byte(address), &s) != nil {
		return nil, refused("no_subscription", "the address is no subscription of a browser: it must be JSON with endpoint and keys")
	}
	key, err := base64.RawURLEncoding.DecodeString(s.Keys.P256dh)
	if err == nil {
		_, err = ecdh.P256().NewPublicKey(key)
	}
	if secret, broken := base64.RawURLEncoding.DecodeString(s.Keys.Auth); err != nil || broken != nil || len(secret) != authBytes {
		return nil, refused("no_subscription", "the subscription has keys that nothing can be encrypted for: the browser must subscribe anew")
	}
	u, err := url.Parse(s.Endpoint)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return nil, refused("no_subscription", "the subscription has an endpoint that is no https address: the browser must subscribe anew")
	}
	if !p.config.serves(u.Hostname()) {
		return nil, refused("unknown_service", "the subscription's push service is %q, which config.services does not name: add it there if browsers of yours use it",
			u.Hostname())
	}
	return &s, nil
}

// sealed is a request as the library makes it.
type sealed struct {
	header http.Header
	body   []byte
}

// Do keeps a request in place of making it: the library encrypts and signs, and connections are
// the line's.
func (s *sealed) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	s.header, s.body = r.Header, body
	return &http.Response{Body: http.NoBody}, err
}

// seal encrypts a text for a subscription, and signs the request.
func (p *Provider) seal(ctx context.Context, text []byte, to *webpush.Subscription) (*sealed, error) {
	padded := (len(text) + step) / step * step // the byte that ends the text included
	s := &sealed{}
	answer, err := webpush.SendNotificationWithContext(ctx, text, to, &webpush.Options{
		HTTPClient: s, RecordSize: uint32(min(padded+overhead, maxRecord)),
		Subscriber: strings.TrimPrefix(p.config.Subject, mailto), // it puts that before what is not https
		TTL:        p.config.TTL, Urgency: webpush.Urgency(p.config.Urgency), Topic: p.config.Topic,
		VAPIDPublicKey: p.config.PublicKey, VAPIDPrivateKey: p.config.PrivateKey.Reveal(),
	})
	if err != nil {
		return nil, err
	}
	return s, answer.Body.Close()
}
