package api_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
)

// No string of any request may hold what a store can't keep: the answer names
// the field, whatever the store is.
func TestControlCharactersAreRefusedEverywhere(t *testing.T) {
	s := newServer(t)
	channel := s.channel()
	for _, c := range []struct{ method, path, body, at string }{
		{"POST", "/v1/channels", `{"name":"a\u0000b","provider":"sandbox"}`, "body.name"},
		{"POST", "/v1/channels", `{"name":"a\nb","provider":"sandbox"}`, "body.name"},
		{"PATCH", fmt.Sprintf("/v1/channels/%d", channel), `{"name":"a\u0000b"}`, "body.name"},
		{"POST", "/v1/campaigns", fmt.Sprintf(`{"name":"x\u0000","channel_id":%d,"audience":{"all":true},"content":{"text":"x"}}`, channel), "body.name"},
		{"POST", "/v1/campaigns", fmt.Sprintf(`{"name":"x","channel_id":%d,"audience":{"all":true},"content":{"text":"x\u0000y"}}`, channel), "body.content.text"},
		{"POST", "/v1/contacts", `{"first_name":"A\u001b","addresses":{"email":"a@example.org"}}`, "body.first_name"},
		{"POST", "/v1/contacts", "{\"first_name\":\"A\u0085\",\"addresses\":{\"email\":\"a@example.org\"}}", "body.first_name"},
		{"POST", "/v1/contacts", `{"attributes":{"a\u0000b":"x"},"addresses":{"email":"a@example.org"}}`, "body.attributes"},
		{"POST", "/v1/contacts", "{\"first_name\":\"\xff\",\"addresses\":{\"email\":\"a@example.org\"}}", "body"},
		{"GET", "/v1/messages?address=a%00b", "", "query.address"},
		{"GET", "/v1/messages?address=%ff", "", "query.address"},
		{"GET", "/v1/suppressions?kind=%00", "", "query.kind"},
		{"GET", "/v1/contacts?search=a%0ab", "", "query.search"},
		{"GET", "/v1/campaigns/%00", "", "path"},
	} {
		w := s.do(c.method, c.path, c.body)
		require.Equal(t, 422, w.Code, "%s %s %s: %s", c.method, c.path, c.body, w.Body)
		require.Contains(t, w.Body.String(), `"location":"`+c.at, "%s %s", c.method, c.path)
		require.NotContains(t, w.Body.String(), "\\u0000")
	}
	body, kind := upload("a\x01.csv", "email\nada@example.org\n")
	require.Equal(t, 422, s.do("POST", "/v1/contacts/import", body, "Content-Type", kind).Code)
	body, kind = upload("a.csv", "email\nada@example.org\n", "options", `{"group":"a\u0000b"}`)
	w := s.do("POST", "/v1/contacts/import", body, "Content-Type", kind)
	require.Equal(t, 422, w.Code)
	require.Contains(t, w.Body.String(), "options.group")
	require.Empty(t, s.ok("GET", "/v1/contacts", "")["items"], "nothing was kept")
}

// Texts of several lines stay what they are.
func TestLinesAndTabsMayBeSent(t *testing.T) {
	s := newServer(t)
	text := "Hello,\n\n\tyour coupon: 10 % – “Grüße” 😀\r\n"
	c := s.ok("POST", "/v1/campaigns", fmt.Sprintf(`{"name":"x","channel_id":%d,"audience":{"all":true},"content":{"subject":"s","text":%q}}`, s.channel(), text))
	require.Equal(t, text, c["content"].(map[string]any)["text"])
	s.ok("GET", "/v1/messages?address="+url.QueryEscape("grüße@example.org"), "")
}

// Who guesses keys is slowed down; who has one is not, nor is anybody else.
func TestWrongKeysSlowDown(t *testing.T) {
	s := newServer(t)
	right := func() int { return s.do("GET", "/v1/channels", "").Code }
	guess := func() int { return s.do("GET", "/v1/channels", "", "Authorization", "Bearer wrong-key").Code }
	require.Equal(t, 200, right())
	answers := map[int]int{}
	for range 100 {
		answers[guess()]++
		require.Equal(t, 200, right(), "a key that worked from here goes on working")
	}
	require.LessOrEqual(t, answers[401], 20)
	require.Equal(t, 100, answers[401]+answers[429])
	w := s.do("GET", "/v1/channels", "", "Authorization", "Bearer wrong-key")
	require.Equal(t, "1", w.Header().Get("Retry-After"))
	require.Equal(t, 429, s.do("GET", "/v1/channels", "", as(access.Viewer)...).Code, "a key that has not been seen from here has to wait")
	require.Equal(t, 401, s.do("GET", "/v1/channels", "", "Authorization", "").Code, "no key is no guess")
	s.clock.Advance(1e9)
	require.Equal(t, 200, s.do("GET", "/v1/channels", "", as(access.Viewer)...).Code)
}

// Whoever may not take files of people may take none of them.
func TestFilesOfPeopleAreForEditors(t *testing.T) {
	s := newServer(t)
	found := 0
	for path, item := range s.OpenAPI().Paths {
		for method, o := range map[string]bool{"GET": item.Get != nil, "POST": item.Post != nil} {
			if !o || !strings.HasSuffix(path, ".csv") && !strings.HasSuffix(path, "/export") {
				continue
			}
			found++
			at := strings.ReplaceAll(path, "{id}", "1")
			for _, role := range []access.Role{access.Viewer, access.Sender} {
				require.Equal(t, 403, s.do(method, at, "", as(role)...).Code, "%s %s as %s", method, path, role)
			}
			taker := access.Editor
			if path == "/v1/audit/export" || path == "/v1/users/{id}/export" {
				// Who sees what others did may do all.
				require.Equal(t, 403, s.do(method, at, "", as(taker)...).Code)
				taker = access.Admin
			}
			require.NotEqual(t, 403, s.do(method, at, "", as(taker)...).Code, path)
		}
	}
	require.GreaterOrEqual(t, found, 5)
}

func TestTheWholeQueueIsClearedOnlyOnDemand(t *testing.T) {
	s := newServer(t)
	for path, at := range map[string]string{
		"/v1/queue": "query.all", "/v1/queue?all=false": "query.all", "/v1/queue?all=true&campaign_id=1": "query.all",
	} {
		w := s.do("DELETE", path, "")
		require.Equal(t, 422, w.Code, path)
		require.Contains(t, w.Body.String(), at)
	}
	s.ok("DELETE", "/v1/queue?all=true", "")
}
