package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
)

// key makes a key and returns its id and the header with it.
func (s *server) key(body string) (id int64, header []string) {
	s.t.Helper()
	out := s.ok("POST", "/v1/keys", body)
	return int64(out["id"].(float64)), []string{"Authorization", "Bearer " + out["key"].(string)}
}

func (s *server) sent(channel int64, to string, header ...string) int64 {
	s.t.Helper()
	out := s.ok("POST", "/v1/messages", fmt.Sprintf(`{"channel_id":%d,"to":%q,"content":{"subject":"S","text":"T"}}`, channel, to), header...)
	return int64(out["id"].(float64))
}

func items(out map[string]any) (ids []int64) {
	for _, item := range out["items"].([]any) {
		ids = append(ids, int64(item.(map[string]any)["id"].(float64)))
	}
	return ids
}

func TestASenderSeesItsOwnMessagesAlone(t *testing.T) {
	s := newServer(t)
	channel := s.channel()
	id, shop := s.key(`{"name":"shop","role":"sender"}`)
	_, bot := s.key(`{"name":"bot","role":"sender"}`)
	first, other := s.sent(channel, "a@example.org", shop...), s.sent(channel, "a@example.org", bot...)
	ofAdmin := s.sent(channel, "a@example.org")

	require.Equal(t, []int64{first}, items(s.ok("GET", "/v1/messages", "", shop...)))
	require.Equal(t, []int64{first}, items(s.ok("GET", "/v1/messages?address=a@example.org&transactional=true", "", shop...)))
	require.Equal(t, []int64{other}, items(s.ok("GET", "/v1/messages", "", bot...)))
	require.Equal(t, []int64{first, other, ofAdmin}, items(s.ok("GET", "/v1/messages", "")))
	require.Equal(t, 200, s.do("GET", fmt.Sprintf("/v1/messages/%d", first), "", shop...).Code)
	for _, no := range []int64{other, ofAdmin, 999} {
		require.Equal(t, 404, s.do("GET", fmt.Sprintf("/v1/messages/%d", no), "", shop...).Code)
	}
	require.Equal(t, 403, s.do("GET", "/v1/messages?run_id=1", "", shop...).Code)

	again := s.ok("POST", fmt.Sprintf("/v1/keys/%d/rotate", id), "")
	shop = []string{"Authorization", "Bearer " + again["key"].(string)}
	second := s.sent(channel, "b@example.org", shop...)
	require.Equal(t, []int64{first, second}, items(s.ok("GET", "/v1/messages", "", shop...)), "it is the same key")
}

func TestAKeyIsHeldToItsChannel(t *testing.T) {
	s := newServer(t)
	mine, other := s.channel(), int64(s.ok("POST", "/v1/channels", `{"name":"other","provider":"sandbox"}`)["id"].(float64))
	_, bound := s.key(fmt.Sprintf(`{"name":"bound","role":"admin","channel_id":%d}`, mine))
	own, foreign := s.sent(mine, "a@example.org", bound...), s.sent(other, "a@example.org")
	const content = `"to":"a@example.org","content":{"subject":"S","text":"T"}`

	require.Equal(t, []int64{mine}, items(s.ok("GET", "/v1/channels", "", bound...)))
	require.Equal(t, []int64{own}, items(s.ok("GET", "/v1/messages", "", bound...)))
	require.Equal(t, 200, s.do("GET", fmt.Sprintf("/v1/messages/%d", own), "", bound...).Code)
	require.Equal(t, 200, s.do("POST", fmt.Sprintf("/v1/channels/%d/pause", mine), "", bound...).Code)
	require.Equal(t, 200, s.do("POST", fmt.Sprintf("/v1/channels/%d/resume", mine), "", bound...).Code)
	require.Equal(t, 202, s.do("POST", fmt.Sprintf("/v1/channels/%d/test", mine), `{"to":"a@example.org"}`, bound...).Code)
	require.Equal(t, 200, s.do("POST", "/v1/messages/preview", fmt.Sprintf(`{"channel_id":%d,%s}`, mine, content), bound...).Code)

	// Whatever says that such keys may call it refuses them for another channel.
	asked := 0
	for path, item := range s.OpenAPI().Paths {
		for method, op := range operationsOf(item) {
			if !strings.Contains(op.Description, "A key that is bound to a channel may call it") {
				continue
			}
			asked++
			at := strings.Replace(path, "{id}", fmt.Sprint(other), 1)
			if strings.HasPrefix(path, "/v1/messages/{id}") {
				at = strings.Replace(path, "{id}", fmt.Sprint(foreign), 1)
			}
			body := ""
			switch {
			case method == "POST" && strings.HasPrefix(path, "/v1/messages"):
				body = fmt.Sprintf(`{"channel_id":%d,%s}`, other, content)
			case strings.HasSuffix(path, "/test"):
				body = `{"to":"a@example.org"}`
			case strings.HasSuffix(path, "/templates/submit"):
				body = `{"template":"hello"}`
			case strings.HasSuffix(path, "/templates/import"):
				body = `{}`
			case path == "/v1/channels": // names none, and shows the own
				continue
			case method == "GET" && path == "/v1/messages":
				at += fmt.Sprintf("?channel_id=%d", other)
			}
			w := s.do(method, at, body, bound...)
			require.Equal(t, 403, w.Code, "%s %s: %s", method, at, w.Body)
			require.Contains(t, w.Body.String(), "is bound to channel", "%s %s", method, at)
		}
	}
	require.Equal(t, 15, asked)
}

