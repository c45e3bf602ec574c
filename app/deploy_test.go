package app

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/configs"
	"carillon/internal/clock"
	"carillon/internal/testenv"
)

// Where Debian's packages put the servers; no other is looked for, so that every run means the same.
const (
	nginxProgram = "/usr/sbin/nginx"
	caddyProgram = "/usr/bin/caddy"
)

// replaced is a file with some texts in place of others, all of which stand in it.
func replaced(t *testing.T, path string, with ...string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	text := string(raw)
	for i := 0; i+1 < len(with); i += 2 {
		require.Contains(t, text, with[i], path)
		text = strings.ReplaceAll(text, with[i], with[i+1])
	}
	return text
}

// front is where a proxy of a test listens, and what it needs.
type front struct {
	address string
	config  configs.Config
	server  *Server
	folder  string
}

// of is a URL's host and port.
func of(url string) string { return strings.TrimPrefix(url, "http://") }

// nginx is our example, on ports of the test's own.
func (f front) nginx(t *testing.T) *exec.Cmd {
	proxy := filepath.Join(f.folder, "proxy.conf")
	require.NoError(t, os.WriteFile(proxy, []byte(replaced(t, "../deploy/nginx/carillon-proxy.conf")), 0o600))
	own := replaced(t, "../deploy/nginx/carillon.conf", "listen 443", "listen "+f.address, "    listen [::]:443 ssl http2;\n", "",
		"/etc/nginx/carillon-proxy.conf", proxy, "127.0.0.1:8081", of(f.server.PublicURL), "127.0.0.1:8080", of(f.server.URL),
		"/etc/ssl/news.example.org.pem", f.config.TLSCertFile, "/etc/ssl/news.example.org.key", f.config.TLSKeyFile,
		"/etc/ssl/api.example.org.pem", f.config.TLSCertFile, "/etc/ssl/api.example.org.key", f.config.TLSKeyFile)
	around := "daemon off;\npid " + f.folder + "/pid;\nerror_log stderr;\nmaster_process off;\nevents {}\nhttp {\naccess_log off;\n"
	for _, what := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		around += what + "_temp_path " + f.folder + "/" + what + ";\n"
	}
	config := filepath.Join(f.folder, "nginx.conf")
	require.NoError(t, os.WriteFile(config, []byte(around+own+"}\n"), 0o600))
	return exec.CommandContext(context.Background(), nginxProgram, "-e", "stderr", "-p", f.folder, "-c", config)
}

// caddy is our example, on ports of the test's own and with a certificate that it need not fetch.
func (f front) caddy(t *testing.T) *exec.Cmd {
	own := replaced(t, "../deploy/caddy/Caddyfile", "127.0.0.1:8081", of(f.server.PublicURL), "127.0.0.1:8080", of(f.server.URL))
	_, port, err := net.SplitHostPort(f.address)
	require.NoError(t, err)
	for _, host := range []string{"news.example.org", "api.example.org"} {
		own = strings.ReplaceAll(own, "\n"+host+" {", "\nhttps://"+host+":"+port+" {\n\tbind 127.0.0.1\n\ttls "+f.config.TLSCertFile+" "+f.config.TLSKeyFile)
	}
	config := filepath.Join(f.folder, "Caddyfile")
	require.NoError(t, os.WriteFile(config, []byte("{\n\tadmin off\n\tauto_https off\n\tservers {\n\t\tprotocols h1 h2\n\t}\n}\n"+own), 0o600))
	cmd := exec.CommandContext(context.Background(), caddyProgram, "run", "--adapter", "caddyfile", "--config", config)
	cmd.Env = append(os.Environ(), "HOME="+f.folder, "XDG_DATA_HOME="+f.folder, "XDG_CONFIG_HOME="+f.folder)
	return cmd
}

// through asks one of the example's hosts through a proxy, from an address that is not the proxy's.
func (f front) through(trusted []byte) *http.Client {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(trusted)
	from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return from.DialContext(ctx, network, f.address)
		}}}
}

