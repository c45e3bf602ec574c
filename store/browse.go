package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/targeting"
	"carillon/targeting/rule"
)

// BrowseContacts is a page of contacts by its place. Those who have a value of the order come
// first, then the others by their ids; of both the ids are found alone, in an index where
// there is one, and a page of the second half from the end.
func (s *Store) BrowseContacts(ctx context.Context, b targeting.Browse, parsed rule.Rule) (list []contacts.Contact, total int64, err error) {
	tx := s.reader()
	where, err := tx.browsed(ctx, b, parsed)
	if err != nil {
		return nil, 0, s.translate(err)
	}
	if err := tx.Row(ctx, "SELECT COUNT(*) FROM contacts c WHERE "+where.sql, where.args...).Scan(&total); err != nil {
		return nil, 0, s.translate(err)
	}
	if int64(b.Offset) >= total || b.Limit <= 0 {
		return nil, total, nil
	}
	ids, err := tx.browsedIDs(ctx, b, where, total)
	if err != nil {
		return nil, 0, s.translate(err)
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

// ordered is how contacts are ordered by something that not all have.
type ordered struct {
	// from are the tables of those who have it; nothing for contacts alone.
	from string
	args []any
	// has and lacks are conditions, value is by what is ordered.
	has, lacks, value string
	// counted says that those who have it are soon counted, by an index.
	counted bool
}

// orderedBy is an order's; false for that of ids, and for what orders nothing: a property
// that there is not, or whose values are sets.
func (tx conn) orderedBy(ctx context.Context, accountID int64, o targeting.Sort) (by ordered, some bool, err error) {
	if key, ok := strings.CutPrefix(string(o), contacts.AttributePrefix); ok {
		properties, err := tx.properties(ctx, accountID)
		if err != nil {
			return by, false, err
		}
		schema := rule.NewSchema(rule.Vocabulary{Properties: properties})
		field, there := schema.Field(contacts.AttributePrefix + key)
		if !there {
			return by, false, nil
		}
		value, some := rule.AttributeSQL(tx.d.rules(), field, "c")
		return ordered{has: value + " IS NOT NULL", lacks: value + " IS NULL", value: value}, some, nil
	}
	by, some = tx.orderedByColumn(o)
	return by, some, nil
}

func (tx conn) orderedByColumn(o targeting.Sort) (ordered, bool) {
	switch o {
	case targeting.SortName:
		return ordered{has: "c.name <> ''", lacks: "c.name = ''", value: "LOWER(c.name)", counted: true}, true
	case targeting.SortLastActivity:
		return ordered{has: "c.last_activity_at IS NOT NULL", lacks: "c.last_activity_at IS NULL", value: "c.last_activity_at", counted: true}, true
	case targeting.SortEmail, targeting.SortPhone:
		kind := providers.Email
		if o == targeting.SortPhone {
			kind = providers.Phone
		}
		// CROSS has SQLite begin with the addresses, which are in their order.
		return ordered{
			from: "addresses o CROSS JOIN contacts c", args: []any{string(kind)}, has: "c.id = o.contact_id AND o.account_id = c.account_id AND o.kind = ?",
			lacks: "NOT EXISTS (SELECT 1 FROM addresses o WHERE o.contact_id = c.id AND o.kind = ?)", value: "o.address",
		}, true
	default:
		return ordered{}, false
	}
}

// browsedIDs are the ids of a page of so many contacts.
func (tx conn) browsedIDs(ctx context.Context, b targeting.Browse, where fragment, total int64) (ids []int64, err error) {
	by, some, err := tx.orderedBy(ctx, b.AccountID, b.Order)
	if err != nil {
		return nil, err
	}
	offset, limit := int64(b.Offset), int64(b.Limit)
	if !some {
		return tx.slice(ctx, piece{from: "contacts c", where: where, keys: []string{"c.id"}, descending: b.Descending}, offset, min(limit, total-offset), total)
	}
	first := piece{from: cmp.Or(by.from, "contacts c"), where: where.and(by.has, by.args...), keys: []string{by.value, "c.id"}, descending: b.Descending}
	if by.from != "" && parsedNothing(b) {
		first, by.counted = addressed(b, by), true
	}
	have := int64(-1)
	count := func() error {
		return tx.Row(ctx, "SELECT COUNT(*) FROM "+first.from+" WHERE "+first.where.sql, first.where.args...).Scan(&have)
	}
	if by.counted {
		if err := count(); err != nil {
			return nil, err
		}
	}
	if have < 0 || offset < have {
		if ids, err = tx.slice(ctx, first, offset, limit, have); err != nil || int64(len(ids)) == limit {
			return ids, err
		}
	}
	if have < 0 {
		if err := count(); err != nil {
			return nil, err
		}
	}
	rest := piece{from: "contacts c", where: where.and(by.lacks, by.args...), keys: []string{"c.id"}, descending: b.Descending}
	others, err := tx.slice(ctx, rest, max(0, offset-have), limit-int64(len(ids)), total-have)
	return append(ids, others...), err
}

// parsedNothing says that all contacts that are not deleted are asked for.
func parsedNothing(b targeting.Browse) bool {
	return !targeting.HasRule(b.Rule) && len(b.Labels) == 0 && b.Text == ""
}

// addressed are all contacts with an address in its order: those that are deleted, who are few,
// are left out of the addresses, so that no contact need be looked up.
func addressed(b targeting.Browse, by ordered) piece {
	return piece{from: "addresses o", id: "o.contact_id", keys: []string{by.value, "o.contact_id"}, descending: b.Descending, where: fragment{
		"o.kind = ? AND o.account_id = ? AND o.contact_id NOT IN (SELECT d.id FROM contacts d WHERE d.account_id = ? AND d.status = 'deleted')",
		append(slices.Clone(by.args), b.AccountID, b.AccountID),
	}}
}

// piece is a query for contacts in the order of its keys.
type piece struct {
	from  string
	where fragment
	keys  []string
	// id is the column of their ids; empty for c.id.
	id string
	// descending says that all keys are.
	descending bool
}

// slice are the ids at a place of a piece. Where it is known how many there are, those of the
// second half are found from the end.
func (tx conn) slice(ctx context.Context, p piece, offset, limit, of int64) ([]int64, error) {
	backwards := false
	if of >= 0 {
		limit = min(limit, of-offset)
		if backwards = offset > of/2; backwards {
			offset = of - offset - limit
		}
	}
	if limit <= 0 {
		return nil, nil
	}
	way := ""
	if p.descending != backwards {
		way = " DESC"
	}
	ids, err := sqldb.IDs(ctx, tx, "SELECT "+cmp.Or(p.id, "c.id")+" FROM "+p.from+" WHERE "+p.where.sql+" ORDER BY "+strings.Join(p.keys,
		way+", ")+way+" LIMIT ? OFFSET ?",
		append(slices.Clone(p.where.args), limit, offset)...)
	if backwards {
		slices.Reverse(ids)
	}
	return ids, err
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
		found := searched(b.Text)
		f = f.and(found.sql, found.args...)
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

// searched is the condition that a text is in a name, an external id or an address of
// c; names are compared as rules compare them.
func searched(text string) fragment {
	name, code := holding(nameText(text)), holding(strings.ToLower(text))
	return fragment{`(c.folded ->> 'name' LIKE ? ESCAPE '\' OR c.folded ->> 'first_name' LIKE ? ESCAPE '\' OR c.folded ->> 'last_name' LIKE ? ESCAPE '\'
		OR LOWER(c.external_id) LIKE ? ESCAPE '\' OR EXISTS (SELECT 1 FROM addresses a WHERE a.contact_id = c.id AND LOWER(a.address) LIKE ? ESCAPE '\'))`,
		[]any{name, name, name, code, code}}
}

// nameText is a text that is looked for in names, as they are kept and folded.
func nameText(text string) string { return property.Fold(strings.TrimSpace(property.Collapse(text))) }

// holding is a LIKE pattern for texts that have a part.
func holding(part string) string { return "%" + escapeLike(part) + "%" }

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
