package api_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// refusals are the entries of an action in the trail, the oldest first.
func (s *server) refusals(action string) (entries []map[string]any) {
	s.t.Helper()
	for _, e := range s.ok("GET", "/v1/audit?action="+action, "")["items"].([]any) {
		entries = append([]map[string]any{e.(map[string]any)}, entries...)
	}
	return entries
}

// Whoever may not is written down, whatever keeps them out and whoever they are, with the request
// that it was.
func TestWhoMayNotIsInTheTrail(t *testing.T) {
	s := newServer(t)
	_, key := s.key(`{"name":"report","role":"viewer","scopes":["contacts:read"]}`)
	id := s.invited("ada@example.org", "viewer", false)
	ada := s.in("ada@example.org")
	for i, asked := range []struct {
		status       int
		actor, route string
	}{
		{s.do("GET", "/v1/campaigns", "", append(key, "X-Request-Id", "asked-0")...).Code, `key \d+ \(report\)`, "GET /v1/campaigns"},
		{ada.ask("POST", "/v1/contacts", `{"addresses":{"email":"bob@example.org"}}`, "X-Request-Id", "asked-1").Code,
			fmt.Sprintf(`user %d \(ada@example.org\)`, id), "POST /v1/contacts"},
		{s.do("POST", "/v1/accounts", `{"name":"shop"}`, "X-Request-Id", "asked-2").Code, `key \d+ \(admin\)`, "POST /v1/accounts"},
	} {
		require.Equal(t, http.StatusForbidden, asked.status, asked.route)
		entries := s.refusals("refuse-role")
		require.Len(t, entries, 3)
		require.Regexp(t, "^"+asked.actor+"$", entries[i]["actor"])
		require.Equal(t, map[string]any{"route": asked.route}, entries[i]["detail"])
		require.Equal(t, fmt.Sprint("asked-", i), entries[i]["request_id"])
		require.NotEmpty(t, entries[i]["source"])
	}
}

// Sign-ins that open nothing are written down as refused keys are: the first with its request, and
// what follows within a minute as a number. What a stranger gives for an address is not.
func TestRefusedSignInsAreInTheTrailWithinBounds(t *testing.T) {
	s := newServer(t)
	id := s.invited("ada@example.org", "viewer", false)
	p := s.browser()
	signIn := func(email, request string) {
		body := fmt.Sprintf(`{"email":%q,"password":"wrong password here"}`, email)
		require.Equal(t, http.StatusUnauthorized, p.ask("POST", "/v1/session", body, "X-Request-Id", request).Code)
	}
	for i := range 30 {
		signIn("ada@example.org", fmt.Sprint("guess-", i))
	}
	entries := s.refusals("refuse-sign-in")
	require.Len(t, entries, 1)
	user := fmt.Sprintf("user %d (ada@example.org)", id)
	require.Equal(t, user, entries[0]["actor"])
	require.Equal(t, "guess-0", entries[0]["request_id"])
	require.Equal(t, "192.0.2.1", entries[0]["source"])
	require.Equal(t, map[string]any{"route": "POST /v1/session"}, entries[0]["detail"])
	signIn("my-secret@example.org", "stranger")
	entries = s.refusals("refuse-sign-in")
	require.Len(t, entries, 2)
	require.Equal(t, "nobody", entries[1]["actor"])
	require.Equal(t, "stranger", entries[1]["request_id"])
	require.NotContains(t, s.do("GET", "/v1/audit", "").Body.String(), "my-secret")

	s.clock.Advance(time.Minute)
	signIn("ada@example.org", "later")
	entries = s.refusals("refuse-sign-in")
	require.Len(t, entries, 4)
	require.Equal(t, map[string]any{"more": 29.0}, entries[2]["detail"])
	require.Equal(t, "later", entries[3]["request_id"])

	// The password once more, of somebody who is signed in, is a sign-in, too; and who gets in is not.
	s.clock.Advance(time.Minute)
	ada := s.in("ada@example.org")
	require.Len(t, s.refusals("refuse-sign-in"), 4)
	w := ada.ask("PUT", "/v1/me/password", `{"present":"is it this one?","new":"another sentence nobody says"}`, "X-Request-Id", "once-more")
	require.Equal(t, http.StatusUnauthorized, w.Code, w.Body)
	entries = s.refusals("refuse-sign-in")
	require.Equal(t, "once-more", entries[len(entries)-1]["request_id"])
	require.Equal(t, map[string]any{"route": "PUT /v1/me/password"}, entries[len(entries)-1]["detail"])
}
