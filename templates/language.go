package templates

import (
	"cmp"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// Choice says how a template came to the language in which it speaks to somebody.
type Choice string

// The choices, in the order in which they are tried.
const (
	ExactLanguage    Choice = "exact"    // the one that the contact has
	BaseLanguage     Choice = "base"     // the same without region or script: pt for pt-BR
	FallbackLanguage Choice = "fallback" // the first of the template's fallbacks that there is
	DefaultLanguage  Choice = "default"  // the template's own
)

// Languages are those in which a template speaks, and what it does for people who
// have none of them. Tags are as NormalLanguage writes them.
type Languages struct {
	Has      []string `json:"has"`
	Fallback []string `json:"fallback,omitempty"`
	Default  string   `json:"default"`
}

// Choose says in which language a template speaks to somebody who has the language
// wanted, which may be empty or nobody's. It always is one of Has if Default is.
func (l Languages) Choose(wanted string) (tag string, how Choice) {
	tag, ok := NormalLanguage(wanted)
	if ok && slices.Contains(l.Has, tag) {
		return tag, ExactLanguage
	}
	for ok {
		at := strings.LastIndexByte(tag, '-')
		if at < 0 {
			break
		}
		if tag = tag[:at]; slices.Contains(l.Has, tag) {
			return tag, BaseLanguage
		}
	}
	for _, next := range l.Fallback {
		if slices.Contains(l.Has, next) {
			return next, FallbackLanguage
		}
	}
	return l.Default, DefaultLanguage
}

// Coverage is how many people a template reaches in each language.
type Coverage struct {
	Languages []LanguageCount `json:"languages" doc:"How many people get the template in each of its languages."`
	Missing   []LanguageCount `json:"missing" doc:"How many people have a language that the template has not, neither exactly nor by its base; the largest first. Empty stands for people without a language."`
}

// LanguageCount is a number of people by a language.
type LanguageCount struct {
	Language string `json:"language"`
	People   int64  `json:"people"`
}

// Cover counts people by the languages in which they get a template; people are
// counts by the languages that contacts have.
func (l Languages) Cover(people map[string]int64) Coverage {
	got, missing := map[string]int64{}, map[string]int64{}
	for wanted, n := range people {
		tag, how := l.Choose(wanted)
		got[tag] += n
		if how == FallbackLanguage || how == DefaultLanguage {
			normal, _ := NormalLanguage(wanted)
			missing[normal] += n
		}
	}
	return Coverage{Languages: counted(got), Missing: counted(missing)}
}

func counted(people map[string]int64) []LanguageCount {
	list := make([]LanguageCount, 0, len(people))
	for tag, n := range people {
		list = append(list, LanguageCount{Language: tag, People: n})
	}
	slices.SortFunc(list, func(a, b LanguageCount) int {
		return cmp.Or(cmp.Compare(b.People, a.People), cmp.Compare(a.Language, b.Language))
	})
	return list
}

// maxLanguage bounds the tag of a language, in bytes (RFC 5646, section 4.4.1).
const maxLanguage = 35

// NormalLanguage is how a language's tag (BCP 47, or with _ as WhatsApp writes it) is
// written: pt-BR. ok is false for what is none.
func NormalLanguage(tag string) (normal string, ok bool) {
	if tag == "" || len(tag) > maxLanguage {
		return "", false
	}
	parsed, err := language.Parse(tag)
	if err != nil || parsed == language.Und || strings.HasPrefix(parsed.String(), "x-") || len(parsed.String()) > maxLanguage {
		return "", false
	}
	return parsed.String(), true
}
