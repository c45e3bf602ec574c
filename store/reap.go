package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"carillon/campaigns"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
)

// reapBatch bounds the messages that one transaction of the reaper settles.
const reapBatch = 2000

// SettleDead settles the messages whose worker has not been heard of for
// maxAge: nobody knows whether the provider took them, so the channel's policy
// decides, as long as tries are left. It returns the workers that had some.
func (s *Store) SettleDead(ctx context.Context, maxAge time.Duration) ([]messages.DeadWorker, error) {
	done := deadWorkers{}
	for {
		var batch doubt
		err := s.inTx(ctx, func(tx conn) (err error) {
			if err = tx.plainScans(ctx); err == nil {
				batch, err = tx.settleBatch(ctx, maxAge)
			}
			return err
		})
		if err == nil {
			done.add(batch.dead)
		}
		if err == nil && batch.found == reapBatch {
			continue
		}
		list, naming := s.nameDead(ctx, done)
		return list, errors.Join(err, naming)
	}
}

// deadWorkers are what dead workers had, by their ids.
type deadWorkers map[int64]*messages.DeadWorker

func (d deadWorkers) of(id int64) *messages.DeadWorker {
	if d[id] == nil {
		d[id] = &messages.DeadWorker{ID: id}
	}
	return d[id]
}

func (d deadWorkers) add(more deadWorkers) {
	for id, m := range more {
		of := d.of(id)
		of.Held += m.Held
		of.Resent += m.Resent
		for _, channel := range m.Channels {
			of.On(channel)
		}
	}
}

// nameDead says which processes the workers were, and which channels they served.
func (s *Store) nameDead(ctx context.Context, dead deadWorkers) (list []messages.DeadWorker, err error) {
	if len(dead) == 0 {
		return nil, nil
	}
	err = sqldb.Each(ctx, s.reader(), func(scan sqldb.Scan) error {
		var id int64
		var name string
		var channels []byte
		if err := scan(&id, &name, &channels); err != nil {
			return err
		}
		var served []int64
		if err := json.Unmarshal(channels, &served); err != nil {
			return fmt.Errorf("read channels of worker %d: %w", id, err)
		}
		of := dead.of(id)
		of.Name = name
		for _, channel := range served {
			of.On(channel)
		}
		return nil
	}, "SELECT id, name, channels FROM workers WHERE id "+s.d.InIDs, s.d.IDList(slices.Collect(maps.Keys(dead))))
	for _, id := range slices.Sorted(maps.Keys(dead)) {
		list = append(list, *dead[id])
	}
	return list, s.translate(err)
}

// plainScans has a transaction that looks at what is in flight read that index
// from one end to the other. By the statistics, which are of another moment, a
// LIMIT may promise to be reached sooner in the table. And in a busy run nearly
// all entries of the index are dead: a plain scan marks those that it comes by,
// so that the next one passes over them, while a bitmap scan reads the rows
// behind all of them every time.
func (tx conn) plainScans(ctx context.Context) error {
	if !tx.s.Postgres() {
		return nil
	}
	_, err := tx.Exec(ctx, "SELECT set_config('enable_bitmapscan', 'off', TRUE), set_config('enable_seqscan', 'off', TRUE)")
	return err
}

// workerDied is the detail of what the reaper settles.
const workerDied = "the worker died before it recorded the provider's answer"

// doubt counts what a batch of SettleDead found and did.
type doubt struct {
	found int
	dead  deadWorkers
}

func (tx conn) settleBatch(ctx context.Context, maxAge time.Duration) (done doubt, err error) {
	type key struct {
		countKey
		worker int64
		resend bool
	}
	done.dead = deadWorkers{}
	groups := map[key][]int64{}
	told := map[int64]transition{}
	now := tx.s.clock.Now()
	// Said inside, where the index of what is in flight finds a few, and outside,
	// because another worker may have claimed one of them since.
	abandoned := "m.state " + is(messages.Sending) + " AND m.worker_id NOT IN (SELECT id FROM workers WHERE heartbeat_at >= " + tx.d.Now + " - ?)"
	lock := tx.d.Lock(tx.d.SkipLocked, "m") // channels are not to be locked
	err = sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var id int64
		var k key
		var attempt int
		var transactional bool
		var policy providers.InDoubtPolicy
		var throttle []byte
		if err := scan(&id, &k.worker, &k.runID, &k.channelID, &attempt, &transactional, &policy, &throttle); err != nil {
			return err
		}
		// A message at which worker after worker dies must not go on so for ever.
		k.resend = policy.Resend(transactional) && attempt < attemptsOf(throttle)
		groups[k] = append(groups[k], id)
		told[id] = transition{id: id, at: now, attempt: attempt, reason: messages.ReasonInDoubt, kind: string(providers.ErrorInDoubt), detail: workerDied}
		done.found++
		return nil
	}, `SELECT m.id, m.worker_id, m.run_id, m.channel_id, m.attempt, m.priority = 1, h.in_doubt, k.throttle
		FROM messages m JOIN channels h ON h.id = m.channel_id
			LEFT JOIN runs r ON r.id = m.run_id LEFT JOIN campaigns k ON k.id = r.campaign_id
		WHERE `+abandoned+` AND m.id `+tx.d.InQuery("SELECT m.id FROM messages m WHERE m."+phaseInFlight+" AND "+abandoned+" LIMIT ?")+`
		ORDER BY m.id`+lock, maxAge.Milliseconds(), maxAge.Milliseconds(), reapBatch)
	if err != nil || done.found == 0 {
		return done, err
	}
	l := tx.ledger()
	var all []int64
	for k, ids := range groups {
		c := change{
			move: moves.doubt, args: []any{messages.ReasonInDoubt, workerDied, sqldb.Millis(now)},
			where: fragment{"id " + tx.d.InIDs, []any{tx.d.IDList(ids)}}, whose: &k.countKey,
		}
		if k.resend {
			c.move, c.args = moves.retryDead, []any{messages.ReasonInDoubt, workerDied}
		}
		c.tell = func(id int64) transition {
			t := told[id]
			t.state = c.to
			return t
		}
		settled, err := l.swapIDs(ctx, c)
		if err != nil {
			return done, err
		}
		all = append(all, settled...)
		if len(settled) == 0 {
			continue
		}
		of := done.dead.of(k.worker)
		of.On(k.channelID)
		if k.resend {
			of.Resent += int64(len(settled))
		} else {
			of.Held += int64(len(settled))
		}
	}
	// Of some the provider has said already that they arrived.
	if err := l.unparkMessages(ctx, all); err != nil {
		return done, err
	}
	return done, l.close(ctx, shardReaper)
}

