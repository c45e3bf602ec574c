package app

import (
	"io"
	"log/slog"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/configs"
	"carillon/internal/secret"
)

// A worker that serves no API can be watched all the same.
func TestAProcessWithoutTheAPIAnswersForItsHealth(t *testing.T) {
	config := configs.Config{
		DataDir: t.TempDir(), MasterKey: secret.New("a master key for this test"), ShutdownSeconds: 5, LogLevel: slog.LevelError.String(),
		HealthListen: "127.0.0.1:0",
	}
	s, err := Start(t.Context(), config, Roles{Worker: true}, func(string) {})
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for path, want := range map[string]string{"/healthz": "alive", "/readyz": `"store":"ready"`, "/metrics": "go_goroutines"} {
		response, err := client.Get(s.HealthURL + path)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode, string(body))
		require.Contains(t, string(body), want)
	}
	response, err := client.Get(s.HealthURL + "/v1/contacts")
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusNotFound, response.StatusCode, "it is no API")
	require.Empty(t, s.URL)
	require.NoError(t, s.Stop())
}
