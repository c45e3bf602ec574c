package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

const page = "<title>Carillon</title>"

// dist is what a build leaves, as small as it can be.
func dist() fstest.MapFS {
	return fstest.MapFS{
		"index.html":            {Data: []byte(page)},
		"assets/index-a1.js":    {Data: []byte("plain")},
		"assets/index-a1.js.gz": {Data: []byte("packed")},
		"assets/scheme.js":      {Data: []byte("scheme")},
		"assets/alone-b2.svg":   {Data: []byte("<svg/>")},
		".vite/manifest.json":   {Data: []byte("{}")},
	}
}

// ask asks for a file, and reports whether there is one.
func ask(t *testing.T, path string, header ...string) (response *http.Response, body string, found bool) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	console(dist()).ServeHTTP(w, r)
	return w.Result(), w.Body.String(), w.Code == http.StatusOK && w.Body.String() != page
}

func TestAssets(t *testing.T) {
	response, body, found := ask(t, "/assets/index-a1.js")
	require.True(t, found)
	require.Equal(t, "plain", body)
	require.Contains(t, response.Header.Get("Content-Type"), "javascript")
	require.Equal(t, "public, max-age=31536000, immutable", response.Header.Get("Cache-Control"))
	require.Equal(t, "nosniff", response.Header.Get("X-Content-Type-Options"))

	response, body, found = ask(t, "/assets/index-a1.js", "Accept-Encoding", "br, gzip")
	require.True(t, found)
	require.Equal(t, "packed", body)
	require.Equal(t, "gzip", response.Header.Get("Content-Encoding"))
	require.Contains(t, response.Header.Get("Content-Type"), "javascript", "it is what it is, packed")
	require.Equal(t, "Accept-Encoding", response.Header.Get("Vary"))

	response, _, found = ask(t, "/assets/scheme.js", "Accept-Encoding", "gzip")
	require.True(t, found)
	require.Empty(t, response.Header.Get("Content-Encoding"), "nothing is packed that was not")
	require.Equal(t, "no-cache", response.Header.Get("Cache-Control"), "its name stays when it changes")

	for _, path := range []string{
		"/assets/none.js", "/assets/", "/assets", "/assets/index-a1.js.gz", "/assets/../index.html", "/assets/../.vite/manifest.json", "/index.html",
		"/assets/..%2findex.html",
	} {
		_, body, found := ask(t, path)
		require.False(t, found, path)
		require.NotContains(t, []string{"plain", "packed", "{}"}, body, path)
	}
}

func TestPage(t *testing.T) {
	w := httptest.NewRecorder()
	console(dist()).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/campaigns/1", nil))
	require.Equal(t, page, w.Body.String())
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	policy := w.Header().Get("Content-Security-Policy")
	require.Contains(t, policy, "default-src 'none'")
	require.Contains(t, policy, "script-src 'self';")
	require.Contains(t, policy, "frame-ancestors 'none'")
}

func TestAProgramWithoutItsConsoleSaysHowToGetIt(t *testing.T) {
	w := httptest.NewRecorder()
	console(fstest.MapFS{".gitkeep": {}}).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	require.Contains(t, w.Body.String(), "make build")
	require.Contains(t, w.Body.String(), "<title>Carillon</title>")
}

func TestTheBuiltFilesAreThere(t *testing.T) {
	w := httptest.NewRecorder()
	New().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	require.Contains(t, w.Body.String(), "Carillon")
}
