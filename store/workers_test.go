package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/messages"
	"carillon/store/sqldb"
	"carillon/store/storetest"
)

func TestWorkersSayWhatTheyAreAt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		before, err := s.Workers(ctx)
		require.NoError(t, err)
		require.Empty(t, before)
		_, err = s.RegisterWorker(ctx, "an API, which never beats")
		require.NoError(t, err)
		worker := func(name string) int64 {
			id, err := s.RegisterWorker(ctx, name)
			require.NoError(t, err)
			require.NoError(t, s.Heartbeat(ctx, id, campaigns.Beat{Version: "1.2", Channels: []int64{3, 5}, Requests: map[int64]int{3: 8, 5: 40},
				Accepted: map[int64]float64{5: 12.5}, InFlight: 7}))
			return id
		}
		killed, retired, alive := worker("killed"), worker("retired"), worker("alive")
		require.NoError(t, s.RetireWorker(ctx, retired))
		// The others have not been heard of for long.
		_, err = s.Outside().Exec(ctx, "UPDATE workers SET heartbeat_at = heartbeat_at - ?, seen_at = seen_at - ? WHERE id = ?",
			campaigns.WorkerSilentAfter.Milliseconds()+1, campaigns.WorkerSilentAfter.Milliseconds()+1, killed)
		require.NoError(t, err)
		list, err := s.Workers(ctx)
		require.NoError(t, err)
		require.Len(t, list, 3, "newest first")
		for i, want := range []campaigns.Worker{
			{ID: alive, Name: "alive", State: campaigns.WorkerAlive, InFlight: 7},
			{ID: retired, Name: "retired", State: campaigns.WorkerRetired},
			{ID: killed, Name: "killed", State: campaigns.WorkerDead, InFlight: 7},
		} {
			require.False(t, list[i].Since.IsZero())
			require.False(t, list[i].SeenAt.IsZero(), "what was heard last stays")
			list[i].Since, list[i].SeenAt = time.Time{}, time.Time{}
			want.Version, want.Channels, want.Requests, want.Accepted = "1.2", []int64{3, 5}, map[int64]int{3: 8, 5: 40}, map[int64]float64{5: 12.5}
			require.Equal(t, want, list[i])
		}
		require.NoError(t, s.RetireOthers(ctx))
		list, err = s.Workers(ctx)
		require.NoError(t, err)
		require.Equal(t, campaigns.WorkerDead, list[0].State, "a process that was killed did not retire")
	})
}

func TestTheLeaderIsKnown(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		leader, err := s.Leader(ctx)
		require.NoError(t, err)
		require.Equal(t, campaigns.Leader{}, leader)
		_, _, err = s.AcquireLease(ctx, "scheduler", "a", time.Hour)
		require.NoError(t, err)
		leader, err = s.Leader(ctx)
		require.NoError(t, err)
		require.True(t, leader.Leads())
		require.Equal(t, "a", leader.Holder)
		require.NoError(t, s.ReleaseLease(ctx, "scheduler", "a"))
		leader, err = s.Leader(ctx)
		require.NoError(t, err)
		require.False(t, leader.Leads())
		require.Less(t, leader.Expired, time.Minute)
		require.WithinDuration(t, s.Clock.Now(), leader.Until, time.Minute)
	})
}

func TestTheNextMessageThatIsDue(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 3)
		ctx := t.Context()
		run := j.Start()
		due, err := s.NextDue(ctx, j.Channel.ID, run.ID)
		require.NoError(t, err)
		require.Equal(t, messages.Due{}, due)
		j.PlanAll(run.ID, 100)
		due, err = s.NextDue(ctx, j.Channel.ID, run.ID)
		require.NoError(t, err)
		require.False(t, due.At.After(s.Clock.Now()))
		later := sqldb.Rounded(s.Clock.Now().Add(time.Hour))
		fed := j.Feed(run.ID, []int64{1}, 3)
		ids := make([]int64, len(fed))
		for i, m := range fed {
			ids[i] = m.ID
		}
		require.NoError(t, s.Unqueue(ctx, messages.Unqueuing{RunID: run.ID, ChannelID: j.Channel.ID, EnvelopeID: 1, MessageIDs: ids,
			Due: messages.Due{At: later, Reason: messages.ReasonRecipientPerDay}}))
		due, err = s.NextDue(ctx, j.Channel.ID, run.ID)
		require.NoError(t, err)
		require.Equal(t, messages.Due{At: later, Reason: messages.ReasonRecipientPerDay}, due)
	})
}
