package contacts

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"carillon/contacts/property"
	"carillon/internal/fault"
)

// DefinitionModel says of what an attribute is.
type DefinitionModel string

// The models.
const (
	OfContacts      DefinitionModel = "contact"
	OfConversations DefinitionModel = "conversation"
)

// Definition is what people are shown of an attribute. One of contacts stands for a property,
// which has the values; one of conversations is kept for those who show it, and used by nobody.
type Definition struct {
	ID, AccountID int64
	Model         DefinitionModel
	// Key is what programs call it: letters, digits, _, . and -. Property is the property's key.
	Key, Property string
	Name          string
	// Display is how it is shown: text, number, currency, percent, link, date, list or checkbox.
	Display     string
	Description string
	// Choices are the values that people are offered in a list; others are taken, too.
	Choices []string
	// Pattern and Cue are for those who have it entered.
	Pattern, Cue         string
	CreatedAt, UpdatedAt time.Time
}

// Displays are how attributes are shown.
func Displays() []string {
	return []string{"text", "number", "currency", "percent", "link", "date", "list", "checkbox"}
}

// displayed are the types of the properties of definitions: one of texts takes whatever is
// written, so that nothing of a list or a link is refused.
var displayed = map[string]property.Type{
	"text": property.Text, "number": property.Number, "currency": property.Currency, "percent": property.Percent,
	"link": property.Text, "date": property.Date, "list": property.Text, "checkbox": property.Checkbox,
}

// DisplayedAs is the type of the property of an attribute that is shown so; a text where nobody
// knows the display.
func DisplayedAs(display string) (typ property.Type, known bool) {
	if typ, known = displayed[display]; !known {
		typ = property.Text
	}
	return typ, known
}

// displayOf is how a property is shown of which nobody said it.
func displayOf(t property.Type) string {
	switch t {
	case property.Number, property.Currency, property.Percent, property.Link, property.Date, property.Checkbox:
		return string(t)
	case property.Enum, property.List:
		return "list"
	default:
		return "text"
	}
}

// DefinitionStore keeps definitions.
type DefinitionStore interface {
	// CreateDefinition keeps a new one, and with p its property; a key that is taken is a
	// Conflict, and so is one more than MaxDefinitions.
	CreateDefinition(ctx context.Context, d Definition, p *property.Property) (Definition, error)
	ListDefinitions(ctx context.Context, accountID int64) ([]Definition, error)
	// UpdateDefinition changes what people are shown; NotFound if there is none.
	UpdateDefinition(ctx context.Context, accountID, id int64, change func(*Definition) error) (Definition, error)
	// DeleteDefinition forgets one of conversations; that of a property goes with it.
	DeleteDefinition(ctx context.Context, accountID, id int64) error
}

// Definitions is the service for what people are shown of attributes. It is safe for
// concurrent use.
type Definitions struct {
	store      DefinitionStore
	properties *Properties
}

// NewDefinitions makes the service.
func NewDefinitions(store DefinitionStore, properties *Properties) *Definitions {
	return &Definitions{store, properties}
}

// Bounds of definitions.
const (
	// MaxDefinitions is how many attributes the conversations of an account have at most;
	// those of contacts are as many as properties.
	MaxDefinitions    = 200
	maxDefinitionKey  = 255 // letters: as a bound in the expression they take 10 MB and 30 ms at every start
	maxDefinitionText = 1000
	maxChoices        = 1000
)

var definitionKey = regexp.MustCompile(`^[\p{L}\p{N}_.\-]+$`)

func (d *Definition) check() error {
	var wrong []fault.Field
	if utf8.RuneCountInString(d.Key) > maxDefinitionKey || !definitionKey.MatchString(d.Key) {
		wrong = append(wrong, fault.Field{Location: "key", Value: d.Key, Message: "has 1 to 255 letters, digits, _, . and -"})
	}
	if _, known := displayed[d.Display]; !known {
		wrong = append(wrong, fault.Field{Location: "display", Value: d.Display, Message: "must be one of " + strings.Join(Displays(), ", ")})
	}
	for name, text := range map[string]*string{"name": &d.Name, "description": &d.Description, "pattern": &d.Pattern, "cue": &d.Cue} {
		if *text = strings.TrimSpace(*text); utf8.RuneCountInString(*text) > maxDefinitionText || !utf8.ValidString(*text) || strings.ContainsRune(*text, 0) {
			wrong = append(wrong, fault.Field{Location: name, Message: fmt.Sprintf("has at most %d letters", maxDefinitionText)})
		}
	}
	if len(d.Choices) > maxChoices {
		wrong = append(wrong, fault.Field{Location: "choices", Value: len(d.Choices), Message: fmt.Sprintf("at most %d", maxChoices)})
	}
	return fault.InvalidFields(wrong)
}

