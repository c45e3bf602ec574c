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
	// ErrorTemporary: try again later; spends an attempt. A run of them says that the
	// provider is down for everybody.
	ErrorTemporary ErrorKind = "temporary"
	// ErrorRecipientBusy: this recipient can't be written to now; try later, spends an
	// attempt, and says nothing of the channel.
	ErrorRecipientBusy ErrorKind = "recipient_busy"
	// ErrorThrottled: we were too fast; try later, no attempt is spent, the whole
	// channel slows down.
	ErrorThrottled ErrorKind = "throttled"
	// ErrorRecipient: this recipient will never get it: rejected.
	ErrorRecipient ErrorKind = "recipient"
	// ErrorContent: this message is wrong: failed.
	ErrorContent ErrorKind = "content"
	// ErrorAuth: the credentials are refused: the channel stops, no attempt is spent.
	ErrorAuth ErrorKind = "auth"
	// ErrorSender: our own address or domain is refused, whoever is written to: the
	// channel stops, no attempt is spent.
	ErrorSender ErrorKind = "sender"
	// ErrorAccount: we are refused altogether (suspended, blocked, not allowed to send,
	// nobody at the configured address): the channel stops, no attempt is spent.
	ErrorAccount ErrorKind = "account"
	// ErrorQuota: what we may send in some time is used up: the channel waits, no
	// attempt is spent.
	ErrorQuota ErrorKind = "quota"
	// ErrorInDoubt: the provider was asked and gave no answer.
	ErrorInDoubt ErrorKind = "in_doubt"
)

// StopsChannel reports whether every further message would be refused likewise
// until a person has corrected something.
func (k ErrorKind) StopsChannel() bool {
	return k == ErrorAuth || k == ErrorSender || k == ErrorAccount
}

// WhyStopped says on a channel that was stopped what to do; detail is the provider's word.
func (k ErrorKind) WhyStopped(detail string) string {
	what := "the provider can't be used with this configuration"
	switch k {
	case ErrorSender:
		what = "the provider refuses the sender, whoever is written to"
	case ErrorAccount:
		what = "the provider refuses us, whoever is written to"
	}
	return what + "; correct it and resume the channel: " + detail
}

// ErrorKinds lists every kind.
func ErrorKinds() []ErrorKind {
	return []ErrorKind{ErrorTemporary, ErrorRecipientBusy, ErrorThrottled, ErrorRecipient, ErrorContent, ErrorAuth, ErrorSender, ErrorAccount, ErrorQuota,
		ErrorInDoubt}
}

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
	// Mailbox says of a Throttled or Temporary error that it is the word of the recipient's mailbox
	// provider, which puts off what goes there: others are not meant.
	Mailbox bool
	// MediaGone says that the provider does not know the id of the file any more that the message
	// named: it is uploaded anew, and the message has another try.
	MediaGone bool
	// WindowClosed says of a Recipient error that they have not written within ReplyWindow, and
	// nothing else is the matter. It is no fault of the address.
	WindowClosed bool
	// MovedTo says of a Recipient error that the recipient has this address now, of the kind that
	// the adapter delivers to and in the form in which contacts keep it: the contact gets it, and
	// the message has another try there.
	MovedTo string
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
	return &Error{Kind: ErrorInDoubt, Err: err}
}

// httpKinds are the statuses that mean something of their own. What is true of
// the address whoever is written to is no fault of a recipient: a redirect that
// is not followed, a method that is not taken, a place where nobody is.
var httpKinds = map[int]ErrorKind{
	http.StatusUnauthorized:      ErrorAuth,
	http.StatusPaymentRequired:   ErrorQuota,
	http.StatusForbidden:         ErrorAuth,
	http.StatusMovedPermanently:  ErrorAccount,
	http.StatusPermanentRedirect: ErrorAccount,
	http.StatusMethodNotAllowed:  ErrorAccount,
	http.StatusProxyAuthRequired: ErrorAuth,
	// Where there is nobody for one message there may be somebody for the next, or
	// in a minute: a deployment under way, a page for maintenance.
	http.StatusNotFound:           ErrorTemporary,
	http.StatusRequestTimeout:     ErrorTemporary,
	http.StatusMisdirectedRequest: ErrorTemporary,
	http.StatusTooEarly:           ErrorTemporary,
	http.StatusTooManyRequests:    ErrorThrottled,
	http.StatusGone:               ErrorRecipient,
}

// ClassifyHTTP turns an HTTP status and its Retry-After header (seconds or a
// date, RFC 9110) into an error; nil for 2xx. 429 is throttled, and so is a 503
// with Retry-After: the provider asked us to wait. 404, 408, 421, 425, 5xx and
// redirects that are not for good are temporary; 301, 308 and 405 mean the
// configured address, 401, 403 and 407 the credentials, 402 a quota, and 410 a
// recipient who is gone for good. All else is content.
func ClassifyHTTP(status int, header http.Header, now time.Time) *Error {
	if status >= 200 && status < 300 {
		return nil
	}
	e := &Error{
		Code: strconv.Itoa(status), RetryAfter: retryAfter(header.Get("Retry-After"), now),
		Err: fmt.Errorf("the provider answered %d %s", status, http.StatusText(status)),
	}
	kind, known := httpKinds[status]
	switch {
	case known:
		e.Kind = kind
	case status == http.StatusServiceUnavailable && e.RetryAfter > 0:
		e.Kind = ErrorThrottled
	case status >= 500, status/100 == 3:
		e.Kind = ErrorTemporary
	default:
		e.Kind = ErrorContent
	}
	if e.Kind == ErrorRecipient {
		e.Bounce = BounceHard
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
