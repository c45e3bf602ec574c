// Package zone owns what people mean by the names of time zones and by
// wall-clock times in them, also where clocks are set forward or back. It must
// not know schedules, rules or the machine's own zone.
package zone

import (
	"fmt"
	"strings"
	"time"
)

// Load is time.LoadLocation for names that people give: only IANA names,
// never the machine's own zone.
func Load(name string) (*time.Location, error) {
	own := name == "" || strings.EqualFold(name, "local") || name == "localtime"
	// Other files of the zone database's folder, with leap seconds or by rules of
	// their own.
	if own || name == "posixrules" || strings.HasPrefix(name, "right/") || strings.HasPrefix(name, "posix/") {
		return nil, fmt.Errorf("not an IANA time zone: write a name such as Europe/Berlin")
	}
	location, err := time.LoadLocation(name)
	if err == nil {
		return location, nil
	}
	if meant, _ := Name(name); meant != "" {
		return nil, fmt.Errorf("not an IANA time zone: write %s", meant)
	}
	return nil, fmt.Errorf("not an IANA time zone: write a name such as Europe/Berlin")
}

// Resolve is the instant at which a wall clock in location shows the date and
// time of wall (whose own zone is not looked at). Where the clock jumps over
// that time, it is the first valid instant after the gap; where the clock shows
// it twice, it is the first of the two. time.Date promises neither.
func Resolve(wall time.Time, location *time.Location) time.Time {
	asUTC := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), time.UTC)
	// Offsets lie within a day of UTC, so the zone's offsets a day before and
	// after bound those that may hold at the wanted time; two days cover Apia,
	// which skipped a whole day.
	var best time.Time
	found := false // the zero time is a time like any other
	for probe := asUTC.Add(-48 * time.Hour); !probe.After(asUTC.Add(48 * time.Hour)); {
		_, offset := probe.In(location).Zone()
		candidate := asUTC.Add(-time.Duration(offset) * time.Second)
		if sameWall(candidate.In(location), asUTC) && (!found || candidate.Before(best)) {
			best, found = candidate, true
		}
		_, end := probe.In(location).ZoneBounds()
		if end.IsZero() {
			break
		}
		probe = end
	}
	if found {
		return best.UTC()
	}
	// A gap: the first instant whose wall clock is past the wanted time is the
	// end of the zone period that the gap closes.
	for probe := asUTC.Add(-48 * time.Hour); ; {
		_, end := probe.In(location).ZoneBounds()
		if end.IsZero() {
			return asUTC
		}
		if !wallAsUTC(end.In(location)).Before(asUTC) {
			return end.UTC()
		}
		probe = end
	}
}

func wallAsUTC(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

func sameWall(t, asUTC time.Time) bool { return wallAsUTC(t).Equal(asUTC) }
