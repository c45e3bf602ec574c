package app

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
)

// Whoever only holds connections open keeps nobody out, and nobody loses a request
// that is under way.
func TestConnectionsAreBounded(t *testing.T) {
	var logged bytes.Buffer
	log := slog.New(slog.NewTextHandler(&logged, nil))
	working, release := make(chan struct{}), make(chan struct{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	tracked := newConnections(3, log, clock.NewFake(time.Unix(0, 0)))
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/work" {
				working <- struct{}{}
				<-release
			}
			_, _ = io.WriteString(w, "done")
		}),
		ConnState: tracked.track,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", listener.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	ask := func(conn net.Conn, path string) {
		_, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
	}
	answered := func(conn net.Conn) {
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, "done", string(body))
	}
	closed := func(conn net.Conn) {
		require.NoError(t, conn.SetReadDeadline(clock.System{}.Now().Add(time.Minute)))
		_, err := conn.Read(make([]byte, 1))
		require.Error(t, err)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	}
	// The server knows of an answer's end, or of a new connection, a little later than
	// the client.
	waiting := func(n int) {
		require.Eventually(t, func() bool {
			tracked.mu.Lock()
			defer tracked.mu.Unlock()
			return tracked.waiting.Len() == n
		}, time.Minute, time.Millisecond)
	}
	busy := dial()
	ask(busy, "/work")
	<-working
	idle := dial()
	ask(idle, "/")
	answered(idle)
	waiting(1)
	silent := dial() // never asks anything
	waiting(2)
	another := dial()
	ask(another, "/")
	answered(another)
	closed(idle) // it has waited longest
	waiting(2)
	third := dial()
	ask(third, "/work")
	<-working
	closed(silent)
	fourth := dial()
	ask(fourth, "/work")
	<-working
	closed(another)
	refused := dial() // all are busy
	closed(refused)
	for range 3 {
		release <- struct{}{}
	}
	for _, conn := range []net.Conn{busy, third, fourth} {
		answered(conn)
	}
	ask(busy, "/")
	answered(busy)
	require.NoError(t, server.Close())
	require.ErrorIs(t, <-ended, http.ErrServerClosed)
	require.Equal(t, 1, bytes.Count(logged.Bytes(), []byte("max_connections")), "said once")
	require.Contains(t, logged.String(), "level=WARN")
}

// broken is a listener that has no files left, twice.
type broken struct {
	net.Listener
	errs []error
}

func (b *broken) Accept() (net.Conn, error) {
	err := b.errs[0]
	b.errs = b.errs[1:]
	return nil, err
}

func TestTooManyOpenFilesAreSaid(t *testing.T) {
	var logged bytes.Buffer
	fake := clock.NewFake(time.Unix(0, 0))
	full := &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	l := &outspoken{Listener: &broken{errs: []error{full, full, full, errors.New("odd"), net.ErrClosed}}, log: slog.New(slog.NewTextHandler(&logged, nil)),
		clock: fake}
	fake.Advance(time.Hour)
	for range 2 {
		_, err := l.Accept()
		require.ErrorIs(t, err, syscall.EMFILE)
	}
	require.Equal(t, 1, bytes.Count(logged.Bytes(), []byte("level=WARN")), "once an episode")
	require.Contains(t, logged.String(), "too many open files")
	require.Contains(t, logged.String(), "ulimit -n")
	fake.Advance(sayEvery)
	_, err := l.Accept()
	require.Error(t, err)
	require.Equal(t, 2, bytes.Count(logged.Bytes(), []byte("level=WARN")))
	fake.Advance(sayEvery)
	_, err = l.Accept()
	require.EqualError(t, err, "odd")
	require.Contains(t, logged.String(), "look at the network")
	_, err = l.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
	require.Equal(t, 3, bytes.Count(logged.Bytes(), []byte("level=WARN")), "a server that stops says nothing")
}

// Connections leave half of the files to the store, Redis and the providers.
func TestConnectionsLeaveFilesToOthers(t *testing.T) {
	var files syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files))
	var logged bytes.Buffer
	log := slog.New(slog.NewTextHandler(&logged, nil))
	require.Equal(t, 16, connectionsWithin(16, log))
	require.Empty(t, logged.String())
	lower := files
	lower.Cur = 500
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lower))
	t.Cleanup(func() { require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &files)) })
	require.Equal(t, 250, connectionsWithin(0, log))
	require.Contains(t, logged.String(), "level=WARN")
	require.Equal(t, 100, connectionsWithin(100, log))
}
