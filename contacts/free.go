package contacts

import (
	"encoding/json"
	"fmt"
	"time"

	"carillon/contacts/property"
	"carillon/internal/fault"
	"carillon/providers"
)

// Free is what programs keep of a contact that no property takes. Rules do not see it.
type Free struct {
	// Custom are values of keys that no property has, or that do not fit their property.
	Custom Attributes `json:"custom,omitempty"`
	// Additional is whatever else programs keep beside them.
	Additional Attributes `json:"additional,omitempty"`
}

// maxFree bounds what programs keep of one contact, in bytes of JSON.
const maxFree = 64 << 10

// put keeps a value that no property takes; null takes it away.
func (f *Free) put(key string, value json.RawMessage) {
	if string(value) == "null" {
		delete(f.Custom, key)
		return
	}
	if f.Custom == nil {
		f.Custom = Attributes{}
	}
	f.Custom[key] = value
}

// Adopt gives a property what was kept under one of keys before there was the property, and
// reports whether it took a value. One that does not fit, and is not the text of one or has
// none that does, stays as it is kept.
func (c *Contact) Adopt(p *property.Checker, keys []string, now time.Time) bool {
	for _, key := range keys {
		value, kept := c.Free.Custom[key]
		if _, has := c.Attributes[p.Key]; has || !kept {
			continue
		}
		stored, reason := p.Check(value)
		if reason != "" {
			stored, reason = p.Convert(typeOf(value), value)
		}
		if reason == "" && stored != nil {
			c.Write(p.Property, stored, now)
			delete(c.Free.Custom, key)
			return true
		}
	}
	return false
}

// typeOf is the type of a property that might have a value.
func typeOf(value json.RawMessage) property.Type {
	switch value[0] {
	case 't', 'f':
		return property.Checkbox
	case '[':
		return property.Collection
	case '"', '{':
		return property.Text
	default:
		return property.Number
	}
}

// add changes the values beside; null takes one away.
func (f *Free) add(values Attributes) error {
	for key, value := range values {
		if string(value) == "null" {
			delete(f.Additional, key)
			continue
		}
		if f.Additional == nil {
			f.Additional = Attributes{}
		}
		f.Additional[key] = value
	}
	return f.check()
}

// Keep changes what programs keep beside the contact's values; null takes a value away.
func (c *Contact) Keep(values Attributes) error { return c.Free.add(values) }

// check refuses what is too much.
func (f *Free) check() error {
	if text := f.JSON(); len(text) > maxFree {
		return fault.InvalidField("attributes", len(text),
			"what no property takes of one contact has at most %d bytes: create properties, or leave some out", maxFree)
	}
	return nil
}

// JSON is how it is kept.
func (f *Free) JSON() string {
	if len(f.Custom) == 0 && len(f.Additional) == 0 {
		return "{}"
	}
	return `{"custom":` + f.Custom.JSON() + `,"additional":` + f.Additional.JSON() + "}"
}

// ParseFree reads what JSON wrote.
func ParseFree(object []byte) (f Free, err error) {
	if len(object) <= len("{}") {
		return f, nil
	}
	if err := json.Unmarshal(object, &f); err != nil {
		return f, fmt.Errorf("read what no property takes: %w", err)
	}
	return f, nil
}

// numbered are the kinds of addresses that one phone number may be.
var numbered = []providers.AddressKind{providers.Phone, providers.SMS, providers.WhatsApp}

// follow gives the contact a phone number for everything that goes to phones. An address for
// texts or WhatsApp that was another number than the one before stays as it is.
func (c *Contact) follow(before, number string) {
	if before == "" && number == "" {
		return
	}
	if c.Addresses == nil {
		c.Addresses = map[providers.AddressKind]string{}
	}
	for _, kind := range numbered {
		if has := c.Addresses[kind]; kind == providers.Phone || has == "" || has == before {
			c.Addresses[kind] = number
		}
	}
}
