package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"carillon/internal/fault"
	"carillon/targeting"
)

// selectList reads what scanList takes.
const selectList = `SELECT l.id, l.account_id, l.kind, l.name, l.created_at,
	(SELECT COUNT(*) FROM members m WHERE m.list_id = l.id) FROM lists l`

func scanList(scan func(...any) error) (targeting.List, error) {
	var l targeting.List
	var created millis
	err := scan(&l.ID, &l.AccountID, &l.Kind, &l.Name, &created, &l.Members)
	l.CreatedAt = created.Time
	return l, err
}

// CreateGroup makes an empty group. A name that is taken is a Conflict that
// names the group.
func (s *Store) CreateGroup(ctx context.Context, accountID int64, name string) (targeting.List, error) {
	var list targeting.List
	err := s.inTx(ctx, func(tx conn) error {
		id, created, err := s.ensureList(ctx, tx, accountID, targeting.ListName{Kind: targeting.Group, Name: name})
		if err != nil {
			return err
		}
		if !created {
			return &fault.Error{Code: fault.Conflict, Message: "the name is taken", Fields: []fault.Field{{
				Location: "name", Value: name, Message: fmt.Sprintf("group %d has this name: choose another, or use that group", id),
			}}}
		}
		list, err = scanList(tx.row(ctx, selectList+" WHERE l.id = ?", id).Scan)
		return err
	})
	return list, err
}

// ensureList finds a list by its name or makes it; no upload.
func (s *Store) ensureList(ctx context.Context, tx conn, accountID int64, list targeting.ListName) (id int64, created bool, err error) {
	n, err := tx.exec(ctx, `INSERT INTO lists (account_id, kind, name, created_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (account_id, kind, name) WHERE kind <> 'upload' DO NOTHING`, accountID, string(list.Kind), list.Name, ms(s.clock.Now()))
	if err != nil {
		return 0, false, err
	}
	err = tx.row(ctx, "SELECT id FROM lists WHERE account_id = ? AND name = ? AND kind = ?", accountID, list.Name, string(list.Kind)).Scan(&id)
	return id, n == 1, err
}

// ListGroups lists an account's groups behind the id after.
func (s *Store) ListGroups(ctx context.Context, accountID, after int64, limit int) ([]targeting.List, error) {
	var lists []targeting.List
	err := s.reader().scanAll(ctx, func(scan func(...any) error) error {
		list, err := scanList(scan)
		lists = append(lists, list)
		return err
	}, selectList+" WHERE l.account_id = ? AND l.kind = 'group' AND l.id > ? ORDER BY l.id LIMIT ?", accountID, after, limit)
	return lists, s.translate(err)
}

// GetGroup is one group with the number of its members.
func (s *Store) GetGroup(ctx context.Context, accountID, id int64) (targeting.List, error) {
	list, err := scanList(s.reader().row(ctx, selectList+" WHERE l.id = ? AND l.account_id = ? AND l.kind = 'group'", id, accountID).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return targeting.List{}, noGroup(id)
	}
	return list, s.translate(err)
}

func noGroup(id int64) error { return fault.New(fault.NotFound, "there is no group %d", id) }

// lockGroup makes sure that a group is there and stays until the transaction
// ends.
func (s *Store) lockGroup(ctx context.Context, tx conn, accountID, id int64) error {
	var found int64
	err := tx.row(ctx, "SELECT id FROM lists WHERE id = ? AND account_id = ? AND kind = 'group'"+s.d.forShare, id, accountID).Scan(&found)
	if errors.Is(err, sql.ErrNoRows) {
		return noGroup(id)
	}
	return err
}

// membersAtOnce is how many members one transaction removes when a group is
// deleted, so that nobody waits long behind it.
const membersAtOnce = 20_000

// DeleteGroup removes a group; its contacts stay. If it is broken off, the
// group is still there with fewer members, and deleting it again goes on.
func (s *Store) DeleteGroup(ctx context.Context, accountID, id int64) error {
	for {
		done := false
		err := s.inTx(ctx, func(tx conn) error {
			if err := s.lockGroup(ctx, tx, accountID, id); err != nil {
				return err
			}
			n, err := tx.exec(ctx, `DELETE FROM members WHERE list_id = ? AND contact_id IN
				(SELECT contact_id FROM members WHERE list_id = ? ORDER BY contact_id LIMIT ?)`, id, id, membersAtOnce)
			if done = n < membersAtOnce; err != nil || !done {
				return err
			}
			_, err = tx.exec(ctx, "DELETE FROM lists WHERE id = ?", id)
			return err
		})
		if err != nil || done {
			return err
		}
	}
}

// AddMembers puts contacts into a group and returns how many were not in it. A
// contact that does not exist is Invalid and nobody is added.
func (s *Store) AddMembers(ctx context.Context, accountID, groupID int64, contactIDs []int64) (added int64, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		if err := s.lockGroup(ctx, tx, accountID, groupID); err != nil {
			return err
		}
		if err := s.refuseStrangers(ctx, tx, accountID, contactIDs); err != nil {
			return err
		}
		added, err = tx.exec(ctx, `INSERT INTO members (list_id, contact_id) SELECT ?, id FROM contacts WHERE account_id = ? AND id `+s.d.inIDs+`
			ON CONFLICT (list_id, contact_id) DO NOTHING`, groupID, accountID, s.d.idList(contactIDs))
		return err
	})
	return added, err
}

// refuseStrangers is an error that names the ids that are no contacts.
func (s *Store) refuseStrangers(ctx context.Context, tx conn, accountID int64, ids []int64) error {
	known := make(map[int64]bool, len(ids))
	err := tx.scanAll(ctx, func(scan func(...any) error) error {
		var id int64
		err := scan(&id)
		known[id] = true
		return err
	}, "SELECT id FROM contacts WHERE account_id = ? AND id "+s.d.inIDs, accountID, s.d.idList(ids))
	if err != nil {
		return err
	}
	var wrong []fault.Field
	for i, id := range ids {
		if !known[id] {
			wrong = append(wrong, fault.Field{Location: fmt.Sprintf("contacts[%d]", i), Value: id, Message: "there is no such contact"})
		}
	}
	return fault.InvalidFields(wrong)
}

// RemoveMembers takes contacts out of a group and returns how many were in it.
func (s *Store) RemoveMembers(ctx context.Context, accountID, groupID int64, contactIDs []int64) (removed int64, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		if err := s.lockGroup(ctx, tx, accountID, groupID); err != nil {
			return err
		}
		removed, err = tx.exec(ctx, "DELETE FROM members WHERE list_id = ? AND contact_id "+s.d.inIDs, groupID, s.d.idList(contactIDs))
		return err
	})
	return removed, err
}
