package signintest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const adminKey = "the-administrators-key-in-tests-of-sign-ins"

type object = map[string]any

// program is the real one, which speaks plain HTTP on this machine.
type program struct {
	t    *testing.T
	base string
}

// binary is the program, which is built once.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	folder, err := os.MkdirTemp("", "signintest")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(folder) }()
	binary = filepath.Join(folder, "carillon")
	if built, err := exec.Command("go", "build", "-ldflags=-s", "-o", binary, "carillon/cmd/carillon").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v: %s", err, built)
		return 1
	}
	return m.Run()
}

// serve starts the program. Where requests come from the tests say as a proxy would.
func serve(t *testing.T) *program {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	p := &program{t: t, base: "http://" + address}
	var log bytes.Buffer
	cmd := exec.Command(binary, "serve") // it is ended by the clean-up
	cmd.Env = append(os.Environ(), "CARILLON_ADMIN_KEY="+adminKey, "CARILLON_DATA_DIR="+t.TempDir(), "CARILLON_LISTEN="+address,
		"CARILLON_PUBLIC_URL="+p.base, "CARILLON_ALLOW_PRIVATE_ADDRESSES=true", "CARILLON_TRUSTED_PROXIES=loopback")
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	require.Eventually(t, func() bool {
		response, err := http.Get(p.base + "/readyz")
		if err != nil {
			return false
		}
		defer func() { _ = response.Body.Close() }()
		return response.StatusCode == http.StatusOK
	}, time.Minute, 50*time.Millisecond)
	return p
}

// ask asks the API as an admin, and returns the answer.
func (p *program) ask(method, path string, body any) (answer object) {
	p.t.Helper()
	text, err := json.Marshal(body)
	require.NoError(p.t, err)
	request, err := http.NewRequestWithContext(p.t.Context(), method, p.base+path, bytes.NewReader(text))
	require.NoError(p.t, err)
	request.Header.Set("Authorization", "Bearer "+adminKey)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(p.t, err)
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	require.NoError(p.t, err)
	require.Equal(p.t, 2, response.StatusCode/100, "%s: %s", path, raw)
	if len(raw) > 0 {
		require.NoError(p.t, json.Unmarshal(raw, &answer))
	}
	return answer
}

// provider is one of the account's, with its id.
func (p *program) provider(settings object) (id string) {
	p.t.Helper()
	return fmt.Sprint(p.ask(http.MethodPost, "/v1/identity-providers", settings)["id"])
}

// browser keeps cookies as one does, and comes from an address. It follows no redirect.
type browser struct {
	p       *program
	cookies map[string]string
	source  string
}

// answer is what a browser was answered.
type answer struct {
	status   int
	body     string
	location *url.URL
}

func (p *program) browser(source string) *browser {
	return &browser{p: p, cookies: map[string]string{}, source: source}
}

// call makes a request of a page of the program.
func (b *browser) call(method, at, body string) answer {
	b.p.t.Helper()
	if strings.HasPrefix(at, "/") {
		at = b.p.base + at
	}
	request, err := http.NewRequestWithContext(b.p.t.Context(), method, at, strings.NewReader(body))
	require.NoError(b.p.t, err)
	request.Header.Set("X-Forwarded-For", b.source)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for name, value := range b.cookies {
		request.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(b.p.t, err)
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	require.NoError(b.p.t, err)
	for _, c := range response.Cookies() {
		if strings.HasPrefix(c.Name, "__Host-") {
			require.True(b.p.t, c.Secure && c.HttpOnly && c.Path == "/" && c.Domain == "" && c.SameSite == http.SameSiteLaxMode, c)
		}
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	to, _ := response.Location() // most go nowhere
	return answer{response.StatusCode, string(raw), to}
}

// begin begins a sign-in, and returns what the provider is asked.
func (b *browser) begin(provider string) url.Values {
	b.p.t.Helper()
	sent := b.call(http.MethodGet, "/sign-in/"+provider, "")
	require.Equal(b.p.t, http.StatusSeeOther, sent.status, sent.body)
	return sent.location.Query()
}

// comeBack is the browser as the provider sends it back.
func (b *browser) comeBack(provider string, with url.Values) answer {
	b.p.t.Helper()
	return b.call(http.MethodGet, "/sign-in/"+provider+"/callback?"+with.Encode(), "")
}

// session is who is signed in; nil for nobody.
func (b *browser) session() (who object) {
	b.p.t.Helper()
	seen := b.call(http.MethodGet, "/v1/session", "")
	if seen.status == http.StatusUnauthorized {
		return nil
	}
	require.Equal(b.p.t, http.StatusOK, seen.status, seen.body)
	require.NoError(b.p.t, json.Unmarshal([]byte(seen.body), &who))
	return who
}

// role is that of whoever is signed in, in the account of the session.
func (b *browser) role() string {
	b.p.t.Helper()
	who := b.session()
	require.NotNil(b.p.t, who)
	in, ok := who["account"].(object)
	require.True(b.p.t, ok)
	return fmt.Sprint(in["role"])
}
