package sqldb

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/gorm"
)

// InCopyTx is InTx for what inserts rows by the thousand: on PostgreSQL by
// CopyFrom.
func (db *DB) InCopyTx(ctx context.Context, fn func(tx Conn) error) error {
	if !db.Postgres() {
		return db.InTx(ctx, fn)
	}
	return db.repeat(ctx, func(after *[]func()) error {
		begin := func(held *gorm.DB) error {
			own, _ := held.Statement.ConnPool.(*sql.Conn)
			return held.Transaction(func(tx *gorm.DB) error {
				return fn(Conn{Pool: tx.Statement.ConnPool, dialect: db.dialect, after: after, own: own})
			})
		}
		write := db.write.WithContext(ctx)
		if _, held := write.Statement.ConnPool.(*sql.Conn); held {
			return begin(write)
		}
		return write.Connection(begin)
	})
}

// CopyFrom puts rows into a table of PostgreSQL by COPY, in a transaction of
// InCopyTx.
func (c Conn) CopyFrom(ctx context.Context, table string, columns []string, rows pgx.CopyFromSource) error {
	// COPY goes past the transaction in Go, which has ended if ctx has; then pgx
	// begins nothing. What it says is kept from Raw, which would close the
	// connection under the transaction for some errors.
	var failed error
	err := c.own.Raw(func(driver any) error {
		_, failed = driver.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{table}, columns, rows)
		return nil
	})
	if err != nil {
		return err
	}
	return failed
}
