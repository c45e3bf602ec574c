package api_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/api"
)

func TestKeysAndRoles(t *testing.T) {
	s := newServer(t)
	s.channel()
	made := s.ok("POST", "/v1/keys", `{"name":"deploy","role":"viewer"}`)
	require.Contains(t, made["key"], "car_")
	bearer := []string{"Authorization", "Bearer " + made["key"].(string)}
	s.ok("GET", "/v1/campaigns", "", bearer...)
	require.NotContains(t, s.do("GET", "/v1/keys", "").Body.String(), made["key"])
	s.ok("DELETE", fmt.Sprintf("/v1/keys/%v", made["id"]), "")
	require.Equal(t, 401, s.do("GET", "/v1/campaigns", "", bearer...).Code)
	require.Equal(t, 401, s.do("GET", "/v1/campaigns", "", "Authorization", "").Code)
	require.Equal(t, 401, s.do("GET", "/v1/campaigns", "", "Authorization", "Basic eDp5").Code)
	require.Equal(t, 401, s.do("GET", "/v1/nothing", "", "Authorization", "").Code, "nobody learns what there is")

	const message = `{"channel_id":1,"to":"a@example.org","content":{"subject":"s","text":"t"}}`
	for _, c := range []struct {
		method, path, body string
		may                map[access.Role]bool
	}{
		{"GET", "/v1/channels", "", map[access.Role]bool{access.Admin: true, access.Editor: true, access.Viewer: true, access.Sender: true}},
		{"GET", "/v1/contacts", "", map[access.Role]bool{access.Admin: true, access.Editor: true, access.Viewer: true}},
		{"GET", "/v1/messages", "", map[access.Role]bool{access.Admin: true, access.Editor: true, access.Viewer: true, access.Sender: true}},
		{"GET", "/v1/messages?campaign_id=1", "", map[access.Role]bool{access.Admin: true, access.Editor: true, access.Viewer: true}},
		{"POST", "/v1/messages", message, map[access.Role]bool{access.Admin: true, access.Sender: true}},
		{"POST", "/v1/groups", `{"name":"%s"}`, map[access.Role]bool{access.Admin: true, access.Editor: true}},
		{"DELETE", "/v1/queue?all=true", "", map[access.Role]bool{access.Admin: true, access.Editor: true}},
		{"POST", "/v1/channels", `{"name":"%s","provider":"sandbox"}`, map[access.Role]bool{access.Admin: true}},
		{"GET", "/v1/keys", "", map[access.Role]bool{access.Admin: true}},
		{"GET", "/v1/audit", "", map[access.Role]bool{access.Admin: true}},
	} {
		for _, role := range access.Roles() {
			w := s.do(c.method, c.path, strings.ReplaceAll(c.body, "%s", string(role)), as(role)...)
			if c.may[role] {
				require.Less(t, w.Code, 300, "%s %s as %s: %s", c.method, c.path, role, w.Body)
			} else {
				require.Equal(t, 403, w.Code, "%s %s as %s", c.method, c.path, role)
			}
		}
	}
}

func TestAudit(t *testing.T) {
	s := newServer(t)
	s.channel()
	s.ok("POST", "/v1/channels/1/pause", "")
	require.Equal(t, 404, s.do("POST", "/v1/channels/9/pause", "").Code)
	s.ok("GET", "/v1/channels", "")
	items := s.ok("GET", "/v1/audit", "")["items"].([]any)
	require.Equal(t, 2, s.woken)
	require.Len(t, items, 2, "changes that were made, and nothing else")
	require.Equal(t, "channel 1", items[1].(map[string]any)["target"])
	last := items[0].(map[string]any)
	require.Equal(t, "pause-channel", last["action"])
	require.Equal(t, "channel 1", last["target"])
	require.Equal(t, "key 1 (admin)", last["actor"])
}

