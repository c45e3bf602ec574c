package calendar_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/campaigns/calendar"
	"carillon/campaigns/schedule"
	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/internal/testenv"
	"carillon/messages"
	"carillon/providers"
	"carillon/services/servicestest"
	"carillon/targeting"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// news is a draft for everybody over the fixture's mail channel.
func news(t *testing.T, f *servicestest.Fixture, s campaigns.Schedule) campaigns.Campaign {
	t.Helper()
	c, err := f.Campaigns.Create(t.Context(), campaigns.Campaign{
		AccountID: f.Account, Name: "News", ChannelID: f.Mail.ID, Audience: targeting.Audience{All: true},
		Content: providers.Content{Subject: "News", Text: "It rings."}, Schedule: s,
	})
	require.NoError(t, err)
	return c
}

func TestADraftIsPlayedAsIfItWereStarted(t *testing.T) {
	f := servicestest.New(t)
	daily := news(t, f, campaigns.Schedule{Schedule: schedule.Schedule{Cron: []string{"0 9 * * *"}}, Policy: campaigns.Policy{Count: 3}})
	sim, err := f.Calendar.Simulate(t.Context(), f.Account, daily.ID, calendar.Ask{From: "2031-03-03"})
	require.NoError(t, err)
	require.Equal(t, "Europe/Berlin", sim.Zone.String())
	require.Equal(t, time.Date(2031, 3, 2, 23, 0, 0, 0, time.UTC), sim.From)
	require.Equal(t, sim.From.Add(7*24*time.Hour), sim.Until)
	require.Len(t, sim.Runs, 3)
	require.EqualValues(t, 1, sim.Runs[0].Sent)
	require.Equal(t, map[string]int64{messages.ReasonOptedOut: 1, messages.ReasonNoAddress: 1}, sim.Runs[0].Skipped)
	require.Equal(t, "2031-03-03", sim.Days[0].Date)
	require.Empty(t, sim.Notices)

	once := news(t, f, campaigns.Schedule{At: "2026-03-02T09:00"})
	sim, err = f.Calendar.Simulate(t.Context(), f.Account, once.ID, calendar.Ask{})
	require.NoError(t, err)
	require.Len(t, sim.Runs, 1)
	require.Equal(t, servicestest.Noon.Add(20*time.Hour), sim.Runs[0].Instant)
	now := news(t, f, campaigns.Schedule{})
	sim, err = f.Calendar.Simulate(t.Context(), f.Account, now.ID, calendar.Ask{})
	require.NoError(t, err)
	require.Len(t, sim.Runs, 1)
	require.Equal(t, servicestest.Noon, sim.Runs[0].Starts)
}

func TestWhatCannotBeSimulated(t *testing.T) {
	f := servicestest.New(t)
	c := news(t, f, campaigns.Schedule{Schedule: schedule.Schedule{Every: "24h"}})
	for field, asks := range map[string][]calendar.Ask{
		"from":     {{From: "2026-02-01"}, {From: "soon"}},
		"until":    {{Until: "2026-03-01T12:00:00Z"}, {Until: "2028-01-01"}, {Until: "2026-13-01"}},
		"timezone": {{Zone: "Mars/Olympus"}},
	} {
		for _, ask := range asks {
			_, err := f.Calendar.Simulate(t.Context(), f.Account, c.ID, ask)
			require.True(t, fault.Is(err, fault.Invalid), "%+v: %v", ask, err)
			require.ErrorContains(t, err, field)
		}
	}
	_, err := f.Calendar.Calendar(t.Context(), f.Account, calendar.Ask{From: "2028-01-01"})
	require.ErrorContains(t, err, "more than a year ahead")
	_, err = f.Calendar.Simulate(t.Context(), f.Account, 999, calendar.Ask{})
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
	_, err = f.Campaigns.Start(t.Context(), f.Account, c.ID, false)
	require.NoError(t, err)
	_, err = f.Calendar.Simulate(t.Context(), f.Account, c.ID, calendar.Ask{From: "2028-01-01"})
	require.ErrorContains(t, err, "more than a year ahead")
	_, err = f.Campaigns.Cancel(t.Context(), f.Account, c.ID, "me")
	require.NoError(t, err)
	_, err = f.Calendar.Simulate(t.Context(), f.Account, c.ID, calendar.Ask{})
	require.True(t, fault.Is(err, fault.Conflict), "%v", err)
}

func TestItSaysWhatIsNotInIt(t *testing.T) {
	f := servicestest.New(t)
	c := news(t, f, campaigns.Schedule{Schedule: schedule.Schedule{Every: "24h"}})
	_, err := f.Caps.Set(t.Context(), contacts.FrequencyCap{AccountID: f.Account, MaxMessages: 1, Window: 36 * time.Hour, Action: contacts.CapSkip})
	require.NoError(t, err)
	_, err = f.Campaigns.Start(t.Context(), f.Account, c.ID, false)
	require.NoError(t, err)
	_, err = f.Channels.Pause(t.Context(), f.Account, f.Mail.ID, "me")
	require.NoError(t, err)
	_, err = f.Campaigns.Pause(t.Context(), f.Account, c.ID, "me")
	require.NoError(t, err)
	sim, err := f.Calendar.Simulate(t.Context(), f.Account, c.ID, calendar.Ask{})
	require.NoError(t, err)
	require.Len(t, sim.Notices, 3)
	channel, err := f.Channels.Get(t.Context(), f.Account, f.Mail.ID)
	require.NoError(t, err)
	channel.Limits.Mailboxes = providers.Mailboxes{"google": {PerSecond: 1}}
	_, err = f.Store.UpdateChannel(t.Context(), channel)
	require.NoError(t, err)
	sim, err = f.Calendar.Simulate(t.Context(), f.Account, c.ID, calendar.Ask{})
	require.NoError(t, err)
	require.Contains(t, sim.Notices, `limits.mailboxes of channel "news" are not in it: GET /v1/campaigns/1/preview says how long the campaign takes at least`)
	for _, r := range sim.Runs {
		require.Equal(t, campaigns.RunWhilePaused, r.Reason)
	}
	cal, err := f.Calendar.Calendar(t.Context(), f.Account, calendar.Ask{})
	require.NoError(t, err)
	require.Len(t, cal.Runs, 7)
	require.Equal(t, []string{`limits.mailboxes of channel "news" are not in it`}, cal.Notices)
	require.Equal(t, "News", cal.Names[c.ID])
}
