package bench

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFlowsAreMeasured shows that everybody is walked through both flows, and that a pause
// in the middle holds.
func TestFlowsAreMeasured(t *testing.T) {
	t.Parallel()
	r, err := runFlows(t.Context(), Scenario{Content: "5k", Transport: "smtp", Store: "sqlite", Recipients: 2000, Dir: t.TempDir()}, io.Discard)
	require.NoError(t, err)
	require.True(t, r.Verified)
	require.Equal(t, 2000, r.Asked)
	require.Zero(t, r.MovedAfter, "nobody is moved after the answer to a pause")
	for what, v := range map[string]float64{
		"enter": r.Enter, "wake": r.Wake, "send": r.WakeSent, "transactional": r.Transactional, "pause": r.PauseSeconds, "verify": r.VerifySeconds,
		"replies": r.Replies, "events": r.Events, "memory": float64(r.PeakBefore),
	} {
		require.Positive(t, v, what)
	}
	require.GreaterOrEqual(t, r.Worst, r.Transactional)
	require.GreaterOrEqual(t, r.Peak, r.PeakBefore)
	var table strings.Builder
	require.NoError(t, writeFlowsTable(&table, []flowsResult{r}))
	require.Contains(t, table.String(), "REPLIES/S")
	require.Contains(t, table.String(), "true")
}
