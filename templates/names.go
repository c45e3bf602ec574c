package templates

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

var (
	liquidPart = regexp.MustCompile(`(?s)\{\{.*?\}\}|\{%.*?%\}`)
	quotedText = regexp.MustCompile(`"[^"]*"|'[^']*'`)
	dottedName = regexp.MustCompile(`\b(contact\.attributes|contact|row|campaign)\.([A-Za-z_][A-Za-z0-9_-]*)`)
)

// name is a value that a template asks for by an object and its field.
type name struct{ object, field string }

// names adds the values that a source asks for.
func names(known []name, source string) []name {
	for _, part := range liquidPart.FindAllString(source, -1) {
		for _, found := range dottedName.FindAllStringSubmatch(quotedText.ReplaceAllString(part, ""), -1) {
			n := name{found[1], found[2]}
			if n == (name{"contact", attributesKey}) {
				continue // contact.attributes["key"] or all of them
			}
			if !slices.Contains(known, n) {
				known = append(known, n)
			}
		}
	}
	return known
}

// Unknown says which values the templates ask for that nobody has, such as a
// misspelt contact.frist_name: they render as nothing. columns are those of the
// uploads that the audience names, attributes the keys of the account's
// properties.
func (c *Content) Unknown(columns, attributes []string) []string {
	var notices []string
	for _, n := range c.names {
		var there []string
		switch n.object {
		case "contact":
			there = append(slices.Sorted(maps.Keys(contactFields)), attributesKey)
		case "contact.attributes":
			there = attributes
		case "row":
			there = columns
		case "campaign":
			there = []string{"name"}
		}
		if slices.Contains(there, n.field) {
			continue
		}
		has := "there are none"
		if len(there) > 0 {
			has = "there are " + strings.Join(there, ", ")
		}
		notices = append(notices, fmt.Sprintf("%s.%s is not known and renders as nothing; under %s %s", n.object, n.field, n.object, has))
	}
	return notices
}
