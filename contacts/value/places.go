package value

import (
	"strings"
	"sync"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// nameLanguages are the languages in which countries and languages are known by
// name, the ones that win first. What a language calls itself, and a country in
// its own, is known too.
const nameLanguages = "en de es fr it pt nl pl cs sk sv da nb fi hu ro tr ru uk el bg hr sl et lv lt ja zh ko ar he"

// knownCountries are ISO codes by the names of countries, squashed.
var knownCountries = sync.OnceValue(func() map[string]string {
	names := map[string]string{
		"usa": "US", "unitedstatesofamerica": "US", "greatbritain": "GB", "england": "GB", "scotland": "GB", "wales": "GB",
		"holland": "NL", "czechrepublic": "CZ", "turkey": "TR", "turkiye": "TR", "russianfederation": "RU", "republicofireland": "IE",
		"republicofkorea": "KR", "korea": "KR", "vietnam": "VN", "brd": "DE", "uae": "AE",
		"bundesrepublikdeutschland": "DE", "ceskarepublika": "CZ", "slovenskarepublika": "SK", "thenetherlands": "NL", "northernireland": "GB", "eire": "IE",
		"peoplesrepublicofchina": "CN", "prchina": "CN",
	}
	countries := allCountries()
	add := func(n display.Namer, r language.Region) {
		if name := Squash(n.Name(r)); name != "" && names[name] == "" {
			names[name] = r.String()
		}
	}
	for code := range strings.FieldsSeq(nameLanguages) {
		n := display.Regions(language.Make(code))
		for _, r := range countries {
			add(n, r)
		}
	}
	for _, r := range countries {
		if own, err := language.Compose(language.Und, r); err == nil {
			base, _ := own.Base()
			if n := display.Regions(language.Make(base.String())); n != nil {
				add(n, r)
			}
		}
	}
	return names
})

func allCountries() (countries []language.Region) {
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			r, err := language.ParseRegion(string([]rune{a, b}))
			if err == nil && r.IsCountry() && r.Canonicalize() == r {
				countries = append(countries, r)
			}
		}
	}
	return countries
}

// knownLanguages are tags by the names of languages, squashed.
var knownLanguages = sync.OnceValue(func() map[string]string {
	names := map[string]string{"mandarin": "zh", "farsi": "fa", "flemish": "nl", "vlaams": "nl", "castellano": "es", "norwegian": "nb", "norsk": "nb"}
	// Two letters are those that people speak to people in; the rest of the list
	// are the variants that have names of their own.
	var tags []language.Tag
	for a := 'a'; a <= 'z'; a++ {
		for b := 'a'; b <= 'z'; b++ {
			if base, err := language.ParseBase(string([]rune{a, b})); err == nil {
				tags = append(tags, language.Make(base.String()))
			}
		}
	}
	for code := range strings.FieldsSeq("en-GB en-US pt-BR pt-PT zh-Hans zh-Hant es-MX fr-CA fr-CH de-AT de-CH fil") {
		tags = append(tags, language.Make(code))
	}
	add := func(name string, t language.Tag) {
		if name = Squash(name); name != "" && names[name] == "" {
			names[name] = t.String()
		}
	}
	for code := range strings.FieldsSeq(nameLanguages) {
		n := display.Tags(language.Make(code))
		for _, t := range tags {
			add(n.Name(t), t)
		}
	}
	for _, t := range tags {
		add(display.Self.Name(t), t)
	}
	return names
})
