package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// newsletter makes a channel, three contacts and a draft to them, which leaves a group out.
func (f *fixture) newsletter() {
	f.t.Helper()
	f.ok("channel", "create", "news", "--provider", "sandbox")
	for _, who := range []string{"ada", "bob", "cy"} {
		f.ok("contacts", "create", "--email", who+"@example.org")
	}
	f.ok("groups", "create", "Staff")
	f.ok("campaign", "create", "--name", "Spring", "--channel", "news", "--all", "--exclude-group", "Staff", "--subject", "Helo", "--text", "Hi", "--tag", "a")
}

func TestADraftIsChangedByTheFlagsOfCreate(t *testing.T) {
	f := newFixture(t)
	f.newsletter()
	file := filepath.Join(f.dir, "spring.txt")
	require.NoError(t, os.WriteFile(file, []byte("Dear {{ contact.email }}"), 0o600))
	f.ok("campaign", "set", "1", "--subject", "Hello", "--text-file", file, "--rate", "5", "--tag", "b", "--notes", "n", "--contact", "1,2")
	shown := f.ok("campaign", "show", "1", "--output", "json")
	for _, want := range []string{`"subject": "Hello"`, `Dear {{ contact.email }}`, `"per_second": 5`, `"notes": "n"`, `"groups": [`} {
		require.Contains(t, shown, want, "exclusions stay")
	}
	require.NotContains(t, shown, `"all"`, "the audience is another one")
	f.ok("campaign", "set", "1", "--rate", "none", "--tag", "", "--notes", "")
	shown = f.ok("campaign", "show", "1", "--output", "json")
	require.NotContains(t, shown, "per_second")
	require.Contains(t, shown, `"tags": []`)

	code, _, stderr := f.run("campaign", "set", "1")
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "nothing is changed by this")
	code, _, stderr = f.run("campaign", "set", "1", "--text", "{{ oops")
	require.Equal(t, exitRefused, code)
	require.Contains(t, stderr, "content.text")
	code, _, stderr = f.run("campaign", "set", "1", "--text", "x", "--dry-run")
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "carillon campaign preview 1")
}

func TestAPausedCampaignIsCorrected(t *testing.T) {
	f := newFixture(t)
	f.newsletter()
	f.ok("campaign", "start", "1")
	code, _, stderr := f.run("campaign", "set", "1", "--text", "Dear you", "--yes")
	require.Equal(t, exitRefused, code)
	require.Contains(t, stderr, "pause it")
	f.ok("campaign", "set", "1", "--rate", "3")
	f.ok("campaign", "pause", "1")

	code, _, stderr = f.run("campaign", "set", "1", "--text", "Dear you", "--dry-run")
	require.Zero(t, code)
	require.Contains(t, stderr, "3 recipients will get what it says now, once it is resumed")
	require.NotContains(t, f.ok("campaign", "show", "1", "--output", "json"), "Dear you")
	f.tty, f.stdin = true, "n\n"
	code, _, _ = f.run("campaign", "set", "1", "--text", "Dear you")
	require.NotZero(t, code)
	require.NotContains(t, f.ok("campaign", "show", "1", "--output", "json"), "Dear you")
	f.tty, f.stdin = true, "y\n"
	f.ok("campaign", "set", "1", "--text", "Dear you", "--name", "Spring, right")
	shown := f.ok("campaign", "show", "1", "--output", "json")
	require.Contains(t, shown, "Dear you")
	require.Contains(t, shown, "Spring, right")
	f.ok("campaign", "resume", "1")
	require.Contains(t, f.ok("campaign", "runs", "1"), "resend")
}

func TestTheRestOfACampaign(t *testing.T) {
	f := newFixture(t)
	f.newsletter()
	f.ok("campaign", "start", "1")
	code, _, stderr := f.run("campaign", "duplicate", "1", "--rest")
	require.Equal(t, exitRefused, code)
	require.Contains(t, stderr, "cancel it first")
	f.ok("campaign", "cancel", "1")
	f.ok("campaign", "duplicate", "1", "--rest", "--subject", "Hello", "--exclude-contact", "3", "--tag", "again")
	shown := f.ok("campaign", "show", "2", "--output", "json")
	for _, want := range []string{`"name": "Rest of Spring"`, `"campaigns": [`, `"groups": [`, `"contacts": [`, `"subject": "Hello"`, `"text": "Hi"`, `"again"`} {
		require.Contains(t, shown, want)
	}
	require.Contains(t, f.ok("campaign", "preview", "2"), "Recipients")
}

// A mail that names pages of its recipients is not started while these have no address,
// unless somebody wants it so.
func TestAMailWithoutAWayOutIsNotStarted(t *testing.T) {
	f := newFixture(t)
	f.ok("channel", "create", "mail", "--provider", "smtp", "--set", "host=127.0.0.1", "--set", "from=news@example.org")
	f.ok("contacts", "create", "--email", "ada@example.org")
	f.ok("campaign", "create", "--name", "Spring", "--channel", "mail", "--all", "--subject", "x", "--text", "Bye: {{ unsubscribe_url }}")
	require.Contains(t, f.ok("campaign", "preview", "1"), "Note: unsubscribe_url renders as nothing: no public_url is set")
	code, out, _ := f.run("campaign", "check", "1")
	require.NotZero(t, code)
	require.Contains(t, out, "no_public_url")
	code, _, stderr := f.run("campaign", "start", "1")
	require.Equal(t, exitRefused, code)
	require.Contains(t, stderr, "--without-links")
	require.Contains(t, f.ok("campaign", "start", "1", "--without-links"), "running")

	// What reaches nobody needs no way out.
	f.ok("channel", "create", "try", "--provider", "sandbox")
	f.ok("campaign", "create", "--name", "Spring", "--channel", "try", "--all", "--subject", "x", "--text", "Bye: {{ unsubscribe_url }}", "--start")
}

func TestWatchingADraftSaysHowToStartIt(t *testing.T) {
	f := newFixture(t)
	f.newsletter()
	code, _, stderr := f.run("campaign", "watch", "Spring")
	require.Equal(t, exitRefused, code)
	require.Contains(t, stderr, "`carillon campaign start 1 --watch` starts it")
	require.Contains(t, f.ok("campaign", "ls"), "news", "the channel by its name")
	require.Regexp(t, `Audience +everybody; not group Staff`, f.ok("campaign", "show", "1"))

	code, _, stderr = f.run("labels", "ls")
	require.Zero(t, code)
	require.Contains(t, stderr, "There is none. `carillon labels create` makes one")
	// A test of a channel waits for the verdict.
	code, _, stderr = f.run("channel", "test", "news", "--to", "me@example.org")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "it is not sent yet")
}
