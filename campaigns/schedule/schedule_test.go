package schedule_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/campaigns/schedule"
	"carillon/internal/fault"
)

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

// instants are the next n occurrences, those that don't fire with their reason.
func instants(t *testing.T, s schedule.Schedule, after time.Time, n int) (list []string) {
	t.Helper()
	holidays, err := schedule.NewHolidays([]schedule.Holiday{{Date: "2026-01-06", Name: "Epiphany"}, {Date: "2026-01-06"}})
	require.NoError(t, err)
	plan, err := s.Compile(schedule.Options{Holidays: map[int64]schedule.Holidays{7: holidays}})
	require.NoError(t, err)
	for range n {
		occurrence, ok := plan.Next(after)
		if !ok {
			return append(list, "no more")
		}
		text := occurrence.At.In(plan.Zone()).Format("2006-01-02T15:04:05Z07:00")
		if occurrence.Skipped != "" {
			text += " " + string(occurrence.Skipped)
		}
		list = append(list, text)
		require.True(t, occurrence.At.After(after), "an instant after another is later")
		after = occurrence.At
	}
	return list
}

// What docs/schedules.md promises of changes of the clock.
func TestClocksAreSet(t *testing.T) {
	for name, c := range map[string]struct {
		schedule schedule.Schedule
		after    string
		want     []string
	}{
		"a fixed hour in a gap": {
			schedule.Schedule{Cron: []string{"30 2 * * *"}, Timezone: "Europe/Berlin"}, "2026-03-28T00:00:00Z",
			[]string{"2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"},
		},
		"it is left out": {
			schedule.Schedule{Cron: []string{"30 2 * * *"}, Timezone: "Europe/Berlin", Gap: schedule.GapSkip}, "2026-03-28T12:00:00Z",
			[]string{"2026-03-29T03:00:00+02:00 gap", "2026-03-30T02:30:00+02:00"},
		},
		"it is shifted": {
			schedule.Schedule{Cron: []string{"30 2 * * *"}, Timezone: "Europe/Berlin", Gap: schedule.GapShift}, "2026-03-28T12:00:00Z",
			[]string{"2026-03-29T03:30:00+02:00", "2026-03-30T02:30:00+02:00"},
		},
		"several times in a gap are one instant": {
			schedule.Schedule{Cron: []string{"*/20 2 * * *"}, Timezone: "Europe/Berlin"}, "2026-03-28T12:00:00Z",
			[]string{"2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"},
		},
		"a fixed hour in an overlap": {
			schedule.Schedule{Cron: []string{"30 2 * * *"}, Timezone: "Europe/Berlin"}, "2026-10-24T12:00:00Z",
			[]string{"2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"},
		},
		"the second": {
			schedule.Schedule{Cron: []string{"30 2 * * *"}, Timezone: "Europe/Berlin", Overlap: schedule.Second}, "2026-10-24T12:00:00Z",
			[]string{"2026-10-25T02:30:00+01:00", "2026-10-26T02:30:00+01:00"},
		},
		"both": {
			schedule.Schedule{Cron: []string{"30 2 * * *"}, Timezone: "Europe/Berlin", Overlap: schedule.Both}, "2026-10-24T12:00:00Z",
			[]string{"2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", "2026-10-26T02:30:00+01:00"},
		},
		"every hour through a gap": {
			schedule.Schedule{Cron: []string{"0 * * * *"}, Timezone: "Europe/Berlin"}, "2026-03-28T23:30:00Z",
			[]string{"2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T04:00:00+02:00"},
		},
		"every hour through an overlap": {
			schedule.Schedule{Cron: []string{"0 * * * *"}, Timezone: "Europe/Berlin"}, "2026-10-24T23:30:00Z",
			[]string{"2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"},
		},
		"every hour, the first of two": {
			schedule.Schedule{Cron: []string{"0 * * * *"}, Timezone: "Europe/Berlin", Overlap: schedule.First}, "2026-10-24T23:30:00Z",
			[]string{"2026-10-25T02:00:00+02:00", "2026-10-25T03:00:00+01:00"},
		},
		"an interval takes no notice": {
			schedule.Schedule{Every: "6h", Timezone: "Europe/Berlin"}, "2026-03-28T20:00:00Z",
			[]string{"2026-03-29T01:00:00+01:00", "2026-03-29T08:00:00+02:00"},
		},
		"half an hour": {
			schedule.Schedule{Cron: []string{"15 2 * * *"}, Timezone: "Australia/Lord_Howe"}, "2026-10-02T20:00:00Z",
			[]string{"2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"},
		},
		"a gap at midnight": {
			schedule.Schedule{Cron: []string{"0 0 * * *"}, Timezone: "America/Santiago"}, "2026-09-05T12:00:00Z",
			[]string{"2026-09-06T01:00:00-03:00", "2026-09-07T00:00:00-03:00"},
		},
		"an overlap at midnight": {
			schedule.Schedule{Cron: []string{"30 23 * * *"}, Timezone: "America/Santiago", Overlap: schedule.Both}, "2026-04-04T12:00:00Z",
			[]string{"2026-04-04T23:30:00-03:00", "2026-04-04T23:30:00-04:00", "2026-04-05T23:30:00-04:00"},
		},
		"a day that was not": {
			schedule.Schedule{Cron: []string{"0 9 * * *"}, Timezone: "Pacific/Apia"}, "2011-12-29T00:00:00Z",
			[]string{"2011-12-29T09:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T09:00:00+14:00"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, instants(t, c.schedule, at(c.after), len(c.want)))
		})
	}
}

