// Package webhook owns the adapter that posts messages as JSON to an HTTP
// endpoint of the user's own, signed by Standard Webhooks. It must not know who
// is behind the endpoint.
package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"carillon/internal/secret"
	"carillon/internal/tracing"
	"carillon/providers"
	"carillon/providers/hook"
)

// Bounds of a conversation.
const (
	// maxAnswer is how much of an answer is read; a connection with more left to
	// read is not used again.
	maxAnswer = 64 << 10
	// maxQuoted is how much of a refusal's body is quoted, in bytes.
	maxQuoted = 200
	// idleTimeout closes idle connections before most servers do (nginx: 75 s),
	// because a request that crosses the server's closing would be in doubt.
	idleTimeout = 55 * time.Second
	// mostRequests is a choice: 640 messages a second where an answer takes 200 ms.
	// Who wants more than that from one worker says so.
	mostRequests = 128
	// handshakeTimeout is for TLS; the request's own timeout holds too.
	handshakeTimeout = 10 * time.Second
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
	k.MostRequests = func(raw json.RawMessage) int {
		var c Config
		if providers.DecodeConfig(raw, &c) != nil || c.MaxConnections == 0 {
			return mostRequests
		}
		return c.MaxConnections
	}
	return k
}

// Provider posts messages.
type Provider struct {
	*hook.Parser
	encodings *sync.Pool
	deps      providers.Deps
	signer    *hook.Signer
	transport *http.Transport
	timeout   time.Duration
	// slots bound the requests at once. Messages wait for one before anything of
	// their request is made.
	slots chan struct{}
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
	parser, err := hook.NewParser(c.Secret, deps.Clock)
	if err != nil {
		return nil, fmt.Errorf("open webhook: %w", err)
	}
	connections := c.MaxConnections
	if connections == 0 || connections > deps.Concurrency {
		connections = deps.Concurrency
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true) // one request, one connection: what was asked is known for each
	p := &Provider{
		Parser: parser, encodings: newEncodings(), deps: deps, signer: signer, timeout: time.Duration(c.TimeoutMS) * time.Millisecond,
		slots: make(chan struct{}, connections),
		transport: &http.Transport{
			// No Proxy: the guard against private addresses is worth nothing if
			// somebody else does the dialing.
			DialContext: dialing(deps.Dialer), Protocols: protocols, DisableCompression: true,
			MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections,
			IdleConnTimeout: idleTimeout, TLSHandshakeTimeout: handshakeTimeout,
			WriteBufferSize: 16 << 10,
		},
	}
	if p.request, err = template(c); err != nil {
		return nil, fmt.Errorf("open webhook: %w", err)
	}
	p.scrub = scrubber(c)
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

func scrubber(c *Config) func(string) string {
	var pairs []string
	hide := func(text string) {
		if text != "" {
			pairs = append(pairs, text, secret.Redacted)
		}
	}
	hide(c.Secret.Reveal())
	hide(strings.TrimPrefix(c.Secret.Reveal(), "whsec_"))
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
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
	}
	if err := ctx.Err(); err != nil {
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorTemporary, Err: fmt.Errorf("not asked: %w", err)}
	}
	body, err := encode(p.encodings, &m)
	if err != nil {
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorContent, Err: err}
	}

	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	if err := m.MayBegin(); err != nil {
		return providers.Accepted{}, err
	}
	progress := &progress{commits: m.Commits}
	r := p.request(httptrace.WithClientTrace(ctx, progress.trace()))
	id := "msg_" + p.deps.UniqueID(m.ID)
	now := p.deps.Clock.Now().Unix()
	r.Header["Webhook-Id"] = []string{id}
	r.Header["Webhook-Timestamp"] = []string{strconv.FormatInt(now, 10)}
	r.Header["Webhook-Signature"] = []string{p.signer.Sign(id, now, body)}
	r.ContentLength = int64(len(body))
	// net/http writes header and body at once only if it knows the reader's type.
	r.Body = io.NopCloser(bytes.NewReader(body))
	// It asks for the body again only when nothing of the request was written to a
	// connection that had gone stale, so this is not a retry.
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }

	answer, err := p.transport.RoundTrip(r)
	if err != nil {
		return providers.Accepted{}, progress.classify(err)
	}
	defer func() { _ = answer.Body.Close() }()
	return p.read(answer)
}

func (p *Provider) read(answer *http.Response) (providers.Accepted, error) {
	failure := providers.ClassifyHTTP(answer.StatusCode, answer.Header, p.deps.Clock.Now())
	if failure == nil {
		// The answer's text is of no use, but a connection whose answer isn't read
		// can't be used again. The status is known, whatever goes wrong here.
		_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer)
		return providers.Accepted{Response: answer.Status}, nil
	}
	text, _ := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	switch {
	case answer.StatusCode/100 == 3:
		failure.Err = fmt.Errorf("the endpoint answered %s, and redirects are not followed: set config.url to where it points", answer.Status)
		return providers.Accepted{}, failure
	case answer.StatusCode == http.StatusNotFound, answer.StatusCode == http.StatusMethodNotAllowed:
		failure.Err = fmt.Errorf("the endpoint answered %s: check config.url", answer.Status)
	}
	if quoted := quote(p.scrub(string(text))); quoted != "" {
		failure.Err = fmt.Errorf("%w: %s", failure.Err, quoted)
	}
	return providers.Accepted{}, failure
}

// quote is the printable beginning of an answer, in one line.
func quote(text string) string {
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, ""), func(r rune) bool {
		return r <= ' ' || r == 0x7f
	}), " ")
	if len(text) > maxQuoted {
		text = strings.ToValidUTF8(text[:maxQuoted], "") + "…"
	}
	return text
}

// Close closes the idle connections; no request is under way.
func (p *Provider) Close() error {
	p.transport.CloseIdleConnections()
	return nil
}

// progress is how far a request came.
type progress struct {
	commits func()
	// begun says that something of the request may have been written.
	begun   atomic.Bool
	written atomic.Int32
}

// What progress.written says.
const (
	notYet = iota
	whole
	broken
)

func (p *progress) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { carries(info.Conn, p) },
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err != nil {
				p.written.Store(broken)
			} else {
				p.written.Store(whole)
			}
		},
	}
}

// classify says what an error of the exchange means for the message.
func (p *progress) classify(err error) *providers.Error {
	switch {
	case !p.begun.Load():
		return providers.ClassifyDial(err)
	case p.written.Load() == broken:
		// The body has a length, so an endpoint can't take a part of it for all.
		return &providers.Error{Kind: providers.ErrorTemporary, Err: fmt.Errorf("write request: %w", err)}
	default:
		if text := err.Error(); strings.Contains(text, "malformed") || strings.Contains(text, `"`) {
			// net/http quotes what it can't read, which is whatever greets at that port.
			err = errors.New("the endpoint does not answer in HTTP: check config.url")
		}
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("no answer in time: %w", err)
		}
		return &providers.Error{Kind: providers.ErrorInDoubt, Err: fmt.Errorf("read answer: %w", err)}
	}
}
