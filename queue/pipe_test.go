package queue

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
)

func TestPipe(t *testing.T) {
	a, b := newPipe()
	big := bytes.Repeat([]byte("0123456789"), keptBuffer/5)
	n, err := a.Write(big)
	require.NoError(t, err)
	require.Equal(t, len(big), n, "a write does not wait for a reader")
	got := make([]byte, len(big))
	_, err = io.ReadFull(b, got)
	require.NoError(t, err)
	require.Equal(t, big, got)

	require.NoError(t, b.SetReadDeadline(clock.System{}.Now().Add(time.Millisecond)))
	_, err = b.Read(got)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, b.SetDeadline(time.Time{}))
	go func() { _, _ = a.Write([]byte("x")) }()
	n, err = b.Read(got)
	require.NoError(t, err)
	require.Equal(t, 1, n)

	_, err = a.Write([]byte("last words"))
	require.NoError(t, err)
	require.NoError(t, a.Close())
	require.NoError(t, a.Close(), "again")
	n, err = b.Read(got)
	require.NoError(t, err)
	require.Equal(t, "last words", string(got[:n]))
	_, err = b.Read(got)
	require.ErrorIs(t, err, io.EOF)
	_, err = b.Write([]byte("x"))
	require.ErrorIs(t, err, io.ErrClosedPipe)
	require.Equal(t, "pipe", a.LocalAddr().String()+a.RemoteAddr().Network()[4:])
}

// Through net.Pipe this would stand still: both sides write and nobody reads.
func TestLargePipelinesPass(t *testing.T) {
	q := open(t, Options{})
	value := bytes.Repeat([]byte("x"), 10_000)
	answers, err := q.client.Pipelined(t.Context(), func(p redis.Pipeliner) error {
		for range 500 {
			p.Echo(context0, value)
		}
		return nil
	})
	require.NoError(t, err)
	require.Len(t, answers, 500)
}

func TestEmbeddedRedisHasNoPort(t *testing.T) {
	q := open(t, Options{})
	require.True(t, q.Embedded())
	require.Nil(t, q.embedded.server.Addr())
	require.Empty(t, q.embedded.redis.Addr())
}

func TestEmbeddedKeysExpire(t *testing.T) {
	q := open(t, Options{})
	require.NoError(t, q.client.Set(t.Context(), "k", "v", time.Millisecond).Err())
	eventually(t, "the key expires", func() bool { return errors.Is(q.client.Get(context0, "k").Err(), redis.Nil) })
}

// Idle channels must not keep the embedded Redis's Lua busy.
func TestPollingAnEmptyQueueRunsNoScript(t *testing.T) {
	q := open(t, Options{})
	var polled, ran atomic.Int64
	q.embedded.server.SetPreHook(func(peer *server.Peer, cmd string, args ...string) bool {
		if q.embedded.answerEmpty(peer, cmd, args...) {
			polled.Add(1)
			return true
		}
		if strings.HasPrefix(cmd, "EVAL") && strings.HasSuffix(args[2], ":pending") {
			ran.Add(1)
		}
		return false
	})
	serve(t, q, 1, func(context.Context, Envelope) error { return nil })
	eventually(t, "it polls", func() bool { return polled.Load() > 10 })
	require.Zero(t, ran.Load(), "asynq's dequeue script is called in another way than answerEmpty knows")
	require.NoError(t, q.Enqueue(t.Context(), envelope(1, 1)))
	eventually(t, "it finds what is there", func() bool { return window(t, q) == Window{} })
	require.Positive(t, ran.Load())
}
