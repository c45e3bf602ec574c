package contacts

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/providers"
)

// Event is something that a program tells of a contact.
type Event struct {
	ID        int64
	AccountID int64
	ContactID int64
	Name      string
	// Key is the program's own, by which a repeat is known; empty where it has none.
	Key string
	// Payload is a JSON object.
	Payload json.RawMessage
	At      time.Time
}

// GivenEvent is an event as a program gives it: its contact by id, external id, or an
// address of a kind.
type GivenEvent struct {
	ContactID  int64
	ExternalID string
	Kind       providers.AddressKind
	Address    string
	Key        string
	Payload    json.RawMessage
	// At is when it happened; zero for now.
	At time.Time
}

// EventName is a name under which events came.
type EventName struct {
	Name          string
	First, Latest time.Time
	Total         int64
}

// Bounds of events.
const (
	MostEvents = 1000 // of one request
	// EventsKept is for how long they are kept.
	EventsKept  = 400 * 24 * time.Hour
	maxPayload  = 10 << 10
	mostNested  = 8
	maxEventKey = 255
	maxSkew     = 5 * time.Minute
)

// eventName is the form of names: they are fields of rules.
var eventName = regexp.MustCompile(`^[a-z][a-z0-9_.-]{0,62}$`)

// eventEnding is what stands behind the name of an event in the fields of rules.
var eventEnding = regexp.MustCompile(`\.(last_at|[0-9]+d)$`)

// CheckEventName says what is wrong with the name of an event; empty for nothing.
func CheckEventName(name string) string {
	switch {
	case eventEnding.MatchString(name):
		return "ends as a field of rules does (.30d, .last_at): choose another ending"
	case eventName.MatchString(name):
		return ""
	}
	like := strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_', r == '-':
			return r
		}
		return '.'
	}, strings.ToLower(name)), ".-_0123456789")
	if eventName.MatchString(like) {
		return "begins with a lower-case letter, then has lower-case letters, digits, _, - and .: write " + like
	}
	return "has 1 to 63 lower-case letters, digits, _, - and ., and begins with a letter: such as order.paid"
}

// EventStore keeps events.
type EventStore interface {
	// TakeEvents keeps the events that it does not know by their keys, with all that comes
	// of them, and returns how many those were. It is Invalid, and keeps none, if a contact
	// is not known.
	TakeEvents(ctx context.Context, accountID int64, name string, list []GivenEvent) (fresh int, err error)
	// ListEvents lists a contact's, newest first, before an id; 0 begins with the newest.
	ListEvents(ctx context.Context, accountID, contactID, before int64, limit int) ([]Event, error)
	// EventNames are the names under which events came, in their order.
	EventNames(ctx context.Context, accountID int64) ([]EventName, error)
}

// Events is the service for what programs tell of contacts. It is safe for concurrent use.
type Events struct {
	store EventStore
	clock clock.Clock
}

// NewEvents makes the service.
func NewEvents(store EventStore, c clock.Clock) *Events { return &Events{store: store, clock: c} }

// Take takes events of one name. What is wrong with any of them is Invalid, each with its
// place, and then none is taken. It returns how many were not known by their keys.
func (s *Events) Take(ctx context.Context, accountID int64, name string, list []GivenEvent) (fresh int, err error) {
	var wrong []fault.Field
	if reason := CheckEventName(name); reason != "" {
		wrong = append(wrong, fault.Field{Location: "name", Value: name, Message: reason})
	}
	if n := len(list); n == 0 || n > MostEvents {
		return 0, fault.InvalidFields(append(wrong, fault.Field{Location: "events", Value: n, Message: fmt.Sprintf("give 1 to %d events", MostEvents)}))
	}
	now := s.clock.Now()
	for i := range list {
		wrong = append(wrong, list[i].check(fmt.Sprintf("events[%d].", i), now)...)
	}
	if err := fault.InvalidFields(wrong); err != nil {
		return 0, err
	}
	return s.store.TakeEvents(ctx, accountID, name, list)
}

// check says what is wrong with an event, and fills in defaults.
func (e *GivenEvent) check(at string, now time.Time) (wrong []fault.Field) {
	add := func(field string, value any, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: at + field, Value: value, Message: fmt.Sprintf(format, args...)})
	}
	given := 0
	for _, has := range []bool{e.ContactID != 0, e.ExternalID != "", e.Address != ""} {
		if has {
			given++
		}
	}
	if given != 1 {
		add("contact_id", nil, "say of whom: by contact_id, by external_id, or by address and kind")
	}
	if e.Address != "" && e.Kind == "" {
		e.Kind = providers.Email
	}
	switch {
	case e.At.IsZero():
		e.At = now
	case e.At.After(now.Add(maxSkew)):
		add("at", e.At.Format(time.RFC3339), "is still to come: tell of what has happened")
	case e.At.Before(now.Add(-EventsKept)):
		add("at", e.At.Format(time.RFC3339), "is longer ago than events are kept, which is %d days", EventsKept/(24*time.Hour))
	}
	if len(e.Key) > maxEventKey {
		add("id", e.Key, "has at most %d bytes", maxEventKey)
	}
	payload, reason := checkPayload(e.Payload)
	if e.Payload = payload; reason != "" {
		add("payload", nil, "%s", reason)
	}
	return wrong
}

// checkPayload brings a payload into one line, and says what is wrong with it.
func checkPayload(payload json.RawMessage) (compact json.RawMessage, reason string) {
	if len(payload) == 0 || string(payload) == "null" {
		return json.RawMessage("{}"), ""
	}
	if len(payload) > maxPayload {
		return nil, fmt.Sprintf("has %d bytes, and may have %d", len(payload), maxPayload)
	}
	decoder, deep := json.NewDecoder(bytes.NewReader(payload)), 0
	for first := true; ; first = false {
		token, err := decoder.Token()
		if err != nil {
			break
		}
		if delim, is := token.(json.Delim); is {
			if delim == '{' || delim == '[' {
				deep++
			} else {
				deep--
			}
			if deep > mostNested {
				return nil, fmt.Sprintf("stands deeper than %d objects or lists inside each other", mostNested)
			}
		}
		if first && token != json.Delim('{') {
			return nil, `must be an object, such as {"order": 4711}`
		}
	}
	var out bytes.Buffer
	if err := json.Compact(&out, payload); err != nil {
		return nil, `is no JSON: ` + err.Error()
	}
	return withoutNUL(out.Bytes()), ""
}

// withoutNUL puts U+FFFD in place of each NUL that JSON names, in place: PostgreSQL takes
// none.
func withoutNUL(text []byte) []byte {
	const nul, instead = `\u0000`, `\ufffd`
	for i := 0; i+len(nul) <= len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		if string(text[i:i+len(nul)]) == nul {
			copy(text[i:], instead)
		}
		i++ // a backslash that is escaped begins nothing
	}
	return text
}

// List lists a contact's events, newest first.
func (s *Events) List(ctx context.Context, accountID, contactID, before int64, limit int) ([]Event, error) {
	return s.store.ListEvents(ctx, accountID, contactID, before, limit)
}

// Names are the names under which events came.
func (s *Events) Names(ctx context.Context, accountID int64) ([]EventName, error) {
	return s.store.EventNames(ctx, accountID)
}
