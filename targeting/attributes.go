package targeting

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"carillon/internal/jsontext"
	"carillon/targeting/property"
)

// Attributes are a contact's values by the key of their property, in stored form
// (property.Checker). A missing key is no value.
type Attributes map[string]json.RawMessage

// JSON is the values as one object, its keys in order.
func (a Attributes) JSON() string {
	if len(a) == 0 {
		return "{}"
	}
	b := []byte{'{'}
	for i, key := range slices.Sorted(maps.Keys(a)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(jsontext.AppendString(b, key), ':')
		b = append(b, a[key]...)
	}
	return string(append(b, '}'))
}

// ParseAttributes reads what JSON wrote, in any spelling of a database.
func ParseAttributes(object []byte) (Attributes, error) {
	if len(object) <= len("{}") {
		return nil, nil
	}
	var a Attributes
	if err := json.Unmarshal(object, &a); err != nil {
		return nil, fmt.Errorf("read attributes: %w", err)
	}
	for key, value := range a {
		a[key] = Canonical(value)
	}
	return a, nil
}

// Canonical spells a stored value as property.Checker does: PostgreSQL puts
// spaces into arrays and escapes control characters in its own way.
func Canonical(value json.RawMessage) json.RawMessage {
	if len(value) == 0 || (value[0] != '"' && value[0] != '[') || (!bytes.ContainsAny(value, "\\") && value[0] == '"') {
		return value
	}
	if value[0] == '"' {
		var s string
		if json.Unmarshal(value, &s) == nil {
			return jsontext.AppendString(nil, s)
		}
		return value
	}
	var items []string
	if json.Unmarshal(value, &items) != nil {
		return value
	}
	b := []byte{'['}
	for i, item := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = jsontext.AppendString(b, item)
	}
	return append(b, ']')
}

// foldedPrefix stands before the keys of properties in the folded form.
const foldedPrefix = "attributes."

// Folded is the one place that makes contacts.folded (ADR 0011): a JSON object
// of the folded form of the names and of every text among the values; a missing
// or empty name has no key. Whoever writes a contact's names or attributes writes
// it with them.
func Folded(name, firstName, lastName string, attributes Attributes) string {
	b := append(make([]byte, 0, 64), '{')
	put := func(key string) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(jsontext.AppendString(b, key), ':')
	}
	for _, column := range [...]struct{ key, value string }{{"first_name", firstName}, {"last_name", lastName}, {"name", name}} {
		if column.value != "" {
			put(column.key)
			b = jsontext.AppendString(b, property.Fold(column.value))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(attributes)) {
		switch value := attributes[key]; value[0] {
		case '"':
			var text string
			if json.Unmarshal(value, &text) == nil {
				put(foldedPrefix + key)
				b = jsontext.AppendString(b, property.Fold(text))
			}
		case '[':
			var items []string
			if json.Unmarshal(value, &items) == nil {
				put(foldedPrefix + key)
				b = append(b, '[')
				for i, item := range items {
					if i > 0 {
						b = append(b, ',')
					}
					b = jsontext.AppendString(b, property.Fold(item))
				}
				b = append(b, ']')
			}
		}
	}
	return string(append(b, '}'))
}
