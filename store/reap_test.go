package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/store/storetest"
)

func TestParkedReceiptsAreSwept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 3)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		claimed := j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 100))
		j.Record(run.ID, claimed, nil)
		// As a transaction leaves it that looked before the outcome was committed.
		s.Exec("INSERT INTO receipts (channel_id, message_id, status, at, received_at) VALUES (?, ?, 'delivered', ?, ?)",
			j.Channel.ID, claimed[0], sqldb.Millis(s.Clock.Now()), sqldb.Millis(s.Clock.Now()))
		n, err := s.SweepReceipts(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Equal(t, int64(1), j.Counts(run.ID)[messages.Delivered])
		j.Balanced(run.ID)
	})
}

func TestDeadWorkersMessagesAreSettledByPolicy(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		for _, policy := range []providers.InDoubtPolicy{providers.InDoubtDefault, providers.InDoubtResend} {
			j := newJourney(t, s, 20)
			s.Exec("UPDATE channels SET name = CAST(id AS TEXT), in_doubt = ? WHERE id = ?", string(policy), j.Channel.ID)
			run := j.Start()
			j.PlanAll(run.ID, 100)
			claimed := j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 5))
			dead, err := s.SettleDead(t.Context(), time.Minute)
			require.NoError(t, err)
			require.Empty(t, dead, "a live worker's messages are its own")
			require.NoError(t, s.Heartbeat(t.Context(), j.Worker, campaigns.Beat{Channels: []int64{j.Channel.ID + 1000}}))
			s.Exec("UPDATE workers SET name = 'mail-2/4711' WHERE id = ?", j.Worker)
			require.NoError(t, s.RetireWorker(t.Context(), j.Worker))
			dead, err = s.SettleDead(t.Context(), time.Minute)
			require.NoError(t, err)
			want := messages.DeadWorker{ID: j.Worker, Name: "mail-2/4711", Channels: []int64{j.Channel.ID, j.Channel.ID + 1000}}
			if policy == providers.InDoubtResend {
				want.Resent = 5
				require.Equal(t, []messages.DeadWorker{want}, dead)
				require.Equal(t, int64(0), j.Counts(run.ID)[messages.Unknown])
			} else {
				want.Held = 5
				require.Equal(t, []messages.DeadWorker{want}, dead)
				// The worker was not dead after all: its answer clears the doubt up.
				j.Record(run.ID, claimed[:2], nil)
				require.Equal(t, int64(3), j.Counts(run.ID)[messages.Unknown])
				require.Equal(t, int64(2), j.Counts(run.ID)[messages.Sent])
			}
			j.Balanced(run.ID)
			require.NoError(t, s.InTx(t.Context(), func(tx sqldb.Conn) error {
				for _, table := range []string{"addresses", "contacts", "accounts"} {
					if table == "accounts" {
						_, err := tx.Exec(t.Context(), "UPDATE accounts SET name = CAST(id AS TEXT)")
						return err
					}
					if _, err := tx.Exec(t.Context(), "DELETE FROM "+table); err != nil {
						return err
					}
				}
				return nil
			}))
		}
	})
}

func TestLostEnvelopesGoBackToPending(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 30)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		messages := j.Feed(run.ID, []int64{1, 2}, 10)
		envelopes, err := s.QueuedEnvelopes(t.Context(), j.Channel.ID)
		require.NoError(t, err)
		require.Len(t, envelopes, 2)
		n, err := s.RequeueLost(t.Context(), j.Channel.ID, []int64{1})
		require.NoError(t, err)
		require.Equal(t, int64(10), n)
		require.Empty(t, j.Claim(run.ID, 1, messages))
		require.Len(t, j.Claim(run.ID, 2, messages), 10)
		require.Len(t, j.Feed(run.ID, []int64{3}, 100), 17)
		j.Balanced(run.ID)
	})
}

func TestLeaseHasOneHolder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		epoch, held, err := s.AcquireLease(ctx, "l", "a", time.Hour)
		require.NoError(t, err)
		require.True(t, held)
		_, held, err = s.AcquireLease(ctx, "l", "b", time.Hour)
		require.NoError(t, err)
		require.False(t, held)
		renewed, held, err := s.AcquireLease(ctx, "l", "a", time.Hour)
		require.NoError(t, err)
		require.True(t, held)
		require.Equal(t, epoch, renewed)
		require.NoError(t, s.ReleaseLease(ctx, "l", "a"))
		next, held, err := s.AcquireLease(ctx, "l", "b", time.Hour)
		require.NoError(t, err)
		require.True(t, held)
		require.Greater(t, next, epoch)
	})
}

func TestRetireOthersEndsWhatAnEarlierProcessHeld(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		worker, err := s.RegisterWorker(ctx, "dead")
		require.NoError(t, err)
		_, _, err = s.AcquireLease(ctx, "l", "dead", time.Hour)
		require.NoError(t, err)
		account, _, err := s.EnsureAccount(ctx, "test")
		require.NoError(t, err)
		upload := testUpload(t, s, account.ID, []byte("email\na@example.com\n"))
		_, found, err := s.ClaimUpload(ctx, upload.ID)
		require.NoError(t, err)
		require.True(t, found)

		require.NoError(t, s.RetireOthers(ctx))
		dead, err := s.DeadWorkers(ctx, time.Hour, []int64{worker})
		require.NoError(t, err)
		require.Equal(t, []int64{worker}, dead)
		_, held, err := s.AcquireLease(ctx, "l", "new", time.Hour)
		require.NoError(t, err)
		require.True(t, held, "the lease is free at once")
		_, found, err = s.ClaimUpload(ctx, upload.ID)
		require.NoError(t, err)
		require.True(t, found, "the import goes on at once")
	})
}
