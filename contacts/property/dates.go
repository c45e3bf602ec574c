package property

import (
	"strings"
	"time"
)

const (
	notDate   = "is no date such as 2026-02-28"
	shortYear = "has two digits of its year: write 2026-02-28"
	notClock  = "is no time of day such as 08:30 or 17:45:10"
)

// parseDate reads a date in stored form.
func parseDate(s string) (date, reason string) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < 1 {
		return "", notDate
	}
	return t.Format(time.DateOnly), ""
}

// looseDate reads a date as files have it: 2026-02-28, 2026/02/28, 28.02.2026,
// or a time stamp that begins with a date. With slashes behind the day or the
// month nobody can tell which it is, unless the order says so.
func looseDate(s string, order DateOrder) (date, reason string) {
	for _, layout := range []string{time.DateOnly, "2006/01/02", "2006/1/2", "2006-1-2", "2006.1.2", time.RFC3339Nano, "2006-01-02T15:04:05",
		"2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04"} {
		if t, err := time.Parse(layout, s); err == nil && t.Year() >= 1 {
			return t.Format(time.DateOnly), ""
		}
	}
	if day, clock, ok := strings.Cut(s, " "); ok {
		if _, reason := parseClock(clock); reason == "" {
			return looseDate(day, order)
		}
	}
	for _, form := range []struct {
		order   DateOrder
		layouts []string
	}{
		{DayFirst, []string{"2.1.2006", "2. 1. 2006", "2/1/2006", "2-1-2006"}},
		{MonthFirst, []string{"1.2.2006", "1/2/2006", "1-2-2006"}},
	} {
		for i, layout := range form.layouts {
			t, err := time.Parse(layout, s)
			switch {
			case err != nil || t.Year() < 1:
			case form.order == order, order == "" && form.order == DayFirst && i < 2:
				return t.Format(time.DateOnly), ""
			case order == "" && !strings.Contains(s, "."):
				return "", UnsureDate
			}
		}
	}
	for _, layout := range []string{"1/2/06", "2/1/06", "1-2-06", "2-1-06", "2.1.06", "1.2.06", "06/1/2"} {
		if _, err := time.Parse(layout, s); err == nil {
			return "", shortYear
		}
	}
	return "", notDate
}

// parseClock reads a time of day, with or without its seconds.
func parseClock(s string) (clock, reason string) {
	for _, layout := range []string{time.TimeOnly, "15:04"} {
		// Go takes fractions of a second that the layout does not name.
		if t, err := time.Parse(layout, s); err == nil && !strings.ContainsAny(s, ".,") {
			return t.Format(time.TimeOnly), ""
		}
	}
	return "", notClock
}

// looseClock reads a time of day as files have it: also 5:45 PM.
func looseClock(s string) (clock, reason string) {
	if clock, reason = parseClock(s); reason == "" {
		return clock, ""
	}
	upper := strings.ToUpper(strings.ReplaceAll(s, " ", ""))
	for _, layout := range []string{"3:04:05PM", "3:04PM", "3PM"} {
		if t, err := time.Parse(layout, upper); err == nil && !strings.ContainsAny(s, ".,") {
			return t.Format(time.TimeOnly), ""
		}
	}
	return "", notClock
}
