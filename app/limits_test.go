package app

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/configs"
	"carillon/messages"
	"carillon/providers"
	"carillon/queue"
)

// sentOf is how many messages of a campaign's run were sent.
func sentOf(t *testing.T, e *Engine, c campaigns.Campaign) int64 {
	t.Helper()
	run, err := e.Store.GetRun(t.Context(), c.AccountID, c.RunID)
	require.NoError(t, err)
	return run.Counts[messages.Sent]
}

// A rate of one message in many seconds is held over restarts, and corrected it
// counts at once: at the old rate the second message would come after 50 seconds.
func TestALowRateIsHeldAndARaisedOneIsAtOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, config configs.Config) {
		e := startTestEngine(t, config, AllRoles)
		f := newFixture(t, e, testChannel{provider: "sandbox", config: `{"receipts":"none"}`, limits: providers.Limits{PerSecond: 0.02, Burst: 5}}, 300)
		c, err := e.Campaigns.Start(t.Context(), f.account, f.campaign(t, e, "Hello").ID, true)
		require.NoError(t, err)
		e.Wake()
		require.Eventually(t, func() bool { return sentOf(t, e, c) > 0 }, 10*time.Second, 5*time.Millisecond)
		require.NoError(t, e.Stop())
		e = startTestEngine(t, config, AllRoles)
		require.Never(t, func() bool { return sentOf(t, e, c) > 1 }, 2500*time.Millisecond, 100*time.Millisecond)

		f.channel.Limits.PerSecond = 300
		f.channel, err = e.Store.UpdateChannel(t.Context(), f.channel)
		require.NoError(t, err)
		require.Eventually(t, func() bool { return sentOf(t, e, c) > 1 }, 5*time.Second, 20*time.Millisecond)
		require.Eventually(t, func() bool { return sentOf(t, e, c) == 300 }, 20*time.Second, 20*time.Millisecond)
	})
}

// What a provider once asked for holds no longer when somebody resumes the channel.
func TestAResumedChannelBeginsAnew(t *testing.T) {
	eachEngine(t, func(t *testing.T, config configs.Config) {
		e := startTestEngine(t, config, AllRoles)
		f := newFixture(t, e, testChannel{provider: "sandbox", config: `{"receipts":"none"}`}, 300)
		require.NoError(t, e.Queue.Limiter().Throttle(t.Context(), queue.Channel{AccountID: f.account, ID: f.channel.ID}, f.channel.Epoch, 999_999*time.Hour))
		c, err := e.Campaigns.Start(t.Context(), f.account, f.campaign(t, e, "Hello").ID, true)
		require.NoError(t, err)
		e.Wake()
		require.Never(t, func() bool { return sentOf(t, e, c) > 0 }, time.Second, 50*time.Millisecond)
		run, err := e.Store.GetRun(t.Context(), f.account, c.RunID)
		require.NoError(t, err)
		require.Equal(t, int64(300), run.Counts[messages.Pending], "nothing goes to and fro meanwhile")
		require.NoError(t, e.Store.ResumeChannel(t.Context(), f.account, f.channel.ID, "test"))
		require.Eventually(t, func() bool { return sentOf(t, e, c) == 300 }, 5*time.Second, 20*time.Millisecond)
	})
}

// A raised limit of recipients a day frees whom the old one holds back.
func TestARaisedDailyLimitIsAtOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, config configs.Config) {
		e := startTestEngine(t, config, AllRoles)
		f := newFixture(t, e, testChannel{provider: "sandbox", config: `{"receipts":"none"}`, limits: providers.Limits{RecipientsPerDay: 7}}, 60)
		c, err := e.Campaigns.Start(t.Context(), f.account, f.campaign(t, e, "Hello").ID, true)
		require.NoError(t, err)
		e.Wake()
		require.Eventually(t, func() bool {
			waiting, err := e.Store.ListMessages(t.Context(), messages.MessageFilter{AccountID: f.account, RunID: c.RunID, Reason: messages.ReasonRecipientPerDay,
				Limit: 100})
			require.NoError(t, err)
			return len(waiting) == 53
		}, 30*time.Second, 20*time.Millisecond)
		f.channel.Limits.RecipientsPerDay = 50
		f.channel, err = e.Store.UpdateChannel(t.Context(), f.channel)
		require.NoError(t, err)
		require.Eventually(t, func() bool { return sentOf(t, e, c) == 50 }, 10*time.Second, 20*time.Millisecond)
	})
}
