package messengerpeople

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/internal/fault"
	"carillon/targeting"
	"carillon/wording"
)

// custom is a property as clients read it.
type custom struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Type       string `json:"type"`
	Values     string `json:"values"`
	Expiration string `json:"expiration"`
	Editable   string `json:"editable"`
	Label      string `json:"label"`
	Position   string `json:"position"`
	Hidden     string `json:"hidden"`
	Default    string `json:"default"`
}

func customOf(p property.Property) custom {
	c := custom{
		ID: strconv.FormatInt(p.ID, 10), Name: p.Called(), Type: string(p.Type), Values: p.Rule, Expiration: "-1", Editable: flag(p.Editable),
		Label: p.Label, Position: strconv.Itoa(p.Position), Hidden: flag(p.Hidden),
	}
	if p.Expires > 0 {
		c.Expiration = strconv.FormatInt(int64(p.Expires/time.Second), 10)
	}
	if len(p.Default) > 0 {
		c.Default, _ = property.Plain(p.Default)
	}
	return c
}

func (s *Server) listProperties(ctx context.Context, a asked) (any, error) {
	var list []property.Property
	var err error
	if id := a.in["id"]; id != "" {
		p, err := s.Properties.Find(ctx, a.caller.AccountID, id)
		if err != nil {
			return nil, err
		}
		list = []property.Property{p}
	} else {
		hidden, err := a.Bool("hidden", false)
		if err != nil {
			return nil, err
		}
		if list, err = s.Properties.List(ctx, a.caller.AccountID); err != nil {
			return nil, err
		}
		list = slices.DeleteFunc(list, func(p property.Property) bool { return p.Hidden && !hidden })
	}
	shown := make([]custom, len(list))
	for i, p := range list {
		shown[i] = customOf(p)
	}
	return struct {
		Custom []custom `json:"custom"`
	}{shown}, err
}

// propertyTypes are the types that MessengerPeople names.
var propertyTypes = map[string]property.Type{
	"number": property.Number, "text": property.Text, "word": property.Word, "enum": property.Enum, "enumeration": property.Enum,
	"collection": property.Collection, "location": property.Location, "date": property.Date, "time": property.Time,
}

// propertyChange reads what POST and PUT of /custom may say.
func (a asked) propertyChange() (c contacts.PropertyChange, fallback *string, err error) {
	for _, text := range []struct {
		name string
		to   **string
	}{{"name", &c.Name}, {"values", &c.Rule}, {"label", &c.Label}, {"default", &fallback}} {
		if *text.to, err = a.given(text.name); err != nil {
			return c, nil, err
		}
	}
	kind, err := a.given("type")
	if err != nil {
		return c, nil, err
	}
	if kind != nil {
		typ, known := propertyTypes[strings.ToLower(*kind)]
		if !known {
			return c, nil, fault.InvalidField("type", *kind, "must be number, text, word, enum, collection, location, date or time")
		}
		c.Type = &typ
	}
	for _, flag := range []struct {
		name string
		to   **bool
	}{{"editable", &c.Editable}, {"hidden", &c.Hidden}} {
		if !a.Has(flag.name) {
			continue
		}
		is, err := a.Bool(flag.name, false)
		if err != nil {
			return c, nil, err
		}
		*flag.to = &is
	}
	if a.Has("position") {
		position, err := a.Int("position", 0)
		if err != nil {
			return c, nil, err
		}
		at := int(position)
		c.Position = &at
	}
	if a.Has("expiration") {
		c.Expires, err = a.expiration()
	}
	return c, fallback, err
}

func (a asked) expiration() (*time.Duration, error) {
	seconds, err := a.Int("expiration", -1)
	if err != nil {
		return nil, err
	}
	var expires time.Duration
	switch {
	case seconds == 0:
		return nil, fault.InvalidField("expiration", seconds, "values that are not kept are of no use here: give -1 for ever, or seconds")
	case seconds < -1 || seconds > int64(1<<40):
		return nil, fault.InvalidField("expiration", seconds, "must be -1 or a number of seconds")
	case seconds > 0:
		expires = time.Duration(min(seconds, int64(1<<33))) * time.Second // a longer one is refused by the property
	}
	return &expires, nil
}

func (s *Server) createProperty(ctx context.Context, a asked) (any, error) {
	for _, name := range []string{"name", "type"} {
		if _, err := a.needed(name); err != nil {
			return nil, err
		}
	}
	change, fallback, err := a.propertyChange()
	if err != nil {
		return nil, err
	}
	list, err := s.Properties.List(ctx, a.caller.AccountID)
	if err != nil {
		return nil, err
	}
	if change.Position == nil { // at the end
		end := 0
		for _, p := range list {
			end = max(end, p.Position+1)
		}
		change.Position = &end
	}
	p := change.Apply(property.Property{AccountID: a.caller.AccountID, Editable: true})
	if fallback != nil {
		like := p
		like.Key, like.Name = "like", ""
		if p.Default, err = parsed(like, "default", *fallback); err != nil {
			return nil, err
		}
	}
	made, err := s.Properties.Create(ctx, p)
	if err != nil {
		return nil, err
	}
	return identity{made.ID}, nil
}

// identity is the answer to what was made.
type identity struct {
	ID int64 `json:"id"`
}

// propertyNamed is the property that the parameter id names.
func (s *Server) propertyNamed(ctx context.Context, a asked, parameter string) (property.Property, error) {
	name, err := a.needed(parameter)
	if err != nil {
		return property.Property{}, err
	}
	return s.Properties.Find(ctx, a.caller.AccountID, strings.TrimSpace(name))
}

