package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/store/sqldb"
	"carillon/targeting/rule"
)

// selectList reads what scanList takes.
const selectList = `SELECT l.id, l.account_id, l.kind, l.name, l.description, COALESCE(l.slot, 0), l.color, l.text_color, l.called, l.created_at,
	(SELECT COUNT(*) FROM members m WHERE m.list_id = l.id) FROM lists l`

func scanList(scan sqldb.Scan) (contacts.List, error) {
	var l contacts.List
	var created sqldb.Time
	err := scan(&l.ID, &l.AccountID, &l.Kind, &l.Name, &l.Description, &l.Slot, &l.Color, &l.TextColor, &l.Called, &created, &l.Members)
	l.CreatedAt = created.Time
	return l, err
}

// CreateList makes an empty list. A name that is taken is a Conflict that names
// the list which has it.
func (s *Store) CreateList(ctx context.Context, l contacts.List) (contacts.List, error) {
	var made contacts.List
	err := s.inTx(ctx, func(tx conn) (err error) {
		made, err = tx.createList(ctx, l)
		return err
	})
	return made, err
}

func (tx conn) createList(ctx context.Context, l contacts.List) (made contacts.List, err error) {
	if l.Kind == contacts.Category {
		if err := tx.lockAccount(ctx, l.AccountID); err != nil { // numbers are given one after the other
			return made, err
		}
	}
	id, created, err := tx.ensureList(ctx, l.AccountID, contacts.ListName{Kind: l.Kind, Name: l.Name})
	if err != nil {
		return made, err
	}
	if !created {
		return made, listTaken(l.Kind, l.Name, id)
	}
	slot, err := tx.freeSlot(ctx, l)
	if err != nil {
		return made, err
	}
	if _, err := tx.Exec(ctx, "UPDATE lists SET description = ?, slot = ?, color = ?, text_color = ? WHERE id = ?",
		l.Description, slot, l.Color, l.TextColor, id); err != nil {
		return made, err
	}
	return scanList(tx.Row(ctx, selectList+" WHERE l.id = ?", id).Scan)
}

// freeSlot is the number of a new list: for a category the lowest that is free, else nil.
// It needs the account's lock.
func (tx conn) freeSlot(ctx context.Context, l contacts.List) (slot any, err error) {
	if l.Kind != contacts.Category {
		return nil, nil
	}
	taken, err := sqldb.IDs(ctx, tx, "SELECT slot FROM lists WHERE account_id = ? AND slot IS NOT NULL", l.AccountID)
	if err != nil {
		return nil, err
	}
	for n := int64(1); n <= contacts.MaxSlots; n++ {
		if !slices.Contains(taken, n) {
			return n, nil
		}
	}
	if l.Slot == contacts.AnySlot {
		return nil, fault.New(fault.Conflict, "there are %d categories with a number already, and no more numbers: delete one first", contacts.MaxSlots)
	}
	return nil, nil
}

func listTaken(kind contacts.ListKind, name string, id int64) error {
	return &fault.Error{Code: fault.Conflict, Message: "the name is taken", Fields: []fault.Field{{
		Location: "name", Value: name, Message: fmt.Sprintf("%s %d has this name: choose another, or use that %s", kind, id, kind),
	}}}
}

// ensureList finds a list by its name or makes it; no upload.
func (tx conn) ensureList(ctx context.Context, accountID int64, list contacts.ListName) (id int64, created bool, err error) {
	n, err := tx.Exec(ctx, `INSERT INTO lists (account_id, kind, name, created_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (account_id, kind, name) WHERE kind <> 'upload' DO NOTHING`, accountID, string(list.Kind), list.Name, sqldb.Millis(tx.s.clock.Now()))
	if err != nil {
		return 0, false, err
	}
	err = tx.Row(ctx, "SELECT id FROM lists WHERE account_id = ? AND name = ? AND kind = ?", accountID, list.Name, string(list.Kind)).Scan(&id)
	return id, n == 1, err
}

// ListLists lists an account's lists of a kind behind the id after.
func (s *Store) ListLists(ctx context.Context, accountID int64, kind contacts.ListKind, after int64, limit int) ([]contacts.List, error) {

	lists, err := sqldb.Query(ctx, s.reader(), scanList, selectList+" WHERE l.account_id = ? AND l.kind = ? AND l.id > ? ORDER BY l.id LIMIT ?",
		accountID, string(kind), after, limit)
	return lists, s.translate(err)
}

// ListsOf lists those of a kind in which a contact is.
func (s *Store) ListsOf(ctx context.Context, accountID int64, kind contacts.ListKind, contactID int64) ([]contacts.List, error) {
	lists, err := sqldb.Query(ctx, s.reader(), scanList, selectList+" WHERE l.account_id = ? AND l.kind = ? AND "+
		"l.id IN (SELECT list_id FROM members WHERE contact_id = ?) ORDER BY l.id", accountID, string(kind), contactID)
	return lists, s.translate(err)
}

// GetList is one list with the number of its members.
func (s *Store) GetList(ctx context.Context, accountID int64, kind contacts.ListKind, id int64) (contacts.List, error) {
	list, err := s.reader().list(ctx, accountID, kind, id)
	return list, s.translate(err)
}

