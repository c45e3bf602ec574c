package flow

import (
	"strconv"
	"strings"
	"time"

	"carillon/internal/zone"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// parseDuration reads a duration such as 90m, 2d or 1w12h: as time.ParseDuration does,
// with weeks and days of 24 hours before.
func parseDuration(text string) (d time.Duration, ok bool) {
	rest := text
	for _, unit := range []struct {
		letter string
		length time.Duration
	}{{"w", week}, {"d", day}} {
		digits, behind, found := strings.Cut(rest, unit.letter)
		if !found {
			continue
		}
		n, err := strconv.Atoi(digits)
		if err != nil || n < 0 || n > 10_000 || digits[0] == '+' {
			return 0, false
		}
		d, rest = d+time.Duration(n)*unit.length, behind
	}
	if rest == "" {
		return d, text != ""
	}
	more, err := time.ParseDuration(rest)
	if err != nil || more < 0 || rest[0] == '+' {
		return 0, false
	}
	return d + more, true
}

// weekdays by the names that schedules give them.
var weekdays = map[string]time.Weekday{
	"mon": time.Monday, "tue": time.Tuesday, "wed": time.Wednesday, "thu": time.Thursday, "fri": time.Friday, "sat": time.Saturday, "sun": time.Sunday,
}

// clock is a Clock that was read.
type clock struct {
	hour, minute int
	days         [7]bool
}

// parseClock reads 09:00.
func parseClock(text string) (hour, minute int, ok bool) {
	t, err := time.Parse("15:04", text)
	return t.Hour(), t.Minute(), err == nil && len(text) == len("15:04")
}

// after is the first instant after now at which a clock of the zone shows the time on
// one of the days. A time that the clock jumps over is the end of the gap; of one that it
// shows twice, the first.
func (c clock) after(now time.Time, location *time.Location) time.Time {
	local := now.In(location)
	for ahead := 0; ; ahead++ {
		wall := time.Date(local.Year(), local.Month(), local.Day()+ahead, c.hour, c.minute, 0, 0, time.UTC)
		if !c.days[wall.Weekday()] {
			continue
		}
		if at := zone.Resolve(wall, location); at.After(now) {
			return at
		}
	}
}
