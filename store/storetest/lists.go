package storetest

import (
	"context"

	"carillon/contacts"
	"carillon/messages"
)

// CreateGroup makes a group by its name.
func (s *Store) CreateGroup(ctx context.Context, accountID int64, name string) (contacts.List, error) {
	return s.CreateList(ctx, contacts.List{AccountID: accountID, Kind: contacts.Group, Name: name})
}

// GetGroup is GetList for groups.
func (s *Store) GetGroup(ctx context.Context, accountID, id int64) (contacts.List, error) {
	return s.GetList(ctx, accountID, contacts.Group, id)
}

// ListGroups is ListLists for groups.
func (s *Store) ListGroups(ctx context.Context, accountID, after int64, limit int) ([]contacts.List, error) {
	return s.ListLists(ctx, accountID, contacts.Group, after, limit)
}

// DeleteGroup is DeleteList for groups.
func (s *Store) DeleteGroup(ctx context.Context, accountID, id int64) error {
	return s.DeleteList(ctx, accountID, contacts.Group, id)
}

// Tries are the moves of a message that a provider's answer led to.
func (s *Store) Tries(ctx context.Context, messageID int64) (tries []messages.Transition, err error) {
	moves, err := s.Transitions(ctx, messageID)
	for _, m := range moves {
		if m.Kind != "" {
			tries = append(tries, m)
		}
	}
	return tries, err
}
