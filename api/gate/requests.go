package gate

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"runtime/debug"
	"sync/atomic"
	"time"

	"carillon/internal/fault"
)

type contextKey int

const (
	requestIDKey contextKey = iota
	routeKey
	gateKey
	callerKey
	sourceKey
)

// RequestID is the id under which the log knows a request.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey).(string)
	return id
}

// goodRequestID keeps what clients send from breaking a log.
var goodRequestID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// withRequestID takes the client's X-Request-Id or makes one, and sends it back.
func (g *Gate) withRequestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if !goodRequestID.MatchString(id) {
			var raw [8]byte
			_, _ = rand.Read(raw[:]) // never fails (crypto/rand)
			id = hex.EncodeToString(raw[:])
		}
		w.Header().Set("X-Request-Id", id)
		// Nothing that is answered belongs into another site's frame or is to be
		// guessed at.
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("X-Frame-Options", "DENY")
		w.Header().Set("Referrer-Policy", "no-referrer")
		ctx := context.WithValue(r.Context(), requestIDKey, id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(ctx, sourceKey, g.deps.Proxies.of(r))))
	})
}

// statusWriter remembers the status of an answer, and ends one that the client
// does not take.
type statusWriter struct {
	http.ResponseWriter
	status int
	// shared says that the connection carries other requests, too (HTTP/2).
	shared bool
	// ownDeadlines says that the handler sets the deadlines itself.
	ownDeadlines atomic.Bool
}

// WriteHeader sends the status.
func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.bound()
	w.ResponseWriter.WriteHeader(status)
}

// bound gives the client answerStall to take what is written next.
func (w *statusWriter) bound() {
	if !w.ownDeadlines.Load() {
		_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(now().Add(answerStall))
	}
}

// written takes the deadline away that was set for what has now been written, where it would
// end an answer that only pauses: on HTTP/2 one that passes ends the stream at once, not what is
// written after it.
func (w *statusWriter) written() {
	if w.shared {
		_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Time{})
	}
}

// SetWriteDeadline lets a handler set its own deadlines.
func (w *statusWriter) SetWriteDeadline(deadline time.Time) error {
	w.ownDeadlines.Store(true)
	return http.NewResponseController(w.ResponseWriter).SetWriteDeadline(deadline)
}

// Write sends a piece of the body.
func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	w.bound()
	if !w.ownDeadlines.Load() {
		defer w.written()
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush sends what was written. Whoever sets deadlines means the writing and the flushing after it.
func (w *statusWriter) Flush() {
	w.bound()
	defer w.written()
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// withLog writes a line at debug level and counts the request. Neither holds more of the
// request than its route: paths and queries can name people. The line says where a request
// comes from that needs a key; who opens a page without one is a recipient.
func (g *Gate) withLog(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := g.deps.Clock.Now()
		route := routeOf(r)
		sw := &statusWriter{ResponseWriter: w, shared: shared(r)}
		ctx, end := g.deps.Tracer.Request(r, route.Pattern, route.Open)
		r = r.WithContext(ctx)
		next.ServeHTTP(sw, r)
		end(sw.status)
		took := g.deps.Clock.Now().Sub(began)
		if g.deps.Meter != nil {
			g.deps.Meter.Request(route.Pattern, sw.status, took)
		}
		line := []any{"route", route.Pattern, "status", sw.status, "took", took.Round(time.Microsecond), "request_id", RequestID(r.Context())}
		if !route.Open {
			line = append(line, "source", Source(r.Context()))
		}
		g.deps.Logger.DebugContext(r.Context(), "request", line...)
	})
}

// withRecovery answers a panic with generic words and logs its stack.
func (g *Gate) withRecovery(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(cause)
			}
			g.deps.Logger.ErrorContext(r.Context(), "panic", "request_id", RequestID(r.Context()), "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			if sw, ok := w.(*statusWriter); ok && sw.status != 0 {
				// The answer has begun: only breaking the connection tells the client.
				panic(http.ErrAbortHandler)
			}
			g.deps.Dialect.Refuse(w, r, fault.New(fault.Internal, "panic"))
		}()
		next.ServeHTTP(w, r)
	})
}
