package app

import (
	"io"
	"net"
	"net/url"
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
	bothEngines(t, func(t *testing.T, config configs.Config) {
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
	t.Parallel()
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

// limitAccount sets what an account may send.
func limitAccount(t *testing.T, e *Engine, account int64, limits access.AccountLimits) {
	t.Helper()
	_, err := e.Accounts.Change(t.Context(), account, func(a *access.Account) { a.Limits = limits })
	require.NoError(t, err)
}

// limitTest sets what the account of the test may send, and starts one process more that works
// where there can be one.
func limitTest(t *testing.T, e *Engine, config configs.Config, limits access.AccountLimits) (accountID int64) {
	t.Helper()
	account, _, err := e.Store.EnsureAccount(t.Context(), "test")
	require.NoError(t, err)
	limitAccount(t, e, account.ID, limits)
	if config.RedisURL.Reveal() != "" {
		startTestEngine(t, config, Roles{Worker: true})
	}
	return account.ID
}

// twoChannels are an account's, each with a campaign to n people that is under way.
func twoChannels(t *testing.T, e *Engine, settings string, n int) []stage {
	t.Helper()
	f := newFixture(t, e, testChannel{provider: "webhook", config: settings}, n)
	second := newFixture(t, e, testChannel{provider: "webhook", config: settings, suffix: " 2"}, n)
	stages := []stage{{t, e, f, f.campaign(t, e, "Hello")}, {t, e, second, second.campaign(t, e, "Hello")}}
	for i, s := range stages {
		var err error
		stages[i].c, err = e.Campaigns.Start(t.Context(), f.account, s.c.ID, true)
		require.NoError(t, err)
	}
	e.Wake()
	return stages
}

// An account's rate holds over all of its channels and workers, and is reached; another
// account is not slowed by it. Raised, it counts at once.
func TestAnAccountsRateIsOverAllItsChannels(t *testing.T) {
	bothEngines(t, func(t *testing.T, config configs.Config) {
		const rate, people = 20, 80
		e := startTestEngine(t, config, AllRoles)
		far, settings := endpoint(t, sink.Options{Record: true})
		account := limitTest(t, e, config, access.AccountLimits{PerSecond: rate})
		stages := twoChannels(t, e, settings, people)

		other, _, _, err := e.Accounts.Create(t.Context(), "other")
		require.NoError(t, err)
		elsewhere, itsSettings := endpoint(t, sink.Options{Record: true})
		f := newFixture(t, e, testChannel{account: other.ID, provider: "webhook", config: itsSettings, suffix: " other"}, 300)
		c, err := e.Campaigns.Start(t.Context(), other.ID, f.campaign(t, e, "Hello").ID, true)
		require.NoError(t, err)
		e.Wake()
		finish(t, e, c)
		require.EqualValues(t, 300, elsewhere.Count())
		require.Less(t, far.Count(), int64(2*people), "while the first account still sends")

		for _, s := range stages {
			require.EqualValues(t, people, finish(t, e, s.c).Counts[messages.Sent])
		}
		arrivals := far.Arrivals()
		took := arrivals[2*people-1].At.Sub(arrivals[0].At).Seconds()
		t.Logf("%d messages at %d a second took %.2f s, at most %d in a second", 2*people, rate, took, far.MaxInSlidingSecond())
		require.LessOrEqual(t, far.MaxInSlidingSecond(), rate+1) // one that comes in as another second ends
		require.Greater(t, took, 0.95*2*people/rate)
		require.Less(t, took, 1.6*2*people/rate)

		limitAccount(t, e, account, access.AccountLimits{PerSecond: 1})
		slow := twoChannelsAgain(t, e, stages)
		require.Eventually(t, func() bool { return far.Count() > 2*people }, 10*time.Second, 5*time.Millisecond)
		require.Never(t, func() bool { return far.Count() > 2*people+4 }, 1800*time.Millisecond, 20*time.Millisecond)
		limitAccount(t, e, account, access.AccountLimits{})
		for _, c := range slow {
			finish(t, e, c)
		}
		require.EqualValues(t, 4*people, far.Count())
	})
}

// twoChannelsAgain starts another campaign on each channel.
func twoChannelsAgain(t *testing.T, e *Engine, stages []stage) (again []campaigns.Campaign) {
	t.Helper()
	for _, s := range stages {
		c, err := e.Campaigns.Start(t.Context(), s.f.account, s.f.campaign(t, e, "Hello again").ID, true)
		require.NoError(t, err)
		again = append(again, c)
	}
	e.Wake()
	return again
}

// flushRedis has Redis forget everything, where there is one; the embedded one forgets with
// its process.
func flushRedis(t *testing.T, config configs.Config) {
	t.Helper()
	at, err := url.Parse(config.RedisURL.Reveal())
	require.NoError(t, err)
	if at.Host == "" {
		return
	}
	conn, err := net.Dial("tcp", at.Host)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	_, err = conn.Write([]byte("FLUSHALL\r\n"))
	require.NoError(t, err)
	answer := make([]byte, 5)
	_, err = io.ReadFull(conn, answer)
	require.NoError(t, err)
	require.Equal(t, "+OK\r\n", string(answer))
}

// An account sends as many messages in a day as it may, over all of its channels, also
// when everything is started anew and Redis has forgotten everything; the rest waits, says
// why and until when, and goes out as soon as the limit is raised.
func TestAnAccountsDayIsOverAllItsChannels(t *testing.T) {
	bothEngines(t, func(t *testing.T, config configs.Config) {
		const people, most = 60, 50
		e := startTestEngine(t, config, AllRoles)
		far, settings := endpoint(t, sink.Options{Record: true})
		account := limitTest(t, e, config, access.AccountLimits{PerDay: most, PerSecond: 40})
		stages := twoChannels(t, e, settings, people)
		require.Eventually(t, func() bool { return far.Count() >= most/2 }, 30*time.Second, time.Millisecond)
		flushRedis(t, config)
		require.NoError(t, e.Stop())
		e = startTestEngine(t, config, AllRoles)
		require.Eventually(t, func() bool { return far.Count() == most }, 30*time.Second, 5*time.Millisecond)
		require.Never(t, func() bool { return far.Count() > most }, 2*time.Second, 50*time.Millisecond)
		var sent int64
		for i := range stages {
			stages[i].e = e
			run := stages[i].run()
			sent += run.Counts[messages.Sent]
			require.EqualValues(t, people, run.Counts[messages.Sent]+run.Counts[messages.Pending], "nothing goes to and fro: %v", run.Counts)
			pace, err := e.Campaigns.Pace(t.Context(), run)
			require.NoError(t, err)
			require.Equal(t, campaigns.StillAccountDay, pace.Still.Reason)
			require.WithinRange(t, pace.Still.Until, run.Began().Add(24*time.Hour), run.Began().Add(24*time.Hour+11*time.Minute))
			require.Contains(t, pace.Still.Words, "as many messages as it may in 24 hours over all of its channels, 50, and goes on at")
		}
		require.EqualValues(t, most, sent)
		now, err := e.Accounts.Get(t.Context(), account)
		require.NoError(t, err)
		require.EqualValues(t, most, now.SentToday)
		limitAccount(t, e, account, access.AccountLimits{PerDay: 1000})
		for _, s := range stages {
			require.EqualValues(t, people, finish(t, e, s.c).Counts[messages.Sent])
		}
		require.EqualValues(t, 2*people, far.Count())
	})
}

// Channels of one pool write to no more different people in a day than one of them may, whoever
// sends for them, and know it of each other when Redis has begun anew.
func TestChannelsOfAPoolShareADay(t *testing.T) {
	bothEngines(t, func(t *testing.T, config configs.Config) {
		const most, people = 25, 20
		e := startTestEngine(t, config, AllRoles)
		far, settings := endpoint(t, sink.Options{Record: true})
		account := limitTest(t, e, config, access.AccountLimits{})
		limits := providers.Limits{RecipientsPerDay: most, RecipientsPool: "shop"}
		var stages []stage
		for _, at := range []string{"one.example", "two.example"} {
			f := newFixture(t, e, testChannel{account: account, provider: "webhook", config: settings, suffix: " " + at, limits: limits,
				domain: func(int) string { return at }}, people)
			stages = append(stages, stage{t, e, f, f.campaign(t, e, "Hello")})
		}
		for i, s := range stages {
			var err error
			stages[i].c, err = e.Campaigns.Start(t.Context(), account, s.c.ID, true)
			require.NoError(t, err)
		}
		e.Wake()
		heldOf := func(s stage) int {
			waiting, err := e.Store.ListMessages(t.Context(),
				messages.MessageFilter{AccountID: account, RunID: s.c.RunID, Reason: messages.ReasonRecipientPerDay, Limit: 100})
			require.NoError(t, err)
			return len(waiting)
		}
		held := func() bool { return heldOf(stages[0])+heldOf(stages[1]) == 2*people-most }
		require.Eventually(t, held, 30*time.Second, 20*time.Millisecond)
		require.EqualValues(t, most, far.Count())

		require.NoError(t, e.Stop())
		flushRedis(t, config)
		e = startTestEngine(t, config, AllRoles)
		for _, s := range stages {
			m, err := e.Store.CreateMessage(t.Context(), messages.Outgoing{AccountID: account, ChannelID: s.f.channel.ID, Address: "new@example.com",
				Content: []byte(`{"text":"x"}`)})
			require.NoError(t, err)
			e.Wake()
			require.Eventually(t, func() bool {
				m, err = e.Store.GetMessage(t.Context(), account, m.ID)
				require.NoError(t, err)
				return m.Reason == messages.ReasonRecipientPerDay
			}, 30*time.Second, 20*time.Millisecond)
		}
		require.EqualValues(t, most, far.Count())

		// Raised on one, it counts there alone.
		longest := slices.MaxFunc(stages, func(a, b stage) int { return heldOf(a) - heldOf(b) })
		c := longest.f.channel
		c.Limits.RecipientsPerDay = most + 5
		_, err := e.Store.UpdateChannel(t.Context(), c)
		require.NoError(t, err)
		require.Eventually(t, func() bool { return far.Count() == most+5 }, 30*time.Second, 20*time.Millisecond)
	})
}
