package app

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/configs"
	"carillon/internal/secret"
)

// The first person comes by a link that a terminal shows at each start until somebody has come,
// and a log never.
func TestWelcome(t *testing.T) {
	c := configs.Config{DataDir: t.TempDir(), MasterKey: secret.New("a master key for this test"), Listen: "127.0.0.1:0", ShutdownSeconds: 10, LogLevel: "error"}
	s, err := Start(t.Context(), c, AllRoles, Notices{Say: func(string) {}})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Stop()) }()
	said := func(private bool) string {
		var lines []string
		require.NoError(t, s.welcome(t.Context(), Notices{Private: private, Say: func(line string) { lines = append(lines, line) }}))
		return strings.Join(lines, "\n")
	}
	logged := said(false)
	require.Contains(t, logged, "carillon users invite --role admin")
	require.NotContains(t, logged, "#")
	link := regexp.MustCompile(`(http://127\.0\.0\.1:\d+)/invitation#(\S+)`).FindStringSubmatch(said(true))
	require.NotNil(t, link)
	require.Equal(t, s.URL, link[1])
	body := fmt.Sprintf(`{"token":%q,"email":"ada@example.org","name":"Ada","password":"a sentence that nobody else says"}`, link[2])
	answer, err := http.Post(s.URL+"/v1/invitation/accept", "application/json", strings.NewReader(body))
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Empty(t, said(true))
	require.Empty(t, said(false))
}
