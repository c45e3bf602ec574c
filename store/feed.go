package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"carillon/contacts"
	"carillon/internal/failpoint"
	"carillon/messages"
	"carillon/providers"
)

// Feedable lists what has messages waiting for room in a channel's window: the
// active runs, and under run 0 the transactional messages of each channel.
// Paused channels and runs are left out, and channels whose provider is not to be
// asked yet: their messages wait where every change reaches them.
func (s *Store) Feedable(ctx context.Context) ([]messages.Feedable, error) {
	var list []messages.Feedable
	now := ms(s.clock.Now())
	err := s.reader().scanAll(ctx, func(scan func(...any) error) error {
		var f messages.Feedable
		if err := scan(&f.ChannelID, &f.RunID, &f.CampaignID, &f.Weight, &f.Pending, &f.Queued); err != nil {
			return err
		}
		list = append(list, f)
		return nil
	}, `SELECT r.channel_id, r.id, r.campaign_id, k.weight, CAST(SUM(c.pending) AS BIGINT), CAST(SUM(c.queued) AS BIGINT)
		FROM runs r JOIN run_counts c ON c.run_id = r.id JOIN campaigns k ON k.id = r.campaign_id
		JOIN channels h ON h.id = r.channel_id AND h.status = 'active' AND (h.next_try_at IS NULL OR h.next_try_at <= ?)
		WHERE r.finished_at IS NULL AND r.status IN ('planning', 'sending')
		GROUP BY r.channel_id, r.id, r.campaign_id, k.weight HAVING SUM(c.pending) > 0
		UNION ALL
		SELECT c.channel_id, 0, 0, 1, CAST(SUM(c.pending) AS BIGINT), CAST(SUM(c.queued) AS BIGINT)
		FROM run_counts c JOIN channels h ON h.id = c.channel_id AND h.status = 'active' AND (h.next_try_at IS NULL OR h.next_try_at <= ?)
		WHERE c.run_id = 0 GROUP BY c.channel_id HAVING SUM(c.pending) > 0
		ORDER BY 1, 2`, now, now)
	return list, s.translate(err)
}

// Feed marks due messages queued, some for each of the given envelopes, and
// returns them. Whoever may not be written to any more is skipped instead. It returns nothing when the run or the
// channel is not sending, or while the queue is being cleared.
func (s *Store) Feed(ctx context.Context, request messages.FeedRequest) (messages []messages.FeedMessage, err error) {
	for range maxFruitless {
		var marked int
		messages, marked, err = s.feedOnce(ctx, request)
		if err != nil || len(messages) > 0 || marked == 0 {
			break
		}
	}
	if err == nil && len(messages) > 0 {
		failpoint.Hit(failpoint.AfterMarkQueued)
	}
	return messages, err
}

// maxFruitless is how often Feed goes on when everybody that it marked was
// skipped or had to wait, before others have their turn.
const maxFruitless = 10

// marked is a message that was marked queued, and to whom it goes.
type marked struct {
	messages.FeedMessage
	contactID int64
	address   string
}

func (s *Store) feedOnce(ctx context.Context, request messages.FeedRequest) (fed []messages.FeedMessage, n int, err error) {
	err = s.inTxAsync(ctx, func(tx conn) error {
		fed, n = nil, 0
		open, feeding, err := s.mayFeed(ctx, tx, request)
		if err != nil || !open {
			return err
		}
		d := deltas{}
		var list []marked
		for _, envelope := range request.Envelopes {
			batch, err := s.markQueued(ctx, tx, request, envelope)
			if err != nil {
				return err
			}
			list = append(list, batch...)
			if len(batch) < request.PerEnvelope {
				break
			}
		}
		if n = len(list); n == 0 {
			return nil
		}
		d.move(request.RunID, request.ChannelID, messages.Pending, messages.Queued, int64(n))
		if list, err = s.applyGates(ctx, tx, feeding, list, d); err != nil {
			return err
		}
		for _, m := range list {
			fed = append(fed, m.FeedMessage)
		}
		return d.apply(ctx, tx, shardFeeder)
	})
	return fed, n, err
}

// feeding is what the feeder knows of the run's channel and audience.
type feeding struct {
	accountID, channelID int64
	runID, campaignID    int64 // 0: transactional
	kind                 providers.AddressKind
	category             int64
	caps                 []contacts.FrequencyCap
}

