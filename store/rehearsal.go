package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"carillon/contacts"
	"carillon/store/sqldb"
)

// rehearsed are the tables that an import writes, apart from the upload's own,
// and whether it reads what the account has in them.
var rehearsed = []struct {
	table string
	copy  bool
}{
	{"contacts", true},
	{"account_contacts", true},
	{"addresses", true},
	{"lists", true},
	{"members", false},
	{"suppressions", false},
	{"consents", true},
	{"properties", true},
	{"outbox", false},
}

// rehearsedCounts is the table of counts that an import writes.
func (s *Store) rehearsedCounts() string {
	if s.Postgres() {
		return "stats_deltas"
	}
	return "stats"
}

// copyAtOnce is how many rows of a table are copied between two signs of life.
const copyAtOnce = 50_000

// rehearsal is a store with one connection of its own, on which temporary
// tables hide those that an import writes: the very statements of an import
// work on copies, and end with the connection. The connection is never replaced,
// because a new one would not have them.
type rehearsal struct {
	*Store
	real *Store
	own  *sqldb.Dedicated
}

// Rehearse makes a place for a dry run of an upload; see contacts.ImportStore.
func (s *Store) Rehearse(ctx context.Context, u contacts.Upload) (contacts.Rehearsal, error) {
	own, err := s.db.Dedicate(ctx)
	r := &rehearsal{real: s, own: own, Store: &Store{db: own.DB, d: s.d, box: s.box, clock: s.clock, log: s.log, dsn: s.dsn}}
	if err != nil {
		return nil, errors.Join(s.translate(err), r.Close())
	}
	if err := r.prepare(ctx, u); err != nil {
		return nil, errors.Join(s.translate(err), r.Close())
	}
	return r, nil
}

// ImportBatch carries a batch out on the copies, and then moves the upload on.
func (r *rehearsal) ImportBatch(ctx context.Context, b contacts.ImportBatch) error {
	var i importing
	err := r.inCopyTx(ctx, func(tx conn) (err error) {
		if i, err = tx.importRows(ctx, b); err != nil {
			return err
		}
		// No trigger counts the copies.
		_, err = tx.Exec(ctx, `INSERT INTO account_contacts VALUES (?, ?)
			ON CONFLICT (account_id) DO UPDATE SET contacts = account_contacts.contacts + excluded.contacts`, b.AccountID, i.matching.Gained)
		return err
	})
	if err != nil {
		return err
	}
	err = r.real.inTx(ctx, func(tx conn) error {
		i.conn = tx
		return i.advance(ctx)
	})
	if err != nil {
		return err
	}
	return r.real.full(ctx, i)
}

// Close drops the copies with the connection.
func (r *rehearsal) Close() error { return r.own.Close() }

// prepare makes the copies, and sets the upload back to its beginning: a dry run
// that was left has taken its copies with it.
func (r *rehearsal) prepare(ctx context.Context, u contacts.Upload) error {
	err := r.real.inTx(ctx, func(tx conn) error {
		if _, err := tx.Exec(ctx, "DELETE FROM upload_errors WHERE upload_id = ?", u.ID); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE uploads SET records = 0, bytes_read = 0, row_count = 0, created = 0, updated = 0, refused = 0, duplicates = 0, incomplete = 0,
			faults = '[]', preview = '[]',
			touched_at = `+tx.d.Now+` WHERE id = ? AND state = 'running'`, u.ID)
		return err
	})
	if err != nil {
		return err
	}
	c := r.outside()
	if err := c.hide(ctx, r.rehearsedCounts()); err != nil {
		return err
	}
	for _, t := range rehearsed {
		if err := c.hide(ctx, t.table); err != nil {
			return err
		}
		if !t.copy {
			continue
		}
		if err := r.copyRows(ctx, c, t.table, u); err != nil {
			return fmt.Errorf("copy table %s: %w", t.table, err)
		}
	}
	return r.inCopyTx(ctx, func(tx conn) error {
		for _, p := range u.Proposed {
			if _, err := tx.insertProperty(ctx, p.Property(u.AccountID)); err != nil {
				return err
			}
		}
		return nil
	})
}

// hide makes an empty temporary table that hides a table.
func (tx conn) hide(ctx context.Context, table string) (err error) {
	if tx.s.Postgres() {
		_, err = tx.Exec(ctx, "CREATE TEMPORARY TABLE "+table+" (LIKE public."+table+" INCLUDING ALL)")
	} else {
		err = tx.shadow(ctx, table)
	}
	if err != nil {
		return fmt.Errorf("copy table %s: %w", table, err)
	}
	return nil
}

// shadow makes an empty temporary table with the indexes of a table of SQLite,
// whose schema is the text that made it.
func (tx conn) shadow(ctx context.Context, table string) error {

	statements, err := sqldb.Query(ctx, tx, func(scan sqldb.Scan) (string, error) {
		var kind, name, text string
		err := scan(&kind, &name, &text)
		if kind == "table" {
			text = "CREATE TEMPORARY TABLE " + table + text[strings.IndexByte(text, '('):]
		} else {
			text = strings.Replace(text, " "+name+" ", " temp."+name+" ", 1)
		}
		return text, err
	}, "SELECT type, name, sql FROM main.sqlite_master WHERE tbl_name = ? AND type IN ('table', 'index') AND sql IS NOT NULL ORDER BY type DESC", table)
	if err != nil {
		return err
	}
	for _, statement := range statements {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// copyRows copies what an account has in a table, a piece at a time, and says
// meanwhile that somebody is at the upload.
func (r *rehearsal) copyRows(ctx context.Context, c conn, table string, u contacts.Upload) error {
	schema, key := "main.", "id"
	if r.Postgres() {
		schema = "public."
	}
	switch table {
	case "addresses":
		key = "contact_id"
	case "account_contacts":
		key = "account_id"
	}
	for from := int64(0); ; {
		var to sql.NullInt64
		err := c.Row(ctx, "SELECT MAX(id) FROM (SELECT "+key+" AS id FROM "+schema+table+" WHERE account_id = ? AND "+key+" > ? ORDER BY "+key+" LIMIT ?) p",
			u.AccountID, from, copyAtOnce).Scan(&to)
		if err == nil && !to.Valid && r.Postgres() && key == "id" {
			_, err = c.Exec(ctx, "SELECT setval(pg_get_serial_sequence('"+table+"', 'id'), (SELECT COALESCE(MAX(id), 0) + 1 FROM "+table+"), false)")
		}
		if err != nil || !to.Valid {
			return err
		}
		if _, err := c.Exec(ctx, "INSERT INTO "+table+" SELECT * FROM "+schema+table+" WHERE account_id = ? AND "+key+" > ? AND "+key+" <= ?",
			u.AccountID, from, to.Int64); err != nil {
			return err
		}
		err = r.real.inTx(ctx, func(tx conn) error {
			_, err := tx.Exec(ctx, "UPDATE uploads SET touched_at = "+tx.d.Now+" WHERE id = ?", u.ID)
			return err
		})
		if err != nil {
			return err
		}
		from = to.Int64
	}
}
