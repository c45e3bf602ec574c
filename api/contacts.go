package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"carillon/access"
	"carillon/contacts"
	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/providers"
)

// Contact is a contact as the API shows it.
type Contact struct {
	ID         int64             `json:"id"`
	ExternalID string            `json:"external_id,omitempty"`
	Name       string            `json:"name,omitempty"`
	FirstName  string            `json:"first_name,omitempty"`
	LastName   string            `json:"last_name,omitempty"`
	Language   string            `json:"language,omitempty"`
	Timezone   string            `json:"timezone,omitempty"`
	Status     string            `json:"status" enum:"active,inactive,blocked,deleted"`
	Addresses  map[string]string `json:"addresses" doc:"Address by its kind: email, phone, sms, whatsapp, telegram, viber, facebook, instagram, push, web or custom."`
	Attributes map[string]any    `json:"attributes" doc:"Values of properties by their keys."`
	// AttributeExpiry says when values end.
	AttributeExpiry map[string]time.Time `json:"attribute_expiry,omitempty" doc:"When values end, by their keys; the others stay."`
	LastActivityAt  *time.Time           `json:"last_activity_at,omitempty"`
	MergedInto      int64                `json:"merged_into,omitempty" doc:"The contact that this one became part of."`
	CreatedAt       time.Time            `json:"created_at"`
	UpdatedAt       time.Time            `json:"updated_at"`
}

func (c Contact) identity() int64 { return c.ID }

// ContactInput is what a contact is made of, or what to change: what is absent
// stays, null or an empty text erases.
type ContactInput struct {
	ExternalID     Optional[string]            `json:"external_id,omitzero" required:"false" doc:"Your own id; unique."`
	Name           Optional[string]            `json:"name,omitzero" required:"false"`
	FirstName      Optional[string]            `json:"first_name,omitzero" required:"false"`
	LastName       Optional[string]            `json:"last_name,omitzero" required:"false"`
	Language       Optional[string]            `json:"language,omitzero" required:"false" doc:"BCP 47" example:"de"`
	Timezone       Optional[string]            `json:"timezone,omitzero" required:"false" doc:"IANA name" example:"Europe/Berlin"`
	Status         *string                     `json:"status,omitempty" enum:"active,inactive,blocked"`
	Addresses      map[string]Optional[string] `json:"addresses,omitempty" doc:"Address by its kind: email, phone, sms, whatsapp, telegram, viber, facebook, instagram, push, web or custom; null takes it away. No two contacts hold one address of a kind."`
	Attributes     map[string]any              `json:"attributes,omitempty" doc:"Values of properties by their keys; null takes a value away."`
	LastActivityAt Optional[time.Time]         `json:"last_activity_at,omitzero" required:"false" doc:"When the contact last did something."`
	Country        string                      `json:"country,omitempty" maxLength:"2" doc:"ISO 3166 code for a phone number without +." example:"DE"`
}

type createContact struct{ Body ContactInput }

type changeContact struct {
	ByID
	Body ContactInput
}

type listContacts struct {
	Paged
	Query      string `query:"q" maxLength:"200" doc:"Occurs in a name, the external id or an address."`
	Email      string `query:"email" maxLength:"320"`
	Phone      string `query:"phone" maxLength:"40"`
	ExternalID string `query:"external_id" maxLength:"255"`
	Group      int64  `query:"group" minimum:"1" doc:"Members of this group, category, label or upload."`
	Kind       string `query:"kind" enum:"email,phone,sms,whatsapp,telegram,viber,facebook,instagram,push,web,custom" doc:"With address: who holds this address."`
	Address    string `query:"address" maxLength:"1024"`
	Status     string `query:"status" enum:"active,inactive,blocked,deleted" doc:"All but deleted if absent."`
}

