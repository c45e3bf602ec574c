package schedule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Words says in a sentence when the schedule fires, such as "every last Friday of
// the month at 09:00, Europe/Berlin".
func (p *Plan) Words() string {
	s := p.schedule
	var parts []string
	for _, expression := range s.Cron {
		parts = append(parts, cronWords(expression))
	}
	for _, c := range s.Calendar {
		parts = append(parts, c.words())
	}
	if s.Every != "" {
		text := "every " + durationWords(p.interval.step)
		if s.Phase != "" {
			text += ", " + s.Phase + " after the hour that it counts from"
		}
		parts = append(parts, text)
	}
	switch n := len(s.Dates); {
	case n == 0:
	case n <= 3:
		parts = append(parts, "on "+list(s.Dates))
	default:
		parts = append(parts, fmt.Sprintf("on %d dates", n))
	}
	words := strings.Join(parts, ", and ") + ", " + p.zone.String()
	if s.From != "" {
		words += ", from " + s.From
	}
	if s.Until != "" {
		words += " until " + s.Until
	}
	return words + s.exclusionWords()
}

func (s Schedule) exclusionWords() string {
	if s.Exclude == nil {
		return ""
	}
	var not []string
	for _, name := range s.Exclude.Weekdays {
		weekday, _ := weekdayNamed(name)
		not = append(not, weekday.String()+"s")
	}
	switch n := len(s.Exclude.Dates); {
	case n == 0:
	case n <= 3:
		not = append(not, list(s.Exclude.Dates))
	default:
		not = append(not, fmt.Sprintf("%d dates", n))
	}
	if len(s.Exclude.Holidays) > 0 {
		not = append(not, "holidays")
	}
	if len(not) == 0 {
		return ""
	}
	words := ", but not on " + list(not)
	switch s.OnExcluded {
	case NextDay:
		words += " (on the next day instead)"
	case PreviousDay:
		words += " (on the day before instead)"
	}
	return words
}

// list joins words with commas and "and".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

func ordinal(n int) string {
	suffix := "th"
	switch {
	case n%100 >= 11 && n%100 <= 13:
	case n%10 == 1:
		suffix = "st"
	case n%10 == 2:
		suffix = "nd"
	case n%10 == 3:
		suffix = "rd"
	}
	return strconv.Itoa(n) + suffix
}

// durationWords is a duration of whole seconds.
func durationWords(d time.Duration) string {
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if d%unit.size == 0 {
			return counted(int(d/unit.size), unit.name)
		}
	}
	return d.String()
}

