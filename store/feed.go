package store

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"carillon/campaigns"
	"carillon/contacts"
	"carillon/internal/failpoint"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
)

// FeedableRuns lists the active runs with messages that are due and wait for room in a
// channel's window; and, with nothing pending, those that only have some in the window.
// Paused channels and runs are left out, and channels whose provider is not to be
// asked yet: their messages wait where every change reaches them.
func (s *Store) FeedableRuns(ctx context.Context) ([]messages.Feedable, error) {
	return s.feedable(ctx, `SELECT r.channel_id, r.id AS run_id, r.campaign_id, k.weight, k.throttle, r.batches_begun, r.batch_left, r.batch_next,
			SUM(c.pending) AS pending, SUM(c.queued) AS queued
		FROM runs r JOIN run_counts c ON c.run_id = r.id JOIN campaigns k ON k.id = r.campaign_id
		WHERE r.finished_at IS NULL AND r.status IN ('planning', 'sending') AND r.guard <> 'held'
		GROUP BY r.channel_id, r.id, r.campaign_id, k.weight, k.throttle, r.batches_begun, r.batch_left, r.batch_next
			HAVING SUM(c.pending + c.queued) > 0`)
}

// FeedableTransactional lists, as FeedableRuns does and under run 0, the channels with
// transactional messages.
func (s *Store) FeedableTransactional(ctx context.Context) ([]messages.Feedable, error) {
	return s.feedable(ctx, `SELECT channel_id, 0 AS run_id, 0 AS campaign_id, 1 AS weight, '{}' AS throttle, 0 AS batches_begun, 0 AS batch_left, 0 AS batch_next,
			SUM(pending) AS pending, SUM(queued) AS queued
		FROM run_counts WHERE run_id = 0 GROUP BY channel_id HAVING SUM(pending + queued) > 0`)
}

// feedable completes a query of who has messages pending or queued.
func (s *Store) feedable(ctx context.Context, having string) ([]messages.Feedable, error) {
	now := sqldb.Millis(s.clock.Now())
	list, err := sqldb.Query(ctx, s.reader(), func(scan sqldb.Scan) (f messages.Feedable, err error) {
		var throttle []byte
		var at campaigns.Batching
		var next sqldb.Time
		if err := scan(&f.ChannelID, &f.RunID, &f.CampaignID, &f.Weight, &throttle, &at.Begun, &at.Left, &next, &f.Pending, &f.Queued); err != nil {
			return f, err
		}
		at.Next = next.Time
		var own campaigns.Throttle
		err = readParts(f.CampaignID, part{"throttle", throttle, &own})
		f.CampaignPerSecond = own.PerSecond
		if f.Batched = own.Batch.On(); f.Batched {
			f.Pending = min(f.Pending, int64(own.Batch.Room(at, s.clock.Now())))
		}
		return f, err
	}, `SELECT channel_id, run_id, campaign_id, weight, throttle, batches_begun, batch_left, batch_next, CASE WHEN due THEN pending ELSE 0 END, queued
		FROM (SELECT g.channel_id, g.run_id, g.campaign_id, g.weight, g.throttle, g.batches_begun, g.batch_left, g.batch_next,
				CAST(g.pending AS BIGINT) AS pending, CAST(g.queued AS BIGINT) AS queued,
				COALESCE((SELECT m.due_at FROM messages m `+s.d.pendingIndex+` WHERE m.channel_id = g.channel_id AND m.run_id = g.run_id
					AND m.`+phasePending+` ORDER BY m.due_at, m.id LIMIT 1) <= ?, false) AS due
			FROM (`+having+`) g
			JOIN channels h ON h.id = g.channel_id AND h.status = 'active' AND (h.next_try_at IS NULL OR h.next_try_at <= ?)) f
		WHERE queued > 0 OR due ORDER BY 1, 2`, now, now)
	return list, s.translate(err)
}

// Feed marks due messages queued, some for each of the given envelopes, and
// returns them. Whoever may not be written to any more is skipped instead. It returns nothing when the run or the
// channel is not sending, while the queue is being cleared, or when the account has sent
// as much as it may in a day.
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
		room := len(request.Envelopes) * request.PerEnvelope
		if feeding.batch.On() {
			room = min(room, feeding.batch.Room(feeding.batching, l.now))
		}
		if feeding.mostPerDay > 0 {
			left, err := tx.roomForDay(ctx, feeding.accountID, feeding.mostPerDay)
			if err != nil {
				return err
			}
			room = min(room, int(left))
		}
		for _, envelope := range request.Envelopes {
			n := min(request.PerEnvelope, room-len(list))
			if n <= 0 {
				break
			}
			batch, err := l.markQueued(ctx, request, markedFor{envelope, n})
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
		if feeding.batch.On() && len(once.fed) > 0 {
			if err := tx.keepBatching(ctx, request.RunID, feeding.batch.Take(feeding.batching, len(once.fed), l.now)); err != nil {
				return err
			}
		}
		return l.close(ctx, shardFeeder)
	})
	return once, err
}

// feeding is what the feeder knows of the run's channel and audience.
type feeding struct {
	accountID, channelID int64
	mostPerDay           int64 // of the account; 0 for no limit
	runID, campaignID    int64 // 0: transactional
	kind                 providers.AddressKind
	category             int64
	caps                 []contacts.FrequencyCap
	timing               campaigns.Timing
	batch                campaigns.Batch
	batching             campaigns.Batching
}

