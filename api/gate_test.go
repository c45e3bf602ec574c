package api_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/internal/fault"
)

// unread is a body that must not be touched.
type unread struct{ reads int }

func (u *unread) Read([]byte) (int, error) { u.reads++; return 0, io.EOF }

// Every operation refuses a request without a key and one whose role does not
// allow it before anything of its body is read or checked.
func TestNothingIsReadBeforeRouteKeyAndRole(t *testing.T) {
	s := newServer(t)
	ask := func(method, path, key string) (int, int) {
		body := &unread{}
		r := httptest.NewRequest(method, path, body)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", "k")
		if key != "" {
			r.Header.Set("Authorization", "Bearer "+key)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Code, body.reads
	}
	checked := 0
	var open []string
	for path, item := range s.OpenAPI().Paths {
		if !strings.HasPrefix(path, "/v1/") {
			continue // it needs no key
		}
		path = strings.NewReplacer("{id}", "1", "{key}", "k", "{name}", "n", "{language}", "en", "{version}", "1", "{session_id}", "1",
			"{delivery_id}", "1", "{entry_id}", "1", "{kind}", "phone", "{selector}", "bell").Replace(path)
		require.NotContains(t, path, "{")
		for method, op := range operationsOf(item) {
			if op.Security != nil && len(op.Security) == 0 {
				open = append(open, op.OperationID)
				continue
			}
			s.clock.Advance(time.Second) // wrong keys are slowed down
			for _, key := range []string{"", "a-wrong-key-0123456789"} {
				code, reads := ask(method, path, key)
				require.Equal(t, 401, code, "%s %s", method, path)
				require.Zero(t, reads, "%s %s", method, path)
			}
			_, may, found := strings.Cut(op.Description, "Roles: ")
			require.True(t, found || strings.Contains(op.Description, "For people who are signed in."), "%s %s", method, path)
			for _, role := range access.Roles() {
				if strings.Contains(may, string(role)) {
					continue
				}
				code, reads := ask(method, path+"?wrong=1", string(role)+"-key-0123456789")
				require.Equal(t, 403, code, "%s %s as %s", method, path, role)
				require.Zero(t, reads, "%s %s as %s", method, path, role)
				checked++
			}
		}
	}
	require.Greater(t, checked, 100)
	require.ElementsMatch(t, []string{"sign-in", "show-invitation", "accept-invitation", "forgot-password", "reset-password",
		"begin-passkey-sign-in", "sign-in-by-passkey", "list-sign-in-ways"}, open)
	for path, want := range map[string]int{
		"/v1/nothing": 404, "/nothing": 404, "/hooks/9": 404, "/hooks/x": 404, "/u/wrong": 404, "/healthz": 405, "/docs": 405, "/": 405,
	} {
		code, reads := ask("POST", path, adminKey)
		require.Zero(t, reads, path)
		require.Equal(t, want, code, path)
	}
}

// No proxy and no browser keeps what /v1 answers, be it an error.
func TestNothingOfTheAPIIsCached(t *testing.T) {
	s := newServer(t)
	for path, header := range map[string][]string{
		"/v1/contacts": nil, "/v1/nothing": nil, "/v1/contacts/9": nil, "/v1/channels": {"Authorization", "Bearer wrong"}, "/v1/suppressions/export": nil,
	} {
		require.Equal(t, "no-store", s.do("GET", path, "", header...).Header().Get("Cache-Control"), path)
	}
}

// tooSlow is what a body says that came too slowly.
type tooSlow struct{}

func (tooSlow) Read([]byte) (int, error) { return 0, fault.New(fault.TooSlow, "too slow") }

// An upload that breaks off because it came too slowly says so, wherever it was.
func TestAnUploadThatComesTooSlowlySaysSo(t *testing.T) {
	s := newServer(t)
	const part = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.csv\"\r\n\r\n"
	for name, c := range map[string]struct{ path, kind, begun string }{
		"before the file":  {"/v1/contacts/import", "multipart/form-data; boundary=b", "--b\r\nContent-Dis"},
		"in the mapping":   {"/v1/contacts/import", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"mapping\"\r\n\r\n{\"a"},
		"in the head":      {"/v1/contacts/import", "multipart/form-data; boundary=b", part + "ema"},
		"in the file":      {"/v1/contacts/import", "multipart/form-data; boundary=b", part + "email\na@example.org\n" + strings.Repeat("b@example.org\n", 10_000)},
		"in a suppression": {"/v1/suppressions/import", "text/csv", "email\na@example.org\n"},
	} {
		r := httptest.NewRequest(http.MethodPost, c.path, io.MultiReader(strings.NewReader(c.begun), tooSlow{}))
		r.Header.Set("Authorization", "Bearer "+adminKey)
		r.Header.Set("Content-Type", c.kind)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		require.Equal(t, 408, w.Code, "%s: %s", name, w.Body)
	}
	require.Empty(t, s.ok("GET", "/v1/uploads", "")["items"], "nothing is kept of them")
}
