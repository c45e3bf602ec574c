// Package value owns what a value of a contact is: e-mail addresses, phone
// numbers, the ids of messengers, languages, zones, countries, names and external
// ids, and the one form in which each is stored. It judges one value at a time,
// and must not know files, contacts or anything else that has values.
package value

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/language"

	"carillon/internal/fault"
	"carillon/internal/zone"
	"carillon/providers"
)

// The codes of what is wrong with a text.
const (
	CodeControl = "control"  // a NUL or another control character
	CodeTooLong = "too_long" // over its bound
	CodeID      = "bad_id"   // an id that several could have
)

// Bounds, in characters.
const (
	// MaxID is the longest external id.
	MaxID = 255
	// MaxName is the longest name, first or last name.
	MaxName = 255
	// maxWord is the longest text that may be a language's name, or is remembered.
	maxWord = 200
)

// maxCached bounds each cache: a file may hold any number of different wrong
// values.
const maxCached = 4096

// answer is what a value was found to be, or why it is none.
type answer struct{ value, reason string }

// cache remembers answers; values repeat on nearly every line of a file.
type cache map[string]answer

func (c cache) get(v string, find func(string) (value, reason string)) (value, reason string) {
	a, ok := c[v]
	if !ok {
		a.value, a.reason = find(v)
		if len(c) < maxCached && len(v) <= maxWord {
			c[strings.Clone(v)] = a
		}
	}
	return a.value, a.reason
}

// Parser judges the values of many contacts of one origin. It remembers what
// needs tables, and where phone numbers without + are dialled. It is not safe for
// concurrent use.
type Parser struct {
	defaultCountry              string
	languages, zones, countries cache
}

// NewParser makes a parser. defaultCountry is an ISO 3166 code or a country's
// name and may be empty; the error, of code Invalid, names default_country.
func NewParser(defaultCountry string) (*Parser, error) {
	p := &Parser{languages: cache{}, zones: cache{}, countries: cache{}}
	if defaultCountry = strings.TrimSpace(defaultCountry); defaultCountry != "" {
		code, reason := p.Country(defaultCountry)
		if reason == "" && phonenumbers.GetCountryCodeForRegion(code) == 0 {
			reason = "has no phone numbers of its own"
		}
		if reason != "" {
			return nil, fault.InvalidField("default_country", defaultCountry, "%s", reason)
		}
		p.defaultCountry = code
	}
	return p, nil
}

// Language is Language, remembered.
func (p *Parser) Language(v string) (tag, reason string) { return p.languages.get(v, Language) }

// Timezone is Timezone, remembered.
func (p *Parser) Timezone(v string) (name, reason string) { return p.zones.get(v, Timezone) }

// Country is Country, remembered.
func (p *Parser) Country(v string) (code, reason string) { return p.countries.get(v, Country) }

// Phone is Phone, in the parser's country where the contact has none.
func (p *Parser) Phone(v, country string) (e164, reason string) {
	if country == "" {
		country = p.defaultCountry
	}
	return Phone(v, country)
}

// Address is Address, in the parser's country where the contact has none.
func (p *Parser) Address(kind providers.AddressKind, v, country string) (normal, reason string) {
	if country == "" {
		country = p.defaultCountry
	}
	return Address(kind, v, country)
}

// Language reads a language's tag (BCP 47), or its name in one of many languages.
func Language(v string) (tag, reason string) {
	t, err := language.Parse(v)
	if err == nil && t != language.Und && len(v) <= 35 && !strings.HasPrefix(strings.ToLower(v), "x-") {
		return t.String(), ""
	}
	if tag := languageByName(v); tag != "" {
		return tag, ""
	}
	return "", "no language: give its tag (BCP 47) such as de, en-GB or pt-BR, or its name"
}

// languageByName reads a language's name, with a country's behind it in brackets
// or after a hyphen: Deutsch, German (Austria), English - United Kingdom.
func languageByName(v string) string {
	if len(v) > maxWord {
		return ""
	}
	base, place := v, ""
	if tag := knownLanguages()[Squash(v)]; tag != "" {
		return tag
	}
	if i := strings.IndexAny(v, "(-–,"); i > 0 {
		base, place = v[:i], strings.Trim(v[i:], "()-–, ")
	}
	tag := knownLanguages()[Squash(base)]
	if tag == "" || place == "" {
		return tag
	}
	code, reason := Country(place)
	if reason != "" {
		return tag
	}
	whole, err := language.Parse(tag + "-" + code)
	if err != nil {
		return tag
	}
	return whole.String()
}

// Timezone reads a zone's name: IANA's, or one that Windows or people use.
func Timezone(v string) (name, reason string) { return zone.Name(v) }

// Country reads a country's code (ISO 3166), or its name in one of many languages.
func Country(v string) (code, reason string) {
	if len(v) <= 3 {
		if r, err := language.ParseRegion(strings.ToUpper(v)); err == nil && r.IsCountry() {
			return r.Canonicalize().String(), ""
		}
		if strings.EqualFold(v, "uk") {
			return "GB", ""
		}
	}
	if code := knownCountries()[Squash(v)]; code != "" {
		return code, ""
	}
	return "", "no country: give its ISO 3166 code such as DE, or its name"
}

// Name collapses white space to single spaces, so that a name is one line. v is
// trimmed. A reason means that it is none, and code is one of the Code constants.
func Name(v string) (name, code, reason string) {
	clean := true
	for i, r := range v {
		switch {
		case r == ' ':
			clean = clean && v[i+1] != ' ' // v is trimmed, so a character follows
		case unicode.IsSpace(r):
			clean = false
		case unicode.IsControl(r):
			return "", CodeControl, "a control character (" + quoteRune(r) + ") in it"
		}
	}
	if !clean {
		v = strings.Join(strings.Fields(v), " ")
	}
	code, reason = CheckLength(v, MaxName)
	return v, code, reason
}

// CheckID says what is wrong with an external id, if anything is.
func CheckID(v string) (code, reason string) {
	for _, r := range v {
		if unicode.IsControl(r) {
			return CodeControl, "a control character (" + quoteRune(r) + ") in it"
		}
	}
	if rounded(v) {
		return CodeID, "a spreadsheet has turned the id into a rounded number, which others may share; format the column as text and export again"
	}
	return CheckLength(v, MaxID)
}

// rounded recognises 4.91512E+11 as a spreadsheet writes it.
func rounded(v string) bool {
	i := strings.Index(v, "E+")
	return i > 0 && len(v) >= i+4 && Digits(v[i+2:]) && Digits(v[:1]) && (i == 1 || strings.ContainsRune(".,", rune(v[1])) && i > 2 && Digits(v[2:i]))
}

// CheckLength says that a text is longer than limit, in characters, if it is.
func CheckLength(v string, limit int) (code, reason string) {
	if len(v) > limit && utf8.RuneCountInString(v) > limit {
		return CodeTooLong, fmt.Sprintf("longer than %d characters", limit)
	}
	return "", ""
}

// quoteRune shows a character so that invisible ones can be told.
func quoteRune(r rune) string {
	if unicode.IsPrint(r) {
		return strconv.Quote(string(r))
	}
	return fmt.Sprintf("U+%04X", r)
}
