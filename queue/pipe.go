package queue

import (
	"bytes"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"carillon/internal/clock"
)

// keptBuffer is the largest buffer that an idle pipe keeps.
const keptBuffer = 1 << 20

// pipeConn is one end of a connection through memory. Writes never block: what
// is written and not yet read is bounded by the pipelines that are under way.
type pipeConn struct {
	in, out *stream
}

func newPipe() (client, server net.Conn) {
	a, b := newStream(), newStream()
	return &pipeConn{in: a, out: b}, &pipeConn{in: b, out: a}
}

func (c *pipeConn) Read(p []byte) (int, error)  { return c.in.read(p) }
func (c *pipeConn) Write(p []byte) (int, error) { return c.out.write(p) }

// Close ends both directions; what was written before can still be read.
func (c *pipeConn) Close() error {
	c.in.close()
	c.out.close()
	return nil
}

func (c *pipeConn) LocalAddr() net.Addr  { return pipeAddr{} }
func (c *pipeConn) RemoteAddr() net.Addr { return pipeAddr{} }

// SetDeadline bounds reads; writes never wait.
func (c *pipeConn) SetDeadline(t time.Time) error     { return c.SetReadDeadline(t) }
func (c *pipeConn) SetWriteDeadline(time.Time) error  { return nil }
func (c *pipeConn) SetReadDeadline(t time.Time) error { c.in.setDeadline(t); return nil }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

// stream is one direction of a pipe.
type stream struct {
	mu       sync.Mutex
	changed  *sync.Cond
	buf      bytes.Buffer
	deadline time.Time
	closed   bool
	timer    *time.Timer
}

func newStream() *stream {
	s := &stream{}
	s.changed = sync.NewCond(&s.mu)
	return s
}

func (s *stream) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.buf.Len() > 0:
			n, err := s.buf.Read(p)
			if s.buf.Len() == 0 && s.buf.Cap() > keptBuffer {
				s.buf = bytes.Buffer{}
			}
			return n, err
		case s.closed:
			return 0, io.EOF
		case s.overdue():
			return 0, os.ErrDeadlineExceeded
		}
		s.changed.Wait()
	}
}

// overdue reports whether the deadline has passed, and otherwise has the reader
// woken when it does.
func (s *stream) overdue() bool {
	if s.deadline.IsZero() {
		return false
	}
	// The deadline comes from go-redis, which knows no other clock.
	left := s.deadline.Sub(clock.System{}.Now())
	if left <= 0 {
		return true
	}
	if s.timer == nil {
		s.timer = time.AfterFunc(left, s.wake)
	} else {
		s.timer.Reset(left)
	}
	return false
}

func (s *stream) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed.Broadcast()
}

func (s *stream) write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, io.ErrClosedPipe
	}
	s.changed.Broadcast()
	return s.buf.Write(p)
}

func (s *stream) setDeadline(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = t
	s.changed.Broadcast()
}

func (s *stream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
	s.changed.Broadcast()
}
