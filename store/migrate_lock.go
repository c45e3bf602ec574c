package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"carillon/internal/fault"
	"carillon/store/sqldb"
)

// migrationLock names the advisory lock on PostgreSQL: any number that no other
// program on the database uses.
const migrationLock = 0x6361_7269_6c6c_6f6e // "carillon"

// lockEvery is how often a lock is asked for that another holds.
const lockEvery = 50 * time.Millisecond

// lockMigration waits until nobody else migrates the store. The lock ends with the
// process, however that dies.
func (s *Store) lockMigration(ctx context.Context) (unlock func() error, err error) {
	if s.Postgres() {
		return s.lockPostgres(ctx)
	}
	file, err := os.OpenFile(s.dsn+"-migration", os.O_CREATE|os.O_RDWR, sqldb.OwnerOnly)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, "lock the store for its migration", err)
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return file.Close, nil
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return nil, errors.Join(fmt.Errorf("lock the store for its migration: %w", err), file.Close())
		}
		if err := s.clock.Sleep(ctx, lockEvery); err != nil {
			return nil, errors.Join(fmt.Errorf("wait for another migration of the store: %w", err), file.Close())
		}
	}
}

// lockPostgres holds a connection of its own, in one transaction, so that it works
// behind poolers too. It asks again and again instead of waiting in the database,
// where it would hold up what the other one builds.
func (s *Store) lockPostgres(ctx context.Context) (unlock func() error, err error) {
	pool, err := s.db.Pool()
	if err != nil {
		return nil, fmt.Errorf("lock the store for its migration: %w", err)
	}
	for {
		tx, err := pool.BeginTx(ctx, nil)
		if err != nil {
			return nil, s.translate(err)
		}
		var mine bool
		if err := tx.QueryRowContext(ctx, "SELECT pg_try_advisory_xact_lock($1)", int64(migrationLock)).Scan(&mine); err != nil {
			return nil, errors.Join(s.translate(err), tx.Rollback())
		}
		if mine {
			return tx.Rollback, nil
		}
		if err := tx.Rollback(); err != nil {
			return nil, s.translate(err)
		}
		if err := s.clock.Sleep(ctx, lockEvery); err != nil {
			return nil, fmt.Errorf("wait for another migration of the store: %w", err)
		}
	}
}
