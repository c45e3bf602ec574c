// Package providertest owns the contract that every adapter keeps, as a suite
// that each adapter's tests run. It must not know any adapter: what differs
// between them is in the Subject.
package providertest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/sink"
	"carillon/providers"
)

// Subject is an adapter and what the suite must know of it.
type Subject struct {
	Kind providers.Kind
	// Serve starts a far end that behaves as the options say, ends it with the
	// test, and returns the configuration that leads to it. It is nil for an
	// adapter that talks to nobody.
	Serve func(t testing.TB, o sink.Options) Far
	// Config is a working configuration of an adapter that talks to nobody.
	Config json.RawMessage
	// Slow is a configuration under which an adapter that talks to nobody keeps
	// its sender waiting.
	Slow json.RawMessage
	// Nowhere is a configuration that leads to an address at which connections
	// are accepted or refused, but nobody says anything.
	Nowhere func(addr string) json.RawMessage
	// Secrets are in every configuration, and may be seen nowhere.
	Secrets []string
	// Refusals are the answers that the adapter must understand.
	Refusals []Refusal
	// Content reads a message as it arrived.
	Content func(t testing.TB, d sink.Delivery) providers.Content
	// Key is the id by which the far end can tell a repeat of a message from another,
	// as it arrived: an idempotency key, a Message-ID. It is needed if
	// Capabilities.Idempotent is set.
	Key func(d sink.Delivery) string
	// Callback is a request to /hooks/{channel_id}, signed for a time, that reports
	// message 7 as delivered.
	Callback func(t testing.TB, at time.Time) (http.Header, []byte)
	// Reply is a request to the same place, signed for a time, that hands on what
	// From wrote, with an id; needed if Capabilities.Replies is set.
	Reply func(t testing.TB, at time.Time, from, text string) (http.Header, []byte)
}

// Far is a far end that was started.
type Far struct {
	Config json.RawMessage
	Tally  *sink.Tally
}

// Refusal is an answer of the far end and the error that it must become.
type Refusal struct {
	Name string
	// Answer is what the far end does with the message.
	Answer sink.Answer
	// Command is what it answers to commands, for SMTP.
	Command func(line string) string
	// Config makes an adapter that talks to nobody refuse.
	Config json.RawMessage
	// Kind, Code and RetryAfter are what must come of it. An empty Kind means
	// success.
	Kind       providers.ErrorKind
	Code       string
	RetryAfter time.Duration
	// Bounce is what must come of it for the address.
	Bounce providers.BounceKind
}

// Now is the time of the suite's clock.
var Now = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

const concurrency = 8

// Run holds an adapter to the contract.
func Run(t *testing.T, s Subject) {
	t.Run("Success", s.success)
	t.Run("Refusals", s.refusals)
	t.Run("LargeAndUnicode", s.large)
	t.Run("CancelledBefore", s.cancelledBefore)
	t.Run("CancelledWhileAsked", s.cancelledWhileAsked)
	t.Run("BeginAndCommit", s.beginAndCommit)
	t.Run("Concurrent", s.concurrent)
	t.Run("UnknownSettings", s.unknownSettings)
	t.Run("SecretsNowhere", s.secretsNowhere)
	if s.Serve != nil {
		t.Run("NoAnswer", s.noAnswer)
		t.Run("NobodyThere", s.nobodyThere)
		t.Run("NothingSaid", s.nothingSaid)
		t.Run("ConnectionReused", s.reused)
	}
	if s.Kind.Capabilities.Idempotent || s.Key != nil {
		t.Run("IdempotencyKey", s.idempotencyKey)
	}
	if s.Kind.Capabilities.Receipts {
		t.Run("Callback", s.callback)
	}
	if s.Kind.Capabilities.Replies {
		t.Run("Reply", s.reply)
	}
}

// Message is a message for an adapter, complete in all that every kind may have.
func Message(kind providers.AddressKind, id int64) providers.Message {
	m := providers.Message{
		ID: id, Attempt: 1, To: fmt.Sprintf("someone%d@example.com", id), ToName: "Zoë Ångström",
		Content: providers.Content{
			Subject: "Grüße aus Łódź", Text: "Hello,\n.dots stay\n\nbye", HTML: "<p>Hello, <b>Zoë</b></p>",
		},
		UnsubscribeURL: "https://example.com/u/abc",
		Metadata:       map[string]string{"campaign": "7"},
	}
	if kind == providers.Phone {
		m.To = "+491510000000"
	}
	return m
}

