package line

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/providers"
)

// slow is a line whose connections are made when they are let, and how many were.
type slow struct {
	*Line
	let  chan error
	made atomic.Int32
	url  string
	// asked is how many requests came.
	asked atomic.Int32
}

func slowLine(t *testing.T) *slow {
	s := &slow{let: make(chan error, 10)}
	far := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { s.asked.Add(1) }))
	t.Cleanup(far.Close)
	s.url = far.URL
	s.Line = New(providers.Deps{Dialer: providers.Dialer{AllowPrivate: true}, Concurrency: 4}, 4, time.Minute)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	dial := s.transport.DialContext
	s.transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		select {
		case err := <-s.let:
			if err != nil {
				ctx.Value(asker{}).(*progress).connected(err)
				return nil, err
			}
		case <-ctx.Done(): // the line is closed
			return nil, ctx.Err()
		}
		defer s.made.Add(1)
		return dial(ctx, network, address)
	}
	return s
}

// send asks for a message that may begin until then.
func (s *slow) send(ctx context.Context, latest time.Time) error {
	_, err := s.Ask(ctx, Asking{
		Message: &providers.Message{Latest: latest},
		Request: func(ctx context.Context) (*http.Request, []byte, error) {
			r, err := Request(ctx, http.MethodPost, s.url, "url")
			return r, []byte("{}"), err
		},
		Read: func(*http.Response) (providers.Accepted, error) { return providers.Accepted{}, nil },
	})
	return err
}

// soon is when a message has to begin that waits for a connection.
func soon() time.Time { return clock.System{}.Now().Add(20 * time.Millisecond) }

// A message whose slot is over before it has a connection is not asked for; the next one goes on
// the connection that was made.
func TestAConnectionThatComesTooLateIsForTheNext(t *testing.T) {
	s := slowLine(t)
	for range 3 {
		require.ErrorIs(t, s.send(t.Context(), soon()), providers.ErrLate)
	}
	require.Zero(t, s.made.Load())
	s.let <- nil
	require.NoError(t, s.send(t.Context(), clock.System{}.Now().Add(time.Minute)))
	require.EqualValues(t, 1, s.made.Load())
	require.EqualValues(t, 1, s.asked.Load())
	require.NoError(t, s.send(t.Context(), soon()), "it is kept")
	require.EqualValues(t, 1, s.made.Load())
}

// Where no connection can be made and no message waits for one long enough to learn it, the next
// one does: a channel whose provider can't be reached must not look as one that waits for slots.
func TestAServerThatCantBeReachedIsKnownForOne(t *testing.T) {
	s := slowLine(t)
	require.ErrorIs(t, s.send(t.Context(), soon()), providers.ErrLate)
	s.let <- errors.New("no route to host")
	require.Eventually(t, func() bool { return s.unheard.Load() != nil }, time.Second, time.Millisecond)
	err := s.send(t.Context(), soon())
	require.Equal(t, providers.ErrorTemporary, providers.AsError(err).Kind)
	require.ErrorContains(t, err, "no route to host")
	require.ErrorIs(t, s.send(t.Context(), soon()), providers.ErrLate, "it is told once")
	require.Zero(t, s.asked.Load())
}

// A handshake that gets no answer counts as a server that can't be reached.
func TestASilentHandshakeIsKnown(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, silent.Close()) })
	s := slowLine(t)
	s.url = "https://" + silent.Addr().String()
	s.transport.TLSHandshakeTimeout = 100 * time.Millisecond
	s.let <- nil
	require.ErrorIs(t, s.send(t.Context(), soon()), providers.ErrLate)
	require.Eventually(t, func() bool { return s.unheard.Load() != nil }, time.Second, time.Millisecond)
	err = s.send(t.Context(), soon())
	require.Equal(t, providers.ErrorTemporary, providers.AsError(err).Kind)
	require.ErrorContains(t, err, "handshake")
}

// A connection that comes at the moment at which its request is given up carries nothing of it.
func TestNothingIsWrittenOfWhatWasGivenUp(t *testing.T) {
	ours, theirs := net.Pipe()
	c := &conn{Conn: ours}
	p := &progress{commits: func() { require.Fail(t, "it is noted as asked for") }}
	p.reached.Store(givenUp)
	carries(c, p)
	n, err := c.Write([]byte("POST"))
	require.Zero(t, n)
	require.ErrorIs(t, err, providers.ErrLate)
	require.NoError(t, ours.Close())
	require.NoError(t, theirs.Close())
}

// A request for several messages may begin until the first of them is late.
func TestABatchBeginsBeforeItsFirstIsLate(t *testing.T) {
	at := func(seconds int) time.Time {
		if seconds == 0 {
			return time.Time{}
		}
		return time.Unix(int64(seconds), 0)
	}
	for _, one := range []struct{ first, second, third, want int }{{0, 0, 0, 0}, {0, 7, 0, 7}, {9, 7, 8, 7}, {5, 0, 8, 5}} {
		b := NewBatch([]providers.Message{{Latest: at(one.first)}, {Latest: at(one.second)}, {Latest: at(one.third)}, {Latest: at(1)}})
		require.Equal(t, at(one.want), b.latest([]int{0, 1, 2}))
	}
}

// So it is where requests share a connection: what waits for it at the end of its slot is given
// up, nothing of it goes, and the connection is the next one's.
func TestLateOnASharedConnection(t *testing.T) {
	let, asked := make(chan struct{}), atomic.Int32{}
	far := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	far.Config.Protocols = new(http.Protocols)
	far.Config.Protocols.SetUnencryptedHTTP2(true)
	far.Start()
	t.Cleanup(far.Close)
	s := &slow{url: far.URL, Line: NewShared(providers.Deps{Dialer: providers.Dialer{AllowPrivate: true}, Concurrency: 4}, 4, time.Minute)}
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	dial := s.transport.DialContext
	s.transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		s.made.Add(1)
		<-let
		return dial(ctx, network, address)
	}
	require.ErrorIs(t, s.send(t.Context(), clock.System{}.Now().Add(10*time.Millisecond)), providers.ErrLate)
	close(let)
	require.NoError(t, s.send(t.Context(), clock.System{}.Now().Add(time.Minute)))
	require.EqualValues(t, 1, asked.Load())
	require.EqualValues(t, 1, s.made.Load(), "the connection was kept")
}
