package gate_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
)

// refusals keeps who was not let in.
type refusals struct {
	mu   sync.Mutex
	kept []access.Refusal
}

func (r *refusals) Refused(_ context.Context, f access.Refusal) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kept = append(r.kept, f)
	return nil
}

// Who has a wrong key or may not do what is asked for is written down, with the route, the address
// and the request; who has none at all is not.
func TestRefusedRequestsAreWrittenDown(t *testing.T) {
	s := newStand(t, unlimited)
	s.ask("GET", "/who", "", sender()...)
	s.ask("GET", "/who", "")
	require.Empty(t, s.refusals.kept)
	s.ask("GET", "/who", "", "X-Token", "no such token", "X-Request-Id", "guess")
	s.ask("POST", "/send", "{}", "X-Token", "viewer-token", "X-Request-Id", "may-not")
	require.Len(t, s.refusals.kept, 2)
	guess, mayNot := s.refusals.kept[0], s.refusals.kept[1]
	require.Equal(t, access.Refusal{
		Why: access.RefusedKey, From: access.From{Route: "GET /who", Source: guess.Source, RequestID: "guess"},
	}, guess)
	require.NotEmpty(t, guess.Source)
	require.Equal(t, access.RefusedRole, mayNot.Why)
	require.Equal(t, "key 2 (wall)", mayNot.Caller.Actor())
	require.Equal(t, "may-not", mayNot.RequestID)
	s.ask("GET", "/who", "", "X-Token", "far-token")
	require.Len(t, s.refusals.kept, 3)
	require.Equal(t, access.RefusedKey, s.refusals.kept[2].Why)
	require.Equal(t, "key 9 (elsewhere)", s.refusals.kept[2].Caller.Actor(), "whose key it was is known")
}
