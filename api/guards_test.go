package api_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/api"
	"carillon/internal/access"
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
	s := newServer(t, func(d *api.Deps) { d.Options.RatePerSecond, d.Options.Burst = 1, 3 })
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