func TestIdempotency(t *testing.T) {
	s := newServer(t)
	key := []string{"Idempotency-Key", "k-1"}
	first := s.do("POST", "/v1/groups", `{"name":"a"}`, key...)
	require.Equal(t, 201, first.Code)
	again := s.do("POST", "/v1/groups", `{"name":"a"}`, key...)
	require.Equal(t, 201, again.Code)
	require.Equal(t, first.Body.String(), again.Body.String())
	require.Equal(t, "true", again.Header().Get("Idempotency-Replayed"))
	require.Equal(t, first.Header().Get("Content-Type"), again.Header().Get("Content-Type"))
	require.Equal(t, 422, s.do("POST", "/v1/groups", `{"name":"b"}`, key...).Code)
	require.Equal(t, 422, s.do("POST", "/v1/keys", `{"name":"a"}`, key...).Code, "another path is another request")
	require.Equal(t, 422, s.do("POST", "/v1/groups", `{"name":"b"}`, "Idempotency-Key", "a b").Code)
	require.Len(t, s.ok("GET", "/v1/groups", "")["items"], 1)
	// Refusals are not kept: what is corrected may come under the same key.
	for wrong, status := range map[string]int{`{"name":""}`: 422, `{"name":`: 400, `{"name":"a"}`: 409, `{"title":"x"}`: 422} {
		require.Equal(t, status, s.do("POST", "/v1/groups", wrong, "Idempotency-Key", "k-2").Code)
	}
	require.Equal(t, 404, s.do("POST", "/v1/channels/9/pause", "", "Idempotency-Key", "k-2").Code)
	require.Equal(t, 201, s.do("POST", "/v1/groups", `{"name":"corrected"}`, "Idempotency-Key", "k-2").Code)
	// Nobody's key is in the way of another's, nor is its answer shown to another.
	for _, refused := range []access.Role{access.Viewer, access.Sender} {
		w := s.do("POST", "/v1/groups", `{"name":"a"}`, append(as(refused), key...)...)
		require.Equal(t, 403, w.Code, refused)
		require.Equal(t, 403, s.do("POST", "/v1/groups", `{"name":"d"}`, append(as(refused), "Idempotency-Key", "k-5")...).Code)
	}
	require.Equal(t, 201, s.do("POST", "/v1/groups", `{"name":"by the editor"}`, append(as(access.Editor), key...)...).Code)
	require.Equal(t, 201, s.do("POST", "/v1/groups", `{"name":"d"}`, "Idempotency-Key", "k-5").Code)
	// A request that never ended.
	_, err := s.store.BeginAnswer(t.Context(), s.account, "1:k-3", "other")
	require.NoError(t, err)
	require.Equal(t, 422, s.do("POST", "/v1/groups", `{"name":"c"}`, "Idempotency-Key", "k-3").Code)
	// A key is not written down.
	made := s.do("POST", "/v1/keys", `{"name":"x","role":"viewer"}`, "Idempotency-Key", "k-4")
	require.Contains(t, made.Body.String(), "car_")
	require.NotContains(t, s.do("POST", "/v1/keys", `{"name":"x","role":"viewer"}`, "Idempotency-Key", "k-4").Body.String(), "car_")
}

// Of two files of the same length under one key the second is another request;
// the same file with another boundary is the same.
func TestIdempotencyOfUploads(t *testing.T) {
	s := newServer(t)
	send := func(content, key string) *httptest.ResponseRecorder {
		body, kind := upload("people.csv", content)
		return s.do("POST", "/v1/contacts/import", body, "Content-Type", kind, "Idempotency-Key", key)
	}
	first := send("email\nada@example.org\n", "file")
	require.Equal(t, 202, first.Code, first.Body)
	again := send("email\nada@example.org\n", "file")
	require.Equal(t, "true", again.Header().Get("Idempotency-Replayed"), again.Body)
	require.Equal(t, first.Body.String(), again.Body.String())
	require.Equal(t, 422, send("email\nbob@example.org\n", "file").Code)
	require.Equal(t, 422, send("email\nada@example.org\n"+strings.Repeat("x@example.org\n", 1000), "file").Code)
	require.Equal(t, 422, send("email\n", "file").Code)
	require.Len(t, s.ok("GET", "/v1/uploads", "")["items"], 1)
	require.Equal(t, 422, s.do("POST", "/v1/contacts/import", "nothing", "Idempotency-Key", "other").Code)
	require.Equal(t, 202, send("email\nbob@example.org\n", "other").Code)
}

