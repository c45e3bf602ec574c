package contacts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"carillon/contacts/property"
	"carillon/internal/fault"
	"carillon/internal/jsontext"
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

// AttributePrefix stands before the keys of properties in the folded form.
const AttributePrefix = "attributes."

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
				put(AttributePrefix + key)
				b = jsontext.AppendString(b, property.Fold(text))
			}
		case '[':
			var items []string
			if json.Unmarshal(value, &items) == nil {
				put(AttributePrefix + key)
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

// Settle checks the values in Given and makes them Attributes with their expiry,
// counted from now. A new contact gets the defaults of the properties that
// nothing is said of. The error names every value that is wrong with its
// property's rule, and then nothing is changed.
func (c *Contact) Settle(set PropertySet, now time.Time, isNew bool) error {
	var wrong []fault.Field
	settled := make(Attributes, len(c.Given))
	for _, key := range slices.Sorted(maps.Keys(c.Given)) {
		value := c.Given[key]
		location := AttributePrefix + key
		p, known := set[key]
		if c.Loose && !known {
			c.Free.put(key, value)
			continue
		}
		if !known {
			wrong = append(wrong, fault.Field{Location: location, Message: "there is no such property: create it first, or correct the key"})
			continue
		}
		if string(value) == "null" {
			settled[key] = nil
			c.Free.put(key, value)
			continue
		}
		stored, reason := p.Check(value)
		if c.Loose && reason != "" {
			settled[key] = nil
			c.Free.put(key, value)
			continue
		}
		c.Free.put(key, json.RawMessage("null"))
		if reason != "" {
			wrong = append(wrong, fault.Field{Location: location, Value: property.Shown(value), Message: reason})
			continue
		}
		settled[key] = stored
	}
	if err := errors.Join(fault.InvalidFields(wrong), c.Free.check()); err != nil {
		return err
	}
	if isNew {
		for key, p := range set {
			if _, said := settled[key]; !said && len(p.Default) > 0 {
				settled[key] = p.Default
			}
		}
	}
	for key, stored := range settled {
		c.Write(set[key].Property, stored, now)
	}
	c.Given = nil
	return nil
}

// Write writes the value of a property in its stored form, nil for none.
func (c *Contact) Write(p property.Property, stored json.RawMessage, now time.Time) {
	key := p.Key
	delete(c.Expiry, key)
	if stored == nil {
		delete(c.Attributes, key)
		delete(c.ChangedAt, key)
		return
	}
	if c.Attributes == nil {
		c.Attributes = Attributes{}
	}
	if !bytes.Equal(c.Attributes[key], stored) {
		c.changed(key, now)
	}
	c.Attributes[key] = stored
	if p.Expires > 0 {
		if c.Expiry == nil {
			c.Expiry = map[string]time.Time{}
		}
		c.Expiry[key] = now.Add(p.Expires).Truncate(time.Millisecond).UTC()
	}
}

// changed keeps when the value of a property was last changed.
func (c *Contact) changed(key string, at time.Time) {
	if c.ChangedAt == nil {
		c.ChangedAt = map[string]time.Time{}
	}
	c.ChangedAt[key] = at.Truncate(time.Millisecond).UTC()
}

// Forget takes the values away whose time is over, and reports whether there
// were any.
func (c *Contact) Forget(now time.Time) (changed bool) {
	for key, at := range c.Expiry {
		if !at.After(now) {
			delete(c.Expiry, key)
			delete(c.ChangedAt, key)
			delete(c.Attributes, key)
			changed = true
		}
	}
	return changed
}

// Folded is what rules compare of the contact.
func (c *Contact) Folded() string { return Folded(c.Name, c.FirstName, c.LastName, c.Attributes) }
