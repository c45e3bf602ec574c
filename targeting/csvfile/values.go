package csvfile

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
)

// maxCached bounds each cache: a file may hold any number of different wrong
// values.
const maxCached = 4096

// answer is what a value was found to be, or why it is none.
type answer struct{ value, reason string }

// cache remembers answers; values repeat on nearly every line.
type cache map[string]answer

func (c cache) get(v string, find func(string) answer) (value, reason string) {
	a, ok := c[v]
	if !ok {
		a = find(v)
		if len(c) < maxCached && len(v) <= maxShown {
			c[strings.Clone(v)] = a
		}
	}
	return a.value, a.reason
}

// values checks values that need tables.
type values struct {
	defaultCountry              string
	languages, zones, countries cache
}

func newValues(defaultCountry string) (*values, error) {
	vs := &values{languages: cache{}, zones: cache{}, countries: cache{}}
	if defaultCountry = strings.TrimSpace(defaultCountry); defaultCountry != "" {
		code, reason := vs.country(defaultCountry)
		if reason == "" && phonenumbers.GetCountryCodeForRegion(code) == 0 {
			reason = "has no phone numbers of its own"
		}
		if reason != "" {
			return nil, fault.InvalidField("default_country", defaultCountry, "%s", reason)
		}
		vs.defaultCountry = code
	}
	return vs, nil
}

func (vs *values) language(v string) (tag, reason string) {
	return vs.languages.get(v, func(v string) answer {
		t, err := language.Parse(v)
		if err == nil && t != language.Und && len(v) <= 35 && !strings.HasPrefix(strings.ToLower(v), "x-") {
			return answer{value: t.String()}
		}
		if tag := vs.languageByName(v); tag != "" {
			return answer{value: tag}
		}
		return answer{reason: "no language: give its tag (BCP 47) such as de, en-GB or pt-BR, or its name"}
	})
}

// languageByName reads a language's name, with a country's behind it in brackets
// or after a hyphen: Deutsch, German (Austria), English - United Kingdom.
func (vs *values) languageByName(v string) string {
	if len(v) > maxShown {
		return ""
	}
	base, place := v, ""
	if tag := knownLanguages()[squash(v)]; tag != "" {
		return tag
	}
	if i := strings.IndexAny(v, "(-–,"); i > 0 {
		base, place = v[:i], strings.Trim(v[i:], "()-–, ")
	}
	tag := knownLanguages()[squash(base)]
	if tag == "" || place == "" {
		return tag
	}
	code, reason := vs.country(place)
	if reason != "" {
		return tag
	}
	whole, err := language.Parse(tag + "-" + code)
	if err != nil {
		return tag
	}
	return whole.String()
}

func (vs *values) timezone(v string) (name, reason string) {
	return vs.zones.get(v, func(v string) answer {
		name, reason := zone.Name(v)
		return answer{name, reason}
	})
}

func (vs *values) country(v string) (code, reason string) {
	return vs.countries.get(v, func(v string) answer {
		if len(v) <= 3 {
			if r, err := language.ParseRegion(strings.ToUpper(v)); err == nil && r.IsCountry() {
				return answer{value: r.Canonicalize().String()}
			}
			if strings.EqualFold(v, "uk") {
				return answer{value: "GB"}
			}
		}
		if code := knownCountries()[squash(v)]; code != "" {
			return answer{value: code}
		}
		return answer{reason: "no country: give its ISO 3166 code such as DE, or its name"}
	})
}

// cleanName collapses white space to single spaces, so that a name is one line.
func cleanName(v string) (name, code, reason string) {
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
	code, reason = tooLong(v, MaxNameLength)
	return v, code, reason
}

func checkID(v string) (code, reason string) {
	for _, r := range v {
		if unicode.IsControl(r) {
			return CodeControl, "a control character (" + quoteRune(r) + ") in it"
		}
	}
	if rounded(v) {
		return CodeID, "a spreadsheet has turned the id into a rounded number, which others may share; format the column as text and export again"
	}
	return tooLong(v, MaxIDLength)
}

// rounded recognises 4.91512E+11 as a spreadsheet writes it.
func rounded(v string) bool {
	i := strings.Index(v, "E+")
	return i > 0 && len(v) >= i+4 && allDigits(v[i+2:]) && allDigits(v[:1]) && (i == 1 || strings.ContainsRune(".,", rune(v[1])) && i > 2 && allDigits(v[2:i]))
}

func tooLong(v string, limit int) (code, reason string) {
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