func TestBounds(t *testing.T) {
	s := newServer(t, func(_ *server, d *api.Deps) { d.Options.RatePerSecond, d.Options.Burst = 1, 3 })
	w := s.do("POST", "/v1/groups", `{"name":"`+strings.Repeat("x", 70<<10)+`"}`)
	require.Equal(t, 413, w.Code)
	require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
	require.Equal(t, 400, s.do("POST", "/v1/groups", `{"name":`).Code)
	require.Equal(t, 200, s.do("GET", "/v1/groups", "").Code)
	w = s.do("GET", "/v1/groups", "")
	require.Equal(t, 429, w.Code)
	require.Equal(t, "1", w.Header().Get("Retry-After"))
	require.Equal(t, 200, s.do("GET", "/v1/groups", "", as(access.Viewer)...).Code, "each key has its own")
	s.clock.Advance(time.Second)
	require.Equal(t, 200, s.do("GET", "/v1/groups", "").Code)
}

func TestRequestIDAndLog(t *testing.T) {
	s := newServer(t)
	require.Equal(t, "abc-1", s.do("GET", "/v1/contacts?email=ada@example.org", "", "X-Request-Id", "abc-1").Header().Get("X-Request-Id"))
	require.Len(t, s.do("GET", "/healthz", "", "X-Request-Id", "evil\tid").Header().Get("X-Request-Id"), 16)
	require.Contains(t, s.log.String(), "request_id=abc-1")
	require.NotContains(t, s.log.String(), "ada@example.org")
	require.Contains(t, s.metered, "GET /v1/contacts 200")
	require.Equal(t, 404, s.do("GET", "/nothing", "").Code)
	require.Equal(t, 404, s.do("GET", "/v1/nothing", "").Code)
}

func TestAMethodThatDoesNotGoWithAPath(t *testing.T) {
	s := newServer(t)
	w := s.do("PUT", "/v1/groups", `{}`)
	require.Equal(t, 405, w.Code)
	require.Equal(t, "GET, POST", w.Header().Get("Allow"))
	require.Contains(t, w.Body.String(), "/v1/groups does not go with PUT here: use GET or POST")
	require.Equal(t, 405, s.do("DELETE", "/healthz", "").Code)
}

// The trail says what was there before and after, which request it was and where
// that came from; no secret, and of people no value.
func TestAuditSaysWhatChanged(t *testing.T) {
	s := newServer(t)
	const secretValue = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"
	last := func() map[string]any {
		t.Helper()
		return s.ok("GET", "/v1/audit?limit=1", "")["items"].([]any)[0].(map[string]any)
	}
	s.ok("POST", "/v1/channels", `{"name":"hook","provider":"webhook","config":{"url":"https://example.org/token-in-url","secret":"`+secretValue+`"},`+
		`"limits":{"per_second":5}}`)
	made := last()
	require.Equal(t, "hook", made["detail"].(map[string]any)["after"].(map[string]any)["name"])
	require.NotContains(t, made["detail"], "before")
	s.ok("PATCH", "/v1/channels/1", `{"limits":{"per_second":7}}`, "X-Request-Id", "my-request")
	changed := last()
	require.Equal(t, "my-request", changed["request_id"])
	require.Equal(t, "192.0.2.1", changed["source"], "of httptest")
	require.Equal(t, map[string]any{
		"before": map[string]any{"limits": map[string]any{"per_second": 5.0, "concurrency": "auto"}},
		"after":  map[string]any{"limits": map[string]any{"per_second": 7.0, "concurrency": "auto"}},
	}, changed["detail"])
	s.ok("POST", "/v1/channels/1/pause", "")
	require.Equal(t, "paused", last()["detail"].(map[string]any)["after"].(map[string]any)["status"])
	s.ok("DELETE", "/v1/channels/1", "")
	require.Equal(t, "hook", last()["detail"].(map[string]any)["before"].(map[string]any)["name"])

	key := s.ok("POST", "/v1/keys", `{"name":"shop","role":"sender"}`)["key"].(string)
	require.Equal(t, "sender", last()["detail"].(map[string]any)["after"].(map[string]any)["role"])

	channel := s.channel()
	campaign := s.campaign(channel, "")
	s.ok("PATCH", fmt.Sprintf("/v1/campaigns/%d", campaign), `{"content":{"subject":"x","text":"`+strings.Repeat("long ", 1000)+`"}}`)
	require.Regexp(t, `^5\d{3} bytes, sha256 [0-9a-f]{64}$`, last()["detail"].(map[string]any)["after"].(map[string]any)["content"])

	id := int64(s.ok("POST", "/v1/contacts", `{"first_name":"Ada","addresses":{"email":"ada@secret.example"}}`)["id"].(float64))
	require.NotContains(t, last(), "detail", "that it was made is all there is to tell")
	s.ok("PATCH", fmt.Sprintf("/v1/contacts/%d", id), `{"first_name":"Augusta"}`)
	require.Equal(t, map[string]any{"changed": []any{"first_name"}}, last()["detail"])
	s.ok("PATCH", fmt.Sprintf("/v1/contacts/%d", id), `{"first_name":"Augusta"}`)
	require.NotContains(t, last(), "detail", "nothing changed")

	s.ok("POST", "/v1/targeting", `{"name":"one","rule":{"condition":"OR","rules":[{"field":"first_name","operator":"equal","value":"ada@secret.example"},`+
		`{"field":"first_name","operator":"in","value":["ada@secret.example"]}]}}`)
	require.Contains(t, fmt.Sprint(last()["detail"]), "<an address>")
	require.Contains(t, fmt.Sprint(last()["detail"]), "2026-03-01", "a time is no number to call")

	whole := s.do("GET", "/v1/audit?limit=500", "").Body.String()
	for _, private := range []string{secretValue, "token-in-url", key, "ada@secret.example", "Augusta", adminKey} {
		require.NotContains(t, whole, private)
	}
}

