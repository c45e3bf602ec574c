package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/access"
	"carillon/api"
	"carillon/app"
	"carillon/campaigns"
	"carillon/configs"
	"carillon/internal/clock"
	"carillon/internal/secret"
	"carillon/providers/builtin"
	"carillon/services"
	"carillon/store"
	"carillon/store/storetest"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMain(m *testing.M) {
	if os.Getenv(hangingChild) != "" {
		os.Exit(hang())
	}
	goleak.VerifyTestMain(m)
}

const testKey = "admin-key-0123456789"

// instant is a clock that does not wait, so that polling costs no time.
type instant struct{ clock.System }

// Sleep returns at once unless ctx has ended.
func (instant) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// fixture is a real API server with a store, whose background work is done
// whenever a request comes in.
type fixture struct {
	t     *testing.T
	url   string
	store *store.Store
	dir   string
	stdin string
	tty   bool
	// idle lets no run be planned.
	idle bool
	// looked is called with each request, which it counts; it may be nil.
	looked func(n int)
	looks  atomic.Int64
	env    []string
	ran    []app.Roles
	config configs.Config
}

func newFixture(t *testing.T) *fixture {
	ctx := t.Context()
	box, err := secret.NewBox(secret.New("a master key for tests alone"))
	require.NoError(t, err)
	f := &fixture{t: t, dir: t.TempDir()}
	f.store, err = store.Open(ctx, store.Options{DSN: storetest.NewestSQLite(t), Box: box})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.store.Close()) })
	account, _, err := f.store.EnsureAccount(ctx, "tests")
	require.NoError(t, err)
	_, err = f.store.AddKey(ctx, access.Key{AccountID: account.ID, Name: "admin", Role: access.Admin}, secret.New(testKey))
	require.NoError(t, err)
	kinds, err := builtin.Registry()
	require.NoError(t, err)
	writer := f.store.StartWriter(0)
	t.Cleanup(writer.Stop)
	svc := services.New(services.Deps{Store: f.store, Receipts: writer, Providers: kinds})
	live := campaigns.NewLive(f.store, clock.System{}, slog.New(slog.DiscardHandler))
	t.Cleanup(live.Stop)
	server := api.New(api.Deps{
		Options: api.Options{Version: "test"}, Services: svc, Answers: f.store,
		Providers: kinds, Live: live,
	})
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.looked != nil {
			f.looked(int(f.looks.Add(1)))
		}
		_, err := svc.Importer.RunNext(r.Context())
		if err == nil {
			err = f.work(r.Context())
		}
		if err != nil {
			t.Error(err)
		}
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(listener.Close)
	f.url = listener.URL
	f.env = []string{"CARILLON_SERVER=" + f.url, "CARILLON_KEY=" + testKey}
	return f
}

// work is a scheduler that plans; what is planned stays pending.
func (f *fixture) work(ctx context.Context) error {
	runs, err := f.store.RunsToPlan(ctx)
	if err != nil {
		return err
	}
	for _, id := range runs {
		if f.idle {
			break
		}
		if _, err := f.store.PlanBatch(ctx, id, 1000); err != nil {
			return err
		}
	}
	if _, err := f.store.RunJobBatch(ctx); err != nil {
		return err
	}
	_, _, err = f.store.FinishRuns(ctx)
	return err
}

// run runs the program and returns its exit code and what it wrote.
func (f *fixture) run(args ...string) (code int, out, err string) {
	var stdout, stderr bytes.Buffer
	c := &cli{
		in: strings.NewReader(f.stdin), out: &stdout, err: &stderr, environ: f.env, clock: instant{}, terminal: f.tty,
		run: func(_ context.Context, c configs.Config, roles app.Roles) error {
			f.ran, f.config = append(f.ran, roles), c
			return nil
		},
		migrate: func(context.Context, configs.Config) ([]string, error) { return []string{"00001_engine.sql"}, nil },
	}
	code = c.execute(f.t.Context(), args)
	return code, stdout.String(), stderr.String()
}

// ok runs the program, which must succeed.
func (f *fixture) ok(args ...string) string {
	f.t.Helper()
	code, out, err := f.run(args...)
	require.Zero(f.t, code, "%v\n%s\n%s", args, out, err)
	return out
}

