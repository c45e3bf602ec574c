package store

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/store/sqldb"
)

// In a folder that others may look into, nobody but the owner reads the store,
// new or there already.
func TestSQLiteFilesAreTheOwnersAlone(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o022))
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o755))
	path := filepath.Join(dir, "carillon.db")
	for _, name := range []string{"new", "with others' rights"} {
		s, err := Open(t.Context(), Options{DSN: path})
		require.NoError(t, err, name)
		_, err = s.Migrate(t.Context())
		require.NoError(t, err)
		for _, end := range []string{"", "-wal", "-shm"} {
			info, err := os.Stat(path + end)
			require.NoError(t, err)
			require.Equal(t, sqldb.OwnerOnly, info.Mode().Perm(), "%s: %s", name, path+end)
		}
		require.NoError(t, s.Close())
		require.NoError(t, os.Chmod(path, 0o644))
	}
}

// A log that readers hold is emptied by housekeeping once they are gone.
func TestTheLogIsEmptiedWhenReadersAreGone(t *testing.T) {
	s, err := Open(t.Context(), Options{DSN: filepath.Join(t.TempDir(), "carillon.db")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	_, err = s.Migrate(t.Context())
	require.NoError(t, err)
	pool, err := s.db.ReadPool()
	require.NoError(t, err)
	reading, err := pool.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	var tables int
	require.NoError(t, reading.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM sqlite_master").Scan(&tables))
	testAccount(t, s, "somebody")
	require.NoError(t, s.shred(t.Context()))
	require.True(t, s.shredding.Load(), "a reader holds it")
	require.NoError(t, reading.Commit())
	_, err = s.Housekeep(t.Context())
	require.NoError(t, err)
	require.False(t, s.shredding.Load())
	raw, err := os.ReadFile(s.dsn + "-wal")
	require.NoError(t, err)
	require.NotContains(t, string(raw), "somebody")
}