// attemptsOf is how often a message is tried whose campaign has a throttle; a
// transactional message has none.
func attemptsOf(throttle []byte) int {
	var t campaigns.Throttle
	if json.Unmarshal(throttle, &t) != nil {
		return campaigns.DefaultMaxAttempts
	}
	return t.Attempts()
}

// QueuedEnvelopes lists the envelopes that a channel's queued messages point
// at; a window's worth.
func (s *Store) QueuedEnvelopes(ctx context.Context, channelID int64) ([]messages.QueuedEnvelope, error) {
	return s.queuedEnvelopes(ctx, "", channelID)
}

func (s *Store) queuedEnvelopes(ctx context.Context, and string, args ...any) (list []messages.QueuedEnvelope, err error) {
	read := func(tx conn) (err error) {
		list, err = sqldb.Query(ctx, tx, func(scan sqldb.Scan) (e messages.QueuedEnvelope, err error) {
			var at sqldb.Time
			err = scan(&e.ID, &e.Transactional, &e.Messages, &at)
			e.QueuedAt = at.Time
			return e, err
		}, `SELECT envelope_id, MAX(priority) = 1, COUNT(*), MAX(queued_at) FROM messages
			WHERE channel_id = ? AND `+phaseInFlight+` AND state `+is(messages.Queued)+and+` GROUP BY envelope_id ORDER BY envelope_id`, args...)
		return err
	}
	if !s.Postgres() {
		err = read(s.reader())
		return list, s.translate(err)
	}
	err = s.inTx(ctx, func(tx conn) error {
		if err := tx.plainScans(ctx); err != nil {
			return err
		}
		return read(tx)
	})
	return list, err
}

// RequeueLost takes the messages of envelopes whose task is gone from Redis
// back to pending.
func (s *Store) RequeueLost(ctx context.Context, channelID int64, envelopes []int64) (n int64, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		l := tx.ledger()
		var err error
		if n, err = l.swap(ctx, change{
			move: moves.giveBack, args: []any{messages.ReasonRequeued, 0},
			where: fragment{"channel_id = ? AND " + phaseInFlight + " AND envelope_id " + tx.d.InIDs, []any{channelID, tx.d.IDList(envelopes)}},
			tell:  moves.giveBack.tells(s.clock.Now(), messages.ReasonRequeued, ""),
		}); err != nil {
			return err
		}
		return l.close(ctx, shardReaper)
	})
	return n, err
}

// ChannelsWithQueued are the channels that have messages in their window.
func (s *Store) ChannelsWithQueued(ctx context.Context) ([]int64, error) {
	return s.ids(ctx, "SELECT channel_id FROM run_counts GROUP BY channel_id HAVING SUM(queued) > 0 ORDER BY 1")
}

// DeadWorkers are those of the given workers that have not been heard of for
// maxAge.
func (s *Store) DeadWorkers(ctx context.Context, maxAge time.Duration, ids []int64) ([]int64, error) {
	live, err := s.ids(ctx, "SELECT id FROM workers WHERE heartbeat_at >= "+s.d.Now+" - ? AND id "+s.d.InIDs, maxAge.Milliseconds(), s.d.IDList(ids))
	if err != nil {
		return nil, err
	}
	var dead []int64
	for _, id := range ids {
		if !slices.Contains(live, id) {
			dead = append(dead, id)
		}
	}
	return dead, nil
}

// QueuedEnvelopesOfRun lists the envelopes that a run's queued messages point
// at, and the run's channel.
func (s *Store) QueuedEnvelopesOfRun(ctx context.Context, runID int64) (channelID int64, list []messages.QueuedEnvelope, err error) {
	if err := s.reader().Row(ctx, "SELECT channel_id FROM runs WHERE id = ?", runID).Scan(&channelID); err != nil {
		return 0, nil, s.translate(err)
	}
	list, err = s.queuedEnvelopes(ctx, " AND run_id = ?", channelID, runID)
	return channelID, list, err
}