func (s *Server) changeProperty(ctx context.Context, a asked) (any, error) {
	p, err := s.propertyNamed(ctx, a, "id")
	if err != nil {
		return nil, err
	}
	change, fallback, err := a.propertyChange()
	if err != nil {
		return nil, err
	}
	if fallback != nil {
		like := change.Apply(p)
		like.Default = nil
		if change.Default, err = parsed(like, "default", *fallback); err != nil {
			return nil, err
		}
	}
	_, _, err = s.Properties.Update(ctx, a.caller.AccountID, p.Key, change, false)
	return nil, err
}

func (s *Server) deleteProperty(ctx context.Context, a asked) (any, error) {
	p, err := s.propertyNamed(ctx, a, "id")
	if err != nil {
		return nil, err
	}
	_, err = s.Properties.Delete(ctx, a.caller.AccountID, p.Key, false)
	return nil, err
}

func (s *Server) showValues(ctx context.Context, a asked) (any, error) {
	p, err := s.propertyNamed(ctx, a, "name")
	if err != nil {
		return nil, err
	}
	ids, err := a.List("id")
	if err != nil {
		return nil, err
	}
	f := targeting.DirectoryFilter{
		AccountID: a.caller.AccountID, Kinds: wording.Messengers(), Order: targeting.ByContactID, Attributes: true, Limit: 2 * mostUsers,
	}
	if len(ids) > 0 {
		if _, err := s.named(ctx, a, ids); err != nil {
			return nil, err
		}
		f.Addresses = addressesOf(ids)
	} else {
		// Everybody who has it, page by page.
		if f.Limit, f.Offset, err = a.page(mostAtOnce); err != nil {
			return nil, err
		}
		has, err := wording.Encoded(wording.Group("AND", []any{wording.Condition("attributes."+p.Key, "is_not_null", nil)}))
		if err != nil {
			return nil, err
		}
		if f.Among, err = s.Rules.Audience(ctx, a.caller.AccountID, has); err != nil {
			return nil, err
		}
	}
	list, err := s.Rules.Directory(ctx, f)
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	for _, e := range list {
		if stored, has := e.Attributes[p.Key]; has {
			values[userID(e.Address)], _ = property.Plain(stored)
		}
	}
	return struct {
		Property map[string]string `json:"property"`
	}{values}, nil
}

func (s *Server) setValues(ctx context.Context, a asked) (any, error) {
	ids, err := a.List("id")
	if err != nil {
		return nil, err
	}
	users, err := s.named(ctx, a, ids)
	if err != nil {
		return nil, err
	}
	name, err := a.needed("name")
	if err != nil {
		return nil, err
	}
	if a.Value("value") == nil {
		return nil, missing("value")
	}
	text, err := a.Text("value")
	if err != nil {
		return nil, err
	}
	key, stored, err := s.storedValue(ctx, a, name, text)
	if err != nil {
		return nil, err
	}
	_, err = s.Contacts.SetValues(ctx, a.caller.AccountID, contactsOf(users), key, stored)
	return nil, err
}

// label is a label as clients read it.
type label struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Color     string `json:"color"`
	TextColor string `json:"text_color"`
}

// mostLists is how many lists of a kind are shown.
const mostLists = 1000

func (s *Server) listLabels(ctx context.Context, a asked) (any, error) {
	list, err := s.Lists.List(ctx, a.caller.AccountID, contacts.Label, 0, mostLists)
	if err != nil {
		return nil, err
	}
	shown := make([]label, len(list))
	for i, l := range list {
		shown[i] = label{strconv.FormatInt(l.ID, 10), l.Name, l.Color, l.TextColor}
	}
	return struct {
		Labels []label `json:"labels"`
	}{shown}, nil
}

func (s *Server) createLabel(ctx context.Context, a asked) (any, error) {
	change, err := a.labelChange()
	if err != nil {
		return nil, err
	}
	l := contacts.List{AccountID: a.caller.AccountID, Kind: contacts.Label}
	for _, field := range []struct {
		to   *string
		from *string
	}{{&l.Name, change.Name}, {&l.Color, change.Color}, {&l.TextColor, change.TextColor}} {
		if field.from != nil {
			*field.to = *field.from
		}
	}
	made, err := s.Lists.Create(ctx, l)
	if err != nil {
		return nil, err
	}
	return identity{made.ID}, nil
}

// labelChange reads what a label is given; label is another word for its name.
func (a asked) labelChange() (c contacts.ListChange, err error) {
	for _, field := range []struct {
		name string
		to   **string
	}{{"label", &c.Name}, {"name", &c.Name}, {"color", &c.Color}, {"text_color", &c.TextColor}} {
		given, err := a.given(field.name)
		if err != nil {
			return c, err
		}
		if given != nil {
			*field.to = given
		}
	}
	return c, nil
}

func (s *Server) changeLabel(ctx context.Context, a asked) (any, error) {
	id, err := a.idOf("id")
	if err != nil {
		return nil, err
	}
	change, err := a.labelChange()
	if err != nil {
		return nil, err
	}
	_, err = s.Lists.Update(ctx, a.caller.AccountID, contacts.Label, id, change)
	return nil, err
}

func (s *Server) deleteLabels(ctx context.Context, a asked) (any, error) {
	list, err := a.List("id")
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, missing("id")
	}
	raw := make([]json.RawMessage, len(list))
	for i, id := range list {
		raw[i] = json.RawMessage(strconv.Quote(id))
	}
	ids, err := s.labelsOf(ctx, a, "id", raw)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if err := s.Lists.Delete(ctx, a.caller.AccountID, contacts.Label, id); err != nil {
			return nil, err
		}
	}
	return nil, nil
}
