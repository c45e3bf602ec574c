package browsertest

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a real browser makes of passkeys, whose keeper is one that the browser itself plays. They
// hang on a name: the server is reached by that of the machine.
func TestPasskeysInABrowser(t *testing.T) {
	t.Parallel()
	s := serveAs(t, "http://localhost", http.DefaultClient)
	const email, password = "grace@example.org", "a sentence that nobody else says"
	invited := s.post("/v1/invitations", object{"email": email, "role": "editor"})
	s.post("/v1/invitation/accept", object{"token": invited["token"], "name": "Grace", "password": password})
	walk(t, "passkeys.mjs", object{"base": s.base, "email": email, "password": password}, 6)

	entries, ok := s.ask(http.MethodGet, "/v1/audit", nil)["items"].([]any)
	require.True(t, ok)
	done := map[any]int{}
	for _, entry := range entries {
		entry, ok := entry.(object)
		require.True(t, ok)
		done[entry["action"]]++
	}
	require.Equal(t, 1, done["add-passkey"])
	require.Equal(t, 1, done["rename-passkey"])
	require.Equal(t, 1, done["drop-passkey"])
	// By the password, by the passkey, by both, and by the password alone once it is gone; and a new
	// session when the passkey came, and when it went.
	require.Equal(t, 6, done["sign-in"])
	// That of a passkey which was taken away is counted with the first, within a minute.
	require.GreaterOrEqual(t, done["refuse-sign-in"], 2, "an answer that was used, and a copy")
}
