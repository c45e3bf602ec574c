// Package line owns how adapters ask an HTTP API: one request for a message, on connections
// that are used again, with an account of how far it came. It must not know any API.
package line

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"carillon/internal/secret"
	"carillon/internal/tracing"
	"carillon/providers"
)

// Bounds of a conversation.
const (
	// MaxAnswer is how much of an answer is read; a connection with more left to read is
	// not used again.
	MaxAnswer = 64 << 10
	// maxQuoted is how much of a refusal's body is quoted, in bytes.
	maxQuoted = 200
	// MostRequests is a choice: 640 messages a second where an answer takes 200 ms.
	// Who wants more than that from one worker says so.
	MostRequests = 128
	// idleTimeout closes idle connections before most servers do (nginx: 75 s),
	// because a request that crosses the server's closing would be in doubt.
	idleTimeout = 55 * time.Second
	// handshakeTimeout is for TLS; the request's own timeout holds too.
	handshakeTimeout = 10 * time.Second
)

// Line leads to a provider. It is safe for concurrent use.
type Line struct {
	transport *http.Transport
	timeout   time.Duration
	// slots bound the requests at once. Messages wait for one before anything of
	// their request is made.
	slots chan struct{}
	// shared says that requests share connections (HTTP/2).
	shared bool
	// unheard is why no connection could be made for a request that had been given up by then:
	// the next one that is given up learns of it.
	unheard atomic.Pointer[error]
}

// New makes a line of so many connections at most, 0 as many as there are Sends at once.
func New(deps providers.Deps, connections int, timeout time.Duration) *Line {
	if connections == 0 || connections > deps.Concurrency {
		connections = deps.Concurrency
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true) // one request, one connection: what was asked is known for each
	return &Line{
		timeout: timeout, slots: make(chan struct{}, connections),
		transport: &http.Transport{
			// No Proxy: the guard against private addresses is worth nothing if
			// somebody else does the dialing.
			DialContext: dialing(deps.Dialer), Protocols: protocols, DisableCompression: true,
			MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections,
			IdleConnTimeout: idleTimeout, TLSHandshakeTimeout: handshakeTimeout,
			WriteBufferSize: 16 << 10,
		},
	}
}

// Asking is one request.
type Asking struct {
	// Message is what is asked to be taken.
	Message *providers.Message
	// Request makes the request, without its body, and the body. It is made when there is
	// room for it; the context ends when the request is made.
	Request func(ctx context.Context) (*http.Request, []byte, error)
	// Form is what is sent instead of the body; nil for none.
	Form *Form
	// Read reads the answer.
	Read func(answer *http.Response) (providers.Accepted, error)
}

// Ask makes one request. An error before the request was written is temporary; after that,
// without an answer, it is in doubt.
func (l *Line) Ask(ctx context.Context, a Asking) (providers.Accepted, error) {
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
	case <-ctx.Done():
	}
	if err := ctx.Err(); err != nil {
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorTemporary, Err: fmt.Errorf("not asked: %w", err)}
	}
	var form body
	var formType string
	if a.Form != nil {
		var err error
		if form, formType, err = a.Form.body(); err != nil {
			return providers.Accepted{}, &providers.Error{Kind: providers.ErrorContent, Err: err}
		}
	}
	progress := &progress{line: l, commits: a.Message.Commits}
	ctx = progress.follow(ctx)
	making, made := context.WithTimeout(ctx, l.timeout)
	r, content, err := a.Request(making)
	made()
	if err != nil {
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorContent, Err: err}
	}
	if a.Form != nil {
		r.Header.Set("Content-Type", formType)
	} else {
		form = bytesOf(content)
	}
	ctx, cancel := context.WithTimeout(ctx, l.timeout+form.more)
	defer cancel()
	r = r.WithContext(ctx)
	if err := a.Message.MayBegin(); err != nil {
		return providers.Accepted{}, err
	}
	r.ContentLength = form.size
	if r.Body, err = form.open(); err != nil {
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorTemporary, Err: fmt.Errorf("read the uploaded file: %w", err)}
	}
	if l.shared {
		r.Body = &beginning{ReadCloser: r.Body, progress: progress}
	} else {
		// It asks for the body again only when nothing of the request was written to a
		// connection that had gone stale, so this is not a retry.
		r.GetBody = form.open
	}

	had := progress.giveUpAt(a.Message.Latest, cancel)
	answer, err := l.transport.RoundTrip(r)
	had()
	if err != nil {
		return providers.Accepted{}, progress.classify(err)
	}
	text := &ending{ReadCloser: answer.Body}
	answer.Body = text
	defer func() { _ = answer.Body.Close() }()
	accepted, err := a.Read(answer)
	return accepted, text.judge(err)
}

