package store

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"time"

	"carillon/messages"
	"carillon/store/sqldb"
)

// What an account has sent of what it may in a day is counted where its messages are
// claimed, in the same transaction: whatever is killed or forgotten, no claim is left out
// and none counted twice. The day is a moving one, as that of a channel, in steps.

const (
	// sendsStep is what the day moves by.
	sendsStep = 5 * time.Minute
	// sendsSpan is for how long a claim counts, and by less than two steps more: its
	// request may begin a while after the claim, and is to be a day before the next.
	sendsSpan = 24 * time.Hour
	// sendsLock is the shard of the row, which counts nothing, that the claims of an
	// account with a limit wait for.
	sendsLock = -1
)

func sendsBucket(at time.Time) int64 { return at.UnixMilli() / sendsStep.Milliseconds() }

// firstSendsBucket is the oldest step that counts.
func firstSendsBucket(now time.Time) int64 { return sendsBucket(now.Add(-sendsSpan)) - 1 }

// accountOf is the account of a channel; 0 if the channel is gone for good.
func (tx conn) accountOf(ctx context.Context, channelID int64) (accountID int64, err error) {
	if known, ok := tx.s.accounts.Load(channelID); ok {
		return known.(int64), nil
	}
	if err = tx.Row(ctx, "SELECT account_id FROM channels WHERE id = ?", channelID).Scan(&accountID); err == nil {
		tx.s.accounts.Store(channelID, accountID) // which never changes
	}
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return accountID, err
}

// countSends adds to what of an account was claimed in a step, and returns the account's
// limit, 0 for none.
func (tx conn) countSends(ctx context.Context, accountID, bucket int64, shard int, n int64) (most int64, err error) {
	err = tx.Row(ctx, `INSERT INTO account_sends (account_id, bucket, shard, claimed) VALUES (?, ?, ?, ?)
		ON CONFLICT (account_id, bucket, shard) DO UPDATE SET claimed = account_sends.claimed + excluded.claimed
		RETURNING COALESCE((SELECT a.most_per_day FROM accounts a WHERE a.id = account_sends.account_id), 0)`,
		accountID, bucket, shard, n).Scan(&most)
	return most, err
}

// countClaims counts what a group has claimed. What is more than an account may send in a
// day goes back into its envelope, as if it had not been claimed. Accounts are counted in
// the order of their ids, so that two transactions wait for each other but never both.
func (l *ledger) countClaims(ctx context.Context, claims []*op, shard int) error {
	of := map[int64][]*op{}
	for _, o := range claims {
		if len(o.claimed) == 0 {
			continue
		}
		account, err := l.accountOf(ctx, o.claim.ChannelID)
		if err != nil {
			return err
		}
		of[account] = append(of[account], o)
	}
	bucket := sendsBucket(l.now)
	for _, account := range slices.Sorted(maps.Keys(of)) {
		var n int64
		for _, o := range of[account] {
			n += int64(len(o.claimed))
		}
		most, err := l.countSends(ctx, account, bucket, shard, n)
		if err != nil {
			return err
		}
		if most == 0 {
			continue
		}
		used, err := l.lockedSends(ctx, account)
		if err != nil {
			return err
		}
		over := min(n, used-most)
		if over <= 0 {
			continue
		}
		if err := l.refuseClaims(ctx, of[account], over); err != nil {
			return err
		}
		if _, err := l.countSends(ctx, account, bucket, shard, -over); err != nil {
			return err
		}
	}
	return nil
}

// lockedSends is what of an account counts now. Nobody else learns it until the
// transaction ends, and what was counted before has ended.
func (l *ledger) lockedSends(ctx context.Context, accountID int64) (used int64, err error) {
	if _, err := l.Exec(ctx, `INSERT INTO account_sends (account_id, bucket, shard, claimed) VALUES (?, 0, ?, 0)
		ON CONFLICT (account_id, bucket, shard) DO UPDATE SET claimed = 0`, accountID, sendsLock); err != nil {
		return 0, err
	}
	return l.sends(ctx, accountID)
}

// sends is what of an account counts now.
func (tx conn) sends(ctx context.Context, accountID int64) (used int64, err error) {
	err = tx.Row(ctx, "SELECT CAST(COALESCE(SUM(claimed), 0) AS BIGINT) FROM account_sends WHERE account_id = ? AND bucket >= ?",
		accountID, firstSendsBucket(tx.s.clock.Now())).Scan(&used)
	return used, err
}

