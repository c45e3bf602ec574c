package rule

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"carillon/contacts/property"
	"carillon/internal/zone"
)

// maxRelative bounds days_before, in days: a hundred years.
const maxRelative = 36_525

// value reads one value by its field's comparison.
func (p *parser) value(f Field, o Operator, raw json.RawMessage, at string) (v Value, ok bool) {
	if len(raw) == 0 || string(raw) == "null" {
		p.refuse(at, nil, "is missing: %s takes %s; for whoever has none there is is_null", o, wanted(f))
		return v, false
	}
	reason := ""
	switch first := raw[0]; {
	case first == '{':
		v, reason = relative(f, raw)
	case first == '"':
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			reason = "is no text"
			break
		}
		v, reason = p.textValue(f, o, s)
	case first == 't' || first == 'f':
		if v.Text = string(raw); f.Compare != AsBoolean {
			reason = "is not " + wanted(f)
		}
	case first == '[':
		reason = fmt.Sprintf("is a list, where %s takes %s", o, wanted(f))
	case f.Compare == AsNumber || f.Compare == AsID:
		v, reason = textValue(f, o, string(raw))
	default:
		reason = "is not " + wanted(f)
	}
	if reason != "" {
		p.refuse(at, short(raw), "%s", reason)
		return Value{}, false
	}
	return v, true
}

// textValue is a value in normal form that was written as text: what is called by its
// name has its id, and a property's value is one that there is.
func (p *parser) textValue(f Field, o Operator, s string) (v Value, reason string) {
	if f.Compare == AsID {
		if _, err := strconv.ParseInt(s, 10, 64); err != nil {
			if s, reason = p.schema.id(f, s); reason != "" {
				return v, reason
			}
		}
	}
	if v, reason = textValue(f, o, s); reason == "" {
		reason = p.schema.choice(f, o, v.Text)
	}
	return v, reason
}

// wanted says what values a field takes.
func wanted(f Field) string {
	switch f.Compare {
	case AsNumber:
		if f.Integer {
			return "a whole number such as 7"
		}
		return "a number such as 7 or 12.5"
	case AsBoolean:
		return "true or false"
	case AsDate:
		return `a date such as "2026-02-28", or {"days_before": 7}`
	case AsTime:
		return `a time of day such as "08:30"`
	case AsInstant:
		return `a day such as "2026-02-28", a time such as "2026-02-28T08:30" or "2026-02-28T08:30:00Z", or {"days_before": 7}`
	case AsID:
		return "an id"
	default:
		return "a text"
	}
}

