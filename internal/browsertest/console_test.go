package browsertest

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// journeys are the files of tools/browser/console in the order in which they are walked, with the
// number of their steps. What a later one needs, "first" and those before it have made.
var journeys = []struct {
	name  string
	steps int
}{
	{"first", 3},
	{"audience", 1},
	{"campaigns", 2},
	{"keyboard", 1},
	{"people", 3},
	{"running", 2},
	{"campaign", 5},
	{"everybody", 1},
}

// The console as marketers use it, from an empty installation on. With CARILLON_TEST_PICTURES, a
// folder, it takes the pictures of docs/console.md. CARILLON_TEST_JOURNEYS=flows,everybody makes
// these alone, after "first".
func TestTheConsoleInABrowser(t *testing.T) {
	s := serve(t)
	link := s.post("/v1/invitations", object{"role": "admin"})["link"]
	const viewer = "vera@example.org"
	invited := s.post("/v1/invitations", object{"email": viewer, "role": "viewer"})
	control := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { s.restart() }))
	defer control.Close()
	chosen := "," + os.Getenv("CARILLON_TEST_JOURNEYS") + ","
	var names []string
	steps := 0
	for _, j := range journeys {
		if j.name == "first" || chosen == ",," || strings.Contains(chosen, ","+j.name+",") {
			names = append(names, j.name)
			steps += j.steps
		}
	}
	walk(t, "console.mjs", object{
		"base": s.base, "link": link, "viewer": viewer, "invitation": invited["token"], "restart": control.URL,
		"journeys": names, "pictures": os.Getenv("CARILLON_TEST_PICTURES"),
	}, steps)
}
