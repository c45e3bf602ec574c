package campaigns_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/campaigns"
	"carillon/campaigns/schedule"
	"carillon/internal/fault"
	"carillon/internal/zone"
)

// In a gap: the first valid instant after it. In an overlap: the first of the
// two.
func TestScheduleInstantInOddZones(t *testing.T) {
	for _, c := range []struct{ name, zoneName, at, want string }{
		{"an ordinary day", "Europe/Berlin", "2026-12-01T09:00", "2026-12-01T08:00:00Z"},
		{"seconds", "Europe/Berlin", "2026-12-01T09:00:30", "2026-12-01T08:00:30Z"},
		{"a space for the T", "Europe/Berlin", "2026-12-01 09:00", "2026-12-01T08:00:00Z"},
		{"a space and seconds", "Europe/Berlin", "2026-12-01 09:00:30", "2026-12-01T08:00:30Z"},
		{"its own offset", "Europe/Berlin", "2026-12-01T09:00:00-03:00", "2026-12-01T12:00:00Z"},
		{"UTC", "", "2026-12-01T09:00", "2026-12-01T09:00:00Z"},

		{"before the spring gap", "Europe/Berlin", "2026-03-29T01:59:59", "2026-03-29T00:59:59Z"},
		{"the gap's first second", "Europe/Berlin", "2026-03-29T02:00", "2026-03-29T01:00:00Z"},
		{"in the gap", "Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:00:00Z"},
		{"after the gap", "Europe/Berlin", "2026-03-29T03:00", "2026-03-29T01:00:00Z"},
		{"in the overlap", "Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30:00Z"},
		{"the overlap's first second", "Europe/Berlin", "2026-10-25T02:00", "2026-10-25T00:00:00Z"},
		{"after the overlap", "Europe/Berlin", "2026-10-25T03:00", "2026-10-25T02:00:00Z"},

		{"New York's gap", "America/New_York", "2026-03-08T02:30", "2026-03-08T07:00:00Z"},
		{"New York's overlap", "America/New_York", "2026-11-01T01:30", "2026-11-01T05:30:00Z"},

		{"half an hour's gap", "Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30:00Z"},
		{"after half an hour's gap", "Australia/Lord_Howe", "2026-10-04T02:30", "2026-10-03T15:30:00Z"},
		{"half an hour's overlap", "Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45:00Z"},

		{"no midnight in Santiago", "America/Santiago", "2026-09-06T00:00", "2026-09-06T04:00:00Z"},
		{"in Santiago's midnight gap", "America/Santiago", "2026-09-06T00:30", "2026-09-06T04:00:00Z"},
		{"Santiago's last hour twice", "America/Santiago", "2026-04-04T23:30", "2026-04-05T02:30:00Z"},
		{"no midnight in Beirut", "Asia/Beirut", "2026-03-29T00:00", "2026-03-28T22:00:00Z"},
		{"Beirut's last hour twice", "Asia/Beirut", "2026-10-24T23:30", "2026-10-24T20:30:00Z"},

		// Ramadan of 2026: back to UTC+0 on 15 February, forth again on 22 March.
		{"Casablanca's overlap", "Africa/Casablanca", "2026-02-15T02:30", "2026-02-15T01:30:00Z"},
		{"in Casablanca's Ramadan", "Africa/Casablanca", "2026-03-01T12:00", "2026-03-01T12:00:00Z"},
		{"Casablanca's gap", "Africa/Casablanca", "2026-03-22T02:30", "2026-03-22T02:00:00Z"},

		{"two hours' gap in Antarctica", "Antarctica/Troll", "2026-03-29T01:30", "2026-03-29T01:00:00Z"},
		{"its last second", "Antarctica/Troll", "2026-03-29T02:59:59", "2026-03-29T01:00:00Z"},
		{"two hours' overlap", "Antarctica/Troll", "2026-10-25T01:30", "2026-10-24T23:30:00Z"},
		{"the later part of it", "Antarctica/Troll", "2026-10-25T02:59", "2026-10-25T00:59:00Z"},

		{"the day that Apia skipped", "Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00:00Z"},
		{"the last minute before", "Pacific/Apia", "2011-12-29T23:59", "2011-12-30T09:59:00Z"},
		{"the first after", "Pacific/Apia", "2011-12-31T00:00", "2011-12-30T10:00:00Z"},
		{"the day that Kwajalein skipped", "Pacific/Kwajalein", "1993-08-21T06:00", "1993-08-21T12:00:00Z"},
		{"a quarter of an hour", "Asia/Kathmandu", "2026-06-01T00:00", "2026-05-31T18:15:00Z"},
		{"far in the future, by the zoneName's rule", "Europe/Berlin", "2150-07-01T12:00", "2150-07-01T10:00:00Z"},
		{"long ago, by local mean time", "Europe/Berlin", "1800-01-01T00:53:28", "1800-01-01T00:00:00Z"},
		{"the first instant of all", "UTC", "0001-01-01T00:00", "0001-01-01T00:00:00Z"},
		{"the first instant of all in Berlin", "Europe/Berlin", "0001-01-01T00:53:28", "0001-01-01T00:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			at, ok, err := campaigns.Schedule{At: c.at, Schedule: schedule.Schedule{Timezone: c.zoneName}}.Instant("")
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, c.want, at.Format(time.RFC3339))
			require.Equal(t, time.UTC, at.Location())
			same, _, err := campaigns.Schedule{At: c.at}.Instant(c.zoneName)
			require.NoError(t, err)
			require.Equal(t, at, same, "the channel's zoneName stands in")
		})
	}
}

