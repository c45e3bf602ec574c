package flows

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"carillon/campaigns/flow"
	"carillon/contacts"
	"carillon/internal/clock"
	"carillon/internal/fault"
)

// CallStore keeps the programs that are to be asked.
type CallStore interface {
	// DueCalls are some that are to be asked now.
	DueCalls(ctx context.Context) ([]Call, error)
	// Called hands an answer to the session that asked, once.
	Called(ctx context.Context, call Call, heard flow.Heard) error
	// CallLater has one asked again at a time.
	CallLater(ctx context.Context, call Call, at time.Time) error
	// GetContact is NotFound if the account has no such contact.
	GetContact(ctx context.Context, accountID, id int64) (contacts.Contact, error)
}

// Poster asks a program. Its errors say in a sentence what it did; they are Invalid where no
// later try can do better.
type Poster interface {
	Post(ctx context.Context, address, key string, question []byte, most int) ([]byte, error)
}

// Calls asks the programs that flows ask. It is safe for concurrent use.
type Calls struct {
	store  CallStore
	poster Poster
	clock  clock.Clock
}

// NewCalls makes them.
func NewCalls(store CallStore, poster Poster, c clock.Clock) *Calls {
	return &Calls{store: store, poster: poster, clock: c}
}

const (
	// callsAtATime are asked side by side, so that a slow one holds up few.
	callsAtATime = 16
	// maxAnswer bounds what a program answers, and maxCallAnswer each value that is taken of it.
	maxAnswer     = 64 << 10
	maxCallAnswer = 2000
	defaultTries  = 3
	callBackoff   = 30 * time.Second
)

// question is what a program is asked.
type question struct {
	Flow    string                     `json:"flow"`
	Step    string                     `json:"step"`
	Session int64                      `json:"session"`
	Contact asked                      `json:"contact"`
	Answers map[string]json.RawMessage `json:"answers"`
}

type asked struct {
	ID         int64                      `json:"id"`
	ExternalID string                     `json:"external_id,omitempty"`
	FirstName  string                     `json:"first_name,omitempty"`
	LastName   string                     `json:"last_name,omitempty"`
	Language   string                     `json:"language,omitempty"`
	Attributes map[string]json.RawMessage `json:"attributes,omitempty"`
}

// RunNext asks the programs that are due, and reports whether there were any. Each is
// asked at least once, and its answer taken once.
func (c *Calls) RunNext(ctx context.Context) (worked bool, err error) {
	due, err := c.store.DueCalls(ctx)
	if err != nil || len(due) == 0 {
		return false, err
	}
	errs := make([]error, len(due))
	var group sync.WaitGroup
	room := make(chan struct{}, callsAtATime)
	for i, call := range due {
		room <- struct{}{}
		group.Go(func() {
			defer func() { <-room }()
			if err := c.ask(ctx, call); err != nil {
				errs[i] = fmt.Errorf("ask for session %d: %w", call.SessionID, err)
			}
		})
	}
	group.Wait()
	err = errors.Join(errs...)
	return err == nil, err
}

func (c *Calls) ask(ctx context.Context, call Call) error {
	contact, err := c.store.GetContact(ctx, call.AccountID, call.ContactID)
	if fault.Is(err, fault.NotFound) {
		return c.store.Called(ctx, call, flow.Heard{Failed: "the contact is gone"})
	}
	if err != nil {
		return err
	}
	text, err := json.Marshal(question{
		Flow: call.FlowName, Step: call.Step, Session: call.SessionID, Answers: call.Answers,
		Contact: asked{ID: contact.ID, ExternalID: contact.ExternalID, FirstName: contact.FirstName, LastName: contact.LastName, Language: contact.Language,
			Attributes: contact.Attributes},
	})
	if err != nil {
		return err
	}
	answer, err := c.poster.Post(ctx, call.Request.URL, fmt.Sprintf("flow-%d-%d", call.SessionID, call.Rev), text, maxAnswer)
	if err == nil {
		var heard map[string]json.RawMessage
		if heard, err = read(answer, call.Request.Answers); err == nil {
			return c.store.Called(ctx, call, flow.Heard{Called: heard})
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	tries := call.Request.Tries
	if tries == 0 {
		tries = defaultTries
	}
	if call.Tries+1 >= tries || fault.Is(err, fault.Invalid) {
		return c.store.Called(ctx, call, flow.Heard{Failed: err.Error()})
	}
	return c.store.CallLater(ctx, call, c.clock.Now().Add(callBackoff<<call.Tries))
}

// read takes the answers of keys out of what a program said: texts, numbers, true and
// false. Nothing at all is an answer without any.
func read(answer []byte, keys []string) (map[string]json.RawMessage, error) {
	taken := map[string]json.RawMessage{}
	if len(answer) == 0 || len(keys) == 0 {
		return taken, nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(answer, &object); err != nil {
		return nil, fault.New(fault.Unavailable, "the program answered no JSON object")
	}
	for _, key := range keys {
		value, given := object[key]
		if !given || string(value) == "null" {
			continue
		}
		if value[0] == '{' || value[0] == '[' || len(value) > maxCallAnswer {
			return nil, fault.New(fault.Unavailable, "the program's %q is no text or number of at most %d bytes", key, maxCallAnswer)
		}
		taken[key] = value
	}
	return taken, nil
}
