package schedule

import (
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// parser reads the fields that robfig/cron knows. Its own idea of the next instant
// is not used: it is wrong where clocks change (docs/adr/0003-next-instant.md).
var parser = cron.NewParser(cron.Second | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// macros are names for expressions.
var macros = map[string]string{
	"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
	"@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}

// longestCron bounds an expression, in bytes.
const longestCron = 500

const cronHelp = "write minute, hour, day, month and weekday, such as 0 9 * * MON; seconds may stand in front"

// cron compiles one expression.
func (c *compiler) cron(location, expression string) {
	text := strings.ToUpper(strings.TrimSpace(expression))
	if macro, known := macros[strings.ToLower(text)]; known {
		text = macro
	}
	fields := strings.Fields(text)
	switch {
	case len(text) > longestCron:
		c.refuse(location, nil, "is longer than %d bytes", longestCron)
		return
	case strings.HasPrefix(text, "TZ=") || strings.HasPrefix(text, "CRON_TZ="):
		c.refuse(location, expression, "can't name a zone: set timezone, which all of the schedule is meant in")
		return
	case strings.HasPrefix(text, "@EVERY"):
		c.refuse(location, expression, "is no expression: set every, such as 2h")
		return
	case strings.HasPrefix(text, "@"):
		c.refuse(location, expression, "is none of @hourly, @daily, @weekly, @monthly and @yearly")
		return
	case len(fields) == 5:
		fields = append([]string{"0"}, fields...)
	case len(fields) != 6:
		c.refuse(location, expression, "has %d fields: %s", len(fields), cronHelp)
		return
	}
	byDate, dates := extras(&fields[3], dateExtra)
	byWeekday, weekdays := extras(&fields[5], weekdayExtra)
	fields[5] = sundays(fields[5])
	parsed, err := parser.Parse(strings.Join(fields, " "))
	if err != nil {
		c.refuse(location, expression, "is no cron expression (%v): %s", err, cronHelp)
		return
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		c.refuse(location, expression, "is no cron expression: %s", cronHelp)
		return
	}
	if !byDate {
		dates = append(dates, daysOfMonth(spec.Dom)...)
	}
	if !byWeekday {
		weekdays = append(weekdays, daysOfWeek(spec.Dow)...)
	}
	e := elapsed{
		days:    cronDays(months(spec.Month&0x1FFE), choice{fields[3], dates}, choice{fields[5], weekdays}),
		seconds: spec.Second, minutes: spec.Minute, hour: spec.Hour,
	}
	if strings.ContainsAny(fields[2], "*?/") {
		c.plan.elapsed = append(c.plan.elapsed, e)
		return
	}
	c.plan.fixed = append(c.plan.fixed, fixed{days: e.days, times: timesOf(e)})
}

// choice is a field for days with the rules that it means.
type choice struct {
	text  string
	rules anyOf
}

func (f choice) free() bool { return f.text == "*" || f.text == "?" }

// cronDays is cron's rule: if both fields for days name some, one of them is
// enough.
func cronDays(in months, dates, weekdays choice) dayRule {
	switch {
	case dates.free() && weekdays.free():
		return allOf{in}
	case dates.free():
		return allOf{in, weekdays.rules}
	case weekdays.free():
		return allOf{in, dates.rules}
	}
	return allOf{in, append(append(anyOf{}, dates.rules...), weekdays.rules...)}
}

func daysOfMonth(bits uint64) (rules anyOf) {
	for _, n := range bitsOf(bits, 31) {
		rules = append(rules, dayOfMonth(n))
	}
	return rules
}

func daysOfWeek(bits uint64) (rules anyOf) {
	for _, n := range bitsOf(bits, 6) {
		rules = append(rules, nth{time.Weekday(n), 0})
	}
	return rules
}

// extras takes out of a field what robfig/cron does not know. all says that nothing
// else was in it; a star stands there then, which says nothing of the days.
func extras(field *string, read func(string) (dayRule, bool)) (all bool, rules anyOf) {
	var rest []string
	for item := range strings.SplitSeq(*field, ",") {
		if rule, ok := read(item); ok {
			rules = append(rules, rule)
		} else {
			rest = append(rest, item)
		}
	}
	switch {
	case len(rules) == 0:
		return false, nil
	case len(rest) == 0:
		// Any value will do; the rules are complete without it.
		*field = "1"
		return true, rules
	}
	*field = strings.Join(rest, ",")
	return false, rules
}

// dateExtra reads L, L-3, LW and 15W.
func dateExtra(item string) (dayRule, bool) {
	if before, ok := strings.CutPrefix(item, "L-"); ok {
		n, err := strconv.Atoi(before)
		return fromEnd(n), err == nil && n >= 1 && n <= 30
	}
	switch item {
	case "L":
		return fromEnd(0), true
	case "LW", "WL":
		return nearest(0), true
	}
	if text, ok := strings.CutSuffix(item, "W"); ok {
		n, err := strconv.Atoi(text)
		return nearest(n), err == nil && n >= 1 && n <= 31
	}
	return nil, false
}

// weekdayExtra reads FRI#1, 5#1 and FRIL, 5L.
func weekdayExtra(item string) (dayRule, bool) {
	if name, which, ok := strings.Cut(item, "#"); ok {
		weekday, known := cronWeekday(name)
		n, err := strconv.Atoi(which)
		return nth{weekday, n}, known && err == nil && n >= 1 && n <= 5
	}
	if name, ok := strings.CutSuffix(item, "L"); ok && name != "" {
		weekday, known := cronWeekday(name)
		return nth{weekday, -1}, known
	}
	return nil, false
}

// cronWeekday is a weekday by its name or number; Sunday is 0 and 7.
func cronWeekday(text string) (time.Weekday, bool) {
	if weekday, ok := weekdayNamed(text); ok {
		return weekday, true
	}
	n, err := strconv.Atoi(text)
	return time.Weekday(n % 7), err == nil && n >= 0 && n <= 7
}

// sundays writes Sunday as 0 where it stands as 7, which robfig/cron does not know:
// 7, 5-7, 1-7/2.
func sundays(field string) string {
	items := strings.Split(field, ",")
	for i, item := range items {
		span, step, stepped := strings.Cut(item, "/")
		first, last, ranged := strings.Cut(span, "-")
		switch {
		case span == "7":
			items[i] = "0"
			if stepped {
				items[i] += "/" + step
			}
		case ranged && last == "7" && !stepped:
			items[i] = first + "-6,0"
			if first == "7" {
				items[i] = "0"
			}
		case ranged && last == "7":
			items[i] = strings.Join(stepsTo7(first, step), ",")
		}
	}
	return strings.Join(items, ",")
}

// stepsTo7 are the days of first-7/step.
func stepsTo7(first, step string) (days []string) {
	from, known := cronWeekday(first)
	n, err := strconv.Atoi(step)
	if !known || err != nil || n < 1 {
		return []string{first + "-7/" + step} // it is refused
	}
	for d := int(from); d <= 7; d += n {
		days = append(days, strconv.Itoa(d%7))
	}
	return days
}
