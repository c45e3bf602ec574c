package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/messages"
)

func TestQueueOutlook(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		j := newJourney(t, s, 50)
		ctx := t.Context()
		outlook := func(f messages.QueueFilter) campaigns.QueueOutlook {
			t.Helper()
			o, err := s.QueueOutlook(ctx, f)
			require.NoError(t, err)
			return o
		}
		all := messages.QueueFilter{AccountID: j.accountID}
		require.Equal(t, campaigns.QueueOutlook{}, outlook(all), "a draft comes only when it is started")

		later, soon := j.newCampaign(`{"all":true}`), j.newCampaign(`{"all":true}`)
		at := j.clock.Now().Add(time.Hour).Truncate(time.Millisecond).UTC()
		require.NoError(t, s.ScheduleCampaign(ctx, j.accountID, later, at.Add(time.Hour)))
		require.NoError(t, s.ScheduleCampaign(ctx, j.accountID, soon, at))
		require.Equal(t, &campaigns.NextFiring{CampaignID: soon, CampaignName: "k", ChannelID: j.channel.ID, At: at}, outlook(all).Next)
		require.Equal(t, later, outlook(messages.QueueFilter{AccountID: j.accountID, CampaignID: later}).Next.CampaignID)

		run := j.start()
		planning := campaigns.PlanningRun{RunID: run.ID, CampaignID: j.campaign, CampaignName: "k", ChannelID: j.channel.ID, Status: campaigns.RunPlanning}
		require.Equal(t, []campaigns.PlanningRun{planning}, outlook(all).Planning, "before the first batch")
		_, err := s.PlanBatch(ctx, run.ID, 20)
		require.NoError(t, err)
		planning.Planned = 20
		require.Equal(t, []campaigns.PlanningRun{planning}, outlook(all).Planning)
		require.NoError(t, s.PauseCampaign(ctx, j.accountID, j.campaign, "me"))
		planning.Status = campaigns.RunPaused
		byCampaign := messages.QueueFilter{AccountID: j.accountID, ChannelID: j.channel.ID, CampaignID: j.campaign}
		require.Equal(t, campaigns.QueueOutlook{Planning: []campaigns.PlanningRun{planning}}, outlook(byCampaign))
		require.Equal(t, campaigns.QueueOutlook{}, outlook(messages.QueueFilter{AccountID: j.accountID + 1}), "another account's")
		require.Equal(t, campaigns.QueueOutlook{}, outlook(messages.QueueFilter{AccountID: j.accountID, ChannelID: j.channel.ID + 1}))

		require.NoError(t, s.ResumeCampaign(ctx, j.accountID, j.campaign, "me"))
		j.planAll(run.ID, 100)
		require.Empty(t, outlook(all).Planning, "all of it is in the counts now")
		require.NoError(t, s.PauseCampaign(ctx, j.accountID, j.campaign, "me"))
		require.Empty(t, outlook(all).Planning, "paused, but nothing is left to plan")
	})
}
