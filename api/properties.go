package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"carillon/access"
	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/internal/fault"
)

// Property is a typed custom field of contacts.
type Property struct {
	Key            string    `json:"key"`
	Name           string    `json:"name,omitempty" doc:"How files and other APIs write it; absent where that is its key."`
	Label          string    `json:"label,omitempty"`
	Type           string    `json:"type" enum:"text,word,number,currency,percent,checkbox,date,time,enum,list,collection,link,location"`
	Rule           string    `json:"rule,omitempty"`
	Default        any       `json:"default,omitempty"`
	ExpiresSeconds int64     `json:"expires_seconds"`
	Editable       bool      `json:"editable"`
	Hidden         bool      `json:"hidden"`
	Position       int       `json:"position"`
	Filterable     bool      `json:"filterable"`
	CreatedAt      time.Time `json:"created_at"`
	UpdatedAt      time.Time `json:"updated_at"`
}

// PropertyFields is what a property is made of besides its key.
type PropertyFields struct {
	Name           Optional[string] `json:"name,omitzero" required:"false" maxLength:"100" doc:"How files and other APIs write it, which may have capitals and hyphens; its key if absent." example:"Hair-Color"`
	Label          Optional[string] `json:"label,omitzero" required:"false" doc:"What people read; at most 100 characters."`
	Type           *string          `json:"type,omitempty" enum:"text,word,number,currency,percent,checkbox,date,time,enum,list,collection,link,location"`
	Rule           Optional[string] `json:"rule,omitzero" required:"false" doc:"What values must keep to. Numbers, dates and times: bounds such as >=2 <=9. Texts, words and links: bounds of the length such as <=160. Enum, list and collection: the values that there are, as a,b,c."`
	Default        Optional[any]    `json:"default,omitzero" required:"false" doc:"What contacts get that are created without a value."`
	ExpiresSeconds Optional[int64]  `json:"expires_seconds,omitzero" required:"false" doc:"How long a value stays once it is written; -1: for ever."`
	Editable       *bool            `json:"editable,omitempty" doc:"Forms let people change it; true if absent. The API takes values either way."`
	Hidden         *bool            `json:"hidden,omitempty" doc:"Forms and lists leave it out."`
	Position       *int             `json:"position,omitempty" minimum:"0" maximum:"100000" doc:"Properties are listed by it, then by key."`
	Filterable     *bool            `json:"filterable,omitempty" doc:"An index makes rules over it fast."`
}

// PropertyInput is what a property is made of.
type PropertyInput struct {
	Key string `json:"key" pattern:"^[a-z][a-z0-9_]{0,62}$" doc:"As in {{ contact.attributes.<key> }}; never changes." example:"shoe_size"`
	PropertyFields
}

// PropertyEffect is what a change does to the values that contacts have.
type PropertyEffect struct {
	Values    int64          `json:"values" doc:"How many contacts have a value."`
	Converted int64          `json:"converted" doc:"How many of the values change."`
	Refused   int64          `json:"refused" doc:"How many can't be converted. Nothing is changed unless it is 0."`
	Examples  []RefusedValue `json:"examples,omitempty" doc:"A few of those that can't."`
	JobID     int64          `json:"job_id,omitempty" doc:"The job that does it where there are many values: /v1/jobs/{id}. Absent: it is done."`
}

// RefusedValue is a value that can't be converted.
type RefusedValue struct {
	ContactID int64  `json:"contact_id"`
	Value     any    `json:"value" personal:"texts"`
	Reason    string `json:"reason"`
}

// PropertyChanged is a property after a change, or as it would be.
type PropertyChanged struct {
	Property Property       `json:"property"`
	Effect   PropertyEffect `json:"effect"`
}

// ByKey is the input of operations on one property.
type ByKey struct {
	Key string `path:"key" maxLength:"63"`
}

func (in ByKey) target(noun string) string { return noun + " " + in.Key }

// DryRun is the input of what can be tried out first.
type DryRun struct {
	DryRun bool `query:"dry_run" doc:"Change nothing, and answer what would be changed."`
}

func (in DryRun) changesNothing() bool { return in.DryRun }

type createProperty struct{ Body PropertyInput }

func (in *createProperty) target(noun string) string { return noun + " " + in.Body.Key }

type changeProperty struct {
	ByKey
	DryRun
	Body PropertyFields
}

type deleteProperty struct {
	ByKey
	DryRun
}

func propertyView(p property.Property) Property {
	view := Property{
		Key: p.Key, Name: p.Name, Label: p.Label, Type: string(p.Type), Rule: p.Rule, ExpiresSeconds: -1, Editable: p.Editable, Hidden: p.Hidden,
		Position: p.Position, Filterable: p.Filterable, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
	}
	if len(p.Default) > 0 {
		view.Default = p.Default
	}
	if p.Expires > 0 {
		view.ExpiresSeconds = int64(p.Expires / time.Second)
	}
	return view
}

