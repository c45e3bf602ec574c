// Package smtp owns the adapter that hands e-mail to an SMTP server: it
// composes messages, keeps connections and reads replies. It must not know
// campaigns or anything beyond one message and its server.
package smtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"carillon/providers"
	"carillon/providers/line"
	"carillon/providers/mail"
)

// Times that aren't configured.
const (
	// idleTimeout closes a connection that has had nothing to do. Servers close
	// them from their side after 60 s and more (RFC 5321, 4.5.3.2 wants 300 s).
	idleTimeout = 30 * time.Second
	// quitTimeout is how long a server may take to say goodbye.
	quitTimeout = 2 * time.Second
	// lastWords is how long a server that cut a message off is listened to.
	lastWords = time.Second
)

// Kind describes SMTP.
func Kind() providers.Kind {
	k := providers.Define(providers.Kind{
		Name: "smtp", Title: "E-mail (SMTP)",
		Description: "Hands e-mail to an SMTP server over several connections, each used again, with PIPELINING where the server offers it.",
		Capabilities: providers.Capabilities{
			Address: providers.Email, Subject: true, HTML: true, Signs: true, Receipts: true, EchoesID: true, OnlyFailures: true,
			Uploads: providers.FileWithin, Files: providers.AnyFile("", mostAttached),
		},
	}, check, open)
	k.MostRequests = func(raw json.RawMessage) int {
		var c Config
		if providers.DecodeConfig(raw, &c) != nil {
			return providers.DefaultMostRequests
		}
		return perConnection * c.MaxConnections
	}
	k.Sender = mail.Said(func(c Config) string { return c.From })
	k.SenderDomain = mail.Said(func(c Config) string { return mail.Domain(c.From) })
	k.BounceDomain = mail.Said(func(c Config) string { return mail.Domain(c.Bounces) })
	k.Server = mail.Said(func(c Config) string { return c.Host })
	k.SignedDomain = mail.Said(func(c Config) string { return mail.Domain(c.Username) })
	return k
}

// perConnection is how many messages a connection has on its way with PIPELINING: one
// whose body is out, and the next one's envelope behind it.
const perConnection = 2

// Provider sends e-mail through one server. Each connection is driven by its
// own goroutine, which takes what waits in a common queue.
type Provider struct {
	// config is behind a pointer because fmt prints what is in an unexported field
	// without asking it, secrets too.
	config  *Config
	address string
	tls     *tls.Config
	helo    string
	timeout time.Duration
	deps    providers.Deps
	scrub   func(string) string
	// tokens are what is signed in with in place of the password; nil where it is that.
	tokens     *line.Tokens
	composer   composer
	deliveries sync.Pool

	queue   chan *delivery
	closing chan struct{}
	// life ends dialing when the provider is closed.
	life context.Context
	end  context.CancelFunc

	group sync.WaitGroup
	mu    sync.Mutex
	// limit is the most connections; it falls when PIPELINING is found. open
	// counts those who drive one, idle those of them who have no delivery.
	limit, open, idle int
	closed            bool
}

func open(c *Config, deps providers.Deps) (providers.Provider, error) {
	port := c.Port
	if port == 0 {
		port = map[string]int{startTLS: 587, implicitTLS: 465, noTLS: 25}[c.TLS]
	}
	from, err := mail.ParseMailbox(c.From)
	if err != nil {
		return nil, fmt.Errorf("open smtp: read sender: %w", err)
	}
	composer, err := newComposer(c, from, deps)
	if err != nil {
		return nil, fmt.Errorf("open smtp: %w", err)
	}
	p := &Provider{
		config: c, address: joinHostPort(c.Host, port), helo: c.Helo, deps: deps, scrub: scrubber(c),
		timeout:  time.Duration(c.TimeoutMS) * time.Millisecond,
		tls:      &tls.Config{ServerName: c.Host, MinVersion: tls.VersionTLS12},
		composer: composer,
		queue:    make(chan *delivery, 4*max(deps.Concurrency, 1)), closing: make(chan struct{}),
		limit: min(c.MaxConnections, deps.Concurrency),
	}
	if c.CA != "" {
		p.tls.RootCAs = x509.NewCertPool()
		p.tls.RootCAs.AppendCertsFromPEM([]byte(c.CA))
	}
	if p.helo == "" {
		p.helo = "localhost"
		// A bare host name is refused by some servers; only a full one is better.
		if name, err := os.Hostname(); err == nil && strings.Contains(name, ".") {
			p.helo = name
		}
	}
	if c.oauth() {
		p.tokens = line.NewTokens(deps, p.timeout, c.desk(p.scrub))
	}
	p.deliveries.New = func() any { return &delivery{settled: make(chan result, 1)} }
	p.life, p.end = context.WithCancel(context.Background())
	return p, nil
}