func TestWhatMarketersMean(t *testing.T) {
	for name, c := range map[string]struct {
		schedule schedule.Schedule
		want     []string
	}{
		"last day of the month": {schedule.Schedule{Cron: []string{"0 9 L * *"}}, []string{"2026-01-31T09:00:00Z", "2026-02-28T09:00:00Z"}},
		"three days before":     {schedule.Schedule{Cron: []string{"0 9 L-3 * *"}}, []string{"2026-01-28T09:00:00Z", "2026-02-25T09:00:00Z"}},
		"last weekday":          {schedule.Schedule{Cron: []string{"0 9 LW * *"}}, []string{"2026-01-30T09:00:00Z", "2026-02-27T09:00:00Z"}},
		"weekday nearest to the 15th": {
			schedule.Schedule{Cron: []string{"0 9 15W * *"}},
			[]string{"2026-01-15T09:00:00Z", "2026-02-16T09:00:00Z", "2026-03-16T09:00:00Z"},
		},
		"nearest to the 1st, in month": {schedule.Schedule{Cron: []string{"0 9 1W 8 *"}}, []string{"2026-08-03T09:00:00Z"}},
		"first Friday":                 {schedule.Schedule{Cron: []string{"0 9 * * FRI#1"}}, []string{"2026-01-02T09:00:00Z", "2026-02-06T09:00:00Z"}},
		"last Friday":                  {schedule.Schedule{Cron: []string{"0 9 * * FRIL"}}, []string{"2026-01-30T09:00:00Z", "2026-02-27T09:00:00Z"}},
		"Sunday is 7, too": {
			schedule.Schedule{Cron: []string{"0 9 * * 6-7"}},
			[]string{"2026-01-03T09:00:00Z", "2026-01-04T09:00:00Z", "2026-01-10T09:00:00Z"},
		},
		"either of both days": {
			schedule.Schedule{Cron: []string{"0 9 13 * FRI"}},
			[]string{"2026-01-02T09:00:00Z", "2026-01-09T09:00:00Z", "2026-01-13T09:00:00Z"},
		},
		"both at once": {
			schedule.Schedule{Calendar: []schedule.Calendar{{Weekdays: []schedule.Weekday{{Day: "fri"}}, Days: []int{13}, Times: []string{"09:00"}}}},
			[]string{"2026-02-13T09:00:00Z", "2026-03-13T09:00:00Z"},
		},
		"first and last": {
			schedule.Schedule{Calendar: []schedule.Calendar{{Days: []int{1, -1}, Months: []int{2}, Times: []string{"18:30", "09:00"}}}},
			[]string{"2026-02-01T09:00:00Z", "2026-02-01T18:30:00Z", "2026-02-28T09:00:00Z", "2026-02-28T18:30:00Z"},
		},
		"a leap day": {schedule.Schedule{Cron: []string{"0 9 29 2 *"}}, []string{"2028-02-29T09:00:00Z", "2032-02-29T09:00:00Z"}},
		"seconds":    {schedule.Schedule{Cron: []string{"*/30 * * * * *"}}, []string{"2026-01-01T00:00:30Z", "2026-01-01T00:01:00Z"}},
		"united, once": {
			schedule.Schedule{Cron: []string{"0 9 * * MON", "0 9 5 * *"}, Dates: []string{"2026-01-04T10:00"}},
			[]string{"2026-01-04T10:00:00Z", "2026-01-05T09:00:00Z", "2026-01-12T09:00:00Z"},
		},
		"every, in phase":            {schedule.Schedule{Every: "2h", Phase: "5m"}, []string{"2026-01-01T00:05:00Z", "2026-01-01T02:05:00Z"}},
		"every, from when it begins": {schedule.Schedule{Every: "2h", From: "2026-01-01T09:10"}, []string{"2026-01-01T09:10:00Z", "2026-01-01T11:10:00Z"}},
		"until, included":            {schedule.Schedule{Cron: []string{"@daily"}, Until: "2026-01-02"}, []string{"2026-01-02T00:00:00Z", "no more"}},
		"not on Saturdays": {
			schedule.Schedule{Cron: []string{"0 9 * * *"}, From: "2026-01-02", Exclude: &schedule.Exclude{Weekdays: []string{"sat"}}},
			[]string{"2026-01-02T09:00:00Z", "2026-01-03T09:00:00Z excluded", "2026-01-04T09:00:00Z"},
		},
		"on the next day instead": {
			schedule.Schedule{Cron: []string{"0 9 * * SAT"}, OnExcluded: schedule.NextDay, Exclude: &schedule.Exclude{Weekdays: []string{"sat", "sun"}}},
			[]string{"2026-01-05T09:00:00Z", "2026-01-12T09:00:00Z"},
		},
		"on the day before instead": {
			schedule.Schedule{
				Cron: []string{"0 9 * * SAT"}, OnExcluded: schedule.PreviousDay,
				Exclude: &schedule.Exclude{Weekdays: []string{"sat"}, Dates: []string{"2026-01-09"}},
			},
			[]string{"2026-01-02T09:00:00Z", "2026-01-08T09:00:00Z"},
		},
		"moved to where one is": {
			schedule.Schedule{Cron: []string{"0 9 * * FRI,SAT"}, OnExcluded: schedule.PreviousDay, Exclude: &schedule.Exclude{Weekdays: []string{"sat"}}},
			[]string{"2026-01-02T09:00:00Z", "2026-01-09T09:00:00Z"},
		},
		"holidays": {
			schedule.Schedule{Cron: []string{"0 9 * * *"}, From: "2026-01-05", Exclude: &schedule.Exclude{Holidays: []int64{7}}},
			[]string{"2026-01-05T09:00:00Z", "2026-01-06T09:00:00Z excluded", "2026-01-07T09:00:00Z"},
		},
		"hours on excluded days": {
			schedule.Schedule{
				Cron: []string{"0 */12 * * *"}, From: "2026-01-05T12:00", OnExcluded: schedule.NextDay, Exclude: &schedule.Exclude{Holidays: []int64{7}},
			},
			[]string{"2026-01-05T12:00:00Z", "2026-01-06T00:00:00Z excluded", "2026-01-06T12:00:00Z excluded", "2026-01-07T00:00:00Z"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, instants(t, c.schedule, at("2026-01-01T00:00:00Z"), len(c.want)))
		})
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		schedule schedule.Schedule
		want     string
	}{
		"nothing":           {schedule.Schedule{}, "schedule.cron: say when"},
		"impossible":        {schedule.Schedule{Cron: []string{"0 0 30 2 *"}}, "never fires"},
		"an hour of never":  {schedule.Schedule{Cron: []string{"0 * 31 2,4,6 *"}}, "never fires"},
		"a fifth of never":  {schedule.Schedule{Cron: []string{"0 9 * 2 FRI#5"}, From: "2026-01-01", Until: "2027-12-31"}, "nothing fires until then"},
		"zone in it":        {schedule.Schedule{Cron: []string{"TZ=Europe/Berlin 0 9 * * *"}}, "schedule.cron[0]: can't name a zone"},
		"every in it":       {schedule.Schedule{Cron: []string{"@every 2h"}}, "set every, such as 2h"},
		"reboot":            {schedule.Schedule{Cron: []string{"@reboot"}}, "is none of @hourly"},
		"four fields":       {schedule.Schedule{Cron: []string{"0 9 * *"}}, "has 4 fields"},
		"no minute 60":      {schedule.Schedule{Cron: []string{"60 9 * * *"}}, "is no cron expression"},
		"no weekday 8":      {schedule.Schedule{Cron: []string{"0 9 * * 8"}}, "is no cron expression"},
		"no sixth Friday":   {schedule.Schedule{Cron: []string{"0 9 * * FRI#6"}}, "is no cron expression"},
		"words":             {schedule.Schedule{Cron: []string{"every morning at nine o clock"}}, "schedule.cron[0]"},
		"zone":              {schedule.Schedule{Cron: []string{"@daily"}, Timezone: "Mars"}, "schedule.timezone"},
		"until before from": {schedule.Schedule{Cron: []string{"@daily"}, From: "2026-02-01", Until: "2026-01-01"}, "is before from"},
		"over before it is": {schedule.Schedule{Dates: []string{"2026-02-01T09:00"}, From: "2026-03-01", Until: "2026-04-01"}, "nothing fires until then"},
		"no time of day":    {schedule.Schedule{Calendar: []schedule.Calendar{{Days: []int{1}}}}, "schedule.calendar[0].times: say at what time"},
		"a wrong calendar": {
			schedule.Schedule{
				Calendar: []schedule.Calendar{
					{Weekdays: []schedule.Weekday{{Day: "freitag", Nth: 6}}, Days: []int{0}, Months: []int{13}, Times: []string{"25:00"}},
				},
			},
			"schedule.calendar[0].months[0]: must be 1 to 12",
		},
		"too short":          {schedule.Schedule{Every: "1ms"}, "schedule.every: must be whole seconds"},
		"a month of seconds": {schedule.Schedule{Every: "1mo"}, "for days and months use calendar"},
		"phase":              {schedule.Schedule{Every: "2h", Phase: "3h"}, "schedule.phase"},
		"phase alone":        {schedule.Schedule{Cron: []string{"@daily"}, Phase: "5m"}, "belongs to every"},
		"date":               {schedule.Schedule{Dates: []string{"24.12.2026"}}, "schedule.dates[0]: not a time"},
		"excluded date": {
			schedule.Schedule{Cron: []string{"@daily"}, Exclude: &schedule.Exclude{Dates: []string{"Christmas"}}},
			"schedule.exclude.dates[0]: not a date",
		},
		"no day is left": {
			schedule.Schedule{Cron: []string{"@daily"}, Exclude: &schedule.Exclude{Weekdays: []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}}},
			"leaves no day",
		},
		"none that is left": {schedule.Schedule{Cron: []string{"0 9 * * MON"}, Exclude: &schedule.Exclude{Weekdays: []string{"mon"}}}, "never fires"},
		"no such holidays":  {schedule.Schedule{Cron: []string{"@daily"}, Exclude: &schedule.Exclude{Holidays: []int64{9}}}, "there is no such calendar"},
		"choices":           {schedule.Schedule{Cron: []string{"@daily"}, Gap: "back", Overlap: "third", OnExcluded: "never"}, "schedule.overlap: must be first"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.schedule.Compile(schedule.Options{})
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestWords(t *testing.T) {
	for _, c := range []struct {
		schedule schedule.Schedule
		want     string
	}{
		{schedule.Schedule{Cron: []string{"0 9 * * FRIL"}, Timezone: "Europe/Berlin"}, "every last Friday of the month at 09:00, Europe/Berlin"},
		{
			schedule.Schedule{Calendar: []schedule.Calendar{{Weekdays: []schedule.Weekday{{Day: "fri", Nth: -1}}, Times: []string{"09:00"}}}},
			"every last Friday of the month at 09:00, UTC",
		},
		{schedule.Schedule{Cron: []string{"0 9 * * MON-FRI"}}, "every weekday (Monday to Friday) at 09:00, UTC"},
		{schedule.Schedule{Cron: []string{"0 9,17 1,15 * *"}}, "on the 1st and 15th of the month at 09:00 and 17:00, UTC"},
		{schedule.Schedule{Cron: []string{"*/15 * * * *"}}, "every 15 minutes, UTC"},
		{schedule.Schedule{Cron: []string{"5 */2 * * MON"}}, "every 2 hours at 5 minutes past, every Monday, UTC"},
		{schedule.Schedule{Cron: []string{"@hourly"}}, "every hour, UTC"},
		{schedule.Schedule{Cron: []string{"*/10 9-17 * 12 *"}}, "every day in December 54 times from 09:00 to 17:50, UTC"},
		{
			schedule.Schedule{Cron: []string{"30 8 LW * *", "0 9 13 * FRI"}},
			"on the last weekday of the month at 08:30, and on the 13th of the month and every Friday at 09:00, UTC",
		},
		{schedule.Schedule{Every: "90m", From: "2026-01-01"}, "every 90 minutes, UTC, from 2026-01-01"},
		{
			schedule.Schedule{
				Cron: []string{"@daily"}, OnExcluded: schedule.NextDay, Exclude: &schedule.Exclude{Weekdays: []string{"sun"}, Dates: []string{"2026-12-24"}},
			},
			"every day at 00:00, UTC, but not on Sundays and 2026-12-24 (on the next day instead)",
		},
		{schedule.Schedule{Dates: []string{"2026-12-24T10:00"}, Until: "2027-01-01"}, "on 2026-12-24T10:00, UTC until 2027-01-01"},
	} {
		plan, err := c.schedule.Compile(schedule.Options{})
		require.NoError(t, err)
		require.Equal(t, c.want, plan.Words())
	}
}

var oddZones = []string{
	"UTC", "Europe/Berlin", "Europe/Dublin", "America/New_York", "America/Santiago", "America/St_Johns", "Australia/Lord_Howe", "Asia/Beirut", "Asia/Gaza",
	"Africa/Casablanca", "Africa/Cairo", "Antarctica/Troll", "Pacific/Apia", "Pacific/Chatham", "Pacific/Kiritimati", "America/Asuncion",
}

// model says what a simple expression means by walking through real minutes. It
// shares no code with what it is compared with.
type model struct {
	minutes, hours, days, months, weekdays []int // empty: any
	byElapsed                              bool
}

func (m model) shows(wall time.Time) bool {
	has := func(list []int, v int) bool { return len(list) == 0 || slices.Contains(list, v) }
	days := has(m.days, wall.Day()) && has(m.weekdays, int(wall.Weekday()))
	if len(m.days) > 0 && len(m.weekdays) > 0 {
		days = slices.Contains(m.days, wall.Day()) || slices.Contains(m.weekdays, int(wall.Weekday()))
	}
	return days && has(m.minutes, wall.Minute()) && has(m.hours, wall.Hour()) && has(m.months, int(wall.Month()))
}

func (m model) instants(from, to time.Time, zone *time.Location) (list []time.Time) {
	wallOf := func(t time.Time) time.Time {
		l := t.In(zone)
		return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), 0, 0, time.UTC)
	}
	latest := wallOf(from.Add(-72 * time.Hour))
	for t := from.Add(-72 * time.Hour).Add(time.Minute); !t.After(to); t = t.Add(time.Minute) {
		wall := wallOf(t)
		hit := m.shows(wall)
		if !m.byElapsed {
			hit = false
			for w := latest.Add(time.Minute); !w.After(wall); w = w.Add(time.Minute) { // none where the clock was set back
				hit = hit || m.shows(w)
			}
		}
		if wall.After(latest) {
			latest = wall
		}
		if hit && !t.Before(from) {
			list = append(list, t)
		}
	}
	return list
}

