package bench

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSignInsAreMeasured shows that people get in while a campaign is sent, and that it is sent
// whole.
func TestSignInsAreMeasured(t *testing.T) {
	t.Parallel()
	r, err := runSignIns(t.Context(), Scenario{Content: "5k", Transport: "smtp", Store: "sqlite", Recipients: 2000, Dir: t.TempDir()}, io.Discard)
	require.NoError(t, err)
	require.True(t, r.Verified)
	for what, s := range map[string]signedIn{"alone": r.Alone, "while sending": r.Meanwhile} {
		require.GreaterOrEqual(t, s.Count, signingIn, what)
		require.Positive(t, s.Median, what)
		require.GreaterOrEqual(t, s.Most, s.Median, what)
		require.GreaterOrEqual(t, s.Worst, s.Most, what)
	}
	require.Positive(t, r.Sent)
	require.Positive(t, r.Beside)
	var table strings.Builder
	require.NoError(t, writeSignInsTable(&table, []signInsResult{r}))
	require.Contains(t, table.String(), "BESIDE SIGN-INS")
	require.Contains(t, table.String(), "true")
}