// Who takes people's data out is in the trail; who looks at a page of it is not.
func TestReadingManyPeopleIsAudited(t *testing.T) {
	s := newServer(t)
	channel := s.channel()
	campaign := s.campaign(channel, "")
	ada := fmt.Sprintf("/v1/contacts/%v", s.ok("POST", "/v1/contacts", `{"first_name":"Ada","addresses":{"email":"ada@secret.example"}}`)["id"])
	run := int64(s.ok("POST", fmt.Sprintf("/v1/campaigns/%d/start", campaign), "")["run_id"].(float64))
	before := len(s.ok("GET", "/v1/audit?limit=500", "")["items"].([]any))
	for _, path := range []string{"/v1/contacts", ada, "/v1/contacts?limit=100", "/v1/messages", "/v1/campaigns?limit=500", fmt.Sprintf("/v1/runs/%d", run)} {
		require.Equal(t, 200, s.do("GET", path, "").Code, path)
	}
	require.Len(t, s.ok("GET", "/v1/audit?limit=500", "")["items"], before, "somebody works with it")
	for _, read := range [][2]string{
		{"GET", "/v1/contacts?limit=101"}, {"GET", "/v1/messages?limit=500"}, {"GET", "/v1/suppressions?limit=500"}, {"GET", "/v1/replies?limit=200"},
		{"GET", "/v1/suppressions/export"}, {"GET", ada + "/export"}, {"GET", fmt.Sprintf("/v1/runs/%d/messages.csv", run)},
		{"GET", fmt.Sprintf("/v1/runs/%d/messages?limit=101", run)},
	} {
		require.Equal(t, 200, s.do(read[0], read[1], "").Code, read[1])
		before++
		items := s.ok("GET", "/v1/audit?limit=500", "")["items"].([]any)
		require.Len(t, items, before, read[1])
	}
	require.Equal(t, 200, s.do("POST", "/v1/contacts/search?limit=500",
		`{"rule":{"condition":"AND","rules":[{"field":"first_name","operator":"equal","value":"Ada"}]}}`).Code)
	last := s.ok("GET", "/v1/audit?limit=1", "")["items"].([]any)[0].(map[string]any)
	require.Equal(t, "search-contacts", last["action"])
	require.Equal(t, map[string]any{"items": 1.0}, last["detail"])
	require.Equal(t, 403, s.do("GET", ada+"/export", "", as(access.Viewer)...).Code)
	entries := s.ok("GET", "/v1/audit?limit=500", "")["items"].([]any)
	require.Len(t, entries, before+2)
	require.Equal(t, "refuse-role", entries[0].(map[string]any)["action"], "who was refused read nothing")
}
