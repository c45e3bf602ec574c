package csvfile

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"carillon/contacts/value"
	"carillon/providers"
)

// Said is what a line says of something that is true or not.
type Said int8

// The zero value says nothing.
const (
	Unsaid Said = 0
	Yes    Said = 1
	No     Said = -1
)

// Control is what a line says of whether its contact is written to, in the
// columns activated, deactivated, blocked and deleted. What no column says is
// left alone.
type Control struct{ Active, Blocked, Deleted Said }

// The bounds of a membership column.
const (
	// MaxMemberships is the most names that one cell may have.
	MaxMemberships = 100
	// MaxMembershipLength is the longest name of a group or label, in characters;
	// MaxCategoryLength that of a category.
	MaxMembershipLength = 255
	MaxCategoryLength   = 100
)

// Statuses are what a column status may say.
func Statuses() []string { return []string{"active", "inactive", "blocked", "deleted"} }

// Attribute is a property that a column may hold.
type Attribute struct {
	// Key names the property: a column of this name, or mapped to
	// attributes.<Key>, holds it. Name and Label are other names for such a column.
	Key, Name, Label string
	// Parse checks a cell, which is not empty, and gives the value as JSON; a
	// reason means that it can't be taken.
	Parse func(cell string) (value, reason string)
}

// Address is an address of a kind.
type Address struct {
	Kind  Field
	Value string
}

// Kind is the kind of address that a field holds; empty if it holds none.
func (f Field) Kind() providers.AddressKind {
	if value.KindIndex(providers.AddressKind(f)) < 0 {
		return ""
	}
	return providers.AddressKind(f)
}

// messengers are the fields of addresses that are neither e-mail nor phone.
func messengers() (fields []Field) {
	for _, kind := range value.Kinds() {
		if f := Field(kind); f.messenger() {
			fields = append(fields, f)
		}
	}
	return fields
}

func (f Field) messenger() bool { return f != FieldEmail && f != FieldPhone && f.Kind() != "" }

// messenger reads a column messenger: one of our kinds, or MessengerPeople's
// code for it (FACTS.md). Its IM, iMessage, is no kind that we have.
func messenger(v string) (kind Field, reason string) {
	kind = Field(strings.ToLower(v))
	if known := value.KindByCode(string(kind)); known != "" {
		return Field(known), ""
	}
	if !kind.messenger() {
		return "", "no messenger: use one of WB (WhatsApp), FB (Facebook), IN (Instagram), TG (Telegram), VI (Viber), WN (push), CC (custom), " +
			"or a kind of address such as sms"
	}
	return kind, ""
}

// attributePrefix begins the target of a mapping, and the header of a column,
// that is a property.
const attributePrefix = "attributes."

// exactNames are fields that a column is only by their own name: a "Tags" or a
// "State" of somebody else's may be anything.
func exactNames() []Field {
	return append(messengers(),
		FieldMessenger, FieldStatus, FieldActivated, FieldDeactivated, FieldBlocked, FieldDeleted,
		FieldGroups, FieldLabels, FieldCategories)
}

// yesOrNo reads a control column.
func yesOrNo(v string) (said Said, reason string) {
	switch strings.ToLower(v) {
	case "1", "true", "yes", "y", "ja":
		return Yes, ""
	case "0", "false", "no", "n", "nein":
		return No, ""
	}
	return Unsaid, "neither yes nor no: use 1 or 0; to keep the column for templates instead, map it to row"
}

// take notes what a control column says.
func (c *Control) take(f Field, v string) (reason string) {
	said, reason := yesOrNo(v)
	if reason != "" {
		return reason
	}
	switch f {
	case FieldBlocked:
		c.Blocked = said
	case FieldDeleted:
		c.Deleted = said
	default:
		if f == FieldDeactivated {
			said = -said
		}
		if c.Active == -said {
			return "activated and deactivated contradict each other"
		}
		c.Active = said
	}
	return ""
}

// status reads a column status.
func status(v string) (normal, reason string) {
	if normal = strings.ToLower(v); !slices.Contains(Statuses(), normal) {
		return "", "no status: use " + strings.Join(Statuses(), ", ") + "; to keep the column for templates instead, map it to row"
	}
	return normal, ""
}

// memberships reads a column of names, which vertical bars separate in our own
// files.
func memberships(f Field, how *style, v string) (names []string, code, reason string) {
	longest := MaxMembershipLength
	if f == FieldCategories {
		longest = MaxCategoryLength
	}
	for _, name := range how.names(v) {
		name = strings.Join(strings.Fields(name), " ")
		switch {
		case name == "" || slices.Contains(names, name):
			continue
		case utf8.RuneCountInString(name) > longest:
			return nil, CodeTooLong, fmt.Sprintf("a name is longer than %d characters", longest)
		case strings.ContainsFunc(name, unicode.IsControl):
			return nil, CodeControl, "a control character in a name"
		}
		if names = append(names, name); len(names) > MaxMemberships {
			return nil, CodeTooLong, fmt.Sprintf("more than %d names", MaxMemberships)
		}
	}
	return names, "", ""
}
