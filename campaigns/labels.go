package campaigns

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"carillon/contacts/property"
	"carillon/internal/fault"
)

// Bounds of what people keep about a campaign.
const (
	mostTags = 20
	maxTag   = 50     // characters
	maxNotes = 10_000 // characters
)

// Archived says which campaigns are listed.
type Archived string

// The choices.
const (
	WithoutArchived Archived = ""
	OnlyArchived    Archived = "only"
	AlsoArchived    Archived = "also"
)

// Filter says which campaigns are listed; the zero value all that are not archived.
type Filter struct {
	Status Status
	// Tag is one that they have, in any case.
	Tag string
	// Search is what their name or their notes contain, in any case.
	Search   string
	Archived Archived
}

// Normal is the filter as it is compared.
func (f Filter) Normal() Filter {
	f.Tag, f.Search = property.Fold(strings.TrimSpace(f.Tag)), property.Fold(strings.TrimSpace(f.Search))
	return f
}

// Searches reports whether a campaign of this name and these notes is meant by a
// normal filter.
func (f Filter) Searches(name, notes string) bool {
	return f.Search == "" || strings.Contains(property.Fold(name), f.Search) || strings.Contains(property.Fold(notes), f.Search)
}

// normalTags are tags as they are kept: lower case, each once, in order.
func normalTags(tags []string) (list []string, wrong []fault.Field) {
	for i, given := range tags {
		tag := property.Fold(strings.Join(strings.Fields(given), " "))
		if n := utf8.RuneCountInString(tag); n == 0 || n > maxTag || strings.ContainsFunc(tag, unicode.IsControl) {
			wrong = append(wrong, fault.Field{
				Location: fmt.Sprintf("tags[%d]", i), Value: given, Message: fmt.Sprintf("must have 1 to %d characters, none of which is a control character", maxTag),
			})
			continue
		}
		list = append(list, tag)
	}
	slices.Sort(list)
	if list = slices.Compact(list); len(list) > mostTags {
		wrong = append(wrong, fault.Field{Location: "tags", Value: len(list), Message: fmt.Sprintf("a campaign has at most %d", mostTags)})
	}
	return list, wrong
}

// label checks and normalizes what people keep about a campaign.
func (c *Campaign) label() (wrong []fault.Field) {
	c.Tags, wrong = normalTags(c.Tags)
	if c.Notes = strings.TrimSpace(c.Notes); utf8.RuneCountInString(c.Notes) > maxNotes {
		wrong = append(wrong, fault.Field{Location: "notes", Message: fmt.Sprintf("must have at most %d characters", maxNotes)})
	}
	return wrong
}