func contactView(c contacts.Contact) Contact {
	addresses := make(map[string]string, len(c.Addresses))
	for kind, address := range c.Addresses {
		addresses[string(kind)] = address
	}
	attributes := make(map[string]any, len(c.Attributes))
	for key, value := range c.Attributes {
		attributes[key] = value
	}
	return Contact{
		Attributes: attributes, AttributeExpiry: c.Expiry, LastActivityAt: timestamp(c.LastActivityAt), MergedInto: c.MergedInto,
		ID: c.ID, ExternalID: c.ExternalID, Name: c.Name, FirstName: c.FirstName, LastName: c.LastName, Language: c.Language,
		Timezone: c.Timezone, Status: string(c.Status), Addresses: addresses, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
}

func contactOut(c contacts.Contact, err error) (*one[Contact], error) {
	if err != nil {
		return nil, err
	}
	return &one[Contact]{contactView(c)}, nil
}

func (in ContactInput) change() (contacts.ContactChange, error) {
	change := contacts.ContactChange{
		ExternalID: in.ExternalID.pointer(), Name: in.Name.pointer(), FirstName: in.FirstName.pointer(), LastName: in.LastName.pointer(),
		Language: in.Language.pointer(), Timezone: in.Timezone.pointer(), LastActivityAt: in.LastActivityAt.pointer(),
		Addresses: map[providers.AddressKind]string{}, Country: in.Country,
	}
	var err error
	if change.Attributes, err = rawValues(in.Attributes); err != nil {
		return change, err
	}
	if in.Status != nil {
		status := contacts.ContactStatus(*in.Status)
		change.Status = &status
	}
	for kind, address := range in.Addresses {
		change.Addresses[providers.AddressKind(kind)] = address.Value
	}
	return change, nil
}

// rawValues are values of properties as JSON again.
func rawValues(values map[string]any) (map[string]json.RawMessage, error) {
	raw := make(map[string]json.RawMessage, len(values))
	for key, value := range values {
		b, err := json.Marshal(value)
		if err != nil {
			return nil, fault.InvalidField("attributes."+key, nil, "is no JSON value")
		}
		raw[key] = b
	}
	return raw, nil
}

func (s *Server) contactRoutes() {
	const path, tag = "/v1/contacts", "contacts"
	register(s, operation{reads: readsPeople, id: "list-contacts", method: http.MethodGet, path: path, tag: tag, doc: "List or search contacts",
		roles: mayLook}, s.listContacts)
	register(s, operation{id: "create-contact", method: http.MethodPost, path: path, tag: tag, doc: "Create a contact", status: http.StatusCreated,
		roles: mayEdit},
		func(ctx context.Context, caller access.Key, in *createContact) (*one[Contact], error) {
			b := in.Body
			change, err := b.change()
			if err != nil {
				return nil, err
			}
			c := contacts.Contact{
				AccountID: caller.AccountID, ExternalID: b.ExternalID.Value, Name: b.Name.Value, FirstName: b.FirstName.Value, LastName: b.LastName.Value,
				Language: b.Language.Value, Timezone: b.Timezone.Value, Addresses: change.Addresses, Given: change.Attributes,
			}
			if change.Status != nil {
				c.Status = *change.Status
			}
			if at := b.LastActivityAt; at.Given && !at.Null {
				c.LastActivityAt = &at.Value
			}
			return contactOut(s.Contacts.Create(ctx, c, b.Country))
		})
	register(s, operation{id: "get-contact", method: http.MethodGet, path: path + "/{id}", tag: tag, doc: "Show a contact", roles: mayLook},
		func(ctx context.Context, caller access.Key, in *ByID) (*one[Contact], error) {
			return contactOut(s.Contacts.Get(ctx, caller.AccountID, in.ID))
		})
	register(s, operation{id: "update-contact", method: http.MethodPatch, path: path + "/{id}", tag: tag, doc: "Change a contact", roles: mayEdit},
		func(ctx context.Context, caller access.Key, in *changeContact) (*one[Contact], error) {
			change, err := in.Body.change()
			if err != nil {
				return nil, err
			}
			return contactOut(s.Contacts.Update(ctx, caller.AccountID, in.ID, change))
		})
	register(s, operation{id: "delete-contact", method: http.MethodDelete, path: path + "/{id}", tag: tag, doc: "Delete a contact",
		status: http.StatusNoContent, roles: mayEdit,
		more: "Its status becomes deleted: no list shows it and no campaign reaches it, and nobody else gets its addresses. Another status brings it back. " +
			"Suppressed addresses stay suppressed."},
		func(ctx context.Context, caller access.Key, in *ByID) (*struct{}, error) {
			return nil, s.Contacts.Delete(ctx, caller.AccountID, in.ID)
		})
	register(s, operation{id: "list-contact-messages", method: http.MethodGet, path: path + "/{id}/messages", tag: tag, doc: "List a contact's messages",
		roles: mayLook},
		func(ctx context.Context, caller access.Key, in *struct {
			ByID
			Paged
		}) (*pageOut[Message], error) {
			if _, err := s.Contacts.Get(ctx, caller.AccountID, in.ID); err != nil {
				return nil, err
			}
			after, err := in.position()
			if err != nil {
				return nil, err
			}
			return s.messagePage(ctx, filterOf(caller.AccountID, after, in.Limit, in.ID), in.Limit)
		})
}

func (s *Server) listContacts(ctx context.Context, caller access.Key, in *listContacts) (*pageOut[Contact], error) {
	after, err := in.position()
	if err != nil {
		return nil, err
	}
	f := contacts.ContactFilter{
		AccountID: caller.AccountID, Text: in.Query, ExternalID: in.ExternalID, Group: in.Group, Status: contacts.ContactStatus(in.Status),
		After: after, Limit: in.Limit + 1,
	}
	if (in.Kind == "") != (in.Address == "") {
		return nil, fault.InvalidField("address", in.Address, "an address is searched by its kind: give both kind and address")
	}
	for _, by := range []struct{ kind, address, field string }{
		{string(providers.Email), in.Email, "email"}, {string(providers.Phone), in.Phone, "phone"}, {in.Kind, in.Address, "address"},
	} {
		if by.address == "" {
			continue
		}
		if f.Kind != "" {
			return nil, fault.InvalidField(by.field, by.address, "search by one address, not by several")
		}
		f.Kind = providers.AddressKind(by.kind)
		if f.Address, err = value.Normal(f.Kind, by.address, ""); err != nil {
			return nil, relocate(err, by.kind, by.field)
		}
	}
	list, err := s.Contacts.Search(ctx, f)
	if err != nil {
		return nil, err
	}
	return page(list, in.Limit, contactView, func(c contacts.Contact) string { return idKey(c.ID) }), nil
}
