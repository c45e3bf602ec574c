// Package reply owns what people mean when they answer a message with a word
// such as STOP or START: the words, by language, and how a text is compared with
// them. It must not know contacts or the store.
package reply

import (
	_ "embed" // the words
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"

	"carillon/contacts/property"
)

// Meaning is what a reply means.
type Meaning string

// The meanings.
const (
	OptOut Meaning = "opt_out"
	OptIn  Meaning = "opt_in"
	Help   Meaning = "help"
	// Near is nearly a word to opt out or in, or a short sentence with one in it: a
	// person has to read it.
	Near  Meaning = "near"
	Other Meaning = "other"
)

// Meanings lists those that a person may give a reply.
func Meanings() []Meaning { return []Meaning{OptOut, OptIn, Help, Other} }

// language is what a language's part of the data holds.
type language struct {
	OptOut       []string `json:"opt_out"`
	OptIn        []string `json:"opt_in"`
	Help         []string `json:"help"`
	Subject      string   `json:"subject"`
	Confirmation string   `json:"confirmation"`
}

//go:embed words.json
var words []byte

// book is the data, ready for looking words up.
type book struct {
	languages map[string]language
	meanings  map[string]Meaning // by folded word
	// near are the words, folded, that a text may be near to; within are those
	// that count in a sentence.
	near, within []string
}

// Short words are near to too many others, and shorter ones occur in too many
// sentences, in runes.
const (
	minNear   = 4
	minWithin = 4
	// maxSentence is how many words a sentence has that is read for one.
	maxSentence = 6
	// maxText is up to how many bytes a reply may be long to be a word.
	maxText = 200
)

var load = sync.OnceValue(func() *book {
	b := &book{meanings: map[string]Meaning{}}
	if err := json.Unmarshal(words, &b.languages); err != nil {
		panic("read words.json: " + err.Error())
	}
	for _, l := range b.languages {
		// Where languages differ, opting out wins.
		for _, part := range []struct {
			list    []string
			meaning Meaning
		}{{l.Help, Help}, {l.OptIn, OptIn}, {l.OptOut, OptOut}} {
			for _, word := range part.list {
				folded := Normal(word)
				if known := b.meanings[folded]; known == OptOut || (known == OptIn && part.meaning == Help) {
					continue
				}
				b.meanings[folded] = part.meaning
			}
		}
	}
	for word, meaning := range b.meanings {
		n := len([]rune(word))
		if meaning != Help && n >= minNear {
			b.near = append(b.near, word)
		}
		if meaning == OptOut && n >= minWithin {
			b.within = append(b.within, word)
		}
	}
	slices.Sort(b.near)
	slices.Sort(b.within)
	return b
})

// Normal is a text as it is compared: folded, without white space and
// punctuation at its ends, one space between words.
func Normal(text string) string {
	text = strings.TrimFunc(property.Fold(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
	return strings.Join(strings.Fields(text), " ")
}

// Word is a text as keywords are compared: Normal; empty if it is too long for one.
func Word(text string) string {
	if len(text) > maxText {
		return ""
	}
	return Normal(text)
}

// Interpret says what a reply means. A word counts if it is the whole text but
// for case, and white space and punctuation around it.
func Interpret(text string) Meaning {
	if text = strings.TrimSpace(text); len(text) > maxText {
		return Other
	}
	b, said := load(), Normal(text)
	if meaning, known := b.meanings[said]; known {
		return meaning
	}
	if said == "" {
		return Other
	}
	for _, word := range b.near {
		if within1(said, word) {
			return Near
		}
	}
	said = " " + strings.Join(strings.FieldsFunc(said, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && r != '-' }), " ") + " "
	if strings.Count(said, " ") <= maxSentence+1 {
		for _, word := range b.within {
			if strings.Contains(said, " "+word+" ") {
				return Near
			}
		}
	}
	return Other
}

// within1 reports whether one letter more, less or other makes a of b.
func within1(a, b string) bool {
	x, y := []rune(a), []rune(b)
	if len(x) > len(y) {
		x, y = y, x
	}
	if len(y)-len(x) > 1 {
		return false
	}
	i := 0
	for i < len(x) && x[i] == y[i] {
		i++
	}
	if len(x) == len(y) {
		return i == len(x) || string(x[i+1:]) == string(y[i+1:])
	}
	return string(x[i:]) == string(y[i+1:])
}

// Confirmation is what who opts out is told, once, in the language of a BCP 47
// tag, English where there is none: nothing but that it was done and how to come
// back.
func Confirmation(tag string) (subject, text string) {
	b := load()
	base, _, _ := strings.Cut(strings.ToLower(tag), "-")
	l, known := b.languages[base]
	if !known {
		l = b.languages["en"]
	}
	return l.Subject, l.Confirmation
}

// LanguageOf is the language of a word to opt out that only one language has;
// empty for every other text.
func LanguageOf(text string) string {
	said, found := Normal(text), ""
	for tag, l := range load().languages {
		for _, word := range l.OptOut {
			if Normal(word) != said {
				continue
			}
			if found != "" && found != tag {
				return ""
			}
			found = tag
		}
	}
	return found
}

// ParseMeaning reads a meaning that a person gave; the error lists them.
func ParseMeaning(word string) (Meaning, error) {
	if slices.Contains(Meanings(), Meaning(word)) {
		return Meaning(word), nil
	}
	return "", fmt.Errorf("is no meaning: use one of %v", Meanings())
}
