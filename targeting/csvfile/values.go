package csvfile

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"carillon/internal/fault"
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
	countryNames                map[string]string
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
		if err != nil || t == language.Und || len(v) > 35 || strings.HasPrefix(strings.ToLower(v), "x-") {
			return answer{reason: "no language tag (BCP 47) such as de, en-GB or pt-BR"}
		}
		return answer{value: t.String()}
	})
}

func (vs *values) timezone(v string) (name, reason string) {
	return vs.zones.get(v, func(v string) answer {
		const reason = "no time zone of the IANA database such as Europe/Berlin or UTC"
		area, _, slash := strings.Cut(v, "/")
		switch {
		// What else lies in a machine's zoneinfo folder.
		case area == "posix", area == "right", area == "Local", len(v) > 64,
			!slash && (v == "Factory" || strings.ToLower(v) == v):
			return answer{reason: reason}
		}
		if _, err := time.LoadLocation(v); err != nil {
			return answer{reason: reason}
		}
		return answer{value: strings.Clone(v)}
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
		if code := vs.countryByName(v); code != "" {
			return answer{value: code}
		}
		return answer{reason: "no country: give its ISO 3166 code such as DE, or its name in English, German, Spanish, French, Italian or Portuguese"}
	})
}

// countryByName finds a country by its name in the languages of headers or in
// its own.
func (vs *values) countryByName(v string) string {
	if vs.countryNames == nil {
		vs.countryNames = make(map[string]string)
		namers := []display.Namer{
			display.English.Regions(), display.German.Regions(), display.Spanish.Regions(),
			display.French.Regions(), display.Italian.Regions(), display.Portuguese.Regions(),
		}
		for a := 'A'; a <= 'Z'; a++ {
			for b := 'A'; b <= 'Z'; b++ {
				r, err := language.ParseRegion(string([]rune{a, b}))
				if err != nil || !r.IsCountry() || r.Canonicalize() != r {
					continue
				}
				for _, n := range namers {
					if name := squash(n.Name(r)); name != "" {
						vs.countryNames[name] = r.String()
					}
				}
			}
		}
		for name, code := range map[string]string{"usa": "US", "unitedstatesofamerica": "US", "greatbritain": "GB", "england": "GB", "holland": "NL", "czechrepublic": "CZ", "turkey": "TR"} {
			vs.countryNames[name] = code
		}
	}
	return vs.countryNames[squash(v)]
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
	return tooLong(v, MaxIDLength)
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
