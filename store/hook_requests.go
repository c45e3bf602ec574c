package store

import (
	"context"
	"time"

	"carillon/store/sqldb"
)

// Providers repeat a request that they are not sure was taken: by the Standard
// Webhooks specification for some days, WhatsApp for up to seven. maxRequests
// bounds what is remembered by number: some 100 MB.
const (
	requestsKeptFor = 8 * 24 * time.Hour
	maxRequests     = 1_000_000
)

// remember notes the request of a group's receipts, and whether it is known.
func (tx conn) remember(ctx context.Context, o *op, now time.Time) error {
	o.repeated = false
	if o.request == "" {
		return nil
	}
	n, err := tx.Exec(ctx, "INSERT INTO hook_requests (channel_id, webhook_id, received_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
		o.channel, clean(o.request), sqldb.Millis(now))
	o.repeated = n == 0
	return err
}

// forgetRequests forgets a batch of the requests that are not repeated any more,
// and of the oldest if there are too many.
func (s *Store) forgetRequests(ctx context.Context) (n int64, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		// The newest of those that are too many; none while there is room.
		const surplus = "(SELECT received_at FROM hook_requests ORDER BY received_at DESC LIMIT 1 OFFSET ?)"
		n, err = tx.Exec(ctx, `DELETE FROM hook_requests WHERE (channel_id, webhook_id) IN (SELECT channel_id, webhook_id FROM hook_requests
			WHERE received_at < ? OR received_at <= `+surplus+" ORDER BY received_at LIMIT ?)",
			sqldb.Millis(s.clock.Now().Add(-requestsKeptFor)), s.maxRequests, forgetBatch)
		return err
	})
	return n, err
}
