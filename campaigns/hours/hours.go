// Package hours owns when a campaign, a channel or an account may send: which
// instants are within hours of a recipient's own clock, and the next one that is.
// It is pure: it has no clock, no store and no goroutine. (A window is what of a
// channel is in Redis, and never a time of day.)
package hours

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"carillon/internal/fault"
	"carillon/internal/zone"
)

// Hours are times of the week, on the clock of whoever is written to.
type Hours struct {
	// Days are mon, tue, wed, thu, fri, sat or sun; none means every day. Hours that
	// go over midnight belong to the day on which they begin.
	Days []string `json:"days,omitempty"`
	// From and To are times of day such as 09:00; To is not in it, and 24:00 is the
	// end of the day. The same time means the whole day.
	From string `json:"from"`
	To   string `json:"to"`
}

// Quiet is the hours outside of which somebody is left alone: those from To to From.
func Quiet(from, to string) Hours { return Hours{From: to, To: from} }

const (
	minutesOfDay  = 24 * 60
	minutesOfWeek = 7 * minutesOfDay
)

// Rule is compiled hours. The zero value allows everything. It is safe for
// concurrent use, and comparing it with others says whether they mean the same.
type Rule struct {
	// bounded says that allowed counts: a bit for each minute of the week from
	// Monday on.
	bounded bool
	allowed [(minutesOfWeek + 63) / 64]uint64
}

// Compile is the rule under which all of some hours have to hold, such as those of a
// campaign, its channel and its account. Errors are of code Invalid and name
// location, days, from and to; there are some, too, if nothing is left that all allow.
func Compile(location string, all ...Hours) (Rule, error) {
	var rule Rule
	var wrong []fault.Field
	for i, h := range all {
		at := location
		if len(all) > 1 {
			at = fmt.Sprintf("%s[%d]", location, i)
		}
		one, fields := h.compile(at)
		wrong = append(wrong, fields...)
		if !rule.bounded {
			rule = one
			continue
		}
		for k := range rule.allowed {
			rule.allowed[k] &= one.allowed[k]
		}
	}
	if err := fault.InvalidFields(wrong); err != nil {
		return Rule{}, err
	}
	if rule.bounded && rule.allowed == [len(rule.allowed)]uint64{} {
		return Rule{}, fault.InvalidField(location, nil, "leave no time at which anything may be sent: they exclude each other")
	}
	return rule, nil
}

func (h Hours) compile(location string) (rule Rule, wrong []fault.Field) {
	refuse := func(field string, value any, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: location + "." + field, Value: value, Message: fmt.Sprintf(format, args...)})
	}
	from, ok := minuteOf(h.From)
	if !ok || from == minutesOfDay {
		refuse("from", h.From, "not a time of day: write 09:00")
	}
	to, ok := minuteOf(h.To)
	if !ok {
		refuse("to", h.To, "not a time of day: write 20:00, or 24:00 for the end of the day")
	}
	if to <= from {
		to += minutesOfDay // over midnight, or the whole day
	}
	days := h.Days
	if len(days) == 0 {
		days = dayNames[:]
	}
	rule.bounded = true
	for i, name := range days {
		d := slices.Index(dayNames[:], strings.ToLower(name))
		if d < 0 {
			refuse(fmt.Sprintf("days[%d]", i), name, "must be mon, tue, wed, thu, fri, sat or sun")
			continue
		}
		for m := d*minutesOfDay + from; m < d*minutesOfDay+to; m++ {
			rule.allow(m % minutesOfWeek)
		}
	}
	return rule, wrong
}

var dayNames = [7]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// minuteOf reads a time of day, in minutes from midnight.
func minuteOf(text string) (minute int, ok bool) {
	if text == "24:00" {
		return minutesOfDay, true
	}
	t, err := time.Parse("15:04", text)
	return t.Hour()*60 + t.Minute(), err == nil
}

func (r *Rule) allow(minute int) { r.allowed[minute/64] |= 1 << (minute % 64) }

func (r *Rule) allows(minute int) bool { return r.allowed[minute/64]>>(minute%64)&1 != 0 }

// minuteOfWeek is what a clock shows, in minutes from Monday's midnight.
func minuteOfWeek(wall time.Time) int {
	day := (int(wall.Weekday()) + 6) % 7
	return day*minutesOfDay + wall.Hour()*60 + wall.Minute()
}

// Allows reports whether an instant is within the hours, on a clock in location.
func (r *Rule) Allows(at time.Time, location *time.Location) bool {
	return !r.bounded || r.allows(minuteOfWeek(at.In(location)))
}

// Next is the first instant, not before due, that is within the hours on a clock in
// location; due itself if it is. It is in UTC.
func (r *Rule) Next(due time.Time, location *time.Location) time.Time {
	at := due.UTC()
	for !r.Allows(at, location) {
		local := at.In(location)
		change, changes := zone.Evenly(at, location)
		wait := time.Duration(r.until(minuteOfWeek(local)))*time.Minute - time.Duration(local.Second())*time.Second - time.Duration(local.Nanosecond())
		next := at.Add(wait)
		if changes && !change.After(next) {
			next = change.UTC() // the clock is set before: what it shows then decides
		}
		at = next
	}
	return at
}

// until is how many minutes there are from one of the week to the next that is
// allowed.
func (r *Rule) until(minute int) int {
	for n := 1; n <= minutesOfWeek; n++ {
		if r.allows((minute + n) % minutesOfWeek) {
			return n
		}
	}
	return minutesOfWeek // Compile refuses a rule that allows nothing
}
