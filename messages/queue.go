package messages

import (
	"context"
	"time"

	"carillon/internal/clock"
	"carillon/internal/fault"
)

// QueueFilter selects what waits to be sent; zero selects everything.
type QueueFilter struct {
	AccountID  int64
	ChannelID  int64
	CampaignID int64
}

// QueueTotals is a channel's share of the outbound queue, and what of the channel is in
// doubt.
type QueueTotals struct {
	ChannelID int64
	// Whole is everything, Transactional and Bulk what it consists of: single messages,
	// which go first, and those of campaigns.
	Whole, Transactional, Bulk Waiting
	// InDoubt are the messages of which nobody knows whether the provider took them.
	InDoubt int64
}

// Waiting is how much of a queue waits, pending or queued, and how much is in flight.
type Waiting struct {
	Pending, Queued, Sending int64
	// Oldest is when the longest waiting message was made, as far as the first in line of
	// every run tell; nil where none waits.
	Oldest *time.Time
}

// Add counts more in.
func (w *Waiting) Add(more Waiting) {
	w.Pending, w.Queued, w.Sending = w.Pending+more.Pending, w.Queued+more.Queued, w.Sending+more.Sending
	if more.Oldest != nil && (w.Oldest == nil || more.Oldest.Before(*w.Oldest)) {
		w.Oldest = more.Oldest
	}
}

// Clearing is one clearing of the queue, finished or under way.
type Clearing struct {
	ID         int64
	AccountID  int64
	ChannelID  int64
	CampaignID int64
	Actor      string
	Cleared    int64
	// Examples are up to ten of the cleared messages.
	Examples   []ClearedMessage
	CreatedAt  time.Time
	FinishedAt *time.Time
}

// ClearedMessage is an example of what was cleared.
type ClearedMessage struct {
	MessageID  int64  `json:"message_id"`
	CampaignID int64  `json:"campaign_id,omitempty"`
	Address    string `json:"address" personal:"addresses"`
}

// QueueStore knows what waits and clears it.
type QueueStore interface {
	// QueueTotals says what waits on each channel, and what is in doubt: of every channel
	// of which something is.
	QueueTotals(ctx context.Context, f QueueFilter) ([]QueueTotals, error)
	// InDoubt is how many messages of a filter are in doubt, by channel.
	InDoubt(ctx context.Context, f QueueFilter) (map[int64]int64, error)
	// QueuePreview is the head of the queue: what is in the windows, then what waits for
	// room, at most limit messages.
	QueuePreview(ctx context.Context, f QueueFilter, limit int) ([]Message, error)
	// BeginClear binds a clearing of everything that has not been claimed.
	BeginClear(ctx context.Context, f QueueFilter, actor string) (Clearing, error)
	// ContinueClear cancels the next batch of a clearing. FinishedAt is set once nothing
	// is left. It is NotFound if there is no such clearing.
	ContinueClear(ctx context.Context, clearID int64) (Clearing, error)
	// GetClearing is NotFound if the account has no such clearing.
	GetClearing(ctx context.Context, accountID, id int64) (Clearing, error)
}

// Queue is the service for what waits to be sent. It is safe for concurrent use.
type Queue struct {
	store QueueStore
	clock clock.Clock
}

// NewQueue makes the service.
func NewQueue(store QueueStore, c clock.Clock) *Queue { return &Queue{store: store, clock: c} }

// queueHead is how many messages are shown of the queue.
const queueHead = 100

// Totals says what waits on each channel.
func (q *Queue) Totals(ctx context.Context, f QueueFilter) ([]QueueTotals, error) {
	return q.store.QueueTotals(ctx, f)
}

// InDoubt is how many messages nobody knows of whether the provider took them.
func (q *Queue) InDoubt(ctx context.Context, f QueueFilter) (n int64, err error) {
	by, err := q.store.InDoubt(ctx, f)
	for _, of := range by {
		n += of
	}
	return n, err
}

// Head is the first hundred messages: what is in the windows, then what waits for room.
func (q *Queue) Head(ctx context.Context, f QueueFilter) ([]Message, error) {
	return q.store.QueuePreview(ctx, f, queueHead)
}

// Clear says what is to be cleared of the queue.
type Clear struct {
	QueueFilter
	// All says that everything is meant, on every channel: a filter that was left out by
	// mistake clears nothing.
	All   bool
	Actor string
}

// Check refuses, as Invalid, what may have been meant otherwise: everything is cleared
// only for who says so.
func (c Clear) Check() error {
	filtered := c.ChannelID != 0 || c.CampaignID != 0
	switch {
	case !filtered && !c.All:
		return fault.InvalidField("all", nil, "must be true to clear everything that waits on every channel; or name a channel_id or a campaign_id")
	case filtered && c.All:
		return fault.InvalidField("all", true, "does not go with channel_id or campaign_id: leave it out to clear only those")
	}
	return nil
}

// clearWithin is how long whoever clears waits for the end; the scheduler does the rest.
const clearWithin = 10 * time.Second

// Clear clears what has not been claimed: when it returns, nothing of it is sent any
// more, and FinishedAt is nil while messages are still being written down as canceled.
// What Clear.Check refuses is Invalid.
func (q *Queue) Clear(ctx context.Context, what Clear) (Clearing, error) {
	if err := what.Check(); err != nil {
		return Clearing{}, err
	}
	began := q.clock.Now()
	c, err := q.store.BeginClear(ctx, what.QueueFilter, what.Actor)
	for err == nil && c.FinishedAt == nil && q.clock.Now().Sub(began) < clearWithin {
		c, err = q.store.ContinueClear(ctx, c.ID)
	}
	return c, err
}

// Clearing looks a clearing up afterwards; NotFound if the account has no such clearing.
func (q *Queue) Clearing(ctx context.Context, accountID, id int64) (Clearing, error) {
	return q.store.GetClearing(ctx, accountID, id)
}