func effectView(e contacts.PropertyEffect) PropertyEffect {
	view := PropertyEffect{Values: e.Values, Converted: e.Converted, Refused: e.Refused, JobID: e.JobID}
	for _, x := range e.Examples {
		view.Examples = append(view.Examples, RefusedValue{ContactID: x.ContactID, Value: x.Value, Reason: x.Reason})
	}
	return view
}

// change translates the fields. An expiry of -1 stands for values that stay.
func (in PropertyFields) change() (contacts.PropertyChange, error) {
	change := contacts.PropertyChange{
		Name: in.Name.pointer(), Label: in.Label.pointer(), Rule: in.Rule.pointer(), Editable: in.Editable, Hidden: in.Hidden, Filterable: in.Filterable,
		Position: in.Position,
	}
	if in.Type != nil {
		t := property.Type(*in.Type)
		change.Type = &t
	}
	if in.Default.Given {
		b, err := json.Marshal(in.Default)
		if err != nil {
			return change, fault.InvalidField("default", nil, "is no JSON value")
		}
		change.Default = b
	}
	if in.ExpiresSeconds.Given {
		const most = int64(1) << 33 // what time.Duration holds; the domain bounds it further
		seconds := in.ExpiresSeconds.Value
		if seconds == 0 && !in.ExpiresSeconds.Null || seconds < -1 || seconds > most {
			return change, fault.InvalidField("expires_seconds", seconds, "is how many seconds a value stays, or -1 for values that stay for ever")
		}
		expires := time.Duration(max(seconds, 0)) * time.Second
		change.Expires = &expires
	}
	return change, nil
}

// property is a new property.
func (in PropertyInput) property(accountID int64) (property.Property, error) {
	p := property.Property{AccountID: accountID, Key: in.Key, Editable: true}
	change, err := in.change()
	if err != nil {
		return p, err
	}
	if change.Type == nil {
		return p, fault.InvalidField("type", nil, "say of which type the values are, such as text or number")
	}
	p.Type = *change.Type
	return change.Apply(p), nil
}

func (s *Server) propertyRoutes() {
	const path, tag = "/v1/properties", "properties"
	register(s, operation{id: "list-properties", method: http.MethodGet, path: path, tag: tag, doc: "List properties", roles: mayLook,
		more: "All of them, at most 200, by position and key."},
		func(ctx context.Context, caller access.Caller, _ *struct{}) (*pageOut[Property], error) {
			list, err := s.Properties.List(ctx, caller.AccountID)
			if err != nil {
				return nil, err
			}
			return page(list, len(list), propertyView, func(p property.Property) string { return p.Key }), nil
		})
	register(s, operation{id: "create-property", method: http.MethodPost, path: path, tag: tag, doc: "Create a property", status: http.StatusCreated,
		roles: mayEdit},
		func(ctx context.Context, caller access.Caller, in *createProperty) (*one[Property], error) {
			p, err := in.Body.property(caller.AccountID)
			if err != nil {
				return nil, err
			}
			if p, err = s.Properties.Create(ctx, p); err != nil {
				return nil, err
			}
			return &one[Property]{propertyView(p)}, nil
		})
	register(s, operation{id: "get-property", method: http.MethodGet, path: path + "/{key}", tag: tag, doc: "Show a property", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *ByKey) (*one[Property], error) {
			p, err := s.Properties.Get(ctx, caller.AccountID, in.Key)
			if err != nil {
				return nil, err
			}
			return &one[Property]{propertyView(p)}, nil
		})
	register(s, operation{id: "update-property", method: http.MethodPatch, path: path + "/{key}", tag: tag, doc: "Change a property", roles: mayEdit,
		more: "Another type or rule converts every value or, if one can't be, none: the answer names them. dry_run shows it without changing anything."},
		func(ctx context.Context, caller access.Caller, in *changeProperty) (*one[PropertyChanged], error) {
			change, err := in.Body.change()
			if err != nil {
				return nil, err
			}
			p, effect, err := s.Properties.Update(ctx, caller.AccountID, in.Key, change, in.DryRun.DryRun)
			if err != nil {
				return nil, err
			}
			return &one[PropertyChanged]{PropertyChanged{propertyView(p), effectView(effect)}}, nil
		})
	register(s, operation{id: "delete-property", method: http.MethodDelete, path: path + "/{key}", tag: tag, doc: "Delete a property and its values",
		roles: mayEdit,
		more:  "dry_run says how many contacts have a value."},
		func(ctx context.Context, caller access.Caller, in *deleteProperty) (*one[PropertyEffect], error) {
			effect, err := s.Properties.Delete(ctx, caller.AccountID, in.Key, in.DryRun.DryRun)
			if err != nil {
				return nil, err
			}
			return &one[PropertyEffect]{effectView(effect)}, nil
		})
}
