package app

import (
	"bufio"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/secret"
	"carillon/providers"
)

// A real server tells a real client how a campaign goes, and stops at once
// although the client listens on.
func TestAStreamOfEventsEndsWithTheServer(t *testing.T) {
	t.Parallel()
	const key = "admin-key-0123456789"
	config := testConfig(t)
	config.Listen, config.LogLevel, config.AdminKey = "127.0.0.1:0", slog.LevelError.String(), secret.New(key)
	config.MaxBodyKB, config.ShutdownSeconds = 64, 600 // who waited for the client would wait for long
	s, err := Start(t.Context(), config, AllRoles, Notices{Say: func(string) {}})
	require.NoError(t, err)
	stopped := false
	t.Cleanup(func() {
		if !stopped {
			require.NoError(t, s.Stop())
		}
	})
	const n = 150
	f := newFixture(t, s.Engine, testChannel{provider: "sandbox", config: `{"latency_ms":1}`, limits: providers.Limits{PerSecond: 100}}, n)

	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/v1/events", http.NoBody)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+key)
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	response, err := client.Do(r)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	require.Equal(t, http.StatusOK, response.StatusCode)
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	var name string
	// until reads on to an event's data that is as wanted.
	until := func(event string, wanted func(data string) bool) {
		t.Helper()
		for lines.Scan() {
			if rest, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				name = rest
			}
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && name == event && wanted(data) {
				return
			}
		}
		require.NoError(t, lines.Err())
		require.Fail(t, "the stream ended", "before %s", event)
	}
	until("snapshot", func(string) bool { return true })

	c := f.campaign(t, s.Engine, "Hi.")
	_, err = s.Engine.Campaigns.Start(t.Context(), f.account, c.ID, true)
	require.NoError(t, err)
	s.Engine.Wake()
	var least int64
	until("run", func(data string) bool {
		var run struct {
			Status string
			Counts map[string]int64
		}
		require.NoError(t, json.Unmarshal([]byte(data), &run))
		require.GreaterOrEqual(t, run.Counts["sent"]+run.Counts["delivered"]+run.Counts["read"], least, "never backwards")
		least = run.Counts["sent"] + run.Counts["delivered"] + run.Counts["read"]
		return run.Status == "finished"
	})
	require.Equal(t, int64(n), least)

	done := make(chan error, 1)
	go func() { done <- s.Stop() }()
	for lines.Scan() { // what is still under way
	}
	require.NoError(t, lines.Err(), "ended, not broken")
	require.NoError(t, <-done)
	stopped = true
}
