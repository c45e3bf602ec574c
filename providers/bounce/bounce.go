// Package bounce owns the reading of mail that came back: reports of delivery (RFC 3464), reports
// of abuse (RFC 5965) and the bounces of old that are text, and the marks by which the message is
// known that one is about. It must not know channels or what becomes of a message, nor what a
// server's words mean.
package bounce

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"strings"
	"time"

	"github.com/emersion/go-message"
)

// MaxMail bounds a mail, in bytes.
const MaxMail = 1 << 20

// Bounds of what is read of a mail.
const (
	maxHeader = 64 << 10
	// maxDepth is of parts in parts: a report is two deep, and what wraps it adds one or two.
	maxDepth = 5
	maxParts = 50
	// maxReturned is how much is read of a message that is sent along, in bytes: its header.
	maxReturned = 64 << 10
)

// Mail is what a mail that came back says.
type Mail struct {
	// Date is when it was written; zero where that is not said.
	Date time.Time
	// Deliveries are what became of the recipients, of a report or a bounce of old.
	Deliveries []Delivery
	// Feedback is the type of a report of abuse, in lower case, such as abuse; empty for others.
	Feedback string
	// Marks name the message, as far as they say the truth: those of the address that it came
	// to first, then those of the report, then those of the message that is sent along.
	Marks []Mark
}

// Read reads a mail. One that is no report is none, and no error; an error says that it is no mail.
func Read(raw []byte) (Mail, error) {
	if len(raw) > MaxMail {
		return Mail{}, fmt.Errorf("the mail has more than %d bytes", MaxMail)
	}
	// A mailbox in a file, as procmail and mbox have it, begins with a line of its own.
	if bytes.HasPrefix(raw, []byte("From ")) {
		_, raw, _ = bytes.Cut(raw, []byte("\n"))
	}
	entity, err := message.ReadWithOptions(bytes.NewReader(raw), &message.ReadOptions{MaxHeaderBytes: maxHeader})
	if err != nil && !readable(err) {
		return Mail{}, fmt.Errorf("the mail can't be read: %w", err)
	}
	if entity.Header.Len() == 0 {
		return Mail{}, errors.New("the mail has no header")
	}
	r := reader{header: entity.Header}
	r.walk(entity, 0)
	return r.mail(), nil
}

// readable reports whether a part can be read in spite of an error: its letters are of a set
// that is not known, and codes are ASCII in all.
func readable(err error) bool { return message.IsUnknownCharset(err) || message.IsUnknownEncoding(err) }

// reader collects what the parts of a mail say.
type reader struct {
	header message.Header
	parts  int
	// status and feedback are the machines' parts, original the message that is sent along,
	// and text the first part for people.
	status, feedback, original, text []byte
}

// walk reads a part with those in it. Where it breaks off, what was read counts.
func (r *reader) walk(e *message.Entity, depth int) {
	if r.parts++; r.parts > maxParts || depth > maxDepth {
		return
	}
	if parts := e.MultipartReader(); parts != nil {
		for {
			part, err := parts.NextPart()
			if part == nil || err != nil && !readable(err) || r.parts >= maxParts {
				return
			}
			r.walk(part, depth+1)
		}
	}
	kind, _, _ := e.Header.ContentType() // without one it is text/plain
	switch kind {
	case "message/delivery-status", "message/global-delivery-status":
		keep(&r.status, e.Body, MaxMail)
	case "message/feedback-report":
		keep(&r.feedback, e.Body, maxHeader)
	case "message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers", "message/rfc822-headers":
		keep(&r.original, e.Body, maxReturned)
	case "text/plain", "":
		keep(&r.text, e.Body, MaxMail)
	}
}

// keep reads the first part of its kind; others of the kind say nothing more.
func keep(into *[]byte, from io.Reader, most int64) {
	if *into == nil {
		*into, _ = io.ReadAll(io.LimitReader(from, most)) // what broke off is read so far
	}
}

// whereTo are the fields in which servers note the address that a mail came to.
var whereTo = []string{
	"Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Delivered-To", "X-Forwarded-To", "X-Rcpt-To", "Apparently-To",
	"Resent-To", "To", "Cc",
}

// mail makes sense of what was collected.
func (r *reader) mail() (m Mail) {
	m.Date, _ = mail.ParseDate(r.header.Get("Date"))
	var addressed []byte
	for _, name := range whereTo {
		for _, value := range r.header.Values(name) {
			addressed = append(addressed, value+"\n"...)
		}
	}
	m.Marks = Marks(addressed)
	switch {
	case r.feedback != nil:
		fields := groups(r.feedback)
		if len(fields) > 0 {
			m.Feedback = strings.ToLower(word(fields[0]["feedback-type"]))
		}
		m.Marks = append(m.Marks, Marks(r.feedback)...)
	case r.status != nil:
		m.Deliveries = deliveries(r.status)
		m.Marks = append(m.Marks, Marks(r.status)...)
	default:
		r.plain(&m)
		return m
	}
	m.Marks = append(m.Marks, Marks(headerOf(r.original))...)
	return m
}

// headerOf is the header of a message.
func headerOf(raw []byte) []byte {
	raw = bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	header, _, _ := bytes.Cut(bytes.TrimLeft(raw, "\n"), []byte("\n\n"))
	return header
}
