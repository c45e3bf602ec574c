package campaigns_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/campaigns"
	"carillon/campaigns/hours"
	"carillon/campaigns/schedule"
	"carillon/internal/fault"
	"carillon/internal/zone"
	"carillon/messages"
	"carillon/providers"
)

// zoned is a zone that there is.
func zoned(t require.TestingT, name string) *time.Location {
	location, err := zone.Load(name)
	require.NoError(t, err)
	return location
}

// allowed says of a clock what hours and quiet hours mean; it shares no code with what
// it is held against.
func allowed(h hours.Hours, quiet []*providers.QuietHours, wall time.Time) bool {
	clock := wall.Format("15:04")
	if clock < h.From || clock >= h.To || h.Days != nil && wall.Weekday() != time.Tuesday && wall.Weekday() != time.Friday {
		return false
	}
	for _, q := range quiet {
		if q != nil && (q.From < q.To && clock >= q.From && clock < q.To || q.From > q.To && (clock >= q.From || clock < q.To)) {
			return false
		}
	}
	return true
}

// A turn is on the right day and at the right hour of the recipient, not before the
// time that is meant for them, and no minute in between was allowed.
func TestATurnIsTheFirstAllowedInstant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := hours.Hours{
			From: fmt.Sprintf("%02d:00", rapid.IntRange(0, 11).Draw(t, "from")), To: fmt.Sprintf("%02d:30", rapid.IntRange(12, 23).Draw(t, "to")),
		}
		if rapid.Bool().Draw(t, "days") {
			h.Days = []string{"tue", "fri"}
		}
		quiets := []*providers.QuietHours{nil, {From: "20:00", To: "08:00"}, {From: "12:00", To: "13:15"}}
		quiet := campaigns.Quieting{Channel: rapid.SampledFrom(quiets).Draw(t, "channel"), Account: rapid.SampledFrom(quiets).Draw(t, "account")}
		when := campaigns.Schedule{Schedule: schedule.Schedule{Timezone: "Europe/Berlin"}, Delivery: campaigns.Delivery{
			Hours: &h, RecipientTime: rapid.Bool().Draw(t, "theirs"),
		}}
		at := noon.Add(time.Duration(rapid.Int64Range(0, 366*24*3600).Draw(t, "seconds")) * time.Second)
		timing := campaigns.NewTiming(when, at, "", quiet)
		home := zoned(t, rapid.SampledFrom([]string{
			"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Antarctica/Troll", "Asia/Kathmandu", "Pacific/Kiritimati",
		}).Draw(t, "zone"))
		meant, turn := timing.Meant(home), timing.Turn(home)
		if when.RecipientTime {
			wall := at.In(zoned(t, "Europe/Berlin")).Format("2006-01-02 15:04:05")
			if len(zone.Instants(mustWall(t, wall), home)) > 0 {
				require.Equal(t, wall, meant.In(home).Format("2006-01-02 15:04:05"))
			}
		} else {
			require.Equal(t, at, meant)
		}
		list := []*providers.QuietHours{quiet.Channel, quiet.Account}
		if !anyMinute(h, list) {
			return
		}
		require.False(t, turn.Due.Before(meant))
		require.True(t, allowed(h, list, turn.Due.In(home)), "%v %v: %s", h, list, turn.Due.In(home))
		for m := meant; m.Before(turn.Due); m = m.Truncate(time.Minute).Add(time.Minute) {
			require.False(t, allowed(h, list, m.In(home)), "%v: %s was allowed already", h, m.In(home))
		}
		require.Equal(t, turn.Due.After(meant), turn.Reason == messages.ReasonHours)
	})
}

func mustWall(t require.TestingT, text string) time.Time {
	wall, err := time.Parse("2006-01-02 15:04:05", text)
	require.NoError(t, err)
	return wall
}

// anyMinute reports whether hours leave anything on a day on which they are.
func anyMinute(h hours.Hours, quiet []*providers.QuietHours) bool {
	h.Days = nil
	for m := range 24 * 60 {
		if allowed(h, quiet, noon.Add(time.Duration(m)*time.Minute)) {
			return true
		}
	}
	return false
}

// A run for the recipients' own time begins before, and not after, anybody's time, and
// takes its own instant for the schedule's again.
func TestARunFiresForTheFirstZone(t *testing.T) {
	s := campaigns.Schedule{At: "2026-07-01T09:00", Schedule: schedule.Schedule{Timezone: "Europe/Berlin"}, Delivery: campaigns.Delivery{RecipientTime: true}}
	at, ok, err := s.Instant("")
	require.NoError(t, err)
	require.True(t, ok)
	fires := s.Fires(at, "")
	require.Equal(t, time.Date(2026, 6, 30, 19, 0, 0, 0, time.UTC), fires)
	timing := campaigns.NewTiming(s, fires, "UTC", campaigns.Quieting{})
	require.True(t, timing.ByRecipientTime())
	first := time.Time{}
	for _, name := range zone.Names() {
		home := timing.Zone(name)
		meant := timing.Meant(home)
		require.False(t, meant.Before(fires), name)
		require.Equal(t, "2026-07-01 09:00", meant.In(home).Format("2006-01-02 15:04"), name)
		if first.IsZero() || meant.Before(first) {
			first = meant
		}
	}
	require.Equal(t, fires, first)
	require.Equal(t, at, timing.Meant(timing.Zone("")), "who has no zone has the campaign's")
	require.Equal(t, at, timing.Meant(timing.Zone("Mars/Olympus")))

	// Fired at another moment, that is what is meant.
	timing = campaigns.NewTiming(s, noon, "UTC", campaigns.Quieting{})
	require.Equal(t, noon, timing.Meant(timing.Zone("")))
	s.RecipientTime = false
	require.Equal(t, at, s.Fires(at, ""))
}

