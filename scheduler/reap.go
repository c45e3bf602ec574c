package scheduler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"carillon/internal/clock"
	"carillon/messages"
)

// ReapStore is what the reaper needs of the store. Its errors have no code but
// Unavailable.
type ReapStore interface {
	// SettleDead settles the messages whose worker has not been heard of for maxAge. It
	// returns the workers that had some, also with an error.
	SettleDead(ctx context.Context, maxAge time.Duration) ([]messages.DeadWorker, error)
	// ChannelsWithQueued are the channels that have messages in their window.
	ChannelsWithQueued(ctx context.Context) ([]int64, error)
	// QueuedEnvelopes are those that a channel's queued messages point at.
	QueuedEnvelopes(ctx context.Context, channelID int64) ([]messages.QueuedEnvelope, error)
	// RequeueLost takes the messages of envelopes whose task is gone back to pending,
	// and returns how many there were.
	RequeueLost(ctx context.Context, channelID int64, envelopes []int64) (int64, error)
	// SweepReceipts applies parked receipts whose message has been recorded since, and
	// drops old ones. It returns how many it looked at.
	SweepReceipts(ctx context.Context) (int, error)
	// DeadWorkers are those of the ids that have not been heard of for maxAge.
	DeadWorkers(ctx context.Context, maxAge time.Duration, ids []int64) ([]int64, error)
}

// ReapQueue is what the reaper needs of Redis. It is Unavailable while that does not
// answer.
type ReapQueue interface {
	// Lost are those of the envelopes that have no live task.
	Lost(ctx context.Context, channelID int64, transactional bool, envelopeIDs []int64) ([]int64, error)
	// Held says which worker works on which of a channel's envelopes, dead workers
	// included.
	Held(ctx context.Context, channelID int64) (map[int64]int64, error)
	// Active are the envelopes of a channel whose tasks were given out.
	Active(ctx context.Context, channelID int64) ([]int64, error)
	// Discard deletes an envelope's task although a worker has it, because that worker
	// is dead.
	Discard(ctx context.Context, channelID, envelopeID int64) error
}

// Times of the reaper.
const (
	// WorkerDeadAfter is how old the heartbeat of a worker is that is taken for
	// dead. Workers write one each second and stop sending well before this.
	WorkerDeadAfter = 6 * time.Second
	// graceQueued is how long a row may be queued before its task is looked for:
	// the feeder enqueues right after marking.
	graceQueued = 2 * time.Second
)

// reaper settles what died: messages of dead workers, and queued messages whose
// task is gone.
type reaper struct {
	store ReapStore
	queue ReapQueue
	clock clock.Clock
	log   *slog.Logger

	// unheld is since when an envelope is given out with no worker noted for it.
	unheld map[int64]time.Time
}

func (r *reaper) pass(ctx context.Context) (worked bool, err error) {
	dead, err := r.store.SettleDead(ctx, WorkerDeadAfter)
	for _, w := range dead {
		r.log.Warn("a worker died before it recorded the provider's answers: settled its messages",
			"worker", w.Name, "worker_id", w.ID, "channels", w.Channels, "settled", w.Held+w.Resent, "in_doubt", w.Held, "resent", w.Resent, "look", lookAt(w))
	}
	if err != nil {
		return false, err
	}
	channels, err := r.store.ChannelsWithQueued(ctx)
	if err != nil {
		return false, err
	}
	var errs []error
	for _, channel := range channels {
		if err := r.requeue(ctx, channel); err != nil {
			errs = append(errs, fmt.Errorf("look for lost messages of channel %d: %w", channel, err))
		}
	}
	_, err = r.store.SweepReceipts(ctx)
	return false, errors.Join(append(errs, err)...)
}

// lookAt is the command that shows what is left to decide of a dead worker's messages,
// or, if nothing is, the workers.
func lookAt(w messages.DeadWorker) string {
	if w.Held > 0 {
		return "carillon messages ls --state unknown"
	}
	return "carillon workers"
}

// requeue takes a channel's queued messages back whose task is gone from Redis
// or is held by a dead worker.
func (r *reaper) requeue(ctx context.Context, channelID int64) error {
	envelopes, err := r.store.QueuedEnvelopes(ctx, channelID)
	if err != nil {
		return err
	}
	old := r.clock.Now().Add(-graceQueued)
	byQueue := map[bool][]int64{}
	for _, e := range envelopes {
		if e.QueuedAt.Before(old) {
			byQueue[e.Transactional] = append(byQueue[e.Transactional], e.ID)
		}
	}
	if len(byQueue) == 0 {
		return nil
	}
	if err := r.discardDead(ctx, channelID); err != nil {
		return err
	}
	for transactional, ids := range byQueue {
		lost, err := r.queue.Lost(ctx, channelID, transactional, ids)
		if err != nil {
			return err
		}
		if len(lost) == 0 {
			continue
		}
		n, err := r.store.RequeueLost(ctx, channelID, lost)
		if err != nil {
			return err
		}
		if n > 0 {
			r.log.Warn("took messages back whose task was gone from Redis", "channel", channelID, "messages", n, "envelopes", len(lost))
		}
	}
	return nil
}

// discardDead takes the tasks away that a dead worker was working on, and those
// that were given to a worker that died before it noted that it has them. asynq
// would give them out again when their lease runs out, half a minute later; until
// then they would fill the window.
func (r *reaper) discardDead(ctx context.Context, channelID int64) error {
	active, err := r.queue.Active(ctx, channelID)
	if err != nil {
		return err
	}
	held, err := r.queue.Held(ctx, channelID)
	if err != nil {
		return err
	}
	for _, envelope := range active {
		if _, ok := held[envelope]; ok {
			delete(r.unheld, envelope) // letting go, in the end, begins anew
			continue
		}
		if !r.longUnheld(envelope) {
			continue
		}
		if err := r.queue.Discard(ctx, channelID, envelope); err != nil {
			return err
		}
	}
	workers := make([]int64, 0, len(held))
	for _, worker := range held {
		workers = append(workers, worker)
	}
	dead, err := r.store.DeadWorkers(ctx, WorkerDeadAfter, workers)
	if err != nil {
		return err
	}
	for envelope, worker := range held {
		if !slices.Contains(dead, worker) {
			continue
		}
		if err := r.queue.Discard(ctx, channelID, envelope); err != nil {
			return err
		}
	}
	return nil
}

// longUnheld reports whether an envelope has been without a noted worker for as
// long as it takes to tell that a worker is dead. A worker that is alive after
// all finds that its claims are refused.
func (r *reaper) longUnheld(envelope int64) bool {
	now := r.clock.Now()
	since, seen := r.unheld[envelope]
	if !seen {
		if r.unheld == nil {
			r.unheld = map[int64]time.Time{}
		}
		for id, at := range r.unheld { // those that were noted, or are done
			if now.Sub(at) > 2*WorkerDeadAfter {
				delete(r.unheld, id)
			}
		}
		r.unheld[envelope], since = now, now
	}
	return now.Sub(since) >= WorkerDeadAfter
}
