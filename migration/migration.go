// Package migration reads the people, the definitions of their properties, their
// lists, rules and templates out of another system, through that system's own
// API, into a folder of files that a person can look into: contacts.csv is in the
// form that an import takes. It goes on where it was interrupted, asks no faster
// than it is told to, and knows nothing of how Carillon takes the files in.
package migration

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers"
	"carillon/templates"
)

// The systems that can be read.
const (
	MessengerPeople = "messengerpeople"
	Chatwoot        = "chatwoot"
	Chat44mp        = "chat44mp"
)

// Systems are their names.
func Systems() []string { return []string{MessengerPeople, Chatwoot, Chat44mp} }

// Options say what is read, and how.
type Options struct {
	// System is one of Systems, URL the address of its API.
	System, URL string
	Key         secret.String
	// Insecure lets the key travel without TLS to other machines.
	Insecure bool
	// Rate is the most requests a second.
	Rate float64
	// Country is the ISO 3166 code for phone numbers without +.
	Country string
	// Account is the number of Chatwoot's account; URL may name it instead.
	Account string
	// OptedOutLabels are labels of Chatwoot whose people want no newsletters.
	OptedOutLabels []string
	// Templates are the names of MessengerPeople's templates, for a server that lists none.
	Templates []string
	// IDs are the contacts of Chat44mp to ask for, Subscribers the Facebook ids, Pages the ids
	// of the pages whose labels are read: its API lists none of them.
	IDs                []Range
	Subscribers, Pages []string

	Clock clock.Clock
	// Transport carries the requests; nil is the usual one.
	Transport http.RoundTripper
}

// Range is a range of ids, both ends included.
type Range struct{ First, Last int64 }

// Definitions are everything but people.
type Definitions struct {
	Properties []Property `json:"properties"`
	Lists      []List     `json:"lists"`
	Rules      []Rule     `json:"rules"`
	Templates  []Template `json:"templates"`
	// Left is what can't come over, and why.
	Left []Left `json:"left_out"`
}

// Property is the definition of a property.
type Property struct {
	// Key is what the property is called in contacts.csv, Name what the source calls it, Number
	// its id there.
	Key    string `json:"key"`
	Name   string `json:"name"`
	Number string `json:"number,omitempty"`
	Label  string `json:"label,omitempty"`
	Type   string `json:"type"`
	// Display is how Chatwoot shows it, which says what filters may ask.
	Display  string          `json:"display,omitempty"`
	Rule     string          `json:"rule,omitempty"`
	Default  json.RawMessage `json:"default,omitempty"`
	Expires  int64           `json:"expires_seconds,omitempty"`
	Hidden   bool            `json:"hidden,omitempty"`
	Fixed    bool            `json:"not_editable,omitempty"`
	Position int             `json:"position,omitempty"`
}

// The kinds of lists, as their paths in /v1 are called.
const (
	Categories = "categories"
	Labels     = "labels"
)

// List is a category or a label.
type List struct {
	Kind string `json:"kind"`
	// Number is its id at the source.
	Number      string `json:"number"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Color       string `json:"color,omitempty"`
	TextColor   string `json:"text_color,omitempty"`
}

// Rule is a saved rule in the words of its system.
type Rule struct {
	Number string          `json:"number"`
	Name   string          `json:"name"`
	Query  json.RawMessage `json:"query"`
}

// Template is a message template in our form.
type Template struct {
	Name string `json:"name"`
	templates.Definition
}

// Left is something that does not come over.
type Left struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Person is somebody as the source has them.
type Person struct {
	// ID is the source's. Member says that this adds to somebody who is told elsewhere.
	ID         string                           `json:"id"`
	Member     bool                             `json:"member,omitempty"`
	ExternalID string                           `json:"external_id,omitempty"`
	Name       string                           `json:"name,omitempty"`
	FirstName  string                           `json:"first_name,omitempty"`
	LastName   string                           `json:"last_name,omitempty"`
	Language   string                           `json:"language,omitempty"`
	Addresses  map[providers.AddressKind]string `json:"addresses,omitempty"`
	// Attributes are values by the names of their properties.
	Attributes map[string]string `json:"attributes,omitempty"`
	Groups     []string          `json:"groups,omitempty"`
	Labels     []string          `json:"labels,omitempty"`
	Categories []string          `json:"categories,omitempty"`
	// Whoever is one of these is not written to.
	Blocked  bool `json:"blocked,omitempty"`
	Inactive bool `json:"inactive,omitempty"`
	OptedOut bool `json:"opted_out,omitempty"`
	Deleted  bool `json:"deleted,omitempty"`
	// Left says what of the person does not come over.
	Left []string `json:"left_out,omitempty"`
}

// setNumber makes a phone number the address for calls, short messages and WhatsApp.
func (p *Person) setNumber(number string) {
	if number = strings.TrimSpace(number); number == "" {
		return
	}
	for _, kind := range []providers.AddressKind{providers.Phone, providers.SMS, providers.WhatsApp} {
		if p.Addresses[kind] == "" {
			p.setAddress(kind, number)
		}
	}
}

func (p *Person) setAddress(kind providers.AddressKind, address string) {
	if address = strings.TrimSpace(address); address == "" {
		return
	}
	if p.Addresses == nil {
		p.Addresses = map[providers.AddressKind]string{}
	}
	p.Addresses[kind] = address
}

func (p *Person) setAttribute(name, text string) {
	if text == "" {
		return
	}
	if p.Attributes == nil {
		p.Attributes = map[string]string{}
	}
	p.Attributes[name] = text
}

// page is a part of the people.
type page struct {
	people []Person
	// next is where the next page is; empty behind the last.
	next string
	// total is how many people there are, as far as the source says it; 0 if not.
	total int64
}

// source is a system that is read.
type source interface {
	// definitions reads everything but people.
	definitions(ctx context.Context) (Definitions, error)
	// people reads the page at a place, of which the empty one is the first. The same place may
	// be asked for again, by another process, too.
	people(ctx context.Context, place string) (page, error)
	// scope says which part of the system is read: what was begun with one can't go on with another.
	scope() string
}

// newSource makes the reader of a system.
func newSource(o Options) (source, error) {
	if !slices.Contains(Systems(), o.System) {
		return nil, fault.InvalidField("system", o.System, "must be one of %s", strings.Join(Systems(), ", "))
	}
	switch o.System {
	case MessengerPeople:
		return newMessengerPeople(o)
	case Chatwoot:
		return newChatwoot(o)
	default:
		return newChat44mp(o)
	}
}
