package campaigns

import (
	"cmp"
	"time"

	"carillon/campaigns/schedule"
	"carillon/internal/fault"
	"carillon/internal/zone"
)

// Schedule says when a campaign fires: as soon as it is started (the zero value),
// once, or again and again.
type Schedule struct {
	// At is a wall-clock time such as 2026-12-01T09:00 in Timezone, or an
	// RFC 3339 time that carries its own offset. Empty means now, or recurring.
	At string `json:"at,omitempty"`
	// Schedule is when it recurs, and the zone of all wall-clock times: an IANA name,
	// and the channel's zone, then UTC, if empty.
	schedule.Schedule
	Policy
	Delivery
}

// Recurs reports whether the campaign fires again and again.
func (s Schedule) Recurs() bool {
	return len(s.Cron)+len(s.Calendar)+len(s.Dates) > 0 || s.Every != ""
}

// Validate refuses a schedule that never fires, or can't be meant, all wrong fields at
// once (an error of code Invalid). Of o only what the schedule does not say itself
// counts.
func (s Schedule) Validate(o schedule.Options) error {
	err := s.validateInstants(o)
	wrong, other := fault.Gather(nil, err)
	if err != nil && other != nil {
		return other
	}
	if err := s.Check(); err != nil {
		if wrong, err = fault.Gather(wrong, err); err != nil {
			return err
		}
	}
	return fault.InvalidFields(wrong)
}

func (s Schedule) validateInstants(o schedule.Options) error {
	if s.Recurs() {
		_, err := s.Timetable(o)
		return err
	}
	if _, _, err := s.Instant(o.Timezone); err != nil {
		return err
	}
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"count", s.Count != 0}, {"catch_up", s.CatchUp != ""}, {"catch_up_within", s.CatchUpWithin != ""}, {"while_running", s.WhileRunning != ""},
		{"jitter", s.Jitter != ""}, {"guards.failed_runs", s.Guards.countsRuns()}, {"guards.audience.change", s.Guards.comparesRuns()},
		{"from", s.From != ""}, {"until", s.Until != ""}, {"phase", s.Phase != ""},
		{"exclude", s.Exclude != nil},
		{"on_excluded", s.OnExcluded != ""}, {"gap", s.Gap != ""}, {"overlap", s.Overlap != ""},
	} {
		if field.set {
			return fault.InvalidField("schedule."+field.name, nil, "belongs to a campaign that recurs: say how by cron, calendar, every or dates, or leave it out")
		}
	}
	return fault.InvalidFields(s.Guards.validate())
}

// LocalInstant is an instant on the clock of the schedule's zone, as RFC 3339; in
// defaultZone's where the schedule names none, and in UTC where neither is known.
func (s Schedule) LocalInstant(at time.Time, defaultZone string) string {
	location, err := zone.Load(cmp.Or(s.Timezone, defaultZone, "UTC"))
	if err != nil {
		location = time.UTC
	}
	return at.In(location).Format(time.RFC3339)
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