func (s Subject) message(id int64) providers.Message {
	return Message(s.Kind.Capabilities.Address, id)
}

// open makes the adapter and has it closed, with no goroutine left, at the end
// of the test.
func (s Subject) open(t *testing.T, config json.RawMessage) providers.Provider {
	t.Helper()
	return s.openFor(t, "theinstallation1", config)
}

func (s Subject) openFor(t *testing.T, installation string, config json.RawMessage) providers.Provider {
	t.Helper()
	require.NoError(t, s.Kind.Validate(config))
	p, err := s.Kind.New(config, providers.Deps{
		Installation: installation, ChannelID: 3, Concurrency: concurrency, Dialer: providers.Dialer{AllowPrivate: true}, Clock: clock.NewFake(Now),
		Receive: func(context.Context, []providers.Receipt) error { return nil },
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// serve starts the far end, if there is one.
func (s Subject) serve(t *testing.T, o sink.Options) Far {
	t.Helper()
	if s.Serve == nil {
		return Far{Config: s.Config}
	}
	return s.Serve(t, o)
}

// noLeaks must be called first, so that it runs last.
func noLeaks(t *testing.T) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// seen collects what arrives.
type seen struct {
	mu  sync.Mutex
	all []sink.Delivery
}

func (s *seen) add(d sink.Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, d)
}

func (s *seen) get(t *testing.T, i int) sink.Delivery {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Greater(t, len(s.all), i)
	return s.all[i]
}

func (s Subject) success(t *testing.T) {
	noLeaks(t)
	var arrived seen
	far := s.serve(t, sink.Options{Seen: arrived.add, Record: true})
	p := s.open(t, far.Config)
	m := s.message(42)
	accepted, err := p.Send(t.Context(), m)
	require.NoError(t, err)
	require.NotEmpty(t, accepted.Response)
	if s.Serve == nil {
		return
	}
	require.Equal(t, int64(1), far.Tally.Count())
	require.Equal(t, int64(42), far.Tally.Arrivals()[0].ID, "the message id travels with the message")
	s.equalContent(t, m.Content, arrived.get(t, 0))
}

func (s Subject) equalContent(t *testing.T, want providers.Content, d sink.Delivery) {
	t.Helper()
	got := s.Content(t, d)
	require.Equal(t, want.Subject, got.Subject)
	// A megabyte of difference helps nobody.
	require.Equal(t, sha256.Sum256([]byte(want.Text)), sha256.Sum256([]byte(got.Text)), "text arrived changed")
	require.Equal(t, sha256.Sum256([]byte(want.HTML)), sha256.Sum256([]byte(got.HTML)), "html arrived changed")
}

func (s Subject) refusals(t *testing.T) {
	for _, r := range s.Refusals {
		t.Run(r.Name, func(t *testing.T) {
			noLeaks(t)
			_, err := s.refuse(t, r)
			if r.Kind == "" {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			var e *providers.Error
			require.ErrorAs(t, err, &e)
			require.Contains(t, providers.ErrorKinds(), e.Kind)
			require.Equal(t, r.Kind, e.Kind, err.Error())
			require.Error(t, e.Err, "it says why in words")
			if e.Kind != providers.ErrorRecipient {
				require.Empty(t, e.Bounce, "no address is at fault")
			}
			require.Equal(t, r.Code, e.Code)
			require.Equal(t, r.RetryAfter, e.RetryAfter)
			require.Equal(t, r.Bounce, e.Bounce)
		})
	}
}

func (s Subject) refuse(t *testing.T, r Refusal) (providers.Provider, error) {
	t.Helper()
	config := r.Config
	if s.Serve != nil {
		config = s.Serve(t, sink.Options{
			Answer: func(int64, int64) sink.Answer { return r.Answer }, Command: r.Command,
		}).Config
	}
	p := s.open(t, config)
	_, err := p.Send(t.Context(), s.message(7))
	return p, err
}

// large sends what tends to break encodings: a megabyte, every plane of
// Unicode, lines without end, dots and spaces at the ends of lines.
func (s Subject) large(t *testing.T) {
	noLeaks(t)
	var arrived seen
	far := s.serve(t, sink.Options{Seen: arrived.add})
	p := s.open(t, far.Config)
	tricky := "Ünïcödé 漢字 العربية 👩‍👩‍👧‍👦 \U0001F9FF e\u0301\n.\n..\n. \nFrom me \t\n=20 =\n--=_c1\n" +
		strings.Repeat("long ", 300) + "\n" + strings.Repeat("x", 2000) + "\n"
	ascii := "plain\n.\n..hidden\nFrom x\n" + strings.Repeat("short line\n", 10) + "end"
	for i, text := range []string{tricky + "end", ascii, strings.Repeat(tricky, 1<<20/len(tricky)) + "end"} {
		m := s.message(int64(i + 1))
		m.Content.Text, m.Content.HTML = text, "<p>"+text+"</p>"
		m.Content.Subject = strings.Repeat("Betreff 漢字 ", 20) + "end"
		_, err := p.Send(t.Context(), m)
		require.NoError(t, err)
		if s.Serve != nil {
			s.equalContent(t, m.Content, arrived.get(t, i))
		}
	}
}

// beginAndCommit has a message ask whether it may begin, and say when it could be
// delivered: both before it can have arrived, and nothing goes of one that may not.
func (s Subject) beginAndCommit(t *testing.T) {
	noLeaks(t)
	var mu sync.Mutex
	var order []string
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, what)
	}
	far := s.serve(t, sink.Options{Seen: func(sink.Delivery) { note("arrived") }, Command: func(line string) string {
		if strings.HasPrefix(strings.ToUpper(line), "MAIL") {
			note("command")
		}
		return ""
	}})
	p := s.open(t, far.Config)
	m := s.message(1)
	m.Begin = func() error { note("begin"); return nil }
	m.Commit = func() { note("commit") }
	_, err := p.Send(t.Context(), m)
	require.NoError(t, err)
	order = slices.Compact(order)
	require.Equal(t, []string{"begin", "commit"}, slices.DeleteFunc(slices.Clone(order), func(what string) bool { return what == "command" || what == "arrived" }))
	if s.Serve != nil {
		require.Less(t, slices.Index(order, "begin"), slices.Index(order, "arrived"))
		require.Less(t, slices.Index(order, "commit"), slices.Index(order, "arrived"))
		if command := slices.Index(order, "command"); command >= 0 {
			require.Less(t, slices.Index(order, "begin"), command)
		}
	}
	order = nil
	withdrawn := errors.New("withdrawn")
	m.Begin = func() error { return withdrawn }
	for range 3 {
		_, err = p.Send(t.Context(), m)
		require.ErrorIs(t, err, withdrawn)
	}
	require.Empty(t, order, "nothing of it goes")
	m.Begin = nil
	_, err = p.Send(t.Context(), m)
	require.NoError(t, err, "the next one does")
}

func (s Subject) cancelledBefore(t *testing.T) {
	noLeaks(t)
	far := s.serve(t, sink.Options{})
	p := s.open(t, far.Config)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := p.Send(ctx, s.message(1))
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, providers.ErrorTemporary, providers.AsError(err).Kind, "nobody was asked")
	if s.Serve != nil {
		require.Zero(t, far.Tally.Asked())
	}
}

