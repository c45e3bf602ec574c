package api

import (
	"context"
	"net/http"

	"carillon/access"
	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/providers"
)

// HeldAddress is an address of a contact.
type HeldAddress struct {
	Kind    string `json:"kind"`
	Address string `json:"address" personal:"addresses"`
	Written string `json:"written,omitempty" personal:"addresses" doc:"How a program wrote it that wants to read it so again; absent for as it is kept."`
}

// WrittenForm is how a program wrote an address.
type WrittenForm struct {
	Written string `json:"written" maxLength:"320" doc:"Empty for as it is kept. It lasts as long as the address does." example:"0151 1234-5678"`
}

type setWritten struct {
	ByID
	Kind string `path:"kind" enum:"email,phone,sms,whatsapp,telegram,viber,facebook,instagram,push,web,custom"`
	Body WrittenForm
}

// SharedValue is a value for several contacts at once.
type SharedValue struct {
	Contacts []int64 `json:"contacts" minItems:"1" maxItems:"10000"`
	Property string  `json:"property" minLength:"1" maxLength:"63" doc:"The property's key."`
	Value    any     `json:"value" required:"false" doc:"null or absent takes the value away."`
}

type setValues struct{ Body SharedValue }

// heldAddress is an address of a contact with how it was written.
func (s *Server) heldAddress(ctx context.Context, c contacts.Contact, kind providers.AddressKind) (HeldAddress, error) {
	written, err := s.Written.Written(ctx, contacts.Holding{AccountID: c.AccountID, ContactID: c.ID, Kind: kind})
	return HeldAddress{Kind: string(kind), Address: c.Addresses[kind], Written: written}, err
}

func (s *Server) addressRoutes() {
	const path, tag = "/v1/contacts", "contacts"
	register(s, operation{id: "list-addresses", method: http.MethodGet, path: path + "/{id}/addresses", tag: tag,
		doc: "List a contact's addresses, and how they were written", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *ByID) (*pageOut[HeldAddress], error) {
			c, err := s.Contacts.Get(ctx, caller.AccountID, in.ID)
			if err != nil {
				return nil, err
			}
			list := []HeldAddress{}
			for _, kind := range providers.AddressKinds() {
				if c.Addresses[kind] == "" {
					continue
				}
				held, err := s.heldAddress(ctx, c, kind)
				if err != nil {
					return nil, err
				}
				list = append(list, held)
			}
			return &pageOut[HeldAddress]{Page[HeldAddress]{Items: list}}, nil
		})
	register(s, operation{id: "write-address", method: http.MethodPut, path: path + "/{id}/addresses/{kind}", tag: tag,
		doc: "Say how a contact's address is written", roles: mayEdit,
		more: "For programs that want to read a number as they wrote it, such as Chat44mp's. Messages go to the address as it is kept."},
		func(ctx context.Context, caller access.Caller, in *setWritten) (*one[HeldAddress], error) {
			c, err := s.Contacts.Get(ctx, caller.AccountID, in.ID)
			if err != nil {
				return nil, err
			}
			kind := providers.AddressKind(in.Kind)
			if c.Addresses[kind] == "" {
				return nil, fault.New(fault.NotFound, "contact %d has no address of the kind %s", in.ID, kind)
			}
			if err := s.Written.Note(ctx, contacts.Holding{AccountID: caller.AccountID, ContactID: in.ID, Kind: kind}, in.Body.Written); err != nil {
				return nil, err
			}
			held, err := s.heldAddress(ctx, c, kind)
			if err != nil {
				return nil, err
			}
			return &one[HeldAddress]{held}, nil
		})
	register(s, operation{id: "set-values", method: http.MethodPost, path: path + "/values", tag: tag, doc: "Give several contacts a value of a property",
		roles: mayEdit,
		more:  "All of them or, if it can't be a value of the property, none; contacts that there are not are left out. More than 10,000 go by a job: /v1/jobs."},
		func(ctx context.Context, caller access.Caller, in *setValues) (*one[MembersChanged], error) {
			values, err := rawValues(map[string]any{in.Body.Property: in.Body.Value})
			if err != nil {
				return nil, err
			}
			n, err := s.Contacts.SetValues(ctx, caller.AccountID, in.Body.Contacts, in.Body.Property, values[in.Body.Property])
			if err != nil {
				return nil, relocate(err, "attributes."+in.Body.Property, "value")
			}
			return &one[MembersChanged]{MembersChanged{n}}, nil
		})
}
