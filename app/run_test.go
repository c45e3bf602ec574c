package app

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/configs"
	"carillon/internal/fault"
	"carillon/internal/secret"
)

// A worker that serves no API can be watched all the same.
func TestAProcessWithoutTheAPIAnswersForItsHealth(t *testing.T) {
	config := configs.Config{
		DataDir: t.TempDir(), MasterKey: secret.New("a master key for this test"), ShutdownSeconds: 5, LogLevel: slog.LevelError.String(),
		HealthListen: "127.0.0.1:0",
	}
	s, err := Start(t.Context(), config, Roles{Worker: true}, Notices{Say: func(string) {}})
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

// startConfig is a configuration for Start on the embedded parts.
func startConfig(t *testing.T) configs.Config {
	return configs.Config{
		DataDir: t.TempDir(), MasterKey: secret.New("a master key for this test"), ShutdownSeconds: 5, LogLevel: slog.LevelError.String(),
		Listen: "127.0.0.1:0",
	}
}

// Whatever refuses to start does so before anything could be sent: no worker has
// been registered.
func TestNothingWorksBeforeEverythingIsChecked(t *testing.T) {
	c := startConfig(t)
	c.AdminKey = secret.New("admin-key-0123456789")
	workers := func() int64 {
		e := &Engine{log: slog.New(slog.DiscardHandler)}
		_, err := e.openStore(t.Context(), c)
		require.NoError(t, err)
		id, err := e.Store.RegisterWorker(t.Context(), "counter")
		require.NoError(t, err)
		require.NoError(t, e.Stop())
		return id
	}
	before := workers()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	for name, change := range map[string]func(*configs.Config){
		"a taken port": func(c *configs.Config) { c.Listen = taken.Addr().String() },
		"a revoked key": func(c *configs.Config) {
			e := &Engine{log: slog.New(slog.DiscardHandler)}
			_, err := e.openStore(t.Context(), *c)
			require.NoError(t, err)
			require.NoError(t, e.ensureAdminKey(t.Context(), *c, Notices{Say: func(string) {}}))
			account, _, err := e.Store.EnsureAccount(t.Context(), accountName)
			require.NoError(t, err)
			_, _, err = access.NewKeys(e.Store).Create(t.Context(), access.Key{AccountID: account.ID, Name: "another", Role: access.Admin, Operator: true})
			require.NoError(t, err)
			key, err := e.Store.LookupKey(t.Context(), c.AdminKey, "127.0.0.1")
			require.NoError(t, err)
			require.NoError(t, e.Store.RevokeKey(t.Context(), account.ID, key.ID))
			require.NoError(t, e.Stop())
		},
	} {
		t.Run(name, func(t *testing.T) {
			refused := c
			change(&refused)
			_, err := Start(t.Context(), refused, AllRoles, Notices{Say: func(string) {}})
			require.True(t, fault.Is(err, fault.Conflict), "%v", err)
			after := workers()
			require.Equal(t, before+1, after, "none began to work")
			before = after
		})
	}
}

// The first key is shown to a person, and to nothing that keeps what it reads.
func TestTheFirstKeyIsShownOnATerminalOnly(t *testing.T) {
	for _, private := range []bool{true, false} {
		c := startConfig(t)
		var said []string
		s, err := Start(t.Context(), c, AllRoles, Notices{Say: func(line string) { said = append(said, line) }, Private: private})
		require.NoError(t, err)
		require.NoError(t, s.Stop())
		key, err := os.ReadFile(c.AdminKeyPath())
		require.NoError(t, err)
		all := strings.Join(said, "\n")
		require.Contains(t, all, c.AdminKeyPath())
		require.Equal(t, private, strings.Contains(all, strings.TrimSpace(string(key))))
	}
}

// With a key configured and taken away again, somebody can still sign in.
func TestWithoutAConfiguredKeyOneIsMade(t *testing.T) {
	c := startConfig(t)
	c.AdminKey = secret.New("admin-key-0123456789")
	for _, configured := range []bool{true, false, true} {
		now := c
		if !configured {
			now.AdminKey = secret.String{}
		}
		s, err := Start(t.Context(), now, AllRoles, Notices{Say: func(string) {}})
		require.NoError(t, err)
		_, err = s.Engine.Store.LookupKey(t.Context(), c.AdminKey, "127.0.0.1")
		require.Equal(t, configured, err == nil)
		if !configured {
			key, err := os.ReadFile(c.AdminKeyPath())
			require.NoError(t, err)
			_, err = s.Engine.Store.LookupKey(t.Context(), secret.New(strings.TrimSpace(string(key))), "127.0.0.1")
			require.NoError(t, err)
		}
		require.NoError(t, s.Stop())
	}
}
