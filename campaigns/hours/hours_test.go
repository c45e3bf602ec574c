package hours_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/campaigns/hours"
	"carillon/internal/fault"
)

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

func TestNext(t *testing.T) {
	for name, c := range map[string]struct {
		hours     []hours.Hours
		zone      string
		due, want string
	}{
		"nothing is said": {nil, "UTC", "2026-03-01T03:00:00Z", "2026-03-01T03:00:00Z"},
		"within":          {[]hours.Hours{{From: "09:00", To: "20:00"}}, "UTC", "2026-03-02T10:30:15Z", "2026-03-02T10:30:15Z"},
		"before":          {[]hours.Hours{{From: "09:00", To: "20:00"}}, "UTC", "2026-03-02T03:30:15.5Z", "2026-03-02T09:00:00Z"},
		"the end":         {[]hours.Hours{{From: "09:00", To: "20:00"}}, "UTC", "2026-03-02T20:00:00Z", "2026-03-03T09:00:00Z"},
		"over a weekend": {
			[]hours.Hours{{Days: []string{"mon", "tue", "wed", "thu", "fri"}, From: "09:00", To: "20:00"}}, "UTC",
			"2026-03-06T20:30:00Z", "2026-03-09T09:00:00Z",
		},
		"over midnight": {[]hours.Hours{{Days: []string{"fri"}, From: "20:00", To: "02:00"}}, "UTC", "2026-03-07T01:59:59Z", "2026-03-07T01:59:59Z"},
		"of the day on which they begin": {
			[]hours.Hours{{Days: []string{"fri"}, From: "20:00", To: "02:00"}}, "UTC", "2026-03-06T01:00:00Z", "2026-03-06T20:00:00Z",
		},
		"of the recipient's own clock": {[]hours.Hours{{From: "09:00", To: "20:00"}}, "America/New_York", "2026-03-02T10:00:00Z", "2026-03-02T14:00:00Z"},
		"a quiet night":                {[]hours.Hours{hours.Quiet("21:00", "08:00")}, "Europe/Berlin", "2026-03-02T21:00:00Z", "2026-03-03T07:00:00Z"},
		"both, of a channel too": {
			[]hours.Hours{{From: "06:00", To: "12:00"}, hours.Quiet("21:00", "08:00")}, "UTC", "2026-03-02T06:30:00Z", "2026-03-02T08:00:00Z",
		},
		"the whole day":       {[]hours.Hours{{Days: []string{"sun"}, From: "00:00", To: "24:00"}}, "UTC", "2026-03-02T06:30:00Z", "2026-03-08T00:00:00Z"},
		"begins in a gap":     {[]hours.Hours{{From: "02:30", To: "04:00"}}, "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z"},
		"lies within a gap":   {[]hours.Hours{{From: "02:00", To: "03:00"}}, "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z"},
		"again in an overlap": {[]hours.Hours{{From: "02:00", To: "02:30"}}, "Europe/Berlin", "2026-10-25T00:45:00Z", "2026-10-25T01:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			rule, err := hours.Compile("hours", c.hours...)
			require.NoError(t, err)
			zone, err := time.LoadLocation(c.zone)
			require.NoError(t, err)
			require.Equal(t, c.want, rule.Next(at(c.due), zone).Format(time.RFC3339Nano))
		})
	}
}

func TestRefused(t *testing.T) {
	for want, all := range map[string][]hours.Hours{
		"hours.from: not a time of day":        {{From: "9", To: "20:00"}},
		"hours.to: not a time of day":          {{From: "09:00", To: "25:00"}},
		"hours.days[1]: must be mon":           {{Days: []string{"mon", "feiertag"}, From: "09:00", To: "20:00"}},
		"hours[1].from: not a time of day":     {{From: "09:00", To: "20:00"}, {From: "", To: "20:00"}},
		"hours: leave no time at which":        {{From: "09:00", To: "12:00"}, {From: "12:00", To: "20:00"}},
		"hours.from: not a time of day: write": {{From: "24:00", To: "20:00"}},
	} {
		_, err := hours.Compile("hours", all...)
		require.True(t, fault.Is(err, fault.Invalid), want)
		require.ErrorContains(t, err, want)
	}
}

// The next instant is within the hours, on the right day and at the right hour, it is
// not before the due time, and none of the minutes in between is within them.
func TestNextIsTheFirst(t *testing.T) {
	names := []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
	rapid.Check(t, func(t *rapid.T) {
		h := hours.Hours{
			Days: rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 3, rapid.ID[string]).Draw(t, "days"),
			From: fmt.Sprintf("%02d:%02d", rapid.IntRange(0, 23).Draw(t, "from"), rapid.SampledFrom([]int{0, 30, 59}).Draw(t, "minutes")),
			To:   fmt.Sprintf("%02d:%02d", rapid.IntRange(0, 23).Draw(t, "to"), rapid.SampledFrom([]int{0, 15}).Draw(t, "minutes")),
		}
		rule, err := hours.Compile("hours", h)
		require.NoError(t, err)
		zone, err := time.LoadLocation(rapid.SampledFrom([]string{
			"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Pacific/Apia", "Antarctica/Troll", "Asia/Kathmandu",
		}).Draw(t, "zone"))
		require.NoError(t, err)
		due := at("2011-12-25T00:00:00Z").Add(time.Duration(rapid.Int64Range(0, 20*366*24*3600).Draw(t, "seconds")) * time.Second)
		if _, change := due.In(zone).ZoneBounds(); !change.IsZero() && rapid.Bool().Draw(t, "near a change") {
			due = change.UTC().Add(-time.Duration(rapid.IntRange(0, 30*3600).Draw(t, "before")) * time.Second)
		}
		next := rule.Next(due, zone)
		require.False(t, next.Before(due))
		require.True(t, within(h, next.In(zone)), "%v: %s is outside", h, next.In(zone))
		require.Equal(t, next, rule.Next(next, zone))
		if within(h, due.In(zone)) {
			require.True(t, next.Equal(due))
			return
		}
		for m := due.Truncate(time.Minute); m.Before(next); m = m.Add(time.Minute) {
			require.False(t, within(h, m.In(zone)), "%v: %s was within already", h, m.In(zone))
		}
	})
}

