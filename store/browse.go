package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/targeting"
	"carillon/targeting/rule"
)

// BrowseContacts is a page of contacts by its place. The ids of the page are found first, in
// an index where there is one for the order; a page of the second half from the end.
func (s *Store) BrowseContacts(ctx context.Context, b targeting.Browse, parsed rule.Rule) (list []contacts.Contact, total int64, err error) {
	tx := s.reader()
	where, err := tx.browsed(ctx, b, parsed)
	if err != nil {
		return nil, 0, s.translate(err)
	}
	if err := tx.Row(ctx, "SELECT COUNT(*) FROM contacts c WHERE "+where.sql, where.args...).Scan(&total); err != nil {
		return nil, 0, s.translate(err)
	}
	left := total - int64(b.Offset)
	if left <= 0 || b.Limit <= 0 {
		return nil, total, nil
	}
	limit, offset, backwards := min(int64(b.Limit), left), int64(b.Offset), false
	if offset > total/2 {
		offset, backwards = left-limit, true
	}
	from, order := tx.browsedOrder(b, backwards)
	ids, err := sqldb.IDs(ctx, tx, "SELECT c.id FROM contacts c"+from.sql+" WHERE "+where.sql+" ORDER BY "+order+" LIMIT ? OFFSET ?",
		slices.Concat(from.args, where.args, []any{limit, offset})...)
	if err != nil {
		return nil, 0, s.translate(err)
	}
	if backwards {
		slices.Reverse(ids)
	}
	if list, err = tx.readContacts(ctx, selectContact+" WHERE c.id "+tx.d.InIDs, tx.d.IDList(ids)); err != nil {
		return nil, 0, s.translate(err)
	}
	at := make(map[int64]int, len(ids))
	for i, id := range ids {
		at[id] = i
	}
	slices.SortFunc(list, func(a, b contacts.Contact) int { return at[a.ID] - at[b.ID] })
	for i := range list {
		list[i].Forget(s.clock.Now())
	}
	return list, total, nil
}

// browsed are the conditions over c.
func (tx conn) browsed(ctx context.Context, b targeting.Browse, parsed rule.Rule) (fragment, error) {
	f := fragment{"c.account_id = ? AND c.status <> 'deleted'", []any{b.AccountID}}
	if b.Known {
		f = f.and("NOT c.bare")
	}
	if len(b.Labels) > 0 {
		f = f.and("EXISTS (SELECT 1 FROM members m WHERE m.contact_id = c.id AND m.list_id "+tx.d.InIDs+")", tx.d.IDList(b.Labels))
	}
	if b.Text != "" {
		like := "%" + escapeLike(strings.ToLower(b.Text)) + "%"
		f = f.and(`(LOWER(c.name) LIKE ? ESCAPE '\' OR LOWER(c.first_name) LIKE ? ESCAPE '\' OR LOWER(c.last_name) LIKE ? ESCAPE '\'
			OR LOWER(c.external_id) LIKE ? ESCAPE '\' OR EXISTS (SELECT 1 FROM addresses a WHERE a.contact_id = c.id AND LOWER(a.address) LIKE ? ESCAPE '\'))`,
			like, like, like, like, like)
	}
	if parsed.Root == nil {
		return f, nil
	}
	schema, err := tx.ruleSchema(ctx, b.AccountID)
	if err != nil {
		return f, err
	}
	moment, err := tx.moment(ctx, b.AccountID, schema, []rule.Rule{parsed}, tx.s.clock.Now())
	if err != nil {
		return f, err
	}
	compiled, err := parsed.SQL(tx.d.rules(), moment)
	if err != nil {
		return f, err
	}
	return f.and(compiled.SQL, compiled.Args...), nil
}

// browsedOrder is the order of a page, and what it needs beside the contacts. Who has no
// value comes last, in either direction.
func (tx conn) browsedOrder(b targeting.Browse, backwards bool) (from fragment, order string) {
	way := func(descending bool) string {
		if descending != backwards {
			return " DESC"
		}
		return ""
	}
	id := "c.id" + way(b.Descending)
	by := func(missing, value string) string {
		return missing + way(false) + ", " + value + way(b.Descending) + ", " + id
	}
	switch b.Order {
	case targeting.SortID:
		return fragment{}, id
	case targeting.SortName:
		return fragment{}, by("(c.name = '')", "LOWER(c.name)")
	case targeting.SortLastActivity:
		return fragment{}, by("(c.last_activity_at IS NULL)", "c.last_activity_at")
	case targeting.SortEmail, targeting.SortPhone:
		kind := providers.Email
		if b.Order == targeting.SortPhone {
			kind = providers.Phone
		}
		return fragment{" LEFT JOIN addresses o ON o.contact_id = c.id AND o.kind = ?", []any{string(kind)}}, by("(o.address IS NULL)", "o.address")
	default:
		// A property's key was checked when it was made; one that there is not orders nothing.
		value := "(c.folded ->> '" + strings.ReplaceAll(string(b.Order), "'", "") + "')"
		return fragment{}, by("("+value+" IS NULL)", value)
	}
}

