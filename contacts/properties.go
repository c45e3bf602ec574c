package contacts

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"carillon/contacts/property"
	"carillon/internal/fault"
)

// MaxProperties is how many properties an account may have.
const MaxProperties = 200

// ConvertValue makes a stored value of a property's new definition out of an old
// one; a reason says why it can't be done.
type ConvertValue func(old json.RawMessage) (stored json.RawMessage, reason string)

// PropertyEffect is what changing or deleting a property does to values.
type PropertyEffect struct {
	// Values is how many contacts have one, Converted how many of those change.
	Values, Converted int64
	// Refused is how many can't be converted; nothing is changed unless it is 0.
	Refused int64
	// Examples are a few of those that can't.
	Examples []RefusedValue
	// JobID is the job that carries it out where there are many values; until it
	// is over, rules do not see those whose turn has not come. 0: it is done.
	JobID int64
}

// RefusedValue is a value that can't be converted, in stored form.
type RefusedValue struct {
	ContactID int64
	Value     json.RawMessage
	Reason    string
}

// maxRefusedExamples is how many of the values that can't be converted are
// shown.
const maxRefusedExamples = 10

// Note counts a value of a contact and what became of it, and reports whether
// the value has to be written.
func (e *PropertyEffect) Note(contactID int64, old, stored json.RawMessage, reason string) (changed bool) {
	e.Values++
	switch {
	case reason != "":
		e.Refused++
		if len(e.Examples) < maxRefusedExamples {
			e.Examples = append(e.Examples, RefusedValue{contactID, old, reason})
		}
	case !bytes.Equal(old, stored):
		e.Converted++
		return true
	}
	return false
}

// Err is the Conflict that names the values that can't be converted; nil if
// there are none.
func (e *PropertyEffect) Err(key string) error {
	if e.Refused == 0 {
		return nil
	}
	fields := make([]fault.Field, len(e.Examples))
	for i, x := range e.Examples {
		text, _ := property.Plain(x.Value)
		fields[i] = fault.Field{Location: "attributes." + key, Value: text, Message: fmt.Sprintf("the value of contact %d %s", x.ContactID, x.Reason)}
	}
	return &fault.Error{Code: fault.Conflict, Fields: fields, Message: fmt.Sprintf(
		"%d of the %d values of %q don't fit the new definition, and nothing was changed: correct them first, or choose another", e.Refused, e.Values, key)}
}

// PropertyStore keeps properties and their values.
type PropertyStore interface {
	// CreateProperty keeps a new property. A key or name that is taken, more than MaxProperties,
	// and a job that is still at the values of the key are a Conflict.
	CreateProperty(ctx context.Context, p property.Property) (property.Property, error)
	// GetProperty is NotFound if the account has no property of the key.
	GetProperty(ctx context.Context, accountID int64, key string) (property.Property, error)
	// ListProperties lists all of an account in the order of position and key.
	ListProperties(ctx context.Context, accountID int64) ([]property.Property, error)
	// PreviewValues says what convert would do to the values of a property; a nil
	// convert only counts them.
	PreviewValues(ctx context.Context, accountID int64, key string, convert ConvertValue) (PropertyEffect, error)
	// ChangeProperty makes was into p and converts its values unless convert is nil. It
	// is a Conflict, and nothing is changed, if the property is not as was any more, if
	// a value can't be converted, if a job is at its values, or if a rule would lose it;
	// NotFound if there is none any more.
	ChangeProperty(ctx context.Context, was, p property.Property, convert ConvertValue) (property.Property, PropertyEffect, error)
	// DeleteProperty forgets a property and its values. It is a Conflict while a job is
	// at its values or something uses it, and NotFound if there is none.
	DeleteProperty(ctx context.Context, accountID int64, key string) (PropertyEffect, error)
}

// Properties is the service for typed custom fields. It is safe for concurrent
// use.
type Properties struct{ store PropertyStore }

// NewProperties makes the service.
func NewProperties(store PropertyStore) *Properties { return &Properties{store: store} }

// PropertySet is the properties of an account by their keys.
type PropertySet map[string]*property.Checker

// Get is one property.
func (s *Properties) Get(ctx context.Context, accountID int64, key string) (property.Property, error) {
	return s.store.GetProperty(ctx, accountID, key)
}

// Find is the property that others call by its name, its key or its id, in this order.
func (s *Properties) Find(ctx context.Context, accountID int64, called string) (property.Property, error) {
	list, err := s.store.ListProperties(ctx, accountID)
	if err != nil {
		return property.Property{}, err
	}
	for _, is := range []func(p property.Property) bool{
		func(p property.Property) bool { return p.Called() == called },
		func(p property.Property) bool { return p.Key == called },
		func(p property.Property) bool { return strconv.FormatInt(p.ID, 10) == called },
	} {
		if i := slices.IndexFunc(list, is); i >= 0 {
			return list[i], nil
		}
	}
	return property.Property{}, fault.New(fault.NotFound, "there is no property %q", called)
}

