// Package property owns the typed custom fields of contacts: their definitions,
// the one form in which values are stored, and how text is folded for
// comparing. It must not know contacts, the store or HTTP.
package property

import (
	"encoding/json"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

// Type is what a property's values are.
type Type string

// The types, MessengerPeople's and Chatwoot's, with the JSON form in which a
// value is stored.
const (
	Number     Type = "number"     // number of at most 15 significant digits, so that every database reads the same
	Currency   Type = "currency"   // as Number
	Percent    Type = "percent"    // as Number; 12.5 is 12.5 %
	Text       Type = "text"       // string
	Word       Type = "word"       // string without white space
	Enum       Type = "enum"       // string, one of those in the rule
	List       Type = "list"       // as Enum: Chatwoot's name for it
	Collection Type = "collection" // array of strings, each one of those in the rule
	Link       Type = "link"       // string: an http or https address
	Location   Type = "location"   // string "latitude,longitude" in degrees
	Date       Type = "date"       // string "2006-01-02"
	Time       Type = "time"       // string "15:04:05"
	Checkbox   Type = "checkbox"   // boolean
)

// Types lists every type.
func Types() []Type {
	return []Type{Number, Text, Word, Enum, Collection, Location, Date, Time, Link, Currency, Percent, Checkbox, List}
}

// Numeric reports whether values are JSON numbers.
func (t Type) Numeric() bool { return t == Number || t == Currency || t == Percent }

// Folds reports whether rules compare values of the type as folded text.
func (t Type) Folds() bool {
	switch t {
	case Text, Word, Enum, List, Collection, Link, Location:
		return true
	}
	return false
}

// Property is the definition of a custom field of an account's contacts.
type Property struct {
	ID        int64
	AccountID int64
	// Key names the property in rules, templates, CSV headers and the API: 1 to 64
	// characters of a-z, 0-9 and _, the first a letter. It does not change.
	Key   string
	Label string // for people
	Type  Type
	// Rule constrains values: ">=2 <=9" for numbers and dates, "a,b,c" for Enum,
	// List and Collection; empty for none.
	Rule string
	// Default is the stored form of what templates see where a contact has no
	// value; nil for none.
	Default json.RawMessage
	// ExpiresSeconds is how long a value stays, in seconds; -1 for ever.
	ExpiresSeconds int64
	Editable       bool // by the contact itself
	Hidden         bool // from roles that only look
	Position       int
	// Filterable says that the property has an index for rules.
	Filterable bool
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// Forever is the ExpiresSeconds of values that stay.
const Forever = -1

// Fold is text as rules compare it: composed (NFC) and in lower case. Accents
// stay: é is not e. Both databases compare what Go has folded, byte by byte,
// because each of them folds different letters.
func Fold(text string) string {
	return strings.ToLower(norm.NFC.String(text))
}