func (f *fixture) file(name, content string) string {
	path := filepath.Join(f.dir, name)
	require.NoError(f.t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "go test ./cli -update writes it")
	require.Equal(t, string(want), got)
}

// TestHelp keeps the help of every command in one file to read.
func TestHelp(t *testing.T) {
	f := &fixture{t: t}
	var b strings.Builder
	var walk func(cmd *cobra.Command, path []string)
	walk = func(cmd *cobra.Command, path []string) {
		out := f.ok(append(path, "--help")...)
		fmt.Fprintf(&b, "$ carillon %s\n%s\n", strings.Join(append(path, "--help"), " "), out)
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() && sub.Name() != "completion" {
				walk(sub, append(path[:len(path):len(path)], sub.Name()))
			}
		}
	}
	walk((&cli{}).root(), nil)
	golden(t, "help.txt", b.String())
	require.NotEmpty(t, f.ok("completion", "bash"))
}

func TestContactsAreExported(t *testing.T) {
	f := newFixture(t)
	dir := t.TempDir()
	people, all := filepath.Join(dir, "people.csv"), filepath.Join(dir, "all.csv")
	require.NoError(t, os.WriteFile(people, []byte("id,email,first name,groups\n1,a@example.com,=Ann,Readers\n2,b@example.com,Bob,\n"), 0o600))
	f.ok("import", people)
	f.ok("contacts", "export", "--file", all)
	written, err := os.ReadFile(all)
	require.NoError(t, err)
	require.Contains(t, string(written), "external_id,email,name,first_name")
	require.Contains(t, string(written), "1,a@example.com,,'=Ann,,,,active,Readers,,,")
	require.Contains(t, f.ok("import", all, "--dry-run"), "Would be updated")
	some := f.ok("contacts", "export", "--exclude-group", "Readers")
	require.Contains(t, some, "b@example.com")
	require.NotContains(t, some, "a@example.com")
	require.Contains(t, f.ok("contacts", "export", "--group", "Readers"), "a@example.com")
	code, _, said := f.run("contacts", "export", "--group", "Nobody")
	require.Equal(t, exitRefused, code)
	require.Contains(t, said, "there is no group")
}

