package store

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/messages"
)

// A feeder that has looked whether it may feed, and has not committed yet, must
// not slip past what binds from its commit on.
func TestWhatBindsWaitsForAFeederUnderWay(t *testing.T) {
	s := openTestStore(t, postgresDSN(t))
	j := newJourney(t, s, 30)
	ctx := t.Context()
	var clears []int64
	clearing := func(filter messages.QueueFilter) error {
		filter.AccountID = j.accountID
		c, err := j.BeginClear(ctx, filter, "me")
		clears = append(clears, c.ID)
		return err
	}
	envelope := int64(0)
	for _, c := range []struct {
		name string
		bind func(address string) error
	}{
		{"clear all", func(string) error { return clearing(messages.QueueFilter{}) }},
		{"clear a channel", func(string) error { return clearing(messages.QueueFilter{ChannelID: j.channel.ID}) }},
		{"clear a campaign", func(string) error { return clearing(messages.QueueFilter{CampaignID: j.campaign}) }},
		{"pause a campaign", func(string) error { return j.PauseCampaign(ctx, j.accountID, j.campaign, "me") }},
		{"cancel a campaign", func(string) error { return j.CancelCampaign(ctx, j.accountID, j.campaign, "me") }},
		{"pause a channel", func(string) error { return j.PauseChannel(ctx, j.accountID, j.channel.ID, "me") }},
		{"opt out", func(address string) error { return Unsubscribe(ctx, j.Store, j.accountID, address) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.NoError(t, s.ResumeChannel(ctx, j.accountID, j.channel.ID, "me"))
			for _, id := range clears {
				_, err := s.ContinueClear(ctx, id)
				require.NoError(t, err)
			}
			j.campaign = j.newCampaign(`{"all":true}`)
			run := j.start()
			j.planAll(run.ID, 100)
			envelope += 2
			require.Len(t, j.feed(run.ID, []int64{envelope}, 3), 3) // the feeder's counters exist now
			pending := messages.Pending
			list, err := s.ListMessages(ctx, messages.MessageFilter{AccountID: j.accountID, RunID: run.ID, State: &pending})
			require.NoError(t, err)
			address := list[0].Address // is fed next

			hold, let, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
			var wg sync.WaitGroup
			var held, fed, bound error
			wg.Go(func() {
				held = s.inTx(ctx, func(tx conn) error {
					_, err := tx.Exec(ctx, "UPDATE run_counts SET queued = queued WHERE run_id = ? AND shard = ?", run.ID, shardFeeder)
					close(hold)
					<-let
					return err
				})
			})
			<-hold
			wg.Go(func() {
				_, fed = s.Feed(ctx, messages.FeedRequest{ChannelID: j.channel.ID, RunID: run.ID, Envelopes: []int64{envelope + 1}, PerEnvelope: 20})
			})
			// The feeder has marked its messages and waits for its counters.
			require.Eventually(t, func() bool { return lockWaits(t, s) == 1 }, 20*time.Second, time.Millisecond)
			wg.Go(func() {
				defer close(done)
				bound = c.bind(address)
			})
			require.Eventually(t, func() bool {
				select {
				case <-done: // which is too early
					return true
				default:
					return lockWaits(t, s) == 2
				}
			}, 20*time.Second, time.Millisecond)
			close(let)
			wg.Wait()
			require.NoError(t, errors.Join(held, fed, bound))
			where, arg := "run_id = ?", any(run.ID)
			if c.name == "opt out" {
				where, arg = "address = ?", address
			}
			var queued int
			require.NoError(t, s.reader().Row(ctx, "SELECT COUNT(*) FROM messages WHERE state = 1 AND "+where, arg).Scan(&queued))
			require.Zero(t, queued, "nothing can be claimed any more")
			j.balanced(run.ID)
		})
	}
}

// lockWaits counts the sessions of the database that wait for a lock.
func lockWaits(t *testing.T, s *Store) (n int) {
	t.Helper()
	require.NoError(t, s.reader().Row(t.Context(),
		"SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&n))
	return n
}

// quickDeadlocksDSN is a PostgreSQL database that notices deadlocks after some
// milliseconds instead of a second.
func quickDeadlocksDSN(tb testing.TB) string {
	tb.Helper()
	dsn := postgresDSN(tb)
	s := openTestStore(tb, dsn)
	require.NoError(tb, s.inTx(tb.Context(), func(tx conn) error {
		_, err := tx.Exec(tb.Context(), `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = ''20ms''', current_database()); END $$`)
		return err
	}))
	return dsn
}

func TestTransactionsThatDeadlockAreRepeated(t *testing.T) {
	s := openTestStore(t, quickDeadlocksDSN(t))
	a, b := testAccount(t, s, "a"), testAccount(t, s, "b")
	rename := func(tx conn, id int64) error {
		_, err := tx.Exec(t.Context(), "UPDATE accounts SET name = name || '+' WHERE id = ?", id)
		return err
	}
	var both, done sync.WaitGroup
	both.Add(2)
	var tries atomic.Int64
	errs := make([]error, 2)
	for i, order := range [][2]int64{{a, b}, {b, a}} {
		done.Go(func() {
			once := sync.OnceFunc(func() { both.Done(); both.Wait() })
			errs[i] = s.inTx(t.Context(), func(tx conn) error {
				tries.Add(1)
				if err := rename(tx, order[0]); err != nil {
					return err
				}
				once() // each holds one row now and wants the other's
				return rename(tx, order[1])
			})
		})
	}
	done.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Greater(t, tries.Load(), int64(2))
	for id, name := range map[int64]string{a: "a++", b: "b++"} {
		var got string
		require.NoError(t, s.reader().Row(t.Context(), "SELECT name FROM accounts WHERE id = ?", id).Scan(&got))
		require.Equal(t, name, got)
	}
}
