package outgoing_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/internal/secret"
	"carillon/outgoing"
)

// The libraries that receivers use in JavaScript, standardwebhooks and svix, believe what
// is signed, also while a secret is replaced, and nothing that was altered or is old.
func TestReceiversLibrariesBelieveIt(t *testing.T) {
	const mine, other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr", "whsec_AAKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"
	body := `{"id":"evt_1","type":"message.sent","data":{"text":"Grüße \u2028 😀"}}`
	var lines bytes.Buffer
	add := func(key string, at time.Time, signers []string, sent string) {
		var secrets []secret.String
		for _, s := range signers {
			secrets = append(secrets, secret.New(s))
		}
		header, err := outgoing.Header(secrets, "msg_1_2", at, []byte(body))
		require.NoError(t, err)
		headers := map[string]string{}
		for name := range header {
			headers[strings.ToLower(name)] = header.Get(name)
		}
		require.NoError(t, json.NewEncoder(&lines).Encode(map[string]any{"secret": key, "headers": headers, "body": sent}))
	}
	now := clock.System{}.Now()
	add(mine, now, []string{mine}, body)
	add(mine, now, []string{other, mine}, body)
	add(other, now, []string{other, mine}, body)
	believed := 3
	add(other, now, []string{mine}, body)
	add(mine, now, []string{mine}, strings.Replace(body, "evt_1", "evt_2", 1))
	add(mine, now.Add(-time.Hour), []string{mine}, body)

	dir, err := filepath.Abs("../tools/webhooks")
	require.NoError(t, err)
	bounded, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "svix")); err != nil {
		install := exec.CommandContext(bounded, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
		install.Dir = dir
		output, err := install.CombinedOutput()
		require.NoError(t, err, "npm installs the libraries (Node 20 or newer is needed): %s", output)
	}
	verify := exec.CommandContext(bounded, "node", "verify.mjs")
	verify.Dir, verify.Stdin = dir, &lines
	output, err := verify.Output()
	require.NoError(t, err)
	said := strings.Split(strings.TrimSpace(string(output)), "\n")
	require.Len(t, said, 6)
	for i, line := range said {
		var by map[string]string
		require.NoError(t, json.Unmarshal([]byte(line), &by))
		require.Len(t, by, 2)
		for library, word := range by {
			require.Equal(t, i < believed, word == "ok", "%s of request %d: %s", library, i, word)
		}
	}
}
