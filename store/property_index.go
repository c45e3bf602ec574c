package store

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"

	"carillon/contacts/property"
	"carillon/internal/fault"
	"carillon/store/sqldb"
	"carillon/targeting/rule"
)

// propertyIndexPrefix begins the names of the indexes of filterable properties;
// no other index has such a name.
const propertyIndexPrefix = "contacts_property_"

// propertyIndex is the index that serves rules over a property: of one key and
// comparison, whatever accounts have it.
type propertyIndex struct {
	name string
	// sql creates it; concurrently goes behind CREATE INDEX.
	sql func(concurrently string) string
}

// indexOf is the index for a property; ok is false where there can't be one.
func (d *dialect) indexOf(p property.Property) (index propertyIndex, ok bool) {
	if !property.ValidKey(p.Key) {
		return index, false // it is written into SQL
	}
	f := rule.Field{Source: rule.Attribute, Key: p.Key, Compare: p.Type.Comparison()}
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(p.Key)) // never fails
	index.name = fmt.Sprintf("%s%s_%016x", propertyIndexPrefix, f.Compare, hash.Sum64())
	expression, ordered := rule.AttributeSQL(d.rules(), f, "")
	columns, method := "account_id, "+expression, ""
	if !ordered {
		if !d.Dollar {
			return index, false // SQLite has no index of what is in an array
		}
		expression = rule.SetSQL(f, "")
		columns, method = expression+" jsonb_path_ops", "USING gin "
	}
	index.sql = func(concurrently string) string {
		return "CREATE INDEX " + concurrently + "IF NOT EXISTS " + index.name + " ON contacts " + method + "(" + columns + ") WHERE " + expression + " IS NOT NULL"
	}
	return index, true
}

// SyncPropertyIndexes makes sure that every filterable property has its index,
// and drops the indexes that no property needs any more. On PostgreSQL nobody
// waits for it; on SQLite writers do. What is broken off is made up for by the
// next call.
func (s *Store) SyncPropertyIndexes(ctx context.Context) error {
	wanted := map[string]propertyIndex{}
	err := sqldb.Each(ctx, s.reader(), func(scan sqldb.Scan) error {
		var p property.Property
		err := scan(&p.Key, &p.Type)
		if index, ok := s.d.indexOf(p); ok {
			wanted[index.name] = index
		}
		return err
	}, "SELECT DISTINCT key, type FROM properties WHERE filterable")
	if err != nil {
		return s.translate(err)
	}
	there := map[string]bool{} // whether it is whole
	err = sqldb.Each(ctx, s.reader(), func(scan sqldb.Scan) error {
		var name string
		var valid bool
		err := scan(&name, &valid)
		if strings.HasPrefix(name, propertyIndexPrefix) {
			there[name] = valid
		}
		return err
	}, s.d.contactIndexes)
	if err != nil {
		return s.translate(err)
	}
	// Outside of a transaction, as CONCURRENTLY wants it.
	c, concurrently := s.outside(), ""
	if s.Postgres() {
		concurrently = "CONCURRENTLY "
	}
	for name, valid := range there {
		if _, ok := wanted[name]; ok && valid {
			delete(wanted, name)
			continue
		}
		if _, err := c.Exec(ctx, "DROP INDEX "+concurrently+"IF EXISTS "+name); err != nil {
			return s.translate(err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if _, err := c.Exec(ctx, wanted[name].sql(concurrently)); err != nil {
			return s.translate(err)
		}
	}
	if len(wanted) > 0 && s.Postgres() {
		// The planner knows nothing of an expression before.
		_, err = c.Exec(ctx, "ANALYZE contacts")
	}
	return s.translate(err)
}

// syncIndexes is SyncPropertyIndexes after a property has changed: it is kept,
// whatever becomes of its index, which housekeeping looks after.
func (s *Store) syncIndexes(ctx context.Context, changed error) {
	if changed != nil {
		return
	}
	if err := s.SyncPropertyIndexes(ctx); err != nil && !errors.Is(err, context.Canceled) {
		s.log.WarnContext(ctx, "the indexes of properties are not up to date; housekeeping will try again", "code", fault.CodeOf(err), "error", err)
	}
}
