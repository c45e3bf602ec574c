package ical_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns/schedule"
	"carillon/campaigns/schedule/ical"
	"carillon/internal/fault"
)

// file is a calendar with events, of which each is its lines.
func file(events ...string) string {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\nVERSION:2.0\nX-WR-CALNAME:Days off\n")
	for _, e := range events {
		b.WriteString("BEGIN:VEVENT\n" + e + "\nEND:VEVENT\n")
	}
	return b.String() + "END:VCALENDAR\n"
}

func days(t *testing.T, text string) (list []string) {
	t.Helper()
	c, err := ical.Read([]byte(text))
	require.NoError(t, err)
	for _, d := range c.Days {
		list = append(list, strings.TrimSpace(d.Date+" "+d.Name))
	}
	return list
}

func TestEvents(t *testing.T) {
	for name, c := range map[string]struct {
		event string
		want  []string
	}{
		"all day":        {"SUMMARY:Christmas Day\nDTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261226", []string{"2026-12-25 Christmas Day"}},
		"without an end": {"DTSTART;VALUE=DATE:20261225", []string{"2026-12-25"}},
		"several days":   {"DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227", []string{"2026-12-24", "2026-12-25", "2026-12-26"}},
		"by its length":  {"DTSTART;VALUE=DATE:20261231\nDURATION:P2D", []string{"2026-12-31", "2027-01-01"}},
		"a week": {
			"DTSTART;VALUE=DATE:20261231\nDURATION:P1W",
			[]string{"2026-12-31", "2027-01-01", "2027-01-02", "2027-01-03", "2027-01-04", "2027-01-05", "2027-01-06"},
		},
		"ends on its day":   {"DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261225", []string{"2026-12-25"}},
		"times":             {"DTSTART;TZID=Europe/Berlin:20261224T140000\nDTEND;TZID=Europe/Berlin:20261225T020000", []string{"2026-12-24", "2026-12-25"}},
		"until midnight":    {"DTSTART:20261224T140000\nDTEND:20261225T000000", []string{"2026-12-24"}},
		"a moment":          {"DTSTART:20261224T000000", []string{"2026-12-24"}},
		"hours":             {"DTSTART:20261224T220000\nDURATION:PT3H", []string{"2026-12-24", "2026-12-25"}},
		"UTC":               {"DTSTART:20261224T230000Z\nDTEND:20261225T230000Z", []string{"2026-12-24", "2026-12-25"}},
		"a zone of its own": {"DTSTART;TZID=\"W. Europe Standard Time\":20261224T230000\nDURATION:PT30M", []string{"2026-12-24"}},
		"an end in UTC":     {"DTSTART;TZID=Europe/Berlin:20261224T000000\nDTEND:20261224T230000Z", []string{"2026-12-24"}},
		"canceled":          {"DTSTART;VALUE=DATE:20261225\nSTATUS:CANCELLED", nil},
		"confirmed":         {"DTSTART;VALUE=DATE:20261225\nSTATUS:CONFIRMED", []string{"2026-12-25"}},
		"long ago":          {"DTSTART;VALUE=DATE:19991225", nil},
		"in a long time":    {"DTSTART;VALUE=DATE:20511225", nil},
		"text":              {`SUMMARY:A\, b\nc \\ ` + "\x1b[31m\nDTSTART;VALUE=DATE:20261225", []string{`2026-12-25 A, b c \ [31m`}},
		"folded":            {"SUMM\n ARY:Christ\n\tmas\nDTSTART;VALUE=DATE:2026\n 1225", []string{"2026-12-25 Christmas"}},
		"an alarm inside":   {"DTSTART;VALUE=DATE:20261225\nBEGIN:VALARM\nSUMMARY:x\nDURATION:P9D\nEND:VALARM", []string{"2026-12-25"}},
		"yearly":            {"DTSTART;VALUE=DATE:19701225\nRRULE:FREQ=YEARLY;UNTIL=20221231", []string{"2020-12-25", "2021-12-25", "2022-12-25"}},
		"counted":           {"DTSTART;VALUE=DATE:20241225\nRRULE:FREQ=YEARLY;COUNT=3", []string{"2024-12-25", "2025-12-25", "2026-12-25"}},
		"every other year":  {"DTSTART;VALUE=DATE:20241225\nRRULE:FREQ=YEARLY;INTERVAL=2;COUNT=3", []string{"2024-12-25", "2026-12-25", "2028-12-25"}},
		"leap days":         {"DTSTART;VALUE=DATE:20240229\nRRULE:FREQ=YEARLY;UNTIL=20330101", []string{"2024-02-29", "2028-02-29", "2032-02-29"}},
		"Thanksgiving": {
			"DTSTART;VALUE=DATE:20241128\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;COUNT=3",
			[]string{"2024-11-28", "2025-11-27", "2026-11-26"},
		},
		"Memorial Day": {
			"DTSTART;VALUE=DATE:20240527\nRRULE:FREQ=YEARLY;BYDAY=-1MO;BYMONTH=5;UNTIL=20260525",
			[]string{"2024-05-27", "2025-05-26", "2026-05-25"},
		},
		"election day": {
			"DTSTART;VALUE=DATE:20201103\nRRULE:FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8;COUNT=3",
			[]string{"2020-11-03", "2024-11-05", "2028-11-07"},
		},
		"20th Monday":     {"DTSTART;VALUE=DATE:20240513\nRRULE:FREQ=YEARLY;BYDAY=20MO;COUNT=2", []string{"2024-05-13", "2025-05-19"}},
		"day of the year": {"DTSTART;VALUE=DATE:20240912\nRRULE:FREQ=YEARLY;BYYEARDAY=256;COUNT=2", []string{"2024-09-12", "2025-09-13"}},
		"last workday": {
			"DTSTART;VALUE=DATE:20260130\nRRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3",
			[]string{"2026-01-30", "2026-02-27", "2026-03-31"},
		},
		"last of the month": {"DTSTART;VALUE=DATE:20260131\nRRULE:FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3", []string{"2026-01-31", "2026-02-28", "2026-03-31"}},
		"the 31st":          {"DTSTART;VALUE=DATE:20261031\nRRULE:FREQ=MONTHLY;COUNT=3", []string{"2026-10-31", "2026-12-31", "2027-01-31"}},
		"weekly":            {"DTSTART;VALUE=DATE:20260102\nRRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=3", []string{"2026-01-02", "2026-01-16", "2026-01-30"}},
		"weeks from Sunday": {
			"DTSTART;VALUE=DATE:20260106\nRRULE:FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=TU,SU;COUNT=4",
			[]string{"2026-01-06", "2026-01-18", "2026-01-20", "2026-02-01"},
		},
		"weeks from Monday": {
			"DTSTART;VALUE=DATE:20260106\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;COUNT=4",
			[]string{"2026-01-06", "2026-01-11", "2026-01-20", "2026-01-25"},
		},
		"daily": {"DTSTART;VALUE=DATE:20260227\nRRULE:FREQ=DAILY;INTERVAL=2;COUNT=3", []string{"2026-02-27", "2026-03-01", "2026-03-03"}},
		"until a time in UTC": {
			"DTSTART;TZID=Europe/Berlin:20260101T000000\nRRULE:FREQ=DAILY;UNTIL=20260102T230000Z",
			[]string{"2026-01-01", "2026-01-02", "2026-01-03"},
		},
		"more and fewer": {"DTSTART;VALUE=DATE:20241225\nRRULE:FREQ=YEARLY;COUNT=3\nRDATE;VALUE=DATE:20300101,20300102\nEXDATE;VALUE=DATE:20251225",
			[]string{"2024-12-25", "2026-12-25", "2030-01-01", "2030-01-02"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, days(t, file(c.event)))
			require.Equal(t, c.want, days(t, "\ufeff"+strings.ReplaceAll(file(c.event), "\n", "\r\n")), "lines end as RFC 5545 has it")
		})
	}
}

