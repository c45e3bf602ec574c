package app

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
)

// The process that leads copies every entry once, also over a restart; a receiver that can't be
// known is refused at the start.
func TestTheTrailIsCopied(t *testing.T) {
	t.Parallel()
	c := startConfig(t)
	c.AuditFile = filepath.Join(t.TempDir(), "audit.jsonl")
	copied := func(action string) {
		engine, err := StartEngine(t.Context(), Options{Config: c, Roles: AllRoles, Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		account, _, err := engine.Store.EnsureAccount(t.Context(), "default")
		require.NoError(t, err)
		require.NoError(t, engine.Trail.Add(t.Context(), access.AuditEntry{AccountID: account.ID, Actor: "a", Action: action, Target: "c"}))
		require.Eventually(t, func() bool {
			waits, err := engine.Store.AuditBacklog(t.Context(), access.CopyFile)
			content, _ := os.ReadFile(c.AuditFile)
			return err == nil && waits.Entries == 0 && strings.Contains(string(content), action)
		}, 20*time.Second, 20*time.Millisecond)
		found := (&doctor{engine: engine, config: c}).trailCopies(t.Context())
		require.Equal(t, "they are up to date: "+c.AuditFile, found.Found)
		require.NoError(t, engine.Stop())
	}
	copied("first-thing")
	copied("second-thing")
	content, err := os.ReadFile(c.AuditFile)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(content), "first-thing"))

	c.AuditSyslog, c.AuditSyslogCA = "tls://127.0.0.1", filepath.Join(t.TempDir(), "none.pem")
	_, err = StartEngine(t.Context(), Options{Config: c, Roles: AllRoles, Logger: slog.New(slog.DiscardHandler)})
	require.ErrorContains(t, err, "audit_syslog_ca")
}
