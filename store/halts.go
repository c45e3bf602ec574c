package store

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"carillon/messages"
	"carillon/store/sqldb"
)

// What is claimed and not yet asked for must not be asked for any more once it is
// withdrawn: its run or channel is paused, canceled or cleared, its recipient opts
// out, its channel gets another configuration or other limits. Every withdrawal counts
// up a version in its transaction. A worker takes the version before it claims and
// compares it right before it asks: only if it has changed does it look at the
// messages again. On SQLite there is one process, which
// counts by itself. On PostgreSQL a worker trusts a version that it read haltFresh
// ago, and whoever withdraws waits for that long before the answer, if anything is in
// flight. So no request begins after the answer, whatever the clocks say.
const (
	haltFresh = 100 * time.Millisecond
	// haltBegins is what is left between a worker's look at the version and the first
	// byte of its request.
	haltBegins = 25 * time.Millisecond
	haltShards = 8
)

// halts is the version as this process knows it.
type halts struct {
	here atomic.Int64 // withdrawals of this process

	mu      sync.Mutex
	version int64
	readAt  time.Time // when reading it began
	// ahead says that it is being read before it is stale, so that at full speed
	// nobody waits for it between its slot and its request.
	ahead   bool
	reading sync.WaitGroup
}

// halt marks a transaction as a withdrawal. It comes last, because others wait for
// the row until the transaction ends.
func (tx conn) halt(ctx context.Context) error {
	if !tx.effects.halted {
		tx.effects.halted = true
		tx.AfterTx(func() { tx.s.halts.here.Add(1) })
	}
	if tx.d != &postgresDialect {
		return nil
	}
	_, err := tx.Exec(ctx, "UPDATE halts SET version = version + 1 WHERE shard = ?", rand.IntN(haltShards)) // it spreads load
	return err
}

// HaltVersion changes whenever something was withdrawn. What a withdrawal that was
// answered before this call began has changed is in it.
func (s *Store) HaltVersion(ctx context.Context) (int64, error) {
	here := s.halts.here.Load()
	if !s.Postgres() {
		return here, nil
	}
	h := &s.halts
	h.mu.Lock()
	defer h.mu.Unlock()
	now := s.clock.Now()
	switch age := now.Sub(h.readAt); {
	case age >= haltFresh:
		version, err := s.readHalts(ctx)
		if err != nil {
			return 0, err
		}
		h.version, h.readAt = version, now
	case age >= haltFresh/2 && !h.ahead:
		h.ahead = true
		h.reading.Go(s.readHaltsAhead)
	}
	// Its own withdrawals count twice: a version need only change.
	return h.version + here, nil
}

func (s *Store) readHalts(ctx context.Context) (version int64, err error) {
	err = s.reader().Row(ctx, "SELECT CAST(SUM(version) AS BIGINT) FROM halts").Scan(&version)
	return version, s.translate(err)
}

// readHaltsAhead reads the version beside those who use the one before. If it fails
// they read it themselves once that is stale.
func (s *Store) readHaltsAhead() {
	ctx, cancel := context.WithTimeout(context.Background(), haltFresh)
	defer cancel()
	began := s.clock.Now()
	version, err := s.readHalts(ctx)
	h := &s.halts
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ahead = false
	if err == nil && began.After(h.readAt) {
		h.version, h.readAt = version, began
	}
}

// withdraw is inTx for what may withdraw messages from the workers, on behalf of
// somebody who waits for the answer: no request for them begins after it.
func (s *Store) withdraw(ctx context.Context, fn func(tx conn) error) error {
	halted := false
	err := s.inTx(ctx, func(tx conn) error {
		err := fn(tx)
		halted = tx.effects.halted
		return err
	})
	if err != nil || !halted {
		return err
	}
	return s.awaitBegun(ctx)
}

// awaitBegun returns when no request begins any more for what this process has
// withdrawn. What had begun by then may still be on its way.
func (s *Store) awaitBegun(ctx context.Context) error {
	var inFlight bool
	err := s.reader().Row(ctx, "SELECT EXISTS (SELECT 1 FROM run_counts GROUP BY run_id, channel_id HAVING SUM(sending) > 0)").Scan(&inFlight)
	if err != nil || !inFlight {
		return s.translate(err)
	}
	// The withdrawal stands, whoever waits for the answer.
	_ = s.clock.Sleep(ctx, s.haltWait())
	return nil
}

// haltWait is how long a request may still begin by what its worker knew before.
func (s *Store) haltWait() time.Duration {
	if s.Postgres() {
		return haltBegins + haltFresh
	}
	return haltBegins
}

// ChannelRevision is when a channel was changed last, its UpdatedAt, which is another
// one after every change. Whoever looks at it after it read a HaltVersion sees every
// change that was answered before.
func (s *Store) ChannelRevision(ctx context.Context, channelID int64) (time.Time, error) {
	var revision sqldb.Time
	err := s.reader().Row(ctx, "SELECT updated_at FROM channels WHERE id = ?", channelID).Scan(&revision)
	return revision.Time, s.translate(err)
}

// Sendable are those of the claimed messages of a run and channel that may still be
// sent with the channel's configuration, and at the slots of its limits, of a
// revision.
func (s *Store) Sendable(ctx context.Context, channelID int64, revision time.Time, runID int64, ids []int64) ([]int64, error) {
	if now, err := s.ChannelRevision(ctx, channelID); err != nil || !now.Equal(revision) {
		return nil, err
	}
	c := s.reader()
	open, f, err := c.feedingIfOpen(ctx, messages.FeedRequest{ChannelID: channelID, RunID: runID})
	if err != nil || !open {
		return nil, s.translate(err)
	}
	which := c.d.among("m.id", ids)
	claimed, err := sqldb.Structs(ctx, c, func(m *marked) []any {
		return []any{&m.ID, &m.contactID, &m.address}
	}, `SELECT m.id, m.contact_id, m.address FROM messages m WHERE `+which.sql+` AND m.state `+is(messages.Sending)+` AND m.address <> ''
		AND NOT EXISTS (SELECT 1 FROM clears k WHERE k.account_id = ? AND (k.channel_id = 0 OR k.channel_id = ?)
			AND (k.campaign_id = 0 OR k.campaign_id = ?) AND k.max_id >= m.id AND k.created_at >= m.claimed_at - ?)`,
		append(which.args, f.accountID, channelID, f.campaignID, clearSkew.Milliseconds())...)
	if err != nil {
		return nil, s.translate(err)
	}
	f.caps = nil // they have let these messages through
	l, err := c.lookUp(ctx, f, claimed, s.clock.Now())
	if err != nil {
		return nil, s.translate(err)
	}
	var allowed []int64
	for _, m := range claimed {
		if _, h := l.holding(m); !h.shut {
			allowed = append(allowed, m.ID)
		}
	}
	return allowed, nil
}
