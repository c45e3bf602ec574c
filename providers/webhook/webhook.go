// Package webhook owns the adapter that posts messages as JSON to an HTTP
// endpoint of the user's own, signed by Standard Webhooks. It must not know who
// is behind the endpoint.
package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"carillon/internal/secret"
	"carillon/internal/tracing"
	"carillon/providers"
	"carillon/providers/hook"
	"carillon/providers/line"
)

// Kind describes the webhook.
func Kind() providers.Kind {
	k := providers.Define(providers.Kind{
		Name: "webhook", Title: "Webhook",
		Description: "Posts each message as JSON to an address of yours, signed by Standard Webhooks. " +
			"The webhook-id header is the same on every attempt: drop what you have already seen. " +
			"2xx accepts; 429, or 503 with Retry-After, slows the channel down; 402 holds it; 404, 408, 425, 5xx and passing redirects are tried again; " +
			"410 rejects the recipient; 301, 308, 401, 403 and 405 stop the channel; everything else fails the message.",
		Capabilities: providers.Capabilities{
			Address: providers.Email, Subject: true, HTML: true, Receipts: true, Replies: true, EchoesID: true, Media: true,
			Buttons: providers.ButtonTypes(), Location: true, Cards: true,
			// By Standard Webhooks the receiver takes webhook-id as idempotency key.
			Idempotent: true,
		},
	}, check, open)
	k.AddressFor = func(raw json.RawMessage) providers.AddressKind {
		var c Config
		if providers.DecodeConfig(raw, &c) != nil {
			return providers.Email
		}
		return c.Address
	}
	k.MostRequests = line.Requests
	return k
}

// Provider posts messages.
type Provider struct {
	*hook.Parser
	encodings *sync.Pool
	deps      providers.Deps
	signer    *hook.Signer
	// former signs along until formerEnds, for an endpoint that has not got the new secret; nil
	// for none.
	former     *hook.Signer
	formerEnds time.Time
	line       *line.Line
	// request makes a request without a body; it is a closure so that printing a
	// Provider shows no header.
	request func(ctx context.Context) *http.Request
	// scrub takes the secrets out of what the other side says.
	scrub func(string) string
}

func open(c *Config, deps providers.Deps) (providers.Provider, error) {
	signer, err := hook.NewSigner(c.Secret)
	if err != nil {
		return nil, fmt.Errorf("open webhook: %w", err)
	}
	parser, err := hook.NewParser(c.Secret, deps)
	if err != nil {
		return nil, fmt.Errorf("open webhook: %w", err)
	}
	p := &Provider{
		Parser: parser, encodings: newEncodings(), deps: deps, signer: signer,
		line: line.New(deps, c.MaxConnections, time.Duration(c.TimeoutMS)*time.Millisecond),
	}
	if was, ok := deps.Replaced["secret"]; ok {
		if p.former, err = hook.NewSigner(was.Secret); err != nil {
			return nil, fmt.Errorf("open webhook: %w", err)
		}
		p.formerEnds = was.EndsAt
	}
	if p.request, err = template(c); err != nil {
		return nil, fmt.Errorf("open webhook: %w", err)
	}
	p.scrub = scrubber(c, deps.Taken("secret", c.Secret))
	return p, nil
}

// template prepares everything of a request that doesn't change.
func template(c *Config) (func(context.Context) *http.Request, error) {
	base, err := http.NewRequestWithContext(context.Background(), http.MethodPost, c.URL, http.NoBody)
	if err != nil {
		return nil, err
	}
	base.Header.Set("Content-Type", "application/json")
	base.Header.Set("User-Agent", "Carillon")
	for name, value := range c.Headers {
		base.Header.Set(name, value.Reveal())
	}
	return func(ctx context.Context) *http.Request {
		r := base.WithContext(ctx)
		r.Header = make(http.Header, len(base.Header)+3)
		for name, values := range base.Header {
			r.Header[name] = values
		}
		tracing.Inject(ctx, r.Header)
		return r
	}, nil
}

// minScrubbed is the shortest word of a header's value that is taken for a
// secret by itself: shorter ones are words like "Bearer".
const minScrubbed = 8

func scrubber(c *Config, signing []secret.String) func(string) string {
	var pairs []string
	hide := func(text string) {
		if text != "" {
			pairs = append(pairs, text, secret.Redacted)
		}
	}
	for _, s := range signing {
		hide(s.Reveal())
		hide(strings.TrimPrefix(s.Reveal(), "whsec_"))
	}
	for _, value := range c.Headers {
		hide(value.Reveal())
		for _, word := range strings.Fields(value.Reveal()) {
			if len(word) >= minScrubbed {
				hide(word)
			}
		}
	}
	return strings.NewReplacer(pairs...).Replace
}

// Send posts one message. An error before the request was written is
// temporary; after that, without an answer, it is in doubt.
func (p *Provider) Send(ctx context.Context, m providers.Message) (providers.Accepted, error) {
	return p.line.Ask(ctx, line.Asking{Message: &m, Read: p.read, Request: func(ctx context.Context) (*http.Request, []byte, error) {
		body, err := encode(p.encodings, &m)
		if err != nil {
			return nil, nil, err
		}
		r := p.request(ctx)
		id := "msg_" + p.deps.UniqueID(m.ID)
		now := p.deps.Clock.Now()
		r.Header["Webhook-Id"] = []string{id}
		r.Header["Webhook-Timestamp"] = []string{strconv.FormatInt(now.Unix(), 10)}
		r.Header["Webhook-Signature"] = []string{p.sign(id, now, body)}
		return r, body, nil
	}})
}

// sign signs with the secret, and with the one before it as long as that is taken.
func (p *Provider) sign(id string, now time.Time, body []byte) string {
	signature := p.signer.Sign(id, now.Unix(), body)
	if p.former != nil && now.Before(p.formerEnds) {
		signature += " " + p.former.Sign(id, now.Unix(), body)
	}
	return signature
}

func (p *Provider) read(answer *http.Response) (providers.Accepted, error) {
	failure := providers.ClassifyHTTP(answer.StatusCode, answer.Header, p.deps.Clock.Now())
	if failure == nil {
		// The answer's text is of no use, but a connection whose answer isn't read
		// can't be used again. The status is known, whatever goes wrong here.
		_, _ = io.CopyN(io.Discard, answer.Body, line.MaxAnswer)
		return providers.Accepted{Response: answer.Status}, nil
	}
	text := line.Text(answer)
	switch {
	case answer.StatusCode/100 == 3:
		failure.Err = fmt.Errorf("the endpoint answered %s, and redirects are not followed: set config.url to where it points", answer.Status)
		return providers.Accepted{}, failure
	case answer.StatusCode == http.StatusNotFound, answer.StatusCode == http.StatusMethodNotAllowed:
		failure.Err = fmt.Errorf("the endpoint answered %s: check config.url", answer.Status)
	}
	if quoted := line.Quote(p.scrub(text)); quoted != "" {
		failure.Err = fmt.Errorf("%w: %s", failure.Err, quoted)
	}
	return providers.Accepted{}, failure
}

// Close closes the idle connections; no request is under way.
func (p *Provider) Close() error { return p.line.Close() }
