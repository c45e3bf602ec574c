package bench

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReceiptsAreMeasured shows that receipts come at five times the rate of a campaign while that
// is sent, twice and in any order, and as fast as they are answered, and that none is lost.
func TestReceiptsAreMeasured(t *testing.T) {
	t.Parallel()
	const people = 1000
	r, err := runReceipts(t.Context(), Scenario{Store: "sqlite", Recipients: people, Dir: t.TempDir()}, io.Discard)
	require.NoError(t, err)
	require.True(t, r.Verified)
	for what, posted := range map[string]reported{"while sending": r.Meanwhile, "alone": r.Alone} {
		require.EqualValues(t, receiptsEach*people, posted.Answered, what)
		require.Zero(t, posted.Failed, what)
		require.Positive(t, posted.Median, what)
		require.GreaterOrEqual(t, posted.Most, posted.Median, what)
		require.GreaterOrEqual(t, posted.Worst, posted.Most, what)
		require.Less(t, posted.Settled, countedWithin.Seconds(), what)
	}
	require.Positive(t, r.Alone.Micros)
	require.Positive(t, r.Beside)
	require.LessOrEqual(t, r.Beside, receiptsBeside*1.02)
	var table strings.Builder
	require.NoError(t, writeReceiptsTable(&table, []receiptsResult{r}))
	require.Contains(t, table.String(), "RECEIPTS/S ALONE")
	require.Contains(t, table.String(), "true")
}
