package store

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

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
