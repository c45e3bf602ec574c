package ical

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// weekdayOf is a weekday of a rule, the nth of its month or year unless n is 0.
type weekdayOf struct {
	n       int
	weekday time.Weekday
}

// rule says how an event recurs. Days alone are of interest: what a rule says of times
// of the day is refused.
type rule struct {
	from     property
	freq     string
	interval int
	count    int    // 0 for no bound
	until    moment // zero for no bound
	bounded  bool   // until is given
	start    time.Weekday
	months   []int
	days     []int // of the month
	ofYear   []int // days of the year
	weekdays []weekdayOf
	position []int
}

var weekdayNames = []string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}

// most bounds how often a rule may say that it holds, or how rarely.
const most = 100_000

// rule reads an RRULE. What could be read otherwise than it was meant is refused.
func (r *reader) rule(p property, start moment) (rule, error) {
	o := rule{from: p, interval: 1, start: time.Monday}
	for part := range strings.SplitSeq(strings.ToUpper(p.value), ";") {
		if part == "" {
			continue
		}
		key, value, _ := strings.Cut(part, "=")
		if err := r.part(&o, key, value); err != nil {
			return o, err
		}
	}
	switch o.freq {
	case "YEARLY", "MONTHLY", "WEEKLY", "DAILY":
	case "":
		return o, p.refuse("says not how often: FREQ=YEARLY is a part that it needs")
	default:
		return o, p.refuse("FREQ must be YEARLY, MONTHLY, WEEKLY or DAILY")
	}
	if o.count > 0 && o.bounded {
		return o, p.refuse("has COUNT and UNTIL: one of them may stand there")
	}
	numbered := slices.ContainsFunc(o.weekdays, func(w weekdayOf) bool { return w.n != 0 })
	if numbered && o.freq != "YEARLY" && o.freq != "MONTHLY" {
		return o, p.refuse("BYDAY counts weekdays, such as 4TH, with FREQ=YEARLY or MONTHLY alone")
	}
	if len(o.ofYear) > 0 && o.freq != "YEARLY" {
		return o, p.refuse("BYYEARDAY belongs to FREQ=YEARLY")
	}
	o.complete(start.wall)
	return o, nil
}

// part reads a part of a rule.
func (r *reader) part(o *rule, key, value string) (err error) {
	p := o.from
	number := func(least, most int) int {
		n, wrong := strconv.Atoi(value)
		if wrong != nil || n < least || n > most {
			err = p.refuse("%s must be a number from %d to %d", key, least, most)
		}
		return n
	}
	switch key {
	case "FREQ":
		o.freq = value
	case "INTERVAL":
		o.interval = number(1, most)
	case "COUNT":
		o.count = number(1, most)
	case "UNTIL":
		o.bounded = true
		o.until, err = r.moment(p, value)
	case "WKST":
		i := slices.Index(weekdayNames, value)
		if i < 0 {
			return p.refuse("WKST must be MO, TU, WE, TH, FR, SA or SU")
		}
		o.start = time.Weekday(i)
	case "BYMONTH":
		o.months, err = numbers(p, part{key, value, 1, 12})
	case "BYMONTHDAY":
		o.days, err = numbers(p, part{key, value, -31, 31})
	case "BYYEARDAY":
		o.ofYear, err = numbers(p, part{key, value, -366, 366})
	case "BYSETPOS":
		o.position, err = numbers(p, part{key, value, -366, 366})
	case "BYDAY":
		o.weekdays, err = weekdays(p, value)
	default:
		return p.refuse("%s is not understood: give the days as RDATE, or leave the event out", shorten(key))
	}
	return err
}

// part is a part of a rule with the least and the most that its numbers may be.
type part struct {
	key, value  string
	least, most int
}

// numbers reads a list of numbers but 0.
func numbers(p property, of part) (list []int, err error) {
	for text := range strings.SplitSeq(of.value, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n == 0 || n < of.least || n > of.most || len(list) > 366 {
			return nil, p.refuse("%s must be numbers from %d to %d", of.key, of.least, of.most)
		}
		list = append(list, n)
	}
	return list, nil
}

// weekdays reads a list such as MO,4TH,-1FR.
func weekdays(p property, value string) (list []weekdayOf, err error) {
	for text := range strings.SplitSeq(value, ",") {
		if len(text) < 2 || len(list) > 366 {
			return nil, p.refuse("BYDAY must be weekdays such as MO, 4TH or -1FR")
		}
		name, n := text[len(text)-2:], 0
		if digits := text[:len(text)-2]; digits != "" {
			if n, err = strconv.Atoi(digits); err != nil || n == 0 || n < -53 || n > 53 {
				return nil, p.refuse("BYDAY must be weekdays such as MO, 4TH or -1FR")
			}
		}
		i := slices.Index(weekdayNames, name)
		if i < 0 {
			return nil, p.refuse("BYDAY must be weekdays such as MO, 4TH or -1FR")
		}
		list = append(list, weekdayOf{n, time.Weekday(i)})
	}
	return list, nil
}

