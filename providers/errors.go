package providers

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ErrorKind decides what becomes of a message whose send failed.
type ErrorKind string

// The kinds of error.
const (
	// Temporary: try again later; spends an attempt.
	Temporary ErrorKind = "temporary"
	// Throttled: we were too fast; try later, no attempt is spent, the whole
	// channel slows down.
	Throttled ErrorKind = "throttled"
	// Recipient: this recipient will never get it: rejected.
	Recipient ErrorKind = "recipient"
	// BadContent: this message is wrong: failed.
	BadContent ErrorKind = "content"
	// Auth: the credentials are refused: the channel stops, no attempt is spent.
	Auth ErrorKind = "auth"
	// InDoubt: the provider was asked and gave no answer.
	InDoubt ErrorKind = "in_doubt"
)

// Error is the only error that a Provider's Send returns.
type Error struct {
	Kind ErrorKind
	// Code is the provider's own code, such as an SMTP or HTTP status.
	Code string
	// Bounce says of a Recipient error that it is the address's own fault; empty
	// where the provider may only not want this message, or us.
	Bounce BounceKind
	// RetryAfter is the provider's wish; zero if it gave none.
	RetryAfter time.Duration
	// Err explains; it must not hold secrets.
	Err error
}

// Error says kind, code and cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Kind))
	if e.Code != "" {
		b.WriteString(" " + e.Code)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// AsError is err as a *Error. A foreign error is taken as in doubt: an adapter
// that doesn't know what happened must not cause a second send.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: InDoubt, Err: err}
}

// ClassifyHTTP turns an HTTP status and its Retry-After header (seconds or a
// date, RFC 9110) into an error; nil for 2xx. 408, 425 and 5xx are temporary,
// 429 is throttled, 401 and 403 auth, 410 recipient for good, other statuses content: a
// 404 too, because it mostly means a wrong URL, and failed messages can be sent
// again once that is mended. A 503 with Retry-After is throttled: the provider
// asked us to wait.
func ClassifyHTTP(status int, header http.Header, now time.Time) *Error {
	if status >= 200 && status < 300 {
		return nil
	}
	e := &Error{
		Code: strconv.Itoa(status), RetryAfter: retryAfter(header.Get("Retry-After"), now),
		Err: fmt.Errorf("the provider answered %d %s", status, http.StatusText(status)),
	}
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable && e.RetryAfter > 0:
		e.Kind = Throttled
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status >= 500:
		e.Kind = Temporary
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		e.Kind = Auth
	case status == http.StatusGone:
		e.Kind, e.Bounce = Recipient, BounceHard
	default:
		e.Kind = BadContent
	}
	return e
}

// maxRetryAfter bounds what a provider may ask for, so that a broken header
// can't stop a channel for a year.
const maxRetryAfter = 24 * time.Hour

func retryAfter(value string, now time.Time) time.Duration {
	if value == "" {
		return 0
	}
	var d time.Duration
	if seconds, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); err == nil {
		if seconds > int64(maxRetryAfter/time.Second) {
			return maxRetryAfter
		}
		d = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}