// propertyKey is a property's key that is like a definition's.
func propertyKey(key string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(key) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' && b.Len() > 0 || r == '_' && b.Len() > 0 {
			b.WriteRune(r)
			continue
		}
		// What a key can't have stands as its number, so that two keys stay two.
		fmt.Fprintf(&b, "x%x", r)
	}
	return b.String()[:min(b.Len(), 63)]
}

// Create makes a definition, and one of contacts with its property.
func (s *Definitions) Create(ctx context.Context, d Definition) (Definition, error) {
	if err := d.check(); err != nil {
		return Definition{}, err
	}
	if d.Model != OfContacts {
		d.Model = OfConversations
		return s.store.CreateDefinition(ctx, d, nil)
	}
	d.Property = propertyKey(d.Key)
	label := []rune(strings.Join(strings.Fields(d.Name), " "))
	c, err := property.Compile(property.Property{
		AccountID: d.AccountID, Key: d.Property, Label: string(label[:min(len(label), 100)]), Type: displayed[d.Display], Editable: true,
	})
	if err != nil {
		return Definition{}, err
	}
	return s.store.CreateDefinition(ctx, d, &c.Property)
}

// List lists the definitions of an account. Properties of which nobody said how they are
// shown are shown by their types.
func (s *Definitions) List(ctx context.Context, accountID int64) ([]Definition, error) {
	list, err := s.store.ListDefinitions(ctx, accountID)
	if err != nil {
		return nil, err
	}
	properties, err := s.properties.List(ctx, accountID)
	if err != nil {
		return nil, err
	}
	for i := range list {
		for _, p := range properties {
			if list[i].Model == OfContacts && p.Key == list[i].Property {
				list[i].describe(p)
			}
		}
	}
	return list, nil
}

// describe fills in what nobody said.
func (d *Definition) describe(p property.Property) {
	if d.Display != "" {
		return
	}
	d.Display, d.Name = displayOf(p.Type), p.Label
	if d.Name == "" {
		d.Name = p.Key
	}
	if d.Display == "list" {
		d.Choices = strings.Split(p.Rule, ",")
	}
}

// Get is one definition.
func (s *Definitions) Get(ctx context.Context, accountID, id int64) (Definition, error) {
	list, err := s.List(ctx, accountID)
	if err != nil {
		return Definition{}, err
	}
	for _, d := range list {
		if d.ID == id {
			return d, nil
		}
	}
	return Definition{}, fault.New(fault.NotFound, "there is no definition %d of an attribute", id)
}

// Update changes what people are shown. Another display may have the property's values
// converted, all of them or none.
func (s *Definitions) Update(ctx context.Context, accountID, id int64, change func(*Definition)) (Definition, error) {
	was, err := s.Get(ctx, accountID, id)
	if err != nil {
		return Definition{}, err
	}
	d := was
	change(&d)
	d.Key, d.Property, d.Model = was.Key, was.Property, was.Model
	if err := d.check(); err != nil {
		return Definition{}, err
	}
	if to := displayed[d.Display]; d.Model == OfContacts && to != displayed[was.Display] {
		if _, _, err := s.properties.Update(ctx, accountID, d.Property, PropertyChange{Type: &to}, false); err != nil {
			return Definition{}, err
		}
	}
	return s.store.UpdateDefinition(ctx, accountID, id, func(kept *Definition) error {
		kept.Name, kept.Display, kept.Description, kept.Choices, kept.Pattern, kept.Cue = d.Name, d.Display, d.Description, d.Choices, d.Pattern, d.Cue
		return nil
	})
}

// Delete forgets a definition, and one of contacts with its property and all its values.
func (s *Definitions) Delete(ctx context.Context, accountID, id int64) error {
	d, err := s.Get(ctx, accountID, id)
	if err != nil {
		return err
	}
	if d.Model == OfContacts {
		_, err = s.properties.Delete(ctx, accountID, d.Property, false)
		return err
	}
	return s.store.DeleteDefinition(ctx, accountID, id)
}
