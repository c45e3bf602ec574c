package browsertest

import (
	"cmp"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/internal/testenv"
)

// journeys are the files of tools/browser/console in the order in which they are walked, with the
// number of their steps. What a later one needs, "first" and those before it have made.
var journeys = []journey{
	{"first", 3},
	{"audience", 1},
	{"campaigns", 6},
	{"keyboard", 1},
	{"people", 3},
	{"running", 2},
	{"campaign", 6},
	{"operator", 4},
	{"contacts", 6},
	{"lists", 2},
	{"account", 2},
	{"statistics", 3},
	{"webhooks", 3},
	{"limits", 1},
	{"oidc", 2},
	{"passkey", 1},
	{"rules", 5},
	{"flows", 5},
	{"templates", 7},
	{"senders", 2},
	{"many", 1},
	{"cold", 1},
	{"watch", 1},
	{"long", 3},
	{"everybody", 1},
}

type journey struct {
	name  string
	steps int
}

// measured are walked where they are named, and say figures: make bench/web.
var measured = []string{"cold", "long"}

// closedPort is one at which nobody listens.
func closedPort(t *testing.T) int {
	t.Helper()
	_, port, err := net.SplitHostPort(testenv.FreeAddress(t))
	require.NoError(t, err)
	n, err := strconv.Atoi(port)
	require.NoError(t, err)
	return n
}

// picked are "first" and the journeys that CARILLON_TEST_JOURNEYS names, such as flows,everybody;
// none where it names none.
func picked() (chosen []journey) {
	asked := os.Getenv("CARILLON_TEST_JOURNEYS")
	for _, j := range journeys {
		if asked != "" && (j.name == "first" || strings.Contains(","+asked+",", ","+j.name+",")) {
			chosen = append(chosen, j)
		}
	}
	return chosen
}

// The console as marketers use it, from an empty installation on. With CARILLON_TEST_PICTURES, a
// folder, it takes the pictures of docs/console.md.
func TestTheConsoleInABrowser(t *testing.T) {
	t.Parallel()
	chosen := picked()
	if chosen == nil {
		chosen = slices.DeleteFunc(slices.Clone(journeys), func(j journey) bool { return slices.Contains(measured, j.name) })
	}
	console(t, chosen, false)
}

// The same journeys by people who have no mouse: whatever is clicked, filled in, chosen and uploaded
// is reached by the tab key and the arrows. The short form makes the first of them.
func TestTheConsoleByTheKeyboardAlone(t *testing.T) {
	t.Parallel()
	chosen := picked()
	switch {
	case chosen != nil:
	case os.Getenv("CARILLON_TEST_LONG") == "":
		chosen = journeys[:3]
	default:
		// What follows them measures or looks, and uses nothing.
		chosen = journeys[:slices.IndexFunc(journeys, func(j journey) bool { return j.name == "many" })]
	}
	console(t, chosen, true)
}

// console walks through journeys with a program of their own.
func console(t *testing.T, chosen []journey, keyboard bool) {
	t.Helper()
	names := testenv.StartNames(t)
	s := serveAs(t, "http://localhost", http.DefaultClient, "CARILLON_DNS_SERVER="+names.Addr) // passkeys hang on a name
	link := s.post("/v1/invitations", object{"role": "admin"})["link"]
	const viewer = "vera@example.org"
	invited := s.post("/v1/invitations", object{"email": viewer, "role": "viewer"})
	control := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { s.restart() }))
	defer control.Close()
	// What a journey posts, {"name":…,"text":…}, stands in the DNS; without a text it is taken away.
	dns := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var record struct{ Name, Text string }
		if err := json.NewDecoder(r.Body).Decode(&record); err != nil || record.Name == "" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if record.Text == "" {
			names.Text(record.Name)
			return
		}
		names.Text(record.Name, record.Text)
	}))
	defer dns.Close()
	var walked []string
	steps := 0
	for _, j := range chosen {
		walked = append(walked, j.name)
		steps += j.steps
	}
	mails, err := sink.NewSMTP(sink.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, mails.Close()) }()
	contacts, err := strconv.Atoi(cmp.Or(os.Getenv("CARILLON_TEST_CONTACTS"), "100000"))
	require.NoError(t, err)
	modules(t, "../../tools/openid")
	walk(t, "console.mjs", object{
		"base": s.base, "link": link, "viewer": viewer, "invitation": invited["token"], "restart": control.URL, "dns": dns.URL,
		"smtp": mails.Port(), "closed": closedPort(t), "contacts": contacts,
		"keyboard": keyboard, "journeys": walked, "pictures": os.Getenv("CARILLON_TEST_PICTURES"),
	}, steps)
}
