// Package fault is Carillon's one error type: a code that callers branch on, a
// message for the person who reads it, the operation, the cause, and the fields
// that were wrong. It must not know HTTP; api/gate maps codes to statuses.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Code says what kind of error it is, independent of any protocol.
type Code string

// The codes. A new one needs a row in the table of statuses (api/gate). Whatever asks
// the store or Redis may return Unavailable; the comments of interfaces name the others.
const (
	Invalid          Code = "invalid"            // the input is wrong; nothing was changed
	NotFound         Code = "not_found"          // what was named does not exist
	MethodNotAllowed Code = "method_not_allowed" // the path exists, for other methods
	Conflict         Code = "conflict"           // the state of the thing forbids it
	Unauthorized     Code = "unauthorized"       // no key, or an unknown one
	SecondFactor     Code = "second_factor"      // the password is right, and a code is needed besides
	Forbidden        Code = "forbidden"          // the key's role does not allow it
	TooLarge         Code = "too_large"          // the input is over a configured bound
	TooSlow          Code = "too_slow"           // the input comes more slowly than it may
	RateLimited      Code = "rate_limited"       // too many requests
	Unavailable      Code = "unavailable"        // the store or Redis does not answer
	Mismatch         Code = "mismatch"           // an idempotency key came again with another body
	Unsupported      Code = "unsupported"        // the input comes in a form that is not taken
	Canceled         Code = "canceled"           // who asked went away
	Internal         Code = "internal"           // a fault of ours
)

// Codes are all codes.
func Codes() []Code {
	return []Code{
		Invalid, NotFound, MethodNotAllowed, Conflict, Unauthorized, SecondFactor, Forbidden, TooLarge, TooSlow, RateLimited, Unavailable, Mismatch, Unsupported,
		Canceled, Internal,
	}
}

// Field is one wrong value: where it stands, what was there, what is wrong.
type Field struct {
	// Location is the path of the field, such as "audience.uploads[2]".
	Location string
	// Message says what is wrong and what to do.
	Message string
	// Value is what was given; nil where showing it would leak a secret.
	Value any
	// Source is where the value came from, such as a file and line or a
	// variable; empty where the caller of an API gave it.
	Source string
}

// line is the field with its value and where that came from.
func (f Field) line() string {
	var notes []string
	if f.Value != nil {
		notes = append(notes, fmt.Sprintf("got %q", fmt.Sprint(f.Value)))
	}
	if f.Source != "" {
		notes = append(notes, "from "+f.Source)
	}
	if len(notes) == 0 {
		return f.Location + ": " + f.Message
	}
	return f.Location + ": " + f.Message + " (" + strings.Join(notes, " ") + ")"
}

// Error is an error with a code. Message is for people and must not carry
// secrets or personal data beyond what the caller sent.
type Error struct {
	Code    Code
	Message string
	Op      string
	Fields  []Field
	Err     error
}

// Error says operation, message, fields and cause in one line.
func (e *Error) Error() string {
	var parts []string
	for _, part := range []string{e.Op, e.said()} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return strings.Join(parts, ": ")
}

// said is the message with the fields behind it.
func (e *Error) said() string {
	if len(e.Fields) == 0 {
		return e.Message
	}
	fields := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		fields[i] = f.Location + ": " + f.Message
		if f.Source != "" {
			fields[i] += " (" + f.Source + ")"
		}
		if f.Value != nil {
			fields[i] += fmt.Sprintf(", got %q", fmt.Sprint(f.Value))
		}
	}
	return strings.TrimSpace(e.Message + " (" + strings.Join(fields, "; ") + ")")
}

// Lines is err's text for a terminal: each wrong field on a line of its own,
// with its value and where that came from.
func Lines(err error) string {
	text := err.Error()
	var e *Error
	if !errors.As(err, &e) || len(e.Fields) == 0 {
		return text
	}
	var b strings.Builder
	b.WriteString(e.Message)
	for _, f := range e.Fields {
		b.WriteString("\n  " + f.line())
	}
	return strings.Replace(text, e.said(), b.String(), 1)
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes an error of a code.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap gives a cause a code and an operation.
func Wrap(code Code, op string, err error) *Error {
	return &Error{Code: code, Op: op, Err: err}
}

// InvalidField is the error for one wrong field.
func InvalidField(location string, value any, format string, args ...any) *Error {
	return &Error{Code: Invalid, Message: "the input is not valid", Fields: []Field{{
		Location: location, Message: fmt.Sprintf(format, args...), Value: value,
	}}}
}

// InvalidFields joins wrong fields into one error; nil if there are none.
func InvalidFields(fields []Field) error {
	if len(fields) == 0 {
		return nil
	}
	return &Error{Code: Invalid, Message: "the input is not valid", Fields: fields}
}

// Gather adds the fields of an Invalid error to those found wrong so far; any
// other error comes back.
func Gather(wrong []Field, err error) ([]Field, error) {
	var e *Error
	if errors.As(err, &e) && e.Code == Invalid && len(e.Fields) > 0 {
		return append(wrong, e.Fields...), nil
	}
	return wrong, err
}

// CodeOf is the code of the outermost Error in err's chain, Internal if there
// is none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

// Is reports whether err carries the code.
func Is(err error, code Code) bool { return err != nil && CodeOf(err) == code }
