package sqldb

import (
	"context"
	"database/sql"

	"gorm.io/gorm"
)

// Conn is a connection or transaction that runs plain SQL. Statements are
// written with ? and rebound for the database.
type Conn struct {
	// Pool runs the statements; a test may put itself between.
	Pool    gorm.ConnPool
	dialect *Dialect
	after   *[]func() // of the transaction; nil outside of one
	// own is the connection of a transaction of InCopyTx on PostgreSQL, else nil.
	own *sql.Conn
}

// On is a connection that somebody else has begun a transaction on.
func On(pool gorm.ConnPool, d *Dialect) Conn { return Conn{Pool: pool, dialect: d} }

// AfterTx has a function called once the transaction is over, before InTx
// returns or begins it again; also after an error, because it may have been
// committed all the same.
func (c Conn) AfterTx(do func()) { *c.after = append(*c.after, do) }

// Exec runs a statement and returns how many rows it changed.
func (c Conn) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := c.Pool.ExecContext(ctx, c.dialect.rebind(query), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Rows runs a query. The caller closes the rows; Query and Each do it by
// themselves.
func (c Conn) Rows(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return c.Pool.QueryContext(ctx, c.dialect.rebind(query), args...)
}

// Row runs a query that yields one row.
func (c Conn) Row(ctx context.Context, query string, args ...any) *sql.Row {
	return c.Pool.QueryRowContext(ctx, c.dialect.rebind(query), args...)
}

// Insert runs an INSERT and returns the id of the row that it made.
func (c Conn) Insert(ctx context.Context, query string, args ...any) (int64, error) {
	var id int64
	err := c.Row(ctx, query+" RETURNING id", args...).Scan(&id)
	return id, err
}

// Querier runs queries: a Conn, or what holds one.
type Querier interface {
	Rows(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Scan reads the columns of the row that a query is at, as sql.Rows.Scan does.
type Scan = func(into ...any) error

// Query runs a query and returns what scan makes of each row; nil if there is
// none, or after an error.
func Query[T any](ctx context.Context, q Querier, scan func(Scan) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.Rows(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var list []T
	read := rows.Scan
	for rows.Next() {
		row, err := scan(read)
		if err != nil {
			return nil, err
		}
		list = append(list, row)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return list, nil
}

// Structs is Query for rows whose columns are fields of T: into points at them in
// the order of the columns. It is called once, whatever the number of rows.
func Structs[T any](ctx context.Context, q Querier, into func(row *T) []any, query string, args ...any) ([]T, error) {
	var row T
	columns := into(&row)
	return Query(ctx, q, func(scan Scan) (T, error) {
		err := scan(columns...)
		return row, err
	}, query, args...)
}

// Column runs a query that yields one column and returns it.
func Column[T any](ctx context.Context, q Querier, query string, args ...any) ([]T, error) {
	return Query(ctx, q, func(scan Scan) (value T, err error) {
		err = scan(&value)
		return value, err
	}, query, args...)
}

// IDs runs a query that yields one id a row.
func IDs(ctx context.Context, q Querier, query string, args ...any) ([]int64, error) {
	return Column[int64](ctx, q, query, args...)
}

// Map runs a query that yields a key and a value a row. It is never nil.
func Map[K comparable, V any](ctx context.Context, q Querier, query string, args ...any) (map[K]V, error) {
	found := map[K]V{}
	err := Each(ctx, q, func(scan Scan) error {
		var key K
		var value V
		err := scan(&key, &value)
		found[key] = value
		return err
	}, query, args...)
	return found, err
}

// Set runs a query that yields one column and returns its values. It is never nil.
func Set[K comparable](ctx context.Context, q Querier, query string, args ...any) (map[K]bool, error) {
	found := map[K]bool{}
	err := Each(ctx, q, func(scan Scan) error {
		var key K
		err := scan(&key)
		found[key] = true
		return err
	}, query, args...)
	return found, err
}

// Each runs a query and calls do for each row: for rows that do not become a list.
func Each(ctx context.Context, q Querier, do func(Scan) error, query string, args ...any) error {
	rows, err := q.Rows(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	scan := rows.Scan
	for rows.Next() {
		if err := do(scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Drain runs a query for what it does, such as locking its rows.
func Drain(ctx context.Context, q Querier, query string, args ...any) error {
	return Each(ctx, q, func(Scan) error { return nil }, query, args...)
}
