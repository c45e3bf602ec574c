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
	"carillon/store/sqldb"
)

// Feedable lists what has messages waiting for room in a channel's window: the
// active runs, and under run 0 the transactional messages of each channel.
// Paused channels and runs are left out, and channels whose provider is not to be
// asked yet: their messages wait where every change reaches them.
func (s *Store) Feedable(ctx context.Context) ([]messages.Feedable, error) {

	now := sqldb.Millis(s.clock.Now())
	list, err := sqldb.Structs(ctx, s.reader(), func(f *messages.Feedable) []any {
		return []any{&f.ChannelID, &f.RunID, &f.CampaignID, &f.Weight, &f.Pending, &f.Queued}
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
		open, feeding, err := tx.mayFeed(ctx, request)
		if err != nil || !open {
			return err
		}
		d := deltas{}
		var list []marked
		for _, envelope := range request.Envelopes {
			batch, err := tx.markQueued(ctx, request, envelope)
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
		if list, err = tx.applyGates(ctx, request, feeding, list, d); err != nil {
			return err
		}
		if list, err = tx.applyCaps(ctx, request, feeding, list, d); err != nil {
			return err
		}
		for _, m := range list {
			fed = append(fed, m.FeedMessage)
		}
		return tx.keepCounts(ctx, d, shardFeeder)
	})
	return fed, n, err
}

// feeding is what the feeder knows of the run's channel and audience.
type feeding struct {
	accountID  int64
	campaignID int64 // 0: transactional
	kind       providers.AddressKind
	category   int64
	caps       []contacts.FrequencyCap
}

// mayFeed checks, with a lock that pausing and canceling wait for, that the run
// and its channel are sending.
func (tx conn) mayFeed(ctx context.Context, request messages.FeedRequest) (bool, feeding, error) {
	var f feeding
	err := tx.Row(ctx, "SELECT account_id, address_kind FROM channels WHERE id = ? AND status = 'active'"+tx.d.ForShare, request.ChannelID).
		Scan(&f.accountID, &f.kind)
	if errors.Is(err, sql.ErrNoRows) {
		return false, f, nil
	}
	if err != nil {
		return false, f, err
	}
	if request.RunID != 0 {
		err := tx.Row(ctx, "SELECT campaign_id FROM runs WHERE id = ? AND status IN ('planning', 'sending')"+tx.d.ForShare, request.RunID).Scan(&f.campaignID)
		if errors.Is(err, sql.ErrNoRows) {
			return false, f, nil
		}
		if err != nil {
			return false, f, err
		}
		if err := tx.Row(ctx, "SELECT category_id FROM campaigns WHERE id = ?", f.campaignID).Scan(&f.category); err != nil {
			return false, f, err
		}
		if f.caps, err = tx.capsFor(ctx, f.accountID, f.category); err != nil {
			return false, f, err
		}
	}
	var clearing int
	err = tx.Row(ctx, `SELECT COUNT(*) FROM clears WHERE finished_at IS NULL AND account_id = ?
		AND (channel_id = 0 OR channel_id = ?) AND (campaign_id = 0 OR campaign_id = ?)`,
		f.accountID, request.ChannelID, f.campaignID).Scan(&clearing)
	return clearing == 0, f, err
}

func (tx conn) markQueued(ctx context.Context, request messages.FeedRequest, envelope int64) ([]marked, error) {
	now := sqldb.Millis(tx.s.clock.Now())
	batch, err := sqldb.Query(ctx, tx, func(scan sqldb.Scan) (marked, error) {
		m := marked{FeedMessage: messages.FeedMessage{EnvelopeID: envelope}}
		if err := scan(&m.ID, &m.Attempt, &m.contactID, &m.address); err != nil {
			return m, err
		}
		m.Attempt++
		return m, nil
	}, `UPDATE messages SET state = 1, envelope_id = ?, queued_at = ?, claimed_at = NULL, reason = NULL, detail = NULL
		WHERE state = 0 AND id `+tx.d.InQuery(`SELECT id FROM messages `+tx.d.pendingIndex+`
			WHERE channel_id = ? AND run_id = ? AND phase = 0 AND due_at <= ? ORDER BY due_at, id LIMIT ?`+tx.d.SkipLocked)+`
		RETURNING id, attempt, contact_id, address`,
		envelope, now, request.ChannelID, request.RunID, now, request.PerEnvelope)
	slices.SortFunc(batch, func(a, b marked) int { return int(a.ID - b.ID) })
	return batch, err
}

// gates is what keeps recipients from being written to now.
type gates struct {
	transactional bool
	status        map[int64]contacts.ContactStatus
	refused       map[string]string // reason, by address
	left          map[int64]bool    // the campaign's category, by contact
}

// gates looks at consent and status of the recipients of messages.
func (tx conn) gates(ctx context.Context, f feeding, transactional bool, messages []marked) (g gates, err error) {
	contactIDs := make([]int64, 0, len(messages))
	addresses := make([]string, 0, len(messages))
	for _, m := range messages {
		if m.contactID != 0 {
			contactIDs = append(contactIDs, m.contactID)
		}
		addresses = append(addresses, m.address)
	}
	g.transactional = transactional
	if g.status, err = tx.contactStatus(ctx, contactIDs); err != nil {
		return g, err
	}
	if g.refused, err = tx.suppressedAddresses(ctx, f, addresses, transactional); err != nil {
		return g, err
	}
	g.left, err = tx.leftCategory(ctx, f.accountID, f.category, f.kind, contactIDs)
	return g, err
}

func (tx conn) contactStatus(ctx context.Context, ids []int64) (map[int64]contacts.ContactStatus, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return sqldb.Map[int64, contacts.ContactStatus](ctx, tx, "SELECT id, status FROM contacts WHERE id "+tx.d.InIDs, tx.d.IDList(ids))
}

// reason is why a message must not be sent, or empty.
func (g gates) reason(m marked) string {
	status, known := g.status[m.contactID]
	switch {
	case g.refused[m.address] != "":
		return g.refused[m.address]
	case m.contactID == 0:
		return ""
	case !known, status == contacts.Deleted:
		return messages.ReasonDeleted
	case status == contacts.Blocked:
		return messages.ReasonBlocked
	case status == contacts.Inactive && !g.transactional:
		return messages.ReasonInactive
	case g.left[m.contactID]:
		return messages.ReasonOptedOut
	}
	return ""
}

// applyGates skips those who must not be written to any more: consent and status
// are looked at again here, whatever they were when the run was planned.
func (tx conn) applyGates(ctx context.Context, request messages.FeedRequest, f feeding, messages []marked, d deltas) ([]marked, error) {
	g, err := tx.gates(ctx, f, request.RunID == 0, messages)
	if err != nil {
		return nil, err
	}
	kept := messages[:0]
	skipped := map[string][]int64{}
	for _, m := range messages {
		if reason := g.reason(m); reason != "" {
			skipped[reason] = append(skipped[reason], m.ID)
		} else {
			kept = append(kept, m)
		}
	}
	for reason, ids := range skipped {
		if err := tx.skipQueued(ctx, request.RunID, request.ChannelID, ids, reason, "", sqldb.Millis(tx.s.clock.Now()), d); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

// suppressedAddresses says which addresses must not be written to, and why. An
// unsubscribed recipient still gets transactional messages.
func (tx conn) suppressedAddresses(ctx context.Context, f feeding, addresses []string, transactional bool) (map[string]string, error) {
	found := map[string]string{}
	err := sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var address, why string
		if err := scan(&address, &why); err != nil {
			return err
		}
		switch {
		case why != unsubscribed:
			found[address] = messages.ReasonSuppressed
		case !transactional:
			found[address] = messages.ReasonOptedOut
		}
		return nil
	}, "SELECT address, reason FROM suppressions WHERE account_id = ? AND kind = ? AND address "+tx.d.InTexts,
		f.accountID, string(f.kind), tx.d.TextList(addresses))
	return found, err
}

// skipQueued moves queued messages to skipped.
func (tx conn) skipQueued(ctx context.Context, runID, channelID int64, ids []int64, reason, detail string, at any, d deltas) error {
	n, err := tx.Exec(ctx, "UPDATE messages SET state = 8, reason = ?, detail = ?, final_at = ? WHERE state = 1 AND id "+tx.d.InIDs,
		reason, nullText(detail), at, tx.d.IDList(ids))
	d.move(runID, channelID, messages.Queued, messages.Skipped, n)
	return err
}

// Skip moves messages of an envelope that are queued, but can't be rendered, to
// skipped. It returns how many were still queued there.
func (s *Store) Skip(ctx context.Context, skip messages.Skipping) (skipped int64, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		skipped = 0
		for id, detail := range skip.Details {
			n, err := tx.Exec(ctx, "UPDATE messages SET state = 8, reason = ?, detail = ?, final_at = ? WHERE state = 1 AND envelope_id = ? AND id = ?",
				skip.Reason, nullText(detail), sqldb.Millis(s.clock.Now()), skip.EnvelopeID, id)
			if err != nil {
				return err
			}
			skipped += n
		}
		d := deltas{}
		d.move(skip.RunID, skip.ChannelID, messages.Queued, messages.Skipped, skipped)
		return tx.keepCounts(ctx, d, shardFeeder)
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
			var updated sqldb.Time
			if err := tx.Row(ctx, "SELECT updated_at FROM channels WHERE id = ?"+tx.d.ForShare, channelID).Scan(&updated); err != nil {
				return err
			}
			if updated.After(due.AsOf) {
				due.At = s.clock.Now()
			}
		}
		back, err := sqldb.IDs(ctx, tx, "UPDATE messages SET state = 0, reason = ?, detail = NULL, due_at = ? WHERE state = 1 AND envelope_id = ? AND id "+tx.d.InIDs+" RETURNING id",
			nullText(due.Reason), due.At.UnixMilli(), envelopeID, tx.d.IDList(ids))
		if err != nil {
			return err
		}
		if err := tx.keepMoves(ctx, returned(back, s.clock.Now(), due.Reason)); err != nil {
			return err
		}
		d := deltas{}
		d.move(runID, channelID, messages.Queued, messages.Pending, int64(len(back)))
		return tx.keepCounts(ctx, d, shardFeeder)
	})
}
