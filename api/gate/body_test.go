package gate

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/internal/fault"
)

// pipes is a listener for connections within the process, so that a test can let
// the time pass by itself.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// sleep lets the time of the test's bubble pass.
func sleep(d time.Duration) { <-clock.System{}.After(d) }

// served runs a client's part against a handler within deadlines.
func served(t *testing.T, handler http.HandlerFunc, client func(c net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		listener := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		server := &http.Server{Handler: WithDeadlines(handler), ReadHeaderTimeout: 10 * time.Second}
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(listener) }()
		ours, theirs := net.Pipe()
		listener.conns <- theirs
		client(ours)
		require.NoError(t, ours.Close())
		require.NoError(t, server.Close())
		require.ErrorIs(t, <-ended, http.ErrServerClosed)
	})
}

// answer reads one answer.
func answer(t *testing.T, c net.Conn) (status int, body string) {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	raw, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(raw)
}

// reading takes a body as operations do.
func reading(most int64) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, release, err := ReadBody(r, most, NewRoom(1<<30))
		if err != nil {
			WriteProblem(w, RefusedBody(w, err, "the bound"))
			return
		}
		defer release()
		_, _ = fmt.Fprintf(w, "%d bytes", len(body))
	}
}

func TestABodyThatDoesNotComeEndsItsConnection(t *testing.T) {
	served(t, reading(1<<20), func(c net.Conn) {
		began := now()
		_, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{")
		require.NoError(t, err)
		status, body := answer(t, c)
		require.Equal(t, http.StatusRequestTimeout, status, body)
		require.Contains(t, body, "at least 8 KiB a second")
		require.Less(t, now().Sub(began), bodyGrace+2*time.Second)
		_, err = c.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF, "the connection is closed")
	})
}

func TestABodyThatDripsEndsItsConnection(t *testing.T) {
	served(t, reading(1<<20), func(c net.Conn) {
		began := now()
		_, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
		require.NoError(t, err)
		var dripping sync.WaitGroup
		dripping.Go(func() {
			for {
				if _, err := c.Write([]byte("x")); err != nil {
					return
				}
				sleep(time.Second)
			}
		})
		status, body := answer(t, c)
		require.Equal(t, http.StatusRequestTimeout, status, body)
		require.Less(t, now().Sub(began), bodyGrace+2*time.Second)
		require.NoError(t, c.Close())
		dripping.Wait()
	})
}

// Whoever is slow and honest gets through however long it takes.
func TestASlowUploadPasses(t *testing.T) {
	const seconds = 3600
	piece := bytes.Repeat([]byte("x"), bodyLeastRate)
	served(t, reading(seconds*bodyLeastRate), func(c net.Conn) {
		_, err := fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", seconds*bodyLeastRate)
		require.NoError(t, err)
		for range seconds {
			sleep(time.Second)
			_, err := c.Write(piece)
			require.NoError(t, err)
		}
		status, body := answer(t, c)
		require.Equal(t, http.StatusOK, status, body)
		// The connection has no deadline left over.
		sleep(time.Hour)
		go func() { _, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab") }()
		_, body = answer(t, c)
		require.Equal(t, "2 bytes", body)
	})
}

// What was sent fast is no credit for holding the connection.
func TestAnUploadThatStopsEndsItsConnection(t *testing.T) {
	served(t, reading(1<<30), func(c net.Conn) {
		_, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
		require.NoError(t, err)
		_, err = c.Write(bytes.Repeat([]byte("x"), 64<<20))
		require.NoError(t, err)
		began := now()
		status, body := answer(t, c)
		require.Equal(t, http.StatusRequestTimeout, status, body)
		require.LessOrEqual(t, now().Sub(began), bodyStall+time.Second)
	})
}

// A refusal does not wait for the body that was announced.
func TestARefusalDoesNotWaitForTheBody(t *testing.T) {
	refuse := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }
	served(t, refuse, func(c net.Conn) {
		began := now()
		_, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
		require.NoError(t, err)
		status, _ := answer(t, c)
		require.Equal(t, http.StatusForbidden, status)
		require.LessOrEqual(t, now().Sub(began), unreadBody)
	})
	served(t, refuse, func(c net.Conn) {
		for range 3 {
			_, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
			require.NoError(t, err)
			status, _ := answer(t, c)
			require.Equal(t, http.StatusForbidden, status, "a small body costs nobody his connection")
		}
	})
}