func TestNewsletterByHand(t *testing.T) {
	f := newFixture(t)
	f.ok("channel", "create", "news", "--provider", "sandbox", "--rate", "200", "--set", "latency_ms=5", "--set", "address=email")
	require.Contains(t, f.ok("channel", "ls"), "news")
	require.Contains(t, f.ok("channel", "show", "news"), "latency_ms")
	set := f.ok("channel", "set", "news", "--rate", "150.5", "--recipients-per-day", "9000", "--set", "latency_ms=7", "--unset", "address", "--in-doubt", "resend")
	require.Contains(t, set, `{"per_second":150.5,"concurrency":"auto","recipients_per_day":9000}`)
	require.Regexp(t, `latency_ms\s+7`, set)
	require.Contains(t, f.ok("channel", "set", "news", "--recipients-per-day", "0", "--rate", "200"), `{"per_second":200,"concurrency":"auto"}`,
		"what is not named stays, 0 takes away")
	require.Contains(t, f.ok("channel", "set", "news", "--concurrency", "12"), `{"per_second":200,"concurrency":12}`)
	require.Contains(t, f.ok("channel", "set", "news", "--concurrency", "auto", "--max-concurrency", "50"),
		`{"per_second":200,"concurrency":"auto","max_concurrency":50}`)
	require.Contains(t, f.ok("channel", "set", "news", "--max-concurrency", "0"), `{"per_second":200,"concurrency":"auto"}`)
	pooled := f.ok("channel", "set", "news", "--recipients-per-day", "2000", "--recipients-pool", "shop", "--per-recipient", "6", "--per-recipient-burst", "45")
	require.Contains(t, pooled, `"per_recipient_seconds":6,"per_recipient_burst":45,"recipients_per_day":2000,"recipients_pool":"shop"`)
	f.ok("channel", "set", "news", "--recipients-per-day", "0", "--recipients-pool", "", "--per-recipient", "0", "--per-recipient-burst", "0")
	code, _, said := f.run("channel", "set", "news", "--recipients-pool", "shop")
	require.Equal(t, exitRefused, code)
	require.Contains(t, said, "limits.recipients_pool: says whose recipients of a day are counted together: set recipients_per_day, too")
	code, _, said = f.run("channel", "set", "news", "--concurrency", "fast")
	require.Equal(t, exitUsage, code)
	require.Contains(t, said, "must be auto, or a number from 1 to 1000")
	require.Contains(t, f.ok("channel", "providers"), "smtp")
	people := f.file("people.csv", "email,first name,coupon\nada@example.org,Ada,A1\nnonsense,Bob,B2\ncy@example.org,Cy,C3\n")
	refused := filepath.Join(f.dir, "refused.csv")
	code, out, errs := f.run("import", people, "--group", "Customers", "--errors", refused, "--progress")
	require.Zero(t, code, errs)
	require.Regexp(t, `Created\s+2`, out)
	require.Regexp(t, `Refused\s+1`, out)
	require.Contains(t, errs, "Importing [##############################] 100%")
	content, err := os.ReadFile(refused)
	require.NoError(t, err)
	require.Contains(t, string(content), "nonsense")
	require.Contains(t, f.ok("contacts", "ls", "--search", "ada"), "ada@example.org")
	require.Contains(t, f.ok("contacts", "show", "1"), "Ada")
	require.Contains(t, f.ok("uploads", "ls"), "people.csv")

	text := f.file("text.txt", "Hello {{ contact.first_name }}, your code is {{ row.coupon }}.\n")
	out = f.ok("campaign", "create", "--name", "Spring", "--channel", "news", "--upload", "1", "--exclude-group", "Customers",
		"--subject", "Hello", "--text-file", text)
	require.Regexp(t, `Status\s+draft`, out)
	require.Regexp(t, `Skipped\s+excluded 2`, f.ok("campaign", "preview", "1"))
	f.ok("campaign", "create", "--name", "Spring", "--channel", "1", "--upload", "1", "--subject", "Hello", "--text-file", text)
	out = f.ok("campaign", "preview", "2")
	require.Regexp(t, `Will be sent to\s+2`, out)
	require.Contains(t, out, "your code is A1.")
	require.Contains(t, f.ok("campaign", "test", "2", "--to", "me@example.org"), "me@example.org")
	require.Regexp(t, `Status\s+running`, f.ok("campaign", "start", "2"))
	require.Regexp(t, `Counts\s+pending 2`, f.ok("campaign", "show", "2"))
	require.Regexp(t, `Status\s+paused`, f.ok("campaign", "pause", "2"))
	require.Regexp(t, `Status\s+running`, f.ok("campaign", "resume", "2"))
	require.Contains(t, f.ok("campaign", "ls", "--status", "running"), "Spring")
	require.Contains(t, f.ok("explain", "2", "ada@example.org"), "Campaign 2 (Spring): not yet: it waits")
	require.Contains(t, f.ok("explain", "2", "ada@example.org", "--steps"), "pending")
	require.Contains(t, f.ok("explain", "ADA@example.org"), "Contact 1 is active.\nCampaign 2 (Spring): not yet: it waits")
	code, _, errs = f.run("explain", "7")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "a contact is --contact 7")
	require.Contains(t, f.ok("verify"), "balances")
	require.Contains(t, f.ok("queue", "ls", "--channel", "news"), "PENDING")
	require.Contains(t, f.ok("messages", "ls", "--campaign", "2"), "ada@example.org")

	// Clearing asks first, and refuses where nobody can answer.
	code, _, errs = f.run("queue", "clear", "--campaign", "2")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "2 messages wait")
	require.Contains(t, errs, "--yes")
	f.tty, f.stdin = true, "n\n"
	code, _, errs = f.run("queue", "clear", "--campaign", "2")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "nothing was changed")
	// Everything is asked twice.
	f.stdin = "y\nn\n"
	code, _, errs = f.run("queue", "clear")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "everything, on every channel")
	f.stdin = "y\n"
	require.Regexp(t, `Cleared\s+2`, f.ok("queue", "clear", "--campaign", "2"))
	f.stdin = "y\ny\n"
	require.Regexp(t, `Cleared\s+1`, func() string { _, out, said := f.run("queue", "clear"); return out + said }())
	f.tty, f.stdin = false, ""
	code, out, errs = f.run("campaign", "watch", "2")
	require.Zero(t, code, errs)
	require.Regexp(t, `Status\s+finished`, out)
	require.Contains(t, out, "canceled 2")
	require.Contains(t, f.ok("campaign", "duplicate", "2", "--name", "Again"), "Again")
	require.Regexp(t, `Status\s+scheduled`, f.ok("campaign", "schedule", "3", "--at", "2099-01-01T09:00", "--timezone", "Europe/Berlin"))
	require.Regexp(t, `Status\s+canceled`, f.ok("campaign", "cancel", "3"))
	f.ok("campaign", "rm", "1")
}

