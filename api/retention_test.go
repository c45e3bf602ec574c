package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
)

// For how long what is kept is shown and changed kind by kind; what can't be is refused whole, and
// names the kind; a preview changes nothing.
func TestRetention(t *testing.T) {
	s := newServer(t)
	days := func() map[string]any {
		kept := map[string]any{}
		for _, item := range s.ok("GET", "/v1/retention", "")["items"].([]any) {
			kept[item.(map[string]any)["kind"].(string)] = item.(map[string]any)["days"]
		}
		return kept
	}
	before := days()
	require.Len(t, before, 9)
	require.EqualValues(t, 0, before["messages"])
	require.EqualValues(t, 400, before["events"])
	for body, want := range map[string]string{
		`{"messages":29,"contents":5}`: "messages",
		`{"audit":3}`:                  "audit",
		`{"messages":4000}`:            "body.messages",
		`{"clicks":-1}`:                "body.clicks",
		`{"click":1}`:                  "body.click",
		`{"messages":"30"}`:            "body.messages",
		`{"messages":30.5}`:            "body.messages",
	} {
		for path, method := range map[string]string{"/v1/retention": "PATCH", "/v1/retention/preview": "POST"} {
			answer := s.do(method, path, body)
			require.Equal(t, 422, answer.Code, body)
			require.Contains(t, answer.Body.String(), want, body)
		}
	}
	preview := s.ok("POST", "/v1/retention/preview", `{"messages":30,"clicks":0}`)["items"].([]any)
	require.Len(t, preview, 1)
	require.Equal(t, map[string]any{"kind": "messages", "days": 30.0, "rows": 0.0}, preview[0])
	require.Equal(t, before, days())
	s.ok("PATCH", "/v1/retention", `{"messages":30,"events":0}`)
	before["messages"], before["events"] = 30.0, 0.0
	require.Equal(t, before, days())
	s.ok("PATCH", "/v1/retention", `{"events":400}`)
	before["events"] = 400.0
	require.Equal(t, before, days())
	require.Equal(t, 403, s.do("PATCH", "/v1/retention", `{"messages":0}`, as(access.Viewer)...).Code)

	size := s.ok("GET", "/v1/store/size", "")
	require.Positive(t, size["bytes"])
	parts := map[string]map[string]any{}
	for _, part := range size["parts"].([]any) {
		parts[part.(map[string]any)["name"].(string)] = part.(map[string]any)
	}
	require.EqualValues(t, 30, parts["messages"]["days"])
	require.NotContains(t, parts["contacts"], "days")
	require.Contains(t, parts["audit"], "oldest", "the changes above stand there")
}
