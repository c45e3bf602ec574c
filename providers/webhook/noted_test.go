package webhook_test

import (
	"encoding/json"
	"fmt"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/webhook"
)

// A message is noted by whoever writes it, right before: the time between is what a
// process that dies leaves in doubt without need.
func TestNotedByWhoWrites(t *testing.T) {
	s, err := sink.NewHTTP(sink.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	config := fmt.Sprintf(`{"url": %q, "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"}`, s.URL())
	p, err := webhook.Kind().New(json.RawMessage(config), providers.Deps{Concurrency: 1, Dialer: providers.Dialer{AllowPrivate: true}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	for range 3 { // on a new connection, and on one that is used again
		var noted []string
		_, err = p.Send(t.Context(), providers.Message{ID: 1, Attempt: 1, Commit: func() { noted = append(noted, string(debug.Stack())) }})
		require.NoError(t, err)
		require.Len(t, noted, 1)
		require.Contains(t, noted[0], "line.(*conn).Write")
	}
	require.EqualValues(t, 1, s.Connections())
}