// feedingIfOpen checks, with a lock that pausing and canceling wait for, that the run
// and its channel are sending.
func (tx conn) feedingIfOpen(ctx context.Context, request messages.FeedRequest) (bool, feeding, error) {
	f := feeding{channelID: request.ChannelID, runID: request.RunID}
	err := tx.Row(ctx, "SELECT account_id, address_kind, COALESCE((SELECT a.most_per_day FROM accounts a WHERE a.id = channels.account_id), 0) "+
		"FROM channels WHERE id = ? AND status = 'active'"+tx.d.ForShare, request.ChannelID).Scan(&f.accountID, &f.kind, &f.mostPerDay)
	if errors.Is(err, sql.ErrNoRows) {
		return false, f, nil
	}
	if err != nil {
		return false, f, err
	}
	if request.RunID != 0 {
		lock := tx.d.ForShare
		if request.Batched {
			lock = tx.d.ForUpdate
		}
		var next sqldb.Time
		err := tx.Row(ctx, "SELECT campaign_id, batches_begun, batch_left, batch_next FROM runs WHERE id = ? AND status IN ('planning', 'sending') "+
			"AND guard <> 'held'"+lock, request.RunID).Scan(&f.campaignID, &f.batching.Begun, &f.batching.Left, &next)
		if errors.Is(err, sql.ErrNoRows) {
			return false, f, nil
		}
		if err != nil {
			return false, f, err
		}
		f.batching.Next = next.Time
		var throttle []byte
		if err := tx.Row(ctx, "SELECT category_id, throttle FROM campaigns WHERE id = ?", f.campaignID).Scan(&f.category, &throttle); err != nil {
			return false, f, err
		}
		if f.batch, err = batchOf(f.campaignID, throttle); err != nil || f.batch.On() != request.Batched {
			return false, f, err // it was changed since it was listed
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

// markedFor says for which envelope messages are marked, and how many at most.
type markedFor struct {
	envelope int64
	most     int
}

func (l *ledger) markQueued(ctx context.Context, request messages.FeedRequest, to markedFor) ([]marked, error) {
	now := sqldb.Millis(l.now)
	batch, err := swapReturning(ctx, l, change{
		move: moves.feed, args: []any{to.envelope, now},
		picked: fragment{"SELECT id FROM messages " + l.d.pendingIndex + " WHERE channel_id = ? AND run_id = ? AND " + phasePending +
			" AND due_at <= ? ORDER BY due_at, id LIMIT ?" + l.d.SkipLocked, []any{request.ChannelID, request.RunID, now, to.most}},
	}, "id, attempt, contact_id, address", func(scan sqldb.Scan) (marked, error) {
		m := marked{FeedMessage: messages.FeedMessage{EnvelopeID: to.envelope}}
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
	_, err := l.swap(ctx, why.change(l.d.among("id", ids)))
	return err
}

// Skip moves messages of an envelope that are queued, but can't be rendered or may not go, to
// skipped. It returns how many were still queued there.
func (s *Store) Skip(ctx context.Context, skip messages.Skipping) (skipped int64, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		skipped = 0
		l := tx.ledger()
		alike := map[string][]int64{}
		for id, detail := range skip.Details {
			alike[detail] = append(alike[detail], id)
		}
		for detail, ids := range alike {
			why := skipping{countKey{skip.RunID, skip.ChannelID}, skip.Reason, detail, s.clock.Now()}
			n, err := l.swap(ctx, why.change(l.d.among("id", ids).and("envelope_id = ?", skip.EnvelopeID)))
			if err != nil {
				return err
			}
			skipped += n
		}
		return l.close(ctx, shardFeeder)
	})
	return skipped, err
}

// givenBack is the move of messages that wait again, some of them until times of their own, and
// what it sets.
func givenBack(due messages.Due, own map[int64]time.Time) (back move, args []any) {
	back, args = moves.giveBack, []any{nullText(due.Reason)}
	if len(own) == 0 {
		return back, append(args, due.At.UnixMilli())
	}
	back.set = "reason = ?, detail = NULL, due_at = CASE id" + strings.Repeat(" WHEN ? THEN CAST(? AS BIGINT)", len(own)) + " ELSE ? END"
	for _, id := range slices.Sorted(maps.Keys(own)) {
		args = append(args, id, own[id].UnixMilli())
	}
	return back, append(args, due.At.UnixMilli())
}

// Unqueue takes messages of an envelope back to pending, to be fed again from
// due on: the worker found that it can't send them now.
func (s *Store) Unqueue(ctx context.Context, u messages.Unqueuing) error {
	return s.inTx(ctx, func(tx conn) error {
		due, own := u.Due, u.At
		if !due.AsOf.IsZero() {
			// Locked, so that the change comes before, and is seen, or after, and finds
			// these messages.
			var updated sqldb.Time
			if err := tx.Row(ctx, "SELECT updated_at FROM channels WHERE id = ?"+tx.d.ForShare, u.ChannelID).Scan(&updated); err != nil {
				return err
			}
			if updated.After(due.AsOf) {
				due.At, own = s.clock.Now(), nil
			}
		}
		l := tx.ledger()
		back, args := givenBack(due, own)
		if _, err := l.swap(ctx, change{
			move: back, args: args, whose: &countKey{u.RunID, u.ChannelID},
			where: tx.d.among("id", u.MessageIDs).and("envelope_id = ?", u.EnvelopeID),
			tell:  moves.giveBack.tells(s.clock.Now(), due.Reason, ""),
		}); err != nil {
			return err
		}
		return l.close(ctx, shardFeeder)
	})
}