// ending is the body of an answer that notes whether it broke off.
type ending struct {
	io.ReadCloser
	broken error
}

func (e *ending) Read(p []byte) (int, error) {
	n, err := e.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		e.broken = err
	}
	return n, err
}

// judge is what an answer means of which the end is missing. Its status says that the message was
// not taken, and not whether it ever can be: providers refuse what comes too fast, and what they
// don't want at all, with the same 400, and say which in the body.
func (e *ending) judge(err error) error {
	if err == nil || e.broken == nil {
		return err
	}
	failure := *providers.AsError(err)
	if failure.Kind != providers.ErrorContent {
		return err
	}
	failure.Kind, failure.Err = providers.ErrorTemporary, fmt.Errorf("the answer broke off (%w): %w", e.broken, failure.Err)
	return &failure
}

// Look makes a request that sends nothing, for a Checker or to list something.
func (l *Line) Look(ctx context.Context, request func(ctx context.Context) (*http.Request, error), read func(answer *http.Response) error) error {
	_, err := l.Ask(ctx, Asking{
		Message: &providers.Message{},
		Request: func(ctx context.Context) (*http.Request, []byte, error) {
			r, err := request(ctx)
			return r, nil, err
		},
		Read: func(answer *http.Response) (providers.Accepted, error) { return providers.Accepted{}, read(answer) },
	})
	return err
}

// Upload hands a file over that no message is sent by, so that nothing is in doubt.
func (l *Line) Upload(ctx context.Context, request func(ctx context.Context) (*http.Request, error), form *Form, read func(answer *http.Response) error) error {
	_, err := l.Ask(ctx, Asking{
		Message: &providers.Message{}, Form: form,
		Request: func(ctx context.Context) (*http.Request, []byte, error) {
			r, err := request(ctx)
			return r, nil, err
		},
		Read: func(answer *http.Response) (providers.Accepted, error) { return providers.Accepted{}, read(answer) },
	})
	return undoubted(err)
}

// undoubted is an error of asking for something that may be asked again.
func undoubted(err error) error {
	if err == nil {
		return nil
	}
	failure := *providers.AsError(err)
	if failure.Kind == providers.ErrorInDoubt {
		failure.Kind = providers.ErrorTemporary
	}
	return &failure
}

// Request is a request without its body and without anything that proves who asks. The
// error quotes no address, because some hold a secret: setting names what is wrong.
func Request(ctx context.Context, method, address, setting string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, address, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("make request: config.%s can't be asked", setting)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Carillon")
	tracing.Inject(ctx, r.Header)
	return r, nil
}

// WrongAddress says what is wrong with the address of an API in a configuration; empty if
// nothing is. such ends the sentence that says how one looks.
func WrongAddress(address, such string) string {
	switch u, err := url.Parse(address); {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "must be an http or https address, " + such
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "must not hold a name, a password, a query or a #fragment: what is secret is a setting of its own"
	}
	return ""
}

// Requests is the Kind.MostRequests of a configuration with a max_connections.
func Requests(config json.RawMessage) int {
	var c struct {
		MaxConnections int `json:"max_connections"`
	}
	_ = json.Unmarshal(config, &c) // Validate has looked at it
	return cmp.Or(c.MaxConnections, MostRequests)
}

// Scrub takes secrets out of what the other side says, and bytes that are no text first: without
// them, as Quote leaves them out, something may be a secret that was none before.
func Scrub(secrets ...secret.String) func(string) string {
	var pairs []string
	for _, s := range secrets {
		if !s.Empty() {
			pairs = append(pairs, s.Reveal(), secret.Redacted)
		}
	}
	all := strings.NewReplacer(pairs...)
	return func(said string) string { return all.Replace(strings.ToValidUTF8(said, "")) }
}

