package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"carillon/campaigns"
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
		WHERE r.finished_at IS NULL AND r.status IN ('planning', 'sending') AND r.guard <> 'held' AND `+notOnlyUndecided(s.d.pendingIndex)+`
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
// Who is late is moved on as a whole before anybody else is looked at.
func (s *Store) Feed(ctx context.Context, request messages.FeedRequest) ([]messages.FeedMessage, error) {
	var once fedOnce
	for range maxFruitless {
		moving, err := s.moveLate(ctx, request)
		if err != nil || moving {
			return nil, err
		}
		if once, err = s.feedOnce(ctx, request); err != nil {
			return nil, err
		}
		if once.late {
			s.lates.found(request, once.timing, s.clock.Now())
		}
		if len(once.fed) > 0 || once.marked == 0 {
			break
		}
	}
	if len(once.fed) > 0 {
		failpoint.Hit(failpoint.AfterMarkQueued)
	}
	return once.fed, nil
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

// fedOnce is what became of one try to feed.
type fedOnce struct {
	fed    []messages.FeedMessage
	marked int
	// late says that some were outside of their hours, or had expired, by this timing.
	late   bool
	timing campaigns.Timing
}

func (s *Store) feedOnce(ctx context.Context, request messages.FeedRequest) (once fedOnce, err error) {
	err = s.inTxAsync(ctx, func(tx conn) error {
		once = fedOnce{}
		open, feeding, err := tx.feedingIfOpen(ctx, request)
		if err != nil || !open {
			return err
		}
		l := tx.ledger()
		var list []marked
		for _, envelope := range request.Envelopes {
			batch, err := l.markQueued(ctx, request, envelope)
			if err != nil {
				return err
			}
			list = append(list, batch...)
			if len(batch) < request.PerEnvelope {
				break
			}
		}
		if once.marked = len(list); once.marked == 0 {
			return nil
		}
		once.timing = feeding.timing
		l.count(countKey{request.RunID, request.ChannelID}, messages.Pending, messages.Queued, int64(once.marked))
		if list, once.late, err = l.applyGates(ctx, feeding, list); err != nil {
			return err
		}
		for _, m := range list {
			once.fed = append(once.fed, m.FeedMessage)
		}
		return l.close(ctx, shardFeeder)
	})
	return once, err
}

// feeding is what the feeder knows of the run's channel and audience.
type feeding struct {
	accountID, channelID int64
	runID, campaignID    int64 // 0: transactional
	kind                 providers.AddressKind
	category             int64
	caps                 []contacts.FrequencyCap
	timing               campaigns.Timing
}

// feedingIfOpen checks, with a lock that pausing and canceling wait for, that the run
// and its channel are sending.
func (tx conn) feedingIfOpen(ctx context.Context, request messages.FeedRequest) (bool, feeding, error) {
	f := feeding{channelID: request.ChannelID, runID: request.RunID}
	err := tx.Row(ctx, "SELECT account_id, address_kind FROM channels WHERE id = ? AND status = 'active'"+tx.d.ForShare, request.ChannelID).
		Scan(&f.accountID, &f.kind)
	if errors.Is(err, sql.ErrNoRows) {
		return false, f, nil
	}
	if err != nil {
		return false, f, err
	}
	if request.RunID != 0 {
		err := tx.Row(ctx, "SELECT campaign_id FROM runs WHERE id = ? AND status IN ('planning', 'sending') AND guard <> 'held'"+tx.d.ForShare,
			request.RunID).Scan(&f.campaignID)
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
	if f.timing, err = tx.timingOf(ctx, f); err != nil {
		return false, f, err
	}
	var clearing int
	err = tx.Row(ctx, `SELECT COUNT(*) FROM clears WHERE finished_at IS NULL AND account_id = ?
		AND (channel_id = 0 OR channel_id = ?) AND (campaign_id = 0 OR campaign_id = ?)`,
		f.accountID, request.ChannelID, f.campaignID).Scan(&clearing)
	return clearing == 0, f, err
}

func (l *ledger) markQueued(ctx context.Context, request messages.FeedRequest, envelope int64) ([]marked, error) {
	now := sqldb.Millis(l.now)
	batch, err := swapReturning(ctx, l, change{
		move: moves.feed, args: []any{envelope, now},
		where: fragment{"id " + l.d.InQuery("SELECT id FROM messages "+l.d.pendingIndex+" WHERE channel_id = ? AND run_id = ? AND "+phasePending+
			" AND due_at <= ? ORDER BY due_at, id LIMIT ?"+l.d.SkipLocked), []any{request.ChannelID, request.RunID, now, request.PerEnvelope}},
	}, "id, attempt, contact_id, address", func(scan sqldb.Scan) (marked, error) {
		m := marked{FeedMessage: messages.FeedMessage{EnvelopeID: envelope}}
		err := scan(&m.ID, &m.Attempt, &m.contactID, &m.address)
		m.Attempt++
		return m, err
	})
	slices.SortFunc(batch, func(a, b marked) int { return int(a.ID - b.ID) })
	return batch, err
}

// skipping is why queued messages of a run and channel are skipped, and when.
type skipping struct {
	countKey
	reason, detail string
	at             time.Time
}

func (w skipping) change(where fragment) change {
	return change{
		move: moves.skip.narrowed(messages.Queued), args: []any{w.reason, nullText(w.detail), sqldb.Millis(w.at)}, whose: &w.countKey, where: where,
	}
}

// skipQueued moves queued messages to skipped.
func (l *ledger) skipQueued(ctx context.Context, ids []int64, why skipping) error {
	_, err := l.swap(ctx, why.change(fragment{"id " + l.d.InIDs, []any{l.d.IDList(ids)}}))
	return err
}

// Skip moves messages of an envelope that are queued, but can't be rendered, to
// skipped. It returns how many were still queued there.
func (s *Store) Skip(ctx context.Context, skip messages.Skipping) (skipped int64, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		skipped = 0
		l := tx.ledger()
		for id, detail := range skip.Details {
			why := skipping{countKey{skip.RunID, skip.ChannelID}, skip.Reason, detail, s.clock.Now()}
			n, err := l.swap(ctx, why.change(fragment{"envelope_id = ? AND id = ?", []any{skip.EnvelopeID, id}}))
			if err != nil {
				return err
			}
			skipped += n
		}
		return l.close(ctx, shardFeeder)
	})
	return skipped, err
}

// Unqueue takes messages of an envelope back to pending, to be fed again from
// due on: the worker found that it can't send them now.
func (s *Store) Unqueue(ctx context.Context, u messages.Unqueuing) error {
	return s.inTx(ctx, func(tx conn) error {
		due := u.Due
		if !due.AsOf.IsZero() {
			// Locked, so that the change comes before, and is seen, or after, and finds
			// these messages.
			var updated sqldb.Time
			if err := tx.Row(ctx, "SELECT updated_at FROM channels WHERE id = ?"+tx.d.ForShare, u.ChannelID).Scan(&updated); err != nil {
				return err
			}
			if updated.After(due.AsOf) {
				due.At = s.clock.Now()
			}
		}
		l := tx.ledger()
		if _, err := l.swap(ctx, change{
			move: moves.giveBack, args: []any{nullText(due.Reason), due.At.UnixMilli()}, whose: &countKey{u.RunID, u.ChannelID},
			where: fragment{"envelope_id = ? AND id " + tx.d.InIDs, []any{u.EnvelopeID, tx.d.IDList(u.MessageIDs)}},
			tell:  moves.giveBack.tells(s.clock.Now(), due.Reason, ""),
		}); err != nil {
			return err
		}
		return l.close(ctx, shardFeeder)
	})
}
