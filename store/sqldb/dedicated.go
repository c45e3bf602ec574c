package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
)

// Dedicated is a database on one connection of its own, which is never replaced:
// what lives as long as a connection, such as a temporary table, stays there
// until it is closed. It reads beside it by the pool that it came from.
type Dedicated struct {
	*DB
	conn *sql.Conn
	own  *sql.DB // the connection's pool on SQLite
}

// Dedicate opens a dedicated connection. Close it also after an error.
func (db *DB) Dedicate(ctx context.Context) (*Dedicated, error) {
	d := &Dedicated{DB: &DB{read: db.read, dialect: db.dialect, clock: db.clock, dsn: db.dsn}}
	pool, err := db.write.DB()
	if err != nil {
		return d, fmt.Errorf("take a connection: %w", err)
	}
	if !db.Postgres() {
		// The pool for writing has one connection, which everybody needs; this one
		// writes nothing but what is temporary, and keeps nobody from writing.
		own, err := sqliteDB(db.dsn, "&_txlock=deferred", 1)
		if err != nil {
			return d, err
		}
		if d.own, err = own.DB(); err != nil {
			return d, fmt.Errorf("take a connection: %w", err)
		}
		pool = d.own
	}
	if d.conn, err = pool.Conn(ctx); err != nil {
		return d, err
	}
	var dialector gorm.Dialector = &sqlite.Dialector{Conn: d.conn}
	if db.Postgres() {
		dialector = postgres.New(postgres.Config{Conn: d.conn})
	}
	d.write, err = gorm.Open(dialector, gormConfig())
	return d, err
}

// Close drops the connection, and what lived on it.
func (d *Dedicated) Close() error {
	var errs []error
	if d.conn != nil {
		// The pool drops a connection that is said to be bad.
		if err := d.conn.Raw(func(any) error { return driver.ErrBadConn }); !errors.Is(err, driver.ErrBadConn) {
			errs = append(errs, err)
		}
	}
	if d.own != nil {
		errs = append(errs, d.own.Close())
	}
	return errors.Join(errs...)
}
