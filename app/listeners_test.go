package app

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/configs"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/secret"
)

// writePair makes a certificate for this machine with a number that holds until ends, writes it
// and its key where c says, and returns its PEM form.
func writePair(t *testing.T, c configs.Config, number int64, ends time.Time) []byte {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(number), NotBefore: ends.Add(-365 * 24 * time.Hour), NotAfter: ends, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		DNSNames: []string{"news.example.org", "api.example.org"}, IsCA: true, BasicConstraintsValid: true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	key, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
	require.NoError(t, os.WriteFile(c.TLSCertFile, text, 0o600))
	require.NoError(t, os.WriteFile(c.TLSKeyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
	return text
}

// secureConfig is startConfig with a certificate that holds until ends, and its PEM form.
func secureConfig(t *testing.T, ends time.Time) (configs.Config, []byte) {
	c := startConfig(t)
	c.TLSCertFile, c.TLSKeyFile = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	c.AdminKey = secret.New("admin-key-0123456789")
	return c, writePair(t, c, 1, ends)
}

// trusting is a pool of certificates that are trusted.
func trusting(t *testing.T, trusted ...[]byte) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	for _, text := range trusted {
		require.True(t, pool.AppendCertsFromPEM(text))
	}
	return pool
}

// browser is a client that trusts a certificate; an old one speaks HTTP/1.1 alone.
func browser(t *testing.T, old bool, trusted []byte) *http.Client {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusting(t, trusted)}, ForceAttemptHTTP2: !old}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// ask asks with the administrator's key for what a method and an address say.
func ask(t *testing.T, client *http.Client, what, body string) (*http.Response, string) {
	t.Helper()
	method, url, _ := strings.Cut(what, " ")
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer admin-key-0123456789")
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	require.NoError(t, err)
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response, string(content)
}

// TLS is spoken by both listeners, in either version of HTTP, and an event stream goes on for
// longer than the deadline of any event of it.
func TestTLS(t *testing.T) {
	t.Parallel()
	c, ca := secureConfig(t, clock.System{}.Now().Add(1000*time.Hour))
	c.PublicListen = "127.0.0.1:0"
	s, err := Start(t.Context(), c, AllRoles, Notices{Say: func(string) {}})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Stop()) }()
	for version, old := range map[string]bool{"HTTP/1.1": true, "HTTP/2.0": false} {
		client := browser(t, old, ca)
		for _, base := range []string{s.URL, s.PublicURL} {
			require.True(t, strings.HasPrefix(base, "https://127.0.0.1:"), base)
			response, body := ask(t, client, "GET "+base+"/healthz", "")
			require.Equal(t, http.StatusOK, response.StatusCode, body)
			require.Equal(t, version, response.Proto)
			require.GreaterOrEqual(t, response.TLS.Version, uint16(tls.VersionTLS12))
		}
		response, _ := ask(t, client, "GET "+s.URL+"/v1/contacts", "")
		require.Equal(t, http.StatusOK, response.StatusCode)
		response, _ = ask(t, client, "GET "+s.PublicURL+"/v1/contacts", "")
		require.Equal(t, http.StatusNotFound, response.StatusCode)
		response, _ = ask(t, client, "POST "+s.URL+"/v1/groups", `{"name":"by `+version+`"}`)
		require.Equal(t, http.StatusCreated, response.StatusCode)
	}
	_, ready := ask(t, browser(t, false, ca), "GET "+s.URL+"/readyz", "")
	require.Contains(t, ready, "certificate_ends")
	_, found := ask(t, browser(t, false, ca), "GET "+s.URL+"/v1/doctor", "")
	require.Contains(t, found, "it holds until")

	old := tls.Dialer{Config: &tls.Config{RootCAs: trusting(t, ca), MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}}
	_, err = old.DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL, "https://"))
	require.ErrorContains(t, err, "protocol version")
}

// Where the public has a listener of its own, invitations lead to that of the people.
func TestInvitationsLeadToTheConsole(t *testing.T) {
	c, ca := secureConfig(t, clock.System{}.Now().Add(time.Hour))
	c.PublicURL, c.ConsoleURL = "https://news.example.org", "https://carillon.example.org"
	s, err := Start(t.Context(), c, Roles{API: true}, Notices{Say: func(string) {}})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Stop()) }()
	_, made := ask(t, browser(t, false, ca), "POST "+s.URL+"/v1/invitations", `{"email":"ada@example.org","role":"editor"}`)
	require.Contains(t, made, `"link":"https://carillon.example.org/invitation#`)
}

// An event stream over HTTP/2 outlives the five seconds in which each event has to be written.
func TestEventsOverHTTP2(t *testing.T) {
	t.Parallel() // it waits
	c, ca := secureConfig(t, clock.System{}.Now().Add(1000*time.Hour))
	s, err := Start(t.Context(), c, Roles{API: true}, Notices{Say: func(string) {}})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/v1/events", nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer admin-key-0123456789")
	response, err := browser(t, false, ca).Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(t, "HTTP/2.0", response.Proto)
	seen := bufio.NewScanner(response.Body)
	for seen.Scan() && !strings.Contains(seen.Text(), "heartbeat") {
	}
	require.NoError(t, seen.Err(), "it lasts until the heartbeat, 15 seconds after the snapshot")
	require.Contains(t, seen.Text(), "heartbeat")
	require.NoError(t, s.Stop(), "nobody waits for it")
}

