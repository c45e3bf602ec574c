package store

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMigrateUpDownUp(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		current, newest, err := s.SchemaVersion(t.Context())
		require.NoError(t, err)
		require.Positive(t, newest)
		require.Equal(t, newest, current)

		require.NoError(t, s.MigrateDown(t.Context()))
		current, _, err = s.SchemaVersion(t.Context())
		require.NoError(t, err)
		require.Zero(t, current)

		applied, err := s.Migrate(t.Context())
		require.NoError(t, err)
		require.Len(t, applied, int(newest))
		testAccount(t, s, "again")

		applied, err = s.Migrate(t.Context())
		require.NoError(t, err)
		require.Empty(t, applied, "a second run has nothing to do")
	})
}
