package chatwoot

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"carillon/contacts"
	"carillon/internal/fault"
)

// defaultColor is that of a label of which nobody said one.
const defaultColor = "#1f93ff"

func showLabel(l contacts.List) map[string]any {
	color := defaultColor
	if l.Color != "" {
		color = "#" + strings.ToLower(l.Color)
	}
	return map[string]any{"id": l.ID, "title": l.Name, "description": l.Description, "color": color, "show_on_sidebar": true}
}

// colorOf is a color in six digits; there three are taken, too.
func colorOf(g given) string {
	text := strings.TrimPrefix(strings.TrimSpace(g.text("color")), "#")
	if len(text) == 3 {
		text = string([]byte{text[0], text[0], text[1], text[1], text[2], text[2]})
	}
	return text
}

var titleForm = regexp.MustCompile(`^[\p{L}\p{N}_-]+$`)

// title reads a label's title, in lower case.
func title(g given) (string, error) {
	text := strings.ToLower(strings.TrimSpace(g.text("title")))
	var w wrong
	if text == "" {
		w.add("title", "Title must not be blank")
	}
	if !titleForm.MatchString(text) {
		w.add("title", "Title should contain only letters, digits, hyphens and underscores")
	}
	return text, w.err()
}

// saidOfLabel says in Chatwoot's words why a label is not kept.
func saidOfLabel(err error) error {
	if fault.Is(err, fault.Conflict) && len(fieldsOf(err, fault.Conflict)) > 0 {
		return refuseField("title", "Title has already been taken")
	}
	return err
}

func (c *Server) listLabels(ctx context.Context, a asked) (any, error) {
	const page = 500
	shown := []any{}
	for after := int64(0); ; {
		list, err := c.Lists.List(ctx, a.account(), contacts.Label, after, page)
		if err != nil {
			return nil, err
		}
		for _, l := range list {
			shown, after = append(shown, showLabel(l)), l.ID
		}
		if len(list) < page {
			return map[string]any{"payload": shown}, nil
		}
	}
}

func (c *Server) createLabel(ctx context.Context, a asked) (any, error) {
	name, err := title(a.given)
	if err != nil {
		return nil, err
	}
	l, err := c.Lists.Create(ctx, contacts.List{
		AccountID: a.account(), Kind: contacts.Label, Name: name, Description: a.given.text("description"), Color: colorOf(a.given),
	})
	if err != nil {
		return nil, saidOfLabel(err)
	}
	return showLabel(l), nil
}

func (c *Server) showLabel(ctx context.Context, a asked) (any, error) {
	l, err := c.Lists.Get(ctx, a.account(), contacts.Label, a.ids[0])
	if err != nil {
		return nil, err
	}
	return showLabel(l), nil
}

func (c *Server) updateLabel(ctx context.Context, a asked) (any, error) {
	var change contacts.ListChange
	if a.given.has("title") {
		name, err := title(a.given)
		if err != nil {
			return nil, err
		}
		change.Name = &name
	}
	if a.given.has("description") {
		text := a.given.text("description")
		change.Description = &text
	}
	if a.given.has("color") {
		text := colorOf(a.given)
		change.Color = &text
	}
	l, err := c.Lists.Update(ctx, a.account(), contacts.Label, a.ids[0], change)
	if err != nil {
		return nil, saidOfLabel(err)
	}
	return showLabel(l), nil
}

func (c *Server) deleteLabel(ctx context.Context, a asked) (any, error) {
	return nothing(http.StatusOK), c.Lists.Delete(ctx, a.account(), contacts.Label, a.ids[0])
}

// displays are the types of attributes by their numbers.
var displays = contacts.Displays()

func showDefinition(d contacts.Definition) map[string]any {
	values := d.Choices
	if values == nil {
		values = []string{}
	}
	return map[string]any{
		"id": d.ID, "attribute_display_name": d.Name, "attribute_display_type": d.Display, "attribute_description": d.Description,
		"attribute_key": d.Key, "regex_pattern": orNull(d.Pattern), "regex_cue": orNull(d.Cue), "attribute_values": values,
		"attribute_model": string(d.Model) + "_attribute", "default_value": nil, "created_at": iso(d.CreatedAt), "updated_at": iso(d.UpdatedAt),
	}
}

// numbered reads a value that is given by its number or its name.
func numbered(text string, names []string) (name string, ok bool) {
	for i, name := range names {
		if text == name || text == string(rune('0'+i)) {
			return name, true
		}
	}
	return "", false
}

// models are those of attributes, by their numbers.
var models = []string{"conversation_attribute", "contact_attribute"}

// model reads of what an attribute is.
func model(g given) (contacts.DefinitionModel, error) {
	text := g.text("attribute_model")
	if text == "" {
		return contacts.OfConversations, nil
	}
	name, ok := numbered(text, models)
	if !ok {
		return "", refuseField("attribute_model", "'"+text+"' is not a valid attribute_model")
	}
	return contacts.DefinitionModel(strings.TrimSuffix(name, "_attribute")), nil
}

