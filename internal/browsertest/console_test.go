package browsertest

import (
	"cmp"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// journeys are the files of tools/browser/console in the order in which they are walked, with the
// number of their steps. What a later one needs, "first" and those before it have made.
var journeys = []journey{
	{"first", 3},
	{"audience", 1},
	{"campaigns", 4},
	{"keyboard", 1},
	{"people", 3},
	{"running", 2},
	{"campaign", 5},
	{"contacts", 6},
	{"statistics", 3},
	{"webhooks", 3},
	{"limits", 1},
	{"oidc", 2},
	{"passkey", 1},
	{"rules", 5},
	{"flows", 3},
	{"templates", 6},
	{"everybody", 1},
}

type journey struct {
	name  string
	steps int
}

// measured are walked where they are named, and say figures: make bench/web.
var measured = []journey{{"long", 4}, {"watch", 2}}

// The console as marketers use it, from an empty installation on. With CARILLON_TEST_PICTURES, a
// folder, it takes the pictures of docs/console.md. CARILLON_TEST_JOURNEYS=flows,everybody makes
// these alone, after "first".
func TestTheConsoleInABrowser(t *testing.T) {
	s := serveAs(t, "http://localhost", http.DefaultClient) // passkeys hang on a name
	link := s.post("/v1/invitations", object{"role": "admin"})["link"]
	const viewer = "vera@example.org"
	invited := s.post("/v1/invitations", object{"email": viewer, "role": "viewer"})
	control := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { s.restart() }))
	defer control.Close()
	chosen := "," + os.Getenv("CARILLON_TEST_JOURNEYS") + ","
	var names []string
	steps := 0
	for _, j := range append(slices.Clone(journeys), measured...) {
		if j.name == "first" || chosen == ",," && !slices.Contains(measured, j) || strings.Contains(chosen, ","+j.name+",") {
			names = append(names, j.name)
			steps += j.steps
		}
	}
	contacts, err := strconv.Atoi(cmp.Or(os.Getenv("CARILLON_TEST_CONTACTS"), "10000"))
	require.NoError(t, err)
	modules(t, "../../tools/openid")
	walk(t, "console.mjs", object{
		"base": s.base, "link": link, "viewer": viewer, "invitation": invited["token"], "restart": control.URL,
		"keyboard": os.Getenv("CARILLON_TEST_KEYBOARD") != "", "journeys": names, "pictures": os.Getenv("CARILLON_TEST_PICTURES"), "contacts": contacts,
	}, steps)
}
