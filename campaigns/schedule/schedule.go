// Package schedule owns when a recurring campaign fires: what people mean by a
// cron expression, a calendar, an interval or a list of dates in a time zone, the
// next instant of that, also where clocks change, and how to say it in words. It
// is pure: it has no clock, no store and no goroutine. docs/schedules.md has its
// rules.
package schedule

import (
	"fmt"
	"strings"
	"time"

	"carillon/internal/fault"
	"carillon/internal/zone"
)

// Schedule unites one or more ways of saying when: an instant of any of them is
// an instant of the schedule, and one of several is one.
type Schedule struct {
	// Cron are expressions of 5 fields, or of 6 with seconds in front.
	Cron     []string   `json:"cron,omitempty"`
	Calendar []Calendar `json:"calendar,omitempty"`
	// Every is a duration such as 2h; it counts from From, or else from the
	// beginning of 1970 in UTC, Phase later.
	Every string `json:"every,omitempty"`
	Phase string `json:"phase,omitempty"`
	// Dates are wall-clock times such as 2026-12-24T10:00.
	Dates []string `json:"dates,omitempty"`
	// Timezone is the IANA name of the zone in which wall-clock times are meant.
	Timezone string `json:"timezone,omitempty"`
	// From and Until bound the instants, both included: a wall-clock time, a date,
	// or an RFC 3339 time.
	From  string `json:"from,omitempty"`
	Until string `json:"until,omitempty"`
	// Exclude names days on which nothing fires, and OnExcluded what becomes of an
	// instant there.
	Exclude    *Exclude   `json:"exclude,omitempty"`
	OnExcluded OnExcluded `json:"on_excluded,omitempty"`
	// Gap and Overlap say what becomes of a wall-clock time with a fixed hour that
	// the clock jumps over, or shows twice.
	Gap     Gap     `json:"gap,omitempty"`
	Overlap Overlap `json:"overlap,omitempty"`
}

// Calendar names times of days: those that all of its rules hold for.
type Calendar struct {
	Weekdays []Weekday `json:"weekdays,omitempty"`
	// Days are days of the month; -1 is the last.
	Days []int `json:"days,omitempty"`
	// Months are 1 to 12.
	Months []int `json:"months,omitempty"`
	// Times are wall-clock times such as 09:00.
	Times []string `json:"times"`
}

// Weekday is a day of the week.
type Weekday struct {
	// Day is mon, tue, wed, thu, fri, sat or sun.
	Day string `json:"day"`
	// Nth is which of the month: 1 to 5, -1 to -5 from its end; 0 is every one.
	Nth int `json:"nth,omitempty"`
}

// Exclude names days.
type Exclude struct {
	// Dates are such as 2026-12-24.
	Dates []string `json:"dates,omitempty"`
	// Weekdays are mon, tue, wed, thu, fri, sat or sun.
	Weekdays []string `json:"weekdays,omitempty"`
	// Holidays are the ids of calendars that the account keeps.
	Holidays []int64 `json:"holidays,omitempty"`
}

// OnExcluded says what becomes of an instant on an excluded day.
type OnExcluded string

// What may become of it. Only instants with a fixed hour are moved; what goes by
// elapsed time is left out.
const (
	Skip        OnExcluded = "skip" // the default
	NextDay     OnExcluded = "next_day"
	PreviousDay OnExcluded = "previous_day"
)

// Gap says what becomes of a wall-clock time that the clock jumps over.
type Gap string

// What may become of it.
const (
	GapNext  Gap = "next" // the first instant after the gap; the default
	GapSkip  Gap = "skip"
	GapShift Gap = "shift" // as much later as the clock was set forward
)

// Overlap says which instants a wall-clock time means that the clock shows twice.
type Overlap string

// What it may mean.
const (
	First  Overlap = "first" // the default for a fixed hour
	Second Overlap = "second"
	Both   Overlap = "both" // what goes by elapsed time means both
)

// Reason is why an instant does not fire.
type Reason string

// The reasons that follow from the schedule itself.
const (
	Excluded Reason = "excluded" // its day is
	InGap    Reason = "gap"      // the clock jumps over it
)

// Occurrence is an instant of a schedule.
type Occurrence struct {
	// At is the instant, in UTC.
	At time.Time
	// Skipped is why it does not fire; empty if it does.
	Skipped Reason
	// Note says what is not as the schedule has it, such as a move; may be empty.
	Note string
}

