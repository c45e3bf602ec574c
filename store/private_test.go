package store

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/fault"
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
			require.Equal(t, ownerOnly, info.Mode().Perm(), "%s: %s", name, path+end)
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
	pool, err := s.read.DB()
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

// However a DSN is mistyped, the error shows no part of the password.
func TestAWrongDSNDoesNotShowItsPassword(t *testing.T) {
	for _, password := range []string{"tOp/SeCrEt", "tOp?SeCrEt", "tOp#SeCrEt", "tOp%SeCrEt", "tOp@SeCrEt", "tOp:SeCrEt", "tOp SeCrEt", "tOp[SeCrEt", "0#SeCrEt", "0/SeCrEt"} {
		for _, rest := range []string{"@db.example.org:x/carillon", "@db.example.org/carillon?sslmode=never", "@db.example.org/carillon?sslrootcert=/nowhere", "@[db/carillon"} {
			_, err := postgresConfig("postgres://carillon:" + password + rest)
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			require.ErrorContains(t, err, "store_dsn")
			for _, part := range []string{"SeCrEt", "tOp"} {
				require.NotContains(t, err.Error(), part, password+rest)
			}
			_, err = Open(t.Context(), Options{DSN: "postgres://carillon:" + password + rest})
			require.Error(t, err)
			require.NotContains(t, err.Error(), "SeCrEt")
		}
	}
	for _, half := range []string{"postgres://carillon:1#SeCrEt@db/carillon", "postgres://carillon:1?SeCrEt@db/carillon", "postgres://carillon:1/SeCrEt@db/carillon"} {
		_, err := postgresConfig(half)
		require.ErrorContains(t, err, "%23", "it would be another host")
		require.NotContains(t, err.Error(), "SeCrEt")
	}
	_, err := postgresConfig("postgres://carillon:SeCrEt@db/carillon?sslmode=never")
	require.ErrorContains(t, err, "sslmode", "what can be said is said")
}