func (s Subject) cancelledWhileAsked(t *testing.T) {
	noLeaks(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	config := s.Slow
	if s.Serve != nil {
		config = s.Serve(t, sink.Options{
			Seen:   func(sink.Delivery) { cancel() },
			Answer: func(int64, int64) sink.Answer { return sink.Answer{Wait: make(chan struct{})} },
		}).Config
	} else {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, 10*time.Millisecond)
		defer stop()
	}
	p := s.open(t, config)
	_, err := p.Send(ctx, s.message(1))
	require.Error(t, err)
	require.Equal(t, providers.ErrorInDoubt, providers.AsError(err).Kind, err.Error())
}

func (s Subject) noAnswer(t *testing.T) {
	for name, drop := range map[string]sink.Drop{"Accepted": sink.AfterAccepting, "NotAccepted": sink.BeforeAccepting} {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			far := s.Serve(t, sink.Options{Answer: func(n, _ int64) sink.Answer {
				if n == 1 {
					return sink.Answer{Drop: drop}
				}
				return sink.Answer{}
			}})
			p := s.open(t, far.Config)
			_, err := p.Send(t.Context(), s.message(1))
			require.Error(t, err)
			require.Equal(t, providers.ErrorInDoubt, providers.AsError(err).Kind, err.Error())
			require.Equal(t, int64(1), far.Tally.Asked(), "an adapter never retries")
			_, err = p.Send(t.Context(), s.message(2))
			require.NoError(t, err, "the next message gets a connection of its own")
		})
	}
}

