// Package zone owns what people mean by the names of time zones and by
// wall-clock times in them, also where clocks are set forward or back. It must
// not know schedules, rules or the machine's own zone.
package zone

import (
	"fmt"
	"slices"
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
	if found := Instants(wall, location); len(found) > 0 {
		return found[0]
	}
	end, _ := Gap(wall, location)
	return end
}

// around bounds the search: offsets lie within a day of UTC, so the offsets a day
// before and after bound those that may hold at the wanted time; two days cover
// Apia, which skipped a whole day.
const around = 48 * time.Hour

// Instants are the instants, in UTC and in order, at which a wall clock in location
// shows the date and time of wall: one as a rule, two where clocks are set back
// over it, none where they are set forward over it.
func Instants(wall time.Time, location *time.Location) (found []time.Time) {
	asUTC := wallAsUTC(wall)
	for probe := asUTC.Add(-around); !probe.After(asUTC.Add(around)); {
		_, offset := probe.In(location).Zone()
		candidate := asUTC.Add(-time.Duration(offset) * time.Second)
		if sameWall(candidate.In(location), asUTC) && !slices.ContainsFunc(found, candidate.Equal) {
			found = append(found, candidate.UTC())
		}
		end, ends := Evenly(probe, location)
		if !ends {
			break
		}
		probe = end
	}
	slices.SortFunc(found, time.Time.Compare)
	return found
}

// Gap is about a time that a wall clock in location jumps over: end is the first
// instant after the gap, and shifted when the clock would have shown the time if
// it had not been set forward.
func Gap(wall time.Time, location *time.Location) (end, shifted time.Time) {
	asUTC := wallAsUTC(wall)
	// The first instant whose wall clock is past the wanted time is the end of the
	// zone period that the gap closes.
	for probe := asUTC.Add(-around); ; {
		_, offset := probe.In(location).Zone()
		end, ends := Evenly(probe, location)
		if !ends {
			return asUTC, asUTC
		}
		if !wallAsUTC(end.In(location)).Before(asUTC) {
			return end.UTC(), asUTC.Add(-time.Duration(offset) * time.Second)
		}
		probe = end
	}
}

// Evenly is until when the clocks of location run evenly from an instant on, which is
// always later; false if they do for ever. They may go on to run evenly then: not every
// bound is a change.
func Evenly(from time.Time, location *time.Location) (until time.Time, ends bool) {
	_, until = from.In(location).ZoneBounds()
	if !until.IsZero() && !until.After(from) {
		// Go 1.26 takes the last day of a leap year for the end of the period in zones
		// whose rules go on behind their table, and gives its beginning as its end.
		return from.Add(day), true
	}
	return until, !until.IsZero()
}

const day = 24 * time.Hour

func wallAsUTC(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

func sameWall(t, asUTC time.Time) bool { return wallAsUTC(t).Equal(asUTC) }
