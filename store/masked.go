package store

import (
	"context"

	"carillon/messages"
	"carillon/store/sqldb"
)

// mask has the content of a single message forgotten once it was sent.
func (tx conn) mask(ctx context.Context, messageID int64) error {
	_, err := tx.Exec(ctx, "INSERT INTO masked_messages (message_id) VALUES (?)", messageID)
	return err
}

// forgetMasked forgets what a batch of masked messages said that were sent, or will not be.
// Those that failed keep it: a person may have them sent again.
func (tx conn) forgetMasked(ctx context.Context) (n int64, err error) {
	ids, err := sqldb.IDs(ctx, tx, "SELECT m.id FROM messages m JOIN masked_messages k ON k.message_id = m.id WHERE m.state "+
		is(messages.Sent, messages.Delivered, messages.Read, messages.Skipped, messages.Canceled)+" ORDER BY m.id LIMIT ?"+tx.d.ForUpdate, forgetBatch)
	if err != nil {
		return 0, err
	}
	if len(ids) > 0 {
		which := tx.d.among("message_id", ids)
		for _, table := range []string{"message_contents", "message_metadata", "masked_messages"} {
			if _, err := tx.Exec(ctx, "DELETE FROM "+table+" WHERE "+which.sql, which.args...); err != nil {
				return 0, err
			}
		}
	}
	_, err = tx.Exec(ctx, "DELETE FROM masked_messages WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = masked_messages.message_id)")
	return int64(len(ids)), err
}
