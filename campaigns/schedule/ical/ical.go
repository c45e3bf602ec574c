// Package ical reads the days off that an iCalendar file (RFC 5545) has, as public
// holidays are published: all-day events, those that recur, and the days that events
// with times touch. It is pure, and must not know who keeps them, or for what.
package ical

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"carillon/campaigns/schedule"
	"carillon/internal/fault"
)

// The bounds of a file, and of what is made of it.
const (
	MaxBytes = 1 << 20
	// MaxDays bounds the days of a calendar.
	MaxDays = 10_000
	// FirstYear and LastYear bound the days: what recurs for ever has to end somewhere.
	FirstYear = 2020
	LastYear  = 2050
	// longestEvent is in days: a holiday that is longer is a mistake.
	longestEvent = 366
	// mostWork bounds the days that are looked at for all events together: a small file
	// could ask for any number.
	mostWork = 5_000_000
	// longestName is in characters.
	longestName = 200
)

// Calendar is what a file has.
type Calendar struct {
	// Name is what the file calls itself; may be empty.
	Name string
	// Days are in order, each once, with the names of all its events.
	Days []schedule.Holiday
}

// Read reads a file. Errors are of code Invalid, or TooLarge, with the line that is
// wrong, at the field "ical". Canceled events are left out, and so is what is not from
// FirstYear to LastYear.
func Read(text []byte) (Calendar, error) {
	if len(text) > MaxBytes {
		return Calendar{}, fault.New(fault.TooLarge, "the file is larger than %d MiB: leave out what is long ago", MaxBytes>>20)
	}
	r := reader{replaced: map[string]map[day]bool{}, names: map[day][]string{}, left: mostWork}
	if err := r.read(bytes.TrimPrefix(text, []byte("\ufeff"))); err != nil {
		return Calendar{}, err
	}
	for _, e := range r.events {
		if err := r.replace(e); err != nil {
			return Calendar{}, err
		}
	}
	for i := range r.events {
		if err := r.lay(&r.events[i]); err != nil {
			return Calendar{}, err
		}
	}
	c := Calendar{Name: r.name}
	for _, d := range slices.Sorted(maps.Keys(r.names)) {
		c.Days = append(c.Days, schedule.Holiday{Date: d.String(), Name: shorten(strings.Join(r.names[d], ", "))})
	}
	return c, nil
}

func shorten(name string) string {
	if letters := []rune(name); len(letters) > longestName {
		return string(letters[:longestName-1]) + "…"
	}
	return name
}

// property is a line of content.
type property struct {
	line   int // where it begins in the file
	name   string
	params map[string]string
	value  string
}

// refuse says what is wrong with a line.
func (p property) refuse(format string, args ...any) error {
	var value any
	if p.value != "" {
		value = shorten(p.value)
	}
	return fault.InvalidField("ical", value, "line %d: %s: %s", p.line, shorten(p.name), fmt.Sprintf(format, args...))
}

// event is a VEVENT.
type event struct {
	uid, summary string
	canceled     bool
	start, end   property // end is DTEND or DURATION
	rules        []property
	plus, minus  []property // RDATE, EXDATE
	instead      property   // RECURRENCE-ID
	line         int
}

// reader goes through a file.
type reader struct {
	name   string
	zone   *time.Location // of times in UTC; nil for UTC
	events []event
	// open are the components that have begun, and begun where.
	open  []string
	begun []int
	at    event // that is being read
	// replaced are the days of recurring events, by their uid, for which there is
	// another event.
	replaced map[string]map[day]bool
	names    map[day][]string
	left     int // of mostWork
}

// read reads the lines and what they are of.
func (r *reader) read(text []byte) error {
	some := false
	for p, err := range lines(text) {
		if err != nil {
			return err
		}
		if !some && (p.name != "BEGIN" || !strings.EqualFold(p.value, "VCALENDAR")) {
			return p.refuse("an iCalendar file begins with BEGIN:VCALENDAR")
		}
		some = true
		if err := r.take(p); err != nil {
			return err
		}
	}
	if !some {
		return fault.InvalidField("ical", nil, "line 1: is empty: an iCalendar file begins with BEGIN:VCALENDAR")
	}
	if n := len(r.open); n > 0 {
		return fault.InvalidField("ical", nil, "line %d: BEGIN:%s has no END: the file is not whole", r.begun[n-1], shorten(r.open[n-1]))
	}
	return nil
}