func TestScheduleInstantRefuses(t *testing.T) {
	for _, c := range []struct{ at, zoneName, field string }{
		{"tomorrow", "UTC", "schedule.at"},
		{"2026-02-30T09:00", "UTC", "schedule.at"},
		{"2026-12-01", "UTC", "schedule.at"},
		{"09:00", "UTC", "schedule.at"},
		{"2026-12-01T25:00", "UTC", "schedule.at"},
		{"2026-12-01T09:00", "Mars/Base", "schedule.timezone"},
		{"2026-12-01T09:00", "Local", "schedule.timezone"},
		{"2026-12-01T09:00", "local", "schedule.timezone"},
		{"2026-12-01T09:00", "localtime", "schedule.timezone"},
		{"2026-12-01T09:00", "right/Europe/Berlin", "schedule.timezone"},
		{"2026-12-01T09:00", "posixrules", "schedule.timezone"},
		{"", "../../etc/passwd", "schedule.timezone"},
	} {
		_, ok, err := campaigns.Schedule{At: c.at, Schedule: schedule.Schedule{Timezone: c.zoneName}}.Instant("")
		require.True(t, fault.Is(err, fault.Invalid), c)
		require.ErrorContains(t, err, c.field)
		require.False(t, ok)
	}
	_, ok, err := campaigns.Schedule{Schedule: schedule.Schedule{Timezone: "Europe/Berlin"}}.Instant("")
	require.NoError(t, err)
	require.False(t, ok, "no time means now")
	_, err = zone.Load("")
	require.Error(t, err)
}

var oddZones = []string{
	"UTC", "Europe/Berlin", "Europe/Dublin", "Europe/London", "America/New_York", "America/Santiago", "America/St_Johns", "America/Asuncion", "America/Havana",
	"Australia/Lord_Howe", "Asia/Beirut", "Asia/Gaza", "Asia/Kathmandu", "Asia/Tehran", "Asia/Manila", "Africa/Casablanca", "Africa/El_Aaiun", "Africa/Cairo",
	"Antarctica/Troll", "Antarctica/Casey", "Pacific/Apia", "Pacific/Kwajalein", "Pacific/Chatham", "Pacific/Kiritimati", "America/Juneau", "America/Caracas",
}

func wallOf(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// Resolve against what it promises, for any zoneName and time: the clock shows the
// wanted time and did not show it before; or it never does, and the result is
// where it jumps over it.
func TestResolveKeepsItsPromise(t *testing.T) {
	from, to := time.Date(1890, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	rapid.Check(t, func(t *rapid.T) {
		zoneName := rapid.SampledFrom(oddZones).Draw(t, "zone")
		location, err := zone.Load(zoneName)
		require.NoError(t, err)
		wall := time.Unix(rapid.Int64Range(from, to).Draw(t, "wall"), 0).UTC()
		if rapid.Bool().Draw(t, "near a change") {
			if _, end := wall.In(location).ZoneBounds(); !end.IsZero() {
				before := wallOf(end.Add(-time.Second).In(location))
				wall = before.Add(time.Duration(rapid.IntRange(-26*3600, 26*3600).Draw(t, "seconds")) * time.Second)
			}
		}
		checkResolved(t, wall, location)
	})
}

type failer interface {
	require.TestingT
	Helper()
}

func checkResolved(t failer, wall time.Time, location *time.Location) {
	t.Helper()
	got := zone.Resolve(wall, location)
	// Every offset that holds within two days of it may show it.
	var first time.Time
	found := false
	for probe := wall.Add(-48 * time.Hour); !probe.After(wall.Add(48 * time.Hour)); probe = probe.Add(15 * time.Minute) {
		_, offset := probe.In(location).Zone()
		candidate := wall.Add(-time.Duration(offset) * time.Second)
		if wallOf(candidate.In(location)).Equal(wall) && (!found || candidate.Before(first)) {
			first, found = candidate, true
		}
	}
	if found {
		require.Equal(t, first, got, "%s in %s", wall, location)
		return
	}
	require.True(t, wallOf(got.In(location)).After(wall), "%s in %s: %s is not after the gap", wall, location, got)
	require.True(t, wallOf(got.Add(-time.Nanosecond).In(location)).Before(wall), "%s in %s: %s is not the first instant after the gap", wall, location, got)
}

func FuzzScheduleInstant(f *testing.F) {
	for _, at := range []string{"2026-12-01T09:00", "2026-12-01 09:00:30", "2026-12-01T09:00:00+01:00", "0000-01-01T00:00", "9999-12-31T23:59:59",
		"2011-12-30T12:00", ""} {
		f.Add(at, "Pacific/Apia")
		f.Add(at, "Europe/Berlin")
		f.Add(at, "")
	}
	f.Fuzz(func(t *testing.T, at, zoneName string) {
		instant, ok, err := campaigns.Schedule{At: at, Schedule: schedule.Schedule{Timezone: zoneName}}.Instant("Europe/Berlin")
		if err != nil {
			require.True(t, fault.Is(err, fault.Invalid))
			require.False(t, ok)
			return
		}
		require.Equal(t, at != "", ok)
		if _, err := time.Parse(time.RFC3339, at); err == nil || !ok {
			return
		}
		if zoneName == "" {
			zoneName = "Europe/Berlin"
		}
		location, err := zone.Load(zoneName)
		require.NoError(t, err)
		require.Equal(t, time.UTC, instant.Location())
		for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02 15:04:05"} {
			if wall, err := time.Parse(layout, at); err == nil {
				checkResolved(t, wall, location)
			}
		}
	})
}
