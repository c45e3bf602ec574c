package store_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/store/sqldb"
	"carillon/store/storetest"
)

func TestMigrateUpDownUp(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
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
		require.Contains(t, applied[0], "00001")
		require.Contains(t, applied[len(applied)-1], fmt.Sprintf("%05d", newest))
		s.Account("again")

		applied, err = s.Migrate(t.Context())
		require.NoError(t, err)
		require.Empty(t, applied, "a second run has nothing to do")
	})
}

// An index by what a claim changes would be written to by every claim, and could
// be chosen for updates that name messages by their ids.
func TestNoIndexSpeaksOfWhatAClaimChanges(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		query := "SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'messages' AND sql IS NOT NULL"
		if s.Postgres() {
			query = "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename = 'messages'"
		}
		changes := regexp.MustCompile(`\b(state|worker_id|attempt|claimed_at)\b`)
		indexes := 0
		require.NoError(t, sqldb.Each(t.Context(), s.Reader(), func(scan sqldb.Scan) error {
			var definition string
			if err := scan(&definition); err != nil {
				return err
			}
			indexes++
			require.NotRegexp(t, changes, definition)
			return nil
		}, query))
		require.GreaterOrEqual(t, indexes, 6)
	})
}