// take takes one line.
func (r *reader) take(p property) error {
	switch p.name {
	case "BEGIN":
		r.open, r.begun = append(r.open, strings.ToUpper(p.value)), append(r.begun, p.line)
		if len(r.open) > 10 {
			return p.refuse("components are nested more than 10 deep")
		}
		if r.in("VEVENT") {
			r.at = event{line: p.line}
		}
		return nil
	case "END":
		n := len(r.open)
		if n == 0 || r.open[n-1] != strings.ToUpper(p.value) {
			return p.refuse("ends what has not begun")
		}
		ended := r.in("VEVENT")
		r.open, r.begun = r.open[:n-1], r.begun[:n-1]
		if ended {
			return r.finish()
		}
		return nil
	}
	switch {
	case len(r.open) == 0:
		return p.refuse("stands outside of BEGIN:VCALENDAR and END:VCALENDAR")
	case len(r.open) == 1 && p.name == "X-WR-CALNAME":
		r.name = shorten(unescape(p.value))
	case len(r.open) == 1 && p.name == "X-WR-TIMEZONE":
		r.zone = load(p.value)
	case r.in("VEVENT"):
		return r.at.take(p)
	}
	return nil
}

// in reports whether lines belong to a component that stands in the calendar itself.
func (r *reader) in(component string) bool { return len(r.open) == 2 && r.open[1] == component }

// take takes a line of an event.
func (e *event) take(p property) error {
	once := func(field *property) error {
		if field.line != 0 {
			return p.refuse("the event has it in line %d already", field.line)
		}
		*field = p
		return nil
	}
	switch p.name {
	case "UID":
		e.uid = p.value
	case "SUMMARY":
		e.summary = shorten(unescape(p.value))
	case "STATUS":
		e.canceled = strings.EqualFold(p.value, "CANCELLED")
	case "DTSTART":
		return once(&e.start)
	case "DTEND", "DURATION":
		return once(&e.end)
	case "RECURRENCE-ID":
		return once(&e.instead)
	case "RRULE":
		e.rules = append(e.rules, p)
	case "EXRULE":
		return p.refuse("is not understood: give the days that it takes away as EXDATE")
	case "RDATE":
		e.plus = append(e.plus, p)
	case "EXDATE":
		e.minus = append(e.minus, p)
	}
	return nil
}

// finish keeps an event that has been read.
func (r *reader) finish() error {
	if r.at.start.line == 0 {
		return fault.InvalidField("ical", nil, "line %d: the event has no DTSTART: it needs a day, such as DTSTART;VALUE=DATE:20261225", r.at.line)
	}
	r.events = append(r.events, r.at)
	return nil
}

// replace notes which day of a recurring event another one stands for, or cancels.
func (r *reader) replace(e event) error {
	if e.instead.line == 0 {
		return nil
	}
	at, err := r.moment(e.where(e.instead), e.instead.value)
	if err != nil {
		return err
	}
	if r.replaced[e.uid] == nil {
		r.replaced[e.uid] = map[day]bool{}
	}
	r.replaced[e.uid][at.day()] = true
	return nil
}

// where is a line of the event in the event's zone, unless it has one of its own.
func (e *event) where(p property) property {
	if p.params["TZID"] == "" {
		p.params = maps.Clone(p.params)
		if p.params == nil {
			p.params = map[string]string{}
		}
		p.params["TZID"] = e.start.params["TZID"]
	}
	return p
}

// lay takes down the days of an event.
func (r *reader) lay(e *event) error {
	if e.canceled {
		return nil
	}
	start, err := r.moment(e.start, e.start.value)
	if err != nil {
		return err
	}
	length, err := r.length(e, start)
	if err != nil {
		return err
	}
	begins := []moment{start}
	for _, p := range e.rules {
		rule, err := r.rule(e.where(p), start)
		if err != nil {
			return err
		}
		more, err := r.expand(rule, start)
		if err != nil {
			return err
		}
		begins = append(begins, more...)
	}
	for _, p := range e.plus {
		more, err := r.moments(e.where(p))
		if err != nil {
			return err
		}
		begins = append(begins, more...)
	}
	without := map[day]bool{}
	for _, p := range e.minus {
		gone, err := r.moments(e.where(p))
		if err != nil {
			return err
		}
		for _, m := range gone {
			without[m.day()] = true
		}
	}
	if e.instead.line == 0 {
		maps.Copy(without, r.replaced[e.uid])
	}
	for _, m := range begins {
		if without[m.day()] {
			continue
		}
		if err := r.touch(e, m, length); err != nil {
			return err
		}
	}
	return nil
}

