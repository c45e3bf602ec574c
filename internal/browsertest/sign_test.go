package browsertest

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/testenv"
)

// elsewhere is somebody else's, on an address of this machine. It speaks TLS, too: to browsers
// another scheme is another site.
func elsewhere(t *testing.T, ip string, own tls.Certificate) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", ip+":0")
	require.NoError(t, err)
	site := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<title>Elsewhere</title><body></body>")
	}))
	require.NoError(t, site.Listener.Close())
	site.Listener = listener
	site.TLS = &tls.Config{Certificates: []tls.Certificate{own}}
	site.StartTLS()
	t.Cleanup(site.Close)
	return site.URL + "/"
}

// What a real browser keeps, sends and shows of a sign-in, over TLS that the server speaks itself.
func TestSignInsInABrowser(t *testing.T) {
	t.Parallel()
	own, ca := testenv.Certificate(t)
	key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	require.NoError(t, err)
	certFile, keyFile := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(certFile, []byte(ca), 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM([]byte(ca)))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	t.Cleanup(transport.CloseIdleConnections)
	s := serveAs(t, "https://127.0.0.1", &http.Client{Transport: transport}, "CARILLON_TLS_CERT_FILE="+certFile, "CARILLON_TLS_KEY_FILE="+keyFile)

	const email, password = "grace@example.org", "a sentence that nobody else says"
	s.post("/v1/contacts", object{"first_name": "Ada", "addresses": object{"email": "ada@example.org"}})
	invited := s.post("/v1/invitations", object{"email": email, "role": "editor"})
	s.post("/v1/invitation/accept", object{"token": invited["token"], "name": "Grace", "password": password})
	walk(t, "sign.mjs", object{
		"base": s.base, "email": email, "password": password, "near": elsewhere(t, "127.0.0.1", own), "far": elsewhere(t, "127.0.0.2", own),
	}, 4)

	entries, ok := s.ask(http.MethodGet, "/v1/audit", nil)["items"].([]any)
	require.True(t, ok)
	signIns := 0
	for _, entry := range entries {
		entry, ok := entry.(object)
		require.True(t, ok)
		require.Equal(t, "127.0.0.1", entry["source"], "%v", entry)
		if entry["action"] == "sign-in" {
			signIns++
		}
	}
	// Twice in one browser, that with another account, and once in each of the three others.
	require.Equal(t, 6, signIns)
}
