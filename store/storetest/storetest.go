// Package storetest is the fixture of the store's tests: an open store on a
// database of each kind, a clock that a test can set, raw SQL for what no method
// of the store reads or writes, and the journey of a campaign from the plan to its
// outcomes. It asks the store only for what the store exports, and is no part of
// the product.
package storetest

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/internal/secret"
	"carillon/internal/testenv"
	"carillon/store"
	"carillon/store/sqldb"
)

// Store is an open, migrated store with a connection of the test's own beside it.
type Store struct {
	*store.Store
	// DSN is the database's, for whoever opens it again.
	DSN string
	// Clock is the store's time: the system's, until a test sets another.
	Clock *Clock
	tb    testing.TB
	own   *sqldb.DB
}

// Each runs one test against an empty, migrated database of each kind: the
// conformance suite is whatever is tested through it. It runs beside others, and so has nothing
// in common with them.
func Each(t *testing.T, run func(t *testing.T, s *Store)) {
	t.Helper()
	EachWith(t, store.Options{}, run)
}

// EachBenchmark is Each for benchmarks.
func EachBenchmark(b *testing.B, run func(b *testing.B, s *Store)) {
	b.Helper()
	b.Run("SQLite", func(b *testing.B) { run(b, Open(b, SQLite(b))) })
	b.Run("PostgreSQL", func(b *testing.B) { run(b, Open(b, NewestPostgres(b))) })
}

// EachWith is Each with options of the test's; the DSN is not among them.
func EachWith(t *testing.T, options store.Options, run func(t *testing.T, s *Store)) {
	t.Helper()
	t.Parallel()
	each(t, options, (*testing.T).Parallel, run)
}

// EachInTurn is Each for what is measured: one after the other.
func EachInTurn(t *testing.T, run func(t *testing.T, s *Store)) {
	t.Helper()
	each(t, store.Options{}, func(*testing.T) {}, run)
}

// each runs both at once where begin says so.
func each(t *testing.T, options store.Options, begin func(t *testing.T), run func(t *testing.T, s *Store)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		begin(t)
		run(t, open(t, NewestSQLite(t), options, false))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		begin(t)
		run(t, open(t, NewestPostgres(t), options, false))
	})
}

// SQLite is a file that does not exist yet.
func SQLite(tb testing.TB) string { return filepath.Join(tb.TempDir(), "carillon.db") }

// Postgres is an empty database of the shared server.
func Postgres(tb testing.TB) string { return testenv.SharedPostgres(tb).NewDatabase(tb) }

// pattern is the address of a database that is migrated once per package, which
// takes a third of a second, and copied for each test.
var pattern struct {
	once sync.Once
	dsn  string
}

// sqlitePattern is a file in the newest schema, made once per package: its migrations take
// longer than most tests. Its name goes with the test that made it; the file is there for as
// long as it is open, and takes no memory from what tests measure.
var sqlitePattern struct {
	once sync.Once
	file *os.File
	size int64
}

// NewestSQLite is a file in the newest schema, to be opened with Box.
func NewestSQLite(tb testing.TB) string {
	tb.Helper()
	sqlitePattern.once.Do(func() {
		path := SQLite(tb)
		s, err := store.Open(tb.Context(), store.Options{DSN: path, Box: Box(tb)})
		require.NoError(tb, err)
		_, err = s.Migrate(tb.Context())
		require.NoError(tb, err)
		require.NoError(tb, s.Close())
		sqlitePattern.file, err = os.Open(path)
		require.NoError(tb, err)
		info, err := sqlitePattern.file.Stat()
		require.NoError(tb, err)
		sqlitePattern.size = info.Size()
	})
	path := SQLite(tb)
	copied, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(tb, err)
	_, err = io.Copy(copied, io.NewSectionReader(sqlitePattern.file, 0, sqlitePattern.size))
	require.NoError(tb, err)
	require.NoError(tb, copied.Close())
	return path
}

// NewestPostgres is a database of the shared server in the newest schema, to be opened with
// Box.
func NewestPostgres(tb testing.TB) string {
	tb.Helper()
	server := testenv.SharedPostgres(tb)
	pattern.once.Do(func() {
		dsn, err := server.CreateDatabase(tb.Context())
		require.NoError(tb, err)
		s, err := store.Open(tb.Context(), store.Options{DSN: dsn, Box: Box(tb)})
		require.NoError(tb, err)
		_, err = s.Migrate(tb.Context())
		require.NoError(tb, err)
		require.NoError(tb, s.Close())
		pattern.dsn = dsn
	})
	return server.NewCopy(tb, pattern.dsn)
}

