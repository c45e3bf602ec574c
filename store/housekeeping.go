package store

import (
	"context"
	"time"
)

// Housekeeping bounds and ages. A worker's row is needed while messages may name it
// as the one that sends them; a day longer it shows who sent, and since when nobody
// does.
const (
	forgetBatch    = 1000
	workersKeptFor = 24 * time.Hour
)

// Housekeep forgets a batch of what has served its purpose: kept answers of
// idempotency keys, requests of providers, when somebody wrote to a channel, files of uploads that are over, and workers that are long
// gone; it forgets secrets that were replaced and whose time is over, and looks after the indexes of properties. It reports whether there
// may be more.
func (s *Store) Housekeep(ctx context.Context) (more bool, err error) {
	answers, err := s.DeleteOldAnswers(ctx, forgetBatch)
	if err != nil {
		return false, err
	}
	requests, err := s.forgetRequests(ctx)
	if err != nil {
		return false, err
	}
	if err := s.CleanUploads(ctx); err != nil {
		return false, err
	}
	if err := s.SweepPeople(ctx); err != nil {
		return false, err
	}
	if err := s.forgetReplaced(ctx); err != nil {
		return false, err
	}
	if s.shredding.Load() {
		if err := s.shred(ctx); err != nil {
			return false, err
		}
	}
	if err := s.SyncPropertyIndexes(ctx); err != nil {
		return false, err
	}
	thawing, err := s.forgetFrozen(ctx)
	if err != nil {
		return false, err
	}
	var feeds, pulls, heard, told, masked int64
	err = s.inTx(ctx, func(tx conn) error {
		if err := tx.forgetAwaited(ctx); err != nil {
			return err
		}
		if feeds, err = tx.forgetFeeds(ctx); err != nil {
			return err
		}
		if pulls, err = tx.forgetPulls(ctx); err != nil {
			return err
		}
		if heard, err = tx.forgetHeard(ctx); err != nil {
			return err
		}
		if told, err = tx.forgetTold(ctx); err != nil {
			return err
		}
		if err := tx.forgetBegunFiles(ctx); err != nil {
			return err
		}
		if err := tx.forgetSends(ctx); err != nil {
			return err
		}
		if err := tx.forgetFound(ctx); err != nil {
			return err
		}
		if masked, err = tx.forgetMasked(ctx); err != nil {
			return err
		}
		// The newest row stays, so that SQLite's ids go on from it.
		_, err := tx.Exec(ctx, "DELETE FROM workers WHERE heartbeat_at < "+s.d.Now+" - ? AND COALESCE(seen_at, 0) < "+s.d.Now+
			" - ? AND id < (SELECT MAX(id) FROM workers)"+
			" AND NOT EXISTS (SELECT 1 FROM messages m WHERE m."+phaseInFlight+" AND m.worker_id = workers.id)",
			workersKeptFor.Milliseconds(), workersKeptFor.Milliseconds())
		return err
	})
	return answers == forgetBatch || requests == forgetBatch || thawing || feeds == feedsForgotten || pulls == forgetBatch || heard == forgetBatch ||
		told == forgottenAtOnce || masked == forgetBatch, err
}
