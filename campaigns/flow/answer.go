package flow

import (
	"encoding/json"
	"strings"

	"carillon/contacts/property"
	"carillon/contacts/value"
)

// Answer is a kind of answer.
type Answer string

// The kinds of answers, with the JSON that they are kept as.
const (
	Text     Answer = "text"     // string
	Number   Answer = "number"   // number
	Date     Answer = "date"     // string, 2006-01-02
	Email    Answer = "email"    // string, an address
	Phone    Answer = "phone"    // string, E.164
	Choice   Answer = "choice"   // string, one of the rule's
	Location Answer = "location" // string, "latitude,longitude"
	File     Answer = "file"     // string, an http or https URL
)

// types are the properties' types by which answers are read; e-mail addresses and phone
// numbers are none.
var types = map[Answer]property.Type{
	Text: property.Text, Number: property.Number, Date: property.Date, Choice: property.Enum, Location: property.Location, File: property.Link,
	Email: property.Text, Phone: property.Text,
}

// question is one that is ready to be asked.
type question struct {
	Question
	checker *property.Checker
	tries   int
}

// read makes an answer of a text: its stored form, or the reason why it is none.
func (q *question) read(text string) (stored json.RawMessage, reason string) {
	text = strings.TrimSpace(text)
	switch q.Type {
	case Email:
		if text, reason = value.Email(text); reason != "" {
			return nil, reason
		}
	case Phone:
		if text, reason = value.Phone(text, q.Country); reason != "" {
			return nil, reason
		}
	default:
	}
	if q.Type == Choice {
		// People answer with the number of a choice, too.
		if choices := q.checker.Choices(); len(text) > 0 && len(text) <= 3 {
			if n, ok := place(text, len(choices)); ok && !isChoice(choices, text) {
				text = choices[n-1]
			}
		}
	}
	return q.checker.Parse(text)
}

// place reads a place among n from 1 on, such as "2", "2." or "2)".
func place(text string, n int) (at int, ok bool) {
	text = strings.TrimRight(text, ".)")
	for _, digit := range text {
		if digit < '0' || digit > '9' {
			return 0, false
		}
		at = at*10 + int(digit-'0')
	}
	return at, text != "" && at >= 1 && at <= n
}

func isChoice(choices []string, text string) bool {
	for _, choice := range choices {
		if property.Fold(choice) == property.Fold(text) {
			return true
		}
	}
	return false
}

// madeUp are answers that a person might give, of which one fits most questions.
var madeUp = []string{
	"yes", "3", "5", "1", "4", "2", "no", "10", "2026-12-24", "1990-05-17", "ada@example.org", "+493012345678", "52.52,13.405", "https://example.org/file.pdf",
	"something longer that somebody writes",
}

// MadeUp is the nth of the answers to a step's question that could be given; false where
// none can be made up.
func (f *Flow) MadeUp(id string, n uint64) (text string, ok bool) {
	s := f.at[id]
	if s == nil || s.question == nil {
		return "", false
	}
	var fit []string
	for _, text := range append(s.question.checker.Choices(), madeUp...) {
		if _, reason := s.question.read(text); reason == "" {
			fit = append(fit, text)
		}
	}
	if len(fit) == 0 {
		return "", false
	}
	return fit[n%uint64(len(fit))], true
}