func joinHostPort(host string, port int) string {
	if strings.Contains(host, ":") && !strings.HasPrefix(host, "[") {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(port)
}

// The states of a delivery.
const (
	// waiting: its body has not been begun; whoever gives it up first wins.
	waiting int32 = iota
	// committed: its body is being written, or is out; only its connection knows
	// what became of it.
	committed
	// abandoned: its sender has left.
	abandoned
)

// delivery is one message on its way through a connection.
type delivery struct {
	// from and to are the envelope.
	from  []byte
	to    string
	utf8  bool
	body  []byte // dot-stuffed, with the final dot
	state stateCell
	// renewed says that it has had its one fresh connection.
	renewed bool
	settled chan result
	// begin and commits are the message's.
	begin   func() error
	commits func()
}

type result struct {
	response string
	err      *providers.Error
}

// Send composes a message and waits for a connection to hand it over.
func (p *Provider) Send(ctx context.Context, m providers.Message) (providers.Accepted, error) {
	if err := ctx.Err(); err != nil {
		return providers.Accepted{}, notAsked(err)
	}
	to, err := mail.ParseMailbox(m.To)
	if err != nil {
		return providers.Accepted{}, mail.AddressError(m.To, err)
	}
	j := p.deliveries.Get().(*delivery)
	j.to, j.utf8, j.renewed = to.Text, to.UTF8, false
	j.from = p.composer.appendSender(j.from[:0], m.ID)
	j.begin, j.commits = m.MayBegin, m.Commits
	j.state.reset()
	if j.body, err = p.composer.compose(j.body[:0], &m, p.deps.Clock.Now()); err != nil {
		p.deliveries.Put(j)
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorContent, Err: err}
	}
	select {
	case p.queue <- j:
	case <-ctx.Done():
		p.deliveries.Put(j)
		return providers.Accepted{}, notAsked(ctx.Err())
	}
	p.staff()
	var r result
	select {
	case r = <-j.settled:
	case <-ctx.Done():
		if j.state.abandon() {
			return providers.Accepted{}, notAsked(ctx.Err())
		}
		// Its body is out, or nearly: with the connection cut, the goroutine that
		// wrote it says at once how far it came.
		j.state.cut()
		r = <-j.settled
	}
	p.recycle(j)
	if r.err != nil {
		return providers.Accepted{}, p.toMailbox(r.err, to.Domain)
	}
	return providers.Accepted{Response: r.response}, nil
}

func notAsked(err error) *providers.Error {
	return &providers.Error{Kind: providers.ErrorTemporary, Err: fmt.Errorf("the server was not asked to deliver: %w", err)}
}

// maxPooled keeps the memory of a rare huge message from staying for good.
const maxPooled = 256 << 10

func (p *Provider) recycle(j *delivery) {
	if cap(j.body) <= maxPooled {
		p.deliveries.Put(j)
	}
}

// staff starts one more connection if messages wait that nobody is free for.
func (p *Provider) staff() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hire()
}

// hire is staff for those who hold the lock.
func (p *Provider) hire() {
	if p.closed || p.open >= p.limit || len(p.queue) <= p.idle {
		return
	}
	p.open++
	p.idle++
	p.group.Go(p.serve)
}

// Close says goodbye on every connection and returns when all are gone. What
// still waits, against the interface's promise, is told that it was not asked.
func (p *Provider) Close() error {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.closing)
	}
	p.mu.Unlock()
	p.end()
	p.group.Wait()
	for {
		select {
		case j := <-p.queue:
			p.settle(j, result{err: notAsked(errors.New("the channel is closed"))})
		default:
			if p.tokens == nil {
				return nil
			}
			return p.tokens.Close()
		}
	}
}

// settle tells a delivery's sender what became of it.
func (p *Provider) settle(j *delivery, r result) {
	if !j.state.finish() {
		p.recycle(j) // nobody waits
		return
	}
	j.settled <- r
}

// last settles the delivery after which a connection has none. It counts as idle
// before the sender learns of it, or the sender's next message would find nobody
// and get one more connection.
func (p *Provider) last(j *delivery, r result) {
	p.mu.Lock()
	p.idle++
	p.mu.Unlock()
	p.settle(j, r)
}

// Check connects, signs in and says goodbye.
func (p *Provider) Check(ctx context.Context) error {
	c, err := p.dial(ctx)
	if err != nil {
		return err
	}
	c.quit()
	return nil
}