func TestMessagesKeysContacts(t *testing.T) {
	f := newFixture(t)
	f.ok("channel", "create", "news", "--provider", "sandbox")
	out := f.ok("messages", "send", "--channel", "news", "--to", "ada@example.org", "--subject", "Code", "--text", "It is {{ row.code }}.", "--data", "code=123")
	require.Contains(t, out, "carillon messages show 1")
	require.Contains(t, f.ok("messages", "show", "1"), "pending")
	require.Contains(t, f.ok("messages", "cancel", "1"), "canceled")
	require.Contains(t, f.ok("queue", "pause", "news"), "paused")
	require.Contains(t, f.ok("queue", "resume", "news"), "active")
	require.Contains(t, f.ok("channel", "test", "news", "--to", "me@example.org", "--no-wait"), "me@example.org")
	require.Contains(t, f.ok("keys", "create", "shop", "--role", "sender"), "car_")
	require.Contains(t, f.ok("keys", "ls"), "shop")
	f.ok("keys", "revoke", "2")
	var shown struct {
		Items []map[string]any `json:"items"`
	}
	require.NoError(t, json.Unmarshal([]byte(f.ok("keys", "ls", "--output", "json")), &shown))
	require.Len(t, shown.Items, 2)
	require.Contains(t, shown.Items[1], "revoked_at")

	f.stdin = "email\nada@example.org\n"
	f.ok("import", "-")
	require.Contains(t, f.ok("contacts", "opt-out", "1", "--source", "phone_call"), "ada@example.org: unsubscribed")
	require.Contains(t, f.ok("suppressions", "ls"), "ada@example.org")
	require.Contains(t, f.ok("contacts", "opt-in", "1"), "Changed")
	require.NotContains(t, f.ok("suppressions", "ls"), "ada@example.org")
	require.Contains(t, f.ok("contacts", "consents", "1"), "phone_call")
	f.ok("suppressions", "add", "email", "eve@example.org", "--reason", "bounced")
	code, _, errText := f.run("suppressions", "rm", "email", "eve@example.org")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errText, "force=true")
	f.ok("suppressions", "rm", "email", "eve@example.org", "--force")
	require.Contains(t, f.ok("replies", "ls", "--review"), "MEANING")
	code, _, _ = f.run("replies", "review", "7", "opt_out")
	require.Equal(t, exitNotFound, code)
	require.Contains(t, f.ok("caps", "set", "--max", "2", "--days", "7"), "2")
	require.Contains(t, f.ok("caps", "ls"), "168h")
	f.ok("caps", "rm", "1")
	require.NotContains(t, f.ok("caps", "ls"), "168h")
	require.Contains(t, f.ok("contacts", "data", "1"), "phone_call")
	require.Contains(t, f.ok("contacts", "erase", "1", "--dry-run"), "Would erase")
	code, _, errText = f.run("contacts", "erase", "1")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errText, "--yes")
	require.Contains(t, f.ok("contacts", "erase", "1", "--yes"), "Erased")
	file := filepath.Join(f.dir, "suppressions.csv")
	require.NoError(t, os.WriteFile(file, []byte("email\nmallory@example.org\nnonsense\n"), 0o600))
	require.Contains(t, f.ok("suppressions", "import", file), "Refused")
	require.Contains(t, f.ok("suppressions", "export"), "email,mallory@example.org,unsubscribed,true,")
	f.ok("suppressions", "export", "--to", file)
	exported, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(exported), "mallory@example.org")
}

