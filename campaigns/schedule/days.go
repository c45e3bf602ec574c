package schedule

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// day counts days from 1 January 1970, whatever the zone.
type day int64

const secondsOfDay = 24 * 60 * 60

// dayOf is the day that a wall clock shows.
func dayOf(wall time.Time) day {
	year, month, d := wall.Date()
	return day(time.Date(year, month, d, 0, 0, 0, 0, time.UTC).Unix() / secondsOfDay)
}

// secondOfDay is what a wall clock shows, in seconds from midnight.
func secondOfDay(wall time.Time) int { return wall.Hour()*3600 + wall.Minute()*60 + wall.Second() }

// midnight is the day's beginning on a clock in UTC.
func (d day) midnight() time.Time { return time.Unix(int64(d)*secondsOfDay, 0).UTC() }

func (d day) weekday() time.Weekday { return time.Weekday(((int64(d)+4)%7 + 7) % 7) }

func (d day) String() string { return d.midnight().Format(dateLayout) }

// date is a day with what rules ask of it.
type date struct {
	day     day
	month   time.Month
	dom     int // day of the month
	last    int // the month's last day
	weekday time.Weekday
}

func (d day) date() date {
	year, month, dom := d.midnight().Date()
	return date{day: d, month: month, dom: dom, last: time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day(), weekday: d.weekday()}
}

// dayRule says on which days something fires.
type dayRule interface{ holds(d date) bool }

// onDates are single days, each with its times.
type onDates map[day][]int

func (o onDates) holds(d date) bool { return o[d.day] != nil }

// nth is the nth weekday of a month, counted from its end if n is below 0.
type nth struct {
	weekday time.Weekday
	n       int
}

func (o nth) holds(d date) bool {
	switch {
	case d.weekday != o.weekday:
		return false
	case o.n == 0:
		return true
	case o.n > 0:
		return (d.dom-1)/7+1 == o.n
	default:
		return (d.last-d.dom)/7+1 == -o.n
	}
}

// fromEnd is a day of the month counted from its last one, which is 0.
type fromEnd int

func (o fromEnd) holds(d date) bool { return d.last-d.dom == int(o) }

// nearest is the weekday, Monday to Friday, that is nearest to a day of the month
// and in the same month; day 0 is the last.
type nearest int

func (o nearest) holds(d date) bool {
	wanted := int(o)
	if wanted == 0 {
		wanted = d.last
	}
	if wanted > d.last {
		return false
	}
	switch weekday := (d.day + day(wanted-d.dom)).weekday(); {
	case weekday == time.Saturday && wanted > 1:
		wanted--
	case weekday == time.Saturday:
		wanted += 2
	case weekday == time.Sunday && wanted < d.last:
		wanted++
	case weekday == time.Sunday:
		wanted -= 2
	}
	return d.dom == wanted
}

// dayOfMonth is a day of the month.
type dayOfMonth int

func (o dayOfMonth) holds(d date) bool { return d.dom == int(o) }

// anyOf holds where one of its rules does.
type anyOf []dayRule

func (o anyOf) holds(d date) bool {
	return slices.ContainsFunc(o, func(r dayRule) bool { return r.holds(d) })
}

// allOf holds where all of its rules do.
type allOf []dayRule

func (o allOf) holds(d date) bool {
	return !slices.ContainsFunc(o, func(r dayRule) bool { return !r.holds(d) })
}

// months has bit m set for month m.
type months uint16

func (o months) holds(d date) bool { return o>>d.month&1 != 0 }

// excluded are days on which nothing fires.
type excluded struct {
	days     map[day]bool
	weekdays [7]bool
	holidays []Holidays
}

func (x *excluded) holds(d day) bool {
	return x.weekdays[d.weekday()] || x.days[d] || slices.ContainsFunc(x.holidays, func(h Holidays) bool { return h.holds(d) })
}

// why says that a day is excluded, and which holiday it is if it has a name.
func (x *excluded) why(d day) string {
	for _, h := range x.holidays {
		if name := h.names[d]; name != "" {
			return "is excluded: " + name
		}
	}
	return "is excluded"
}

func weekdayNamed(name string) (time.Weekday, bool) {
	i := slices.Index([]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}, strings.ToLower(name))
	return time.Weekday(i), i >= 0
}

// calendar compiles one calendar.
func (c *compiler) calendar(location string, calendar Calendar) {
	before := len(c.wrong)
	var rules allOf
	var either anyOf
	for i, w := range calendar.Weekdays {
		weekday, ok := weekdayNamed(w.Day)
		if !ok {
			c.refuse(fmt.Sprintf("%sweekdays[%d].day", location, i), w.Day, "must be mon, tue, wed, thu, fri, sat or sun")
		}
		if w.Nth < -5 || w.Nth > 5 {
			c.refuse(fmt.Sprintf("%sweekdays[%d].nth", location, i), w.Nth, "must be 1 to 5, or -1 to -5 from the end of the month")
		}
		either = append(either, nth{weekday, w.Nth})
	}
	if len(either) > 0 {
		rules, either = append(rules, either), nil
	}
	for i, n := range calendar.Days {
		switch {
		case n >= 1 && n <= 31:
			either = append(either, dayOfMonth(n))
		case n <= -1 && n >= -31:
			either = append(either, fromEnd(-n-1))
		default:
			c.refuse(fmt.Sprintf("%sdays[%d]", location, i), n, "must be 1 to 31, or -1 to -31 from the end of the month")
		}
	}
	if len(either) > 0 {
		rules = append(rules, either)
	}
	var in months
	for i, n := range calendar.Months {
		if n < 1 || n > 12 {
			c.refuse(fmt.Sprintf("%smonths[%d]", location, i), n, "must be 1 to 12")
			continue
		}
		in |= 1 << n
	}
	if in != 0 {
		rules = append(rules, in)
	}
	var times []int
	for i, text := range calendar.Times {
		t, err := time.Parse("15:04", text)
		if err != nil {
			t, err = time.Parse(time.TimeOnly, text)
		}
		if err != nil {
			c.refuse(fmt.Sprintf("%stimes[%d]", location, i), text, "not a time of day: write 09:00")
			continue
		}
		times = append(times, secondOfDay(t))
	}
	if len(calendar.Times) == 0 {
		c.refuse(location+"times", nil, "say at what time, such as [\"09:00\"]")
	}
	if len(c.wrong) == before {
		c.plan.fixed = append(c.plan.fixed, fixed{days: rules, times: times})
	}
}
