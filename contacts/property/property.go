// Package property owns the typed custom fields of contacts: their types, what
// each type's values look like when they are stored, and how text is folded for
// comparison. It must not know contacts, rules or the store.
package property

import (
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Type is the type of a property's values.
type Type string

// The types, with the JSON that a value is stored as.
const (
	Number     Type = "number"     // number of at most 15 significant digits
	Currency   Type = "currency"   // as number
	Percent    Type = "percent"    // as number; 12.5 is 12.5 %
	Text       Type = "text"       // string
	Word       Type = "word"       // string without white space
	Enum       Type = "enum"       // string, one of the constraint's
	List       Type = "list"       // string, one of the constraint's (Chatwoot's name for it)
	Collection Type = "collection" // array of strings
	Link       Type = "link"       // string, an http or https URL
	Location   Type = "location"   // string, "latitude,longitude" in degrees
	Date       Type = "date"       // string, 2006-01-02
	Time       Type = "time"       // string, 15:04:05
	Checkbox   Type = "checkbox"   // true or false
)

// Types lists every type in the order in which users are shown them.
func Types() []Type {
	return []Type{Text, Word, Number, Currency, Percent, Checkbox, Date, Time, Enum, List, Collection, Link, Location}
}

// Comparison is how the values of a type are compared in rules.
type Comparison string

// The comparisons.
const (
	AsText    Comparison = "text"    // folded strings, byte by byte
	AsNumber  Comparison = "number"  // numbers
	AsBoolean Comparison = "boolean" // true and false
	AsDate    Comparison = "date"    // 2006-01-02, which sorts as text
	AsTime    Comparison = "time"    // 15:04:05, which sorts as text
	AsSet     Comparison = "set"     // arrays of strings, each folded
)

// Comparison says how values of the type are compared.
func (t Type) Comparison() Comparison {
	switch t {
	case Number, Currency, Percent:
		return AsNumber
	case Checkbox:
		return AsBoolean
	case Date:
		return AsDate
	case Time:
		return AsTime
	case Collection:
		return AsSet
	default:
		return AsText
	}
}

// Property is a custom field of an account's contacts.
type Property struct {
	ID        int64
	AccountID int64
	Key       string // as in contact.attributes.<key>; never changes
	// Name is how files and other APIs write it, which may have capitals and hyphens;
	// empty where that is Key.
	Name  string
	Label string
	Type  Type
	// Rule constrains the values, such as ">=2 <=9" or "a,b,c"; empty: none.
	Rule string
	// Default is the value of contacts that have none when they are created, in
	// stored form; nil: none.
	Default json.RawMessage
	// Expires is how long a value stays once it is written; 0: for ever.
	Expires  time.Duration
	Editable bool
	Hidden   bool
	Position int
	// Filterable properties have an index for rules.
	Filterable bool
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// Fold is the form in which texts are compared, in memory and in both
// databases: in lower case and composed (NFC). Accents stay: "e" is not "é". The
// sigma at the end of a Greek word is that within it.
// Lower case comes first: the small form of J with a caron composes, the capital
// one does not.
func Fold(s string) string {
	return norm.NFC.String(strings.ReplaceAll(strings.ToLower(s), FinalSigma, "σ"))
}

// FinalSigma is the form of the Greek letter that no folded text has.
const FinalSigma = "ς"

// Collapse is a text in which every run of white space is one space, as names are kept.
func Collapse(s string) string {
	trimmed := strings.Join(strings.Fields(s), " ")
	if s == "" || trimmed == s {
		return s
	}
	if first, _ := utf8.DecodeRuneInString(s); unicode.IsSpace(first) {
		trimmed = " " + trimmed
	}
	if last, _ := utf8.DecodeLastRuneInString(s); unicode.IsSpace(last) && trimmed != " " {
		trimmed += " "
	}
	return trimmed
}

// Called is how files and other APIs write the property: its name, or its key.
func (p Property) Called() string {
	if p.Name != "" {
		return p.Name
	}
	return p.Key
}