// refuseClaims puts so many of what was claimed back, those of campaigns first.
func (l *ledger) refuseClaims(ctx context.Context, claims []*op, over int64) error {
	slices.SortStableFunc(claims, func(a, b *op) int {
		switch {
		case a.claim.RunID == 0 && b.claim.RunID != 0:
			return 1
		case a.claim.RunID != 0 && b.claim.RunID == 0:
			return -1
		}
		return 0
	})
	for _, o := range claims {
		n := min(over, int64(len(o.claimed)))
		if n == 0 {
			return nil
		}
		over -= n
		kept := int64(len(o.claimed)) - n
		if _, err := l.swap(ctx, change{move: moves.unclaim, uncounted: true, where: l.d.among("id", o.claimed[kept:])}); err != nil {
			return err
		}
		l.count(countKey{o.claim.RunID, o.claim.ChannelID}, messages.Sending, messages.Queued, n)
		o.claimed = o.claimed[:kept]
	}
	return nil
}

// unsent takes down that a message was claimed then and provably not asked for: its
// account may send another one instead.
func (l *ledger) unsent(channelID int64, claimedAt time.Time) {
	if !claimedAt.IsZero() {
		l.notAsked[notAskedKey{channelID, sendsBucket(claimedAt)}]++
	}
}

type notAskedKey struct{ channelID, bucket int64 }

// keepUnsent takes what was not asked for off what its accounts have sent.
func (l *ledger) keepUnsent(ctx context.Context, shard int) error {
	type key struct{ account, bucket int64 }
	of := map[key]int64{}
	for k, n := range l.notAsked {
		account, err := l.accountOf(ctx, k.channelID)
		if err != nil {
			return err
		}
		of[key{account, k.bucket}] += n
	}
	keys := slices.SortedFunc(maps.Keys(of), func(a, b key) int {
		if a.account != b.account {
			return int(a.account - b.account)
		}
		return int(a.bucket - b.bucket)
	})
	for _, k := range keys {
		if _, err := l.countSends(ctx, k.account, k.bucket, shard, -of[k]); err != nil {
			return err
		}
	}
	return nil
}

// DaySends is how much of its limit of a day an account has used.
func (s *Store) DaySends(ctx context.Context, accountID int64) (d messages.DaySends, err error) {
	tx := s.reader()
	if err = tx.Row(ctx, "SELECT COALESCE(most_per_day, 0) FROM accounts WHERE id = ?", accountID).Scan(&d.Most); err != nil {
		return d, s.translate(err)
	}
	if d.Most == 0 {
		return d, nil
	}
	var steps []struct{ bucket, n int64 }
	steps, err = sqldb.Query(ctx, tx, func(scan sqldb.Scan) (step struct{ bucket, n int64 }, err error) {
		err = scan(&step.bucket, &step.n)
		return step, err
	}, "SELECT bucket, CAST(SUM(claimed) AS BIGINT) FROM account_sends WHERE account_id = ? AND bucket >= ? GROUP BY bucket ORDER BY bucket",
		accountID, firstSendsBucket(s.clock.Now()))
	for _, step := range steps {
		d.Used += step.n
	}
	// There is room again when so many steps have left the day that less than the limit is
	// left in it.
	left := d.Used
	for _, step := range steps {
		if left < d.Most {
			break
		}
		if left -= step.n; left < d.Most {
			d.RoomAt = time.UnixMilli((step.bucket + 2) * sendsStep.Milliseconds()).Add(sendsSpan)
		}
	}
	return d, s.translate(err)
}

// FullDays are the accounts that have sent as much as they may in a day.
func (s *Store) FullDays(ctx context.Context) (map[int64]messages.DaySends, error) {
	limited, err := s.ids(ctx, "SELECT id FROM accounts WHERE most_per_day IS NOT NULL ORDER BY id")
	if err != nil {
		return nil, err
	}
	full := map[int64]messages.DaySends{}
	for _, id := range limited {
		d, err := s.DaySends(ctx, id)
		if err != nil {
			return nil, err
		}
		if d.Full() {
			full[id] = d
		}
	}
	return full, nil
}

// roomForDay is how many more messages of an account may be fed now, beside those that
// wait in windows.
func (tx conn) roomForDay(ctx context.Context, accountID, most int64) (room int64, err error) {
	used, err := tx.sends(ctx, accountID)
	if err != nil {
		return 0, err
	}
	var queued int64
	err = tx.Row(ctx, "SELECT CAST(COALESCE(SUM(queued), 0) AS BIGINT) FROM run_counts WHERE channel_id IN (SELECT id FROM channels WHERE account_id = ?)",
		accountID).Scan(&queued)
	return max(0, most-used-queued), err
}

// forgetSends forgets what counts no more.
func (tx conn) forgetSends(ctx context.Context) error {
	_, err := tx.Exec(ctx, "DELETE FROM account_sends WHERE bucket < ? AND shard <> ?", firstSendsBucket(tx.s.clock.Now().Add(-time.Hour)), sendsLock)
	return err
}
