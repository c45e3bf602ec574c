package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"carillon/internal/fault"
	"carillon/providers"
)

// statuses is the one table from an error's code to its HTTP status.
var statuses = map[fault.Code]int{
	fault.Invalid:          http.StatusUnprocessableEntity,
	fault.NotFound:         http.StatusNotFound,
	fault.MethodNotAllowed: http.StatusMethodNotAllowed,
	fault.Conflict:         http.StatusConflict,
	fault.Unauthorized:     http.StatusUnauthorized,
	fault.Forbidden:        http.StatusForbidden,
	fault.TooLarge:         http.StatusRequestEntityTooLarge,
	fault.TooSlow:          http.StatusRequestTimeout,
	fault.RateLimited:      http.StatusTooManyRequests,
	fault.Unavailable:      http.StatusServiceUnavailable,
	fault.Mismatch:         http.StatusUnprocessableEntity,
	fault.Internal:         http.StatusInternalServerError,
}

// statusOf is the status for an error; what is unknown is a fault of ours.
func statusOf(err error) int {
	if errors.Is(err, context.Canceled) {
		return statusClientClosed
	}
	if status, ok := statuses[fault.CodeOf(err)]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// statusClientClosed is what nginx logs when the client went away first.
const statusClientClosed = 499

// problem is the document for an error. prefix says where the fields of the
// error stand in the request: "body", "query" or "path".
func problem(err error, prefix string) *huma.ErrorModel {
	status := statusOf(err)
	p := &huma.ErrorModel{Status: status, Title: http.StatusText(status)}
	var f *fault.Error
	switch {
	case status == statusClientClosed:
		p.Title, p.Detail = "Client Closed Request", "the client went away"
		return p
	case status == http.StatusInternalServerError:
		p.Detail = "something went wrong on our side; the log has the details under this request's X-Request-Id"
		return p
	case status == http.StatusServiceUnavailable:
		p.Detail = "the store does not answer; try again in a moment"
		return p
	case errors.As(err, &f):
		p.Detail = f.Message
		for _, field := range f.Fields {
			p.Errors = append(p.Errors, &huma.ErrorDetail{Location: locate(prefix, field.Location), Message: field.Message, Value: field.Value})
		}
		// The same mistake reads the same every time.
		slices.SortStableFunc(p.Errors, func(a, b *huma.ErrorDetail) int { return strings.Compare(a.Location, b.Location) })
	}
	if p.Detail == "" {
		p.Detail = err.Error()
	}
	return p
}

func locate(prefix, location string) string {
	if location == "" || prefix == "" {
		return location
	}
	if head, _, _ := strings.Cut(location, "."); head == "body" || head == "query" || head == "path" || head == "header" {
		return location
	}
	return prefix + "." + location
}

// relocate gives the fields of an error that begin with from the place that
// they have in the request.
func relocate(err error, from, to string) error {
	var f *fault.Error
	if !errors.As(err, &f) {
		return err
	}
	moved := *f
	moved.Fields = slices.Clone(f.Fields)
	for i, field := range moved.Fields {
		if rest, ok := strings.CutPrefix(field.Location, from); ok {
			moved.Fields[i].Location = to + rest
		}
	}
	return &moved
}

// writeProblem answers outside of an operation, in the same form.
func writeProblem(w http.ResponseWriter, err error) {
	p := problem(err, "")
	body, marshalErr := json.Marshal(p)
	if marshalErr != nil {
		body = []byte(`{}`)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	switch p.Status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="carillon"`)
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "2")
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n'))
}

// retryAfter is a wait in whole seconds, rounded up, as the header wants it.
func retryAfter(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

// maxShownValue bounds how much of a wrong value an error repeats.
const maxShownValue = 200

// shortenProblem keeps errors about a request from repeating it whole: not the
// body, no long value, nothing of a configuration, which may hold secrets. One that
// has several forms is told which.
func shortenProblem(_ huma.Context, _ string, v any) (any, error) {
	p, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	for _, e := range p.Errors {
		if e == nil {
			continue
		}
		if e.Message == validation.MsgExpectedMatchExactlyOneSchema && strings.HasSuffix(e.Location, "limits.concurrency") {
			e.Message = fmt.Sprintf("must be auto, or a number from 1 to %d", providers.MaxConcurrency) // huma doesn't say which
		}
		if e.Location == "body" || strings.HasPrefix(e.Location, "body.config") {
			e.Value = nil
			continue
		}
		switch value := e.Value.(type) {
		case nil, bool, float64, int, int64:
		case string:
			if len(value) > maxShownValue {
				e.Value = strings.ToValidUTF8(value[:maxShownValue], "") + "…"
			}
		default:
			if text, err := json.Marshal(value); err != nil || len(text) > maxShownValue {
				e.Value = nil
			}
		}
	}
	return p, nil
}

// notFound is the answer for paths that nothing is registered under, at least
// not for the method.
func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := s.mux.Handler(other); pattern != "" && pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	if allowed != nil {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		writeProblem(w, fault.New(fault.MethodNotAllowed, "%s does not go with %s here: use %s; /docs says what each does",
			r.URL.Path, r.Method, strings.Join(allowed, " or ")))
		return
	}
	writeProblem(w, fault.New(fault.NotFound, "there is nothing under %s; /docs lists what there is", r.URL.Path))
}
