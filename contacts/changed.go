package contacts

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"carillon/providers"
)

// Copy is the contact as it is now, whatever becomes of c.
func (c *Contact) Copy() Contact {
	was := *c
	was.Addresses, was.Attributes = maps.Clone(c.Addresses), maps.Clone(c.Attributes)
	was.Free.Custom, was.Free.Additional = maps.Clone(c.Free.Custom), maps.Clone(c.Free.Additional)
	return was
}

// Changed are the names of what of a contact is not as it was, in their order.
func (c *Contact) Changed(was Contact) (names []string) {
	for _, field := range []struct{ name, now, was string }{
		{"external_id", c.ExternalID, was.ExternalID}, {"name", c.Name, was.Name}, {"first_name", c.FirstName, was.FirstName},
		{"last_name", c.LastName, was.LastName}, {"language", c.Language, was.Language}, {"timezone", c.Timezone, was.Timezone},
		{"status", string(c.Status), string(was.Status)},
	} {
		if field.now != field.was {
			names = append(names, field.name)
		}
	}
	for _, kind := range providers.AddressKinds() {
		if c.Addresses[kind] != was.Addresses[kind] {
			names = append(names, "addresses."+string(kind))
		}
	}
	for _, part := range []struct {
		prefix   string
		now, was Attributes
	}{{AttributePrefix, c.Attributes, was.Attributes}, {"free.", c.Free.Custom, was.Free.Custom}, {"additional.", c.Free.Additional, was.Free.Additional}} {
		keys := map[string]bool{}
		for _, set := range []map[string]json.RawMessage{part.now, part.was} {
			for key := range set {
				if !bytes.Equal(part.now[key], part.was[key]) {
					keys[key] = true
				}
			}
		}
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			names = append(names, part.prefix+key)
		}
	}
	return names
}