func (tx conn) list(ctx context.Context, accountID int64, kind contacts.ListKind, id int64) (contacts.List, error) {
	list, err := scanList(tx.Row(ctx, selectList+" WHERE l.id = ? AND l.account_id = ? AND l.kind = ?", id, accountID, string(kind)).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return contacts.List{}, noList(kind, id)
	}
	return list, err
}

func noList(kind contacts.ListKind, id int64) error {
	return fault.New(fault.NotFound, "there is no %s %d", kind, id)
}

// UpdateList changes a list's name and description: change is given what is
// stored and alters it.
func (s *Store) UpdateList(ctx context.Context, accountID int64, kind contacts.ListKind, id int64, change func(*contacts.List) error) (contacts.List, error) {
	var updated contacts.List
	err := s.inTx(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, accountID); err != nil {
			return err
		}
		list, err := tx.list(ctx, accountID, kind, id)
		if err != nil {
			return err
		}
		if err := change(&list); err != nil {
			return err
		}
		var holder int64
		err = tx.Row(ctx, "SELECT id FROM lists WHERE account_id = ? AND kind = ? AND name = ? AND id <> ?", accountID, string(kind), list.Name, id).Scan(&holder)
		if err == nil {
			return listTaken(kind, list.Name, holder)
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE lists SET name = ?, description = ?, color = ?, text_color = ?, called = ? WHERE id = ?",
			list.Name, list.Description, list.Color, list.TextColor, list.Called, id); err != nil {
			return err
		}
		updated, err = tx.list(ctx, accountID, kind, id)
		return err
	})
	return updated, err
}

// lockList makes sure that a list is there and stays until the transaction ends.
func (tx conn) lockList(ctx context.Context, accountID int64, kind contacts.ListKind, id int64) error {
	var found int64
	err := tx.Row(ctx, "SELECT id FROM lists WHERE id = ? AND account_id = ? AND kind = ?"+tx.d.ForShare, id, accountID, string(kind)).Scan(&found)
	if errors.Is(err, sql.ErrNoRows) {
		return noList(kind, id)
	}
	return err
}

// membersAtOnce is how many members one transaction removes when a list is
// deleted, so that nobody waits long behind it.
const membersAtOnce = 20_000

// DeleteList removes a list; its contacts stay. If it is broken off, the list is
// still there with fewer members, and deleting it again goes on. A list that a
// campaign uses which is not over, drafts included, is not deleted: an exclusion
// would be lost without a word.
func (s *Store) DeleteList(ctx context.Context, accountID int64, kind contacts.ListKind, id int64) error {
	for {
		done := false
		err := s.inTx(ctx, func(tx conn) error {
			if err := tx.lockList(ctx, accountID, kind, id); err != nil {
				return err
			}
			if err := tx.refuseListInUse(ctx, accountID, kind, id); err != nil {
				return err
			}
			n, err := tx.Exec(ctx, `DELETE FROM members WHERE list_id = ? AND contact_id IN
				(SELECT contact_id FROM members WHERE list_id = ? ORDER BY contact_id LIMIT ?)`, id, id, membersAtOnce)
			if done = n < membersAtOnce; err != nil || !done {
				return err
			}
			_, err = tx.Exec(ctx, "DELETE FROM lists WHERE id = ?", id)
			return err
		})
		if err != nil || done {
			return err
		}
	}
}

// usedLists are the lists that an audience names.
type usedLists struct {
	Uploads, Groups, Categories, Labels []int64
	Exclude                             *usedLists
}

func (u *usedLists) has(kind contacts.ListKind, id int64) bool {
	if u == nil {
		return false
	}
	ids := map[contacts.ListKind][]int64{
		contacts.UploadedList: u.Uploads, contacts.Group: u.Groups, contacts.Category: u.Categories, contacts.Label: u.Labels,
	}[kind]
	return slices.Contains(ids, id) || u.Exclude.has(kind, id)
}

// refuseListInUse is the Conflict for a list that campaigns use which are not over.
func (tx conn) refuseListInUse(ctx context.Context, accountID int64, kind contacts.ListKind, id int64) error {
	var users []string
	err := sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var campaignID, categoryID int64
		var name, status string
		var audience []byte
		if err := scan(&campaignID, &name, &status, &categoryID, &audience); err != nil {
			return err
		}
		var used usedLists
		if err := json.Unmarshal(audience, &used); err != nil {
			return fmt.Errorf("read audience of campaign %d: %w", campaignID, err)
		}
		if used.has(kind, id) || (kind == contacts.Category && categoryID == id) {
			users = append(users, fmt.Sprintf("campaign %d %q (%s)", campaignID, name, status))
		}
		return nil
	}, "SELECT id, name, status, category_id, audience FROM campaigns WHERE account_id = ? AND status IN ('draft', 'scheduled', 'running', 'paused') "+
		"ORDER BY id", accountID)
	if err != nil {
		return err
	}
	rules, err := tx.ruleUsers(ctx, accountID, func(r rule.Rule, _ []int64) bool {
		return slices.ContainsFunc(r.References(), func(ref rule.Reference) bool { return ref.Noun() == string(kind) && ref.ID == id })
	})
	if err != nil {
		return err
	}
	if users = append(users, rules...); len(users) == 0 {
		return nil
	}
	return fault.New(fault.Conflict, "%s %d is used by %s: take the %s out of its audience or rule, or delete, cancel or await it first",
		kind, id, strings.Join(users, ", "), kind)
}