const selectFilter = "SELECT id, account_id, key_id, kind, name, query, targeting, created_at, updated_at FROM saved_filters"

func scanFilter(scan sqldb.Scan) (targeting.SavedFilter, error) {
	var f targeting.SavedFilter
	var query []byte
	var created, updated sqldb.Time
	err := scan(&f.ID, &f.AccountID, &f.KeyID, &f.Kind, &f.Name, &query, &f.Targeting, &created, &updated)
	f.Query, f.CreatedAt, f.UpdatedAt = query, created.Time, updated.Time
	return f, err
}

// CreateFilter saves a filter of a key.
func (s *Store) CreateFilter(ctx context.Context, f targeting.SavedFilter, most int) (made targeting.SavedFilter, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, f.AccountID); err != nil {
			return err
		}
		var n int
		if err := tx.Row(ctx, "SELECT COUNT(*) FROM saved_filters WHERE account_id = ? AND key_id = ?", f.AccountID, f.KeyID).Scan(&n); err != nil {
			return err
		}
		if n >= most {
			return fault.New(fault.Conflict, "a key has at most %d filters: delete one that nobody needs", most)
		}
		now := sqldb.Millis(s.clock.Now())
		id, err := tx.Insert(ctx, `INSERT INTO saved_filters (account_id, key_id, kind, name, query, targeting, created_at, updated_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, f.AccountID, f.KeyID, string(f.Kind), f.Name, string(f.Query), f.Targeting, now, now)
		if err == nil {
			made, err = scanFilter(tx.Row(ctx, selectFilter+" WHERE id = ?", id).Scan)
		}
		return err
	})
	return made, err
}

// GetFilter is one filter of a key.
func (s *Store) GetFilter(ctx context.Context, accountID, keyID, id int64) (targeting.SavedFilter, error) {
	f, err := scanFilter(s.reader().Row(ctx, selectFilter+" WHERE id = ? AND account_id = ? AND key_id = ?", id, accountID, keyID).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return f, noFilter(id)
	}
	return f, s.translate(err)
}

func noFilter(id int64) error { return fault.New(fault.NotFound, "there is no filter %d", id) }

// ListFilters lists the filters of a key.
func (s *Store) ListFilters(ctx context.Context, accountID, keyID int64, kind targeting.FilterKind) ([]targeting.SavedFilter, error) {
	list, err := sqldb.Query(ctx, s.reader(), scanFilter, selectFilter+" WHERE account_id = ? AND key_id = ? AND kind = ? ORDER BY id",
		accountID, keyID, string(kind))
	return list, s.translate(err)
}

// UpdateFilter keeps what was changed of a filter.
func (s *Store) UpdateFilter(ctx context.Context, f targeting.SavedFilter) (made targeting.SavedFilter, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		n, err := tx.Exec(ctx, `UPDATE saved_filters SET kind = ?, name = ?, query = ?, targeting = ?, updated_at = ?
			WHERE id = ? AND account_id = ? AND key_id = ?`,
			string(f.Kind), f.Name, string(f.Query), f.Targeting, sqldb.Millis(s.clock.Now()), f.ID, f.AccountID, f.KeyID)
		if err == nil && n == 0 {
			err = noFilter(f.ID)
		}
		if err == nil {
			made, err = scanFilter(tx.Row(ctx, selectFilter+" WHERE id = ?", f.ID).Scan)
		}
		return err
	})
	return made, err
}

// DeleteFilter forgets a filter.
func (s *Store) DeleteFilter(ctx context.Context, accountID, keyID, id int64) error {
	return s.inTx(ctx, func(tx conn) error {
		n, err := tx.Exec(ctx, "DELETE FROM saved_filters WHERE id = ? AND account_id = ? AND key_id = ?", id, accountID, keyID)
		if err == nil && n == 0 {
			err = noFilter(id)
		}
		return err
	})
}
