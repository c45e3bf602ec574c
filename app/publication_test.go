package app

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/configs"
	"carillon/internal/clock"
	"carillon/internal/sink"
	"carillon/messages"
	"carillon/providers"
)

// Whoever writes the keyword gets the content, in a moment and once, also those who write
// while everything is restarted.
func TestWhoAsksGetsTheContent(t *testing.T) {
	eachEngine(t, func(t *testing.T, config configs.Config) {
		e := startTestEngine(t, config, AllRoles)
		far, settings := endpoint(t, sink.Options{Record: true})
		f := newFixture(t, e, testChannel{provider: "webhook", config: settings}, 3)
		c := f.campaign(t, e, "The menu, {{ contact.first_name | default: 'friend' }}")
		_, err := e.Campaigns.Publish(t.Context(), f.account, campaigns.Publication{CampaignID: c.ID, Keywords: []string{"menu"}})
		require.NoError(t, err)
		ask := func(n int) {
			t.Helper()
			for range 2 { // providers repeat themselves
				_, err := e.Reports.Take(t.Context(), messages.Report{Channel: f.channel, Replies: []providers.Reply{
					{ID: fmt.Sprint("r", n), From: fmt.Sprintf("asks%d@example.org", n), Text: " Menu!", At: clock.System{}.Now()},
					{ID: fmt.Sprint("o", n), From: fmt.Sprintf("asks%d@example.org", n), Text: "hello", At: clock.System{}.Now()},
				}})
				require.NoError(t, err)
			}
		}
		ask(1)
		require.Eventually(t, func() bool { return far.Count() == 1 }, 10*time.Second, 5*time.Millisecond)
		for n := range 20 {
			ask(n + 2)
		}
		require.NoError(t, e.Stop())
		e = startTestEngine(t, config, AllRoles)
		require.Eventually(t, func() bool { return far.Count() == 21 }, 20*time.Second, 5*time.Millisecond)
		ask(100)
		require.Eventually(t, func() bool { return far.Count() == 22 }, 10*time.Second, 5*time.Millisecond)
		p, err := e.Campaigns.Publication(t.Context(), f.account, c.ID)
		require.NoError(t, err)
		require.Equal(t, [2]int64{22, 0}, [2]int64{p.Answered, p.Failed})
		list, err := e.Store.ListMessages(t.Context(), messages.MessageFilter{AccountID: f.account, Limit: 100})
		require.NoError(t, err)
		require.Len(t, list, 22)
	})
}