// Our examples do what they say with the real servers: the public host has what the public needs
// alone, the API's has all; the client's address is known, and not what it says of itself; files
// of many MiB go up, and events come down as they happen.
func TestDeployExamples(t *testing.T) {
	for name, command := range map[string]func(front, *testing.T) *exec.Cmd{"nginx": front.nginx, "caddy": front.caddy} {
		t.Run(name, func(t *testing.T) {
			require.FileExists(t, map[string]string{"nginx": nginxProgram, "caddy": caddyProgram}[name], "scripts/test-deps.sh installs it")
			secure, ca := secureConfig(t, clock.System{}.Now().Add(time.Hour))
			c := secure
			c.TLSCertFile, c.TLSKeyFile, c.PublicListen, c.TrustedProxies = "", "", "127.0.0.1:0", "127.0.0.1"
			s, err := Start(t.Context(), c, AllRoles, Notices{Say: func(string) {}})
			require.NoError(t, err)
			defer func() { require.NoError(t, s.Stop()) }()
			f := front{testenv.FreeAddress(t), secure, s, t.TempDir()}
			cmd := command(f, t)
			said := &lines{}
			cmd.Stdout, cmd.Stderr = said, said
			require.NoError(t, cmd.Start())
			defer func() {
				if t.Failed() {
					t.Log(said.text())
				}
				require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
				_ = cmd.Wait() // a signal ends it
			}()
			require.Eventually(t, func() bool {
				conn, err := net.Dial("tcp", f.address)
				if err == nil {
					_ = conn.Close()
				}
				return err == nil
			}, 20*time.Second, 20*time.Millisecond, "%s says nothing", name)
			client := f.through(ca)
			defer client.CloseIdleConnections()
			f.check(t, client)
		})
	}
}

// check asks for what has to be there, and what must not.
func (f front) check(t *testing.T, client *http.Client) {
	for path, want := range map[string]int{
		"/healthz": 200, "/u/wrong": 404, "/hooks/9": 404, "/v1/contacts": 404, "/docs": 404, "/": 404, "/metrics": 404, "/readyz": 404,
	} {
		response, body := ask(t, client, "GET https://news.example.org"+path, "")
		require.Equal(t, want, response.StatusCode, "%s: %s", path, body)
		require.Equal(t, 2, response.ProtoMajor)
		require.Equal(t, path == "/healthz" || strings.HasPrefix(path, "/u/") || strings.HasPrefix(path, "/hooks/"), response.Header.Get("X-Request-Id") != "",
			"%s goes no further than the proxy", path)
	}
	const api = "https://api.example.org"
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, api+"/v1/groups", strings.NewReader(`{"name":"behind"}`))
	require.NoError(t, err)
	for name, value := range map[string]string{
		"Authorization": "Bearer admin-key-0123456789", "Content-Type": "application/json", "X-Forwarded-For": "6.6.6.6", "Forwarded": "for=6.6.6.6",
	} {
		request.Header.Set(name, value)
	}
	response, err := client.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusCreated, response.StatusCode)
	_, trail := ask(t, client, "GET "+api+"/v1/audit", "")
	require.Contains(t, trail, `"source":"127.0.0.2"`)
	require.NotContains(t, trail, "6.6.6.6")

	var form bytes.Buffer
	form.WriteString("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.csv\"\r\n\r\nemail\n")
	form.Write(bytes.Repeat([]byte("ada@example.org\n"), 400_000))
	form.WriteString("\r\n--b--\r\n")
	upload, err := http.NewRequestWithContext(t.Context(), http.MethodPost, api+"/v1/contacts/import", &form)
	require.NoError(t, err)
	upload.Header.Set("Authorization", "Bearer admin-key-0123456789")
	upload.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	response, err = client.Do(upload)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Less(t, response.StatusCode, 300, string(body))

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	watch, err := http.NewRequestWithContext(ctx, http.MethodGet, api+"/v1/events", nil)
	require.NoError(t, err)
	watch.Header.Set("Authorization", "Bearer admin-key-0123456789")
	events, err := client.Do(watch)
	require.NoError(t, err)
	seen := bufio.NewScanner(events.Body)
	for seen.Scan() && !strings.Contains(seen.Text(), "snapshot") {
	}
	require.Contains(t, seen.Text(), "snapshot", "it comes while the stream goes on")
	require.NoError(t, events.Body.Close())
}