// Hours end where they first do not hold any more, and not a minute before.
func TestClosesAtTheFirstInstantOutside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := hours.Hours{
			From: fmt.Sprintf("%02d:00", rapid.IntRange(0, 23).Draw(t, "from")), To: fmt.Sprintf("%02d:30", rapid.IntRange(0, 23).Draw(t, "to")),
		}
		rule, err := hours.Compile("hours", h)
		require.NoError(t, err)
		zone, err := time.LoadLocation(rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "Australia/Lord_Howe", "Antarctica/Troll"}).Draw(t, "zone"))
		require.NoError(t, err)
		from := at("2026-01-01T00:00:00Z").Add(time.Duration(rapid.Int64Range(0, 366*24*3600).Draw(t, "seconds")) * time.Second)
		closes, ok := rule.Closes(from, zone)
		require.True(t, ok)
		require.False(t, within(h, closes.In(zone)), "%s is within", closes.In(zone))
		for m := from; m.Before(closes); m = m.Truncate(time.Minute).Add(time.Minute) {
			require.True(t, within(h, m.In(zone)), "%s is outside already", m.In(zone))
		}
	})
	for _, always := range [][]hours.Hours{nil, {{From: "00:00", To: "24:00"}}} {
		rule, err := hours.Compile("hours", always...)
		require.NoError(t, err)
		_, ok := rule.Closes(at("2026-03-02T10:00:00Z"), time.UTC)
		require.False(t, ok)
		require.Equal(t, len(always) > 0, rule.Bounded())
	}
}

// within says for a clock what hours mean; it shares no code with what it is held
// against.
func within(h hours.Hours, wall time.Time) bool {
	clock := wall.Format("15:04")
	on := func(day time.Weekday) bool {
		for _, name := range h.Days {
			if name == map[time.Weekday]string{0: "sun", 1: "mon", 2: "tue", 3: "wed", 4: "thu", 5: "fri", 6: "sat"}[day] {
				return true
			}
		}
		return len(h.Days) == 0
	}
	yesterday := (wall.Weekday() + 6) % 7
	switch {
	case h.From < h.To:
		return on(wall.Weekday()) && clock >= h.From && clock < h.To
	default: // over midnight
		return on(wall.Weekday()) && clock >= h.From || on(yesterday) && clock < h.To
	}
}

func TestQuietHoursAreChecked(t *testing.T) {
	require.NoError(t, hours.CheckQuiet("quiet_hours", "20:00", "08:00"))
	for want, q := range map[string][2]string{
		"quiet_hours.from: not a time of day: write 20:00": {"8pm", "08:00"},
		"quiet_hours.to: not a time of day: write 08:00":   {"20:00", "24:00"},
		"quiet_hours: begin and end at the same time":      {"20:00", "20:00"},
	} {
		err := hours.CheckQuiet("quiet_hours", q[0], q[1])
		require.True(t, fault.Is(err, fault.Invalid), want)
		require.ErrorContains(t, err, want)
	}
}

// What is accepted as quiet hours compiles.
func FuzzCheckQuiet(f *testing.F) {
	f.Add("20:00", "08:00")
	f.Add("8:00", "24:00")
	f.Fuzz(func(t *testing.T, from, to string) {
		if hours.CheckQuiet("q", from, to) == nil {
			_, err := hours.Compile("q", hours.Quiet(from, to))
			require.NoError(t, err)
		}
	})
}

func FuzzCompile(f *testing.F) {
	f.Add("mon", "09:00", "20:00")
	f.Add("", "22:00", "06:00")
	f.Add("x", "24:00", "-1")
	f.Fuzz(func(t *testing.T, day, from, to string) {
		h := hours.Hours{From: from, To: to}
		if day != "" {
			h.Days = []string{day}
		}
		rule, err := hours.Compile("hours", h)
		if err != nil {
			require.True(t, fault.Is(err, fault.Invalid))
			return
		}
		due := at("2026-03-28T22:13:14Z")
		next := rule.Next(due, time.UTC)
		require.False(t, next.Before(due))
		require.LessOrEqual(t, next.Sub(due), 7*24*time.Hour)
	})
}

func ExampleRule_Next() {
	rule, _ := hours.Compile("hours", hours.Hours{Days: []string{"mon", "tue", "wed", "thu", "fri"}, From: "09:00", To: "18:00"})
	zone, _ := time.LoadLocation("Europe/Berlin")
	fmt.Println(rule.Next(at("2026-03-27T20:00:00Z"), zone).In(zone).Format(time.RFC1123))
	// Output: Mon, 30 Mar 2026 09:00:00 CEST
}

func BenchmarkNext(b *testing.B) {
	rule, err := hours.Compile("hours", hours.Hours{Days: []string{"mon"}, From: "09:00", To: "20:00"})
	require.NoError(b, err)
	zone, err := time.LoadLocation("Europe/Berlin")
	require.NoError(b, err)
	due := at("2026-03-03T03:00:00Z")
	b.ReportAllocs()
	for b.Loop() {
		rule.Next(due, zone)
	}
}