// Options are what a schedule is compiled with.
type Options struct {
	// Timezone stands in for an empty one; UTC for an empty one of its own.
	Timezone string
	// Holidays are the calendars of holidays that it may exclude, by their ids.
	Holidays map[int64]Holidays
}

// Plan is a compiled schedule. It is safe for concurrent use.
type Plan struct {
	schedule Schedule
	zone     *time.Location
	fixed    []fixed
	elapsed  []elapsed
	interval *interval
	excluded excluded
	// from and until bound the instants; zero where nothing is said.
	from, until time.Time
}

// Zone is where the plan's wall-clock times are meant.
func (p *Plan) Zone() *time.Location { return p.zone }

// horizon is how far ahead an instant is looked for. Every date of the Gregorian
// calendar has come on every day of the week by then, but for a 29 February around
// 2100 and its kind.
const horizon = 40 * 366

// compiler gathers what is wrong while a schedule is compiled.
type compiler struct {
	plan  *Plan
	wrong []fault.Field
}

func (c *compiler) refuse(location string, value any, format string, args ...any) {
	c.wrong = append(c.wrong, fault.Field{Location: "schedule." + location, Value: value, Message: fmt.Sprintf(format, args...)})
}

// Compile checks a schedule, all wrong fields at once (an error of code Invalid),
// and refuses one that never fires.
func (s Schedule) Compile(o Options) (*Plan, error) {
	c := compiler{plan: &Plan{schedule: s}}
	c.timezone(o.Timezone)
	if err := fault.InvalidFields(c.wrong); err != nil {
		return nil, err // all else is meant in the zone
	}
	for i, expression := range s.Cron {
		c.cron(fmt.Sprintf("cron[%d]", i), expression)
	}
	for i, calendar := range s.Calendar {
		c.calendar(fmt.Sprintf("calendar[%d].", i), calendar)
	}
	c.bounds()
	c.every()
	c.dates()
	c.exclude(o.Holidays)
	c.choices()
	if len(s.Cron)+len(s.Calendar)+len(s.Dates) == 0 && s.Every == "" {
		c.refuse("cron", nil, "say when: by cron, calendar, every or dates")
	}
	if err := fault.InvalidFields(c.wrong); err != nil {
		return nil, err
	}
	if _, ok := c.plan.next(c.plan.beginning().Add(-time.Nanosecond), fires); !ok {
		if !c.plan.until.IsZero() {
			return nil, fault.InvalidField("schedule.until", s.Until, "nothing fires until then: set a later time, or none")
		}
		return nil, fault.InvalidField("schedule", nil, "never fires: no date is like that, or every one is excluded")
	}
	return c.plan, nil
}

