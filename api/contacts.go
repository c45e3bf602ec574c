package api

import (
	"context"
	"net/http"
	"time"

	"carillon/internal/access"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/targeting"
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
	Addresses  map[string]string `json:"addresses" doc:"Address by its kind: email, phone."`
	CreatedAt  time.Time         `json:"created_at"`
	UpdatedAt  time.Time         `json:"updated_at"`
}

func (c Contact) identity() int64 { return c.ID }

// ContactInput is what a contact is made of, or what to change: what is absent
// stays, an empty text erases.
type ContactInput struct {
	ExternalID *string           `json:"external_id,omitempty" doc:"Your own id; unique."`
	Name       *string           `json:"name,omitempty"`
	FirstName  *string           `json:"first_name,omitempty"`
	LastName   *string           `json:"last_name,omitempty"`
	Language   *string           `json:"language,omitempty" doc:"BCP 47" example:"de"`
	Timezone   *string           `json:"timezone,omitempty" doc:"IANA name" example:"Europe/Berlin"`
	Status     *string           `json:"status,omitempty" enum:"active,inactive,blocked"`
	Addresses  map[string]string `json:"addresses,omitempty" doc:"Address by its kind: email, phone; an empty text takes it away."`
	Country    string            `json:"country,omitempty" maxLength:"2" doc:"ISO 3166 code for a phone number without +." example:"DE"`
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
	Group      int64  `query:"group" minimum:"1" doc:"Members of this group or upload."`
}

func contactView(c targeting.Contact) Contact {
	addresses := make(map[string]string, len(c.Addresses))
	for kind, address := range c.Addresses {
		addresses[string(kind)] = address
	}
	return Contact{
		ID: c.ID, ExternalID: c.ExternalID, Name: c.Name, FirstName: c.FirstName, LastName: c.LastName, Language: c.Language,
		Timezone: c.Timezone, Status: string(c.Status), Addresses: addresses, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
}

func contactOut(c targeting.Contact, err error) (*one[Contact], error) {
	if err != nil {
		return nil, err
	}
	return &one[Contact]{contactView(c)}, nil
}

func (in ContactInput) change() targeting.ContactChange {
	change := targeting.ContactChange{
		ExternalID: in.ExternalID, Name: in.Name, FirstName: in.FirstName, LastName: in.LastName, Language: in.Language, Timezone: in.Timezone,
		Addresses: map[providers.AddressKind]string{}, Country: in.Country,
	}
	if in.Status != nil {
		status := targeting.ContactStatus(*in.Status)
		change.Status = &status
	}
	for kind, address := range in.Addresses {
		change.Addresses[providers.AddressKind(kind)] = address
	}
	return change
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (s *Server) contactRoutes() {
	const path, tag = "/v1/contacts", "contacts"
	register(s, operation{id: "list-contacts", method: http.MethodGet, path: path, tag: tag, doc: "List or search contacts", roles: mayLook}, s.listContacts)
	register(s, operation{id: "create-contact", method: http.MethodPost, path: path, tag: tag, doc: "Create a contact", status: http.StatusCreated, roles: mayEdit},
		func(ctx context.Context, caller access.Key, in *createContact) (*one[Contact], error) {
			b := in.Body
			c := targeting.Contact{
				AccountID: caller.AccountID, ExternalID: text(b.ExternalID), Name: text(b.Name), FirstName: text(b.FirstName), LastName: text(b.LastName),
				Language: text(b.Language), Timezone: text(b.Timezone), Status: targeting.ContactStatus(text(b.Status)), Addresses: b.change().Addresses,
			}
			return contactOut(s.Contacts.Create(ctx, c, b.Country))
		})
	register(s, operation{id: "get-contact", method: http.MethodGet, path: path + "/{id}", tag: tag, doc: "Show a contact", roles: mayLook},
		func(ctx context.Context, caller access.Key, in *ByID) (*one[Contact], error) {
			return contactOut(s.Contacts.Get(ctx, caller.AccountID, in.ID))
		})
	register(s, operation{id: "update-contact", method: http.MethodPatch, path: path + "/{id}", tag: tag, doc: "Change a contact", roles: mayEdit},
		func(ctx context.Context, caller access.Key, in *changeContact) (*one[Contact], error) {
			return contactOut(s.Contacts.Update(ctx, caller.AccountID, in.ID, in.Body.change()))
		})
	register(s, operation{id: "delete-contact", method: http.MethodDelete, path: path + "/{id}", tag: tag, doc: "Delete a contact", status: http.StatusNoContent, roles: mayEdit,
		more: "Suppressed addresses stay suppressed."},
		func(ctx context.Context, caller access.Key, in *ByID) (*struct{}, error) {
			return nil, s.Contacts.Delete(ctx, caller.AccountID, in.ID)
		})
	register(s, operation{id: "list-contact-messages", method: http.MethodGet, path: path + "/{id}/messages", tag: tag, doc: "List a contact's messages", roles: mayLook},
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
	f := targeting.ContactFilter{AccountID: caller.AccountID, Text: in.Query, ExternalID: in.ExternalID, Group: in.Group, After: after, Limit: in.Limit + 1}
	for kind, address := range map[providers.AddressKind]string{providers.Email: in.Email, providers.Phone: in.Phone} {
		if address == "" {
			continue
		}
		if f.Kind != "" {
			return nil, fault.InvalidField("phone", in.Phone, "search by email or by phone, not by both")
		}
		f.Kind = kind
		if f.Address, err = targeting.NormalAddress(kind, address, ""); err != nil {
			return nil, err
		}
	}
	list, err := s.Contacts.Search(ctx, f)
	if err != nil {
		return nil, err
	}
	return page(list, in.Limit, contactView, func(c targeting.Contact) string { return idKey(c.ID) }), nil
}
