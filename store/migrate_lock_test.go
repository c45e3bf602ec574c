package store_test

import (
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/testenv"
	"carillon/store"
)

// Several that migrate at once neither fail nor do anything twice.
func TestMigrationsAtTheSameTimeWaitForEachOther(t *testing.T) {
	for name, dsn := range map[string]func() string{
		"SQLite":     func() string { return filepath.Join(t.TempDir(), "carillon.db") },
		"PostgreSQL": func() string { return testenv.SharedPostgres(t).NewDatabase(t) },
	} {
		t.Run(name, func(t *testing.T) {
			const processes = 6
			where := dsn()
			var all []string
			var mu sync.Mutex
			var running sync.WaitGroup
			var errs []error
			for range processes {
				running.Go(func() {
					s, err := store.Open(t.Context(), store.Options{DSN: where})
					var applied []string
					if err == nil {
						applied, err = s.Migrate(t.Context())
						_ = s.Close()
					}
					mu.Lock()
					defer mu.Unlock()
					all, errs = append(all, applied...), append(errs, err)
				})
			}
			running.Wait()
			for _, err := range errs {
				require.NoError(t, err)
			}
			slices.Sort(all)
			require.NotEmpty(t, all)
			require.Equal(t, all, slices.Compact(slices.Clone(all)), "each was applied once")
		})
	}
}