func TestSeveralEvents(t *testing.T) {
	text := file("UID:1\nSUMMARY:Company day\nDTSTART;VALUE=DATE:20240601\nRRULE:FREQ=YEARLY;COUNT=4",
		"UID:1\nSUMMARY:Company day (moved)\nDTSTART;VALUE=DATE:20250603\nRECURRENCE-ID;VALUE=DATE:20250601",
		"UID:1\nSTATUS:CANCELLED\nDTSTART;VALUE=DATE:20260601\nRECURRENCE-ID;VALUE=DATE:20260601",
		"UID:2\nSUMMARY:Eid\nDTSTART;VALUE=DATE:20270601", "UID:3\nSUMMARY:Eid\nDTSTART;VALUE=DATE:20270601")
	c, err := ical.Read([]byte(text))
	require.NoError(t, err)
	require.Equal(t, "Days off", c.Name)
	require.Equal(t, []schedule.Holiday{
		{Date: "2024-06-01", Name: "Company day"}, {Date: "2025-06-03", Name: "Company day (moved)"}, {Date: "2027-06-01", Name: "Company day, Eid"},
	}, c.Days)
	forever := days(t, file("DTSTART;VALUE=DATE:19000101\nRRULE:FREQ=YEARLY"))
	require.Len(t, forever, ical.LastYear-ical.FirstYear+1)
	require.Equal(t, "2050-01-01", forever[30])
	// Times in UTC are on the clock of the calendar.
	require.Equal(t, []string{"2026-12-25"}, days(t, strings.Replace(file("DTSTART:20261224T230000Z\nDTEND:20261225T230000Z"),
		"VERSION:2.0", "X-WR-TIMEZONE:Europe/Berlin", 1)))
	require.Empty(t, days(t, "BEGIN:VCALENDAR\n\nBEGIN:VTODO\nDTSTART:x\nEND:VTODO\nEND:VCALENDAR"))
}

