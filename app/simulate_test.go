package app

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/campaigns/calendar"
	"carillon/campaigns/schedule"
	"carillon/campaigns/simulate"
	"carillon/configs"
	"carillon/internal/clock"
	"carillon/messages"
	"carillon/providers"
	"carillon/queue"
	"carillon/targeting"
)

// A recurring campaign that is really sent, three runs one behind the other, against its
// simulation. Each run takes 200 messages at a limit of 100 a second: 199 intervals of
// slots that are given out for 98.5 % of it, 2.02 s.
//
// It is never faster, because the limiter spaces the slots of a channel whatever
// happens; but for the slack with which a slot may be used (queue.SlotSlack), and for
// what is left of the last run's interval. It is later by the looks of the loops: an
// instant is fired within 100 ms, planned and fed within 200 ms more, and a run is
// finished within 200 ms of its last message, half a second together, which adds up over
// the runs. Twice that is allowed for each, and three seconds altogether for a machine
// that does other things.
func TestASimulationAndWhatIsSentAgree(t *testing.T) {
	bothEngines(t, func(t *testing.T, config configs.Config) {
		e := startTestEngine(t, config, AllRoles)
		const n, perSecond, runs = 200, 100, 3
		f := newFixture(t, e, testChannel{provider: "sandbox", config: `{"receipts":"none"}`, limits: providers.Limits{PerSecond: perSecond}}, n)
		// It is simulated before it begins.
		begins := clock.System{}.Now().Add(3 * time.Second).Format(time.RFC3339)
		c, err := e.Campaigns.Create(t.Context(), campaigns.Campaign{
			AccountID: f.account, Name: t.Name(), ChannelID: f.channel.ID, Audience: targeting.Audience{Uploads: []int64{f.upload.ID}},
			Content: providers.Content{Subject: "Hello", Text: "Hello"}, Schedule: campaigns.Schedule{
				Schedule: schedule.Schedule{Every: "1s", From: begins}, Policy: campaigns.Policy{Count: runs, WhileRunning: campaigns.RunsQueueAll},
			},
		})
		require.NoError(t, err)
		_, err = e.Campaigns.Start(t.Context(), f.account, c.ID, false)
		require.NoError(t, err)
		sim, err := e.Calendar.Simulate(t.Context(), f.account, c.ID, calendar.Ask{})
		require.NoError(t, err)
		require.Len(t, sim.Runs, runs)
		e.Wake()
		var actual []campaigns.Run
		require.Eventually(t, func() bool {
			actual, err = e.Store.ListRuns(t.Context(), f.account, c.ID, 0, runs)
			require.NoError(t, err)
			return len(actual) == runs && actual[0].Status == campaigns.RunFinished
		}, time.Minute, 20*time.Millisecond)
		for i, predicted := range sim.Runs {
			run := actual[runs-1-i]
			require.Equal(t, run.Instant, predicted.Instant)
			require.Equal(t, run.Status, predicted.Status)
			require.Equal(t, run.Reason, predicted.Reason)
			require.Equal(t, run.Counts[messages.Sent], predicted.Sent)
			took, said := run.FinishedAt.Sub(*run.StartedAt), predicted.Ends.Sub(predicted.Starts)
			t.Logf("run %d took %v, and %v was said; it ended %v later than was said", i, took, said, run.FinishedAt.Sub(predicted.Ends))
			require.Greater(t, took, said-2*queue.SlotSlack-time.Second/perSecond)
			require.Less(t, run.FinishedAt.Sub(predicted.Ends), time.Duration(i+1)*time.Second+3*time.Second)
		}
	})
}

// The shares of rates for which slots are given out are the limiter's own.
func TestTheSimulationKnowsTheLimitersShares(t *testing.T) {
	require.InDelta(t, queue.ChannelShare, simulate.ChannelShare, 0)
	require.InDelta(t, queue.CampaignShare, simulate.CampaignShare, 0)
}