// defaults are the keys that attributes may not have.
var defaults = map[contacts.DefinitionModel][]string{
	contacts.OfContacts: {"name", "email", "phone_number", "identifier", "country_code", "city", "company_name", "created_at", "last_activity_at",
		"referer", "blocked"},
	contacts.OfConversations: {"status", "priority", "assignee_id", "inbox_id", "team_id", "display_id", "campaign_id", "labels", "browser_language",
		"country_code", "referer", "created_at", "last_activity_at"},
}

func (c *Server) listDefinitions(ctx context.Context, a asked) (any, error) {
	list, err := c.Definitions.List(ctx, a.account())
	if err != nil {
		return nil, err
	}
	of := contacts.DefinitionModel("")
	if a.given.text("attribute_model") != "" {
		if of, err = model(a.given); err != nil {
			return nil, err
		}
	}
	shown := []any{}
	for _, d := range list {
		if d.Model == contacts.OfContacts && isBeside(d.Property) || of != "" && d.Model != of {
			continue
		}
		shown = append(shown, showDefinition(d))
	}
	return shown, nil
}

// isBeside says whether a property has an additional attribute.
func isBeside(key string) bool {
	for _, beside := range besides {
		if beside == key {
			return true
		}
	}
	return false
}

// define reads what is to become of a definition.
func define(g given, d *contacts.Definition) error {
	if g.has("attribute_display_type") {
		text := g.text("attribute_display_type")
		name, ok := numbered(text, displays)
		if !ok {
			return refuseField("attribute_display_type", "'"+text+"' is not a valid attribute_display_type")
		}
		d.Display = name
	}
	for name, to := range map[string]*string{
		"attribute_display_name": &d.Name, "attribute_description": &d.Description, "regex_pattern": &d.Pattern, "regex_cue": &d.Cue,
	} {
		if g.has(name) {
			*to = g.text(name)
		}
	}
	if g.has("attribute_values") {
		d.Choices = g.texts("attribute_values")
	}
	return nil
}

// saidOfDefinition says in Chatwoot's words why a definition is not kept.
func saidOfDefinition(err error) error {
	if fields := fieldsOf(err, fault.Conflict); len(fields) > 0 && fields[0].Location == "key" {
		return refuseField("attribute_key", "Attribute key has already been taken")
	}
	if fields := fieldsOf(err, fault.Invalid); len(fields) > 0 && fields[0].Location == "key" {
		return refuseField("attribute_key", "Attribute key is invalid")
	}
	return err
}

func (c *Server) createDefinition(ctx context.Context, a asked) (any, error) {
	d := contacts.Definition{AccountID: a.account(), Key: strings.TrimSpace(a.given.text("attribute_key")), Display: displays[0]}
	var err error
	if d.Model, err = model(a.given); err != nil {
		return nil, err
	}
	if err := define(a.given, &d); err != nil {
		return nil, err
	}
	var w wrong
	if strings.TrimSpace(d.Name) == "" {
		w.add("attribute_display_name", "Attribute display name can't be blank")
	}
	if d.Key == "" {
		w.add("attribute_key", "Attribute key can't be blank")
	}
	for _, key := range defaults[d.Model] {
		if d.Key == key {
			w.add("attribute_key", "Attribute key The provided key is not allowed as it might conflict with default attributes.")
		}
	}
	if err := w.err(); err != nil {
		return nil, err
	}
	made, err := c.Definitions.Create(ctx, d)
	if err != nil {
		return nil, saidOfDefinition(err)
	}
	return showDefinition(made), nil
}

// definition is the one that the path names; those of additional attributes are none.
func (c *Server) definition(ctx context.Context, a asked) (contacts.Definition, error) {
	d, err := c.Definitions.Get(ctx, a.account(), a.ids[0])
	if err == nil && d.Model == contacts.OfContacts && isBeside(d.Property) {
		err = fault.New(fault.NotFound, "there is no such definition")
	}
	return d, err
}

func (c *Server) showDefinition(ctx context.Context, a asked) (any, error) {
	d, err := c.definition(ctx, a)
	if err != nil {
		return nil, err
	}
	return showDefinition(d), nil
}

func (c *Server) updateDefinition(ctx context.Context, a asked) (any, error) {
	was, err := c.definition(ctx, a)
	if err != nil {
		return nil, err
	}
	if err := define(a.given, &was); err != nil {
		return nil, err
	}
	d, err := c.Definitions.Update(ctx, a.account(), a.ids[0], func(d *contacts.Definition) { err = errors.Join(err, define(a.given, d)) })
	if err != nil {
		return nil, saidOfDefinition(err)
	}
	return showDefinition(d), nil
}

func (c *Server) deleteDefinition(ctx context.Context, a asked) (any, error) {
	if _, err := c.definition(ctx, a); err != nil {
		return nil, err
	}
	return nothing(http.StatusNoContent), c.Definitions.Delete(ctx, a.account(), a.ids[0])
}