func TestExitCodes(t *testing.T) {
	f := newFixture(t)
	f.ok("channel", "create", "news", "--provider", "sandbox")
	bad := f.file("bad.csv", "colour\nred\n")
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"frobnicate"}, exitUsage, `unknown command "frobnicate"`},
		{[]string{"campaign", "frobnicate"}, exitUsage, "there is no such command"},
		{[]string{"campaign", "ls", "--nonsense"}, exitUsage, "unknown flag"},
		{[]string{"contacts", "add", "--email", "a@example.org"}, exitUsage, "carillon contacts add: there is no such command; there are "},
		{[]string{"channel", "set", "news", "--rate", "0"}, exitUsage, "write none for no limit"},
		{[]string{"channel", "set", "news", "--rate", "fast"}, exitUsage, "must be messages a second, such as 50, or none"},
		{[]string{"accounts", "set", "shop", "--max-per-day", "-3"}, exitUsage, "--max-per-day -3: write a number of at least 1, or 0 for none"},
		{[]string{"campaign", "show"}, exitUsage, "accepts 1 arg"},
		{[]string{"campaign", "show"}, exitUsage, "Usage: carillon campaign show ID [flags]\ncarillon campaign show --help shows more."},
		{[]string{"campaign", "frobnicate"}, exitUsage, "carillon campaign --help shows the commands."},
		{[]string{"campaign", "show", "x"}, exitNotFound, "there is no campaign \"x\""},
		{[]string{"messages", "show", "x"}, exitUsage, "is no id of a message"},
		{[]string{"uploads", "show", "x"}, exitNotFound, "there is no upload \"x\": there is none yet"},
		{[]string{"categories", "rm", "x"}, exitNotFound, "there is no category \"x\": there is none yet"},
		{[]string{"contacts", "ls", "--group", "x"}, exitRefused, "there is no group or category or label or upload of this name"},
		{[]string{"campaign", "ls", "--limit", "ten"}, exitUsage, "\"ten\" is no whole number"},
		{[]string{"campaign", "ls", "--output", "xml"}, exitUsage, "must be table or json"},
		{[]string{"campaign", "create"}, exitUsage, "--name and --channel"},
		{[]string{"campaign", "test", "1"}, exitUsage, "at least one of the flags"},
		{[]string{"keys", "create", "x"}, exitUsage, `required flag(s) "role" not set`},
		{[]string{"channel", "create", "x", "--provider", "sandbox", "--set", "latency_ms=fast"}, exitUsage, "must be a JSON integer"},
		{[]string{"--server", "localhost", "campaign", "ls"}, exitUsage, "must be an address"},
		{[]string{"campaign", "show", "9"}, exitNotFound, "there is no campaign 9"},
		{[]string{"channel", "set", "news"}, exitUsage, "nothing to change"},
		{[]string{"channel", "set", "news", "--unset", "color"}, exitRefused, "no such setting"},
		{[]string{"channel", "set", "news", "--timezone", "Mars"}, exitRefused, "Mars"},
		{[]string{"channel", "show", "nobody"}, exitNotFound, "there are news"},
		{[]string{"campaign", "create", "--name", "x", "--channel", "news", "--all", "--subject", "{{", "--text", "x"}, exitRefused, "content.subject: line 1"},
		{[]string{"channel", "create", "news", "--provider", "sandbox"}, exitRefused, "the name is taken"},
		{[]string{"import", bad}, exitRefused, "column"},
		{[]string{"import", "/nowhere.csv"}, exitRefused, "no such file"},
		{[]string{"keys", "revoke", "1"}, exitRefused, "last admin key"},
		{[]string{"--key", "wrong-key-0123456789", "campaign", "ls"}, exitNoKey, "unknown or revoked"},
		{[]string{"--server", "http://127.0.0.1:1", "campaign", "ls"}, exitUnreachable, "carillon serve"},
		{[]string{"worker"}, exitRefused, "CARILLON_STORE_DSN"},
		{[]string{"config", "--config", "/nowhere.yaml"}, exitRefused, "there is no configuration file"},
	} {
		code, out, errs := f.run(c.args...)
		require.Equal(t, c.code, code, "%v: %s", c.args, errs)
		require.Contains(t, errs, c.want, "%v", c.args)
		require.Empty(t, out, "%v", c.args)
	}
	f.stdin = "email\nada@example.org\n"
	f.ok("import", "-")
	f.ok("campaign", "create", "--name", "x", "--channel", "news", "--all", "--subject", "s", "--text", "t", "--start")
	f.ok("verify", "1")
}

