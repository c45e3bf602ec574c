package store

import (
	"context"

	"carillon/contacts"
	"carillon/providers"
)

// MembershipNames are the groups, labels and categories of contacts by their
// ids, in the order of their names.
func (s *Store) MembershipNames(ctx context.Context, accountID int64, contactIDs []int64) (map[int64][]contacts.ListName, error) {
	names := map[int64][]contacts.ListName{}
	err := s.reader().scanAll(ctx, func(scan func(...any) error) error {
		var id int64
		var l contacts.ListName
		err := scan(&id, &l.Kind, &l.Name)
		names[id] = append(names[id], l)
		return err
	}, "SELECT m.contact_id, l.kind, l.name FROM members m JOIN lists l ON l.id = m.list_id WHERE m.contact_id "+s.d.inIDs+
		" AND l.account_id = ? AND l.kind <> 'upload' ORDER BY m.contact_id, l.name", s.d.idList(contactIDs), accountID)
	return names, s.translate(err)
}

// UsedAddressKinds are the kinds of address that an account's contacts have.
func (s *Store) UsedAddressKinds(ctx context.Context, accountID int64) (map[providers.AddressKind]bool, error) {
	used := map[providers.AddressKind]bool{}
	err := s.reader().scanAll(ctx, func(scan func(...any) error) error {
		var kind providers.AddressKind
		err := scan(&kind)
		used[kind] = true
		return err
	}, "SELECT DISTINCT kind FROM addresses WHERE account_id = ?", accountID)
	return used, s.translate(err)
}