// A long answer is no reason to end a connection whose request is complete.
func TestAWorkingHandlerIsNotCutOff(t *testing.T) {
	served(t, func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		if err == nil {
			select {
			case <-clock.System{}.After(time.Hour):
			case <-r.Context().Done():
				err = r.Context().Err()
			}
		}
		_, _ = fmt.Fprint(w, err)
	}, func(c net.Conn) {
		_, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab")
		require.NoError(t, err)
		_, body := answer(t, c)
		require.Equal(t, "<nil>", body)
	})
}

func TestBodiesTakeNoMoreMemoryThanTheyMay(t *testing.T) {
	memory := NewRoom(64 << 10)
	request := func(n int) *http.Request {
		r, err := http.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("x", n)))
		require.NoError(t, err)
		return r
	}
	body, release, err := ReadBody(request(40<<10), 1<<20, memory)
	require.NoError(t, err)
	require.Len(t, body, 40<<10)
	_, _, err = ReadBody(request(40<<10), 1<<20, memory)
	require.True(t, fault.Is(err, fault.RateLimited), "%v", err)
	release()
	_, release, err = ReadBody(request(40<<10), 1<<20, memory)
	require.NoError(t, err)
	release()
	_, _, err = ReadBody(request(10), 9, memory)
	require.True(t, fault.Is(err, fault.TooLarge))
	r := request(10)
	r.ContentLength = -1
	_, _, err = ReadBody(r, 9, memory)
	require.True(t, fault.Is(err, fault.TooLarge))
	require.EqualValues(t, 64<<10, memory.left.Load(), "everything was given back")
}

// One address that fills its share leaves room for others, and what is over is given back.
func TestStrangersHaveTheirShares(t *testing.T) {
	rooms := newSourceRooms(10, 4)
	from := func(address string) memory {
		at := NewProxies(nil, XForwardedFor, nil).of(&http.Request{RemoteAddr: address})
		return rooms.of(sourceOf(context.WithValue(t.Context(), sourceKey, at)))
	}
	one, other := from("192.0.2.1:1"), from("192.0.2.2:1")
	require.True(t, one.take(4))
	require.False(t, from("192.0.2.1:2").take(1), "from another port, too")
	require.True(t, other.take(4))
	require.False(t, from("192.0.2.3:1").take(3), "all together have their bound")
	require.True(t, from("192.0.2.3:1").take(2))
	one.give(4)
	require.True(t, one.take(1))
	one.give(1)
	other.give(4)
	from("192.0.2.3:1").give(2)
	require.Empty(t, rooms.taken)
	require.EqualValues(t, 10, rooms.room.left.Load())

	body, whole, release, err := readHead(strings.NewReader(strings.Repeat("x", 9<<10)), 8<<10, NewRoom(64<<10))
	require.NoError(t, err)
	require.False(t, whole)
	require.Equal(t, strings.Repeat("x", 8<<10+1), string(body), "as much, and one byte more")
	release()
}

// An answer that nobody takes ends its connection.
func TestAnAnswerThatIsNotTakenEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		over := make(chan error, 1)
		server := &http.Server{Handler: WithDeadlines(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			sw := &statusWriter{ResponseWriter: w}
			for {
				if _, err := sw.Write(make([]byte, 1<<16)); err != nil {
					over <- err
					return
				}
			}
		}))}
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(listener) }()
		ours, theirs := net.Pipe()
		listener.conns <- theirs
		_, err := io.WriteString(ours, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		began := now()
		require.Error(t, <-over)
		require.LessOrEqual(t, now().Sub(began), answerStall+time.Second)
		require.NoError(t, ours.Close())
		require.NoError(t, server.Close())
		require.ErrorIs(t, <-ended, http.ErrServerClosed)
	})
}
