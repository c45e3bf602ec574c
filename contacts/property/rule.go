package property

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of what a property may be made of.
const (
	// MaxText is the longest text, as it is stored and as it is folded, in bytes:
	// an entry of an index must hold it.
	MaxText = 2000
	// MaxItems is how many texts a collection may hold, and how many choices there
	// may be; MaxItem the longest of them in bytes.
	MaxItems = 200
	MaxItem  = 200
	// MaxRule is the longest constraint in bytes.
	MaxRule = 4000
)

// rule is a parsed constraint.
type rule struct {
	source  string
	bounds  []bound
	choices []string
	// folded finds a choice by its folded form.
	folded map[string]string
}

// bound is one comparison, such as >=2. limit is in the stored form of what is
// compared: a number, a date, a time, or for texts a length in characters.
type bound struct{ operator, limit string }

// operators that bounds have, longer ones first.
var operators = []string{">=", "<=", "!=", ">", "<", "="}

// hasChoices says that a type's constraint lists the values that there are.
func (t Type) hasChoices() bool { return t == Enum || t == List || t == Collection }

// needsChoices says that a type makes no sense without them.
func (t Type) needsChoices() bool { return t == Enum || t == List }

// SharesRules reports whether a constraint of one type means the same for
// another.
func (t Type) SharesRules(other Type) bool {
	return t.hasChoices() == other.hasChoices() && (t.hasChoices() || t.Comparison() == other.Comparison())
}

// ruleHelp says what a type's constraint looks like.
func (t Type) ruleHelp() string {
	switch t {
	case Number, Currency, Percent:
		return "bounds such as >=2 <=9"
	case Text, Word, Link:
		return "bounds of the length in characters such as <=160"
	case Date:
		return "bounds such as >=2024-01-01 <=2024-12-31"
	case Time:
		return "bounds such as >=08:00 <=17:30"
	case Enum, List, Collection:
		return `the values that there are, separated by commas: a,b,"c, d"`
	default:
		return "nothing: values of this type have no constraint"
	}
}

// parseRule reads a constraint; the reason says what is wrong with it.
func parseRule(t Type, source string) (r rule, reason string) {
	r.source = strings.TrimSpace(source)
	switch {
	case len(r.source) > MaxRule:
		return r, fmt.Sprintf("is longer than %d bytes", MaxRule)
	case !utf8.ValidString(r.source) || strings.ContainsFunc(r.source, unicode.IsControl):
		return r, "has control characters or broken UTF-8 in it"
	case r.source == "" && t.needsChoices():
		return r, "must list " + t.ruleHelp()
	case r.source == "":
		return r, ""
	case t.hasChoices():
		return r.parseChoices()
	case t == Checkbox || t == Location:
		return r, "must be " + t.ruleHelp()
	}
	for rest := r.source; rest != ""; {
		operator := ""
		for _, o := range operators {
			if strings.HasPrefix(rest, o) {
				operator = o
				break
			}
		}
		if operator == "" {
			return r, fmt.Sprintf("has no operator (%s) before %q; write %s", strings.Join(operators, " "), rest, t.ruleHelp())
		}
		rest = strings.TrimLeft(rest[len(operator):], " ")
		end := strings.IndexAny(rest, " ,;<>=!")
		if end < 0 {
			end = len(rest)
		}
		limit, why := t.limit(rest[:end])
		if why != "" {
			return r, fmt.Sprintf("%q behind %s %s; write %s", rest[:end], operator, why, t.ruleHelp())
		}
		r.bounds = append(r.bounds, bound{operator, limit})
		rest = strings.TrimLeft(rest[end:], " ,;")
	}
	return r, r.contradiction(t)
}

func (r rule) parseChoices() (rule, string) {
	reader := csv.NewReader(strings.NewReader(r.source))
	reader.TrimLeadingSpace, reader.FieldsPerRecord = true, -1
	record, err := reader.Read()
	if err != nil {
		return r, `can't be read as a list: separate values by commas, and write "c, d" for one that holds a comma`
	}
	if len(record) > MaxItems {
		return r, fmt.Sprintf("has %d values; at most %d", len(record), MaxItems)
	}
	r.folded = make(map[string]string, len(record))
	for i, choice := range record {
		choice = strings.TrimSpace(choice)
		folded := Fold(choice)
		switch {
		case choice == "":
			return r, fmt.Sprintf("has an empty value at place %d", i+1)
		case len(choice) > MaxItem || len(folded) > MaxItem:
			return r, fmt.Sprintf("has a value of more than %d bytes at place %d", MaxItem, i+1)
		case strings.Contains(choice, "|"):
			return r, fmt.Sprintf("has a | in %q, which separates the values of a collection in files", choice)
		}
		if before, ok := r.folded[folded]; ok {
			return r, fmt.Sprintf("has %q and %q, which are compared as one: case does not count", before, choice)
		}
		r.folded[folded] = choice
		r.choices = append(r.choices, choice)
	}
	return r, ""
}

// limit brings what a bound compares with into stored form.
func (t Type) limit(s string) (normal, reason string) {
	switch t {
	case Number, Currency, Percent:
		return decimal(s)
	case Date:
		return parseDate(s)
	case Time:
		return parseClock(s)
	default:
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 || n > MaxText {
			return "", fmt.Sprintf("is no length from 0 to %d", MaxText)
		}
		return strconv.Itoa(n), ""
	}
}

// compare compares two limits of a type.
func (t Type) compare(a, b string) int {
	if t == Date || t == Time {
		return strings.Compare(a, b)
	}
	return compareDecimal(a, b)
}

// contradiction says which two bounds no value can keep at once.
func (r rule) contradiction(t Type) string {
	for _, low := range r.bounds {
		if low.operator[0] == '<' || low.operator == "!=" {
			continue
		}
		for _, high := range r.bounds {
			if high.operator[0] == '>' || high.operator == "!=" {
				continue
			}
			c := t.compare(low.limit, high.limit)
			if c > 0 || (c == 0 && (low.operator == ">" || high.operator == "<")) {
				return fmt.Sprintf("can't be kept: nothing is %s%s and %s%s", low.operator, low.limit, high.operator, high.limit)
			}
		}
	}
	return ""
}

// keep says which bound a value breaks; it is in the form of a limit.
func (r rule) keep(t Type, value string) (reason string) {
	for _, b := range r.bounds {
		c := t.compare(value, b.limit)
		ok := false
		switch b.operator {
		case ">=":
			ok = c >= 0
		case "<=":
			ok = c <= 0
		case ">":
			ok = c > 0
		case "<":
			ok = c < 0
		case "=":
			ok = c == 0
		case "!=":
			ok = c != 0
		}
		if !ok {
			return r.broken()
		}
	}
	return ""
}

func (r rule) broken() string { return "breaks the property's rule " + r.source }

// choose finds the choice that a text means; any text where there are none.
func (r rule) choose(s string) (choice, reason string) {
	if r.choices == nil {
		return s, ""
	}
	choice, ok := r.folded[Fold(s)]
	if !ok {
		return "", "is none of the property's values " + r.source
	}
	return choice, ""
}

// Choices are the values that a property with a list of them can have; nil for
// any other.
func (c *Checker) Choices() []string { return slices.Clone(c.rule.choices) }