func field(list []int) string {
	if len(list) == 0 {
		return "*"
	}
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = fmt.Sprint(v)
	}
	return strings.Join(texts, ",")
}

// Around changes of the clock in odd zones, the next instants are those that a walk
// through the minutes finds.
func TestNextIsWhatAWalkFinds(t *testing.T) {
	pick := func(t *rapid.T, name string, from, to, most int) (list []int) {
		n := rapid.IntRange(0, most).Draw(t, name+" how many")
		for range n {
			v := rapid.IntRange(from, to).Draw(t, name)
			if !slices.Contains(list, v) {
				list = append(list, v)
			}
		}
		return list
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(oddZones).Draw(t, "zone")
		zone, err := time.LoadLocation(name)
		require.NoError(t, err)
		from := time.Unix(rapid.Int64Range(at("2005-01-01T00:00:00Z").Unix(), at("2037-01-01T00:00:00Z").Unix()).Draw(t, "from"), 0).UTC().Truncate(time.Minute)
		if _, change := from.In(zone).ZoneBounds(); !change.IsZero() && rapid.Bool().Draw(t, "near a change") {
			from = change.UTC().Truncate(time.Minute).Add(-time.Duration(rapid.IntRange(0, 36*60).Draw(t, "minutes before")) * time.Minute)
		}
		m := model{
			minutes: append(pick(t, "minute", 0, 59, 2), 0), days: pick(t, "day", 1, 31, 2), weekdays: pick(t, "weekday", 0, 6, 3),
			hours: pick(t, "hour", 0, 23, 3),
		}
		m.byElapsed = len(m.hours) == 0
		s := schedule.Schedule{Cron: []string{strings.Join([]string{field(m.minutes), field(m.hours), field(m.days), "*", field(m.weekdays)}, " ")}, Timezone: name}
		plan, err := s.Compile(schedule.Options{})
		require.NoError(t, err)
		to := from.Add(72 * time.Hour)
		var got []time.Time
		for after := from.Add(-time.Nanosecond); ; {
			o, ok := plan.Next(after)
			if !ok || o.At.After(to) {
				break
			}
			require.Empty(t, o.Skipped)
			got, after = append(got, o.At), o.At
		}
		require.Equal(t, fmt.Sprint(m.instants(from, to, zone)), fmt.Sprint(got), "%s in %s", s.Cron, name)
	})
}

