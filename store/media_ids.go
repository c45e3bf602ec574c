package store

import (
	"context"
	"database/sql"
	"errors"

	"carillon/messages"
	"carillon/store/sqldb"
)

// KeptMedia is what the provider of a channel calls a file; its ID is empty where it has none, or
// none that lasts beyond a moment.
func (s *Store) KeptMedia(ctx context.Context, of messages.MediaOf) (kept messages.KeptMedia, err error) {
	var until sqldb.Time
	err = s.reader().Row(ctx, "SELECT provider_id, expires_at FROM media_ids WHERE channel_id = ? AND file_id = ? AND sort = ?", of.ChannelID, of.FileID, of.Sort).
		Scan(&kept.ID, &until)
	if errors.Is(err, sql.ErrNoRows) {
		return kept, nil
	}
	kept.Until = until.Time
	return kept, s.translate(err)
}

// KeepMedia keeps what the provider of a channel calls a file. It changes nothing where the
// channel has been configured anew since, or the file is gone.
func (s *Store) KeepMedia(ctx context.Context, of messages.MediaOf, kept messages.KeptMedia) error {
	return s.inTx(ctx, func(tx conn) error {
		var until any
		if !kept.Until.IsZero() {
			until = sqldb.Millis(kept.Until)
		}
		_, err := tx.Exec(ctx, `INSERT INTO media_ids (channel_id, file_id, sort, provider_id, expires_at)
			SELECT c.id, f.id, CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT) FROM channels c JOIN files f ON f.account_id = c.account_id
			WHERE c.id = ? AND c.epoch = ? AND f.id = ? AND c.deleted_at IS NULL
			ON CONFLICT (channel_id, file_id, sort) DO UPDATE SET provider_id = excluded.provider_id, expires_at = excluded.expires_at`,
			of.Sort, kept.ID, until, of.ChannelID, of.Epoch, of.FileID)
		return err
	})
}

// ForgetMedia forgets an id that a provider does not know any more, unless there is another.
func (s *Store) ForgetMedia(ctx context.Context, of messages.MediaOf, id string) error {
	return s.inTx(ctx, func(tx conn) error {
		_, err := tx.Exec(ctx, "DELETE FROM media_ids WHERE channel_id = ? AND file_id = ? AND sort = ? AND provider_id = ?", of.ChannelID, of.FileID, of.Sort, id)
		return err
	})
}
