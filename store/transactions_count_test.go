package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/store/storetest"
)

// TestTransactionsAreCounted shows that what is written in one transaction counts
// once, and what is only read not at all.
func TestTransactionsAreCounted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		account := s.Account("counted")
		before := s.Transactions()
		_, err := s.CreateGroup(t.Context(), account, "counted")
		require.NoError(t, err)
		require.Equal(t, before+1, s.Transactions())
		_, err = s.GetRun(t.Context(), account, 1)
		require.Error(t, err)
		require.Equal(t, before+1, s.Transactions())
	})
}
