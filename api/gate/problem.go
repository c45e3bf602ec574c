package gate

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"carillon/internal/fault"
)

// statuses is the one table from an error's code to its HTTP status.
var statuses = map[fault.Code]int{
	fault.Invalid:          http.StatusUnprocessableEntity,
	fault.NotFound:         http.StatusNotFound,
	fault.MethodNotAllowed: http.StatusMethodNotAllowed,
	fault.Conflict:         http.StatusConflict,
	fault.Unauthorized:     http.StatusUnauthorized,
	fault.SecondFactor:     http.StatusUnauthorized,
	fault.Forbidden:        http.StatusForbidden,
	fault.TooLarge:         http.StatusRequestEntityTooLarge,
	fault.TooSlow:          http.StatusRequestTimeout,
	fault.RateLimited:      http.StatusTooManyRequests,
	fault.Unavailable:      http.StatusServiceUnavailable,
	fault.Mismatch:         http.StatusUnprocessableEntity,
	fault.Unsupported:      http.StatusUnsupportedMediaType,
	fault.Canceled:         statusClientClosed,
	fault.Internal:         http.StatusInternalServerError,
}

// StatusOf is the status for an error; what is unknown is a fault of ours.
func StatusOf(err error) int {
	if errors.Is(err, context.Canceled) {
		return statusClientClosed
	}
	if status, ok := statuses[fault.CodeOf(err)]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// CodeOf is the code of an answer that nothing but its status is known of.
func CodeOf(status int) fault.Code {
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return fault.Invalid
	case http.StatusNotAcceptable:
		return fault.Unsupported
	}
	for code, its := range statuses {
		if its == status && code != fault.SecondFactor {
			return code
		}
	}
	return fault.Internal
}

// statusClientClosed is what nginx logs when the client went away first.
const statusClientClosed = 499

// Problem is a problem document (RFC 9457).
type Problem struct {
	Title  string `json:"title,omitempty"`
	Status int    `json:"status,omitempty"`
	// Code says for programs what kind of error it is.
	Code   fault.Code `json:"code"`
	Detail string     `json:"detail,omitempty"`
	// Errors are what was wrong, by where it stands in the request.
	Errors []ProblemField `json:"errors,omitempty"`
}

// ProblemField is one wrong value.
type ProblemField struct {
	Message string `json:"message,omitempty"`
	// Location is where it stands, such as "body.name".
	Location string `json:"location,omitempty"`
	// Value is what was given, as Shown; nil where showing it would leak a secret.
	Value any `json:"value,omitempty"`
}

// MaxShown bounds how many bytes of a wrong value an error repeats.
const MaxShown = 200

// Shown is as much of a wrong value as an error repeats: a number, a word, the beginning of a
// text. What has parts is not repeated.
func Shown(value any) any {
	v := reflect.ValueOf(value)
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return v.Uint()
	case reflect.Float32, reflect.Float64:
		return v.Float()
	case reflect.String:
		text := v.String()
		if len(text) > MaxShown {
			text = strings.ToValidUTF8(text[:MaxShown], "") + "…"
		}
		return text
	default:
		return nil
	}
}

// hidden are the fields whose values are secrets, or hold some.
var hidden = []string{"config", "headers", "secret", "password", "token", "authorization"}

// ShownAt is as much of a wrong value as an error repeats of what stands at a place: nothing of
// what may be a secret.
func ShownAt(location string, value any) any {
	for part := range strings.FieldsFuncSeq(location, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		if slices.Contains(hidden, strings.ToLower(part)) {
			return nil
		}
	}
	return Shown(value)
}

// ProblemOf is the document for an error; of our own faults it says nothing that is not
// for others. prefix says where the fields of the error stand in the request: "body",
// "query" or "path".
func ProblemOf(err error, prefix string) Problem {
	status := StatusOf(err)
	p := Problem{Status: status, Title: http.StatusText(status), Code: CodeOf(status)}
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
		p.Code, p.Detail = f.Code, f.Message
		for _, field := range f.Fields {
			at := locate(prefix, field.Location)
			p.Errors = append(p.Errors, ProblemField{Location: at, Message: field.Message, Value: ShownAt(at, field.Value)})
		}
		// The same mistake reads the same every time.
		slices.SortStableFunc(p.Errors, func(a, b ProblemField) int { return strings.Compare(a.Location, b.Location) })
	}
	if p.Detail == "" {
		p.Detail = err.Error()
	}
	return p
}

// TextOf is an error in one text, for dialects that have one: of our own faults it says
// nothing that is not for others, as ProblemOf.
func TextOf(err error) string {
	p := ProblemOf(err, "")
	if len(p.Errors) == 0 {
		return p.Detail
	}
	parts := make([]string, len(p.Errors))
	for i, e := range p.Errors {
		parts[i] = strings.TrimSpace(e.Location + " " + e.Message)
	}
	return strings.Join(parts, "; ")
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

// WriteProblem answers with the document of an error.
func WriteProblem(w http.ResponseWriter, err error) {
	p := ProblemOf(err, "")
	body, marshalErr := json.Marshal(p)
	if marshalErr != nil {
		body = []byte(`{}`)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "2")
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n'))
}

// retryAfter is a wait in whole seconds, rounded up, as the header wants it.
func retryAfter(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

// LogOwn has the log say what went wrong on our side; of what callers do wrong it says nothing.
// Dialects call it before they refuse: their answers hide our own faults.
func LogOwn(ctx context.Context, err error) {
	if g, ok := ctx.Value(gateKey).(*Gate); ok && StatusOf(err) >= http.StatusInternalServerError {
		g.deps.Logger.ErrorContext(ctx, "request failed", "api", g.deps.API, "operation", routeIn(ctx).Pattern, "request_id", RequestID(ctx), "error", err)
	}
}