func relative(f Field, raw json.RawMessage) (Value, string) {
	if f.Compare != AsDate && f.Compare != AsInstant {
		return Value{}, "is not " + wanted(f)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil || len(object) != 1 || len(object["days_before"]) == 0 {
		return Value{}, "is not " + wanted(f)
	}
	return daysBefore(strings.Trim(string(object["days_before"]), `"`))
}

func daysBefore(s string) (Value, string) {
	days, err := strconv.Atoi(s)
	if err != nil || days < -maxRelative || days > maxRelative {
		return Value{}, fmt.Sprintf("days_before is a whole number from -%d to %d; what is below 0 lies ahead", maxRelative, maxRelative)
	}
	return Value{Relative: true, Days: days}, ""
}

// textValue brings what was written as text into normal form.
func textValue(f Field, o Operator, s string) (v Value, reason string) {
	switch f.Compare {
	case AsNumber:
		v.Text, reason = decimal(strings.TrimSpace(s))
		if reason == "" && f.Integer && strings.Contains(v.Text, ".") {
			reason = "is not " + wanted(f)
		}
	case AsID:
		id, err := strconv.ParseInt(s, 10, 64)
		if err != nil || id <= 0 {
			return v, "is no id: ids are whole numbers from 1 on"
		}
		v.Text = strconv.FormatInt(id, 10)
	case AsBoolean:
		if v.Text = strings.ToLower(strings.TrimSpace(s)); v.Text != "true" && v.Text != "false" {
			reason = "is not " + wanted(f)
		}
	case AsDate:
		day, err := time.Parse(time.DateOnly, strings.TrimSpace(s))
		if err != nil || day.Year() < 1 {
			return v, "is not " + wanted(f)
		}
		v.Text = day.Format(time.DateOnly)
	case AsTime:
		clock, ok := clockTime(strings.TrimSpace(s))
		if !ok {
			return v, "is not " + wanted(f)
		}
		v.Text = clock
	case AsInstant:
		v.Text, reason = normalInstant(strings.TrimSpace(s))
		if reason != "" {
			reason = "is not " + wanted(f)
		}
	default:
		if f.Source == Column && f.Compare == AsText {
			s = nameText(o, s)
		}
		v.Text = s
		part, _ := o.positive()
		switch {
		case s == "" && slices.Contains([]Operator{BeginsWith, Contains, EndsWith}, part):
			reason = "is empty, and that is a part of every text: is_not_empty finds who has one"
		case len(s) > MaxText:
			reason = fmt.Sprintf("is longer than %d bytes", MaxText)
		case strings.ContainsRune(s, 0):
			reason = "has a NUL character in it"
		case !utf8.ValidString(s):
			reason = "is no valid UTF-8"
		case f.Name == "status" && slices.Contains([]Operator{Equal, NotEqual, In, NotIn}, o) && !slices.Contains(statuses, asciiLower(s)):
			reason = "is no status: use one of " + strings.Join(statuses, ", ")
		}
	}
	return v, reason
}

// nameText is a text as names are kept: with single spaces, and with none at an end
// at which a name ends.
func nameText(o Operator, s string) string {
	s = property.Collapse(s)
	part, _ := o.positive()
	if part != Contains && part != EndsWith {
		s = strings.TrimPrefix(s, " ")
	}
	if part != Contains && part != BeginsWith {
		s = strings.TrimSuffix(s, " ")
	}
	return s
}

func clockTime(s string) (string, bool) {
	for _, layout := range []string{time.TimeOnly, "15:04"} {
		// Go takes fractions of a second that the layout does not name.
		if t, err := time.Parse(layout, s); err == nil && !strings.ContainsAny(s, ".,") {
			return t.Format(time.TimeOnly), true
		}
	}
	return "", false
}

// Wall-clock times in normal form.
const (
	wallMinute = "2006-01-02T15:04"
	wallSecond = "2006-01-02T15:04:05"
	fullSecond = "2006-01-02T15:04:05Z07:00"
	fullMillis = "2006-01-02T15:04:05.000Z07:00"
)

// normalInstant is a day, a wall-clock time or a whole instant in normal form.
func normalInstant(s string) (normal, reason string) {
	const wrong = "is no time"
	for _, form := range []struct{ layout, normal string }{
		{time.DateOnly, time.DateOnly},
		{wallMinute, wallMinute},
		{"2006-01-02 15:04", wallMinute},
		{wallSecond, wallSecond},
		{"2006-01-02 15:04:05", wallSecond},
		{"2006-01-02T15:04Z07:00", fullSecond},
		{fullSecond, fullSecond},
		{"2006-01-02 15:04:05Z07:00", fullSecond},
	} {
		t, err := time.Parse(form.layout, s)
		if err != nil || t.Year() < 1 {
			continue
		}
		if !strings.HasSuffix(form.layout, "Z07:00") {
			if t.Nanosecond() != 0 {
				return "", wrong
			}
			return t.Format(form.normal), ""
		}
		t = t.UTC()
		if t.Year() < 1 || t.Year() > 9999 {
			return "", wrong
		}
		if t.Truncate(time.Millisecond).Nanosecond() != 0 {
			return t.Truncate(time.Millisecond).Format(fullMillis), ""
		}
		return t.Truncate(time.Second).Format(fullSecond), ""
	}
	return "", wrong
}

// maxDigits is how many significant digits numbers keep, and how many they may
// have before and behind the point: SQLite reads longer ones less exactly than
// PostgreSQL and Go.
const maxDigits = 15

// decimal is a number in normal form: no exponent, no zeros that mean nothing.
func decimal(s string) (normal, reason string) {
	const wrong = "is not a number such as 7 or 12.5"
	const tooLong = "has more than 15 significant digits, or more than 15 before or behind the point"
	if len(s) > 100 {
		return "", tooLong
	}
	if !json.Valid([]byte(s)) || s[0] == '"' || s[0] > '9' || s[0] == '{' || s[0] == '[' {
		return "", wrong
	}
	rest, negative := strings.CutPrefix(s, "-")
	exponent := 0
	if i := strings.IndexAny(rest, "eE"); i >= 0 {
		var err error
		if exponent, err = strconv.Atoi(rest[i+1:]); err != nil {
			return "", tooLong
		}
		rest = rest[:i]
	}
	whole, fraction, _ := strings.Cut(rest, ".")
	digits, point := whole+fraction, len(whole)+exponent
	stripped := strings.TrimLeft(digits, "0")
	point -= len(digits) - len(stripped)
	stripped = strings.TrimRight(stripped, "0")
	if stripped == "" {
		return "0", ""
	}
	if len(stripped) > maxDigits || point > maxDigits || len(stripped)-point > maxDigits {
		return "", tooLong
	}
	switch {
	case point <= 0:
		normal = "0." + strings.Repeat("0", -point) + stripped
	case point >= len(stripped):
		normal = stripped + strings.Repeat("0", point-len(stripped))
	default:
		normal = stripped[:point] + "." + stripped[point:]
	}
	if negative {
		normal = "-" + normal
	}
	return normal, ""
}

// id is the value of a comparison AsID.
func (v Value) id() int64 {
	id, _ := strconv.ParseInt(v.Text, 10, 64) // normal form
	return id
}

func (v Value) number() float64 {
	n, _ := strconv.ParseFloat(v.Text, 64) // normal form
	return n
}

// span is a range of instants, from the first on and before the end; in UTC
// milliseconds.
type span struct{ from, until int64 }

// calendar turns days and wall-clock times into instants.
type calendar struct {
	zone *time.Location
	now  time.Time
}

func newCalendar(timezone string, now time.Time) calendar {
	location := time.UTC
	if timezone != "" {
		if known, err := zone.Load(timezone); err == nil {
			location = known
		}
	}
	return calendar{location, now}
}

// date is the value of a comparison AsDate: 2006-01-02.
func (c calendar) date(v Value) string {
	if !v.Relative {
		return v.Text
	}
	day := c.today(v.Days)
	if day.Year() < 1 {
		return "0001-01-01"
	}
	return day.Format(time.DateOnly)
}

// today is the day so many days before today, as midnight UTC.
func (c calendar) today(daysBefore int) time.Time {
	year, month, day := c.now.In(c.zone).Date()
	return time.Date(year, month, day-daysBefore, 0, 0, 0, 0, time.UTC)
}

// span is the value of a comparison AsInstant: a day is as long as it is in the
// zone, a time as it is precise.
func (c calendar) span(v Value) span {
	if v.Relative {
		return c.day(c.today(v.Days))
	}
	for _, form := range []struct {
		layout string
		length time.Duration
	}{{wallMinute, time.Minute}, {wallSecond, time.Second}} {
		if wall, err := time.Parse(form.layout, v.Text); err == nil {
			from := zone.Resolve(wall, c.zone)
			return span{from.UnixMilli(), from.Add(form.length).UnixMilli()}
		}
	}
	if day, err := time.Parse(time.DateOnly, v.Text); err == nil {
		return c.day(day)
	}
	at, _ := time.Parse(time.RFC3339Nano, v.Text) // normal form
	length := time.Second
	if strings.Contains(v.Text, ".") {
		length = time.Millisecond
	}
	return span{at.UnixMilli(), at.Add(length).UnixMilli()}
}

func (c calendar) day(midnight time.Time) span {
	return span{zone.Resolve(midnight, c.zone).UnixMilli(), zone.Resolve(midnight.AddDate(0, 0, 1), c.zone).UnixMilli()}
}

func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, s)
}
