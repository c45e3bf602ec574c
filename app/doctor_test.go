package app

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/api"
	"carillon/internal/clock"
	"carillon/internal/secret"
	"carillon/internal/testenv"
	"carillon/providers"
)

// What a deployment lacks is found, with what to do, and what it has is not blamed.
func TestTheDoctor(t *testing.T) {
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write([]byte(`{"status":"alive"}`))
	}))
	t.Cleanup(far.Close)
	c := startConfig(t)
	c.MasterKey, c.RedisURL = secret.String{}, secret.New(testenv.Redis(t).URL())
	s, err := Start(t.Context(), c, AllRoles, Notices{Say: func(string) {}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	require.Eventually(t, s.Engine.Leads, 10*time.Second, 5*time.Millisecond)

	d := &doctor{s, s.Engine, c, testenv.StartNames(t).Resolver()}
	examine := func() map[string]api.Finding {
		found := map[string]api.Finding{}
		for _, f := range d.Examine(t.Context()) {
			require.NotEmpty(t, f.Found)
			require.Contains(t, []string{api.FindingOK, api.FindingWarning, api.FindingFailed}, f.State)
			found[f.Name] = f
		}
		return found
	}
	found := examine()
	for _, name := range []string{"store", "Redis", "clock of Redis", "scheduler", "workers"} {
		require.Equal(t, api.FindingOK, found[name].State, "%s: %+v", name, found[name])
	}
	require.NotContains(t, found, "clock of the store", "SQLite has this machine's")
	require.Equal(t, api.FindingWarning, found["public address"].State)
	require.Contains(t, found["public address"].Remedy, "CARILLON_PUBLIC_URL")
	require.Equal(t, api.FindingWarning, found["master key"].State)

	require.Equal(t, api.FindingWarning, found["backups"].State)
	d.config.BackupDir = t.TempDir()
	require.Equal(t, api.FindingFailed, examine()["backups"].State, "there is none")
	backup := filepath.Join(d.config.BackupDir, "monday.dump")
	require.NoError(t, os.WriteFile(backup, []byte("x"), 0o600))
	require.Equal(t, api.FindingOK, examine()["backups"].State)
	old := clock.System{}.Now().Add(-72 * time.Hour)
	require.NoError(t, os.Chtimes(backup, old, old))
	require.Contains(t, examine()["backups"].Found, "3 days old")
	d.config.BackupDir = filepath.Join(d.config.BackupDir, "nowhere")
	require.Equal(t, api.FindingWarning, examine()["backups"].State)

	require.NotContains(t, found, "mails to people", "nothing is named")
	d.config.PeopleChannel = "default/office"
	require.Equal(t, api.FindingFailed, examine()["mails to people"].State)
	account, err := d.engine.Store.FindAccount(t.Context(), "default")
	require.NoError(t, err)
	_, err = d.engine.Channels.Create(t.Context(), providers.Channel{
		AccountID: account.ID, Name: "office", Provider: "sandbox", Config: json.RawMessage("{}"), Timezone: "UTC",
	}, "test")
	require.NoError(t, err)
	require.Equal(t, api.FindingOK, examine()["mails to people"].State)
	d.config.PeopleChannel = "nobody/office"
	require.Contains(t, examine()["mails to people"].Remedy, "CARILLON_PEOPLE_CHANNEL")

	d.config.PublicURL = far.URL
	require.Contains(t, examine()["public address"].Remedy, "no TLS")
	d.config.PublicURL = far.URL + "/under"
	require.Equal(t, api.FindingFailed, examine()["public address"].State)
	far.Close()
	d.config.PublicURL = far.URL
	require.Contains(t, examine()["public address"].Found, "reach itself")
	require.NoError(t, os.Chmod(c.MasterKeyPath(), 0o644))
	require.Contains(t, examine()["master key"].Remedy, "chmod 600")
}

// A clock that differs is told from one that takes long to answer.
func TestSkew(t *testing.T) {
	d := &doctor{}
	at := func(off time.Duration) func(context.Context) (time.Time, error) {
		return func(context.Context) (time.Time, error) { return clock.System{}.Now().Add(off), nil }
	}
	require.Equal(t, api.FindingOK, d.clock(t.Context(), "clock", at(0)).State)
	found := d.clock(t.Context(), "clock", at(-3*time.Second))
	require.Equal(t, api.FindingWarning, found.State)
	require.Contains(t, found.Remedy, "NTP")
}