// Box seals with the master key of the tests.
func Box(tb testing.TB) *secret.Box {
	tb.Helper()
	box, err := secret.NewBox(secret.New("a master key for tests alone"))
	require.NoError(tb, err)
	return box
}

// Open opens and migrates a database; it is closed after the test. A database
// may be opened more than once, as several processes do.
func Open(tb testing.TB, dsn string) *Store {
	tb.Helper()
	return OpenWith(tb, dsn, store.Options{})
}

// OpenWith is Open with options of the test's. Without a box there is one.
func OpenWith(tb testing.TB, dsn string, options store.Options) *Store {
	tb.Helper()
	return open(tb, dsn, options, true)
}

// open is OpenWith; a database that is in the newest schema needs no migration.
func open(tb testing.TB, dsn string, options store.Options, migrate bool) *Store {
	tb.Helper()
	s := &Store{DSN: dsn, Clock: &Clock{}, tb: tb}
	options.DSN, options.Clock = dsn, s.Clock
	if options.Box == nil {
		options.Box = Box(tb)
	}
	var err error
	s.Store, err = store.Open(tb.Context(), options)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, s.Close()) })
	if migrate {
		_, err = s.Migrate(tb.Context())
		require.NoError(tb, err)
	}
	s.own, err = sqldb.Open(tb.Context(), dsn, clock.System{})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, s.own.Close()) })
	if _, test := tb.(*testing.T); test && !s.Postgres() {
		s.guardMoves()
	}
	return s
}

// FakeTime makes the store's time stand still until the test advances it.
func (s *Store) FakeTime() *clock.Fake {
	fake := clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	s.Clock.Set(fake)
	return fake
}

// Reader reads what is committed.
func (s *Store) Reader() sqldb.Conn { return s.own.Reader() }

// Outside writes outside of any transaction.
func (s *Store) Outside() sqldb.Conn { return s.own.Writer() }

// Dialect is what differs between the databases.
func (s *Store) Dialect() *sqldb.Dialect { return s.own.Dialect() }

// InTx runs fn in one transaction of the test's own.
func (s *Store) InTx(ctx context.Context, fn func(tx sqldb.Conn) error) error {
	return s.own.InTx(ctx, fn)
}

// Exec writes what no method of the store does.
func (s *Store) Exec(query string, args ...any) {
	s.tb.Helper()
	require.NoError(s.tb, s.own.InTx(s.tb.Context(), func(tx sqldb.Conn) error {
		_, err := tx.Exec(s.tb.Context(), query, args...)
		return err
	}), query)
}

// Int is the number that a query yields.
func (s *Store) Int(query string, args ...any) (n int) {
	s.tb.Helper()
	require.NoError(s.tb, s.own.Reader().Row(s.tb.Context(), query, args...).Scan(&n), query)
	return n
}

// IDs are the ids that a query yields.
func (s *Store) IDs(query string, args ...any) []int64 {
	s.tb.Helper()
	ids, err := sqldb.IDs(s.tb.Context(), s.own.Reader(), query, args...)
	require.NoError(s.tb, err, query)
	return ids
}

// Account inserts an account by its name.
func (s *Store) Account(name string) int64 {
	s.tb.Helper()
	id, err := s.own.Writer().Insert(s.tb.Context(), "INSERT INTO accounts (name, created_at) VALUES (?, ?)", name, sqldb.Millis(s.Clock.Now()))
	require.NoError(s.tb, err)
	return id
}

// Clock shows the system's time until a test sets another. Who waits by it waits
// for real: a transaction that is repeated, a group that is gathered.
type Clock struct {
	clock.System
	set atomic.Pointer[clock.Fake]
}

// Set makes the clock show the time of a fake from now on.
func (c *Clock) Set(fake *clock.Fake) { c.set.Store(fake) }

// Now is the time that the clock shows.
func (c *Clock) Now() time.Time {
	if fake := c.set.Load(); fake != nil {
		return fake.Now()
	}
	return c.System.Now()
}
