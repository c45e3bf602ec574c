package campaigns_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/campaigns"
	"carillon/messages"
	"carillon/providers"
)

// limited gives the fixture's channel limits and a campaign that is running on
// it, and returns the run as it is being sent.
func (f fixture) limited(t *testing.T, limits providers.Limits, throttle campaigns.Throttle) campaigns.Run {
	t.Helper()
	channel := f.Mail
	channel.Limits = limits
	_, err := f.Store.UpdateChannel(t.Context(), channel)
	require.NoError(t, err)
	f.works(t)
	c := f.campaign()
	c.Throttle = throttle
	made, err := f.Create(t.Context(), c)
	require.NoError(t, err)
	return campaigns.Run{ID: 1, AccountID: f.Account, CampaignID: made.ID, ChannelID: f.Mail.ID, Status: campaigns.RunSending, PlanDone: true, CreatedAt: noon}
}

// works lets a worker and a scheduler be alive.
func (f fixture) works(t *testing.T) (worker int64) {
	t.Helper()
	worker, err := f.Store.RegisterWorker(t.Context(), "w")
	require.NoError(t, err)
	require.NoError(t, f.Store.Heartbeat(t.Context(), worker, campaigns.Beat{Version: "1", Channels: []int64{f.Mail.ID, f.Text.ID}}))
	_, held, err := f.Store.AcquireLease(t.Context(), "scheduler", "s", time.Hour)
	require.NoError(t, err)
	require.True(t, held)
	return worker
}

func inBatches(size int, every string) campaigns.Throttle {
	return campaigns.Throttle{Batch: campaigns.Batch{Size: size, Every: every}}
}

func ramp(size int, every string, growth float64) campaigns.Throttle {
	t := inBatches(size, every)
	t.Batch.Growth = growth
	return t
}

func TestPaceIsReckonedUnderTheLimits(t *testing.T) {
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		limits   providers.Limits
		throttle campaigns.Throttle
		account  access.AccountLimits
		// asked of the provider, still waiting, and for how long the run is under way
		asked, waiting int64
		after          time.Duration
		// want is from now on; 0 where nothing is known.
		want time.Duration
	}{
		"nothing is known":  {waiting: 100},
		"nothing asked yet": {limits: providers.Limits{PerSecond: 5}, waiting: 100, want: 20 * time.Second},
		"the campaign's limit": {limits: providers.Limits{PerSecond: 5}, throttle: campaigns.Throttle{PerSecond: 2}, waiting: 100,
			want: 50 * time.Second},
		"a fast beginning promises nothing": {limits: providers.Limits{PerSecond: 5}, asked: 10, waiting: 90, after: time.Second, want: 18 * time.Second},
		"slower than the limit":             {limits: providers.Limits{PerSecond: 5}, asked: 10, waiting: 90, after: 10 * time.Second, want: 90 * time.Second},
		"no limit, the average":             {asked: 10, waiting: 90, after: time.Second, want: 9 * time.Second},
		"days, before the first message":    {limits: providers.Limits{RecipientsPerDay: 1000}, waiting: 2500, want: 2 * day},
		"days count from the run's beginning": {limits: providers.Limits{RecipientsPerDay: 1000}, asked: 1000, waiting: 1500, after: 12 * time.Hour,
			want: 36 * time.Hour},
		"a limit of days that came during it":   {limits: providers.Limits{RecipientsPerDay: 1000}, asked: 5000, waiting: 100, after: time.Hour, want: day},
		"a slow run does not end in the past":   {limits: providers.Limits{RecipientsPerDay: 1000}, asked: 1000, waiting: 500, after: 4 * day, want: 2 * day},
		"batches":                               {throttle: inBatches(500, "10m"), waiting: 2600, want: 50 * time.Minute},
		"a ramp":                                {throttle: ramp(500, "10m", 2), waiting: 3500, want: 20 * time.Minute},
		"a ramp that is under way":              {throttle: ramp(500, "10m", 2), asked: 1500, waiting: 2001, want: 20 * time.Minute},
		"a warm-up":                             {limits: providers.Limits{WarmUp: providers.WarmUp{First: 100, Ceiling: 1000}}, waiting: 400, want: 2 * day},
		"the last share of a day has its limit": {limits: providers.Limits{PerSecond: 1, RecipientsPerDay: 1000}, waiting: 900, want: 15 * time.Minute},
		"the account's limit": {limits: providers.Limits{PerSecond: 5}, account: access.AccountLimits{PerSecond: 2}, waiting: 100,
			want: 50 * time.Second},
		"the account's days": {account: access.AccountLimits{PerDay: 1000}, asked: 1000, waiting: 1500, after: 12 * time.Hour,
			want: 36 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			_, err := f.Accounts.Change(t.Context(), f.Account, func(a *access.Account) { a.Limits = c.account })
			require.NoError(t, err)
			run := f.limited(t, c.limits, c.throttle)
			run.Counts = messages.Counts{messages.Pending: c.waiting, messages.Sent: c.asked, messages.Skipped: 7}
			f.Clock.Advance(c.after)
			pace, err := f.Pace(t.Context(), run)
			require.NoError(t, err)
			if c.want == 0 {
				require.Nil(t, pace.End)
				return
			}
			require.Equal(t, c.want, pace.End.Sub(f.Clock.Now()))
		})
	}
}