func (s Subject) nobodyThere(t *testing.T) {
	noLeaks(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := listener.Addr().String()
	require.NoError(t, listener.Close())
	p := s.open(t, s.Nowhere(addr))
	_, err = p.Send(t.Context(), s.message(1))
	require.Error(t, err)
	require.Equal(t, providers.ErrorTemporary, providers.AsError(err).Kind, err.Error())
}

func (s Subject) nothingSaid(t *testing.T) {
	noLeaks(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	p := s.open(t, s.Nowhere(listener.Addr().String()))
	_, err = p.Send(ctx, s.message(1))
	require.Error(t, err)
	require.Equal(t, providers.ErrorTemporary, providers.AsError(err).Kind, err.Error())
}

func (s Subject) concurrent(t *testing.T) {
	noLeaks(t)
	const each = 50
	far := s.serve(t, sink.Options{Record: true})
	p := s.open(t, far.Config)
	var group sync.WaitGroup
	failures := make(chan error, concurrency*each)
	for w := range concurrency {
		group.Go(func() {
			for i := range each {
				if _, err := p.Send(context.WithoutCancel(t.Context()), s.message(int64(w*each+i+1))); err != nil {
					failures <- err
				}
			}
		})
	}
	group.Wait()
	close(failures)
	require.NoError(t, <-failures)
	if s.Serve == nil {
		return
	}
	require.Equal(t, int64(concurrency*each), far.Tally.Count())
	require.Empty(t, far.Tally.Duplicates())
	require.Zero(t, far.Tally.Violations())
	// net/http gives up a connection whose goroutines are scheduled late, so that
	// on a busy machine there may be some more.
	require.LessOrEqual(t, far.Tally.Connections(), int64(2*concurrency))
}

func (s Subject) reused(t *testing.T) {
	noLeaks(t)
	far := s.Serve(t, sink.Options{Answer: func(n, _ int64) sink.Answer {
		if n%2 == 0 {
			return sink.Answer{Code: 552, Text: "no: " + strings.Repeat("x", 1000)}
		}
		return sink.Answer{}
	}})
	p := s.open(t, far.Config)
	for i := range int64(20) {
		_, err := p.Send(t.Context(), s.message(i+1))
		if i%2 == 0 {
			require.NoError(t, err)
		} else {
			require.Error(t, err)
		}
	}
	require.LessOrEqual(t, far.Tally.Connections(), int64(2), "one, and one more at most on a busy machine")
	require.NoError(t, p.Close())
	require.Eventually(t, func() bool { return far.Tally.Open() == 0 }, 5*time.Second, time.Millisecond)
}

func (s Subject) idempotencyKey(t *testing.T) {
	noLeaks(t)
	var arrived seen
	far := s.serve(t, sink.Options{Seen: arrived.add})
	p := s.open(t, far.Config)
	for i, m := range []struct {
		id      int64
		attempt int
	}{{5, 1}, {5, 2}, {6, 1}} {
		message := s.message(m.id)
		message.Attempt = m.attempt
		_, err := p.Send(t.Context(), message)
		require.NoError(t, err)
		require.NotEmpty(t, s.Key(arrived.get(t, i)))
	}
	first := s.Key(arrived.get(t, 0))
	require.Equal(t, first, s.Key(arrived.get(t, 1)), "another attempt at the same message has the same key")
	require.NotEqual(t, first, s.Key(arrived.get(t, 2)), "another message has another key")
	_, err := s.openFor(t, "theinstallation2", far.Config).Send(t.Context(), s.message(5))
	require.NoError(t, err)
	require.NotEqual(t, first, s.Key(arrived.get(t, 3)), "so has the same message of another installation")
}

func (s Subject) callback(t *testing.T) {
	noLeaks(t)
	p := s.open(t, s.serve(t, sink.Options{}).Config)
	parser, ok := p.(providers.CallbackParser)
	require.True(t, ok, "Capabilities.Receipts promises a CallbackParser")
	header, body := s.Callback(t, Now)
	receipts, err := parser.ParseCallback(header, body)
	require.NoError(t, err)
	require.Len(t, receipts, 1)
	require.Equal(t, int64(7), receipts[0].MessageID)
	require.Equal(t, providers.ReceiptDelivered, receipts[0].Status)

	unsigned := func(header http.Header, body []byte) {
		t.Helper()
		_, err := parser.ParseCallback(header, body)
		require.Error(t, err)
		require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind, err.Error())
	}
	unsigned(http.Header{}, body)
	unsigned(header, append(bytes.Clone(body), ' '))
	unsigned(s.Callback(t, Now.Add(-time.Hour)))
	unsigned(s.Callback(t, Now.Add(time.Hour)))
}

func (s Subject) reply(t *testing.T) {
	noLeaks(t)
	p := s.open(t, s.serve(t, sink.Options{}).Config)
	parser, ok := p.(providers.ReplyParser)
	require.True(t, ok, "Capabilities.Replies promises a ReplyParser")
	const from, text = "ann@example.com", "STOP ✋ \"now\"\nplease"
	header, body := s.Reply(t, Now, from, text)
	replies, err := parser.ParseReplies(header, body)
	require.NoError(t, err)
	require.Len(t, replies, 1)
	require.NotEmpty(t, replies[0].ID, "by which a repeat is known")
	require.Equal(t, from, replies[0].From)
	require.Equal(t, text, replies[0].Text)
	if receipts, ok := p.(providers.CallbackParser); ok {
		found, err := receipts.ParseCallback(header, body)
		require.NoError(t, err, "the same request is read for receipts")
		require.Empty(t, found)
	}
	unsigned := func(header http.Header, body []byte) {
		t.Helper()
		_, err := parser.ParseReplies(header, body)
		require.Error(t, err)
		require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind, err.Error())
	}
	unsigned(http.Header{}, body)
	unsigned(header, append(bytes.Clone(body), ' '))
	unsigned(s.Reply(t, Now.Add(-time.Hour), from, text))
}

