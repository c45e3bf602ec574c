package store_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/store"
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
		s, err := store.Open(t.Context(), store.Options{DSN: path})
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
