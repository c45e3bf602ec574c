package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"

	"carillon/access"
	"carillon/internal/fault"
)

// idempotencyKey is what a key may look like.
var idempotencyKey = regexp.MustCompile(`^[\x21-\x7e]{1,255}$`)

// keptHeaders are the headers of an answer that are given again with it.
var keptHeaders = []string{"Content-Type", "Location", "Retry-After"}

// maxKeptAnswer bounds an answer that is kept.
const maxKeptAnswer = 1 << 20

// withIdempotency answers a POST that comes again with the same Idempotency-Key
// as it was answered the first time. Idempotency keys belong to the API key that
// they came with. Only what was done is kept: after an error nothing has changed,
// and a corrected request may come under the same key.
func (s *Server) withIdempotency(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.Header.Get("Idempotency-Key")
		if key == "" || r.Method != http.MethodPost || !isAPI(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		if !idempotencyKey.MatchString(key) {
			writeProblem(w, fault.InvalidField("header.Idempotency-Key", nil, "must be 1 to 255 printable ASCII characters without spaces, such as a UUID"))
			return
		}
		o := once{caller: callerOf(r.Context())}
		o.key = idKey(o.caller.ID) + ":" + key
		var request string
		if streamed(r) {
			o.content = newContentHash(r)
			r.Body = o.content
		} else {
			var err error
			if request, err = fingerprint(r); err != nil {
				writeProblem(w, fault.New(fault.Invalid, "the body of the request did not come whole"))
				return
			}
		}
		known, err := s.Store.BeginAnswer(r.Context(), o.caller.AccountID, o.key, request)
		if err != nil {
			s.Logger.ErrorContext(r.Context(), "idempotency failed", "request_id", requestID(r.Context()), "error", err)
			writeProblem(w, err)
			return
		}
		if known.State == access.AnswerKept && o.content != nil {
			if known.State, err = o.content.compare(known.Request); err != nil {
				writeProblem(w, err)
				return
			}
		}
		switch known.State {
		case access.AnswerMismatch:
			writeProblem(w, &fault.Error{Code: fault.Mismatch, Message: "the Idempotency-Key came before with another request: use a new key for a new request",
				Fields: []fault.Field{{Location: "header.Idempotency-Key", Message: "was used for another request"}}})
		case access.AnswerRunning:
			w.Header().Set("Retry-After", "1")
			writeProblem(w, fault.New(fault.Conflict, "the first request with this Idempotency-Key is still running, or its process died: look at what it did, or try again"))
		case access.AnswerKept:
			for name, values := range known.Headers {
				w.Header()[name] = values
			}
			w.Header().Set("Idempotency-Replayed", "true")
			w.WriteHeader(known.Status)
			_, _ = w.Write(known.Body)
		case access.AnswerNew:
			s.answerOnce(w, r, next, o)
		}
	})
}

// once is a request that is carried out once.
type once struct {
	caller access.Key
	// key is the idempotency key with the id of the API key that it belongs to.
	key string
	// content is what streams in; nil for a body that was read beforehand.
	content *contentHash
}

// answerOnce carries a request out and keeps its answer.
func (s *Server) answerOnce(w http.ResponseWriter, r *http.Request, next http.Handler, o once) {
	// The client may go away; what was done is to be kept all the same.
	ctx := context.WithoutCancel(r.Context())
	kept := false
	defer func() {
		if kept {
			return
		}
		// A panic, or an answer that isn't kept: the key is free again.
		if err := s.Store.AbortAnswer(ctx, o.caller.AccountID, o.key); err != nil {
			s.Logger.ErrorContext(ctx, "idempotency failed", "request_id", requestID(ctx), "error", err)
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
	answer := access.Answer{Status: recorded.status, Headers: map[string][]string{}, Body: withoutKey(r.URL.Path, recorded.body.Bytes())}
	for _, name := range keptHeaders {
		if values := recorded.Header().Values(name); len(values) > 0 {
			answer.Headers[name] = values
		}
	}
	if o.content != nil {
		answer.Request = o.content.whole()
	}
	if err := s.Store.FinishAnswer(ctx, o.caller.AccountID, o.key, answer); err != nil {
		s.Logger.ErrorContext(ctx, "idempotency failed", "request_id", requestID(ctx), "error", err)
		return
	}
	kept = true
}

// withoutKey takes a new API key out of an answer before it is kept: keys are
// kept as hashes alone.
func withoutKey(path string, body []byte) []byte {
	if path != keysPath {
		return body
	}
	var answer map[string]any
	if json.Unmarshal(body, &answer) != nil {
		return nil
	}
	if _, ok := answer["key"]; ok {
		answer["key"] = ""
	}
	masked, err := json.Marshal(answer)
	if err != nil {
		return nil
	}
	return append(masked, '\n')
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
