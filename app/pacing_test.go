package app

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/campaigns"
	"carillon/configs"
	"carillon/internal/sink"
	"carillon/messages"
	"carillon/providers"
	"carillon/targeting"
)

// A warm-up holds across a restart, and who waits goes on as soon as the day allows
// more.
func TestAWarmUpHoldsAcrossARestart(t *testing.T) {
	config := testConfig(t)
	e := startTestEngine(t, config, AllRoles)
	limits := providers.Limits{WarmUp: providers.WarmUp{First: 7, Ceiling: 100}}
	s := perform(t, e, testChannel{provider: "sandbox", config: `{"receipts":"none"}`, limits: limits}, 20)
	waits := func(want messages.Counts) {
		t.Helper()
		require.Eventually(t, func() bool { return s.run().Counts == want }, 30*time.Second, 20*time.Millisecond, "%v", s.run().Counts)
	}
	waits(messages.Counts{messages.Sent: 7, messages.Pending: 13})
	require.NoError(t, e.Stop())

	e = startTestEngine(t, config, AllRoles)
	s.e = e
	waits(messages.Counts{messages.Sent: 7, messages.Pending: 13})
	ch := s.channel()
	ch.Limits.WarmUp.First = 12
	_, err := e.Store.UpdateChannel(t.Context(), ch)
	require.NoError(t, err)
	waits(messages.Counts{messages.Sent: 12, messages.Pending: 8})
}

// What a provider is asked comes in batches, of which none is larger and none begins
// sooner than was said, through a pause and a restart of everything; and it takes as
// long as was foretold.
func TestBatchesAreWhatTheProviderSees(t *testing.T) {
	bothEngines(t, func(t *testing.T, config configs.Config) {
		const size, every, people = 5, 1500 * time.Millisecond, 22
		e := startTestEngine(t, config, AllRoles)
		far, settings := endpoint(t, sink.Options{Record: true})
		f := newFixture(t, e, testChannel{provider: "webhook", config: settings}, people)
		c, err := e.Campaigns.Create(t.Context(), campaigns.Campaign{
			AccountID: f.account, Name: t.Name(), ChannelID: f.channel.ID, Audience: targeting.Audience{Uploads: []int64{f.upload.ID}},
			Content: providers.Content{Subject: "Hello", Text: "Hello"}, Throttle: campaigns.Throttle{Batch: campaigns.Batch{Size: size, Every: every.String()}},
		})
		require.NoError(t, err)
		forecast, err := e.Campaigns.Preview(t.Context(), f.account, c.ID)
		require.NoError(t, err)
		require.Equal(t, 4*every, forecast.Duration)
		require.Equal(t, "campaign.batch", forecast.LimitedBy)
		c, err = e.Campaigns.Start(t.Context(), f.account, c.ID, true)
		require.NoError(t, err)
		e.Wake()
		require.Eventually(t, func() bool { return far.Count() == size }, 20*time.Second, 2*time.Millisecond)
		require.NoError(t, e.Stop()) // between two batches
		e = startTestEngine(t, config, AllRoles)
		require.Eventually(t, func() bool { return far.Count() > size }, 20*time.Second, 2*time.Millisecond)
		_, err = e.Campaigns.Pause(t.Context(), f.account, c.ID, "test")
		require.NoError(t, err)
		_, err = e.Campaigns.Resume(t.Context(), f.account, c.ID, "test")
		require.NoError(t, err)
		e.Wake()
		run := finish(t, e, c)
		require.EqualValues(t, people, run.Counts[messages.Sent])

		// The store says in which batch each was fed; the provider when it was asked.
		list, err := e.Store.ListMessages(t.Context(), messages.MessageFilter{AccountID: f.account, RunID: run.ID, Limit: people + 1})
		require.NoError(t, err)
		asked := map[int64]time.Time{}
		for _, a := range far.Asks() {
			asked[a.ID] = a.Began
		}
		var fed []time.Time
		for _, m := range list {
			queued := *m.Times.QueuedAt
			require.False(t, asked[m.ID].Before(queued.Add(-time.Millisecond)), "message %d was fed at %s and asked at %s", m.ID, queued, asked[m.ID])
			fed = append(fed, queued)
		}
		slices.SortFunc(fed, time.Time.Compare)
		for i := size; i < len(fed); i++ {
			require.GreaterOrEqual(t, fed[i].Sub(fed[i-size]), every-size*time.Millisecond, "of any six, the last is fed in a later batch than the first")
		}
	})
}

// One recipient gets as many messages at once as may be had ahead of the spacing, and each of
// those after them when it is paid for, whichever worker sends it.
func TestARecipientHasABurstAtTheSink(t *testing.T) {
	bothEngines(t, func(t *testing.T, config configs.Config) {
		const ahead, total = 4, 8
		e := startTestEngine(t, config, AllRoles)
		far, settings := endpoint(t, sink.Options{Record: true})
		account := limitTest(t, e, config, access.AccountLimits{})
		f := newFixture(t, e, testChannel{account: account, provider: "webhook", config: settings,
			limits: providers.Limits{PerRecipientSeconds: 1, PerRecipientBurst: ahead}}, 1)
		for range total {
			_, err := e.Store.CreateMessage(t.Context(), messages.Outgoing{AccountID: account, ChannelID: f.channel.ID, Address: "one@example.com",
				Content: []byte(`{"text":"x"}`)})
			require.NoError(t, err)
		}
		e.Wake()
		require.Eventually(t, func() bool { return far.Count() == total }, 30*time.Second, 10*time.Millisecond)
		arrivals := far.Arrivals()
		t.Logf("%d at once, all after %v", ahead, arrivals[total-1].At.Sub(arrivals[0].At))
		require.Less(t, arrivals[ahead-1].At.Sub(arrivals[0].At), 2*time.Second, "they wait for nothing, and the fourth would for three seconds")
		// Where a request ends up late the next one comes sooner after it.
		const late = 300 * time.Millisecond
		for i := range arrivals {
			for j := i + ahead; j < total; j++ {
				require.GreaterOrEqual(t, arrivals[j].At.Sub(arrivals[i].At), time.Duration(j-i-ahead+1)*time.Second-late, "messages %d to %d", i, j)
			}
		}
	})
}
