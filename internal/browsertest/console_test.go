package browsertest

import (
	"cmp"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/internal/testenv"
)

// A journey is a file of tools/browser/console, with the number of its steps. What a later one of a
// walk needs, "first" and those before it have made.
type journey struct {
	name  string
	steps int
}

// first is what each walk begins with: the first person, and a newsletter.
var first = journey{"first", 3}

// walks are walked side by side, each with a program of its own; everybody looks at the pages that
// its walk has made.
var walks = []struct {
	about    string
	journeys []journey
}{
	{"people and campaigns", []journey{
		first,
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
		{"limits", 1},
		{"oidc", 2},
		{"passkey", 1},
		everybody,
	}},
	{"contents and channels", []journey{
		first,
		{"rules", 5},
		{"flows", 5},
		{"templates", 7},
		{"files", 2},
		{"reviews", 2},
		{"senders", 3},
		{"webhooks", 3},
		everybody,
	}},
}

// everybody looks at pages and uses nothing.
var everybody = journey{"everybody", 1}

// measured say figures, and are walked with nothing beside them.
var measured = []journey{{"many", 1}, {"cold", 1}, {"watch", 1}, {"long", 3}}

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
	if asked == "" {
		return nil
	}
	chosen = []journey{first}
	for _, j := range slices.Concat(uses(walks[0].journeys), uses(walks[1].journeys), measured, []journey{everybody}) {
		if j != first && slices.Contains(strings.Split(asked, ","), j.name) {
			chosen = append(chosen, j)
		}
	}
	return chosen
}

// uses are the journeys of a walk that do something.
func uses(walk []journey) []journey { return walk[:len(walk)-1] }

// The console as marketers use it, from an empty installation on. With CARILLON_TEST_PICTURES, a
// folder, it takes the pictures of docs/console.md.
func TestTheConsoleInABrowser(t *testing.T) {
	t.Parallel()
	if chosen := picked(); chosen != nil {
		console(t, chosen, object{"everywhere": true})
		return
	}
	for i, walk := range walks {
		t.Run(walk.about, func(t *testing.T) {
			t.Parallel()
			console(t, walk.journeys, object{"everywhere": i == 0})
		})
	}
}

// A run to very many, whose page stays quick. It says figures, and so nothing is walked beside it.
func TestALargeRunIsWatched(t *testing.T) {
	console(t, []journey{first, measured[0], measured[2]}, object{})
}

// The same journeys by people who have no mouse: whatever is clicked, filled in, chosen and uploaded
// is reached by the tab key and the arrows. The short form makes the first of them.
func TestTheConsoleByTheKeyboardAlone(t *testing.T) {
	t.Parallel()
	chosen := picked()
	switch {
	case chosen != nil:
	case os.Getenv("CARILLON_TEST_LONG") == "":
		chosen = walks[0].journeys[:3]
	default:
		chosen = slices.Concat(uses(walks[0].journeys), uses(walks[1].journeys)[1:])
	}
	console(t, chosen, object{"keyboard": true})
}

// whatsApp plays WhatsApp, with a template that was made there, and says where.
func whatsApp(t *testing.T) string {
	t.Helper()
	address := testenv.FreeAddress(t)
	cmd := exec.Command(program, "sink", "whatsapp", "--listen", address, "--template", "welcome=Welcome, {{1}}.") // it is ended by the clean-up
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
	return "http://" + address
}

// console walks through journeys with a program of their own, in a way.
func console(t *testing.T, chosen []journey, way object) {
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
	with := object{
		"base": s.base, "link": link, "viewer": viewer, "invitation": invited["token"], "restart": control.URL, "dns": dns.URL,
		"smtp": mails.Port(), "whatsapp": whatsApp(t), "closed": closedPort(t), "contacts": contacts,
		"journeys": walked, "pictures": os.Getenv("CARILLON_TEST_PICTURES"), "long": os.Getenv("CARILLON_TEST_LONG") != "",
	}
	maps.Copy(with, way)
	walk(t, "console.mjs", with, steps)
}
