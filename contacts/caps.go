package contacts

import (
	"context"
	"fmt"
	"time"

	"carillon/internal/fault"
)

// CapAction is what becomes of a message that a frequency cap holds back.
type CapAction string

// The actions.
const (
	// CapDefer lets it wait until there is room again.
	CapDefer CapAction = "defer"
	// CapSkip leaves its recipient out.
	CapSkip CapAction = "skip"
)

// PriorityBulk is the priority of campaigns, the only one that caps may name:
// transactional messages are never held back by one.
const PriorityBulk = "bulk"

// FrequencyCap bounds how many messages of campaigns one contact is sent in any
// window of its length.
type FrequencyCap struct {
	ID        int64
	AccountID int64
	// CategoryID restricts it to campaigns of a category; 0 counts those of the
	// whole account.
	CategoryID int64
	// Priority is PriorityBulk, or empty for every priority that caps are for.
	Priority    string
	MaxMessages int
	Window      time.Duration // whole seconds
	Action      CapAction
	CreatedAt   time.Time
}

// CapStore keeps frequency caps.
type CapStore interface {
	// SetCap keeps a cap, instead of one of the same category, priority and window.
	SetCap(ctx context.Context, c FrequencyCap) (FrequencyCap, error)
	// GetCap is NotFound if the account has no such cap.
	GetCap(ctx context.Context, accountID, id int64) (FrequencyCap, error)
	// ListCaps lists those behind the id after.
	ListCaps(ctx context.Context, accountID, after int64, limit int) ([]FrequencyCap, error)
	// DeleteCap is NotFound if the account has no such cap.
	DeleteCap(ctx context.Context, accountID, id int64) error
	// HasCategory reports whether the account has a category of this id.
	HasCategory(ctx context.Context, accountID, id int64) (bool, error)
}

// Caps is the service for frequency caps. It is safe for concurrent use.
type Caps struct{ store CapStore }

// NewCaps makes the service.
func NewCaps(store CapStore) *Caps { return &Caps{store: store} }

// Bounds of caps: a contact's messages of a year are as many as are looked at.
const (
	maxCapMessages = 1000
	maxCapWindow   = 366 * 24 * time.Hour
)

// Set checks and keeps a cap; it binds for everything that is fed from then on.
func (s *Caps) Set(ctx context.Context, c FrequencyCap) (FrequencyCap, error) {
	var wrong []fault.Field
	add := func(location string, value any, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: location, Value: value, Message: fmt.Sprintf(format, args...)})
	}
	if c.MaxMessages < 1 || c.MaxMessages > maxCapMessages {
		add("max_messages", c.MaxMessages, "must be from 1 to %d", maxCapMessages)
	}
	if c.Window < time.Second || c.Window > maxCapWindow || c.Window%time.Second != 0 {
		add("window_seconds", int64(c.Window/time.Second), "must be from 1 to %d, which is a year", int64(maxCapWindow/time.Second))
	}
	if c.Action == "" {
		c.Action = CapDefer
	}
	if c.Action != CapDefer && c.Action != CapSkip {
		add("action", string(c.Action), "must be defer or skip")
	}
	if c.Priority != "" && c.Priority != PriorityBulk {
		add("priority", c.Priority, "must be bulk or empty: transactional messages are outside of frequency caps")
	}
	if c.CategoryID != 0 {
		known, err := s.store.HasCategory(ctx, c.AccountID, c.CategoryID)
		if err != nil {
			return c, err
		}
		if !known {
			add("category_id", c.CategoryID, "there is no such category: GET /v1/categories lists them")
		}
	}
	if err := fault.InvalidFields(wrong); err != nil {
		return c, err
	}
	return s.store.SetCap(ctx, c)
}

// Get is one cap.
func (s *Caps) Get(ctx context.Context, accountID, id int64) (FrequencyCap, error) {
	return s.store.GetCap(ctx, accountID, id)
}

// List lists caps behind the id after.
func (s *Caps) List(ctx context.Context, accountID, after int64, limit int) ([]FrequencyCap, error) {
	return s.store.ListCaps(ctx, accountID, after, limit)
}

// Delete takes a cap away. What waits because of it goes when its time comes.
func (s *Caps) Delete(ctx context.Context, accountID, id int64) error {
	return s.store.DeleteCap(ctx, accountID, id)
}
