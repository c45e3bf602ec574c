package store

import (
	"flag"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/secret"
	"carillon/internal/testenv"
	"carillon/store/sqldb"
)

// sideBySide is the default for -parallel: half of a test is waiting for PostgreSQL.
const sideBySide = "4"

// TestMain ends the PostgreSQL server that eachStore started.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", sideBySide); err != nil {
		panic(err)
	}
	testenv.Main(m)
}

// eachStore runs one test against an empty, migrated database of each kind: the
// conformance suite is whatever is tested through it.
func eachStore(t *testing.T, run func(t *testing.T, s *Store)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) { run(t, openTestStore(t, sqliteDSN(t))) })
	t.Run("PostgreSQL", func(t *testing.T) { run(t, openTestStore(t, postgresDSN(t))) })
}

// sqliteDSN is a file that does not exist yet.
func sqliteDSN(tb testing.TB) string { return filepath.Join(tb.TempDir(), "carillon.db") }

// postgresDSN is an empty database of the shared server.
func postgresDSN(tb testing.TB) string { return testenv.SharedPostgres(tb).NewDatabase(tb) }

// openTestStore opens and migrates a database; it is closed after the test. A
// database may be opened more than once, as several processes do.
func openTestStore(tb testing.TB, dsn string) *Store {
	tb.Helper()
	box, err := secret.NewBox(secret.New("a master key for tests alone"))
	require.NoError(tb, err)
	s, err := Open(tb.Context(), Options{DSN: dsn, Box: box})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, s.Close()) })
	_, err = s.Migrate(tb.Context())
	require.NoError(tb, err)
	if _, test := tb.(*testing.T); test && !s.Postgres() {
		guardMoves(tb, s)
	}
	return s
}

// testAccount inserts an account by its name.
func testAccount(t testing.TB, s *Store, name string) int64 {
	t.Helper()
	var id int64
	require.NoError(t, s.inTx(t.Context(), func(tx conn) (err error) {
		id, err = tx.Insert(t.Context(), "INSERT INTO accounts (name, created_at) VALUES (?, ?)", name, sqldb.Millis(s.clock.Now()))
		return err
	}))
	return id
}