func TestRefused(t *testing.T) {
	const start = "DTSTART;VALUE=DATE:20260101\n"
	for text, want := range map[string]string{
		"":                                                               "line 1: is empty",
		"date,name\n2026-12-25,Christmas":                                "line 1: is no line of an iCalendar file",
		"BEGIN:VCARD\nEND:VCARD":                                         "line 1: BEGIN: an iCalendar file begins with BEGIN:VCALENDAR",
		"BEGIN:VCALENDAR\nVERSION:2.0":                                   "line 1: BEGIN:VCALENDAR has no END",
		"BEGIN:VCALENDAR\nBEGIN:VEVENT\n":                                "line 2: BEGIN:VEVENT has no END",
		"BEGIN:VCALENDAR\nEND:VEVENT":                                    "line 2: END: ends what has not begun",
		"BEGIN:VCALENDAR\nEND:VCALENDAR\nX:y":                            "line 3: X: stands outside",
		"BEGIN:VCALENDAR\nN\xe4me:x":                                     "line 2: is not UTF-8",
		"BEGIN:VCALENDAR\nX;Y:z":                                         "line 2: X: its parameters",
		"BEGIN:VCALENDAR\nX;Y=\"z:z":                                     "line 2: X: has no colon",
		file("SUMMARY:x"):                                                "line 4: the event has no DTSTART",
		file("DTSTART:soon"):                                             "line 5: DTSTART: not a date",
		file("DTSTART;VALUE=DATE:20260230"):                              "line 5: DTSTART: not a date",
		file(start + "DTEND:20251231"):                                   "line 6: DTEND: is before the event begins (line 5)",
		file(start + "DTEND:20280101"):                                   "line 6: DTEND: the event is longer than 366 days",
		file(start + start):                                              "the event has it in line 5 already",
		file(start + "DURATION:1d"):                                      "line 6: DURATION: not a length",
		file(start + "DURATION:P"):                                       "line 6: DURATION: not a length",
		file(start + "RRULE:BYMONTH=1"):                                  "line 6: RRULE: says not how often",
		file(start + "RRULE:FREQ=HOURLY"):                                "FREQ must be YEARLY",
		file(start + "RRULE:FREQ=YEARLY;BYDAY=5"):                        "BYDAY must be weekdays",
		file(start + "RRULE:FREQ=WEEKLY;BYDAY=1MO"):                      "BYDAY counts weekdays",
		file(start + "RRULE:FREQ=MONTHLY;BYYEARDAY=1"):                   "BYYEARDAY belongs to",
		file(start + "RRULE:FREQ=YEARLY;BYWEEKNO=20"):                    "BYWEEKNO is not understood",
		file(start + "RRULE:FREQ=YEARLY;BYMONTH=13"):                     "BYMONTH must be numbers from 1 to 12",
		file(start + "RRULE:FREQ=YEARLY;COUNT=0"):                        "COUNT must be a number from 1",
		file(start + "RRULE:FREQ=YEARLY;COUNT=2;UNTIL=20300101"):         "has COUNT and UNTIL",
		file(start + "RRULE:FREQ=YEARLY;WKST=XX"):                        "WKST must be",
		file(start + "RRULE:FREQ=YEARLY;UNTIL=never"):                    "line 6: RRULE: not a date",
		file(start + "EXRULE:FREQ=YEARLY"):                               "EXRULE: is not understood",
		file(start + "RDATE;VALUE=PERIOD:20260101T000000/PT1H"):          "RDATE: is not understood",
		file("DTSTART;VALUE=DATE:20200101\nRRULE:FREQ=DAILY"):            "more than 10000 days",
		strings.Repeat("BEGIN:VCALENDAR\n", 12):                          "nested more than 10 deep",
		file(strings.Repeat("RDATE:20260101\n", 2) + "RDATE:2026010101"): "the event has no DTSTART",
	} {
		_, err := ical.Read([]byte(text))
		require.True(t, fault.Is(err, fault.Invalid), "%s: %v", text, err)
		require.ErrorContains(t, err, want, text)
		var f *fault.Error
		require.ErrorAs(t, err, &f)
		require.Equal(t, "ical", f.Fields[0].Location)
	}
	_, err := ical.Read(make([]byte, ical.MaxBytes+1))
	require.True(t, fault.Is(err, fault.TooLarge), "%v", err)
}

