package store

import (
	"context"
	"slices"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/targeting"
)

// entryStopped is since when a contact is not active; who never was is so since it is there.
const entryStopped = "CASE WHEN c.status <> 'active' THEN COALESCE(c.stopped_at, c.created_at) END"

// entryOrders are by what entries are ordered. What is missing comes first, as the smallest.
var entryOrders = map[targeting.Order]string{
	targeting.ByCreated:   "c.created_at",
	targeting.ByStopped:   "COALESCE(" + entryStopped + ", 0)",
	targeting.ByContactID: "c.id",
	targeting.ByName:      "LOWER(c.name)",
	targeting.ByKind:      "a.kind",
	targeting.ByAddress:   "a.address",
	targeting.ByStatus:    "CASE WHEN c.status = 'blocked' THEN 1 ELSE 0 END",
	targeting.ByReplied:   "COALESCE(c.last_replied_at, 0)",
}

// ListEntries lists addresses with who holds them.
func (s *Store) ListEntries(ctx context.Context, f targeting.DirectoryFilter) ([]targeting.Entry, error) {
	by, known := entryOrders[f.Order]
	if !known {
		return nil, fault.InvalidField("order", string(f.Order), "is no order of contacts")
	}
	compiled, err := s.reader().compileAudience(ctx, providers.Channel{AccountID: f.AccountID}, f.Among, 0, s.clock.Now())
	if err != nil {
		return nil, s.translate(err)
	}
	among := compiled.contacts()
	kinds := make([]string, len(f.Kinds))
	for i, kind := range f.Kinds {
		kinds[i] = string(kind)
	}
	attributes := "'{}', '{}'"
	if f.Attributes {
		attributes = "c.attributes, c.attribute_expiry"
	}
	where := fragment{" WHERE a.account_id = ? AND a.kind " + s.d.InTexts, []any{f.AccountID, s.d.TextList(kinds)}}
	if f.Addresses != nil {
		where = where.and("a.address "+s.d.InTexts, s.d.TextList(f.Addresses))
	}
	if f.Reached != nil {
		reached := "c.status = 'active' AND s.address IS NULL"
		if !*f.Reached {
			reached = "NOT (" + reached + ")"
		}
		where = where.and(reached)
	}
	where = where.and(among.sql, among.args...)
	direction := ""
	if f.Descending {
		direction = " DESC"
	}
	query := "SELECT c.id, a.kind, a.address, c.name, c.status, c.created_at, " + entryStopped + ", c.last_replied_at, COALESCE(s.reason, ''), " + attributes +
		` FROM addresses a JOIN contacts c ON c.id = a.contact_id
		LEFT JOIN suppressions s ON s.account_id = a.account_id AND s.kind = a.kind AND s.address = a.address` +
		where.sql + " ORDER BY " + by + direction + ", c.id" + direction + ", a.kind LIMIT ? OFFSET ?"
	now := s.clock.Now()
	list, err := sqldb.Query(ctx, s.reader(), func(scan sqldb.Scan) (e targeting.Entry, err error) {
		var created, stopped, replied sqldb.Time
		var values, expiry []byte
		if err := scan(&e.ContactID, &e.Kind, &e.Address, &e.Name, &e.Status, &created, &stopped, &replied, &e.Suppressed, &values, &expiry); err != nil {
			return e, err
		}
		e.CreatedAt, e.StoppedAt, e.LastRepliedAt = created.Time, stopped.Ptr(), replied.Ptr()
		if !f.Attributes {
			return e, nil
		}
		var c contacts.Contact
		if c.Attributes, err = contacts.ParseAttributes(values); err == nil {
			c.Expiry, err = parseTimes(expiry)
		}
		c.Forget(now)
		e.Attributes = c.Attributes
		return e, err
	}, query, slices.Concat(where.args, []any{f.Limit, f.Offset})...)
	return list, s.translate(err)
}