func TestWhatAKeyIsBoundToIsChecked(t *testing.T) {
	s := newServer(t)
	for body, location := range map[string]string{
		`{"name":"x","role":"sender","scopes":["message"]}`:                      "body.scopes",
		`{"name":"x","role":"admin","scopes":["keys"]}`:                          "body.scopes",
		`{"name":"x","role":"sender","networks":["192.0.2.1/24"]}`:               "body.networks",
		`{"name":"x","role":"sender","networks":["example.org"]}`:                "body.networks",
		`{"name":"x","role":"sender","rate_per_second":-1}`:                      "body.rate_per_second",
		`{"name":"x","role":"sender","api":"chatapi","scopes":["messages"]}`:     "body.scopes",
		`{"name":"x","role":"sender","channel_id":99}`:                           "",
		`{"name":"x","role":"sender","scopes":["messages","messages:read","x"]}`: "body.scopes",
	} {
		w := s.do("POST", "/v1/keys", body)
		require.Contains(t, []int{404, 422}, w.Code, "%s: %s", body, w.Body)
		require.Contains(t, w.Body.String(), location, body)
	}
	require.Len(t, items(s.ok("GET", "/v1/keys", "")), len(access.Roles()), "none was made")
}

func TestAKeyIsChanged(t *testing.T) {
	s := newServer(t)
	id, key := s.key(`{"name":"report","role":"viewer","scopes":["contacts:read"],"networks":["192.0.2.0/24","2001:db8::7"],"rate_per_second":1}`)
	path := fmt.Sprintf("/v1/keys/%d", id)
	from := func(address, of string) int {
		r := httptest.NewRequest(http.MethodGet, of, nil)
		r.RemoteAddr = address
		r.Header.Set(key[0], key[1])
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Code
	}
	require.Equal(t, 403, from("198.51.100.1:1", "/v1/contacts"))
	require.Equal(t, 200, from("192.0.2.9:1", "/v1/contacts"))
	require.Equal(t, 429, from("192.0.2.9:1", "/v1/contacts"), "one a second")
	s.clock.Advance(time.Second)
	require.Equal(t, 403, from("[2001:db8::7]:1", "/v1/campaigns"))
	shown := s.ok("GET", "/v1/keys", "")["items"].([]any)[4].(map[string]any)
	require.Equal(t, "192.0.2.9", shown["last_used_from"])
	require.Equal(t, []any{"192.0.2.0/24", "2001:db8::7/128"}, shown["networks"])

	changed := s.ok("PATCH", path, `{"name":"reports","scopes":[],"networks":[],"rate_per_second":0}`)
	require.Equal(t, "reports", changed["name"])
	for _, gone := range []string{"scopes", "networks", "rate_per_second"} {
		require.NotContains(t, changed, gone)
	}
	for range 5 {
		require.Equal(t, 200, from("198.51.100.1:1", "/v1/campaigns"))
	}
	s.ok("PATCH", path, `{"expires_at":"2026-03-01T12:00:05Z"}`)
	s.clock.Advance(5 * time.Second)
	require.Equal(t, 401, from("198.51.100.1:1", "/v1/campaigns"))

	w := s.do("PATCH", "/v1/keys/1", `{"networks":["198.51.100.0/24"]}`)
	require.Equal(t, 422, w.Code)
	require.Contains(t, w.Body.String(), "would shut you out: your request with this key comes from 192.0.2.1")
	require.Equal(t, 200, s.do("PATCH", "/v1/keys/1", `{"networks":["192.0.2.0/24"]}`).Code)
}

// While both are valid a program goes on, whichever it has.
func TestAKeyIsRotatedWithAnOverlap(t *testing.T) {
	s := newServer(t)
	id, before := s.key(`{"name":"shop","role":"viewer"}`)
	out := s.ok("POST", fmt.Sprintf("/v1/keys/%d/rotate", id), `{"overlap_seconds":3600}`)
	require.EqualValues(t, id, out["id"])
	require.Equal(t, "2026-03-01T13:00:00Z", out["replaced"].(map[string]any)["ends_at"])
	now := []string{"Authorization", "Bearer " + out["key"].(string)}
	require.Equal(t, []int{200, 200}, []int{s.do("GET", "/v1/contacts", "", before...).Code, s.do("GET", "/v1/contacts", "", now...).Code})
	s.clock.Advance(time.Hour)
	require.Equal(t, []int{401, 200}, []int{s.do("GET", "/v1/contacts", "", before...).Code, s.do("GET", "/v1/contacts", "", now...).Code})
	require.Equal(t, 422, s.do("POST", fmt.Sprintf("/v1/keys/%d/rotate", id), `{"overlap_seconds":2592001}`).Code)
}
