package bench

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTargetingCountsWhatWasImported shows that the benchmark measures what it
// says: every rule holds for as many contacts as it was made for.
func TestTargetingCountsWhatWasImported(t *testing.T) {
	results, err := runTargeting(t.Context(), targetingScenario{Contacts: 1000, Dir: t.TempDir()}, io.Discard)
	require.NoError(t, err)
	matches := map[string]int64{}
	for _, r := range results {
		require.Equal(t, "SQLite", r.Store)
		require.Positive(t, r.Seconds)
		require.GreaterOrEqual(t, r.Worst, r.Seconds)
		matches[r.Rule] = r.Matches
	}
	require.Equal(t, map[string]int64{
		"1 %, no index": 10, "50 %": 500, "text contains, 1 %": 10, "member of a group, 10 %": 100, "lists in lists": 110,
		"1 %, index": 10, "1 % by index, and a group": 10, "50 %, index": 500, "lists in lists, index": 110,
	}, matches)
	var table strings.Builder
	require.NoError(t, writeTargetingTable(&table, results))
	require.Contains(t, table.String(), "text contains, 1 %")
}
