package store

import (
	"context"

	"carillon/contacts"
	"carillon/providers"
	"carillon/store/sqldb"
)

// MembershipNames are the groups, labels and categories of contacts by their
// ids, in the order of their names.
func (s *Store) MembershipNames(ctx context.Context, accountID int64, contactIDs []int64) (map[int64][]contacts.ListName, error) {
	names := map[int64][]contacts.ListName{}
	err := sqldb.Each(ctx, s.reader(), func(scan sqldb.Scan) error {
		var id int64
		var l contacts.ListName
		err := scan(&id, &l.Kind, &l.Name)
		names[id] = append(names[id], l)
		return err
	}, "SELECT m.contact_id, l.kind, l.name FROM members m JOIN lists l ON l.id = m.list_id WHERE m.contact_id "+s.d.InIDs+
		" AND l.account_id = ? AND l.kind <> 'upload' ORDER BY m.contact_id, l.name", s.d.IDList(contactIDs), accountID)
	return names, s.translate(err)
}

// UsedAddressKinds are the kinds of address that an account's contacts have.
func (s *Store) UsedAddressKinds(ctx context.Context, accountID int64) (map[providers.AddressKind]bool, error) {
	used, err := sqldb.Set[providers.AddressKind](ctx, s.reader(), "SELECT DISTINCT kind FROM addresses WHERE account_id = ?", accountID)
	return used, s.translate(err)
}
