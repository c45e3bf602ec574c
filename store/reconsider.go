package store

import (
	"context"
	"database/sql"
	"errors"

	"carillon/messages"
	"carillon/store/sqldb"
)

// What of a channel has changed, in channels.reconsider.
const (
	nothingChanged = iota
	limitsChanged
	begunAnew
)

// reconsidered are the reasons for which messages wait for a time that a channel's
// limits set, and behind them those of a time that its provider's answers set.
var reconsidered = []string{
	limitsChanged: `'` + messages.ReasonChannelHeld + `', '` + messages.ReasonThrottled + `', '` + messages.ReasonRecipientPerDay + `', '` +
		messages.ReasonRecipientSpacing + `', '` + messages.ReasonMailbox + `', '` + messages.ReasonMailboxPerDay + `'`,
	begunAnew: `'` + messages.ReasonChannelHeld + `', '` + messages.ReasonThrottled + `', '` + messages.ReasonRecipientPerDay + `', '` +
		messages.ReasonRecipientSpacing + `', '` + messages.ReasonMailbox + `', '` + messages.ReasonMailboxPerDay + `', '` +
		messages.ReasonTemporary + `'`,
}

// reconsiderBatch bounds the messages that one transaction reconsiders.
const reconsiderBatch = 5000

// Reconsider lets messages that wait for a later time be fed now, because the
// limits that set that time have changed, or their channel begins anew: one batch,
// oldest due time first. It reports whether there may be more. Whom the new limits
// do not allow either waits again, by these.
func (s *Store) Reconsider(ctx context.Context) (more bool, err error) {
	if more, err = s.reconsiderHours(ctx); err != nil || more {
		return more, err
	}
	var channelID, updatedAt int64
	var changed int
	err = s.reader().Row(ctx, "SELECT id, reconsider, updated_at FROM channels WHERE reconsider > 0 ORDER BY id LIMIT 1").Scan(&channelID, &changed, &updatedAt)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, s.translate(err)
	}
	runs, err := s.ids(ctx, "SELECT run_id FROM run_counts WHERE channel_id = ? GROUP BY run_id HAVING SUM(pending) > 0 ORDER BY run_id", channelID)
	if err != nil {
		return false, err
	}
	now := sqldb.Millis(s.clock.Now())
	for _, runID := range runs {
		n := int64(0)
		err := s.inTx(ctx, func(tx conn) (err error) {
			n, err = tx.Exec(ctx, `UPDATE messages SET due_at = ? WHERE state `+is(messages.Pending)+` AND id `+
				tx.d.InQuery("SELECT id FROM messages "+tx.d.pendingIndex+" WHERE channel_id = ? AND run_id = ? AND "+phasePending+" AND due_at > ? AND reason IN ("+
					reconsidered[changed]+") ORDER BY due_at, id LIMIT ?"+tx.d.SkipLocked),
				now, channelID, runID, now, reconsiderBatch)
			return err
		})
		if err != nil || n > 0 {
			return err == nil, err
		}
	}
	// Unless it has changed again meanwhile.
	err = s.inTx(ctx, func(tx conn) error {
		_, err := tx.Exec(ctx, "UPDATE channels SET reconsider = 0 WHERE id = ? AND updated_at = ?", channelID, updatedAt)
		return err
	})
	return true, err
}
