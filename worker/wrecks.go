package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"carillon/internal/clock"
	"carillon/messages"
	"carillon/worker/flight"
)

const (
	wrecksInterval = 2 * time.Second
	// wreckKept is how long a dead worker's file is kept after it was found, to be
	// gone through again: a claim that the database still commits when its worker is
	// dead is seen then, and so is what the reaper has settled meanwhile.
	wreckKept = 15 * time.Second
	// settleTimeout bounds what is done about one file.
	settleTimeout = 20 * time.Second
)

// Wrecks settles what workers that were killed on this machine left behind: by
// their flight recorders, what was not asked waits again with its try unspent, and
// what was answered is what the provider said. The rest is in doubt.
type Wrecks struct {
	// Dir is where the flight recorders lie; those of another Installation are not
	// ours.
	Dir, Installation string
	Store             WreckStore
	Writer            WreckWriter
	Clock             clock.Clock
	Logger            *slog.Logger

	found  map[string]time.Time
	warned map[string]bool
}

// WreckStore is what Wrecks needs of the store.
type WreckStore interface {
	// TakeUp takes messages that were to be sent again, because of doubt, back to their
	// worker. It has no code but Unavailable.
	TakeUp(ctx context.Context, answered []messages.Outcome) error
}

// WreckWriter is what Wrecks needs of the writer.
type WreckWriter interface {
	// Record writes outcomes of claimed messages. It tries until the store takes them or
	// ctx ends.
	Record(ctx context.Context, outcomes []messages.Outcome) error
}

// Settle goes through the files of dead workers once. Last says that nothing of
// them can still be under way, so that the files need not be looked at again.
func (w *Wrecks) Settle(ctx context.Context, last bool) error {
	wrecks, err := flight.Find(w.Dir, w.Installation, w.tell)
	errs := []error{err}
	for _, wreck := range wrecks {
		if err := w.settle(ctx, wreck, last); err != nil {
			errs = append(errs, fmt.Errorf("settle what worker %d left: %w", wreck.WorkerID, err))
		}
	}
	return errors.Join(errs...)
}

func (w *Wrecks) settle(ctx context.Context, wreck flight.Wreck, last bool) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	now := w.Clock.Now()
	known, inDoubt := wreck.Outcomes()
	var answered []messages.Outcome
	for i := range known {
		if o := &known[i]; o.NotAsked {
			o.At, o.DueAt = now, now
		} else {
			answered = append(answered, *o)
		}
	}
	if w.found == nil {
		w.found = map[string]time.Time{}
	}
	since, again := w.found[wreck.Path]
	if !again {
		since, w.found[wreck.Path] = now, now
		w.Logger.Info("a worker was killed: its flight recorder says what it was at", "worker", wreck.WorkerID, "channel", wreck.ChannelID,
			"not_asked", len(known)-len(answered), "answered", len(answered), "in_doubt", inDoubt)
	}
	if len(known) > 0 {
		if err := errors.Join(w.Store.TakeUp(ctx, answered), w.Writer.Record(ctx, known)); err != nil {
			return errors.Join(err, wreck.Release())
		}
	}
	if !last && now.Sub(since) < wreckKept {
		return wreck.Release()
	}
	delete(w.found, wreck.Path)
	return wreck.Remove()
}

// tell says once of each file that it is not believed.
func (w *Wrecks) tell(path string, err error) {
	if w.warned == nil {
		w.warned = map[string]bool{}
	}
	if !w.warned[path] {
		w.warned[path] = true
		w.Logger.Warn("a flight recorder's file is of no use; what its worker had claimed is in doubt", "file", path, "error", err)
	}
}

// findWrecks looks for workers of this machine that died.
func (w *Worker) findWrecks(ctx context.Context) {
	wrecks := Wrecks{Dir: w.o.Flights, Installation: w.o.Installation, Store: w.o.Store, Writer: w.o.Writer, Clock: w.o.Clock, Logger: w.o.Logger}
	for ctx.Err() == nil {
		if err := wrecks.Settle(ctx, false); err != nil && ctx.Err() == nil {
			w.o.Logger.Warn("what killed workers left could not be settled, trying again", "error", err)
		}
		_ = w.o.Clock.Sleep(ctx, wrecksInterval)
	}
}
