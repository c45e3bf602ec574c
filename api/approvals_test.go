package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
)

func TestCampaignApproval(t *testing.T) {
	s := newServer(t)
	s.contact("Ada", "ada@example.org")
	s.campaign(s.channel(), "")
	s.ok("PATCH", "/v1/settings", `{"approval":{"required":true}}`)
	require.Equal(t, map[string]any{"required": true}, s.ok("GET", "/v1/settings", "")["approval"])
	require.Equal(t, 403, s.do("POST", "/v1/campaigns/1/propose", "", as(access.Viewer)...).Code)
	s.ok("POST", "/v1/campaigns/1/propose", `{"note":"for Monday"}`, as(access.Editor)...)
	require.Equal(t, 403, s.do("POST", "/v1/campaigns/1/approve", "", as(access.Editor)...).Code, "who proposed it")
	golden(t, "approvals.txt", s.transcript(
		[]string{"GET", "/v1/campaigns/1/checks", ""},
		[]string{"POST", "/v1/campaigns/1/start", ""},
		[]string{"POST", "/v1/campaigns/1/approve", ""},
		[]string{"PATCH", "/v1/campaigns/1", `{"content":{"subject":"Hello","text":"Hi","html":"<a href=\"\">Shop</a>"}}`},
		[]string{"GET", "/v1/campaigns/1", ""},
		[]string{"GET", "/v1/campaigns/1/checks", ""},
		[]string{"POST", "/v1/campaigns/1/start", ""},
		[]string{"POST", "/v1/campaigns/1/propose", ""},
		[]string{"POST", "/v1/campaigns/1/reject", `{"note":"the link is empty"}`},
		[]string{"POST", "/v1/campaigns/1/start", `{"undo_seconds":301}`},
		[]string{"PATCH", "/v1/settings", `{"approval":{"required":false}}`},
		[]string{"PATCH", "/v1/campaigns/1", `{"content":{"subject":"Hello","text":"Hi"}}`},
		[]string{"POST", "/v1/campaigns/1/start", `{"undo_seconds":30}`},
	))
	list := s.ok("GET", "/v1/audit", "")["items"].([]any)
	var actions []any
	for _, item := range list {
		actions = append(actions, item.(map[string]any)["action"])
	}
	for _, action := range []string{"propose-campaign", "approve-campaign", "reject-campaign", "update-settings"} {
		require.Contains(t, actions, action)
	}
}