// counted is what stands behind "every": hour, 2 hours.
func counted(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func clockWords(times []int) string {
	const most = 6
	shown := make([]string, len(times))
	for i, t := range times {
		shown[i] = fmt.Sprintf("%02d:%02d", t/3600, t/60%60)
		if t%60 != 0 {
			shown[i] += fmt.Sprintf(":%02d", t%60)
		}
	}
	if len(times) > most {
		return fmt.Sprintf("%d times from %s to %s", len(times), shown[0], shown[len(shown)-1])
	}
	return "at " + list(shown)
}

func monthWords(in months) string {
	if in&0x1FFE == 0x1FFE || in == 0 {
		return ""
	}
	var names []string
	for m := time.January; m <= time.December; m++ {
		if in>>m&1 != 0 {
			names = append(names, m.String())
		}
	}
	return " in " + list(names)
}

func (o nth) String() string {
	if o.n == 0 {
		return o.weekday.String()
	}
	which := ordinal(max(o.n, -o.n))
	switch {
	case o.n == -1:
		which = "last"
	case o.n < 0:
		which += " last"
	}
	return which + " " + o.weekday.String() + " of the month"
}

// weekdayWords are rules for weekdays: "Friday", "last Friday of the month".
func weekdayWords(rules anyOf) string {
	var names []string
	every := map[time.Weekday]bool{}
	for _, r := range rules {
		if n, ok := r.(nth); ok {
			names = append(names, n.String())
			every[n.weekday] = every[n.weekday] || n.n == 0
		}
	}
	if len(names) == 5 && every[1] && every[2] && every[3] && every[4] && every[5] {
		return "weekday (Monday to Friday)"
	}
	return list(names)
}

// dateWords are rules for days of the month: "1st", "last day".
func dateWords(rules anyOf) string {
	var names []string
	for _, r := range rules {
		switch r := r.(type) {
		case dayOfMonth:
			names = append(names, ordinal(int(r)))
		case fromEnd:
			if r == 0 {
				names = append(names, "last day")
			} else {
				names = append(names, ordinal(int(r)+1)+" last day")
			}
		case nearest:
			if r == 0 {
				names = append(names, "last weekday")
			} else {
				names = append(names, "weekday nearest to the "+ordinal(int(r)))
			}
		}
	}
	return list(names)
}

func (c Calendar) words() string {
	var weekdays, dates anyOf
	for _, w := range c.Weekdays {
		weekday, _ := weekdayNamed(w.Day)
		weekdays = append(weekdays, nth{weekday, w.Nth})
	}
	for _, n := range c.Days {
		if n > 0 {
			dates = append(dates, dayOfMonth(n))
		} else {
			dates = append(dates, fromEnd(-n-1))
		}
	}
	var in months
	for _, m := range c.Months {
		in |= 1 << m
	}
	words := "every day"
	switch {
	case len(weekdays) > 0 && len(dates) > 0:
		words = "every " + weekdayWords(weekdays) + " that is the " + dateWords(dates) + " of the month"
	case len(weekdays) > 0:
		words = "every " + weekdayWords(weekdays)
	case len(dates) > 0:
		words = "on the " + dateWords(dates) + " of the month"
	}
	var times []int
	for _, text := range c.Times {
		t, err := time.Parse("15:04", text)
		if err != nil {
			t, _ = time.Parse(time.TimeOnly, text)
		}
		times = append(times, secondOfDay(t))
	}
	slices.Sort(times)
	return words + monthWords(in) + " " + clockWords(times)
}

// cronWords says an expression that compiles.
func cronWords(expression string) string {
	c := compiler{plan: &Plan{}}
	c.cron("", expression)
	var e elapsed
	switch {
	case len(c.plan.elapsed) == 1:
		e = c.plan.elapsed[0]
	case len(c.plan.fixed) == 1:
		return dayWords(c.plan.fixed[0].days) + " " + clockWords(c.plan.fixed[0].times)
	default:
		return expression
	}
	days := dayWords(e.days)
	if days == "every day" {
		return rhythm(e)
	}
	return rhythm(e) + ", " + days
}

// rhythm says what goes by elapsed time: "every 15 minutes", "every 2 hours at 05
// minutes".
func rhythm(e elapsed) string {
	hours, minutes, seconds := bitsOf(e.hour, 23), bitsOf(e.minutes, 59), bitsOf(e.seconds, 59)
	each := func(values []int, most int, noun string) string {
		if step, even := evenly(values, most); even {
			return "every " + counted(step, noun)
		}
		return ""
	}
	allDay := len(hours) == 24
	switch {
	case len(seconds) > 1 && len(minutes) == 60 && allDay && each(seconds, 60, "second") != "":
		return each(seconds, 60, "second")
	case len(seconds) == 1 && len(minutes) > 1 && allDay && each(minutes, 60, "minute") != "":
		return each(minutes, 60, "minute")
	case len(seconds) == 1 && len(minutes) == 1 && each(hours, 24, "hour") != "":
		words := each(hours, 24, "hour")
		if minutes[0] != 0 {
			words += fmt.Sprintf(" at %d minutes past", minutes[0])
		}
		return words
	}
	return clockWords(timesOf(e))
}

// evenly reports whether values divide most into equal steps from 0 on.
func evenly(values []int, most int) (step int, even bool) {
	if len(values) == 0 || most%len(values) != 0 {
		return 0, false
	}
	step = most / len(values)
	for i, v := range values {
		if v != i*step {
			return 0, false
		}
	}
	return step, true
}

// dayWords says the days of an expression.
func dayWords(rule dayRule) string {
	all, ok := rule.(allOf)
	if !ok || len(all) == 0 {
		return "every day"
	}
	in, _ := all[0].(months)
	words := "every day"
	if len(all) > 1 {
		if rules, ok := all[1].(anyOf); ok {
			weekdays, dates := weekdayWords(rules), dateWords(rules)
			switch {
			case weekdays != "" && dates != "":
				words = "on the " + dates + " of the month and every " + weekdays
			case weekdays != "":
				words = "every " + weekdays
			case dates != "":
				words = "on the " + dates + " of the month"
			}
		}
	}
	return words + monthWords(in)
}
