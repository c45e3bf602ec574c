package campaigns

import (
	"fmt"
	"strings"
	"time"

	"carillon/internal/fault"
)

// Schedule says when a campaign fires. The zero value means as soon as it is
// started.
type Schedule struct {
	// At is a wall-clock time such as 2026-12-01T09:00 in Timezone, or an
	// RFC 3339 time that carries its own offset. Empty means now.
	At string `json:"at,omitempty" doc:"Wall-clock time such as 2026-12-01T09:00 in timezone, or an RFC 3339 time; null or absent means as soon as the campaign is started." example:"2026-12-01T09:00"`
	// Timezone is an IANA name; empty means the channel's zone, then UTC.
	Timezone string `json:"timezone,omitempty" doc:"IANA time zone of the wall-clock time; the channel's zone if absent." example:"Europe/Berlin"`
}

// localLayouts are the wall-clock forms that people type.
var localLayouts = []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02 15:04:05"}

// Instant is the moment at which the schedule fires; ok is false for a schedule
// that means now. defaultZone stands in for an empty Timezone.
func (s Schedule) Instant(defaultZone string) (at time.Time, ok bool, err error) {
	zone := s.Timezone
	if zone == "" {
		zone = defaultZone
	}
	if zone == "" {
		zone = "UTC"
	}
	location, err := LoadZone(zone)
	if err != nil {
		return time.Time{}, false, fault.InvalidField("schedule.timezone", zone, "%v", err)
	}
	if s.At == "" {
		return time.Time{}, false, nil
	}
	if at, err := time.Parse(time.RFC3339, s.At); err == nil {
		return at.UTC(), true, nil
	}
	for _, layout := range localLayouts {
		if wall, err := time.Parse(layout, s.At); err == nil {
			return Resolve(wall, location), true, nil
		}
	}
	return time.Time{}, false, fault.InvalidField("schedule.at", s.At,
		"not a time: write 2026-12-01T09:00 (in the zone) or 2026-12-01T09:00:00+01:00")
}

// LoadZone is time.LoadLocation for names that people give: only IANA names,
// never the machine's own zone.
func LoadZone(name string) (*time.Location, error) {
	own := name == "" || strings.EqualFold(name, "local") || name == "localtime"
	// Other files of the zone database's folder, with leap seconds or by rules of
	// their own.
	if own || name == "posixrules" || strings.HasPrefix(name, "right/") || strings.HasPrefix(name, "posix/") {
		return nil, fmt.Errorf("not an IANA time zone: write a name such as Europe/Berlin")
	}
	location, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("not an IANA time zone: write a name such as Europe/Berlin")
	}
	return location, nil
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
