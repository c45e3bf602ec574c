package api

import (
	"context"
	"net/http"
	"time"

	"carillon/access"
	"carillon/contacts"
)

// Definition is what people are shown of an attribute, of contacts or of conversations.
type Definition struct {
	ID          int64     `json:"id"`
	Model       string    `json:"model" enum:"contact,conversation"`
	Key         string    `json:"key" doc:"What programs call it; never changes."`
	Property    string    `json:"property,omitempty" doc:"Of one of contacts: the key of the property that has its values."`
	Name        string    `json:"name"`
	Display     string    `json:"display" enum:"text,number,currency,percent,link,date,list,checkbox"`
	Description string    `json:"description,omitempty"`
	Choices     []string  `json:"choices" doc:"Values that people are offered in a list; others are taken, too."`
	Pattern     string    `json:"pattern,omitempty" doc:"A regular expression for those who have it entered; values are not held to it."`
	Cue         string    `json:"cue,omitempty" doc:"What they say of it."`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

func (d Definition) identity() int64 { return d.ID }

// DefinitionFields is what people are shown of an attribute; what is absent stays.
type DefinitionFields struct {
	Name        Optional[string] `json:"name,omitzero" required:"false" maxLength:"1000" doc:"What people read."`
	Display     *string          `json:"display,omitempty" enum:"text,number,currency,percent,link,date,list,checkbox" doc:"How it is shown. Another one may convert the property's values, all of them or none."`
	Description Optional[string] `json:"description,omitzero" required:"false" maxLength:"1000"`
	Choices     *[]string        `json:"choices,omitempty" maxItems:"1000" doc:"Values that people are offered in a list; others are taken, too."`
	Pattern     Optional[string] `json:"pattern,omitzero" required:"false" maxLength:"1000" doc:"A regular expression for those who have it entered."`
	Cue         Optional[string] `json:"cue,omitzero" required:"false" maxLength:"1000" doc:"What they say of it."`
}

// DefinitionInput is what an attribute is made of.
type DefinitionInput struct {
	Model string `json:"model,omitempty" enum:"contact,conversation" doc:"contact if absent: it gets a property for its values."`
	Key   string `json:"key" minLength:"1" maxLength:"255" doc:"Letters, digits, _, . and -." example:"Shoe-Size"`
	DefinitionFields
}

type createDefinition struct{ Body DefinitionInput }

type changeDefinition struct {
	ByID
	Body DefinitionFields
}

func definitionView(d contacts.Definition) Definition {
	return Definition{
		ID: d.ID, Model: string(d.Model), Key: d.Key, Property: d.Property, Name: d.Name, Display: d.Display, Description: d.Description,
		Choices: append([]string{}, d.Choices...), Pattern: d.Pattern, Cue: d.Cue, CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt,
	}
}

func definitionOut(d contacts.Definition, err error) (*one[Definition], error) {
	if err != nil {
		return nil, err
	}
	return &one[Definition]{definitionView(d)}, nil
}

// apply changes what is given.
func (in DefinitionFields) apply(d *contacts.Definition) {
	for _, field := range []struct {
		to   *string
		from *string
	}{
		{&d.Name, in.Name.pointer()}, {&d.Display, in.Display}, {&d.Description, in.Description.pointer()}, {&d.Pattern, in.Pattern.pointer()},
		{&d.Cue, in.Cue.pointer()},
	} {
		if field.from != nil {
			*field.to = *field.from
		}
	}
	if in.Choices != nil {
		d.Choices = *in.Choices
	}
}

func (s *Server) attributeRoutes() {
	const path, tag = "/v1/attributes", "attributes"
	register(s, operation{id: "list-attributes", method: http.MethodGet, path: path, tag: tag,
		doc: "List what people are shown of the attributes of contacts and conversations", roles: mayLook,
		more: "All of them. Each property of contacts is one; /v1/properties says what its values keep to."},
		func(ctx context.Context, caller access.Caller, _ *struct{}) (*pageOut[Definition], error) {
			list, err := s.Definitions.List(ctx, caller.AccountID)
			if err != nil {
				return nil, err
			}
			return page(list, len(list), definitionView, func(d contacts.Definition) string { return idKey(d.ID) }), nil
		})
	register(s, operation{id: "create-attribute", method: http.MethodPost, path: path, tag: tag, doc: "Create an attribute, and one of contacts with its property",
		status: http.StatusCreated, roles: mayEdit},
		func(ctx context.Context, caller access.Caller, in *createDefinition) (*one[Definition], error) {
			d := contacts.Definition{AccountID: caller.AccountID, Model: contacts.OfContacts, Key: in.Body.Key, Name: in.Body.Key, Display: contacts.Displays()[0]}
			if in.Body.Model != "" {
				d.Model = contacts.DefinitionModel(in.Body.Model)
			}
			in.Body.apply(&d)
			return definitionOut(s.Definitions.Create(ctx, d))
		})
	register(s, operation{id: "get-attribute", method: http.MethodGet, path: path + "/{id}", tag: tag, doc: "Show an attribute", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[Definition], error) {
			return definitionOut(s.Definitions.Get(ctx, caller.AccountID, in.ID))
		})
	register(s, operation{id: "update-attribute", method: http.MethodPatch, path: path + "/{id}", tag: tag, doc: "Change what people are shown of an attribute",
		roles: mayEdit, more: "Another display may convert the property's values; if one can't be, nothing is changed."},
		func(ctx context.Context, caller access.Caller, in *changeDefinition) (*one[Definition], error) {
			return definitionOut(s.Definitions.Update(ctx, caller.AccountID, in.ID, in.Body.apply))
		})
	register(s, operation{id: "delete-attribute", method: http.MethodDelete, path: path + "/{id}", tag: tag,
		doc: "Delete an attribute, and one of contacts with its property and all its values", status: http.StatusNoContent, roles: mayEdit},
		func(ctx context.Context, caller access.Caller, in *ByID) (*struct{}, error) {
			return nil, s.Definitions.Delete(ctx, caller.AccountID, in.ID)
		})
}
