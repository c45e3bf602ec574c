package campaigns

import (
	"time"

	"carillon/internal/fault"
	"carillon/internal/zone"
)

// Schedule says when a campaign fires. The zero value means as soon as it is
// started.
type Schedule struct {
	// At is a wall-clock time such as 2026-12-01T09:00 in Timezone, or an
	// RFC 3339 time that carries its own offset. Empty means now.
	At string `json:"at,omitempty" doc:"Wall-clock time such as 2026-12-01T09:00 in timezone, or an RFC 3339 time; null or absent means as soon as the campaign is started." example:"2026-12-01T09:00"`
	// Timezone is an IANA name; empty means the channel's zone, then UTC.
	Timezone string `json:"timezone,omitempty" doc:"IANA time zone of the wall-clock time; the channel's zone if absent." example:"Europe/Berlin"`
	Delivery
}

// localLayouts are the wall-clock forms that people type.
var localLayouts = []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02 15:04:05"}

// Instant is the moment at which the schedule fires; ok is false for a schedule
// that means now. defaultZone stands in for an empty Timezone.
func (s Schedule) Instant(defaultZone string) (at time.Time, ok bool, err error) {
	name := s.Timezone
	if name == "" {
		name = defaultZone
	}
	if name == "" {
		name = "UTC"
	}
	location, err := zone.Load(name)
	if err != nil {
		return time.Time{}, false, fault.InvalidField("schedule.timezone", name, "%v", err)
	}
	if s.At == "" {
		return time.Time{}, false, nil
	}
	if at, err := time.Parse(time.RFC3339, s.At); err == nil {
		return at.UTC(), true, nil
	}
	for _, layout := range localLayouts {
		if wall, err := time.Parse(layout, s.At); err == nil {
			return zone.Resolve(wall, location), true, nil
		}
	}
	return time.Time{}, false, fault.InvalidField("schedule.at", s.At,
		"not a time: write 2026-12-01T09:00 (in the zone) or 2026-12-01T09:00:00+01:00")
}
