package providertest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
)

// FirstToken is the first token of every TokenDesk: one of the Subject's Secrets.
const FirstToken = tokenPrefix + "1"

const tokenPrefix = "access-token-number-"

// TokenDesk is where a far end gives out access tokens, of which the latest is good
// until it expires. The zero one is ready to use; it is safe for concurrent use.
type TokenDesk struct {
	mu      sync.Mutex
	asked   int64
	expired int64 // tokens up to this number are good no more
	answer  sink.Answer
}

// Give answers a request for a token: write writes the one that is given.
func (d *TokenDesk) Give(w http.ResponseWriter, r *http.Request, write func(token string)) {
	d.mu.Lock()
	d.asked++
	token, answer := fmt.Sprint(tokenPrefix, d.asked), d.answer
	d.mu.Unlock()
	if answer.Wait != nil {
		select {
		case <-answer.Wait:
		case <-r.Context().Done():
			return
		}
	}
	if answer.Code == 0 {
		write(token)
		return
	}
	w.WriteHeader(answer.Code)
	_, _ = io.WriteString(w, answer.Text)
}

// Good reports whether a token was given out and has not expired.
func (d *TokenDesk) Good(token string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for n := d.expired + 1; n <= d.asked; n++ {
		if token == fmt.Sprint(tokenPrefix, n) {
			return true
		}
	}
	return false
}

// Asked is how many tokens were asked for, whatever the answer was.
func (d *TokenDesk) Asked() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked
}

// Expire ends the tokens that were given out.
func (d *TokenDesk) Expire() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.expired = d.asked
}

// Answer has those who ask from now on get this; the zero Answer is a token.
func (d *TokenDesk) Answer(a sink.Answer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answer = a
}

// tokens has checks for what becomes of messages while a token is bought.
func (s Subject) tokens() []check {
	return []check{
		{"Tokens/OneForAll", s.tokenShared},
		{"Tokens/NeverGood", s.tokenNeverGood},
		{"Tokens/CancelledMeanwhile", s.tokenCancelled},
		{"Tokens/Refused", func(t testing.TB) { s.tokenRefused(t, http.StatusUnauthorized, providers.ErrorAuth) }},
		{"Tokens/DeskDown", func(t testing.TB) { s.tokenRefused(t, http.StatusServiceUnavailable, providers.ErrorTemporary) }},
	}
}

// tokenShared has tokens expire between sends that are made at once: every message
// goes, once, and one token is bought for all of them.
func (s Subject) tokenShared(t testing.TB) {
	far := s.Serve(t, sink.Options{Record: true})
	p := s.open(t, far.Config)
	var sent int64
	for round := int64(1); round <= 5; round++ {
		require.NoError(t, s.burst(far, p, sent+1), "that a token expired is no fault of a message, and no reason to stop the channel")
		require.Equal(t, round, far.Tokens.Asked(), "one token is bought for all who wait for it")
		sent += concurrency
		for range concurrency {
			sent++
			_, err := p.Send(t.Context(), s.message(sent))
			require.NoError(t, err)
		}
		require.Equal(t, round, far.Tokens.Asked(), "a token is kept as long as it is good")
		far.Tokens.Expire()
	}
	require.Equal(t, sent, far.Tally.Count())
	require.Empty(t, far.Tally.Duplicates(), "what was turned away for its token goes once more, and what was taken does not")
}

// burst sends as many messages as go at once, and holds the next token back until all
// are on their way. It returns the first failure, when all have come back.
func (s Subject) burst(far Far, p providers.Provider, firstID int64) error {
	held := make(chan struct{})
	far.Tokens.Answer(sink.Answer{Wait: held})
	var begun, done sync.WaitGroup
	begun.Add(concurrency)
	failures := make(chan error, concurrency)
	for i := range int64(concurrency) {
		done.Go(func() {
			begun.Done()
			if _, err := p.Send(context.Background(), s.message(firstID+i)); err != nil {
				failures <- err
			}
		})
	}
	begun.Wait()
	close(held)
	done.Wait()
	close(failures)
	return <-failures
}

// tokenNeverGood has the far end refuse whatever token it gave: the adapter gives up,
// and the channel stops.
func (s Subject) tokenNeverGood(t testing.TB) {
	far := s.Serve(t, sink.Options{Answer: func(int64, int64) sink.Answer { return sink.Answer{Code: http.StatusUnauthorized} }})
	_, err := s.open(t, far.Config).Send(t.Context(), s.message(1))
	require.Error(t, err)
	require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind, err.Error())
	require.LessOrEqual(t, far.Tokens.Asked(), int64(2), "a fresh token that is refused is not worth another one")
}

// tokenCancelled has the sender leave who had a token bought for everybody: it leaves
// at once, and the others send.
func (s Subject) tokenCancelled(t testing.TB) {
	far := s.Serve(t, sink.Options{})
	p := s.open(t, far.Config)
	held := make(chan struct{})
	far.Tokens.Answer(sink.Answer{Wait: held})
	ctx, cancel := context.WithCancel(t.Context())
	release := sync.OnceFunc(func() { close(held) })
	var sending sync.WaitGroup
	defer func() { cancel(); release(); sending.Wait() }() // whatever fails, nobody sends when the adapter is closed
	send := func(ctx context.Context, id int64) chan error {
		answer := make(chan error, 1)
		sending.Go(func() {
			_, err := p.Send(ctx, s.message(id))
			answer <- err
		})
		return answer
	}
	first := send(ctx, 1)
	require.Eventually(t, func() bool { return far.Tokens.Asked() == 1 }, 10*time.Second, time.Millisecond)
	second := send(context.WithoutCancel(t.Context()), 2)
	cancel()
	err := <-first
	require.ErrorIs(t, err, context.Canceled)
	requireTemporary(t, err)
	require.Zero(t, far.Tally.Asked(), "nobody was asked to take the message")
	release()
	require.NoError(t, <-second, "who waited with it goes on")
}

// tokenRefused has no token given: the message was not sent, whoever is at fault, and
// the next one is when there are tokens again.
func (s Subject) tokenRefused(t testing.TB, status int, want providers.ErrorKind) {
	far := s.Serve(t, sink.Options{})
	p := s.open(t, far.Config)
	far.Tokens.Answer(sink.Answer{Code: status, Text: "no"})
	_, err := p.Send(t.Context(), s.message(1))
	require.Error(t, err)
	require.Equal(t, want, providers.AsError(err).Kind, err.Error())
	require.Zero(t, far.Tally.Asked())
	far.Tokens.Answer(sink.Answer{})
	_, err = p.Send(t.Context(), s.message(1))
	require.NoError(t, err)
}
