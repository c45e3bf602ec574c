package twoway

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// patience bounds every wait. It is generous: a slow machine must not fail a test.
const patience = 90 * time.Second

// pollInterval is how often a condition is looked at.
const pollInterval = 40 * time.Millisecond

// adminKey opens everything of a Carillon.
const adminKey = "the-administrators-key-in-tests"

func build(t *testing.T) (program string) {
	t.Helper()
	program = filepath.Join(t.TempDir(), "carillon")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s", "-o", program, "carillon/cmd/carillon").CombinedOutput()
	require.NoError(t, err, string(out))
	return program
}

// carillon is a whole one: the real binary with a store, a Redis, a worker and the API.
type carillon struct {
	t            *testing.T
	name         string
	program, dir string
	env          []string
	*testenv.Child
	// url is where its API answers.
	url    string
	client http.Client
}

// object is a JSON object.
type object = map[string]any

var answersOn = regexp.MustCompile(`answers on (http://\S+)`)

// start starts one, on what it has inside or on the servers that env names.
func start(t *testing.T, name, program string, env ...string) *carillon {
	t.Helper()
	c := &carillon{t: t, name: name, program: program, dir: t.TempDir()}
	c.env = append([]string{
		"HOME=" + c.dir, "TMPDIR=" + c.dir, "CARILLON_DATA_DIR=" + c.dir, "CARILLON_ADMIN_KEY=" + adminKey, "CARILLON_LISTEN=127.0.0.1:0",
		"CARILLON_ALLOW_PRIVATE_ADDRESSES=true",
	}, env...)
	if len(env) > 0 {
		c.run("migrate")
	}
	cmd := exec.CommandContext(context.Background(), program, "serve")
	cmd.Dir, cmd.Env = c.dir, c.env
	var err error
	c.Child, err = testenv.StartChild(cmd)
	require.NoError(t, err)
	transport := &http.Transport{}
	c.client = http.Client{Transport: transport, Timeout: patience}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		c.Kill()
		if t.Failed() {
			t.Logf("%s said:\n%s", c.name, c.Output())
		}
	})
	require.Eventually(t, func() bool { return !c.Running() || answersOn.MatchString(c.Output()) }, patience, pollInterval, "it does not answer")
	found := answersOn.FindStringSubmatch(c.Output())
	require.NotNil(t, found, "it ended")
	c.url = found[1]
	return c
}

// stop ends it as Ctrl-C does, and expects it to end well.
func (c *carillon) stop() {
	c.t.Helper()
	require.NoError(c.t, c.Signal(syscall.SIGINT))
	select {
	case <-c.Exited():
		require.NoError(c.t, c.Err())
	case <-time.After(patience):
		require.Fail(c.t, c.name+" does not stop")
	}
}

// run runs a command of the program, which must succeed, and returns what it says.
func (c *carillon) run(args ...string) string {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), c.program, args...)
	cmd.Dir = c.dir
	cmd.Env = append([]string{"CARILLON_SERVER=" + c.url, "CARILLON_KEY=" + adminKey}, c.env...)
	out, err := cmd.CombinedOutput()
	require.NoError(c.t, err, "%s: carillon %s: %s", c.name, strings.Join(args, " "), out)
	return string(out)
}

// asking is a request, with a body of JSON or of a form.
type asking struct {
	method, path string
	body         any
	header       map[string]string
}

// ask asks, by any API, what must succeed, and reads the answer.
func (c *carillon) ask(a asking, answer any) {
	c.t.Helper()
	var body io.Reader
	kind := "application/json"
	switch of := a.body.(type) {
	case nil:
	case url.Values:
		body, kind = strings.NewReader(of.Encode()), "application/x-www-form-urlencoded"
	default:
		text, err := json.Marshal(of)
		require.NoError(c.t, err)
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(c.t.Context(), a.method, c.url+a.path, body)
	require.NoError(c.t, err)
	r.Header.Set("Content-Type", kind)
	for name, value := range a.header {
		r.Header.Set(name, value)
	}
	response, err := c.client.Do(r)
	require.NoError(c.t, err)
	text, err := io.ReadAll(response.Body)
	require.NoError(c.t, err)
	require.NoError(c.t, response.Body.Close())
	require.Equal(c.t, 2, response.StatusCode/100, "%s: %s %s: %s %s", c.name, a.method, a.path, response.Status, text)
	if answer != nil {
		require.NoError(c.t, json.Unmarshal(text, answer), "%s", text)
	}
}

// v1 asks the API of Carillon's own, as its administrator.
func (c *carillon) v1(method, path string, body, answer any) {
	c.t.Helper()
	c.ask(asking{method, "/v1" + path, body, map[string]string{"Authorization": "Bearer " + adminKey}}, answer)
}

// made makes something, and returns its id.
func (c *carillon) made(path string, body object) int64 {
	c.t.Helper()
	var made struct{ ID int64 }
	c.v1(http.MethodPost, path, body, &made)
	return made.ID
}

// key makes a key.
func (c *carillon) key(of object) string {
	c.t.Helper()
	var made struct{ Key string }
	c.v1(http.MethodPost, "/keys", of, &made)
	return made.Key
}

// message is one as /v1 lists it.
type message struct {
	ID         int64
	ContactID  int64 `json:"contact_id"`
	Address    string
	State      string
	Reason     string
	Detail     string
	Attempt    int
	ProviderID string `json:"provider_id"`
}

// messages are all of it, by address: none may have two.
func (c *carillon) messages(query string) map[string]message {
	c.t.Helper()
	var list struct{ Items []message }
	c.v1(http.MethodGet, "/messages?limit=200&"+query, nil, &list)
	of := map[string]message{}
	for _, m := range list.Items {
		require.NotContains(c.t, of, m.Address, "%s has two messages for one address", c.name)
		of[m.Address] = m
	}
	return of
}

// verify has it prove that everybody is accounted for, and that the statistics are of the
// rows.
func (c *carillon) verify() {
	c.t.Helper()
	c.run("verify")
	c.run("verify", "--statistics")
}