// A verification that fails has its own exit code.
func TestVerifyUnbalanced(t *testing.T) {
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `{"balanced":false,"runs":[{"run_id":1,"status":"sending","planned":2,"rows":{"sent":1},"counters":{},"problems":["one is missing"]}]}`)
	}))
	defer listener.Close()
	f := &fixture{t: t, env: []string{"CARILLON_SERVER=" + listener.URL, "CARILLON_KEY=x"}}
	code, out, errs := f.run("verify", "1")
	require.Equal(t, exitUnbalanced, code)
	require.Contains(t, out, "DOES NOT BALANCE")
	require.Contains(t, out, "one is missing")
	require.Contains(t, errs, "does not balance")
}

func TestNotACarillonServer(t *testing.T) {
	listener := httptest.NewServer(http.NotFoundHandler())
	defer listener.Close()
	f := &fixture{t: t, env: []string{"CARILLON_SERVER=" + listener.URL, "CARILLON_KEY=x"}}
	code, _, errs := f.run("campaign", "ls")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "is that a Carillon server?")
}

func TestServerCommands(t *testing.T) {
	f := &fixture{t: t, dir: t.TempDir()}
	t.Chdir(f.dir)
	f.ok("serve", "--listen", "127.0.0.1:9", "--data-dir", "elsewhere", "--allow-private-addresses")
	require.Equal(t, []app.Roles{app.AllRoles}, f.ran)
	require.Equal(t, "127.0.0.1:9", f.config.Listen)
	require.Equal(t, "elsewhere", f.config.DataDir)
	require.True(t, f.config.AllowPrivateAddresses)
	f.env = []string{"CARILLON_STORE_DSN=postgres://u:hidden@h/db", "CARILLON_REDIS_URL=redis://h", "CARILLON_MASTER_KEY=0123456789abcdef", "CARILLON_LISTN=x"}
	for role, want := range map[string]app.Roles{"api": {API: true}, "scheduler": {Scheduler: true}, "worker": {Worker: true}} {
		f.ran = nil
		f.ok(role)
		require.Equal(t, []app.Roles{want}, f.ran)
	}
	require.Contains(t, f.ok("migrate"), "applied 00001_engine.sql")
	code, out, errs := f.run("config", "--log-level", "debug")
	require.Zero(t, code)
	require.Regexp(t, `log_level\s+debug\s+--log-level`, out)
	require.Regexp(t, `store_dsn\s+<redacted>\s+CARILLON_STORE_DSN`, out)
	require.NotContains(t, out, "hidden")
	require.Contains(t, errs, "CARILLON_LISTN")
	require.Contains(t, f.ok("config", "--example"), "#listen: 127.0.0.1:8080")
	require.Contains(t, f.ok("version", "-o", "json"), `"version"`)
}

func TestConfigurationErrorsStandOnLinesOfTheirOwn(t *testing.T) {
	f := &fixture{t: t, dir: t.TempDir()}
	t.Chdir(f.dir)
	f.file("carillon.yaml", "colour: red\nlisten: nowhere\n")
	f.env = []string{"CARILLON_LOG_LEVEL=loud", "CARILLON_MASTER_KEY=hidden"}
	for _, output := range []string{"table", "json"} {
		code, out, errs := f.run("config", "--output", output, "--api-burst", "0")
		require.Equal(t, exitRefused, code)
		require.Empty(t, out, "no half of a JSON document")
		require.Equal(t, `carillon: the configuration is not valid
  colour: there is no such setting; `+"`carillon config`"+` lists the settings (from carillon.yaml:1)
  api_burst: must be from 1 to 100000 (got "0" from --api-burst)
  log_level: must be one of debug, info, warn, error (got "loud" from CARILLON_LOG_LEVEL)
  listen: must be an address and a port such as 127.0.0.1:8080 (got "nowhere" from carillon.yaml:2)
  master_key: has fewer than 16 characters: make one with `+"`openssl rand -base64 32`"+` (from CARILLON_MASTER_KEY)
`, errs)
	}
	f.file("carillon.yaml", "")
	f.env = nil
	code, _, errs := f.run("worker")
	require.Equal(t, exitRefused, code)
	for _, setting := range []string{"store_dsn", "redis_url", "master_key"} {
		require.Contains(t, errs, "\n  "+setting+": ")
	}
}

