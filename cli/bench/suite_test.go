package bench

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWhatWasMeasuredIsKept shows that results from before an error are saved and
// shown, and that the error is told all the same.
func TestWhatWasMeasuredIsKept(t *testing.T) {
	var out strings.Builder
	suite := Suite{Out: &out, JSON: true, Save: filepath.Join(t.TempDir(), "figures.json")}
	measured := []Result{{Content: "5k", SendRate: 7, Naive: 14, Verified: true}}
	failed := errors.New("the disk is full")
	err := report(suite, writeTable, func(*servers) ([]Result, error) { return measured, failed })
	require.ErrorIs(t, err, failed)
	saved, err := os.ReadFile(suite.Save)
	require.NoError(t, err)
	for _, text := range []string{out.String(), string(saved)} {
		var results []Result
		require.NoError(t, json.Unmarshal([]byte(text), &results))
		require.Equal(t, measured, results)
	}

	out.Reset()
	suite.JSON, suite.Save = false, ""
	require.ErrorIs(t, report(suite, writeTable, func(*servers) ([]Result, error) { return measured, failed }), failed)
	require.Contains(t, out.String(), "0.50")
	out.Reset()
	require.ErrorIs(t, report(suite, writeTable, func(*servers) ([]Result, error) { return nil, failed }), failed)
	require.Empty(t, out.String())
}
