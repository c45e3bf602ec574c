package store

import (
	"context"
	"time"

	"carillon/campaigns"
	"carillon/providers"
)

// reapBatch bounds the messages that one transaction of the reaper settles.
const reapBatch = 2000

// Doubt counts what SettleDead did.
type Doubt struct{ Held, Resent int64 }

// SettleDead settles the messages whose worker has not been heard of for
// maxAge: nobody knows whether the provider took them, so the channel's policy
// decides.
func (s *Store) SettleDead(ctx context.Context, maxAge time.Duration) (total Doubt, err error) {
	for {
		var n int
		var doubt Doubt
		err = s.inTx(ctx, func(tx conn) error {
			var err error
			n, doubt, err = s.settleBatch(ctx, tx, maxAge)
			return err
		})
		if err != nil {
			return total, err
		}
		total.Held += doubt.Held
		total.Resent += doubt.Resent
		if n < reapBatch {
			return total, nil
		}
	}
}

func (s *Store) settleBatch(ctx context.Context, tx conn, maxAge time.Duration) (n int, doubt Doubt, err error) {
	type key struct {
		runID, channelID int64
		resend           bool
	}
	groups := map[key][]int64{}
	var attempts [][6]any
	now := s.clock.Now()
	lock := ""
	if s.Postgres() {
		lock = " FOR UPDATE OF m SKIP LOCKED"
	}
	err = tx.scanAll(ctx, func(scan func(...any) error) error {
		var id int64
		var k key
		var attempt int
		var transactional bool
		var policy providers.InDoubtPolicy
		if err := scan(&id, &k.runID, &k.channelID, &attempt, &transactional, &policy); err != nil {
			return err
		}
		k.resend = policy.Resend(transactional)
		groups[k] = append(groups[k], id)
		attempts = append(attempts, [6]any{id, attempt, ms(now), string(providers.InDoubt), "", "the worker died before it recorded the provider's answer"})
		n++
		return nil
	}, `SELECT m.id, m.run_id, m.channel_id, m.attempt, m.priority = 1, h.in_doubt
		FROM messages m JOIN channels h ON h.id = m.channel_id
		WHERE m.state IN (1, 2) AND m.state = 2
			AND m.worker_id NOT IN (SELECT id FROM workers WHERE heartbeat_at >= `+s.d.now+` - ?)
		ORDER BY m.id LIMIT ?`+lock, maxAge.Milliseconds(), reapBatch)
	if err != nil || n == 0 {
		return n, doubt, err
	}
	d := deltas{}
	for k, ids := range groups {
		to, final := campaigns.Unknown, ms(now)
		if k.resend {
			to, final = campaigns.Pending, nil
		}
		moved, err := tx.exec(ctx, "UPDATE messages SET state = ?, reason = ?, due_at = 0, final_at = ? WHERE state = 2 AND id "+tx.d.inIDs,
			int(to), campaigns.ReasonInDoubt, final, tx.d.idList(ids))
		if err != nil {
			return n, doubt, err
		}
		d.move(k.runID, k.channelID, campaigns.Sending, to, moved)
		if k.resend {
			doubt.Resent += moved
		} else {
			doubt.Held += moved
		}
	}
	if _, err := tx.exec(ctx, tx.d.statements.insertAttempts, mustJSON(attempts)); err != nil {
		return n, doubt, err
	}
	return n, doubt, d.apply(ctx, tx, shardReaper)
}

// QueuedEnvelopes lists the envelopes that a channel's queued messages point
// at; a window's worth.
func (s *Store) QueuedEnvelopes(ctx context.Context, channelID int64) ([]campaigns.QueuedEnvelope, error) {
	var list []campaigns.QueuedEnvelope
	err := s.reader().scanAll(ctx, func(scan func(...any) error) error {
		var e campaigns.QueuedEnvelope
		var at millis
		if err := scan(&e.ID, &e.Transactional, &e.Messages, &at); err != nil {
			return err
		}
		e.QueuedAt = at.Time
		list = append(list, e)
		return nil
	}, `SELECT envelope_id, MAX(priority) = 1, COUNT(*), MAX(queued_at) FROM messages
		WHERE channel_id = ? AND state IN (1, 2) AND state = 1 GROUP BY envelope_id ORDER BY envelope_id`, channelID)
	return list, s.translate(err)
}

// RequeueLost takes the messages of envelopes whose task is gone from Redis
// back to pending.
func (s *Store) RequeueLost(ctx context.Context, channelID int64, envelopes []int64) (n int64, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		n = 0
		d := deltas{}
		if err := tx.scanAll(ctx, func(scan func(...any) error) error {
			var runID int64
			if err := scan(&runID); err != nil {
				return err
			}
			n++
			d.move(runID, channelID, campaigns.Queued, campaigns.Pending, 1)
			return nil
		}, `UPDATE messages SET state = 0, reason = ?, due_at = 0 WHERE channel_id = ? AND state IN (1, 2) AND state = 1
			AND envelope_id `+tx.d.inIDs+` RETURNING run_id`, campaigns.ReasonRequeued, channelID, tx.d.idList(envelopes)); err != nil {
			return err
		}
		return d.apply(ctx, tx, shardReaper)
	})
	return n, err
}
