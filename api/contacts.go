package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"carillon/access"
	"carillon/campaigns/flows"
	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/internal/naming"
	"carillon/providers"
	"carillon/targeting"
)

// Contact is a contact as the API shows it.
type Contact struct {
	ID         int64             `json:"id"`
	ExternalID string            `json:"external_id,omitempty" personal:"names"`
	Name       string            `json:"name,omitempty" personal:"names"`
	FirstName  string            `json:"first_name,omitempty" personal:"names"`
	LastName   string            `json:"last_name,omitempty" personal:"names"`
	Language   string            `json:"language,omitempty"`
	Timezone   string            `json:"timezone,omitempty"`
	Status     string            `json:"status" enum:"active,inactive,blocked,deleted"`
	Addresses  map[string]string `json:"addresses" personal:"addresses" doc:"Address by its kind: email, phone, sms, whatsapp, telegram, viber, facebook, instagram, push, web or custom."`
	Attributes map[string]any    `json:"attributes" personal:"attributes" doc:"Values of properties by their keys."`
	// AttributeExpiry says when values end.
	AttributeExpiry map[string]time.Time `json:"attribute_expiry,omitempty" doc:"When values end, by their keys; the others stay."`
	Free            *FreeValues          `json:"free,omitempty" personal:"texts" doc:"What programs keep of it that no property takes; rules do not see it."`
	LastActivityAt  *time.Time           `json:"last_activity_at,omitempty"`
	MergedInto      int64                `json:"merged_into,omitempty" doc:"The contact that this one became part of."`
	CreatedAt       time.Time            `json:"created_at"`
	UpdatedAt       time.Time            `json:"updated_at"`
}

func (c Contact) identity() int64 { return c.ID }

// FreeValues is what programs keep of a contact that no property takes.
type FreeValues struct {
	Custom     map[string]json.RawMessage `json:"custom,omitempty" doc:"Values of keys that no property has, or that do not fit their property."`
	Additional map[string]json.RawMessage `json:"additional,omitempty" doc:"Whatever else programs keep beside."`
}

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
	Loose          bool                        `json:"loose,omitempty" doc:"Keep attributes that no property takes under free.custom, instead of refusing them. What no property takes of one contact has at most 64 KiB."`
	Additional     map[string]any              `json:"additional,omitempty" doc:"What programs keep beside under free.additional; null takes a value away."`
	Number         Optional[string]            `json:"number,omitzero" required:"false" doc:"One number for phone, sms and whatsapp at once, with + and its country; null takes it away. An address of these that is another one stays."`
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
	Query      string     `query:"q" maxLength:"200" doc:"Occurs in a name, the external id or an address."`
	Email      string     `query:"email" maxLength:"320"`
	Phone      string     `query:"phone" maxLength:"40"`
	ExternalID string     `query:"external_id" maxLength:"255"`
	Group      naming.Ref `query:"group" kind:"group,category,label,upload" doc:"Members of this group, category, label or upload, by its id or its name."`
	Kind       string     `query:"kind" enum:"email,phone,sms,whatsapp,telegram,viber,facebook,instagram,push,web,custom" doc:"With address: who holds this address."`
	Address    string     `query:"address" maxLength:"1024"`
	Status     string     `query:"status" enum:"active,inactive,blocked,deleted" doc:"All but deleted if absent."`
	Turned
}

// Turned asks for a page by its place, in an order: as people turn pages.
type Turned struct {
	Page  int    `query:"page" minimum:"1" maximum:"1000000" doc:"Instead of a cursor: the page of so many contacts as limit says, from 1. The answer says how many there are in all."`
	Order string `query:"order" maxLength:"80" doc:"Order of the pages: id, name, email, phone, last_activity_at or attributes.<key>; with - before it the other way. Who has no such value comes last." example:"-last_activity_at"`
	Bare  bool   `query:"bare" doc:"With page or order: also who has neither an address nor an external id. It takes longer."`
}

// turned reports whether a page is asked for by its place.
func (t Turned) turned() bool { return t.Page != 0 || t.Order != "" }

// bulk reports whether it is more than a first page that is asked for.
func (in *listContacts) bulk() bool { return in.Paged.bulk() || in.Page > 1 }

// ContactPage is a part of a list of contacts.
type ContactPage struct {
	Items      []Contact `json:"items"`
	NextCursor string    `json:"next_cursor" doc:"Cursor of the next page; empty on the last, and where a page is asked for by its place."`
	Total      *int64    `json:"total,omitempty" doc:"How many there are on all pages; only where a page or an order was asked for."`
}

// contactPage is the answer of a list of contacts.
type contactPage struct{ Body ContactPage }

