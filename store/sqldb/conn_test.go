package sqldb

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mattn/go-sqlite3"
	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/testenv"
)

// TestMain ends the PostgreSQL server that eachDB started.
func TestMain(m *testing.M) {
	testenv.Main(m)
}

// eachDB runs a test on an empty database of each kind.
func eachDB(t *testing.T, run func(t *testing.T, db *DB)) {
	t.Helper()
	for name, dsn := range map[string]func() string{
		"SQLite":     func() string { return filepath.Join(t.TempDir(), "test.db") },
		"PostgreSQL": func() string { return testenv.SharedPostgres(t).NewDatabase(t) },
	} {
		t.Run(name, func(t *testing.T) {
			db, err := Open(t.Context(), dsn(), clock.System{})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, db.Close()) })
			run(t, db)
		})
	}
}

func TestQueriesMakeListsAndMaps(t *testing.T) {
	eachDB(t, func(t *testing.T, db *DB) {
		ctx := t.Context()
		require.NoError(t, db.InTx(ctx, func(tx Conn) error {
			if _, err := tx.Exec(ctx, "CREATE TABLE things (id BIGINT, name TEXT, raw TEXT, at BIGINT)"); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "INSERT INTO things VALUES (?, 'one', '{\"a\":1}', 1000), (?, 'two', '{}', NULL)", 1, 2)
			return err
		}))
		type thing struct {
			id   int64
			name string
			raw  []byte
			at   Time
		}
		things, err := Structs(ctx, db.Reader(), func(r *thing) []any { return []any{&r.id, &r.name, &r.raw, &r.at} },
			"SELECT id, name, raw, at FROM things ORDER BY id")
		require.NoError(t, err)
		require.Len(t, things, 2)
		require.Equal(t, `{"a":1}`, string(things[0].raw), "a row keeps its own bytes")
		require.Equal(t, int64(1000), Millis(things[0].at.Time))
		require.Nil(t, things[1].at.Ptr())

		ids, err := IDs(ctx, db.Reader(), "SELECT id FROM things WHERE id "+db.Dialect().InIDs+" ORDER BY id", db.Dialect().IDList([]int64{1, 2, 3}))
		require.NoError(t, err)
		require.Equal(t, []int64{1, 2}, ids)
		names, err := Column[string](ctx, db.Reader(), "SELECT name FROM things WHERE name "+db.Dialect().InTexts, db.Dialect().TextList([]string{"two"}))
		require.NoError(t, err)
		require.Equal(t, []string{"two"}, names)
		byName, err := Map[string, int64](ctx, db.Reader(), "SELECT name, id FROM things")
		require.NoError(t, err)
		require.Equal(t, map[string]int64{"one": 1, "two": 2}, byName)
		set, err := Set[int64](ctx, db.Reader(), "SELECT id FROM things WHERE id > ?", 5)
		require.NoError(t, err)
		require.NotNil(t, set)
		require.Empty(t, set)

		none, err := IDs(ctx, db.Reader(), "SELECT id FROM things WHERE id = 9")
		require.NoError(t, err)
		require.Nil(t, none)
		stop := errors.New("stop")
		list, err := Query(ctx, db.Reader(), func(Scan) (int, error) { return 1, stop }, "SELECT id FROM things")
		require.ErrorIs(t, err, stop)
		require.Nil(t, list)
		require.Error(t, db.Translate(db.Reader().Row(ctx, "SELECT id FROM things WHERE id = 9").Scan(new(int64))))
		require.True(t, fault.Is(db.Translate(db.Reader().Row(ctx, "SELECT id FROM things WHERE id = 9").Scan(new(int64))), fault.NotFound))
	})
}

// What is to be done after a transaction is done after each try of it, and not
// while it can still be rolled back.
func TestAfterTheTransaction(t *testing.T) {
	eachDB(t, func(t *testing.T, db *DB) {
		ctx := t.Context()
		tries, done, before := 0, 0, db.Transactions()
		err := db.InTx(ctx, func(tx Conn) error {
			tries++
			require.Equal(t, tries-1, done)
			tx.AfterTx(func() { done++ })
			if tries < 3 {
				return deadlock(db)
			}
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, 3, tries)
		require.Equal(t, 3, done)
		require.Equal(t, int64(3), db.Transactions()-before)

		canceled, cancel := context.WithCancel(ctx)
		tries = 0
		require.Error(t, db.InTx(canceled, func(Conn) error {
			tries++
			cancel()
			return deadlock(db)
		}))
		require.Equal(t, 1, tries, "nobody waits any more")
	})
}

// What a dedicated connection has lives as long as it does, and is nobody else's.
func TestDedicatedConnectionsKeepWhatIsTheirs(t *testing.T) {
	eachDB(t, func(t *testing.T, db *DB) {
		ctx := t.Context()
		own, err := db.Dedicate(ctx)
		require.NoError(t, err)
		_, err = own.Writer().Exec(ctx, "CREATE TEMPORARY TABLE mine (id BIGINT)")
		require.NoError(t, err)
		require.NoError(t, own.InCopyTx(ctx, func(tx Conn) error {
			_, err := tx.Exec(ctx, "INSERT INTO mine VALUES (7)")
			return err
		}))
		ids, err := IDs(ctx, own.Writer(), "SELECT id FROM mine")
		require.NoError(t, err)
		require.Equal(t, []int64{7}, ids)
		_, err = IDs(ctx, db.Writer(), "SELECT id FROM mine")
		require.Error(t, err)
		require.NoError(t, own.Close())
		require.NoError(t, db.Ping(ctx))
	})
}

// deadlock is an error after which the database asks for the transaction to be
// repeated.
func deadlock(db *DB) error {
	if db.Postgres() {
		return &pgconn.PgError{Code: "40P01"}
	}
	return sqlite3.Error{Code: sqlite3.ErrBusy}
}
