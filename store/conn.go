package store

import (
	"context"

	"carillon/store/sqldb"
)

// conn is a transaction of a store, or its connection to read with. What is done
// inside of a transaction is a method of it, and calls it tx: it has the store's
// clock, box and bounds at hand and can't open a second transaction by mistake,
// because only methods of Store do.
type conn struct {
	sqldb.Conn
	s       *Store
	d       *dialect
	effects *effects // of the transaction; nil outside of one
}

// effects are what a transaction has this process do once it is committed.
type effects struct{ halted bool }

func (s *Store) reader() conn { return conn{Conn: s.db.Reader(), s: s, d: s.d} }

// outside is a connection that writes outside of any transaction.
func (s *Store) outside() conn { return conn{Conn: s.db.Writer(), s: s, d: s.d} }

// bind is fn for a transaction of the database.
func (s *Store) bind(fn func(tx conn) error) func(tx sqldb.Conn) error {
	return func(tx sqldb.Conn) error {
		return fn(conn{Conn: tx, s: s, d: s.d, effects: new(effects)})
	}
}

// inTx runs fn in one transaction and repeats it whole when the database asks
// for that; fn must therefore set its results anew each time.
func (s *Store) inTx(ctx context.Context, fn func(tx conn) error) error {
	return s.db.InTx(ctx, s.bind(fn))
}

// inTxAsync is inTx for what is simply done again if a crash of the database
// loses it: planning, feeding, importing.
func (s *Store) inTxAsync(ctx context.Context, fn func(tx conn) error) error {
	return s.db.InTxAsync(ctx, s.bind(fn))
}

// inCopyTx is inTx for what inserts rows by the thousand with insertRows.
func (s *Store) inCopyTx(ctx context.Context, fn func(tx conn) error) error {
	return s.db.InCopyTx(ctx, s.bind(fn))
}

// inCopyTxAsync is inCopyTx as inTxAsync is inTx.
func (s *Store) inCopyTxAsync(ctx context.Context, fn func(tx conn) error) error {
	return s.db.InCopyTx(ctx, sqldb.Async(ctx, s.bind(fn)))
}