// count is how many contacts a page holds.
func (p *contactPage) count() int { return len(p.Body.Items) }

func contactView(c contacts.Contact) Contact {
	addresses := make(map[string]string, len(c.Addresses))
	for kind, address := range c.Addresses {
		addresses[string(kind)] = address
	}
	attributes := make(map[string]any, len(c.Attributes))
	for key, value := range c.Attributes {
		attributes[key] = value
	}
	var free *FreeValues
	if len(c.Free.Custom)+len(c.Free.Additional) > 0 {
		free = &FreeValues{Custom: c.Free.Custom, Additional: c.Free.Additional}
	}
	return Contact{
		Free: free, Attributes: attributes, AttributeExpiry: c.Expiry, LastActivityAt: timestamp(c.LastActivityAt), MergedInto: c.MergedInto,
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

// unmasked refuses what stands for a masked value in answers: written back as it was read, it
// would take the place of the value.
func (in ContactInput) unmasked() error {
	refuse := func(field string) error {
		return fault.InvalidField(field, Masked, "stands for a value that your role does not see: leave the field out, and the value stays")
	}
	for field, text := range map[string]Optional[string]{
		"external_id": in.ExternalID, "name": in.Name, "first_name": in.FirstName, "last_name": in.LastName, "number": in.Number,
	} {
		if text.Value == Masked {
			return refuse(field)
		}
	}
	for kind, address := range in.Addresses {
		if address.Value == Masked {
			return refuse("addresses." + kind)
		}
	}
	for key, value := range in.Attributes {
		if value == Masked {
			return refuse("attributes." + key)
		}
	}
	return nil
}

func (in ContactInput) change() (contacts.ContactChange, error) {
	if err := in.unmasked(); err != nil {
		return contacts.ContactChange{}, err
	}
	change := contacts.ContactChange{
		ExternalID: in.ExternalID.pointer(), Name: in.Name.pointer(), FirstName: in.FirstName.pointer(), LastName: in.LastName.pointer(),
		Language: in.Language.pointer(), Timezone: in.Timezone.pointer(), LastActivityAt: in.LastActivityAt.pointer(),
		Addresses: map[providers.AddressKind]string{}, Country: in.Country, Loose: in.Loose, Number: in.Number.pointer(),
	}
	var err error
	if change.Attributes, err = rawValues(in.Attributes); err != nil {
		return change, err
	}
	if change.Additional, err = rawValues(in.Additional); err != nil {
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
		roles: mayLook, more: "A cursor leads through all of them, in the order of their ids, at the pace of the first page. " +
			"Who turns pages asks for them by page and order."},
		s.pageContacts)
	register(s, operation{id: "create-contact", method: http.MethodPost, path: path, tag: tag, doc: "Create a contact", status: http.StatusCreated,
		roles: mayEdit},
		func(ctx context.Context, caller access.Caller, in *createContact) (*one[Contact], error) {
			b := in.Body
			change, err := b.change()
			if err != nil {
				return nil, err
			}
			c := contacts.Contact{
				AccountID: caller.AccountID, ExternalID: b.ExternalID.Value, Name: b.Name.Value, FirstName: b.FirstName.Value, LastName: b.LastName.Value,
				Language: b.Language.Value, Timezone: b.Timezone.Value, Addresses: change.Addresses, Given: change.Attributes,
				Loose: b.Loose, Number: b.Number.Value,
			}
			if err := c.Keep(change.Additional); err != nil {
				return nil, err
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
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[Contact], error) {
			return contactOut(s.Contacts.Get(ctx, caller.AccountID, in.ID))
		})
	register(s, operation{id: "update-contact", method: http.MethodPatch, path: path + "/{id}", tag: tag, doc: "Change a contact", roles: mayEdit},
		func(ctx context.Context, caller access.Caller, in *changeContact) (*one[Contact], error) {
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
		func(ctx context.Context, caller access.Caller, in *ByID) (*struct{}, error) {
			return nil, s.Contacts.Delete(ctx, caller.AccountID, in.ID)
		})
	register(s, operation{id: "list-contact-messages", method: http.MethodGet, path: path + "/{id}/messages", tag: tag, doc: "List a contact's messages",
		roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *struct {
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

func (s *Server) contactPartRoutes() {
	const path, tag = "/v1/contacts/{id}", "contacts"
	register(s, operation{id: "list-contact-memberships", method: http.MethodGet, path: path + "/memberships", tag: tag,
		doc: "List what a contact is in: groups, categories, labels and uploads", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *ByID) (*pageOut[Membership], error) {
			b, err := s.Contacts.Belongings(ctx, caller.AccountID, in.ID)
			if err != nil {
				return nil, err
			}
			return page(b.Memberships, len(b.Memberships), membershipView, func(m contacts.Membership) string { return idKey(m.ListID) }), nil
		})
	register(s, operation{id: "list-contact-answers", method: http.MethodGet, path: path + "/answers", tag: tag,
		doc: "List what a contact answered in flows, oldest first", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *struct {
			ByID
			Paged
		}) (*pageOut[FlowAnswer], error) {
			if _, err := s.Contacts.Get(ctx, caller.AccountID, in.ID); err != nil {
				return nil, err
			}
			after, err := in.position()
			if err != nil {
				return nil, err
			}
			list, err := s.Flows.Answers(ctx, flows.AnswerFilter{AccountID: caller.AccountID, ContactID: in.ID, After: after, Limit: in.Limit + 1})
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, answerView, func(a flows.Answer) string { return idKey(a.ID) }), nil
		})
}

// pageContacts are contacts, behind a cursor or on a page.
func (s *Server) pageContacts(ctx context.Context, caller access.Caller, in *listContacts) (*contactPage, error) {
	if !in.turned() {
		return cursored(s.listContacts(ctx, caller, in))
	}
	b := targeting.Browse{Text: in.Query}
	if in.Group.ID != 0 {
		b.Labels = []int64{in.Group.ID}
	}
	for _, one := range []struct{ name, value string }{
		{"email", in.Email}, {"phone", in.Phone}, {"address", in.Address}, {"external_id", in.ExternalID},
	} {
		if one.value != "" {
			return nil, fault.InvalidField("query."+one.name, one.value, "finds one contact at most: leave page and order out")
		}
	}
	switch contacts.ContactStatus(in.Status) {
	case "":
	case contacts.Deleted:
		return nil, fault.InvalidField("query.status", in.Status, "those that are deleted are on no page: leave page and order out")
	default:
		b.Rule = json.RawMessage(`{"condition":"AND","rules":[{"field":"status","operator":"equal","value":"` + in.Status + `"}]}`)
	}
	return s.turn(ctx, caller, b, in.Paged, in.Turned)
}

// cursored is an answer behind a cursor.
func cursored(p *pageOut[Contact], err error) (*contactPage, error) {
	if err != nil {
		return nil, err
	}
	return &contactPage{ContactPage{Items: p.Body.Items, NextCursor: p.Body.NextCursor}}, nil
}

// turn is a page by its place.
func (s *Server) turn(ctx context.Context, caller access.Caller, b targeting.Browse, in Paged, to Turned) (*contactPage, error) {
	if in.Cursor != "" {
		return nil, fault.InvalidField("query.cursor", in.Cursor, "goes on where a page ended: give a cursor, or page and order, not both")
	}
	name, descending := strings.CutPrefix(to.Order, "-")
	if key, ok := strings.CutPrefix(name, contacts.AttributePrefix); ok {
		p, err := s.Properties.Get(ctx, caller.AccountID, key)
		switch {
		case fault.Is(err, fault.NotFound):
			return nil, fault.InvalidField("query.order", to.Order, "there is no property %q", key)
		case err != nil:
			return nil, err
		case p.Type == property.Collection:
			return nil, fault.InvalidField("query.order", to.Order, "a collection has no order")
		}
	} else if !slices.Contains(targeting.Sorts(), targeting.Sort(name)) && name != "" && name != "id" {
		return nil, fault.InvalidField("query.order", to.Order,
			"must be id, name, email, phone, last_activity_at or attributes.<key>, with - before it for the other way")
	}
	if name == "id" {
		name = string(targeting.SortID)
	}
	b.AccountID, b.Known, b.Order, b.Descending = caller.AccountID, !to.Bare, targeting.Sort(name), descending
	b.Offset, b.Limit = max(0, to.Page-1)*in.Limit, in.Limit
	list, total, err := s.Rules.Browse(ctx, b)
	if err != nil {
		return nil, err
	}
	p := page(list, in.Limit, contactView, func(contacts.Contact) string { return "" })
	return &contactPage{ContactPage{Items: p.Body.Items, Total: &total}}, nil
}

func (s *Server) listContacts(ctx context.Context, caller access.Caller, in *listContacts) (*pageOut[Contact], error) {
	after, err := in.position()
	if err != nil {
		return nil, err
	}
	f := contacts.ContactFilter{
		AccountID: caller.AccountID, Text: in.Query, ExternalID: in.ExternalID, Group: in.Group.ID, Status: contacts.ContactStatus(in.Status),
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
