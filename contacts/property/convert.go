package property

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Convertible reports whether any value of one type can become one of another.
// Whether a certain value can, Convert says.
func Convertible(from, to Type) bool {
	textual := func(t Type) bool {
		return t == Text || t == Word || t == Enum || t == List || t == Collection
	}
	number := func(t Type) bool { return t.Comparison() == AsNumber }
	switch {
	case from == to, textual(to), textual(from):
		return true
	case number(from):
		return number(to) || to == Checkbox
	case from == Checkbox:
		return number(to)
	default:
		return false
	}
}

// Convert makes a value of the property c out of one in the stored form of
// another type. A reason says why it can't be done, in words that follow the
// value. true and false become 1 and 0, the texts of a collection one text with
// | between them.
func (c *Checker) Convert(from Type, stored json.RawMessage) (json.RawMessage, string) {
	if !Convertible(from, c.Type) {
		return nil, fmt.Sprintf("can't become a %s: a %s has nothing of it", c.Type, from)
	}
	if from == c.Type || (from.Comparison() == AsNumber && c.Type.Comparison() == AsNumber) {
		return c.Check(stored)
	}
	if from == Checkbox && c.Type.Comparison() == AsNumber {
		switch string(stored) {
		case "true":
			return c.number("1", "")
		case "false":
			return c.number("0", "")
		}
	}
	text, ok := Plain(stored)
	if !ok {
		return nil, fmt.Sprintf("is no stored value of a %s", from)
	}
	if c.Type == Text {
		return c.text(text) // as it is, with the white space around it
	}
	if text == "" && c.Type == Collection {
		return json.RawMessage("[]"), ""
	}
	return c.Parse(text)
}

// Plain is a stored value as a text for people and files; Parse reads it back.
// ok is false if it is no stored value.
func Plain(stored json.RawMessage) (text string, ok bool) {
	var v any
	decoder := json.NewDecoder(strings.NewReader(string(stored)))
	decoder.UseNumber()
	if err := decoder.Decode(&v); err != nil {
		return "", false
	}
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return string(stored), true
	case []any:
		items := make([]string, 0, len(v))
		for _, item := range v {
			s, ok := item.(string)
			if !ok {
				return "", false
			}
			items = append(items, s)
		}
		return strings.Join(items, "|"), true
	}
	return "", false
}

// Shown is a wrong value as an error repeats it.
func Shown(value json.RawMessage) any {
	var v any
	if json.Unmarshal(value, &v) != nil {
		return string(value)
	}
	return v
}
