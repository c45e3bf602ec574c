package campaigns_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/campaigns/hours"
	"carillon/campaigns/schedule"
	"carillon/internal/fault"
	"carillon/providers"
)

// A preview says when the recipients of each zone have their turn, and a campaign that
// is scheduled fires for the first zone on earth.
func TestAPreviewShowsTheWaves(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	c := f.campaign()
	c.Schedule = campaigns.Schedule{At: "2026-03-10T07:30", Schedule: schedule.Schedule{Timezone: "Europe/Berlin"}, Delivery: campaigns.Delivery{
		RecipientTime: true, Hours: &hours.Hours{From: "08:00", To: "20:00"},
	}}
	c, err := f.Create(ctx, c)
	require.NoError(t, err)
	forecast, err := f.Preview(ctx, f.Account, c.ID)
	require.NoError(t, err)
	fires := time.Date(2026, 3, 9, 17, 30, 0, 0, time.UTC)
	require.Equal(t, fires, *forecast.StartsAt)
	require.Equal(t, []campaigns.Wave{{
		At: time.Date(2026, 3, 10, 7, 0, 0, 0, time.UTC), Zones: []string{"Europe/Berlin"}, ZoneCount: 1, Recipients: forecast.Reachable, Waits: true,
	}}, forecast.Waves)
	require.Equal(t, forecast.Reachable, forecast.OutsideHours)
	c, err = f.Start(ctx, f.Account, c.ID, false)
	require.NoError(t, err)
	require.Equal(t, fires, *c.NextFireAt)

	// Another time leaves the rest as it was, and so does a copy.
	c, err = f.Service.Schedule(ctx, f.Account, c.ID, campaigns.Schedule{At: "2026-03-11T07:30", Schedule: schedule.Schedule{Timezone: "Europe/Berlin"}})
	require.NoError(t, err)
	require.True(t, c.Schedule.RecipientTime)
	require.Equal(t, fires.Add(24*time.Hour), *c.NextFireAt)
	again, err := f.Duplicate(ctx, f.Account, c.ID, campaigns.Duplicating{})
	require.NoError(t, err)
	require.Equal(t, c.Schedule.Delivery, again.Schedule.Delivery)
	require.Empty(t, again.Schedule.At)

	// Without any of it there are no waves.
	forecast, err = f.Preview(ctx, f.Account, f.create(t).ID)
	require.NoError(t, err)
	require.Empty(t, forecast.Waves)
	require.Zero(t, forecast.OutsideHours)
}

// A campaign whose hours its channel's or account's quiet hours exclude is not started.
func TestHoursThatExcludeEachOtherAreNotStarted(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	c := f.campaign()
	c.Schedule.Hours = &hours.Hours{From: "09:00", To: "10:00"}
	c, err := f.Create(ctx, c)
	require.NoError(t, err)
	_, err = f.Settings.Set(ctx, campaigns.Settings{AccountID: f.Account, QuietHours: &providers.QuietHours{From: "20:00", To: "11:00"}})
	require.NoError(t, err)
	_, err = f.Start(ctx, f.Account, c.ID, true)
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	require.ErrorContains(t, err, "schedule.hours: leave no time to send at, together with the account's quiet hours 20:00-11:00")
	_, err = f.Settings.Set(ctx, campaigns.Settings{AccountID: f.Account, QuietHours: &providers.QuietHours{From: "20:00", To: "nine"}})
	require.ErrorContains(t, err, "quiet_hours.to: not a time of day")
	_, err = f.Settings.Set(ctx, campaigns.Settings{AccountID: f.Account})
	require.NoError(t, err)
	_, err = f.Start(ctx, f.Account, c.ID, true)
	require.NoError(t, err)
}
