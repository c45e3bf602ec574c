package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/cli/bench"
)

// TestBenchSaysWhatItWouldMeasure shows that what is asked for can be looked at
// before it takes an hour, and that a wrong value is named with the right ones.
func TestBenchSaysWhatItWouldMeasure(t *testing.T) {
	f := newFixture(t)
	require.Len(t, strings.Split(strings.TrimSpace(f.ok("bench", "--list")), "\n"), 8)
	require.Equal(t, "5k, smtp, sqlite, 1000 recipients, 20 ms an answer\n5k, smtp, sqlite, 1000 recipients, 200 ms an answer\n",
		f.ok("bench", "--list", "--latency", "20,200", "--recipients", "1000"))
	var scenarios []bench.Scenario
	require.NoError(t, json.Unmarshal([]byte(f.ok("bench", "--list", "--content", "json", "--output", "json")), &scenarios))
	require.Equal(t, []bench.Scenario{{Content: "json", Transport: "http", Store: "sqlite", Recipients: bench.DefaultRecipients}}, scenarios)

	help := f.ok("bench", "--help")
	for _, content := range bench.Contents() {
		require.Contains(t, help, content.About)
	}
	for want, args := range map[string][]string{
		"--content 6k: one of line":      {"bench", "--content", "6k"},
		"--store redis: one of sqlite":   {"bench", "--store", "redis"},
		"--recipients 9: from 1000":      {"bench", "--recipients", "9", "--list"},
		"--store sqlite+redis: with --t": {"bench", "--targeting", "--store", "sqlite+redis"},
		"--contacts 9: at least 1000":    {"bench", "--targeting", "--contacts", "9"},
	} {
		code, _, errs := f.run(args...)
		require.Equal(t, exitUsage, code)
		require.Contains(t, errs, want)
	}
}
