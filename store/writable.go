package store

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mattn/go-sqlite3"

	"carillon/internal/fault"
	"carillon/store/sqldb"
)

// writableFor is how long it is believed that the store can be written to: whoever
// asks more often costs no more.
const writableFor = 2 * time.Second

// writeWithin is how long the store may take to write a row.
const writeWithin = 3 * time.Second

// writable remembers whether the store could be written to.
type writable struct {
	mu  sync.Mutex
	at  time.Time
	err error
}

// CheckWritable writes something, at most every writableFor, and says in words why
// that fails: reading says nothing of a disk that is full. Errors are faults of code
// Unavailable.
func (s *Store) CheckWritable(ctx context.Context) error {
	// What one caller finds is told to others: it must not be that this one had no time.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeWithin)
	defer cancel()
	w := &s.writable
	w.mu.Lock()
	defer w.mu.Unlock()
	now := s.clock.Now()
	if age := now.Sub(w.at); !w.at.IsZero() && age >= 0 && age < writableFor {
		if w.err != nil {
			return w.err
		}
		return notWritable(s.Ping(ctx))
	}
	err := s.inTx(ctx, func(tx conn) error {
		_, err := tx.Exec(ctx, "INSERT INTO meta (name, value) VALUES ('written', CAST("+s.d.Now+
			" AS TEXT)) ON CONFLICT (name) DO UPDATE SET value = excluded.value")
		return err
	})
	w.at, w.err = now, notWritable(err)
	return w.err
}

// notWritable gives an error words that name no host and nobody.
func notWritable(err error) error {
	if err == nil {
		return nil
	}
	why := "the store does not answer, or can't be written to: the log says why"
	var lite sqlite3.Error
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &lite) && lite.Code == sqlite3.ErrFull, errors.As(err, &pg) && pg.Code == "53100": // disk_full
		why = "the store's disk is full: nothing can be recorded, so nothing is sent. Make room; it goes on by itself"
	case errors.As(err, &lite) && (lite.Code == sqlite3.ErrReadonly || lite.Code == sqlite3.ErrIoErr || lite.Code == sqlite3.ErrCantOpen):
		why = "the store's file can't be written to (its disk is full, failing or read-only): nothing can be recorded, so nothing is sent"
	case errors.As(err, &pg) && pg.Code == "25006": // read_only_sql_transaction
		why = "the database takes no writes (it is a standby, or read-only): nothing can be recorded, so nothing is sent. Point store_dsn at the primary"
	}
	return &fault.Error{Code: fault.Unavailable, Message: why, Err: err}
}

// Time is what the database takes the time to be.
func (s *Store) Time(ctx context.Context) (time.Time, error) {
	var at sqldb.Time
	err := s.reader().Row(ctx, "SELECT "+s.d.Now).Scan(&at)
	return at.Time, s.translate(err)
}
