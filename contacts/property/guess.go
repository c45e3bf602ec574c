package property

import (
	"fmt"
	"strings"
	"unicode"
)

// Guess finds the type of a property that holds every value of a column. It keeps no
// value but one, so that memory does not grow with the column.
type Guess struct {
	formats Formats
	signs   Signs
	values  int
	// fit are the types of which every value so far is one, by how many are.
	fit map[Type]*fitting
	// bits says that nothing but 0 and 1 came, zeros that a number began with a zero.
	bits, zeros bool
}

// fitting is how well a type fits.
type fitting struct {
	checker *Checker
	good    int
	odd     string // the first value that is none
	marked  int    // values that bear the type's own sign
}

// guessed are the types that are guessed, the narrower first.
func guessed() []Type { return []Type{Checkbox, Percent, Currency, Number, Date, Time, Link} }

// NewGuess begins a guess at values that are written as the formats say.
func NewGuess(f Formats) *Guess {
	g := &Guess{formats: f, fit: map[Type]*fitting{}, bits: true}
	for _, t := range guessed() {
		g.fit[t] = &fitting{checker: &Checker{Property: Property{Type: t}}}
	}
	return g
}

// Add takes one value of the column into account.
func (g *Guess) Add(text string) {
	text = strings.TrimSpace(text)
	if text == "" {
		return
	}
	g.values++
	g.signs.Read(text)
	g.bits = g.bits && (text == "0" || text == "1")
	digits := strings.TrimLeft(text, "-€$£ ")
	// A postcode or a customer's number would lose its zero, a phone number its plus.
	g.zeros = g.zeros || strings.HasPrefix(text, "+") || len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9'
	for t, f := range g.fit {
		// A column that hardly ever fits is not tried again and again.
		if f.good*10+20 < g.values*9 {
			continue
		}
		if _, reason := f.checker.ParseAs(text, g.formats); reason != "" {
			if f.odd == "" {
				f.odd = text
			}
			continue
		}
		f.good++
		if t == Percent && strings.HasSuffix(text, "%") || t == Currency && trimCurrency(text) != text {
			f.marked++
		}
	}
}

// Values is how many values came.
func (g *Guess) Values() int { return g.values }

// Type is the type that fits every value, and, where it is text for the sake of a few, a
// note that says so.
func (g *Guess) Type() (t Type, note string) {
	for _, t := range guessed() {
		f := g.fit[t]
		if g.values == 0 || !g.takes(t) {
			continue
		}
		switch {
		case f.good == g.values && t.Comparison() == AsNumber && g.formats.Decimal == "" && g.signs.Either > 0:
			return Text, fmt.Sprintf("%q %s", shorten(g.signs.Number), UnsureNumber)
		case f.good == g.values:
			return t, ""
		case note == "" && g.signs.Unsure > 0 && t == Date && f.good < g.values && g.signs.DayFirst+g.signs.MonthFirst+g.signs.Unsure+f.good >= g.values:
			note = fmt.Sprintf("%q %s", shorten(g.signs.Date), UnsureDate)
		case note == "" && f.good*10 >= g.values*9:
			note = fmt.Sprintf("%d of %d values are a %s, and %q is not", f.good, g.values, t, shorten(f.odd))
		}
	}
	return Text, note
}

// takes reports whether the values may be meant as the type at all.
func (g *Guess) takes(t Type) bool {
	f := g.fit[t]
	switch t {
	case Checkbox:
		return !g.bits
	case Percent, Currency:
		return 2*f.marked > g.values && !g.zeros
	case Number:
		return !g.zeros
	default:
		return true
	}
}

// Coded reports whether the name of a column, without capitals, says that its digits are
// no number to reckon with: a postcode, somebody's number.
func Coded(name string) bool {
	words := strings.FieldsFunc(Fold(name), func(r rune) bool { return !unicode.IsLetter(r) })
	for _, word := range words {
		for _, code := range []string{
			"plz", "postleitzahl", "zip", "zipcode", "postcode", "postalcode", "cap", "cp", "nr", "nummer", "number", "no", "id", "code", "iban",
		} {
			if word == code || len(code) > 3 && strings.HasSuffix(word, code) {
				return true
			}
		}
	}
	return false
}