// touch takes down the days on which an event is that begins at a moment.
func (r *reader) touch(e *event, begin moment, length time.Duration) error {
	last := begin.day()
	if length > 0 {
		// The end is excluded, also where it is a midnight.
		last = dayOf(begin.wall.Add(length - time.Second))
	}
	for d := max(begin.day(), firstDay); d <= min(last, lastDay); d++ {
		if err := r.work(e.start, 1); err != nil {
			return err
		}
		names, known := r.names[d]
		if !known && len(r.names) == MaxDays {
			return e.start.refuse("the file has more than %d days: leave out what is no holiday", MaxDays)
		}
		if e.summary != "" && len(names) < 10 && !slices.Contains(names, e.summary) {
			names = append(names, e.summary)
		}
		r.names[d] = names
	}
	return nil
}

// work is done for a line; it is refused if the file asks for too much of it.
func (r *reader) work(p property, days int) error {
	if r.left -= days; r.left < 0 {
		return p.refuse("the file asks for more than can be worked out: its events recur too often, or are too many")
	}
	return nil
}

// lines are the lines of content, unfolded: a line that begins with a space or a tab
// goes on with the one before.
func lines(text []byte) func(yield func(property, error) bool) {
	return func(yield func(property, error) bool) {
		var whole []byte
		begins, n := 0, 0
		flush := func() bool {
			if begins == 0 {
				return true
			}
			p, err := parseLine(begins, whole)
			whole, begins = whole[:0], 0
			return yield(p, err) && err == nil
		}
		for len(text) > 0 {
			var line []byte
			line, text, _ = bytes.Cut(text, []byte("\n"))
			line = bytes.TrimSuffix(line, []byte("\r"))
			n++
			if begins > 0 && len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
				whole = append(whole, line[1:]...)
				continue
			}
			if !flush() {
				return
			}
			if len(bytes.TrimSpace(line)) > 0 {
				whole, begins = append(whole, line...), n
			}
		}
		flush()
	}
}

// parseLine reads NAME;PARAM=value;PARAM="value":value.
func parseLine(line int, whole []byte) (property, error) {
	p := property{line: line}
	if !utf8.Valid(whole) {
		return p, fault.InvalidField("ical", nil, "line %d: is not UTF-8: save the file in this encoding", line)
	}
	text := string(whole)
	end := strings.IndexFunc(text, func(r rune) bool {
		return r != '-' && (r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r))
	})
	if end <= 0 || text[end] != ':' && text[end] != ';' {
		return p, fault.InvalidField("ical", shorten(text),
			"line %d: is no line of an iCalendar file: it has a name, a colon and a value, such as SUMMARY:Christmas", line)
	}
	p.name, text = strings.ToUpper(text[:end]), text[end:]
	for text[0] == ';' {
		key, rest, ok := strings.Cut(text[1:], "=")
		if !ok {
			return p, p.refuse("its parameters are not of the form ;NAME=value")
		}
		quoted, from := false, len(rest)
		for i, c := range []byte(rest) {
			if c == '"' {
				quoted = !quoted
			}
			if !quoted && (c == ';' || c == ':') {
				from = i
				break
			}
		}
		if from == len(rest) {
			return p, p.refuse("has no colon, behind which its value stands")
		}
		if p.params == nil {
			p.params = map[string]string{}
		}
		p.params[strings.ToUpper(key)] = strings.Trim(rest[:from], `"`)
		text = rest[from:]
	}
	p.value = strings.TrimSpace(text[1:])
	return p, nil
}

// unescape reads a text, on one line and without what a terminal would obey.
func unescape(text string) string {
	text = strings.NewReplacer(`\\`, `\`, `\n`, " ", `\N`, " ", `\,`, ",", `\;`, ";").Replace(text)
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}
