package webhook

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
)

// A message is noted by whoever writes it, right before: the time between is what a
// process that dies leaves in doubt without need.
func TestNotedByWhoWrites(t *testing.T) {
	s, err := sink.NewHTTP(sink.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	config := fmt.Sprintf(`{"url": %q, "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"}`, s.URL())
	p, err := Kind().New(json.RawMessage(config), providers.Deps{Concurrency: 1, Dialer: providers.Dialer{AllowPrivate: true}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	for range 3 { // on a new connection, and on one that is used again
		var noted []string
		_, err = p.Send(t.Context(), providers.Message{ID: 1, Attempt: 1, Commit: func() { noted = append(noted, string(debug.Stack())) }})
		require.NoError(t, err)
		require.Len(t, noted, 1)
		require.Contains(t, noted[0], "webhook.(*conn).Write")
	}
	require.EqualValues(t, 1, s.Connections())
}

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
