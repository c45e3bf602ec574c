package store_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/store/storetest"
)

func TestEnsureAccountMakesOne(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		const processes = 8
		ids := make([]int64, processes)
		made := make([]bool, processes)
		errs := make([]error, processes)
		var wait sync.WaitGroup
		for i := range processes {
			wait.Go(func() {
				account, created, err := s.EnsureAccount(t.Context(), "Example Ltd.")
				ids[i], made[i], errs[i] = account.ID, created, err
			})
		}
		wait.Wait()
		created := 0
		for i := range processes {
			require.NoError(t, errs[i])
			require.Equal(t, ids[0], ids[i])
			if made[i] {
				created++
			}
		}
		require.Equal(t, 1, created)

		account, again, err := s.EnsureAccount(t.Context(), "another name")
		require.NoError(t, err)
		require.False(t, again)
		require.Equal(t, "Example Ltd.", account.Name)
		require.False(t, account.CreatedAt.IsZero())
	})
}
