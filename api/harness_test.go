package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/api"
	"carillon/campaigns"
	"carillon/contacts"
	"carillon/internal/clock"
	"carillon/internal/secret"
	"carillon/internal/testenv"
	"carillon/providers"
	"carillon/providers/builtin"
	"carillon/services"
	"carillon/store"
	"carillon/store/storetest"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMain(m *testing.M) {
	testenv.Main(m)
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	masterKey = "a master key for tests alone"
	adminKey  = "admin-key-0123456789"
)

// server is the API over a real store, with one account and a key of each role.
type server struct {
	*api.Server
	t        *testing.T
	store    *store.Store
	writer   *store.Writer
	kinds    *providers.Registry
	clock    *clock.Fake
	account  int64
	dsn      string
	importer *contacts.Importer
	log      *bytes.Buffer
	meter    sync.Mutex
	metered  []string
	names    *testenv.Names // of the senders' domains
	woken    int
}

// Request counts requests for the test.
func (s *server) Request(route string, status int, _ time.Duration) {
	s.meter.Lock()
	defer s.meter.Unlock()
	s.metered = append(s.metered, fmt.Sprintf("%s %d", route, status))
}

// over is the services over another store, such as one that fails.
func (s *server) over(other services.Store) *services.Services {
	return services.New(services.Deps{
		Store: other, Receipts: s.writer, Providers: s.kinds, MasterKeys: secret.NewRing(secret.New(masterKey)), PublicURL: "https://n.example.org",
		Import: contacts.ImportConfig{MaxBytes: 1 << 20}, Clock: s.clock, Dialer: providers.Dialer{AllowPrivate: true}, Resolver: s.names.Resolver(),
	})
}

// newServer makes a server; the options change what it is made of.
func newServer(t *testing.T, options ...func(*server, *api.Deps)) *server {
	return newServerOn(t, storetest.NewestSQLite(t), options...)
}

// newServerOn is newServer over a store in the newest schema.
func newServerOn(t *testing.T, dsn string, options ...func(*server, *api.Deps)) *server {
	ctx := t.Context()
	box, err := secret.NewBox(secret.New(masterKey))
	require.NoError(t, err)
	s := &server{t: t, dsn: dsn, clock: clock.NewFake(noon), log: &bytes.Buffer{}, names: testenv.StartNames(t)}
	s.store, err = store.Open(ctx, store.Options{DSN: dsn, Box: box, Clock: s.clock})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.store.Close()) })
	account, _, err := s.store.EnsureAccount(ctx, "tests")
	require.NoError(t, err)
	s.account = account.ID
	for _, role := range access.Roles() {
		_, err = s.store.AddKey(ctx, access.Key{AccountID: s.account, Name: string(role), Role: role}, secret.New(string(role)+"-key-0123456789"))
		require.NoError(t, err)
	}
	s.kinds, err = builtin.Registry()
	require.NoError(t, err)
	s.writer = s.store.StartWriter(0)
	t.Cleanup(s.writer.Stop)
	svc := s.over(s.store)
	s.importer = svc.Importer
	d := api.Deps{
		Console: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "the console at "+r.URL.Path) }),
		Options: api.Options{Version: "test", MaxBodyBytes: 64 << 10, Dialer: providers.Dialer{AllowPrivate: true}},
		Answers: s.store, Providers: s.kinds, Clock: s.clock, Meter: s, Wake: func() { s.woken++ },
		Logger:   slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Services: svc,
		Ready:    func(context.Context) map[string]error { return map[string]error{"store": nil} },
	}
	for _, option := range options {
		option(s, &d)
	}
	if d.Live == nil {
		d.Live = campaigns.NewLive(s.store, s.clock, d.Logger)
	}
	t.Cleanup(d.Live.Stop)
	s.Server = api.New(d)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// do makes a request with the admin's key unless the header says otherwise.
// body is JSON text; header holds names and values in turn.
func (s *server) do(method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+adminKey)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func as(role access.Role) []string {
	return []string{"Authorization", "Bearer " + string(role) + "-key-0123456789"}
}

// ok makes a request that must succeed and reads its answer.
func (s *server) ok(method, path, body string, header ...string) map[string]any {
	s.t.Helper()
	w := s.do(method, path, body, header...)
	require.Less(s.t, w.Code, 300, "%s %s: %s", method, path, w.Body)
	var out map[string]any
	if w.Body.Len() > 0 {
		require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), &out))
	}
	return out
}

// channel makes a sandbox channel for e-mail and returns its id.
func (s *server) channel() int64 {
	s.t.Helper()
	out := s.ok("POST", "/v1/channels", `{"name":"news","provider":"sandbox","limits":{"per_second":200},"timezone":"Europe/Berlin"}`)
	return int64(out["id"].(float64))
}

func (s *server) contact(name, email string) int64 {
	s.t.Helper()
	out := s.ok("POST", "/v1/contacts", fmt.Sprintf(`{"first_name":%q,"addresses":{"email":%q}}`, name, email))
	return int64(out["id"].(float64))
}

func (s *server) campaign(channel int64, extra string) int64 {
	s.t.Helper()
	out := s.ok("POST", "/v1/campaigns", fmt.Sprintf(`{"name":"Spring","channel_id":%d,"audience":{"all":true},
		"content":{"subject":"Hello {{ contact.first_name }}","text":"Hi {{ contact.first_name | default: \"you\" }}"}%s}`, channel, extra))
	return int64(out["id"].(float64))
}

// unstable are parts of answers that differ from run to run.
var unstable = regexp.MustCompile(`"request_id": "[0-9a-f]{16}"|car_[A-Za-z0-9_-]+|/u/[A-Za-z0-9_-]+`)

// golden compares a transcript with its file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	got = unstable.ReplaceAllString(got, "…")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "go test ./api -update writes it")
	require.Equal(t, string(want), got)
}

// transcript writes requests and their answers down.
func (s *server) transcript(requests ...[]string) string {
	var b strings.Builder
	for _, r := range requests {
		body := ""
		if len(r) > 2 {
			body = r[2]
		}
		w := s.do(r[0], r[1], body)
		fmt.Fprintf(&b, "%s %s %s\n%d %s\n", r[0], r[1], body, w.Code, w.Header().Get("Content-Type"))
		var pretty bytes.Buffer
		if json.Indent(&pretty, bytes.TrimSpace(w.Body.Bytes()), "", "  ") == nil {
			b.Write(pretty.Bytes())
		} else {
			b.Write(w.Body.Bytes())
		}
		b.WriteString("\n\n")
	}
	return b.String()
}

// decoded reads an answer that is an object.
func decoded(t *testing.T, w *httptest.ResponseRecorder) (out map[string]any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &out), w.Body)
	return out
}
