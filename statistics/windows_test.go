package statistics_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/statistics"
)

// Windows part a time without gaps, and each begins where its day, week, month or hour does
// on the zone's clock, whatever that does.
func TestWindowsPartATime(t *testing.T) {
	zones := []string{
		"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Beirut", "Asia/Kolkata", "Asia/Kathmandu",
		"Pacific/Chatham", "Pacific/Apia", "America/Havana", "Africa/Casablanca", "Antarctica/Troll",
	}
	rapid.Check(t, func(t *rapid.T) {
		location, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		require.NoError(t, err)
		interval := rapid.SampledFrom([]statistics.Interval{statistics.Hour, statistics.Day, statistics.Week, statistics.Month, statistics.Whole}).Draw(t, "interval")
		from := time.Unix(rapid.Int64Range(1_300_000_000, 1_900_000_000).Draw(t, "from"), 0).Truncate(statistics.Slot)
		to := from.Add(time.Duration(rapid.IntRange(1, 20_000).Draw(t, "slots")) * statistics.Slot)
		list, err := statistics.Windows(from, to, interval, location)
		require.NoError(t, err)
		require.Equal(t, from.UTC(), list[0].Start.UTC())
		require.Equal(t, to.UTC(), list[len(list)-1].End.UTC())
		for i, w := range list {
			require.True(t, w.Start.Before(w.End))
			require.Equal(t, w.Start.UTC(), w.Start.Truncate(statistics.Slot).UTC(), "it can be counted")
			if i == 0 {
				continue
			}
			require.True(t, list[i-1].End.Equal(w.Start))
			start, before := w.Start.In(location), w.Start.Add(-time.Second).In(location)
			switch interval {
			case statistics.Hour:
				_, offset := start.Zone()
				_, was := before.Zone()
				require.True(t, start.Minute() == 0 || offset != was, "%v", start)
			case statistics.Day:
				require.NotEqual(t, before.YearDay(), start.YearDay(), "%v", start)
			case statistics.Week:
				require.Equal(t, time.Monday, start.Weekday())
				require.NotEqual(t, before.YearDay(), start.YearDay())
			case statistics.Month:
				require.Equal(t, 1, start.Day())
				require.NotEqual(t, before.Month(), start.Month())
			default:
				require.Fail(t, "all is one window")
			}
			if interval == statistics.Day && i < len(list)-1 {
				require.Equal(t, start.YearDay(), w.End.Add(-time.Second).In(location).YearDay(), "no day is two")
			}
		}
	})
}

// On the days of the change a day in Berlin has 23 and 25 hours.
func TestDaysOfTheChange(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	for day, hours := range map[string]int{"2026-03-28": 24, "2026-03-29": 23, "2026-10-25": 25, "2026-10-26": 24} {
		from, err := time.ParseInLocation(time.DateOnly, day, berlin)
		require.NoError(t, err)
		list, err := statistics.Windows(from, from.AddDate(0, 0, 1), statistics.Day, berlin)
		require.NoError(t, err)
		require.Len(t, list, 1)
		list, err = statistics.Windows(list[0].Start, list[0].End, statistics.Hour, berlin)
		require.NoError(t, err)
		require.Len(t, list, hours, day)
	}
}
