package browsertest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const adminKey = "the-administrators-key-in-browser-tests"

// browser is where Debian's package puts it; no other is looked for, so that every run
// means the same.
const browser = "/usr/bin/chromium"

// program is the real one, built once for all tests.
var program string

// installing keeps two tests from installing the same modules.
var installing sync.Mutex

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "carillon-browsertest")
	if err != nil {
		log.Fatal(err)
	}
	program = filepath.Join(dir, "carillon")
	code := 1
	build := exec.CommandContext(context.Background(), "go", "build", "-ldflags=-s", "-o", program, "carillon/cmd/carillon")
	if output, err := build.CombinedOutput(); err == nil {
		code = m.Run()
	} else {
		log.Printf("build the program: %v\n%s", err, output)
	}
	_ = os.RemoveAll(dir) // the system clears what is left
	os.Exit(code)
}

// server is the real program with a public address.
type server struct {
	t      *testing.T
	base   string
	client *http.Client
	// start begins the program, with the same data each time.
	start func() *exec.Cmd
	// runs is the program as it runs.
	runs *exec.Cmd
}

// serve starts the program, which speaks plain HTTP.
func serve(t *testing.T) *server { return serveAs(t, "http://127.0.0.1", http.DefaultClient) }

// serveAs starts the program with more settings, to which a client speaks; its address is origin
// with a port.
func serveAs(t *testing.T, origin string, client *http.Client, settings ...string) *server {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	s := &server{t: t, base: origin + ":" + port, client: client}
	var log bytes.Buffer
	data := t.TempDir()
	s.start = func() *exec.Cmd {
		cmd := exec.Command(program, "serve") // it is ended by the clean-up
		cmd.Env = append(os.Environ(), "CARILLON_ADMIN_KEY="+adminKey, "CARILLON_DATA_DIR="+data, "CARILLON_LISTEN="+address,
			"CARILLON_PUBLIC_URL="+s.base, "CARILLON_ALLOW_PRIVATE_ADDRESSES=true")
		cmd.Env = append(cmd.Env, settings...)
		cmd.Stdout, cmd.Stderr = &log, &log
		require.NoError(t, cmd.Start())
		return cmd
	}
	s.runs = s.start()
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	s.ready()
	return s
}

func (s *server) stop() {
	_ = s.runs.Process.Signal(syscall.SIGTERM)
	_ = s.runs.Wait()
}

// ready waits until the program answers.
func (s *server) ready() {
	require.Eventually(s.t, func() bool {
		response, err := s.client.Get(s.base + "/readyz")
		if err != nil {
			return false
		}
		defer func() { _ = response.Body.Close() }()
		return response.StatusCode == http.StatusOK
	}, 30*time.Second, 50*time.Millisecond)
}

// restart stops the program and starts it again.
func (s *server) restart() {
	s.stop()
	s.runs = s.start()
	s.ready()
}

// post asks the API and returns the answer.
func (s *server) post(path string, body any) map[string]any {
	s.t.Helper()
	return s.ask(http.MethodPost, path, body)
}

func (s *server) ask(method, path string, body any) (answer map[string]any) {
	s.t.Helper()
	text, err := json.Marshal(body)
	require.NoError(s.t, err)
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.base+path, bytes.NewReader(text))
	require.NoError(s.t, err)
	request.Header.Set("Authorization", "Bearer "+adminKey)
	request.Header.Set("Content-Type", "application/json")
	response, err := s.client.Do(request)
	require.NoError(s.t, err)
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	require.NoError(s.t, err)
	require.Equal(s.t, 2, response.StatusCode/100, "%s: %s", path, raw)
	require.NoError(s.t, json.Unmarshal(raw, &answer))
	return answer
}

type object = map[string]any

// modules installs what a folder's scripts use, as its lock file says, unless it is there.
func modules(t *testing.T, dir string) {
	t.Helper()
	installing.Lock()
	defer installing.Unlock()
	if _, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json")); err == nil {
		return
	}
	bounded, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(bounded, "npm", "ci", "--no-audit", "--no-fund")
	cmd.Dir = dir
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "npm installs what scripts use (Node 20 or newer is needed): %s", output)
}

// walk runs a script of tools/browser, and expects that it says each of its steps.
func walk(t *testing.T, script string, with object, steps int) {
	t.Helper()
	require.FileExists(t, browser, "the test needs Chromium: apt-get install -y chromium, as scripts/test-deps.sh does")
	tools, err := filepath.Abs("../../tools/browser")
	require.NoError(t, err)
	modules(t, tools)
	with["chromium"] = browser
	argument, err := json.Marshal(with)
	require.NoError(t, err)
	bounded, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(bounded, "node", script, string(argument))
	cmd.Dir = tools
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Equal(t, steps, strings.Count(string(output), "\n"), "%s", output)
	t.Logf("in the browser:\n%s", output)
}

func TestRecipientsInABrowser(t *testing.T) {
	t.Parallel()
	s := serve(t)
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<title>Shop</title>Tulips") }))
	defer shop.Close()
	sent := make(chan string, 1)
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var message struct {
			Text string `json:"text"`
		}
		_ = json.NewDecoder(r.Body).Decode(&message)
		sent <- message.Text
		w.WriteHeader(http.StatusNoContent)
	}))
	defer far.Close()
	for _, name := range []string{"Offers", "Events"} {
		s.post("/v1/categories", object{"name": name})
	}
	s.ask(http.MethodPatch, "/v1/settings", object{"brand_name": "Bell Foundry & Sons", "brand_color": "#ffcc00"})
	s.post("/v1/contacts", object{"first_name": "Ada", "addresses": object{"email": "ada@example.org"}})
	s.post("/v1/channels", object{"name": "news", "provider": "webhook", "config": object{"url": far.URL, "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}})
	campaign := s.post("/v1/campaigns", object{"name": "Spring", "channel_id": 1, "audience": object{"all": true}, "tracking": object{"links": true},
		"content": object{"subject": "Spring", "text": "Tulips: " + shop.URL + "/tulips?size=5#red\n{{ unsubscribe_url }}\n{{ preferences_url }}\n{{ view_url }}"}})
	s.post(fmt.Sprintf("/v1/campaigns/%v/start", campaign["id"]), object{})
	var text string
	select {
	case text = <-sent:
	case <-time.After(time.Minute):
		require.FailNow(t, "nothing was sent")
	}
	link := func(kind string) string {
		found := regexp.MustCompile(regexp.QuoteMeta(s.base) + "/" + kind + `/[A-Za-z0-9_-]+`).FindString(text)
		require.NotEmpty(t, found, "%s in %s", kind, text)
		return found
	}
	walk(t, "walk.mjs", object{
		"click": link("c"), "target": shop.URL + "/tulips?size=5#red", "view": link("v"),
		"unsubscribe": link("u"), "preferences": link("p"), "broken": s.base + "/u/cut-off",
	}, 7)
}