// What the preview says and what is shown once the run has begun is the same.
func TestPaceIsThePreviews(t *testing.T) {
	f := newFixture(t)
	run := f.limited(t, providers.Limits{PerSecond: 0.25}, campaigns.Throttle{})
	forecast, err := f.Preview(t.Context(), f.Account, run.CampaignID)
	require.NoError(t, err)
	require.Equal(t, 4*time.Second, forecast.Duration)
	run.Counts[messages.Pending] = forecast.Reachable
	pace, err := f.Pace(t.Context(), run)
	require.NoError(t, err)
	require.Equal(t, noon.Add(forecast.Duration), *pace.End)
}

// A run is not over before the last of its recipients has a turn.
func TestARunEndsNoSoonerThanItsLastTurn(t *testing.T) {
	f := newFixture(t)
	f.works(t)
	c := f.campaign()
	c.Schedule.SpreadOver = "2h"
	c, err := f.Create(t.Context(), c)
	require.NoError(t, err)
	c, err = f.Start(t.Context(), f.Account, c.ID, true)
	require.NoError(t, err)
	_, err = f.Store.PlanBatch(t.Context(), c.RunID, 100)
	require.NoError(t, err)
	run, err := f.Store.GetRun(t.Context(), f.Account, c.RunID)
	require.NoError(t, err)
	last, err := f.Store.LastDue(t.Context(), f.Mail.ID, run.ID)
	require.NoError(t, err)
	require.True(t, last.After(noon))
	pace, err := f.Pace(t.Context(), run)
	require.NoError(t, err)
	require.WithinDuration(t, last, *pace.End, time.Second)
}

func TestPaceIsNotKnownWhileNothingIsSent(t *testing.T) {
	f := newFixture(t)
	run := f.limited(t, providers.Limits{PerSecond: 5}, campaigns.Throttle{})
	run.Counts = messages.Counts{messages.Pending: 50, messages.Sent: 50}
	f.Clock.Advance(10 * time.Second)
	for _, change := range []func(*campaigns.Run){
		func(r *campaigns.Run) { r.Status, r.PlanDone = campaigns.RunPlanning, false },
		func(r *campaigns.Run) { r.Status = campaigns.RunPaused },
		func(r *campaigns.Run) { r.Counts[messages.Pending] = 0 },
		func(r *campaigns.Run) { r.ChannelID += 99 },
	} {
		changed := run
		change(&changed)
		pace, err := f.Pace(t.Context(), changed)
		require.NoError(t, err)
		require.Nil(t, pace.End)
		require.InDelta(t, 5, pace.PerSecond, 0.001)
	}
	require.NoError(t, f.Store.PauseChannel(t.Context(), f.Account, f.Mail.ID, "me"))
	pace, err := f.Pace(t.Context(), run)
	require.NoError(t, err)
	require.Nil(t, pace.End)
	finished := noon.Add(20 * time.Second)
	run.FinishedAt = &finished
	f.Clock.Advance(time.Hour)
	pace, err = f.Pace(t.Context(), run)
	require.NoError(t, err)
	require.InDelta(t, 2.5, pace.PerSecond, 0.001, "over its own time")
}
