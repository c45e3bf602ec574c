package store

import (
	"context"

	"carillon/contacts"
)

// What many tests need of groups.

func (s *Store) CreateGroup(ctx context.Context, accountID int64, name string) (contacts.List, error) {
	return s.CreateList(ctx, contacts.List{AccountID: accountID, Kind: contacts.Group, Name: name})
}

func (s *Store) GetGroup(ctx context.Context, accountID, id int64) (contacts.List, error) {
	return s.GetList(ctx, accountID, contacts.Group, id)
}

func (s *Store) ListGroups(ctx context.Context, accountID, after int64, limit int) ([]contacts.List, error) {
	return s.ListLists(ctx, accountID, contacts.Group, after, limit)
}

func (s *Store) DeleteGroup(ctx context.Context, accountID, id int64) error {
	return s.DeleteList(ctx, accountID, contacts.Group, id)
}

func inGroup(accountID, groupID int64, ids ...int64) contacts.MemberChange {
	return contacts.MemberChange{AccountID: accountID, Kind: contacts.Group, ListID: groupID, Contacts: ids, Actor: "test"}
}