// mayFeed checks, with a lock that pausing and canceling wait for, that the run
// and its channel are sending.
func (s *Store) mayFeed(ctx context.Context, tx conn, request messages.FeedRequest) (bool, feeding, error) {
	f := feeding{channelID: request.ChannelID, runID: request.RunID}
	err := tx.row(ctx, "SELECT account_id, address_kind FROM channels WHERE id = ? AND status = 'active'"+tx.d.forShare, request.ChannelID).
		Scan(&f.accountID, &f.kind)
	if errors.Is(err, sql.ErrNoRows) {
		return false, f, nil
	}
	if err != nil {
		return false, f, err
	}
	if request.RunID != 0 {
		err := tx.row(ctx, "SELECT campaign_id FROM runs WHERE id = ? AND status IN ('planning', 'sending')"+tx.d.forShare, request.RunID).Scan(&f.campaignID)
		if errors.Is(err, sql.ErrNoRows) {
			return false, f, nil
		}
		if err != nil {
			return false, f, err
		}
		if err := tx.row(ctx, "SELECT category_id FROM campaigns WHERE id = ?", f.campaignID).Scan(&f.category); err != nil {
			return false, f, err
		}
		if f.caps, err = capsFor(ctx, tx, f.accountID, f.category); err != nil {
			return false, f, err
		}
	}
	var clearing int
	err = tx.row(ctx, `SELECT COUNT(*) FROM clears WHERE finished_at IS NULL AND account_id = ?
		AND (channel_id = 0 OR channel_id = ?) AND (campaign_id = 0 OR campaign_id = ?)`,
		f.accountID, request.ChannelID, f.campaignID).Scan(&clearing)
	return clearing == 0, f, err
}

func (s *Store) markQueued(ctx context.Context, tx conn, request messages.FeedRequest, envelope int64) ([]marked, error) {
	now := ms(s.clock.Now())
	var batch []marked
	err := tx.scanAll(ctx, func(scan func(...any) error) error {
		m := marked{FeedMessage: messages.FeedMessage{EnvelopeID: envelope}}
		if err := scan(&m.ID, &m.Attempt, &m.contactID, &m.address); err != nil {
			return err
		}
		m.Attempt++
		batch = append(batch, m)
		return nil
	}, `UPDATE messages SET state = 1, envelope_id = ?, queued_at = ?, claimed_at = NULL, reason = NULL, detail = NULL
		WHERE state = 0 AND id `+tx.d.inQuery(`SELECT id FROM messages `+tx.d.pendingIndex+`
			WHERE channel_id = ? AND run_id = ? AND phase = 0 AND due_at <= ? ORDER BY due_at, id LIMIT ?`+tx.d.skipLocked)+`
		RETURNING id, attempt, contact_id, address`,
		envelope, now, request.ChannelID, request.RunID, now, request.PerEnvelope)
	slices.SortFunc(batch, func(a, b marked) int { return int(a.ID - b.ID) })
	return batch, err
}

// skipQueued moves queued messages to skipped.
func skipQueued(ctx context.Context, tx conn, runID, channelID int64, ids []int64, reason, detail string, at any, d deltas) error {
	n, err := tx.exec(ctx, "UPDATE messages SET state = 8, reason = ?, detail = ?, final_at = ? WHERE state = 1 AND id "+tx.d.inIDs,
		reason, nullText(detail), at, tx.d.idList(ids))
	d.move(runID, channelID, messages.Queued, messages.Skipped, n)
	return err
}

// Skip moves messages of an envelope that are queued, but can't be rendered, to
// skipped. It returns how many were still queued there.
func (s *Store) Skip(ctx context.Context, skip messages.Skipping) (skipped int64, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		skipped = 0
		for id, detail := range skip.Details {
			n, err := tx.exec(ctx, "UPDATE messages SET state = 8, reason = ?, detail = ?, final_at = ? WHERE state = 1 AND envelope_id = ? AND id = ?",
				skip.Reason, nullText(detail), ms(s.clock.Now()), skip.EnvelopeID, id)
			if err != nil {
				return err
			}
			skipped += n
		}
		d := deltas{}
		d.move(skip.RunID, skip.ChannelID, messages.Queued, messages.Skipped, skipped)
		return d.apply(ctx, tx, shardFeeder)
	})
	return skipped, err
}

// Unqueue takes messages of an envelope back to pending, to be fed again from
// due on: the worker found that it can't send them now.
func (s *Store) Unqueue(ctx context.Context, runID, channelID, envelopeID int64, ids []int64, due messages.Due) error {
	return s.inTx(ctx, func(tx conn) error {
		if !due.AsOf.IsZero() {
			// Locked, so that the change comes before, and is seen, or after, and finds
			// these messages.
			var updated millis
			if err := tx.row(ctx, "SELECT updated_at FROM channels WHERE id = ?"+tx.d.forShare, channelID).Scan(&updated); err != nil {
				return err
			}
			if updated.After(due.AsOf) {
				due.At = s.clock.Now()
			}
		}
		back, err := tx.idsOf(ctx, "UPDATE messages SET state = 0, reason = ?, detail = NULL, due_at = ? WHERE state = 1 AND envelope_id = ? AND id "+tx.d.inIDs+" RETURNING id",
			nullText(due.Reason), due.At.UnixMilli(), envelopeID, tx.d.idList(ids))
		if err != nil {
			return err
		}
		if err := keepMoves(ctx, tx, returned(back, s.clock.Now(), due.Reason)); err != nil {
			return err
		}
		d := deltas{}
		d.move(runID, channelID, messages.Queued, messages.Pending, int64(len(back)))
		return d.apply(ctx, tx, shardFeeder)
	})
}
