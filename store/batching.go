package store

import (
	"context"

	"carillon/campaigns"
	"carillon/store/sqldb"
)

// batchOf is in which batches a campaign goes out, by what is kept as its throttle.
func batchOf(campaignID int64, throttle []byte) (campaigns.Batch, error) {
	var t campaigns.Throttle
	err := readParts(campaignID, part{"throttle", throttle, &t})
	return t.Batch, err
}

// keepBatching keeps where the batches of a run stand.
func (tx conn) keepBatching(ctx context.Context, runID int64, at campaigns.Batching) error {
	_, err := tx.Exec(ctx, "UPDATE runs SET batches_begun = ?, batch_left = ?, batch_next = ? WHERE id = ?", at.Begun, at.Left, sqldb.Millis(at.Next), runID)
	return err
}

// nextBatch is when the next batch of a run may begin, if nothing of it may go before.
func (s *Store) nextBatch(ctx context.Context, runID int64) (next sqldb.Time, waits bool, err error) {
	var throttle []byte
	var campaignID int64
	var at campaigns.Batching
	err = s.reader().Row(ctx, `SELECT k.id, k.throttle, r.batches_begun, r.batch_left, r.batch_next
		FROM runs r JOIN campaigns k ON k.id = r.campaign_id WHERE r.id = ?`, runID).Scan(&campaignID, &throttle, &at.Begun, &at.Left, &next)
	if err != nil {
		return next, false, err
	}
	b, err := batchOf(campaignID, throttle)
	at.Next = next.Time
	return next, err == nil && b.On() && b.Room(at, s.clock.Now()) == 0, err
}