// A file that is as large as it may be can't ask for minutes of work.
func TestWorkIsBounded(t *testing.T) {
	var events []string
	for i := range 5000 {
		events = append(events, fmt.Sprintf("DTSTART:1%03d0101T000000\nDURATION:P366D\nRRULE:FREQ=DAILY;BYMONTHDAY=31;BYMONTH=2", i%1000))
	}
	_, err := ical.Read([]byte(file(events...)))
	require.ErrorContains(t, err, "asks for more than can be worked out")
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(file("SUMMARY:x\nDTSTART;VALUE=DATE:20241128\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;COUNT=3\nEXDATE;VALUE=DATE:20251127\nRDATE:20300101")))
	f.Add([]byte(file("UID:1\nDTSTART;TZID=Europe/Berlin:20261224T140000\nDTEND:20261225T020000Z\nSTATUS:CANCELLED\nRECURRENCE-ID:20261224T140000")))
	f.Add([]byte("\ufeff" + file("DTSTART;VALUE=DATE:20240229\r\nRRULE:FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=-1;BYSETPOS=1;UNTIL=20300101T000000Z\nDURATION:P1DT5H")))
	f.Add([]byte("BEGIN:VCALENDAR\nX;A=\"b:c\";D=e:f\n g\nEND:VCALENDAR"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ical.Read(text)
		if err != nil {
			require.True(t, fault.Is(err, fault.Invalid) || fault.Is(err, fault.TooLarge), "%v", err)
			return
		}
		require.LessOrEqual(t, len(c.Days), ical.MaxDays)
		before := ""
		for _, d := range c.Days {
			require.Greater(t, d.Date, before, "in order, each once")
			before = d.Date
			at, err := time.Parse(time.DateOnly, d.Date)
			require.NoError(t, err)
			require.True(t, at.Year() >= ical.FirstYear && at.Year() <= ical.LastYear, d.Date)
		}
		_, err = schedule.NewHolidays(c.Days)
		require.NoError(t, err)
	})
}
