// Package sandbox owns the simulated provider: it takes messages, fails a
// chosen share of them and reports receipts, so that campaigns can be tried,
// shown and tested without writing to anybody. It must not know anything but
// its configuration and one message at a time.
package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"carillon/providers"
	"carillon/providers/hook"
)

// retryAfter is what a throttled attempt is asked to wait.
const retryAfter = 250 * time.Millisecond

// Kind describes the sandbox.
func Kind() providers.Kind {
	k := providers.Define(providers.Kind{
		Name: "sandbox", Title: "Sandbox",
		Description: "A simulated provider that writes to nobody: it accepts, fails, throttles and reports as configured, the same way each time.",
		Capabilities: providers.Capabilities{
			Address: providers.Email, Subject: true, HTML: true, Receipts: true, Replies: true, EchoesID: true, Media: true,
			Buttons: providers.ButtonTypes(), Location: true, Cards: true, Pretends: true,
		},
	}, check, open)
	k.AddressFor = func(raw json.RawMessage) providers.AddressKind {
		var c Config
		if providers.DecodeConfig(raw, &c) != nil {
			return providers.Email
		}
		return c.Address
	}
	return k
}

// Provider is the simulated provider.
type Provider struct {
	// config is behind a pointer because fmt prints what is in an unexported field
	// without asking it, secrets too.
	config   *Config
	deps     providers.Deps
	parser   *hook.Parser
	receipts *mailbag[providers.Receipt]
	replies  *mailbag[providers.Reply]
	throttle throttled
}

func open(c *Config, deps providers.Deps) (providers.Provider, error) {
	parser, err := hook.NewParser(c.Secret, deps)
	if err != nil {
		return nil, fmt.Errorf("open sandbox: %w", err)
	}
	p := &Provider{config: c, deps: deps, parser: parser, throttle: throttled{asked: map[ask]bool{}}}
	if c.Receipts != "none" && deps.Receive != nil {
		p.receipts = newMailbag(deps.Clock, deps.Receive)
	}
	if len(c.Replies) > 0 && deps.Hear != nil {
		p.replies = newMailbag(deps.Clock, deps.Hear)
	}
	return p, nil
}

// Send decides the message's fate from (seed, message id, attempt) alone, after
// the configured latency.
func (p *Provider) Send(ctx context.Context, m providers.Message) (providers.Accepted, error) {
	if err := ctx.Err(); err != nil {
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorTemporary, Err: fmt.Errorf("not asked: %w", err)}
	}
	// Receipts get their room before anything is decided, so that a message that
	// was accepted always has them.
	receipts, replies := p.plan(m), p.reply(m)
	for _, err := range []error{p.receipts.reserve(ctx, len(receipts)), p.replies.reserve(ctx, len(replies))} {
		if err != nil {
			return providers.Accepted{}, &providers.Error{Kind: providers.ErrorTemporary, Err: fmt.Errorf("wait for receipts to be taken: %w", err)}
		}
	}
	err := m.MayBegin()
	if err == nil {
		m.Commits()
		err = p.answer(ctx, m)
	}
	if err != nil {
		p.receipts.release(len(receipts))
		p.replies.release(len(replies))
		return providers.Accepted{}, err
	}
	p.receipts.post(receipts)
	p.replies.post(replies)
	return providers.Accepted{Response: "accepted by the sandbox"}, nil
}

// answer is the message's fate: nil, or a *providers.Error.
func (p *Provider) answer(ctx context.Context, m providers.Message) error {
	if p.config.LatencyMS > 0 {
		if err := p.deps.Clock.Sleep(ctx, time.Duration(p.config.LatencyMS)*time.Millisecond); err != nil {
			return &providers.Error{Kind: providers.ErrorInDoubt, Err: fmt.Errorf("wait for the answer: %w", err)}
		}
	}
	draw := p.draw(m, "fate", strconv.Itoa(m.Attempt))
	permanent := p.draw(m, "permanent", "")
	c := p.config
	// What fails for good does so on every attempt; the rest is drawn anew for
	// each attempt from what the permanent shares leave.
	switch {
	case permanent < c.FailRate:
		return failure(providers.ErrorContent, "failed", "the sandbox failed this message")
	case permanent < c.FailRate+c.RejectRate:
		return failure(providers.ErrorRecipient, "no_such_recipient", "the sandbox knows no such recipient")
	}
	left := 1 - c.FailRate - c.RejectRate
	draw *= left
	switch {
	case draw < c.TemporaryRate:
		return failure(providers.ErrorTemporary, "try_later", "the sandbox is busy")
	case draw < c.TemporaryRate+c.InDoubtRate:
		return failure(providers.ErrorInDoubt, "", "the sandbox gave no answer")
	case draw < c.TemporaryRate+c.InDoubtRate+c.ThrottleRate && p.throttle.first(ask{m.ID, m.Attempt}):
		e := failure(providers.ErrorThrottled, "slow_down", "the sandbox was asked too fast")
		e.RetryAfter = retryAfter
		return e
	}
	return nil
}

func failure(kind providers.ErrorKind, code, text string) *providers.Error {
	return &providers.Error{Kind: kind, Code: code, Err: errors.New(text)}
}

// draw is a number from 0 to below 1, the same for the same seed, message, what
// is drawn and salt.
func (p *Provider) draw(m providers.Message, what, salt string) float64 {
	const offset, prime = 14695981039346656037, 1099511628211 // FNV-1a
	h := uint64(offset)
	for _, s := range [...]string{what, salt} {
		for i := range len(s) {
			h = (h ^ uint64(s[i])) * prime
		}
		h = (h ^ 0xff) * prime
	}
	// FNV mixes the last bits badly; SplitMix64 spreads what ids differ in.
	h = mix(h ^ mix(uint64(p.config.Seed)^mix(uint64(m.ID))))
	return float64(h>>11) / (1 << 53)
}

func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// ParseCallback reads receipts that are posted to /hooks/{channel_id}.
func (p *Provider) ParseCallback(header http.Header, body []byte) ([]providers.Receipt, error) {
	return p.parser.ParseCallback(header, body)
}

// ParseReplies reads what people wrote, posted to the same place.
func (p *Provider) ParseReplies(header http.Header, body []byte) ([]providers.Reply, error) {
	return p.parser.ParseReplies(header, body)
}

// RequestID is by what a repeat of such a request is known.
func (p *Provider) RequestID(header http.Header, body []byte) string {
	return p.parser.RequestID(header, body)
}

// Close hands over the receipts and replies that are still to come, at once.
func (p *Provider) Close() error {
	return errors.Join(p.receipts.close(), p.replies.close())
}

// ask is one attempt at one message.
type ask struct {
	id      int64
	attempt int
}

// maxThrottled bounds how many throttled attempts are remembered: 1 MB or so.
const maxThrottled = 16384

// throttled remembers the attempts that were throttled once. Throttling spends
// no attempt, so the same attempt comes again, and would be throttled for ever
// if its fate were drawn from its number alone.
type throttled struct {
	mu    sync.Mutex
	asked map[ask]bool
}

// first reports whether the attempt is made for the first time, and forgets it
// when it is made again.
func (t *throttled) first(a ask) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.asked[a] {
		delete(t.asked, a)
		return false
	}
	if len(t.asked) >= maxThrottled {
		// Some that never came back, because they were canceled, make room.
		for old := range t.asked {
			delete(t.asked, old)
			break
		}
	}
	t.asked[a] = true
	return true
}
