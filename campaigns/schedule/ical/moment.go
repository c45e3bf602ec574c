package ical

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"carillon/internal/zone"
)

// day counts days from 1 January 1970.
type day int64

const secondsOfDay = 24 * 60 * 60

var (
	firstDay = dayOf(time.Date(FirstYear, 1, 1, 0, 0, 0, 0, time.UTC))
	lastDay  = dayOf(time.Date(LastYear, 12, 31, 0, 0, 0, 0, time.UTC))
)

// dayOf is the day that a wall clock shows; walls are kept as if they were UTC.
func dayOf(wall time.Time) day {
	seconds := wall.Unix()
	if seconds < 0 {
		seconds -= secondsOfDay - 1
	}
	return day(seconds / secondsOfDay)
}

func (d day) midnight() time.Time { return time.Unix(int64(d)*secondsOfDay, 0).UTC() }

func (d day) weekday() time.Weekday { return time.Weekday(((int64(d)+4)%7 + 7) % 7) }

// String is such as 2026-12-25.
func (d day) String() string { return d.midnight().Format(time.DateOnly) }

// moment is a day, or a time of the day on a clock where the event is: holidays are
// days on a calendar, wherever that hangs.
type moment struct {
	wall time.Time // as if it were UTC
	date bool      // it is a whole day
}

func (m moment) day() day { return dayOf(m.wall) }

// load is a zone, nil if it is not known: Windows has names of its own for them, and a
// file may define one. The wall clock's time is all that days need.
func load(name string) *time.Location {
	location, err := zone.Load(strings.TrimPrefix(name, "/"))
	if err != nil {
		return nil
	}
	return location
}

// local is what a clock shows where an event is, of a time in UTC: in its own zone, or
// else in the calendar's.
func (r *reader) local(at time.Time, tzid string) time.Time {
	location := r.zone
	if tzid != "" {
		location = load(tzid)
	}
	if location == nil {
		return at
	}
	at = at.In(location)
	_, offset := at.Zone()
	return at.UTC().Add(time.Duration(offset) * time.Second)
}

// moment reads a date, or a date and time, of a line.
func (r *reader) moment(p property, text string) (moment, error) {
	const want = "write a date such as 20261225 (with ;VALUE=DATE), or a time such as 20261224T140000"
	utc := strings.HasSuffix(text, "Z") || strings.HasSuffix(text, "z")
	layout := "20060102T150405"
	switch {
	case len(text) == len("20060102"):
		layout = "20060102"
	case utc:
		text = text[:len(text)-1]
	}
	wall, err := time.Parse(layout, strings.ToUpper(text))
	if err != nil || wall.Year() < 1 {
		p.value = text
		return moment{}, p.refuse("not a date: %s", want)
	}
	m := moment{wall: wall, date: layout == "20060102"}
	if utc && !m.date {
		m.wall = r.local(wall, p.params["TZID"])
	}
	return m, nil
}

// moments reads a list of them.
func (r *reader) moments(p property) (list []moment, err error) {
	if strings.EqualFold(p.params["VALUE"], "PERIOD") {
		return nil, p.refuse("is not understood with VALUE=PERIOD: give the days, with VALUE=DATE")
	}
	for text := range strings.SplitSeq(p.value, ",") {
		if err := r.work(p, 1); err != nil {
			return nil, err
		}
		m, err := r.moment(p, strings.TrimSpace(text))
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

// length is how long an event is: a day or nothing unless it says so.
func (r *reader) length(e *event, start moment) (length time.Duration, err error) {
	const aDay = 24 * time.Hour
	switch e.end.name {
	case "":
		if start.date {
			length = aDay
		}
		return length, nil
	case "DURATION":
		if length, err = duration(e.end); err != nil {
			return 0, err
		}
		if start.date {
			length = max(length.Truncate(aDay), aDay)
		}
	default:
		end, err := r.moment(e.where(e.end), e.end.value)
		if err != nil {
			return 0, err
		}
		if end.wall.Before(start.wall) {
			return 0, e.end.refuse("is before the event begins (line %d)", e.start.line)
		}
		length = end.wall.Sub(start.wall)
		if start.date {
			length = max(length, aDay) // some write the day itself where RFC 5545 wants the next
		}
	}
	if length > longestEvent*aDay {
		return 0, e.end.refuse("the event is longer than %d days: make it shorter, or leave it out", longestEvent)
	}
	return length, nil
}

var durations = regexp.MustCompile(`^\+?P(?:(\d{1,3})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,8})S)?)?$`)

// duration reads a length such as P1D or PT5H30M.
func duration(p property) (total time.Duration, err error) {
	found := durations.FindStringSubmatch(strings.ToUpper(p.value))
	units := []time.Duration{0, 7 * 24 * time.Hour, 24 * time.Hour, time.Hour, time.Minute, time.Second}
	some := false
	for i, digits := range found {
		if i == 0 || digits == "" {
			continue
		}
		n, err := strconv.Atoi(digits)
		if err != nil {
			return 0, err
		}
		some = true
		total += time.Duration(n) * units[i]
	}
	if !some {
		return 0, p.refuse("not a length: write P1D for a day, or PT5H30M")
	}
	return total, nil
}
