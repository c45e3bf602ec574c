package app

import (
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/configs"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/internal/testenv"
)

// page asks for a page that needs no key.
func page(t *testing.T, url string) (status int, body string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(url)
	require.NoError(t, err)
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode, string(content)
}

// What the store knows is missing while it is away; everything else is there, and
// neither metrics nor readiness name a host or a user.
func TestMetricsWithoutTheStore(t *testing.T) {
	t.Parallel()
	postgres := testenv.Postgres(t)
	dsn := postgres.NewDatabase(t)
	c := configs.Config{
		DataDir: t.TempDir(), MasterKey: secret.New("a master key for this test"), ShutdownSeconds: 5, LogLevel: slog.LevelError.String(),
		StoreDSN: secret.New(dsn), RedisURL: secret.New(testenv.Redis(t).URL()), HealthListen: "127.0.0.1:0",
	}
	_, err := Migrate(t.Context(), c)
	require.NoError(t, err)
	s, err := Start(t.Context(), c, Roles{Scheduler: true}, Notices{Say: func(string) {}})
	require.NoError(t, err)
	status, body := page(t, s.HealthURL+"/metrics")
	require.Equal(t, http.StatusOK, status)
	for _, want := range []string{
		"carillon_store_up 1", `carillon_workers{state="alive"} 0`, `carillon_build_info{go="go`, "\ncarillon_leader ", "take max() over them, not sum()",
	} {
		require.Contains(t, body, want)
	}
	require.NoError(t, postgres.Stop())
	status, body = page(t, s.HealthURL+"/metrics")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "carillon_store_up 0")
	require.Contains(t, body, "go_goroutines")
	ready, words := page(t, s.HealthURL+"/readyz")
	require.Equal(t, http.StatusServiceUnavailable, ready)
	require.Contains(t, words, "the store does not answer")
	host := postgres.Addr()
	for _, told := range []string{body, words} {
		require.NotContains(t, told, host)
		require.NotContains(t, told, host[strings.LastIndex(host, ":"):])
		require.NotContains(t, told, "user=")
	}
	require.NoError(t, postgres.Start())
	require.NoError(t, s.Stop())
}

func TestTheMetricsOfAChannel(t *testing.T) {
	c := startConfig(t)
	s, err := Start(t.Context(), c, AllRoles, Notices{Say: func(string) {}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	f := newFixture(t, s.Engine, testChannel{provider: "sandbox", config: `{}`}, 3)
	require.NoError(t, s.Engine.Store.PauseChannel(t.Context(), f.account, f.channel.ID, "me"))
	k, err := s.Engine.Campaigns.Start(t.Context(), f.account, f.campaign(t, s.Engine, "Hello").ID, true)
	require.NoError(t, err)
	s.Engine.Wake()
	require.Eventually(t, func() bool {
		run, err := s.Engine.Store.GetRun(t.Context(), f.account, k.RunID)
		require.NoError(t, err)
		return run.PlanDone
	}, 10*time.Second, 5*time.Millisecond)
	_, body := page(t, s.URL+"/metrics")
	for _, want := range []string{
		`carillon_channel_state{channel="1",state="paused"} 1`, `carillon_channel_state{channel="1",state="active"} 0`,
		`carillon_oldest_waiting_seconds{channel="1"} `, `carillon_messages{channel="1",state="pending"} 3`, `carillon_workers{state="alive"} 1`, "carillon_leader 1",
	} {
		require.Contains(t, body, want)
	}
}

// A file that has lost its data does not start as a fresh installation.
func TestAnEmptiedStoreIsRefused(t *testing.T) {
	c := startConfig(t)
	c.MasterKey = secret.String{}
	start := func() error {
		s, err := Start(t.Context(), c, AllRoles, Notices{Say: func(string) {}})
		if err != nil {
			return err
		}
		require.Positive(t, size(c.Store()), "a store is never taken for empty while it is used")
		return s.Stop()
	}
	require.NoError(t, start())
	kept, err := os.ReadFile(c.Store())
	require.NoError(t, err)
	require.NoError(t, os.Truncate(c.Store(), 0))
	err = start()
	require.True(t, fault.Is(err, fault.Conflict), "%v", err)
	require.ErrorContains(t, err, "has lost its data")
	require.Zero(t, size(c.Store()), "nothing was changed")
	_, err = Migrate(t.Context(), c)
	require.ErrorContains(t, err, "has lost its data")
	require.NoError(t, os.WriteFile(c.Store(), kept, 0o600))
	require.NoError(t, start())

	fresh := startConfig(t)
	require.NoError(t, os.WriteFile(fresh.Store(), nil, 0o600))
	c = fresh
	require.NoError(t, start(), "without keys there was nothing to lose")
}

func TestAFullDiskIsNotReady(t *testing.T) {
	require.NoError(t, enoughRoom(leastRoom))
	require.ErrorContains(t, enoughRoom(12<<20), "only 12 MiB are free on the disk of the data folder, and 64 are needed")
	e := startTestEngine(t, testConfig(t), Roles{API: true})
	require.NoError(t, e.ready(t.Context())["store"])
}
