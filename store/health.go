package store

import (
	"context"
	"database/sql"
	"errors"

	"carillon/channels"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
)

// touch moves a channel's updated_at on with every call, so that what was seen
// of the channel before can be told from what is now.
const touch = "updated_at = CASE WHEN updated_at < ? THEN ? ELSE updated_at + 1 END"

// nothingKnown is the health of a channel of which nothing is known yet.
const nothingKnown = "health = 'ok', health_reason = '', health_since = NULL, next_try_at = NULL"

// NoteHealth keeps what a worker has found of a channel's provider. It changes
// nothing unless the channel is active and has not begun anew since epoch: what is
// true of an old configuration is not held against a new one. Since stays while the state does.
func (s *Store) NoteHealth(ctx context.Context, channelID, epoch int64, h providers.Health) error {
	since := sqldb.Millis(h.Since)
	if h.State == providers.HealthOK {
		since = nil
	}
	return s.inTx(ctx, func(tx conn) error {
		_, err := tx.Exec(ctx, `UPDATE channels SET health_since = CASE WHEN health = ? AND health_since IS NOT NULL THEN health_since ELSE ? END,
			health = ?, health_reason = ?, next_try_at = ? WHERE id = ? AND status = 'active' AND epoch = ?`,
			string(h.State), since, string(h.State), clean(h.Reason), sqldb.Millis(h.NextTry), channelID, epoch)
		return err
	})
}

// StopChannel stops a channel whose provider refuses everybody, until a person
// resumes it. It reports false, and changes nothing, unless the channel is active
// and has not begun anew since epoch. Those in charge are told in the same transaction.
func (s *Store) StopChannel(ctx context.Context, channelID, epoch int64, reason string) (stopped bool, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		now := sqldb.Millis(s.clock.Now())
		var accountID int64
		var name string
		err := tx.Row(ctx, "UPDATE channels SET status = 'stopped', status_reason = ?, status_since = ?, health = 'stopped', health_reason = ?, health_since = "+
			"?, next_try_at = NULL, "+
			touch+" WHERE id = ? AND status = 'active' AND epoch = ? AND deleted_at IS NULL RETURNING account_id, name",
			clean(reason), now, clean(reason), now, now, now, channelID, epoch).Scan(&accountID, &name)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		stopped = true
		if err := tx.takeBack(ctx, windowOf{channelID: channelID}, messages.ReasonChannelStopped); err != nil {
			return err
		}
		return tx.mailTrouble(ctx, accountID, channelID, channels.StoppedMail(channelID, name, clean(reason)))
	})
	return stopped, err
}