// However one asks, the instants are the same ones: from just before each of them,
// and from anywhere between two.
func TestNextDoesNotDependOnWhereOneAsks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := schedule.Schedule{
			Cron:       []string{rapid.SampledFrom([]string{"30 2 * * *", "0 */3 * * *", "15 9 L * *", "0 0 * * SAT", "45 23 1W * *", "*/7 1-3 * * 0"}).Draw(t, "cron")},
			Timezone:   rapid.SampledFrom(oddZones).Draw(t, "zone"),
			OnExcluded: rapid.SampledFrom([]schedule.OnExcluded{"", schedule.NextDay, schedule.PreviousDay}).Draw(t, "moves"),
			Gap:        rapid.SampledFrom([]schedule.Gap{"", schedule.GapSkip, schedule.GapShift}).Draw(t, "gap"),
			Overlap:    rapid.SampledFrom([]schedule.Overlap{"", schedule.First, schedule.Second, schedule.Both}).Draw(t, "overlap"),
			Exclude:    &schedule.Exclude{Weekdays: []string{"fri"}, Dates: []string{"2026-03-28", "2026-03-29", "2026-10-25"}},
		}
		plan, err := s.Compile(schedule.Options{})
		require.NoError(t, err)
		after := at("2026-03-20T00:00:00Z").Add(time.Duration(rapid.IntRange(0, 300*24*60).Draw(t, "minutes")) * time.Minute)
		first, ok := plan.Next(after)
		require.True(t, ok)
		between := after.Add(time.Duration(rand.Int64N(int64(first.At.Sub(after))))) // anywhere before it
		again, ok := plan.Next(between)
		require.True(t, ok)
		require.Equal(t, first, again)
		just, _ := plan.Next(first.At.Add(-time.Nanosecond))
		require.Equal(t, first, just)
		fires, ok := plan.NextFiring(after)
		require.True(t, ok)
		require.False(t, fires.At.Before(first.At))
		require.Empty(t, fires.Skipped)
	})
}

