// Package tracking owns what becomes of the links of messages: how they are written into
// a text, where a click leads, what a person's click or open is and what is a machine's. It
// must not know campaigns, the store or HTTP.
package tracking

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"carillon/internal/fault"
)

// Settings are what of a campaign's messages is tracked; the zero value is nothing.
type Settings struct {
	Links      bool              `json:"links,omitempty" doc:"Links lead through this server, which counts the clicks."`
	Opens      bool              `json:"opens,omitempty" doc:"A picture at the end of the HTML tells that a mail was opened; e-mail only."`
	Parameters map[string]string `json:"parameters,omitempty" doc:"Added to the addresses that tracked links lead to, unless these have parameters of the names: {\"utm_source\": \"%SOURCE%\"}. %SOURCE% is the kind of the channel's addresses, such as email or whatsapp." example:"{\"utm_source\":\"news\"}"`
}

// Source is what stands in a parameter for the kind of the channel's addresses.
const Source = "%SOURCE%"

// Bounds of the parameters: what a campaign needs is some five of them.
const (
	mostParameters = 20
	mostValue      = 200 // bytes
)

var parameterName = regexp.MustCompile(`^[A-Za-z0-9_.~-]{1,50}$`)

// On reports whether anything is tracked.
func (s Settings) On() bool { return s.Links || s.Opens }

// IsZero reports whether nothing is said at all.
func (s Settings) IsZero() bool { return !s.On() && len(s.Parameters) == 0 }

// Where is where messages go that are tracked.
type Where struct {
	// Public says that recipients can reach this server.
	Public bool
	// Kind is the kind of the channel's addresses, HTML whether it carries HTML.
	Kind string
	HTML bool
}

// Check names what can't be meant.
func (s Settings) Check(w Where) (wrong []fault.Field) {
	add := func(location string, value any, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "tracking" + location, Value: value, Message: fmt.Sprintf(format, args...)})
	}
	if s.On() && !w.Public {
		add("", nil, "clicks and opens come to this server, and it has no public address: set public_url (CARILLON_PUBLIC_URL) first")
	}
	if s.Opens && !w.HTML {
		add(".opens", true, "opens are told by a picture in HTML, which a channel for %s does not carry: leave it out", w.Kind)
	}
	if len(s.Parameters) > 0 && !s.Links {
		add(".parameters", len(s.Parameters), "they are added to links that are tracked: set links, too")
	}
	if n := len(s.Parameters); n > mostParameters {
		add(".parameters", n, "must be %d at most", mostParameters)
		return wrong
	}
	for _, name := range slices.Sorted(maps.Keys(s.Parameters)) {
		value := s.Parameters[name]
		switch {
		case !parameterName.MatchString(name):
			add(".parameters", name, "a parameter's name has 1 to 50 letters, digits, _, -, . or ~, such as utm_source")
		case value == "" || len(value) > mostValue:
			add(".parameters."+name, value, "must have 1 to %d bytes, such as spring", mostValue)
		case strings.Contains(value, "{{") || strings.Contains(value, "{%"):
			add(".parameters."+name, value, "is added as it is, without Liquid: write a text; %s is the kind of the channel's addresses", Source)
		case strings.ContainsFunc(value, isControl):
			add(".parameters."+name, value, "must be one line")
		}
	}
	return wrong
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7f }

// Parameter is one that is added to an address.
type Parameter struct{ Name, Value string }

// For are the parameters of messages to a kind of addresses, in the order of their names.
func (s Settings) For(kind string) []Parameter {
	list := make([]Parameter, 0, len(s.Parameters))
	for _, name := range slices.Sorted(maps.Keys(s.Parameters)) {
		list = append(list, Parameter{name, strings.ReplaceAll(s.Parameters[name], Source, kind)})
	}
	return list
}
