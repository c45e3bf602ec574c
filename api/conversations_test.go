package api_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/internal/secret"
	"carillon/providers/hook"
)

// A person answers somebody who wrote: what is said to and fro stands in one conversation.
func TestConversations(t *testing.T) {
	s := newServer(t)
	const key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"
	s.ok("POST", "/v1/channels", `{"name":"hook","provider":"webhook","config":{"url":"https://example.org/hook","secret":"`+key+`"}}`)
	ada, bob := s.contact("Ada", "ada@example.org"), s.contact("Bob", "bob@example.org")
	open := fmt.Sprintf(`{"channel_id":1,"contact_id":%v,"labels":["vip"],"custom_attributes":{"order":7}}`, ada)
	golden(t, "conversations.txt", s.transcript(
		[]string{"GET", "/v1/conversations"},
		[]string{"POST", "/v1/conversations", open},
		[]string{"POST", "/v1/conversations", fmt.Sprintf(`{"channel_id":9,"contact_id":%v}`, ada)},
		[]string{"POST", "/v1/conversations", fmt.Sprintf(`{"channel_id":1,"contact_id":%v,"custom_attributes":[]}`, ada)},
		[]string{"POST", "/v1/conversations/1/messages",
			`{"content":{"text":"Hello {{ contact.first_name }}, {{ row.what }}","subject":"Hello"},"data":{"what":"it is sent"}}`},
		[]string{"POST", "/v1/conversations/1/messages", `{"content":{}}`},
		[]string{"POST", "/v1/conversations/9/messages", `{"content":{"subject":"Hi","text":"Hello"}}`},
		[]string{"POST", "/v1/conversations/1/notes", `{"text":"Was angry."}`},
		[]string{"POST", "/v1/conversations/9/notes", `{"text":"Was angry."}`},
		[]string{"GET", "/v1/conversations/1/entries?limit=1"},
		[]string{"GET", "/v1/conversations/1/entries?cursor=Mg"},
		[]string{"GET", "/v1/conversations/9/entries"},
		[]string{"DELETE", "/v1/conversations/1/entries/2"},
		[]string{"DELETE", "/v1/conversations/2/entries/1"},
		[]string{"GET", "/v1/conversations/1/entries?limit=1"},
		[]string{"PATCH", "/v1/conversations/1", `{"status":"resolved","labels":[]}`},
		[]string{"PATCH", "/v1/conversations/1", `{"status":"done"}`},
		[]string{"PATCH", "/v1/conversations/9", `{"status":"open"}`},
		[]string{"GET", "/v1/conversations/1"},
		[]string{"GET", "/v1/audit?limit=1"},
	))

	// What the contact writes then begins another.
	signer, err := hook.NewSigner(secret.New(key))
	require.NoError(t, err)
	heard := []byte(`{"replies":[{"id":"r1","from":"ada@example.org","text":"It is broken."}]}`)
	signed := []string{"Authorization", ""}
	header := signer.Header("evt", noon, heard)
	for name := range header {
		signed = append(signed, name, header.Get(name))
	}
	require.Equal(t, 200, s.do("POST", "/hooks/1", string(heard), signed...).Code)
	said := s.ok("GET", "/v1/conversations/2/entries", "")["items"].([]any)[0].(map[string]any)
	require.Equal(t, "It is broken.", said["text"])
	require.Equal(t, "incoming", said["direction"])
	require.NotContains(t, said, "state")

	s.clock.Advance(time.Minute)
	s.ok("POST", "/v1/conversations", fmt.Sprintf(`{"channel_id":1,"contact_id":%v,"labels":["vip"]}`, bob))
	ids := func(query string) (ids []float64) {
		s.t.Helper()
		for cursor := ""; ; {
			page := s.ok("GET", "/v1/conversations?limit=1&cursor="+cursor+query, "")
			for _, item := range page["items"].([]any) {
				ids = append(ids, item.(map[string]any)["id"].(float64))
			}
			if cursor = page["next_cursor"].(string); cursor == "" {
				return ids
			}
		}
	}
	require.Equal(t, []float64{3, 2, 1}, ids(""), "those of late first, page by page")
	s.clock.Advance(time.Minute)
	s.ok("POST", "/v1/conversations/1/notes", `{"text":"Called again."}`)
	require.Equal(t, []float64{1, 3, 2}, ids(""))
	for query, want := range map[string][]float64{
		"&status=open": {3, 2}, "&status=resolved": {1}, "&status=snoozed": nil, "&label=vip": {3}, "&channel_id=1": {1, 3, 2}, "&channel_id=7": nil,
		fmt.Sprintf("&contact_id=%v", bob): {3}, "&q=called": {1}, "&q=bob": nil,
	} {
		require.Equal(t, want, ids(query), query)
	}
	for _, cursor := range []string{"!", "Mg", "MS54", "MS4w"} {
		require.Equal(t, 422, s.do("GET", "/v1/conversations?cursor="+cursor, "").Code, cursor)
	}

	// Who may look changes nothing; who may send alone sees nothing.
	for _, ask := range []struct {
		method, path, body string
		role               access.Role
		want               int
	}{
		{"GET", "/v1/conversations/2", "", access.Viewer, http.StatusOK},
		{"PATCH", "/v1/conversations/2", `{"status":"pending"}`, access.Viewer, http.StatusForbidden},
		{"POST", "/v1/conversations/2/messages", `{"content":{"subject":"Hi","text":"Hi"}}`, access.Viewer, http.StatusForbidden},
		{"POST", "/v1/conversations/2/messages", `{"content":{"subject":"Hi","text":"Hi"}}`, access.Sender, http.StatusAccepted},
		{"GET", "/v1/conversations/2/entries", "", access.Sender, http.StatusForbidden},
		{"POST", "/v1/conversations/2/notes", `{"text":"Hi"}`, access.Editor, http.StatusCreated},
	} {
		require.Equal(t, ask.want, s.do(ask.method, ask.path, ask.body, as(ask.role)...).Code, "%s %s as %s", ask.method, ask.path, ask.role)
	}
	require.NotContains(t, fmt.Sprint(s.ok("GET", "/v1/audit?limit=100", "")), "angry", "what was noted is not in the trail")
}
