package app

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/configs"
	"carillon/internal/clock"
	"carillon/internal/secret"
	"carillon/internal/sink"
	"carillon/messages"
	"carillon/providers"
)

// messagesOfRotation is how many messages go out while the master key is rotated;
// CARILLON_TEST_MESSAGES says it for `make rotation`.
func messagesOfRotation(t *testing.T) int {
	t.Helper()
	text := os.Getenv("CARILLON_TEST_MESSAGES")
	if text == "" {
		return 6000
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// The master key is rotated while messages go out: every process is started again with both
// keys, all is sealed anew, and in the end only the new key is there. Nothing is lost, nothing
// sent twice, no request refused, and links of before work for as long as the key of before.
func TestTheMasterKeyIsRotatedWhileMessagesGoOut(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, config configs.Config) {
		n := messagesOfRotation(t)
		config.PublicURL = "https://n.example.org"
		own := config.StoreDSN.Empty() // then the program keeps the key itself
		if own {
			config.MasterKey = secret.String{}
		}
		begin := func(c configs.Config, roles Roles) *Engine {
			e, err := StartEngine(t.Context(), Options{Config: c, Roles: roles})
			require.NoError(t, err)
			return e
		}
		far, settings := endpoint(t, sink.Options{Record: true})
		e := begin(config, AllRoles)
		s := perform(t, e, testChannel{provider: "webhook", config: settings, limits: providers.Limits{PerSecond: 4000}}, n)
		reach := func(share int) {
			require.Eventually(t, func() bool { return far.Asked() > int64(n*share/100) }, 5*time.Minute, time.Millisecond)
		}
		reach(5)
		link := e.Tokens.Make(messages.Unsubscriber{AccountID: s.f.account, MessageID: 1})
		rolled := config
		if !own {
			worker := begin(config, Roles{Worker: true})
			reach(15)
			rolled.MasterKey, rolled.OtherMasterKeys = secret.New("the master key of tomorrow"), config.MasterKey
			second := begin(rolled, Roles{Worker: true}) // beside those that know the old key alone
			t.Cleanup(func() { require.NoError(t, second.Stop()) })
			reach(30)
			require.NoError(t, worker.Stop())
			require.NoError(t, e.Stop())
			e = begin(rolled, AllRoles)
			e.Wake()
		}
		reach(45)
		began := clock.System{}.Now()
		rotating := rotation{e, rolled}
		before, err := rotating.Sealing(t.Context())
		require.NoError(t, err)
		require.NoError(t, rotating.Begin(t.Context()))
		for steps, left := 0, 1; left > 0; steps++ {
			left, err = rotating.Step(t.Context())
			require.NoError(t, err)
			require.Less(t, steps, 10)
		}
		after, err := rotating.Sealing(t.Context())
		require.NoError(t, err)
		require.Zero(t, after.Left())
		require.NotEqual(t, before.Using, after.Using)
		t.Logf("%d messages: sealed anew in %v with %d of them asked for", n, clock.System{}.Now().Sub(began), far.Asked())

		s.e = e
		require.Eventually(t, func() bool { return s.run().Status == campaigns.RunFinished }, 10*time.Minute, 20*time.Millisecond)
		require.Equal(t, int64(n), far.Asked())
		require.Empty(t, far.Duplicates())
		require.Equal(t, int64(n), s.run().Counts[messages.Sent])
		require.Equal(t, providers.ChannelActive, s.channel().Status)
		verified, err := e.Store.VerifyRun(t.Context(), s.c.RunID)
		require.NoError(t, err)
		require.Empty(t, verified.Problems)
		t.Logf("all are sent %v after the rotation began; envelopes refused by this process: %d", clock.System{}.Now().Sub(began), e.Queue.Refused())

		u, err := e.Tokens.Parse(link)
		require.NoError(t, err, "a link of before")
		require.Equal(t, s.f.account, u.AccountID)
		fresh := e.Tokens.Make(messages.Unsubscriber{AccountID: s.f.account, MessageID: 1})
		require.NotEqual(t, link, fresh, "it signs with the new key")
		require.NoError(t, e.Stop())
		if own {
			rolled.MasterKey = firstKey(t, rolled)
		}
		rolled.OtherMasterKeys = secret.String{}
		e = begin(rolled, Roles{})
		t.Cleanup(func() { require.NoError(t, e.Stop()) })
		_, err = e.Store.GetChannel(t.Context(), s.f.account, s.f.channel.ID)
		require.NoError(t, err, "nothing in the store needs the key of before")
		_, err = e.Tokens.Parse(fresh)
		require.NoError(t, err)
		_, err = e.Tokens.Parse(link)
		require.Error(t, err, "links of before are known by the key of before alone")
	})
}

func firstKey(t *testing.T, c configs.Config) secret.String {
	t.Helper()
	keys, err := c.ResolveMasterKeys()
	require.NoError(t, err)
	require.Len(t, keys, 2)
	return keys[0]
}

// With one key that is given there is nothing to rotate to, and the error says what to do.
func TestRotatingNeedsAnotherMasterKey(t *testing.T) {
	config := testConfig(t)
	e := startTestEngine(t, config, Roles{})
	err := rotation{e, config}.Begin(t.Context())
	require.ErrorContains(t, err, "CARILLON_OTHER_MASTER_KEYS")
	require.Len(t, e.masterKeys.IDs(), 1)
}
