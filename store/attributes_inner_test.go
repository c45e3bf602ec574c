package store

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMigrationFillsFolded(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		account := testAccount(t, s, "one")
		withValues(t, s, valued{account, "code", ValuesAtOnce + 2, func(i int) string {
			if i%2 == 0 {
				return `"É"`
			}
			return ""
		}})
		provider, err := s.goose()
		require.NoError(t, err)
		_, err = provider.DownTo(ctx, foldedVersion-1)
		require.NoError(t, err)
		require.JSONEq(t, "{}", columnsOf(t, s, "folded")[0])
		_, err = s.Migrate(ctx)
		require.NoError(t, err)
		folded := columnsOf(t, s, "folded")
		require.JSONEq(t, `{"name":"name 0","attributes.code":"é","attributes.other":"ä"}`, folded[0])
		require.JSONEq(t, `{"name":"name 5001"}`, folded[ValuesAtOnce+1])
	})
}