// lines is a log that tests read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *lines) count(text string) int {
	return strings.Count(l.text(), text)
}

// New files are used by new connections, and those that are open go on. Files that are no pair
// change nothing, and are said once.
func TestANewCertificateIsTaken(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	fake, log := clock.NewFake(noon), &lines{}
	c, _ := secureConfig(t, noon.Add(60*24*time.Hour))
	own, err := openCertificate(c, slog.New(slog.NewTextHandler(log, nil)), fake)
	require.NoError(t, err)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", own.config())
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn); _ = conn.Close() }()
		}
	}()
	anybody := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} // which one it is, is looked at
	open := func() *tls.Conn {
		conn, err := anybody.DialContext(t.Context(), "tcp", listener.Addr().String())
		require.NoError(t, err)
		over, ok := conn.(*tls.Conn)
		require.True(t, ok)
		return over
	}
	number := func(conn *tls.Conn) int64 { return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64() }
	first := open()
	require.EqualValues(t, 1, number(first))

	ctx, cancel := context.WithCancel(t.Context())
	watched := make(chan struct{})
	go func() { defer close(watched); own.watch(ctx) }()
	defer func() { cancel(); <-watched }()
	// until lets time pass until the log has said something so often.
	until := func(text string, often int) {
		require.Eventually(t, func() bool { fake.Advance(certificateEvery); return log.count(text) == often }, 10*time.Second, time.Millisecond, text)
	}
	writePair(t, c, 2, noon.Add(50*24*time.Hour))
	until("a new certificate is in force", 1)
	second := open()
	require.EqualValues(t, 2, number(second))

	require.NoError(t, os.WriteFile(c.TLSKeyFile, []byte("half of a k"), 0o600))
	until("can't be used: the one before stays in force", 1)
	require.NoError(t, os.Remove(c.TLSCertFile))
	until("can't be used: the one before stays in force", 2)
	third := open()
	require.EqualValues(t, 2, number(third))
	require.Equal(t, noon.Add(50*24*time.Hour), own.ends())

	writePair(t, c, 3, noon.Add(20*24*time.Hour))
	until("a new certificate is in force", 2)
	require.Zero(t, log.count("ends soon"))
	fake.Advance(7 * 24 * time.Hour)
	until("ends soon", 1)
	fake.Advance(24 * time.Hour)
	until("ends soon", 2)
	for _, conn := range []*tls.Conn{first, second, third} {
		_, err := conn.Write([]byte("still here"))
		require.NoError(t, err)
		answer := make([]byte, len("still here"))
		_, err = io.ReadFull(conn, answer)
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	}
}

// Files that are no pair keep a server from starting, and are named.
func TestABrokenCertificateIsRefused(t *testing.T) {
	c, _ := secureConfig(t, clock.System{}.Now().Add(time.Hour))
	require.NoError(t, os.WriteFile(c.TLSKeyFile, []byte("no key"), 0o600))
	_, err := Start(t.Context(), c, AllRoles, Notices{Say: func(string) {}})
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	require.Contains(t, fault.Lines(err), c.TLSKeyFile)
	require.NoError(t, os.Remove(c.TLSCertFile))
	_, err = Start(t.Context(), c, AllRoles, Notices{Say: func(string) {}})
	require.Contains(t, fault.Lines(err), "no such file")
}

// What the doctor says of a certificate by the days that it has left, and of proxies.
func TestTheDoctorLooksAtTheFront(t *testing.T) {
	t.Parallel()
	now := clock.System{}.Now()
	for want, ends := range map[string]time.Time{
		"ok: it holds until":      now.Add(20 * 24 * time.Hour),
		"warning: it ends on":     now.Add(13 * 24 * time.Hour),
		"failed: it has ended on": now.Add(-time.Hour),
	} {
		c, ca := secureConfig(t, ends)
		s, err := Start(t.Context(), c, Roles{API: true}, Notices{Say: func(string) {}})
		require.NoError(t, err)
		d := &doctor{s, s.Engine, c, nil}
		found := d.certificate(t.Context())
		require.Contains(t, found.State+": "+found.Found, want)
		if ends.After(now) {
			require.Empty(t, d.proxies(t.Context()).Name)
			client := browser(t, false, ca)
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/healthz", nil)
			require.NoError(t, err)
			request.Header.Set("X-Forwarded-For", "198.51.100.7")
			response, err := client.Do(request)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			require.Contains(t, d.proxies(t.Context()).Found, "127.0.0.1 has said for whom it asks")
		}
		require.NoError(t, s.Stop())
	}
}