// Key is a key in PEM form as secrets: whole, and each line of it, which is secret by itself.
func Key(pem secret.String) (secrets []secret.String) {
	secrets = append(secrets, pem)
	for text := range strings.SplitSeq(pem.Reveal(), "\n") {
		if text = strings.TrimSpace(text); text != "" && !strings.HasPrefix(text, "-----") {
			secrets = append(secrets, secret.New(text))
		}
	}
	return secrets
}

// Close closes the idle connections; no request is under way.
func (l *Line) Close() error {
	l.transport.CloseIdleConnections()
	return nil
}

// Text is what an answer says, as far as it is read.
func Text(answer *http.Response) string {
	text, _ := io.ReadAll(io.LimitReader(answer.Body, MaxAnswer))
	return string(text)
}

// Quote is the printable beginning of an answer, in one line.
func Quote(text string) string {
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, ""), func(r rune) bool {
		return r <= ' ' || r == 0x7f
	}), " ")
	if len(text) > maxQuoted {
		text = strings.ToValidUTF8(text[:maxQuoted], "") + "…"
	}
	return text
}

// progress is how far a request came.
type progress struct {
	line    *Line
	commits func()
	// reached is whether it has a connection.
	reached atomic.Int32
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

// begin notes that what follows may have the message delivered; false if it was given up.
func (p *progress) begin() bool {
	if !p.reached.CompareAndSwap(connecting, connected) && p.reached.Load() == givenUp {
		return false
	}
	p.begun.Store(true)
	p.commits()
	return true
}

// What progress.reached says.
const (
	connecting = iota
	connected
	// givenUp: it had no connection in time. What is being made is kept for another.
	givenUp
)

// asker is the key of the progress of the request that a connection is made for.
type asker struct{}

// follow has a request made with a context noted in its progress.
func (p *progress) follow(ctx context.Context) context.Context {
	trace := &httptrace.ClientTrace{TLSHandshakeDone: func(_ tls.ConnectionState, err error) { p.connected(err) }}
	if !p.line.shared { // where a connection and its writes are one request's
		trace.GotConn = func(info httptrace.GotConnInfo) {
			p.reached.CompareAndSwap(connecting, connected)
			carries(info.Conn, p)
		}
		trace.WroteRequest = func(info httptrace.WroteRequestInfo) {
			if info.Err != nil {
				p.written.Store(broken)
			} else {
				p.written.Store(whole)
			}
		}
	}
	return httptrace.WithClientTrace(context.WithValue(ctx, asker{}, p), trace)
}

// giveUpAt has the request given up at a time, zero for never, unless it has a connection by then.
// The transport goes on making that, and keeps it. had ends this.
func (p *progress) giveUpAt(latest time.Time, cancel func()) (had func()) {
	if latest.IsZero() {
		return func() {}
	}
	waiting, end := context.WithDeadline(context.Background(), latest)
	stop := context.AfterFunc(waiting, func() {
		if p.reached.CompareAndSwap(connecting, givenUp) {
			cancel()
		}
	})
	return func() {
		stop()
		end()
	}
}

// connected notes what came of making a connection, where the request does not wait for it any
// more. A server that can't be reached would else never be known for one.
func (p *progress) connected(err error) {
	switch {
	case p.reached.Load() != givenUp:
	case err != nil:
		p.line.unheard.Store(&err)
	default:
		p.line.unheard.Store(nil)
	}
}

// late is what a request that was given up is told.
func (l *Line) late() error {
	if err := l.unheard.Swap(nil); err != nil {
		return providers.ClassifyDial(*err)
	}
	return providers.ErrLate
}

// classify says what an error of the exchange means for the message.
func (p *progress) classify(err error) error {
	switch {
	case p.reached.Load() == givenUp:
		return p.line.late()
	case !p.begun.Load():
		return providers.ClassifyDial(err)
	case p.written.Load() == broken:
		// The body has a length, so an endpoint can't take a part of it for all.
		return &providers.Error{Kind: providers.ErrorTemporary, Err: fmt.Errorf("write request: %w", err)}
	default:
		if text := err.Error(); strings.Contains(text, "malformed") || strings.Contains(text, `"`) {
			// net/http quotes what it can't read, which is whatever greets at that port.
			err = errors.New("the endpoint does not answer in HTTP: check the address in the configuration")
		}
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("no answer in time: %w", err)
		}
		return &providers.Error{Kind: providers.ErrorInDoubt, Err: fmt.Errorf("read answer: %w", err)}
	}
}
