package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/api"
	"carillon/api/gate"
)

// publicRoutes are what recipients and providers need. A route is added here only if its path
// holds a secret, or it proves otherwise that whoever asks may.
func publicRoutes() []string {
	return []string{
		"GET /healthz", "GET /u/{token}", "POST /u/{token}", "GET /p/{token}", "POST /p/{token}", "GET /c/{token}", "GET /o/{file}", "GET /v/{token}",
		"GET /files/{token}/{name}", "GET /hooks/{channel_id}", "POST /hooks/{channel_id}",
	}
}

var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

// Of every route that is registered, what recipients and providers need is answered on the
// public listener as on the other, and nothing else is there, whoever asks.
func TestOnlyWhatThePublicNeedsIsPublic(t *testing.T) {
	s := newServer(t, func(_ *server, d *api.Deps) { d.Metrics = http.NotFoundHandler() })
	public := s.Public()
	ask := func(to http.Handler, method, path string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader("{}"))
		r.Header.Set("Authorization", "Bearer "+adminKey)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		to.ServeHTTP(w, r)
		return w
	}
	var found []string
	hidden := 0
	for pattern, is := range s.Routes() {
		method, path, named := strings.Cut(pattern, " ")
		if !named {
			method, path = http.MethodGet, pattern
		}
		path = placeholder.ReplaceAllString(strings.ReplaceAll(path, "{$}", ""), "7")
		got := ask(public, method, path)
		if !is {
			hidden++
			require.Equal(t, http.StatusNotFound, got.Code, pattern)
			require.Contains(t, got.Body.String(), "there is nothing under "+path, pattern)
			continue
		}
		found = append(found, pattern)
		want := ask(s, method, path)
		require.Equal(t, want.Code, got.Code, pattern)
		require.Equal(t, want.Body.String(), got.Body.String(), pattern)
	}
	require.ElementsMatch(t, publicRoutes(), found)
	require.Greater(t, hidden, 200)
	for _, path := range []string{
		"/", "/docs", "/openapi.json", "/metrics", "/readyz", "/v1", "/v1/contacts", "/v1/nothing", "//v1/contacts", "/u/../v1/contacts", "/u/%2e%2e/v1/contacts",
		"/u/7/../../v1/contacts", "/V1/contacts", "/api/v17/user/1", "/instance1/messages", "/xms/api/v1/config/channels", "/api/v1/accounts/1/contacts",
		"/chat44mp/api/get_contact", "/u", "/hooks", "/files",
	} {
		got := ask(public, http.MethodGet, path)
		require.Equal(t, http.StatusNotFound, got.Code, path)
		require.NotContains(t, got.Body.String(), "/docs lists", "it says nothing of what there is elsewhere")
	}
	require.Equal(t, http.StatusOK, ask(public, http.MethodHead, "/healthz").Code)
	require.Equal(t, http.StatusNotFound, ask(public, http.MethodDelete, "/healthz").Code)
	require.Equal(t, http.StatusNotFound, ask(public, http.MethodPost, "/v1/contacts").Code)
}

// A change is written down with the client's address, not the proxy's, and so is a request in
// the log; what a client says itself is not believed.
func TestTheAuditTrailKnowsTheClientBehindAProxy(t *testing.T) {
	s := newServer(t, func(_ *server, d *api.Deps) {
		d.Proxies = gate.NewProxies([]netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}, gate.XForwardedFor, d.Logger) // httptest's
	})
	for i, said := range []string{"198.51.100.7", "6.6.6.6, 198.51.100.7", ""} {
		s.ok("POST", "/v1/groups", fmt.Sprintf(`{"name":"g%d"}`, i), "X-Forwarded-For", said)
	}
	var sources []any
	for _, entry := range s.ok("GET", "/v1/audit", "", "X-Forwarded-For", "203.0.113.5")["items"].([]any) {
		sources = append(sources, entry.(map[string]any)["source"])
	}
	require.Equal(t, []any{"192.0.2.1", "198.51.100.7", "198.51.100.7"}, sources)
	require.Contains(t, s.log.String(), "source=203.0.113.5")
	require.NotContains(t, s.log.String(), "6.6.6.6")
}

// Wrong keys slow the client down from which they come, not all behind the same proxy.
func TestWrongKeysAreTheClientsBehindAProxy(t *testing.T) {
	s := newServer(t, func(_ *server, d *api.Deps) {
		d.Proxies = gate.NewProxies([]netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}, gate.XForwardedFor, d.Logger)
	})
	wrong := func(from string) int {
		return s.do("GET", "/v1/contacts", "", "Authorization", "Bearer a-wrong-key-0123456789", "X-Forwarded-For", from).Code
	}
	for i := range 20 {
		require.Equal(t, http.StatusUnauthorized, wrong(fmt.Sprintf("203.0.113.%d, 198.51.100.7", i)))
	}
	require.Equal(t, http.StatusTooManyRequests, wrong("203.0.113.99, 198.51.100.7"))
	require.Equal(t, http.StatusUnauthorized, wrong("198.51.100.8"))
}

// Until when the certificate holds is said with readiness.
func TestReadinessNamesTheEndOfTheCertificate(t *testing.T) {
	s := newServer(t, func(_ *server, d *api.Deps) { d.CertificateEnds = func() time.Time { return noon } })
	require.Equal(t, "2026-03-01T12:00:00Z", s.ok("GET", "/readyz", "")["certificate_ends"])
	require.NotContains(t, newServer(t).ok("GET", "/readyz", ""), "certificate_ends")
}