func (s Subject) unknownSettings(t *testing.T) {
	config := map[string]any{}
	require.NoError(t, json.Unmarshal(s.serve(t, sink.Options{}).Config, &config))
	config["no_such_setting"] = true
	raw, err := json.Marshal(config)
	require.NoError(t, err)
	err = s.Kind.Validate(raw)
	require.True(t, fault.Is(err, fault.Invalid), "got %v", err)
	require.ErrorContains(t, err, "config.no_such_setting")
	_, err = s.Kind.New(raw, providers.Deps{})
	require.Error(t, err)
}

// secretsNowhere looks for the secrets in everything that could be shown, with
// a far end that repeats whatever it was told.
func (s Subject) secretsNowhere(t *testing.T) {
	noLeaks(t)
	var logged bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { slog.SetDefault(before) })

	var shown []string
	show := func(v any) {
		encoded, _ := json.Marshal(v)
		shown = append(shown, fmt.Sprintf("%v %+v %#v %s", v, v, v, encoded))
		if err, ok := v.(error); ok {
			for ; err != nil; err = errors.Unwrap(err) {
				shown = append(shown, fmt.Sprintf("%v %+v %#v", err, err, err))
			}
		}
	}
	echo := Refusal{Name: "echo", Answer: sink.Answer{Code: 500, Text: strings.Join(s.Secrets, " ")}, Config: s.Config}
	for _, r := range append(s.Refusals, echo) {
		p, err := s.refuse(t, r)
		show(err)
		require.NoError(t, p.Close()) // so that printing it races with nothing
		show(p)
	}
	config := s.serve(t, sink.Options{}).Config
	registry, err := providers.NewRegistry(s.Kind)
	require.NoError(t, err)
	public, err := registry.Public(s.Kind.Name, config, true)
	require.NoError(t, err)
	show(string(public))
	broken := bytes.ReplaceAll(config, []byte(`{`), []byte(`{"no_such_setting":1,`))
	show(s.Kind.Validate(broken))
	decoded := reflect.New(reflect.TypeOf(s.Kind.Config).Elem()).Interface()
	require.NoError(t, providers.DecodeConfig(config, decoded))
	show(decoded)
	shown = append(shown, logged.String())
	for _, text := range shown {
		for _, hidden := range s.Secrets {
			require.NotContains(t, text, hidden)
		}
	}
}