// Shares fill the span evenly, also of ids that follow each other, and never overflow.
func TestSharesAreEven(t *testing.T) {
	timing := campaigns.NewTiming(campaigns.Schedule{Delivery: campaigns.Delivery{SpreadOver: "168h"}}, noon, "", campaigns.Quieting{})
	require.Equal(t, 7*24*time.Hour, timing.Spread())
	var tenths [10]int
	for id := range int64(10_000) {
		share := timing.Share(id + 123_456)
		tenths[share*10/timing.Spread()]++
	}
	for _, n := range tenths {
		require.InDelta(t, 1000, n, 20)
	}
	rapid.Check(t, func(t *rapid.T) {
		share := timing.Share(rapid.Int64Range(1, 1<<50).Draw(t, "id"))
		require.GreaterOrEqual(t, share, time.Duration(0))
		require.Less(t, share, timing.Spread())
	})
}

func TestExpiryCountsFromWhatWasMeant(t *testing.T) {
	timing := campaigns.NewTiming(campaigns.Schedule{Schedule: schedule.Schedule{Timezone: "UTC"}, Delivery: campaigns.Delivery{
		RecipientTime: true, ExpiresAfter: "2h", Hours: &hours.Hours{From: "18:00", To: "20:00"},
	}}, noon, "", campaigns.Quieting{})
	tokyo := zoned(t, "Asia/Tokyo")
	expiry, ends := timing.Expires(tokyo)
	require.True(t, ends)
	require.Equal(t, noon.Add(-7*time.Hour), expiry)
	require.Equal(t, noon, timing.Meant(time.UTC))
	require.Equal(t, noon.Add(2*time.Hour), timing.Turn(time.UTC).Due, "it is looked at when it expires, before its hours begin")
	changes, ok := timing.Changes(noon, nil)
	require.True(t, ok)
	require.Equal(t, noon, changes.Add(0).Truncate(time.Hour).Add(-2*time.Hour))
}

// Hours that leave nothing are refused where they are set. If they come about all the
// same, nothing goes.
func TestHoursThatLeaveNothingLetNothingPass(t *testing.T) {
	timing := campaigns.NewTiming(campaigns.Schedule{Delivery: campaigns.Delivery{Hours: &hours.Hours{From: "09:00", To: "12:00"}}}, noon, "",
		campaigns.Quieting{Channel: &providers.QuietHours{From: "08:00", To: "13:00"}})
	require.True(t, timing.Gated())
	require.Equal(t, noon.Add(time.Hour), timing.Next(noon, time.UTC))
}

func TestDeliveryIsChecked(t *testing.T) {
	require.NoError(t, campaigns.Delivery{SpreadOver: "90m", ExpiresAfter: "12h", Hours: &hours.Hours{From: "09:00", To: "20:00"}}.Check())
	for want, d := range map[string]campaigns.Delivery{
		"schedule.spread_over: not a duration from 1s to 168h0m0s":  {SpreadOver: "8d"},
		"schedule.spread_over: not a duration":                      {SpreadOver: "169h"},
		"schedule.expires_after: not a duration":                    {ExpiresAfter: "-1h"},
		"schedule.spread_over: must be shorter than expires_after":  {SpreadOver: "2h", ExpiresAfter: "2h"},
		"schedule.hours.from: not a time of day":                    {Hours: &hours.Hours{From: "9", To: "20:00"}},
		"schedule.hours.days[0]: must be mon, tue, wed, thu, fri, ": {Hours: &hours.Hours{From: "09:00", To: "20:00", Days: []string{"monday"}}},
	} {
		err := d.Check()
		require.True(t, fault.Is(err, fault.Invalid), want)
		require.ErrorContains(t, err, want)
	}
}

// What is accepted makes a timing whose shares lie within its span.
func FuzzDelivery(f *testing.F) {
	f.Add("2h", "12h", "09:00", "20:00")
	f.Add("1s", "", "22:00", "06:00")
	f.Add("9223372036854775807ns", "1e3h", "", "24:00")
	f.Fuzz(func(t *testing.T, spread, expires, from, to string) {
		d := campaigns.Delivery{SpreadOver: spread, ExpiresAfter: expires, Hours: &hours.Hours{From: from, To: to}}
		if err := d.Check(); err != nil {
			require.True(t, fault.Is(err, fault.Invalid))
			return
		}
		timing := campaigns.NewTiming(campaigns.Schedule{Delivery: d}, noon, "", campaigns.Quieting{})
		require.LessOrEqual(t, timing.Share(4711), timing.Spread())
		require.False(t, timing.Turn(time.UTC).Due.Before(noon))
	})
}
