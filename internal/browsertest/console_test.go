package browsertest

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
)

// The console as marketers use it, from an empty installation on. With CARILLON_TEST_PICTURES, a
// folder, it takes the pictures of docs/console.md.
func TestTheConsoleInABrowser(t *testing.T) {
	s := serve(t)
	link := s.post("/v1/invitations", object{"role": "admin"})["link"]
	const viewer = "vera@example.org"
	invited := s.post("/v1/invitations", object{"email": viewer, "role": "viewer"})
	control := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { s.restart() }))
	defer control.Close()
	walk(t, "console.mjs", object{
		"base": s.base, "link": link, "viewer": viewer, "invitation": invited["token"], "restart": control.URL,
		"pages":    []string{"/channels", "/channels/new", "/channels/1", "/queue", "/settings", "/settings/people", "/settings/keys", "/settings/audit"},
		"pictures": os.Getenv("CARILLON_TEST_PICTURES"),
	}, 13)
}
