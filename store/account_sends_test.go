package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/messages"
	"carillon/store"
	"carillon/store/storetest"
)

// mayPerDay sets how many messages an account may send in a day.
func mayPerDay(t *testing.T, s *storetest.Store, account, most int64) {
	t.Helper()
	a, err := s.ChangeAccount(t.Context(), account, func(a *access.Account) error {
		a.Limits.PerDay = most
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, most, a.Limits.PerDay)
}

// sentToday requires an account to have sent so many.
func requireSentToday(t *testing.T, s *storetest.Store, account, n int64) {
	t.Helper()
	a, err := s.GetAccount(t.Context(), account)
	require.NoError(t, err)
	require.Equal(t, n, a.SentToday)
}

// Whoever claims, through however many processes and at once, an account sends no more in
// a day than it may, and as many as it may; what is beyond stays where it was.
func TestAnAccountSendsNoMoreInADayThanItMay(t *testing.T) {
	manyWriters(t, func(t *testing.T, j *journey, writers []*store.Writer) {
		run := j.Start()
		j.PlanAll(run.ID, 100)
		fed := j.Feed(run.ID, []int64{1}, 100)
		require.Len(t, fed, 90)
		mayPerDay(t, j.Store, j.AccountID, 37)
		var mu sync.Mutex
		var all []int64
		var group sync.WaitGroup
		for i := range 30 {
			group.Go(func() {
				ids := []int64{fed[3*i].ID, fed[3*i+1].ID, fed[3*i+2].ID}
				claimed, err := writers[i%len(writers)].Claim(t.Context(), messages.Claim{
					WorkerID: j.Worker, ChannelID: j.Channel.ID, RunID: run.ID, EnvelopeID: 1, MessageIDs: ids,
				})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				all = append(all, claimed...)
			})
		}
		group.Wait()
		require.Len(t, all, 37)
		require.Equal(t, 37, j.Int("SELECT COUNT(*) FROM messages WHERE attempt = 1 AND worker_id = ?", j.Worker))
		require.Equal(t, 53, j.Int("SELECT COUNT(*) FROM messages WHERE attempt = 0 AND envelope_id = 1 AND worker_id = 0"))
		j.Balanced(run.ID)
		requireSentToday(t, j.Store, j.AccountID, 37)
		d, err := j.DaySends(t.Context(), j.AccountID)
		require.NoError(t, err)
		require.True(t, d.Full())
		full, err := j.FullDays(t.Context())
		require.NoError(t, err)
		require.Equal(t, map[int64]messages.DaySends{j.AccountID: d}, full)

		// What provably was not asked for makes room, once; what was asked for makes none.
		j.Record(run.ID, all[:5], func(o *messages.Outcome) {
			o.State, o.Unspent, o.NotAsked, o.DueAt, o.EnvelopeID = messages.Pending, true, true, o.At, 1
		})
		j.Record(run.ID, all[:5], func(o *messages.Outcome) {
			o.State, o.Unspent, o.NotAsked, o.DueAt, o.EnvelopeID = messages.Pending, true, true, o.At, 1
		})
		j.Record(run.ID, all[5:10], func(o *messages.Outcome) {
			o.State, o.Unspent, o.Kind, o.Reason, o.EnvelopeID = messages.Pending, true, "throttled", messages.ReasonThrottled, 1
		})
		j.Record(run.ID, all[10:], nil)
		requireSentToday(t, j.Store, j.AccountID, 32)
		require.Empty(t, j.Feed(run.ID, []int64{2}, 100), "those that wait in the window take what room there is")
		mayPerDay(t, j.Store, j.AccountID, 32+53+4)
		require.Len(t, j.Feed(run.ID, []int64{3}, 100), 4)
		mayPerDay(t, j.Store, j.AccountID, 0)
		require.Len(t, j.Feed(run.ID, []int64{4}, 100), 6)
	})
}

// The day moves: a day after its claim a message counts no more, and it is said when. What
// is given back counts no more from the time of its claim on, not of its return. Other
// accounts have days of their own.
func TestTheDayOfAnAccountMoves(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 20)
		fake := s.FakeTime()
		run := j.Start()
		j.PlanAll(run.ID, 100)
		mayPerDay(t, s, j.AccountID, 5)
		first := j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 3))
		require.Len(t, first, 3)
		began := fake.Now()
		fake.Advance(6 * time.Hour)
		second := j.Claim(run.ID, 2, j.Feed(run.ID, []int64{2}, 3))
		require.Len(t, second, 2)
		d, err := s.DaySends(t.Context(), j.AccountID)
		require.NoError(t, err)
		require.True(t, d.Full())
		require.WithinRange(t, d.RoomAt, began.Add(24*time.Hour+5*time.Minute), began.Add(24*time.Hour+10*time.Minute))
		j.Record(run.ID, first[:1], func(o *messages.Outcome) {
			o.State, o.Unspent, o.NotAsked, o.DueAt, o.EnvelopeID = messages.Pending, true, true, o.At, 1
		})
		require.Len(t, j.Claim(run.ID, 3, j.Feed(run.ID, []int64{3}, 3)), 1)
		fake.Advance(d.RoomAt.Sub(fake.Now()) - time.Millisecond)
		requireSentToday(t, s, j.AccountID, 5)
		require.Empty(t, j.Feed(run.ID, []int64{4}, 3))
		fake.Advance(time.Millisecond)
		requireSentToday(t, s, j.AccountID, 3)
		require.Len(t, j.Feed(run.ID, []int64{5}, 3), 2)
		other := s.Account("other")
		mayPerDay(t, s, other, 1)
		requireSentToday(t, s, other, 0)
		_, err = s.Housekeep(t.Context())
		require.NoError(t, err)
		requireSentToday(t, s, j.AccountID, 3)
		fake.Advance(48 * time.Hour)
		_, err = s.Housekeep(t.Context())
		require.NoError(t, err)
		require.Zero(t, s.Int("SELECT COALESCE(SUM(claimed), 0) FROM account_sends"))
	})
}
