package store

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTransactionsAreCounted shows that what is written in one transaction counts
// once, and what is only read not at all.
func TestTransactionsAreCounted(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		account := testAccount(t, s, "counted")
		before := s.Transactions()
		require.NoError(t, s.inTx(t.Context(), func(tx conn) error { return nil }))
		require.Equal(t, before+1, s.Transactions())
		_, err := s.GetRun(t.Context(), account, 1)
		require.Error(t, err)
		require.Equal(t, before+1, s.Transactions())
	})
}