// beginning is where the first instant is looked for: where the schedule begins, or
// else before any date that it may be kept at or has.
func (p *Plan) beginning() time.Time {
	if !p.from.IsZero() {
		return p.from
	}
	first := dayOf(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
	for _, f := range p.fixed {
		for d := range f.dates {
			first = min(first, d)
		}
	}
	return first.midnight()
}

func (c *compiler) timezone(fallback string) {
	name := c.plan.schedule.Timezone
	for _, other := range []string{fallback, "UTC"} {
		if name == "" {
			name = other
		}
	}
	var err error
	if c.plan.zone, err = zone.Load(name); err != nil {
		c.refuse("timezone", name, "%v", err)
	}
}

func (c *compiler) choices() {
	s := c.plan.schedule
	switch s.OnExcluded {
	case "", Skip, NextDay, PreviousDay:
	default:
		c.refuse("on_excluded", string(s.OnExcluded), "must be skip, next_day or previous_day")
	}
	switch s.Gap {
	case "", GapNext, GapSkip, GapShift:
	default:
		c.refuse("gap", string(s.Gap), "must be next, skip or shift")
	}
	switch s.Overlap {
	case "", First, Second, Both:
	default:
		c.refuse("overlap", string(s.Overlap), "must be first, second or both")
	}
}

// localLayouts are the wall-clock forms that people type.
var localLayouts = []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02 15:04:05"}

const dateLayout = "2006-01-02"

func parseWall(text string) (wall time.Time, ok bool) {
	for _, layout := range localLayouts {
		if wall, err := time.Parse(layout, text); err == nil {
			return wall, true
		}
	}
	return time.Time{}, false
}

// bound reads From or Until. A date alone is its beginning, or its end.
func (c *compiler) bound(location, text string, end bool) time.Time {
	if text == "" {
		return time.Time{}
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UTC()
	}
	if wall, ok := parseWall(text); ok {
		return zone.Resolve(wall, c.plan.zone)
	}
	if date, err := time.Parse(dateLayout, text); err == nil {
		if end {
			return zone.Resolve(date.AddDate(0, 0, 1), c.plan.zone).Add(-time.Nanosecond)
		}
		return zone.Resolve(date, c.plan.zone)
	}
	c.refuse(location, text, "not a time: write 2026-12-01, 2026-12-01T09:00 (in the zone) or 2026-12-01T09:00:00+01:00")
	return time.Time{}
}

func (c *compiler) bounds() {
	p := c.plan
	p.from, p.until = c.bound("from", p.schedule.From, false), c.bound("until", p.schedule.Until, true)
	if !p.until.IsZero() && p.until.Before(p.from) {
		c.refuse("until", p.schedule.Until, "is before from")
	}
}

// least is the shortest time between two instants of an interval.
const least = time.Second

// longest bounds an interval, and its phase.
const longest = 366 * 24 * time.Hour

func (c *compiler) every() {
	s := c.plan.schedule
	if s.Every == "" {
		if s.Phase != "" {
			c.refuse("phase", s.Phase, "belongs to every: give both or none")
		}
		return
	}
	step, err := time.ParseDuration(strings.TrimSpace(s.Every))
	if err != nil || step < least || step > longest || step%time.Second != 0 {
		c.refuse("every", s.Every, "must be whole seconds up to 8784h, such as 90s, 15m or 2h; for days and months use calendar")
		return
	}
	var phase time.Duration
	if s.Phase != "" {
		if phase, err = time.ParseDuration(strings.TrimSpace(s.Phase)); err != nil || phase < 0 || phase >= step || phase%time.Second != 0 {
			c.refuse("phase", s.Phase, "must be whole seconds less than every, such as 5m")
			return
		}
	}
	anchor := c.plan.from
	if anchor.IsZero() {
		anchor = time.Unix(0, 0).UTC()
	}
	c.plan.interval = &interval{anchor: anchor.Add(phase), step: step}
}

// mostDates bounds the dates of a schedule, and those that it excludes.
const mostDates = 1000

// mostCalendars bounds the calendars of holidays that a schedule excludes.
const mostCalendars = 50

func (c *compiler) dates() {
	s := c.plan.schedule
	if len(s.Dates) > mostDates {
		c.refuse("dates", len(s.Dates), "at most %d", mostDates)
		return
	}
	single := onDates{}
	for i, text := range s.Dates {
		wall, ok := parseWall(text)
		if !ok {
			c.refuse(fmt.Sprintf("dates[%d]", i), text, "not a time: write 2026-12-24T10:00")
			continue
		}
		d := dayOf(wall)
		single[d] = append(single[d], secondOfDay(wall))
	}
	if len(single) > 0 {
		c.plan.fixed = append(c.plan.fixed, fixed{days: single, dates: single})
	}
}

func (c *compiler) exclude(holidays map[int64]Holidays) {
	e := c.plan.schedule.Exclude
	if e == nil {
		return
	}
	x := &c.plan.excluded
	x.days = map[day]bool{}
	add := func(location, text string) {
		date, err := time.Parse(dateLayout, text)
		if err != nil {
			c.refuse(location, text, "not a date: write 2026-12-24")
			return
		}
		x.days[dayOf(date)] = true
	}
	if len(e.Dates) > mostDates {
		c.refuse("exclude.dates", len(e.Dates), "at most %d; keep more in a calendar of holidays", mostDates)
		return
	}
	for i, text := range e.Dates {
		add(fmt.Sprintf("exclude.dates[%d]", i), text)
	}
	for i, name := range e.Weekdays {
		weekday, ok := weekdayNamed(name)
		if !ok {
			c.refuse(fmt.Sprintf("exclude.weekdays[%d]", i), name, "must be mon, tue, wed, thu, fri, sat or sun")
			continue
		}
		x.weekdays[weekday] = true
	}
	if len(e.Holidays) > mostCalendars {
		c.refuse("exclude.holidays", len(e.Holidays), "at most %d", mostCalendars)
		return
	}
	for i, id := range e.Holidays {
		days, known := holidays[id]
		if !known {
			c.refuse(fmt.Sprintf("exclude.holidays[%d]", i), id, "there is no such calendar of holidays: GET /v1/holidays lists them")
		}
		x.holidays = append(x.holidays, days)
	}
	if x.weekdays == [7]bool{true, true, true, true, true, true, true} {
		c.refuse("exclude.weekdays", nil, "leaves no day of the week")
	}
}