func FuzzCron(f *testing.F) {
	for _, seed := range []string{
		"0 9 * * MON", "*/5 9-17 1,15 JAN-MAR 1-5", "0 0 L * FRIL", "@daily", "0 9 15W * FRI#2", "TZ=UTC * * * * *", "* * * * * *", "0 0 31 2 *",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		plan, err := schedule.Schedule{Cron: []string{expression}, Timezone: "Europe/Berlin"}.Compile(schedule.Options{})
		if err != nil {
			require.True(t, fault.Is(err, fault.Invalid))
			return
		}
		require.NotEmpty(t, plan.Words())
		after := at("2026-03-28T20:00:00Z")
		for range 3 {
			o, ok := plan.Next(after)
			if !ok {
				return
			}
			require.True(t, o.At.After(after))
			after = o.At
		}
	})
}

func ExampleSchedule() {
	s := schedule.Schedule{Cron: []string{"30 2 * * *"}, Timezone: "Europe/Berlin"}
	plan, _ := s.Compile(schedule.Options{})
	fmt.Println(plan.Words())
	for after, n := at("2026-03-28T00:00:00Z"), 0; n < 3; n++ {
		o, _ := plan.Next(after)
		fmt.Println(strings.TrimSpace(o.At.In(plan.Zone()).Format(time.RFC3339) + " " + o.Note))
		after = o.At
	}
	// Output:
	// every day at 02:30, Europe/Berlin
	// 2026-03-28T02:30:00+01:00
	// 2026-03-29T03:00:00+02:00 the clock jumps over 02:30
	// 2026-03-30T02:30:00+02:00
}

