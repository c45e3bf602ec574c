package cli

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Before a campaign's audience is expanded nothing of it waits: that must not
// read as if nothing were to come.
func TestQueueSaysWhatIsToCome(t *testing.T) {
	f := newFixture(t)
	f.stdin = "email\nada@example.org\ncy@example.org\n"
	f.ok("import", "-")
	f.ok("channel", "create", "news", "--provider", "sandbox")
	f.ok("campaign", "create", "--name", "Later", "--channel", "news", "--all", "--subject", "s", "--text", "t")
	out := f.ok("queue", "ls")
	require.Contains(t, out, "Nothing waits to be sent.")
	require.Contains(t, out, "carillon campaign start ID")

	f.ok("campaign", "schedule", "1", "--at", "2099-01-01T09:00", "--timezone", "UTC")
	out = f.ok("queue", "ls")
	require.Contains(t, out, "Nothing waits to be sent.")
	require.Contains(t, out, "Campaign 1 (Later) fires at 2099-01-01 09:00:00 UTC.")
	require.NotContains(t, out, "campaign start ID")

	f.idle = true
	f.ok("campaign", "create", "--name", "Spring", "--channel", "news", "--all", "--subject", "s", "--text", "t", "--start")
	out = f.ok("queue", "ls")
	require.NotContains(t, out, "Nothing waits")
	require.Contains(t, out, "Campaign 2 (Spring) is still being planned: 0 messages so far, more are to come; `carillon campaign show 2`")
	code, _, said := f.run("queue", "clear", "--yes")
	require.Equal(t, exitUsage, code, said)
	require.Contains(t, said, "--all")
	code, _, said = f.run("queue", "clear")
	require.Zero(t, code)
	require.Contains(t, said, "still being planned")
	require.Contains(t, said, "--cancel-planning cancels the campaign too")
	code, _, said = f.run("queue", "clear", "--campaign", "2", "--yes")
	require.Zero(t, code)
	require.Contains(t, said, "still being planned", "whoever is not asked is told all the same")
	f.ok("campaign", "pause", "2")
	require.Contains(t, f.ok("queue", "ls", "--campaign", "2"), "once `carillon campaign resume 2` lets it go on")
	require.Contains(t, f.ok("queue", "ls", "--campaign", "1"), "Nothing waits to be sent.", "the other campaign's planning is not this one's")

	f.ok("campaign", "resume", "2")
	f.idle = false
	out = f.ok("queue", "ls")
	require.NotContains(t, out, "planned")
	require.Regexp(t, `news +2 +0 +0`, out)

	f.idle = true
	f.ok("campaign", "create", "--name", "Summer", "--channel", "news", "--all", "--subject", "s", "--text", "t", "--start")
	code, _, said = f.run("queue", "clear", "--all", "--yes", "--cancel-planning")
	require.Zero(t, code)
	require.Contains(t, said, "Campaign 3 was still being planned and is canceled.")
	require.Regexp(t, `Status +canceled`, f.ok("campaign", "show", "3"))
	code, _, said = f.run("queue", "ls", "--channel", "99")
	require.NotZero(t, code)
	require.Contains(t, said, "99")
}
