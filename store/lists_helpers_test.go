package store

import (
	"context"

	"carillon/targeting"
)

// What many tests need of groups.

func (s *Store) CreateGroup(ctx context.Context, accountID int64, name string) (targeting.List, error) {
	return s.CreateList(ctx, targeting.List{AccountID: accountID, Kind: targeting.Group, Name: name})
}

func (s *Store) GetGroup(ctx context.Context, accountID, id int64) (targeting.List, error) {
	return s.GetList(ctx, accountID, targeting.Group, id)
}

func (s *Store) ListGroups(ctx context.Context, accountID, after int64, limit int) ([]targeting.List, error) {
	return s.ListLists(ctx, accountID, targeting.Group, after, limit)
}

func (s *Store) DeleteGroup(ctx context.Context, accountID, id int64) error {
	return s.DeleteList(ctx, accountID, targeting.Group, id)
}

func inGroup(accountID, groupID int64, contacts ...int64) targeting.MemberChange {
	return targeting.MemberChange{AccountID: accountID, Kind: targeting.Group, ListID: groupID, Contacts: contacts, Actor: "test"}
}