func TestKeyFromDataFolder(t *testing.T) {
	f := newFixture(t)
	f.env = []string{"CARILLON_SERVER=" + f.url, "CARILLON_DATA_DIR=" + f.dir}
	code, _, errs := f.run("campaign", "ls")
	require.Equal(t, exitForbidden, code)
	require.Contains(t, errs, "CARILLON_KEY")
	require.NoError(t, configs.WriteKey(filepath.Join(f.dir, "admin.key"), secret.New(testKey)))
	f.ok("campaign", "ls")
}

// What others wrote can't steer the terminal.
func TestOutputIsClean(t *testing.T) {
	f := newFixture(t)
	f.stdin = "email,first name\nada@example.org,\"A\x1b[31mda\"\n"
	_, _, _ = f.run("import", "-")
	require.NotContains(t, f.ok("contacts", "ls"), "\x1b")
	require.Equal(t, "a b", clean("a\x1bb"))
	require.Equal(t, "-", clean(""))
}

// A channel's rate is one line: what it may now, of what it is set to, and why.
func TestPaceWords(t *testing.T) {
	most := 2.5
	ch := api.Channel{Pace: &api.QueuePace{Words: "No limit."}}
	require.Equal(t, "no limit: No limit.", paceWords(ch))
	ch.Pace, ch.Limits.PerSecond = &api.QueuePace{MostPerSecond: &most, Words: "The provider asked to slow down."}, 10
	require.Equal(t, "2.5 a second of 10: The provider asked to slow down.", paceWords(ch))
	ch.Limits.PerSecond = 2.5
	require.Equal(t, "2.5 a second: The provider asked to slow down.", paceWords(ch))
}

// A channel's health is one line: what, since when, until when, why.
func TestHealthWords(t *testing.T) {
	since, next := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), time.Date(2026, 3, 1, 12, 5, 0, 0, time.UTC)
	require.Equal(t, "ok", healthWords(api.ProviderHealth{State: "ok"}))
	require.Equal(t, "held since "+at(&since)+", tried again at "+at(&next)+": the quota is used up",
		healthWords(api.ProviderHealth{State: "held", Reason: "the quota is used up", Since: &since, NextTryAt: &next}))
}

// Where counting takes long, how it reads is shown first.
func TestAPreviewDoesNotWaitForItsNumbers(t *testing.T) {
	f := newFixture(t)
	f.ok("channel", "create", "news", "--provider", "sandbox")
	f.stdin = "email\nada@example.org\n"
	f.ok("import", "-")
	f.ok("campaign", "create", "--name", "x", "--channel", "news", "--all", "--subject", "s", "--text", "Dear Ada")
	quick := f.ok("campaign", "preview", "1")
	require.Less(t, strings.Index(quick, "Recipients"), strings.Index(quick, "Dear Ada"))
	var slow atomic.Bool
	slow.Store(true)
	f.looked = func(int) {
		if slow.Swap(false) {
			_ = clock.System{}.Sleep(t.Context(), countPatience+500*time.Millisecond)
		}
	}
	code, out, errs := f.run("campaign", "preview", "1")
	require.Zero(t, code, errs)
	require.Contains(t, errs, "Counting the recipients")
	require.Less(t, strings.Index(out, "Dear Ada"), strings.Index(out, "Recipients"))
	require.Equal(t, 1, strings.Count(out, "Dear Ada"))
	slow.Store(true)
	require.Contains(t, f.ok("campaign", "preview", "1", "--output", "json"), `"total": 1`)
}