// complete takes from the event's first day what the rule does not say (RFC 5545,
// section 3.3.10).
func (o *rule) complete(start time.Time) {
	if len(o.ofYear)+len(o.days)+len(o.weekdays) > 0 {
		return
	}
	switch o.freq {
	case "YEARLY":
		o.days = []int{start.Day()}
		if len(o.months) == 0 {
			o.months = []int{int(start.Month())}
		}
	case "MONTHLY":
		o.days = []int{start.Day()}
	case "WEEKLY":
		o.weekdays = []weekdayOf{{0, start.Weekday()}}
	}
}

// expand are the moments at which an event recurs after its first.
func (r *reader) expand(o rule, start moment) (list []moment, err error) {
	clock := start.wall.Sub(start.day().midnight())
	found := 1 // the first moment counts
	for n := 0; ; n++ {
		days, begins := o.period(start.wall, n)
		if begins > lastDay {
			return list, nil
		}
		if err := r.work(o.from, len(days)+1); err != nil {
			return nil, err
		}
		for _, d := range o.chosen(days) {
			m := moment{wall: d.midnight().Add(clock), date: start.date}
			switch {
			case d <= start.day():
				continue
			case o.count > 0 && found >= o.count, o.bounded && o.over(m):
				return list, nil
			}
			found++
			if d+longestEvent >= firstDay && d <= lastDay {
				list = append(list, m)
			}
		}
	}
}

// over reports whether a moment is behind the rule's last.
func (o rule) over(m moment) bool {
	if o.until.date || m.date {
		return m.day() > o.until.day()
	}
	return m.wall.After(o.until.wall)
}

// period are the days of the nth year, month, week or day from the event's first one,
// those of its months alone, and the first of them all.
func (o rule) period(start time.Time, n int) (days []day, begins day) {
	n *= o.interval
	first := dayOf(start)
	year, month := start.Year(), int(start.Month())
	add := func(from, until day) {
		for d := from; d < until; d++ {
			days = append(days, d)
		}
	}
	monthly := func(year, month int) {
		if len(o.months) == 0 || slices.Contains(o.months, (month-1)%12+1) {
			add(dateOf(year, month, 1), dateOf(year, month+1, 1))
		}
	}
	switch o.freq {
	case "YEARLY":
		begins = dateOf(year+n, 1, 1)
		for m := 1; m <= 12; m++ {
			monthly(year+n, m)
		}
	case "MONTHLY":
		begins = dateOf(year, month+n, 1)
		monthly(year, month+n)
	case "WEEKLY":
		begins = first - day((int(start.Weekday())-int(o.start)+7)%7) + day(7*n)
		add(begins, begins+7)
	default:
		begins = first + day(n)
		add(begins, begins+1)
	}
	return days, begins
}

// dateOf is a day; months beyond the twelfth are of later years.
func dateOf(year, month, dom int) day {
	return dayOf(time.Date(year, time.Month(month), dom, 0, 0, 0, 0, time.UTC))
}

// chosen are those days of a period for which the rule holds.
func (o rule) chosen(days []day) (list []day) {
	for _, d := range days {
		if o.holds(d) {
			list = append(list, d)
		}
	}
	if len(o.position) == 0 {
		return list
	}
	var at []day
	for i, d := range list {
		if slices.Contains(o.position, i+1) || slices.Contains(o.position, i-len(list)) {
			at = append(at, d)
		}
	}
	return at
}

func (o rule) holds(d day) bool {
	year, month, dom := d.midnight().Date()
	if len(o.months) > 0 && !slices.Contains(o.months, int(month)) {
		return false
	}
	last := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
	if len(o.days) > 0 && !slices.Contains(o.days, dom) && !slices.Contains(o.days, dom-last-1) {
		return false
	}
	ofYear, year1 := int(d-dateOf(year, 1, 1))+1, int(dateOf(year+1, 1, 1)-dateOf(year, 1, 1))
	if len(o.ofYear) > 0 && !slices.Contains(o.ofYear, ofYear) && !slices.Contains(o.ofYear, ofYear-year1-1) {
		return false
	}
	if len(o.weekdays) == 0 {
		return true
	}
	// Weekdays are counted within the month, or within the year if no month is named.
	place, size := dom, last
	if o.freq == "YEARLY" && len(o.months) == 0 {
		place, size = ofYear, year1
	}
	return slices.ContainsFunc(o.weekdays, func(w weekdayOf) bool {
		return w.weekday == d.weekday() && (w.n == 0 || w.n == (place-1)/7+1 || w.n == -((size-place)/7+1))
	})
}
