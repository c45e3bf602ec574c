package contacts

import (
	"context"
	"slices"

	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/providers"
)

// dialled are the kinds of address that are telephone numbers: who has a number under one
// of them has it under the others.
var dialled = []providers.AddressKind{providers.Phone, providers.SMS, providers.WhatsApp}

// Reach is the contact that holds an address, in whatever form it is written. Somebody who
// is known by the same number under another kind gets it under this one, too; who is not
// known at all is taken in, with the name. An address that is none is Invalid.
func (s *Contacts) Reach(ctx context.Context, accountID int64, kind providers.AddressKind, address, name string) (Contact, error) {
	address, err := value.Normal(kind, address, "")
	if err != nil {
		return Contact{}, err
	}
	kinds := []providers.AddressKind{kind}
	if slices.Contains(dialled, kind) {
		kinds = append(kinds, dialled...)
	}
	for _, k := range kinds {
		found, err := s.store.ListContacts(ctx, ContactFilter{AccountID: accountID, Kind: k, Address: address, Limit: 1})
		if err != nil {
			return Contact{}, err
		}
		if len(found) == 0 {
			continue
		}
		if found[0].Addresses[kind] != "" { // the address, or another of the kind: then that is theirs
			if found[0].Addresses[kind] == address {
				return found[0], nil
			}
			continue
		}
		return s.Update(ctx, accountID, found[0].ID, ContactChange{Addresses: map[providers.AddressKind]string{kind: address}})
	}
	made, err := s.Create(ctx, Contact{AccountID: accountID, Name: name, Addresses: map[providers.AddressKind]string{kind: address}}, "")
	if fault.Is(err, fault.Conflict) { // somebody took them in just now
		found, again := s.store.ListContacts(ctx, ContactFilter{AccountID: accountID, Kind: kind, Address: address, Limit: 1})
		if again != nil || len(found) == 1 {
			return append(found, Contact{})[0], again
		}
	}
	return made, err
}

// Adopt changes the contact of an external id, or takes it in. Where nobody has the id yet,
// whoever holds one of the addresses and has no id gets it. Telephone numbers are changed
// under every kind that is named. Another contact's address is a Conflict.
func (s *Contacts) Adopt(ctx context.Context, accountID int64, externalID string, change ContactChange) (Contact, error) {
	found, err := s.Search(ctx, ContactFilter{AccountID: accountID, ExternalID: externalID, Limit: 1})
	if err != nil {
		return Contact{}, err
	}
	change.ExternalID = &externalID
	if len(found) == 1 {
		return s.Update(ctx, accountID, found[0].ID, change)
	}
	for _, kind := range value.Kinds() {
		normal, reason := value.Address(kind, change.Addresses[kind], change.Country)
		if normal == "" || reason != "" {
			continue
		}
		holders, err := s.store.ListContacts(ctx, ContactFilter{AccountID: accountID, Kind: kind, Address: normal, Limit: 1})
		if err != nil {
			return Contact{}, err
		}
		if len(holders) == 1 && holders[0].ExternalID == "" {
			return s.Update(ctx, accountID, holders[0].ID, change)
		}
	}
	c := Contact{AccountID: accountID, ExternalID: externalID, Addresses: change.Addresses, Given: change.Attributes}
	for _, field := range []struct{ to, from *string }{
		{&c.Name, change.Name}, {&c.FirstName, change.FirstName}, {&c.LastName, change.LastName}, {&c.Language, change.Language}, {&c.Timezone, change.Timezone},
	} {
		if field.from != nil {
			*field.to = *field.from
		}
	}
	return s.Create(ctx, c, change.Country)
}
