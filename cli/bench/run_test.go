package bench

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/testenv"
)

// TestAScenarioMeasuresAll runs small scenarios and shows that every figure is
// there, and that what is counted is what was sent.
func TestAScenarioMeasuresAll(t *testing.T) {
	var results []Result
	for _, s := range []Scenario{
		{Content: "rows", Transport: "smtp-plain", Recipients: 1000, Mixed: true, Webhooks: 2},
		{Content: "json", Transport: "http", Recipients: 1000, LatencyMS: 20, Concurrency: 8},
		{Content: "5k", Transport: "smtp", Recipients: 1000, Store: "postgres", Workers: 2},
	} {
		s.Dir = t.TempDir()
		s.Profile = filepath.Join(s.Dir, "profile")
		if s.Store == "postgres" {
			s.StoreDSN, s.RedisURL = testenv.SharedPostgres(t).NewDatabase(t), testenv.Redis(t).URL()
		}
		b, err := newBench(s, io.Discard)
		require.NoError(t, err)
		require.NoError(t, b.run(t.Context(), io.Discard, b.steps()...))
		r := b.result
		for what, v := range map[string]float64{
			"send": r.SendRate, "steady": r.SteadyRate, "first": r.FirstMessage, "transactional": r.Transactional, "connections": float64(r.Connections),
			"plan": r.PlanRate, "new": r.ImportCreated, "known": r.ImportUpdated, "process": r.Cores.Process, "all": r.Cores.Machine,
			"preview": r.PreviewSeconds, "explain": r.ExplainSeconds, "pause": r.PauseSeconds, "cancel": r.CancelSeconds,
		} {
			require.Positive(t, v, what)
		}
		if s.Workers == 0 {
			// Where workers of their own send, what a thousand messages take in this process is
			// less than what passes in it anyway.
			require.Positive(t, r.Counts.Allocations, "allocations")
		}
		require.True(t, r.Verified)
		for _, kind := range []string{"cpu", "block", "mutex", "allocs"} {
			file, err := os.Stat(s.Profile + "." + kind)
			require.NoError(t, err)
			require.Positive(t, file.Size(), kind)
		}
		results = append(results, r)
	}
	require.Positive(t, results[0].AtFullSpeed)
	require.GreaterOrEqual(t, results[0].AtFullSpeedWorst, results[0].AtFullSpeed)
	require.LessOrEqual(t, results[0].Share, 0.5)
	require.LessOrEqual(t, results[1].Connections, int64(8))
	require.InDelta(t, float64(results[1].Connections)*50, results[1].AllowedRate, 0.1)
	require.LessOrEqual(t, results[1].SteadyRate, results[1].AllowedRate*2)

	require.Positive(t, results[2].Cores.Workers)

	var table strings.Builder
	require.NoError(t, writeTable(&table, results))
	for _, text := range []string{"rows twice", "json (concurrency 8)", "5k (workers: 2)", "messages/s", "allocations", "import new/s", "yes"} {
		require.Contains(t, table.String(), text)
	}
	require.NotContains(t, table.String(), "NO\n")
}

// TestTheNaiveLoopSendsTheSame shows that the loop's messages are the content's, by
// either way.
func TestTheNaiveLoopSendsTheSame(t *testing.T) {
	for transport, content := range map[string]string{"smtp": "5k", "http": "json"} {
		s := Scenario{Content: content, Transport: transport, Recipients: 1000}
		target, err := startSink(t.Context(), s, io.Discard)
		require.NoError(t, err)
		s.Sink = target.Address
		rate, err := naive(t.Context(), s, 500)
		require.NoError(t, err)
		require.Positive(t, rate)
		tally, err := target.tally(t.Context())
		require.NoError(t, err)
		require.Equal(t, int64(500), tally.Count)
		require.NoError(t, target.Close())
	}
}

func TestChildrenSayWhatIsWrong(t *testing.T) {
	for want, call := range map[string][2]string{
		"read scenario":              {"sink", "{"},
		`unknown role "nobody"`:      {"nobody", "{}"},
		`unknown content "x"`:        {"engine", `{"content":"x"}`},
		`unknown transport "pigeon"`: {"sink", `{"transport":"pigeon"}`},
	} {
		require.ErrorContains(t, Child(t.Context(), call[0], call[1], Streams{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}), want)
	}
	_, err := startSink(t.Context(), Scenario{Transport: "pigeon"}, io.Discard)
	require.ErrorContains(t, err, "start the sink")
}
