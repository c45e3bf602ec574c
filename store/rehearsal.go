package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"carillon/contacts"
)

// rehearsed are the tables that an import writes, apart from the upload's own,
// and whether it reads what the account has in them.
var rehearsed = []struct {
	table string
	copy  bool
}{
	{"contacts", true},
	{"addresses", true},
	{"lists", true},
	{"members", false},
	{"suppressions", false},
	{"consents", true},
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
	conn *sql.Conn
	own  *sql.DB // the connection's pool on SQLite
}

// Rehearse makes a place for a dry run of an upload; see contacts.ImportStore.
func (s *Store) Rehearse(ctx context.Context, u contacts.Upload) (contacts.Rehearsal, error) {
	r := &rehearsal{real: s, Store: &Store{read: s.read, d: s.d, box: s.box, clock: s.clock, log: s.log, dsn: s.dsn}}
	if err := r.connect(ctx); err != nil {
		return nil, errors.Join(s.translate(err), r.Close())
	}
	if err := r.prepare(ctx, u); err != nil {
		return nil, errors.Join(s.translate(err), r.Close())
	}
	return r, nil
}

func (r *rehearsal) connect(ctx context.Context) error {
	pool, err := r.real.write.DB()
	if err != nil {
		return fmt.Errorf("rehearse: %w", err)
	}
	if !r.Postgres() {
		// The pool for writing has one connection, which everybody needs; this one
		// writes nothing but the copies, and keeps nobody from writing.
		db, err := sqliteDB(r.dsn, "&_txlock=deferred", 1)
		if err != nil {
			return err
		}
		if r.own, err = db.DB(); err != nil {
			return fmt.Errorf("rehearse: %w", err)
		}
		pool = r.own
	}
	if r.conn, err = pool.Conn(ctx); err != nil {
		return err
	}
	var dialector gorm.Dialector = &sqlite.Dialector{Conn: r.conn}
	if r.Postgres() {
		dialector = postgres.New(postgres.Config{Conn: r.conn})
	}
	r.write, err = gorm.Open(dialector, gormConfig())
	return err
}

// ImportBatch carries a batch out on the copies, and then moves the upload on.
func (r *rehearsal) ImportBatch(ctx context.Context, b contacts.ImportBatch) error {
	var i importing
	err := r.inCopyTx(ctx, func(tx conn) (err error) {
		i, err = r.importRows(ctx, tx, b)
		return err
	})
	if err != nil {
		return err
	}
	return r.real.inTx(ctx, func(tx conn) error {
		i.conn = tx
		return i.advance(ctx)
	})
}

// Close drops the copies with the connection.
func (r *rehearsal) Close() error {
	var errs []error
	if r.conn != nil {
		// The pool drops a connection that is said to be bad.
		if err := r.conn.Raw(func(any) error { return driver.ErrBadConn }); !errors.Is(err, driver.ErrBadConn) {
			errs = append(errs, err)
		}
	}
	if r.own != nil {
		errs = append(errs, r.own.Close())
	}
	return errors.Join(errs...)
}

// prepare makes the copies, and sets the upload back to its beginning: a dry run
// that was left has taken its copies with it.
func (r *rehearsal) prepare(ctx context.Context, u contacts.Upload) error {
	err := r.real.inTx(ctx, func(tx conn) error {
		if _, err := tx.exec(ctx, "DELETE FROM upload_errors WHERE upload_id = ?", u.ID); err != nil {
			return err
		}
		_, err := tx.exec(ctx, `UPDATE uploads SET records = 0, bytes_read = 0, row_count = 0, created = 0, updated = 0, refused = 0, duplicates = 0, incomplete = 0,
			touched_at = `+tx.d.now+` WHERE id = ? AND state = 'running'`, u.ID)
		return err
	})
	if err != nil {
		return err
	}
	c := conn{pool: r.write.Statement.ConnPool, d: r.d}
	for _, t := range rehearsed {
		if r.Postgres() {
			_, err = c.exec(ctx, "CREATE TEMPORARY TABLE "+t.table+" (LIKE public."+t.table+" INCLUDING ALL)")
		} else {
			err = c.shadow(ctx, t.table)
		}
		if err != nil {
			return fmt.Errorf("copy table %s: %w", t.table, err)
		}
		if !t.copy {
			continue
		}
		if err := r.copyRows(ctx, c, t.table, u); err != nil {
			return fmt.Errorf("copy table %s: %w", t.table, err)
		}
	}
	return nil
}

// shadow makes an empty temporary table with the indexes of a table of SQLite,
// whose schema is the text that made it.
func (c conn) shadow(ctx context.Context, table string) error {
	var statements []string
	err := c.scanAll(ctx, func(scan func(...any) error) error {
		var kind, name, text string
		err := scan(&kind, &name, &text)
		if kind == "table" {
			text = "CREATE TEMPORARY TABLE " + table + text[strings.IndexByte(text, '('):]
		} else {
			text = strings.Replace(text, " "+name+" ", " temp."+name+" ", 1)
		}
		statements = append(statements, text)
		return err
	}, "SELECT type, name, sql FROM main.sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY type DESC", table)
	if err != nil {
		return err
	}
	for _, statement := range statements {
		if _, err := c.exec(ctx, statement); err != nil {
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
	if table == "addresses" {
		key = "contact_id"
	}
	for from := int64(0); ; {
		var to sql.NullInt64
		err := c.row(ctx, "SELECT MAX(id) FROM (SELECT "+key+" AS id FROM "+schema+table+" WHERE account_id = ? AND "+key+" > ? ORDER BY "+key+" LIMIT ?) p",
			u.AccountID, from, copyAtOnce).Scan(&to)
		if err == nil && !to.Valid && r.Postgres() && key == "id" {
			_, err = c.exec(ctx, "SELECT setval(pg_get_serial_sequence('"+table+"', 'id'), (SELECT COALESCE(MAX(id), 0) + 1 FROM "+table+"), false)")
		}
		if err != nil || !to.Valid {
			return err
		}
		if _, err := c.exec(ctx, "INSERT INTO "+table+" SELECT * FROM "+schema+table+" WHERE account_id = ? AND "+key+" > ? AND "+key+" <= ?",
			u.AccountID, from, to.Int64); err != nil {
			return err
		}
		err = r.real.inTx(ctx, func(tx conn) error {
			_, err := tx.exec(ctx, "UPDATE uploads SET touched_at = "+tx.d.now+" WHERE id = ?", u.ID)
			return err
		})
		if err != nil {
			return err
		}
		from = to.Int64
	}
}
