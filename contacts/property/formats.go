package property

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"carillon/internal/fault"
)

// DateOrder is in what order the dates of a file name day, month and year.
type DateOrder string

// The orders; the empty one takes what is plain alone.
const (
	DayFirst   DateOrder = "dmy"
	MonthFirst DateOrder = "mdy"
	YearFirst  DateOrder = "ymd"
)

// DateOrders lists them.
func DateOrders() []DateOrder { return []DateOrder{DayFirst, MonthFirst, YearFirst} }

// Decimals lists what may stand before the fraction of a number.
func Decimals() []string { return []string{",", "."} }

// Formats say how a file writes dates and numbers, of which one alone may not tell. Empty
// fields take what is plain.
type Formats struct {
	Dates DateOrder
	// Decimal is what stands before fractions; the other one of Decimals then groups
	// thousands.
	Decimal string
}

// Check refuses orders and signs that there are not.
func (f Formats) Check() error {
	var wrong []fault.Field
	if f.Dates != "" && !slices.Contains(DateOrders(), f.Dates) {
		wrong = append(wrong, fault.Field{Location: "dates", Value: string(f.Dates), Message: "is no order of dates: use dmy, mdy or ymd"})
	}
	if f.Decimal != "" && !slices.Contains(Decimals(), f.Decimal) {
		wrong = append(wrong, fault.Field{Location: "decimal", Value: f.Decimal, Message: `stands before no fraction: use "," or "."`})
	}
	return fault.InvalidFields(wrong)
}

// What Parse says of a value that Formats would tell.
const (
	UnsureDate   = "may have its day or its month first: write 2026-02-28"
	UnsureNumber = "may mean a thousand or a fraction: write 1234 or 1.234"
)

// Signs are what the values of a file say about its formats, counted.
type Signs struct {
	// DayFirst and MonthFirst are dates that can be read in one order alone, Unsure those
	// that can be read in both.
	DayFirst, MonthFirst, Unsure int
	// Comma and Point are numbers that can be read with that before the fraction alone,
	// Either those that can be read with both, such as 1.234.
	Comma, Point, Either int
	// Date and Number are the first value of Unsure and of Either, or else of the others.
	Date, Number string
}

var (
	looseDay    = regexp.MustCompile(`^(\d{1,2})([./-])(\d{1,2})[./-]\d{4}(?: \d{1,2}:\d{2}(?::\d{2})?)?$`)
	looseAmount = regexp.MustCompile(`^[+-]?\d[\d.,]*$`)
)

// Read takes the signs of one value.
func (s *Signs) Read(value string) {
	if m := looseDay.FindStringSubmatch(value); m != nil {
		first, _ := strconv.Atoi(m[1])
		second, _ := strconv.Atoi(m[3])
		switch {
		case first > 12 && second <= 12:
			s.DayFirst++
		case second > 12 && first <= 12:
			s.MonthFirst++
		case m[2] == "." || first > 12:
			return // a dot stands behind the day, and 13/13 is no date
		default:
			if s.Unsure++; s.Unsure == 1 {
				s.Date = value
			}
		}
		if s.Date == "" {
			s.Date = value
		}
		return
	}
	value = strings.TrimSpace(trimCurrency(strings.TrimSuffix(value, "%")))
	if !looseAmount.MatchString(value) || !strings.ContainsAny(value, ".,") {
		return
	}
	_, notComma := plainNumber(Number, value, ",")
	_, notPoint := plainNumber(Number, value, ".")
	switch {
	case notComma == "" && notPoint == "":
		if s.Either++; s.Either == 1 {
			s.Number = value
		}
	case notComma == "":
		s.Comma++
	case notPoint == "":
		s.Point++
	default:
		return
	}
	if s.Number == "" {
		s.Number = value
	}
}

// Dates is the order that the dates plainly have; empty if they have none or don't tell.
func (s *Signs) Dates() DateOrder {
	switch {
	case s.DayFirst > 0 && s.MonthFirst == 0:
		return DayFirst
	case s.MonthFirst > 0 && s.DayFirst == 0:
		return MonthFirst
	}
	return ""
}

// Decimal is what plainly stands before the fractions; empty if that can't be told.
func (s *Signs) Decimal() string {
	switch {
	case s.Comma > 0 && s.Point == 0:
		return ","
	case s.Point > 0 && s.Comma == 0:
		return "."
	}
	return ""
}
