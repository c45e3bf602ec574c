package targeting

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"carillon/internal/fault"
)

// maxGroupName is the longest name of a group, in characters.
const maxGroupName = 255

// maxMembersAtOnce bounds the contacts that one request adds or removes; more
// come by an upload.
const maxMembersAtOnce = 10_000

// GroupStore keeps groups.
type GroupStore interface {
	CreateGroup(ctx context.Context, accountID int64, name string) (List, error)
	DeleteGroup(ctx context.Context, accountID, id int64) error
	AddMembers(ctx context.Context, accountID, groupID int64, contactIDs []int64) (added int64, err error)
	RemoveMembers(ctx context.Context, accountID, groupID int64, contactIDs []int64) (removed int64, err error)
}

// Groups is the service for groups of contacts. It is safe for concurrent use.
type Groups struct{ store GroupStore }

// NewGroups makes the service.
func NewGroups(store GroupStore) *Groups { return &Groups{store: store} }

// GroupName checks a group's name and collapses the white space in it.
func GroupName(name string) (string, error) {
	name = strings.Join(strings.Fields(name), " ")
	if name == "" || utf8.RuneCountInString(name) > maxGroupName || strings.ContainsFunc(name, unicode.IsControl) {
		return name, fault.InvalidField("name", name, "a group's name has 1 to %d characters and no control characters", maxGroupName)
	}
	return name, nil
}

// Create makes an empty group. A name that is taken is a Conflict.
func (g *Groups) Create(ctx context.Context, accountID int64, name string) (List, error) {
	name, err := GroupName(name)
	if err != nil {
		return List{}, err
	}
	return g.store.CreateGroup(ctx, accountID, name)
}

// Delete removes a group; its contacts stay.
func (g *Groups) Delete(ctx context.Context, accountID, id int64) error {
	return g.store.DeleteGroup(ctx, accountID, id)
}

// Add puts contacts into a group and returns how many were not in it. If one of
// them does not exist nobody is added.
func (g *Groups) Add(ctx context.Context, accountID, groupID int64, contactIDs []int64) (added int64, err error) {
	if err := someContacts(contactIDs); err != nil {
		return 0, err
	}
	return g.store.AddMembers(ctx, accountID, groupID, contactIDs)
}

// Remove takes contacts out of a group and returns how many were in it.
func (g *Groups) Remove(ctx context.Context, accountID, groupID int64, contactIDs []int64) (removed int64, err error) {
	if err := someContacts(contactIDs); err != nil {
		return 0, err
	}
	return g.store.RemoveMembers(ctx, accountID, groupID, contactIDs)
}

func someContacts(ids []int64) error {
	if len(ids) == 0 || len(ids) > maxMembersAtOnce {
		return fault.InvalidField("contacts", len(ids), "give 1 to %d contact ids; more come by an upload with a group", maxMembersAtOnce)
	}
	return nil
}
