package smtp

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
)

// A wrong password is tried once, not for each of those who wait: servers lock
// out whoever tries again and again.
func TestWrongPasswordIsNotRepeated(t *testing.T) {
	const senders = 16
	var tried atomic.Int64
	release := make(chan struct{})
	s, err := sink.NewSMTP(sink.Options{Command: func(line string) string {
		switch {
		case strings.HasPrefix(line, "EHLO"):
			return "250-sink\r\n250 AUTH PLAIN"
		case strings.HasPrefix(line, "AUTH"):
			tried.Add(1)
			<-release
			return "535 5.7.8 no"
		}
		return ""
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	opened, err := Kind().New(json.RawMessage(fmt.Sprintf(
		`{"host": "127.0.0.1", "port": %d, "tls": "none", "from": "a@example.org", "username": "u", "password": "p", "max_connections": 1}`,
		s.Port())), providers.Deps{Concurrency: senders, Dialer: providers.Dialer{AllowPrivate: true}})
	require.NoError(t, err)
	p := opened.(*Provider)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	var group sync.WaitGroup
	for id := range int64(senders) {
		group.Go(func() {
			_, err := p.Send(t.Context(), providers.Message{ID: id + 1, To: "b@example.org", Content: providers.Content{Text: "x"}})
			require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind)
		})
	}
	require.Eventually(t, func() bool { return tried.Load() == 1 && len(p.queue) == senders-1 }, 10*time.Second, time.Millisecond)
	close(release)
	group.Wait()
	require.Equal(t, int64(1), tried.Load())
}
