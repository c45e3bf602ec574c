package gate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"

	"carillon/access"
	"carillon/internal/fault"
)

// idempotencyKey is what a key may look like.
var idempotencyKey = regexp.MustCompile(`^[\x21-\x7e]{1,255}$`)

// keptHeaders are the headers of an answer that are given again with it.
var keptHeaders = []string{"Content-Type", "Location", "Retry-After"}

// maxKeptAnswer bounds an answer that is kept.
const maxKeptAnswer = 1 << 20

// Answers keeps the answers to requests with an idempotency key.
type Answers interface {
	// BeginAnswer takes a key for a request, or says what is known of it. request is a
	// hash of method, path and body; empty for a body that is still to be read. Of
	// several at once exactly one gets AnswerNew, and then calls FinishAnswer or
	// AbortAnswer.
	BeginAnswer(ctx context.Context, accountID int64, key, request string) (access.Answer, error)
	// FinishAnswer keeps the answer to the request that got AnswerNew, and its hash if
	// that was not known then. It is a Conflict if none is running under the key.
	FinishAnswer(ctx context.Context, accountID int64, key string, answer access.Answer) error
	// AbortAnswer gives the key back: the request changed nothing and may be made again.
	AbortAnswer(ctx context.Context, accountID int64, key string) error
}

// withIdempotency answers a request that comes again with the same Idempotency-Key
// as it was answered the first time. Idempotency keys belong to the API key that
// they came with. Only what was done is kept: after an error nothing has changed,
// and a corrected request may come under the same key.
func (g *Gate) withIdempotency(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, route := r.Header.Get("Idempotency-Key"), routeOf(r)
		if key == "" || !route.Once {
			next.ServeHTTP(w, r)
			return
		}
		if !idempotencyKey.MatchString(key) {
			g.deps.Dialect.Refuse(w, r, fault.InvalidField("header.Idempotency-Key", nil, "must be 1 to 255 printable ASCII characters without spaces, such as a UUID"))
			return
		}
		o := once{caller: Caller(r.Context())}
		o.key = strconv.FormatInt(o.caller.ID, 10) + ":" + key
		var request string
		if route.Streamed {
			o.content = newContentHash(r)
			r.Body = o.content
		} else {
			var err error
			if request, err = fingerprint(r); err != nil {
				g.deps.Dialect.Refuse(w, r, fault.New(fault.Invalid, "the body of the request did not come whole"))
				return
			}
		}
		known, err := g.deps.Answers.BeginAnswer(r.Context(), o.caller.AccountID, o.key, request)
		if err != nil {
			g.deps.Logger.ErrorContext(r.Context(), "idempotency failed", "request_id", RequestID(r.Context()), "error", err)
			g.deps.Dialect.Refuse(w, r, err)
			return
		}
		if known.State == access.AnswerKept && o.content != nil {
			if known.State, err = o.content.compare(known.Request); err != nil {
				g.deps.Dialect.Refuse(w, r, err)
				return
			}
		}
		switch known.State {
		case access.AnswerMismatch:
			g.deps.Dialect.Refuse(w, r, &fault.Error{Code: fault.Mismatch,
				Message: "the Idempotency-Key came before with another request: use a new key for a new request",
				Fields:  []fault.Field{{Location: "header.Idempotency-Key", Message: "was used for another request"}}})
		case access.AnswerRunning:
			w.Header().Set("Retry-After", "1")
			g.deps.Dialect.Refuse(w, r, fault.New(fault.Conflict,
				"the first request with this Idempotency-Key is still running, or its process died: look at what it did, or try again"))
		case access.AnswerKept:
			for name, values := range known.Headers {
				w.Header()[name] = values
			}
			w.Header().Set("Idempotency-Replayed", "true")
			w.WriteHeader(known.Status)
			_, _ = w.Write(known.Body)
		case access.AnswerNew:
			g.answerOnce(w, r, next, o)
		}
	})
}

// once is a request that is carried out once.
type once struct {
	caller access.Caller
	// key is the idempotency key with the id of the API key that it belongs to.
	key string
	// content is what streams in; nil for a body that was read beforehand.
	content *contentHash
}

// answerOnce carries a request out and keeps its answer.
func (g *Gate) answerOnce(w http.ResponseWriter, r *http.Request, next http.Handler, o once) {
	// The client may go away; what was done is to be kept all the same.
	ctx := context.WithoutCancel(r.Context())
	kept := false
	defer func() {
		if kept {
			return
		}
		// A panic, or an answer that isn't kept: the key is free again.
		if err := g.deps.Answers.AbortAnswer(ctx, o.caller.AccountID, o.key); err != nil {
			g.deps.Logger.ErrorContext(ctx, "idempotency failed", "request_id", RequestID(ctx), "error", err)
		}
	}()
	recorded := &recorder{ResponseWriter: w}
	next.ServeHTTP(recorded, r)
	if recorded.status == 0 {
		recorded.status = http.StatusOK
	}
	if recorded.status >= http.StatusBadRequest || recorded.body.Len() > maxKeptAnswer {
		return
	}
	answer := access.Answer{Status: recorded.status, Headers: map[string][]string{}, Body: recorded.body.Bytes()}
	if kept := routeOf(r).Kept; kept != nil {
		answer.Body = kept(answer.Body)
	}
	for _, name := range keptHeaders {
		if values := recorded.Header().Values(name); len(values) > 0 {
			answer.Headers[name] = values
		}
	}
	if o.content != nil {
		answer.Request = o.content.whole()
	}
	if err := g.deps.Answers.FinishAnswer(ctx, o.caller.AccountID, o.key, answer); err != nil {
		g.deps.Logger.ErrorContext(ctx, "idempotency failed", "request_id", RequestID(ctx), "error", err)
		return
	}
	kept = true
}

// fingerprint tells requests apart whose body was read beforehand.
func fingerprint(r *http.Request) (string, error) {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s %s\n", r.Method, r.URL.RequestURI())
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return "", err
		}
		h.Write(body)
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// recorder keeps a copy of an answer while it is sent.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader sends the status.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write sends and keeps a piece of the body.
func (w *recorder) Write(p []byte) (int, error) {
	if w.body.Len() <= maxKeptAnswer {
		w.body.Write(p)
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }
