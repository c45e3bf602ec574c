package providertest

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
)

func (s Subject) cancelledBefore(t testing.TB) {
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

func (s Subject) cancelledWhileAsked(t testing.TB) {
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

// noAnswer has the connection end where the answer should come.
func (s Subject) noAnswer(t testing.TB, drop sink.Drop) {
	t.Helper()
	far := s.Serve(t, sink.Options{Answer: func(n, _ int64) sink.Answer {
		if n == 1 {
			return sink.Answer{Drop: drop}
		}
		return sink.Answer{}
	}})
	p := s.open(t, far.Config)
	_, err := p.Send(t.Context(), s.message(1))
	require.Equal(t, int64(1), far.Tally.Asked(), "an adapter never retries")
	require.Error(t, err)
	require.Equal(t, providers.ErrorInDoubt, providers.AsError(err).Kind, err.Error())
	_, err = p.Send(t.Context(), s.message(2))
	require.NoError(t, err, "the next message gets a connection of its own")
}

func (s Subject) nobodyThere(t testing.TB) {
	p := s.open(t, s.Nowhere(shut(t)))
	_, err := p.Send(t.Context(), s.message(1))
	require.Error(t, err)
	require.Equal(t, providers.ErrorTemporary, providers.AsError(err).Kind, err.Error())
}

func (s Subject) nothingSaid(t testing.TB) {
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

func (s Subject) reused(t testing.TB) {
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

// shut is an address at which nobody listens.
func shut(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}
