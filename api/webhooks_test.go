package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
)

func TestWebhooks(t *testing.T) {
	s := newServer(t)
	w := s.ok("POST", "/v1/webhooks", `{"url":"https://example.org/hooks","description":"shop","events":["message.sent","message.failed","message.sent"],
		"headers":{"Authorization":"Bearer of-the-shop"},"batch":{"most":100,"within_ms":1000}}`)
	secret, is := w["secret"].(string)
	require.True(t, is)
	require.True(t, strings.HasPrefix(secret, "whsec_"), "%v", w)
	require.Equal(t, []any{"message.failed", "message.sent"}, w["events"])
	id := w["id"]
	path := fmt.Sprintf("/v1/webhooks/%v", id)

	// What is secret is shown once and kept nowhere that can be read.
	for _, where := range []string{path, "/v1/webhooks", "/v1/audit"} {
		answer := s.do("GET", where, "").Body.String()
		require.NotContains(t, answer, secret, where)
		require.NotContains(t, answer, "of-the-shop", where)
	}
	require.Equal(t, []any{"Authorization"}, s.ok("GET", path, "")["headers"])
	made := s.do("POST", "/v1/webhooks", `{"url":"https://example.org/b","events":["message.read"]}`, "Idempotency-Key", "once").Body.String()
	require.Contains(t, made, "whsec_")
	again := s.do("POST", "/v1/webhooks", `{"url":"https://example.org/b","events":["message.read"]}`, "Idempotency-Key", "once").Body.String()
	require.NotContains(t, again, "whsec_")
	require.Contains(t, again, "https://example.org/b")
	rotated := s.ok("POST", path+"/secret", `{}`)
	require.NotEqual(t, secret, rotated["secret"])
	require.Equal(t, true, rotated["rotating"])
	require.NotContains(t, s.ok("POST", path+"/secret", `{"leaked":true}`), "rotating")

	require.Equal(t, "paused", s.ok("PATCH", path, `{"state":"paused","channels":[7]}`)["state"])
	require.Equal(t, 409, s.do("POST", path+"/test", "").Code, "nobody is told")
	s.ok("PATCH", path, `{"state":"on"}`)
	test := s.ok("POST", path+"/test", "")
	require.Equal(t, "pending", test["state"])
	require.Contains(t, test["body"], "webhook.test")
	list := s.ok("GET", path+"/deliveries", "")["items"].([]any)
	require.Len(t, list, 1)
	one := fmt.Sprintf("%s/deliveries/%v", path, test["id"])
	require.Equal(t, test["webhook_id"], s.ok("GET", one, "")["webhook_id"])
	require.Equal(t, 409, s.do("POST", one+"/replay", "").Code, "it is under way")

	for body, want := range map[string]string{
		`{"url":"ftp://example.org","events":["message.sent"]}`:                                             "body.url",
		`{"url":"https://a:b@example.org","events":["message.sent"]}`:                                       "body.url",
		`{"url":"https://example.org","events":["message.sold"]}`:                                           "message.sold",
		`{"url":"https://example.org","events":[]}`:                                                         "body.events",
		`{"url":"https://example.org","events":["message.sent"],"headers":{"Webhook-Id":"x"}}`:              "body.headers.Webhook-Id",
		`{"url":"https://example.org","events":["message.sent"],"headers":{"a b":"x"}}`:                     "body.headers",
		`{"url":"https://example.org","events":["message.sent"],"headers":{"A":"two\nlines"}}`:              "",
		`{"url":"https://example.org","events":["message.sent"],"batch":{"most":2000}}`:                     "body.batch.most",
		`{"url":"https://example.org","events":["message.sent"],"batch":{"most":10,"within_ms":100000000}}`: "body.batch.within_ms",
	} {
		w := s.do("POST", "/v1/webhooks", body)
		require.GreaterOrEqual(t, w.Code, 400, body)
		require.Less(t, w.Code, 500, body)
		require.Contains(t, w.Body.String(), want, body)
	}
	require.Equal(t, 403, s.do("POST", "/v1/webhooks", `{"url":"https://example.org","events":["message.sent"]}`, as(access.Editor)...).Code)
	require.Len(t, s.ok("GET", "/v1/webhook-events", "")["items"], 15)
	require.Equal(t, 204, s.do("DELETE", path, "").Code)
	for _, gone := range []string{path, path + "/deliveries", one} {
		require.Equal(t, 404, s.do("GET", gone, "").Code, gone)
	}
}
