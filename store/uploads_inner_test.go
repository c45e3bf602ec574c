package store

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
)

// The database counts rows by itself only after a minute, and until then plans
// every batch of a campaign for an empty table. What is next to nothing beside
// what it knows it need not be told.
func TestTheQueryPlannerKnowsOfAnImport(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		if !s.Postgres() {
			require.Empty(t, s.d.grown, "SQLite plans without counting rows")
			return
		}
		account := testAccount(t, s, "statistics")
		imp := contacts.NewImporter(s, s, contacts.ImportConfig{})
		known := func(table string) (rows int64) {
			require.NoError(t, s.reader().Row(t.Context(), "SELECT CAST(reltuples AS BIGINT) FROM pg_class WHERE relname = ?", table).Scan(&rows))
			return rows
		}
		take := func(from, to int) {
			file := "email\n"
			for i := from; i < to; i++ {
				file += fmt.Sprintf("n%d@example.com\n", i)
			}
			upload, err := imp.Take(t.Context(), account, "x.csv", strings.NewReader(file), contacts.ImportOptions{})
			require.NoError(t, err)
			require.NoError(t, imp.Run(t.Context(), upload.ID))
		}
		require.NotEqual(t, int64(20), known("contacts"))
		take(0, 20)
		for _, table := range []string{"contacts", "addresses", "members"} {
			require.Equal(t, int64(20), known(table), table)
		}
		take(0, 22) // everybody again, and two of whom nothing was known
		require.Equal(t, int64(20), known("contacts"))
		require.Equal(t, int64(20), known("addresses"))
		require.Equal(t, int64(42), known("members"))
		take(22, 25)
		require.Equal(t, int64(25), known("contacts"))
		require.Equal(t, int64(25), known("addresses"))
		require.Equal(t, int64(42), known("members"))
	})
}
