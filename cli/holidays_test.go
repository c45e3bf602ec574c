package cli

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHolidaysByHand(t *testing.T) {
	f := newFixture(t)
	file := f.file("germany.ics", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Christmas Day\r\nDTSTART;VALUE=DATE:20261225\r\n"+
		"RRULE:FREQ=YEARLY;UNTIL=20271231\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
	require.Regexp(t, `Calendar\s+1\nName\s+Germany\nDays\s+2\nFirst\s+2026-12-25\nLast\s+2027-12-25`, f.ok("holidays", "import", file, "--name", "Germany"))
	require.Regexp(t, `Calendar\s+2\n`, f.ok("holidays", "create", "Office", "--date", "2026-12-24=Christmas Eve", "--date", "2026-12-26"))
	require.Regexp(t, `DATE\s+NAME\n2026-12-24\s+Christmas Eve\n2026-12-26`, f.ok("holidays", "show", "2"))
	require.Regexp(t, `1\s+Germany\s+2\s+2026-12-25\s+2027-12-25[^\n]*\n2\s+Office\s+2`, f.ok("holidays", "ls"))
	next := []string{"schedules", "next", "0 9 * * *", "--after", "2026-12-24T00:00:00Z", "-n", "2", "--exclude-holidays"}
	require.Contains(t, f.ok(append(next, "1")...), "left out: 2026-12-25 is excluded: Christmas Day")
	require.Contains(t, f.ok(append(next, "Office", "--exclude-holidays", "Germany")...), "left out: 2026-12-24 is excluded: Christmas Eve")

	f.ok("channel", "create", "mail", "--provider", "sandbox")
	f.ok("campaign", "create", "--name", "Spring", "--channel", "mail", "--all", "--subject", "s", "--text", "t",
		"--cron", "0 9 25 12 *", "--exclude-holidays", "Germany", "--on-excluded", "next_day", "--start")
	require.Contains(t, f.ok("campaign", "next", "1", "-n", "1"), "moved from 2026-12-25, which is excluded: Christmas Day")
	code, _, errs := f.run("holidays", "rm", "1")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, `campaign 1 "Spring" (scheduled)`)
	f.ok("campaign", "cancel", "1")
	f.ok("holidays", "rm", "1")
	require.Regexp(t, `Name\s+Bureau\nDays\s+2\n`, f.ok("holidays", "set", "2", "--name", "Bureau"))
	// A file for a name that there is replaces its days.
	require.Regexp(t, `Calendar\s+2\nName\s+Bureau\nDays\s+2\nFirst\s+2026-12-25`, f.ok("holidays", "import", file, "--name", "Bureau"))
	require.Regexp(t, `Days\s+1\n`, f.ok("holidays", "set", "2", "--date", "2026-01-01"))

	wrong := f.file("wrong.ics", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:soon\nEND:VEVENT\nEND:VCALENDAR")
	for want, args := range map[string][]string{
		"there is no calendar of holidays of this name: there are Bureau": {"schedules", "next", "@daily", "--exclude-holidays", "Mars"},
		"schedule.exclude.holidays[0]":                                    {"schedules", "next", "@daily", "--exclude-holidays", "9"},
		"no such file":                                                    {"holidays", "import", "gone.ics", "--name", "x"},
		"line 3: DTSTART: not a date":                                     {"holidays", "import", wrong, "--name", "x"},
		"dates[0]":                                                        {"holidays", "create", "x", "--date", "25.12.2026"},
		"there is no calendar of holidays":                                {"holidays", "rm", "x"},
	} {
		code, _, err := f.run(args...)
		require.NotZero(t, code, want)
		require.Contains(t, err, want)
	}
}
