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

func TestLive(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 9)
		ctx := t.Context()
		mine, nobody := []int64{j.AccountID}, []int64{j.AccountID + 1}
		runs := func(accounts []int64, after int64, also ...int64) map[int64]campaigns.LiveRun {
			t.Helper()
			list, _, err := s.LiveRuns(ctx, accounts, after, also)
			require.NoError(t, err)
			byID := map[int64]campaigns.LiveRun{}
			for _, r := range list {
				byID[r.ID] = r
			}
			require.Len(t, byID, len(list))
			return byID
		}
		channel := func() campaigns.LiveChannel {
			t.Helper()
			list, err := s.LiveChannels(ctx, mine)
			require.NoError(t, err)
			require.Len(t, list, 1)
			require.False(t, list[0].UpdatedAt.IsZero())
			list[0].UpdatedAt = time.Time{}
			return list[0]
		}
		require.Empty(t, runs(mine, -1))
		require.Equal(t, campaigns.LiveChannel{ID: j.Channel.ID, AccountID: j.AccountID, Name: "c", Status: providers.ChannelActive,
			Health: providers.Health{State: providers.HealthOK}}, channel())

		run := j.Start()
		require.Equal(t, campaigns.RunPlanning, runs(mine, -1)[run.ID].Status)
		j.PlanAll(run.ID, 100)
		live := runs(mine, -1, run.ID)[run.ID]
		require.Equal(t, messages.Counts{messages.Pending: 9}, live.Counts)
		require.False(t, live.CampaignChangedAt.IsZero())
		require.Equal(t, run.CampaignID, live.CampaignID)
		claimed := j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 4)[:3])
		_, err := s.CreateMessage(ctx, messages.Outgoing{AccountID: j.AccountID, ChannelID: j.Channel.ID, Address: "a@example.com", Content: []byte(`{"text":"x"}`)})
		require.NoError(t, err)
		health := providers.Health{State: providers.HealthDegraded, Reason: "no such host", Since: sqldb.Rounded(s.Clock.Now()),
			NextTry: sqldb.Rounded(s.Clock.Now().Add(time.Minute))}
		require.NoError(t, s.NoteHealth(ctx, j.Channel.ID, 0, health))
		require.Equal(t, campaigns.LiveChannel{
			ID: j.Channel.ID, AccountID: j.AccountID, Name: "c", Status: providers.ChannelActive, Health: health, Pending: 6, Queued: 1, Sending: 3,
		}, channel())
		j.Record(run.ID, claimed, nil)
		require.Equal(t, int64(3), runs(mine, -1)[run.ID].Counts[messages.Sent])

		require.NoError(t, s.CancelCampaign(ctx, j.AccountID, j.Campaign, "me"))
		for more := true; more; {
			more, err = s.CancelPending(ctx)
			require.NoError(t, err)
		}
		finished, _, err := s.FinishRuns(ctx)
		require.NoError(t, err)
		require.Equal(t, []int64{run.ID}, finished)
		require.Equal(t, int64(1), channel().Pending, "the transactional one")
		require.Empty(t, runs(mine, -1), "it is over")
		require.Empty(t, runs(mine, run.ID))
		for _, how := range []map[int64]campaigns.LiveRun{runs(mine, run.ID-1), runs(mine, -1, run.ID)} {
			require.Equal(t, messages.Counts{messages.Sent: 3, messages.Canceled: 6}, how[run.ID].Counts)
			require.NotNil(t, how[run.ID].FinishedAt)
		}
		require.Empty(t, runs(nobody, 0, run.ID), "another account's")
		list, err := s.LiveChannels(ctx, nobody)
		require.NoError(t, err)
		require.Empty(t, list)
		_, latest, err := s.LiveRuns(ctx, nobody, -1, nil)
		require.NoError(t, err)
		require.Equal(t, run.ID, latest)
	})
}
