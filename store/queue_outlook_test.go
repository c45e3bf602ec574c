package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/messages"
	"carillon/store/storetest"
)

func TestQueueOutlook(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 50)
		ctx := t.Context()
		outlook := func(f messages.QueueFilter) campaigns.QueueOutlook {
			t.Helper()
			o, err := s.QueueOutlook(ctx, f)
			require.NoError(t, err)
			return o
		}
		all := messages.QueueFilter{AccountID: j.AccountID}
		require.Equal(t, campaigns.QueueOutlook{}, outlook(all), "a draft comes only when it is started")

		later, soon := j.NewCampaign(`{"all":true}`), j.NewCampaign(`{"all":true}`)
		at := j.Clock.Now().Add(time.Hour).Truncate(time.Millisecond).UTC()
		require.NoError(t, s.ScheduleCampaign(ctx, j.AccountID, later, at.Add(time.Hour)))
		require.NoError(t, s.ScheduleCampaign(ctx, j.AccountID, soon, at))
		require.Equal(t, &campaigns.NextFiring{CampaignID: soon, CampaignName: "k", ChannelID: j.Channel.ID, At: at}, outlook(all).Next)
		require.Equal(t, later, outlook(messages.QueueFilter{AccountID: j.AccountID, CampaignID: later}).Next.CampaignID)

		run := j.Start()
		planning := campaigns.PlanningRun{RunID: run.ID, CampaignID: j.Campaign, CampaignName: "k", ChannelID: j.Channel.ID, Status: campaigns.RunPlanning}
		require.Equal(t, []campaigns.PlanningRun{planning}, outlook(all).Planning, "before the first batch")
		_, err := s.PlanBatch(ctx, run.ID, 20)
		require.NoError(t, err)
		planning.Planned = 20
		require.Equal(t, []campaigns.PlanningRun{planning}, outlook(all).Planning)
		require.NoError(t, s.PauseCampaign(ctx, j.AccountID, j.Campaign, "me"))
		planning.Status = campaigns.RunPaused
		byCampaign := messages.QueueFilter{AccountID: j.AccountID, ChannelID: j.Channel.ID, CampaignID: j.Campaign}
		require.Equal(t, campaigns.QueueOutlook{Planning: []campaigns.PlanningRun{planning}}, outlook(byCampaign))
		require.Equal(t, campaigns.QueueOutlook{}, outlook(messages.QueueFilter{AccountID: j.AccountID + 1}), "another account's")
		require.Equal(t, campaigns.QueueOutlook{}, outlook(messages.QueueFilter{AccountID: j.AccountID, ChannelID: j.Channel.ID + 1}))

		require.NoError(t, s.ResumeCampaign(ctx, j.AccountID, j.Campaign, "me"))
		j.PlanAll(run.ID, 100)
		require.Empty(t, outlook(all).Planning, "all of it is in the counts now")
		require.NoError(t, s.PauseCampaign(ctx, j.AccountID, j.Campaign, "me"))
		require.Empty(t, outlook(all).Planning, "paused, but nothing is left to plan")
	})
}
