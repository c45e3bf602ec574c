package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"carillon/campaigns"
)

// AcquireLease takes or renews the lease called name for ttl and reports
// whether holder has it. The epoch grows each time that it changes hands. Time
// is the database's own, so clocks of several machines need not agree.
func (s *Store) AcquireLease(ctx context.Context, name, holder string, ttl time.Duration) (epoch int64, held bool, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		held = false
		now := s.d.Now
		err := tx.Row(ctx, `INSERT INTO leases (name, holder, epoch, expires_at) VALUES (?, ?, 1, `+now+` + ?)
			ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at,
				epoch = CASE WHEN leases.holder = excluded.holder THEN leases.epoch ELSE leases.epoch + 1 END
			WHERE leases.holder = excluded.holder OR leases.expires_at < `+now+`
			RETURNING epoch`, name, holder, ttl.Milliseconds()).Scan(&epoch)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		held = err == nil
		return err
	})
	return epoch, held && err == nil, err
}

// ReleaseLease gives the lease back, so that another takes over at once.
func (s *Store) ReleaseLease(ctx context.Context, name, holder string) error {
	return s.inTx(ctx, func(tx conn) error {
		// It ends now: until then it was held.
		_, err := tx.Exec(ctx, "UPDATE leases SET expires_at = "+s.d.Now+" - 1 WHERE name = ? AND holder = ?", name, holder)
		return err
	})
}

// RegisterWorker gives a new worker process its id, which is never used again.
func (s *Store) RegisterWorker(ctx context.Context, name string) (id int64, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		var err error
		id, err = tx.Insert(ctx, `INSERT INTO workers (name, started_at, heartbeat_at) VALUES (?, `+s.d.Now+`, `+s.d.Now+`)`, name)
		return err
	})
	return id, err
}

// Heartbeat says that the worker is alive, and what it is at.
func (s *Store) Heartbeat(ctx context.Context, workerID int64, b campaigns.Beat) error {
	channels, err := json.Marshal(append([]int64{}, b.Channels...))
	if err != nil {
		return fmt.Errorf("encode channels: %w", err)
	}
	requests, err := json.Marshal(b.Requests)
	if err != nil {
		return fmt.Errorf("encode requests: %w", err)
	}
	accepted, err := json.Marshal(b.Accepted)
	if err != nil {
		return fmt.Errorf("encode what was accepted: %w", err)
	}
	return s.inTx(ctx, func(tx conn) error {
		_, err := tx.Exec(ctx, "UPDATE workers SET heartbeat_at = "+s.d.Now+", seen_at = "+s.d.Now+
			", retired_at = NULL, version = ?, channels = ?, requests = ?, accepted = ?, in_flight = ? WHERE id = ?",
			b.Version, string(channels), string(requests), string(accepted), b.InFlight, workerID)
		return err
	})
}

// RetireWorker says that the worker has stopped and has nothing in flight.
func (s *Store) RetireWorker(ctx context.Context, workerID int64) error {
	return s.inTx(ctx, func(tx conn) error {
		_, err := tx.Exec(ctx, "UPDATE workers SET heartbeat_at = 0, retired_at = "+s.d.Now+", in_flight = 0 WHERE id = ?", workerID)
		return err
	})
}

// RetireOthers ends what processes before this one held: their workers, leases
// and imports, so that nothing waits until they run out. Only a process that
// knows itself to be alone (the embedded default, which locks its data
// directory) may say so.
func (s *Store) RetireOthers(ctx context.Context) error {
	return s.inTx(ctx, func(tx conn) error {
		for _, query := range []string{
			"UPDATE workers SET heartbeat_at = 0",
			"UPDATE leases SET expires_at = " + s.d.Now + " - 1 WHERE expires_at >= " + s.d.Now,
			"UPDATE uploads SET touched_at = 0 WHERE state = 'running'",
		} {
			if _, err := tx.Exec(ctx, query); err != nil {
				return err
			}
		}
		return nil
	})
}
