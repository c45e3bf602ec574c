package line

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// Over TLS it is noted when something of the request is written, not while the
// connection is made.
func TestNotedOverTLS(t *testing.T) {
	far := httptest.NewTLSServer(nil)
	trusting := far.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	trusting.ServerName = "example.com"
	far.Close() // it was for its certificate
	ours, theirs := net.Pipe()
	done := make(chan error, 1)
	go func() {
		c := tls.Server(theirs, far.TLS)
		_, err := c.Read(make([]byte, 1))
		done <- err
	}()
	noted := 0
	under := &conn{Conn: ours}
	over := tls.Client(under, trusting)
	require.NoError(t, over.HandshakeContext(t.Context()))
	carries(over, &progress{commits: func() { noted++ }})
	require.Zero(t, noted)
	_, err := over.Write([]byte("POST"))
	require.NoError(t, err)
	require.NoError(t, <-done)
	require.Equal(t, 1, noted)
	require.NoError(t, ours.Close())
	require.NoError(t, theirs.Close())
}
