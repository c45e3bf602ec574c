package store

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMigrationFillsFolded(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		account := testAccount(t, s, "one")
		WithValues(t, s, Valued{Account: account, Key: "code", N: ValuesAtOnce + 2, Value: func(i int) string {
			if i%2 == 0 {
				return `"É"`
			}
			return ""
		}})
		provider, err := s.goose()
		require.NoError(t, err)
		_, err = provider.DownTo(ctx, foldedVersion-1)
		require.NoError(t, err)
		require.JSONEq(t, "{}", ColumnsOf(t, s, "folded")[0])
		_, err = s.Migrate(ctx)
		require.NoError(t, err)
		folded := ColumnsOf(t, s, "folded")
		require.JSONEq(t, `{"name":"name 0","attributes.code":"é","attributes.other":"ä"}`, folded[0])
		require.JSONEq(t, `{"name":"name 5001"}`, folded[ValuesAtOnce+1])
	})
}
