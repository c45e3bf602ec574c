package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"carillon/campaigns"
	"carillon/messages"
	"carillon/store/sqldb"
)

// rehoursPlace is the place that reconsidering the hours of a channel has got to. It is
// not kept: who begins again does the same once more, which changes nothing.
type rehoursPlace struct {
	mu                 sync.Mutex
	channelID, version int64
	runID, due, id     int64
	now                time.Time
}

// reconsiderHours gives what waits for hours of a channel that have changed the due time
// that is meant for it, whatever the hours: the gates hold it against the new ones when
// it is fed. It does one batch, and reports whether there may be more.
func (s *Store) reconsiderHours(ctx context.Context) (more bool, err error) {
	var channelID, version int64
	err = s.reader().Row(ctx, "SELECT id, rehours FROM channels WHERE rehours > 0 ORDER BY id LIMIT 1").Scan(&channelID, &version)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, s.translate(err)
	}
	at := &s.rehours
	at.mu.Lock()
	defer at.mu.Unlock()
	if at.channelID != channelID || at.version != version {
		at.channelID, at.version, at.runID, at.due, at.id, at.now = channelID, version, -1, -1, 0, s.clock.Now()
	}
	runs, err := s.ids(ctx, "SELECT run_id FROM run_counts WHERE channel_id = ? GROUP BY run_id HAVING SUM(pending) > 0 ORDER BY run_id", channelID)
	if err != nil {
		return false, err
	}
	for _, runID := range runs {
		switch {
		case runID < at.runID:
			continue
		case runID > at.runID:
			at.runID, at.due, at.id = runID, sqldb.Millis(at.now).(int64), 0
		}
		if n, err := s.rehoursBatch(ctx, at); err != nil || n > 0 {
			return err == nil, err
		}
	}
	// Unless they have changed again meanwhile.
	err = s.inTx(ctx, func(tx conn) error {
		_, err := tx.Exec(ctx, "UPDATE channels SET rehours = 0 WHERE id = ? AND rehours = ?", channelID, version)
		return err
	})
	at.version = 0
	return true, err
}

// rehoursBatch moves the next messages of a run, and returns how many it looked at.
func (s *Store) rehoursBatch(ctx context.Context, at *rehoursPlace) (n int, err error) {
	type waiting struct {
		id, due, contactID int64
		zone, reason       string
	}
	var list []waiting
	err = s.inTx(ctx, func(tx conn) error {
		timing, err := tx.timingOf(ctx, feeding{channelID: at.channelID, runID: at.runID})
		if err != nil {
			return err
		}
		list, err = sqldb.Structs(ctx, tx, func(w *waiting) []any {
			return []any{&w.id, &w.due, &w.contactID, &w.reason, &w.zone}
		}, `SELECT m.id, m.due_at, m.contact_id, COALESCE(m.reason, ''), COALESCE((SELECT c.timezone FROM contacts c WHERE c.id = m.contact_id), '')
			FROM messages m `+tx.d.pendingIndex+" WHERE m.channel_id = ? AND m.run_id = ? AND m."+phasePending+
			" AND (m.due_at, m.id) > (?, ?) ORDER BY m.due_at, m.id LIMIT ?", at.channelID, at.runID, at.due, at.id, reconsiderBatch)
		if err != nil {
			return err
		}
		var moved [][2]int64
		for _, w := range list {
			if w.reason != messages.ReasonHours {
				continue
			}
			due := meantFor(&timing, w.zone, w.contactID)
			if !due.After(at.now) {
				due = at.now
			}
			moved = append(moved, [2]int64{w.id, due.UnixMilli()})
		}
		if len(moved) > 0 {
			_, err = tx.Exec(ctx, tx.d.statements.moveDue, nil, mustJSON(moved))
		}
		return err
	})
	if err == nil && len(list) > 0 {
		at.due, at.id = list[len(list)-1].due, list[len(list)-1].id
	}
	return len(list), err
}

// meantFor is the time that is meant for a contact, whatever the hours.
func meantFor(t *campaigns.Timing, zone string, contactID int64) time.Time {
	return t.Meant(t.Zone(zone)).Add(t.Share(contactID))
}
