package gate

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"carillon/internal/clock"
	"carillon/internal/fault"
)

// How slowly a body may come. Whoever sends less than this holds a connection for
// nothing; whoever sends more may take as long as the size of the file asks for.
const (
	// bodyGrace is what a body may be late by, from its first byte on.
	bodyGrace = 10 * time.Second
	// bodyLeastRate is the least number of bytes a second of a body: a slow mobile
	// connection still has that.
	bodyLeastRate = 8 << 10
	// bodyStall is how long nothing at all may come.
	bodyStall = 30 * time.Second
	// unreadBody is how long the server waits for a body that it refused to read,
	// so that the connection can be used again.
	unreadBody = time.Second
	// answerStall is how long a client may take none of its answer.
	answerStall = time.Minute
)

// WithDeadlines bounds how long a connection may be held by sending or taking
// nothing. A body that nobody reads is waited for only shortly; of a connection that is shared
// nobody waits for it.
func WithDeadlines(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn := http.NewResponseController(w)
		// That of the answer before on this connection.
		_ = conn.SetWriteDeadline(time.Time{})
		if r.Body != nil && r.Body != http.NoBody {
			if !shared(r) {
				_ = conn.SetReadDeadline(now().Add(unreadBody))
			}
			r.Body = &pacedBody{ReadCloser: r.Body, conn: conn, shared: shared(r)}
		}
		next.ServeHTTP(w, r)
		if shared(r) {
			// For what is still to be taken of the answer.
			_ = conn.SetWriteDeadline(now().Add(answerStall))
		}
	})
}

// shared reports whether a request's connection carries others at the same time, as HTTP/2's
// do. A deadline that passes there ends the request for good, even while nothing is waited for.
func shared(r *http.Request) bool { return r.ProtoMajor >= 2 }

// now is the machine's time, by which connections keep their deadlines.
func now() time.Time { return clock.System{}.Now() }

// pacedBody ends a body that comes more slowly than it may. Only the time in which
// the client is waited for counts.
type pacedBody struct {
	io.ReadCloser
	conn   *http.ResponseController
	bytes  int64
	waited time.Duration
	shared bool
}

// Read reads what has come. Its error is of code TooSlow when too little has.
func (b *pacedBody) Read(p []byte) (int, error) {
	began := now()
	left := bodyGrace + time.Duration(b.bytes)*time.Second/bodyLeastRate - b.waited
	_ = b.conn.SetReadDeadline(began.Add(min(left, bodyStall)))
	n, err := b.ReadCloser.Read(p)
	b.bytes += int64(n)
	b.waited += now().Sub(began)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return n, fault.New(fault.TooSlow, "the body of the request came too slowly: send at least %d KiB a second without long pauses", bodyLeastRate>>10)
	}
	if err != nil || b.shared {
		// It has ended: the connection is read again for the next request, or to
		// notice that the client is gone. A shared one is not to end while the server
		// works on what has come.
		_ = b.conn.SetReadDeadline(time.Time{})
	}
	return n, err
}

// Room is memory that may be taken.
type Room struct{ left atomic.Int64 }

// NewRoom is a room of so many bytes.
func NewRoom(bytes int64) *Room {
	r := &Room{}
	r.left.Store(bytes)
	return r
}

// take takes n bytes if there are so many.
func (r *Room) take(n int64) bool {
	if r.left.Add(-n) >= 0 {
		return true
	}
	r.left.Add(n)
	return false
}

// give gives n bytes back.
func (r *Room) give(n int64) { r.left.Add(n) }

// memory is where bodies are kept.
type memory interface {
	take(n int64) bool
	give(n int64)
}

// firstPiece is what a body is given to begin with; it grows as it comes, so that
// who only announces much holds little.
const firstPiece = 4 << 10

// ReadBody reads a body of at most most bytes into memory of the room, which
// release gives back. Its error is TooLarge, TooSlow, Invalid for a body that did not
// come whole, or RateLimited if there is no room.
func ReadBody(r *http.Request, most int64, memory *Room) (body []byte, release func(), err error) {
	tooLarge := func() error {
		return fault.New(fault.TooLarge, "the body of the request is larger than %d KiB", most>>10)
	}
	if r.ContentLength > most {
		return nil, func() {}, tooLarge()
	}
	body, whole, release, err := readHead(r.Body, most, memory)
	if err == nil && !whole {
		release()
		return nil, release, tooLarge()
	}
	return body, release, err
}

// readHead reads a body, or its first bytes where it has more than most: one more then, so
// that it is known. Its errors are those of ReadBody but TooLarge.
func readHead(from io.Reader, most int64, memory memory) (body []byte, whole bool, release func(), err error) {
	var taken int64
	var once sync.Once
	release = func() { once.Do(func() { memory.give(taken) }) }
	defer func() {
		if err != nil {
			release()
		}
	}()
	for {
		if len(body) == cap(body) {
			more := max(firstPiece, int64(cap(body)))
			if !memory.take(more) {
				return nil, false, release, fault.New(fault.RateLimited, "the server has as many bodies of requests in memory as it may: try again in a moment")
			}
			taken += more
			body = append(make([]byte, 0, int64(cap(body))+more), body...)
		}
		n, err := from.Read(body[len(body):min(int64(cap(body)), most+1)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > most:
			return body, false, release, nil
		case errors.Is(err, io.EOF):
			return body, true, release, nil
		case fault.Is(err, fault.TooSlow):
			return nil, false, release, err
		case err != nil:
			return nil, false, release, fault.New(fault.Invalid, "the body of the request did not come whole")
		}
	}
}

// withBody reads the bodies of requests; what is streamed is left to who takes it in.
func (g *Gate) withBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody || routeOf(r).Streamed {
			next.ServeHTTP(w, r)
			return
		}
		body, release, err := ReadBody(r, g.deps.MaxBodyBytes, g.deps.Limits.bodies)
		if head, is := r.Body.(*headedBody); is {
			head.release() // it is among the bodies with a key now
		}
		if err != nil {
			g.deps.Dialect.Refuse(w, r, RefusedBody(w, err, g.deps.LargeBody))
			return
		}
		defer release()
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

// RefusedBody says why ReadBody did not take a body, and sets the header of an answer
// that says when to try again; bound says what bounds its size.
func RefusedBody(w http.ResponseWriter, err error, bound string) error {
	switch fault.CodeOf(err) {
	case fault.TooLarge:
		err = fault.New(fault.TooLarge, "%s (%s)", err, bound)
	case fault.RateLimited:
		w.Header().Set("Retry-After", "1")
	}
	return err
}
