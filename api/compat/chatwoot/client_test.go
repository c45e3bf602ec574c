package chatwoot_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What the client does that Chatwoot's users have: it sends messages as forms, nested values
// as JSON texts, and its own names for filters.
func TestTheClientWorks(t *testing.T) {
	s := newServer(t)
	server := httptest.NewServer(s.handler)
	defer server.Close()
	dir, err := filepath.Abs("../../../tools/chatwoot")
	require.NoError(t, err)
	bounded, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "@figuro", "chatwoot-sdk")); err != nil {
		install := exec.CommandContext(bounded, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
		install.Dir = dir
		output, err := install.CombinedOutput()
		require.NoError(t, err, "npm installs the client (Node 20 or newer is needed): %s", output)
	}
	given, err := json.Marshal(m{"url": server.URL, "token": string(s.role) + "-key-0123456789", "account": s.Account, "whatsapp": s.whats.ID, "app": s.app.ID})
	require.NoError(t, err)
	drive := exec.CommandContext(bounded, "node", "client.mjs")
	drive.Dir, drive.Stdin = dir, bytes.NewReader(given)
	output, err := drive.CombinedOutput()
	require.NoError(t, err, string(output))
	require.JSONEq(t, `{
		"definition": ["plan", "text", "contact_attribute"], "definitions": 1,
		"made": ["Mary", "gold", "447700900123"],
		"twice": {"status": 422, "body": {"message": "Email has already been taken", "attributes": ["email"]}},
		"updated": "Mary S.", "listed": {"count": 1, "current_page": "1"}, "searched": 1, "filtered": 1, "reachable": 4, "inbox": "Channel::Whatsapp",
		"filter": ["Gold", "contact"], "filters": 1,
		"message": ["Order 10", 1, "sent", false], "note": true, "messages": ["Order 10", "a note"], "hidden": "This message was deleted",
		"conversations": 1, "meta": 1, "toggled": "resolved", "theirs": 1,
		"hook": ["https://example.org/hook", "message_created"],
		"wrong": {"status": 422, "body": {"message": "Url is invalid", "attributes": ["url"]}}, "hooks": 1,
		"metrics": {"open": 0, "unattended": 0, "unassigned": 0, "pending": 0}, "days": 31, "gone": 404
	}`, string(output))
}
