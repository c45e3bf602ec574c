package access

import (
	"slices"
	"strings"

	"carillon/internal/fault"
)

// Field is a part of what is known of contacts: Addresses, Names, Attributes, or one attribute of
// them by its key, such as "attributes.birthday".
type Field string

// The fields that can be masked.
const (
	Addresses  Field = "addresses"
	Names      Field = "names"      // external ids among them
	Attributes Field = "attributes" // all of them
)

const (
	attributePrefix = string(Attributes) + "."
	maxMasks        = 100
	maxMaskedKey    = 63
)

// Masks say of fields of contacts which role sees them at least: Editor hides them from viewers and
// senders, Admin from editors, too. A field that is not among them is seen by every role.
type Masks map[Field]Role

// Validate refuses what masks nothing.
func (m Masks) Validate() error {
	if len(m) > maxMasks {
		return fault.InvalidField("masked", len(m), "has more than %d fields", maxMasks)
	}
	for field, role := range m {
		key, one := strings.CutPrefix(string(field), attributePrefix)
		if !one && !slices.Contains([]Field{Addresses, Names, Attributes}, field) || one && (key == "" || len(key) > maxMaskedKey) {
			return fault.InvalidField("masked", string(field), "is no field: name addresses, names, attributes, or one such as attributes.birthday")
		}
		if role != Editor && role != Admin {
			return fault.InvalidField("masked."+string(field), string(role), "names no role from which on it is seen: editor or admin")
		}
	}
	return nil
}

// Hidden is what a role does not see. Its zero value hides nothing.
type Hidden struct {
	Addresses, Names bool
	all              bool
	keys             map[string]bool
}

// For is what a role does not see.
func (m Masks) For(role Role) (h Hidden) {
	for field, from := range m {
		if role == Admin || role == Editor && from == Editor {
			continue
		}
		switch key, one := strings.CutPrefix(string(field), attributePrefix); {
		case one && h.keys == nil:
			h.keys = map[string]bool{key: true}
		case one:
			h.keys[key] = true
		case field == Addresses:
			h.Addresses = true
		case field == Names:
			h.Names = true
		case field == Attributes:
			h.all = true
		}
	}
	return h
}

// Attribute reports whether the attribute of a key is hidden.
func (h Hidden) Attribute(key string) bool { return h.all || h.keys[key] }

// Texts reports whether texts are hidden that may hold any field: what was written, rendered or
// uploaded. They are as soon as anything is.
func (h Hidden) Texts() bool { return h.Addresses || h.Names || h.all || len(h.keys) > 0 }
