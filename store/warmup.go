package store

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"carillon/contacts"
	"carillon/messages"
	"carillon/providers"
	"carillon/statistics"
	"carillon/store/sqldb"
)

// readWarmth reads where a warm-up stands, as it is kept: JSON, empty for none.
func readWarmth(text string) (*providers.Warmth, error) {
	if text == "" {
		return nil, nil
	}
	at := new(providers.Warmth)
	return at, json.Unmarshal([]byte(text), at)
}

// adoptWarmUp begins a channel's warm-up, goes on with one that was changed, or ends
// one that was taken away.
func (tx conn) adoptWarmUp(ctx context.Context, c providers.Channel, before *providers.Warmth) error {
	if !c.Limits.WarmUp.On() {
		_, err := tx.Exec(ctx, "UPDATE channels SET warmth = '' WHERE id = ?", c.ID)
		return err
	}
	total, err := tx.traffic(ctx, c.ID)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "UPDATE channels SET warmth = ? WHERE id = ?", mustJSON(c.Limits.WarmUp.Adopt(before, c.SenderDomain, total)), c.ID)
	return err
}

// traffic is what has come of a channel's messages.
func (tx conn) traffic(ctx context.Context, channelID int64) (t providers.Traffic, err error) {
	var counts messages.Counts
	if err := tx.Row(ctx, "SELECT "+sumCounts+" FROM run_counts c WHERE c.channel_id = ?", channelID).Scan(countTargets(&counts)...); err != nil {
		return t, err
	}
	t.Asked = counts.Asked()
	err = tx.Row(ctx, `SELECT CAST(COALESCE(SUM(deferred), 0) AS BIGINT), CAST(COALESCE(SUM(bounced), 0) AS BIGINT), CAST(COALESCE(SUM(complained), 0) AS BIGINT)
		FROM channel_troubles WHERE channel_id = ?`, channelID).Scan(&t.Deferred, &t.Bounced, &t.Complained)
	return t, err
}

// keepTroubles adds to a column of the channels' troubles.
func (tx conn) keepTroubles(ctx context.Context, column string, by map[int64]int64, shard int) error {
	for _, id := range slices.Sorted(maps.Keys(by)) { // in one order, so that no two transactions wait crosswise
		if _, err := tx.Exec(ctx, "INSERT INTO channel_troubles (channel_id, shard, "+column+") VALUES (?, ?, ?) ON CONFLICT (channel_id, shard) DO UPDATE SET "+
			column+" = channel_troubles."+column+" + excluded."+column, id, shard, by[id]); err != nil {
			return err
		}
	}
	return nil
}

// keepDeferred adds how often providers put messages off.
func (tx conn) keepDeferred(ctx context.Context, by map[int64]int64, shard int) error {
	return tx.keepTroubles(ctx, "deferred", by, shard)
}

// suppressedBy is of how many addresses the messages were for which they were
// suppressed, by channel and by run.
type suppressedBy struct {
	channels, runs map[int64]int64
	mailboxes      map[channelMailbox]int64
}

// keepSuppressed adds how many addresses were suppressed, by the source of that, and has
// the guards of complaints look.
func (tx conn) keepSuppressed(ctx context.Context, source string, by suppressedBy) error {
	if source == contacts.SourceProvider {
		return nil // nothing went wrong, and opting out is counted where it is recorded
	}
	metric := statistics.Bounced
	if source == contacts.SourceComplaint {
		metric = statistics.Complained
	}
	if err := tx.keepOfRuns(ctx, metric, by.runs); err != nil {
		return err
	}
	if source != contacts.SourceComplaint {
		if err := tx.keepMailboxTroubles(ctx, "bounced", by.mailboxes); err != nil {
			return err
		}
		return tx.keepTroubles(ctx, "bounced", by.channels, shardOperator)
	}
	for _, id := range slices.Sorted(maps.Keys(by.runs)) {
		if err := tx.complained(ctx, id, by.runs[id]); err != nil {
			return err
		}
	}
	if err := tx.keepMailboxTroubles(ctx, "complained", by.mailboxes); err != nil {
		return err
	}
	return tx.keepTroubles(ctx, "complained", by.channels, shardOperator)
}

// WarmUp takes the warm-ups of channels a step on where it is time: what the day allows
// grows, or is lowered because too much went wrong. It returns the channels whose day
// allows another number now, and costs by the channels that warm up.
func (s *Store) WarmUp(ctx context.Context) (changed []providers.Channel, err error) {
	ids, err := s.ids(ctx, "SELECT id FROM channels WHERE (warmth <> '' OR mailbox_warmth <> '') AND deleted_at IS NULL ORDER BY id")
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		c, moved, err := s.warmUp(ctx, id)
		if err != nil {
			return changed, s.translate(err)
		}
		if moved {
			changed = append(changed, c)
		}
	}
	return changed, nil
}

// stepOn takes a channel's own warm-up a step on, from where it stood, and reports whether its day
// allows another number now.
func (tx conn) stepOn(ctx context.Context, c providers.Channel, kept string, now time.Time) (moved bool, err error) {
	at, err := readWarmth(kept)
	if err != nil || at == nil {
		return false, err
	}
	total, err := tx.traffic(ctx, c.ID)
	if err != nil {
		return false, err
	}
	next := c.Limits.WarmUp.Step(*at, total, now)
	if next == *at {
		return false, nil
	}
	_, err = tx.Exec(ctx, "UPDATE channels SET warmth = ? WHERE id = ?", mustJSON(next), c.ID)
	return next.Allowance != at.Allowance || next.Slowed != at.Slowed, err
}

func (s *Store) warmUp(ctx context.Context, id int64) (c providers.Channel, moved bool, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		moved = false
		var kept, keptMailboxes string
		var limits []byte
		err := tx.Row(ctx, "SELECT warmth, mailbox_warmth, limits FROM channels WHERE id = ?"+tx.d.ForUpdate, id).Scan(&kept, &keptMailboxes, &limits)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(limits, &c.Limits); err != nil {
			return err
		}
		c.ID = id
		now := s.clock.Now()
		own, err := tx.stepOn(ctx, c, kept, now)
		if err != nil {
			return err
		}
		mailboxes, err := tx.stepMailboxesOn(ctx, c, keptMailboxes, now)
		if moved = own || mailboxes; err != nil || !moved {
			return err
		}
		// Who waits for room in the day is looked at again by the new number.
		millis := sqldb.Millis(now)
		if _, err := tx.Exec(ctx, "UPDATE channels SET reconsider = CASE WHEN reconsider < ? THEN ? ELSE reconsider END, "+touch+" WHERE id = ?",
			limitsChanged, limitsChanged, millis, millis, id); err != nil {
			return err
		}
		c, err = s.scanChannel(tx.Row(ctx, selectChannel+" WHERE id = ?", id).Scan)
		return err
	})
	return c, moved, err
}