func TestNotesNameTheHoliday(t *testing.T) {
	holidays, err := schedule.NewHolidays([]schedule.Holiday{{Date: "2026-12-25", Name: "Christmas Day"}, {Date: "2026-12-26"}})
	require.NoError(t, err)
	for on, want := range map[schedule.OnExcluded][]string{
		schedule.Skip:    {"2026-12-25 is excluded: Christmas Day", "2026-12-26 is excluded", ""},
		schedule.NextDay: {"", "", ""},
	} {
		plan, err := schedule.Schedule{
			Cron: []string{"0 9 * * *"}, From: "2026-12-25", OnExcluded: on, Exclude: &schedule.Exclude{Holidays: []int64{3}},
		}.Compile(schedule.Options{Holidays: map[int64]schedule.Holidays{3: holidays}})
		require.NoError(t, err)
		var notes []string
		for _, o := range plan.Coming(at("2026-12-24T00:00:00Z"), 3) {
			notes = append(notes, o.Note)
		}
		require.Equal(t, want, notes, on)
	}
	plan, err := schedule.Schedule{
		Dates: []string{"2026-12-25T09:00"}, OnExcluded: schedule.NextDay, Exclude: &schedule.Exclude{Holidays: []int64{3}},
	}.Compile(schedule.Options{Holidays: map[int64]schedule.Holidays{3: holidays}})
	require.NoError(t, err)
	o, ok := plan.NextFiring(at("2026-12-24T00:00:00Z"))
	require.True(t, ok)
	require.Equal(t, at("2026-12-27T09:00:00Z"), o.At)
	require.Equal(t, "moved from 2026-12-25, which is excluded: Christmas Day", o.Note)

	_, err = schedule.NewHolidays([]schedule.Holiday{{Date: "2026-12-25"}, {Date: "25.12.2026"}})
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	require.ErrorContains(t, err, "dates[1]")
}