// List lists all properties of an account in the order of position and key.
func (s *Properties) List(ctx context.Context, accountID int64) ([]property.Property, error) {
	return s.store.ListProperties(ctx, accountID)
}

// CompileProperties makes the set of some properties.
func CompileProperties(list []property.Property) (PropertySet, error) {
	set := make(PropertySet, len(list))
	for _, p := range list {
		c, err := property.Compile(p)
		if err != nil {
			return nil, fmt.Errorf("read property %s: %w", p.Key, err)
		}
		set[p.Key] = c
	}
	return set, nil
}

// Create checks and keeps a new property. One that has a name alone gets a key like it.
func (s *Properties) Create(ctx context.Context, p property.Property) (property.Property, error) {
	if p.Key == "" && p.Name != "" {
		list, err := s.store.ListProperties(ctx, p.AccountID)
		if err != nil {
			return property.Property{}, err
		}
		like := property.KeyOf(p.Name)
		p.Key = like
		for n := 2; slices.ContainsFunc(list, func(other property.Property) bool { return other.Key == p.Key }); n++ {
			if p.Name == like {
				break // which is taken as it stands
			}
			p.Key = fmt.Sprintf("%s_%d", like, n)
		}
	}
	c, err := property.Compile(p)
	if err != nil {
		return property.Property{}, err
	}
	return s.store.CreateProperty(ctx, c.Property)
}

// PropertyChange is what is to become of a property; nil leaves a field as it
// is. A Default of null takes it away.
type PropertyChange struct {
	Name, Label, Rule            *string
	Type                         *property.Type
	Default                      json.RawMessage
	Expires                      *time.Duration
	Editable, Hidden, Filterable *bool
	Position                     *int
}

// Apply makes the change; what comes out is not checked yet.
func (c PropertyChange) Apply(p property.Property) property.Property {
	if c.Name != nil {
		p.Name = *c.Name
	}
	if c.Label != nil {
		p.Label = *c.Label
	}
	if c.Type != nil && *c.Type != p.Type {
		// A constraint or default of another type means nothing; whoever wants one
		// says it with the type.
		if c.Rule == nil && !p.Type.SharesRules(*c.Type) {
			p.Rule = ""
		}
		if len(c.Default) == 0 && p.Type.Comparison() != c.Type.Comparison() {
			p.Default = nil
		}
		p.Type = *c.Type
	}
	if c.Rule != nil {
		p.Rule = *c.Rule
	}
	if len(c.Default) > 0 {
		p.Default = c.Default
		if string(c.Default) == "null" {
			p.Default = nil
		}
	}
	if c.Expires != nil {
		p.Expires = *c.Expires
	}
	for _, flag := range []struct{ to, from *bool }{{&p.Editable, c.Editable}, {&p.Hidden, c.Hidden}, {&p.Filterable, c.Filterable}} {
		if flag.from != nil {
			*flag.to = *flag.from
		}
	}
	if c.Position != nil {
		p.Position = *c.Position
	}
	return p
}

// Update changes a property. Where type or constraint change, every value is
// converted, or none: those that can't be are named by a Conflict. With dryRun
// nothing is changed, the effect says what would be, and the property is as it
// would become.
func (s *Properties) Update(ctx context.Context, accountID int64, key string, change PropertyChange, dryRun bool) (property.Property, PropertyEffect, error) {
	was, err := s.store.GetProperty(ctx, accountID, key)
	if err != nil {
		return property.Property{}, PropertyEffect{}, err
	}
	c, err := property.Compile(change.Apply(was))
	if err != nil {
		return property.Property{}, PropertyEffect{}, err
	}
	if !property.Convertible(was.Type, c.Type) {
		return property.Property{}, PropertyEffect{}, fault.InvalidField("type", string(c.Type),
			"a %s has nothing of a %s: no value could be converted; create another property, or delete this one first", was.Type, c.Type)
	}
	var convert ConvertValue
	if was.Type != c.Type || was.Rule != c.Rule {
		convert = func(old json.RawMessage) (json.RawMessage, string) { return c.Convert(was.Type, old) }
	}
	if dryRun {
		var effect PropertyEffect
		if convert != nil {
			effect, err = s.store.PreviewValues(ctx, accountID, key, convert)
		}
		return c.Property, effect, err
	}
	return s.store.ChangeProperty(ctx, was, c.Property, convert)
}

// Delete forgets a property and all its values. With dryRun nothing is changed
// and the effect says how many contacts have a value.
func (s *Properties) Delete(ctx context.Context, accountID int64, key string, dryRun bool) (PropertyEffect, error) {
	if dryRun {
		if _, err := s.store.GetProperty(ctx, accountID, key); err != nil {
			return PropertyEffect{}, err
		}
		return s.store.PreviewValues(ctx, accountID, key, nil)
	}
	return s.store.DeleteProperty(ctx, accountID, key)
}
