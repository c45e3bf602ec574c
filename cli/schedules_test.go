package cli

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSchedulesNext(t *testing.T) {
	f := newFixture(t)
	out := f.ok("schedules", "next", "30 2 * * *", "--timezone", "Europe/Berlin", "--exclude-date", "2026-03-30", "--after", "2026-03-28T12:00:00Z", "-n", "3")
	require.Equal(t, `every day at 02:30, Europe/Berlin, but not on 2026-03-30

LOCAL                OFFSET  UTC                   NOTE
2026-03-29T03:00:00  +02:00  2026-03-29T01:00:00Z  the clock jumps over 02:30
2026-03-30T02:30:00  +02:00  2026-03-30T00:30:00Z  left out: 2026-03-30 is excluded
2026-03-31T02:30:00  +02:00  2026-03-31T00:30:00Z  -
`, out)
	file := f.file("schedule.json", `{"calendar": [{"weekdays": [{"day": "fri", "nth": -1}], "times": ["09:00"]}]}`)
	require.Contains(t, f.ok("schedules", "next", "--file", file, "--after", "2026-01-01T00:00:00Z", "-n", "1"), "2026-01-30T09:00:00")
	require.Contains(t, f.ok("schedules", "next", "--date", "2020-01-01T09:00"), "It does not fire any more.")

	for want, args := range map[string][]string{
		"say when":                            {},
		"schedule.cron[0]":                    {"every monday"},
		"never fires":                         {"0 0 30 2 *"},
		"--after tomorrow: must be a time":    {"@daily", "--after", "tomorrow"},
		"--file has the whole schedule":       {"@daily", "--file", file},
		"schedule.exclude.weekdays[0]":        {"@daily", "--exclude-weekday", "samstag"},
		"schedule.on_excluded":                {"@daily", "--on-excluded", "never"},
		"is no JSON: a schedule is an object": {"--file", f.file("schedule.txt", "0 9 * * MON")},
	} {
		code, _, err := f.run(append([]string{"schedules", "next"}, args...)...)
		require.NotZero(t, code, want)
		require.Contains(t, err, want)
	}
}
