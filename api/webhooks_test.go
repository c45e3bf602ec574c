package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/webhooks"
)

// The document describes what each event tells: what is told is of its schema, and anything
// else is not.
func TestEventsAreOfTheirSchemas(t *testing.T) {
	document := newServer(t).OpenAPI()
	require.Len(t, document.Webhooks, len(webhooks.Events())+1)
	for event, item := range document.Webhooks {
		check := func(o webhooks.Occurrence) []error {
			raw, err := json.Marshal(o)
			require.NoError(t, err)
			var v any
			require.NoError(t, json.Unmarshal(raw, &v))
			var result huma.ValidateResult
			huma.Validate(document.Components.Schemas, item.Post.RequestBody.Content["application/json"].Schema, huma.NewPathBuffer(nil, 0),
				huma.ModeWriteToServer, v, &result)
			return result.Errors
		}
		data := map[string]any{}
		raw, err := json.Marshal(webhooks.Event(event).Data())
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(raw, &data))
		for name, schema := range item.Post.RequestBody.Content["application/json"].Schema.Properties["data"].Properties {
			if len(schema.Enum) > 0 {
				data[name] = schema.Enum[0]
			}
		}
		raw, err = json.Marshal(data)
		require.NoError(t, err)
		told := webhooks.Occurrence{ID: "evt_1", Version: webhooks.Version, Type: webhooks.Event(event), Data: raw}
		require.Empty(t, check(told), event)
		told.Data = json.RawMessage(`{}`)
		require.NotEmpty(t, check(told), "%s without its data", event)
		told.Data, told.Type = raw, "message.sold"
		require.NotEmpty(t, check(told), "%s under another name", event)
	}
}

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
	signing := func(of map[string]any) any {
		return of["secrets"].(map[string]any)["secret"].(map[string]any)["replaced"]
	}
	require.Equal(t, map[string]any{}, signing(rotated), "until the next time")
	require.Nil(t, signing(s.ok("POST", path+"/secret", `{"leaked":true}`)))
	require.Equal(t, map[string]any{"ends_at": "2026-03-01T13:00:00Z"}, signing(s.ok("POST", path+"/secret", `{"overlap_seconds":3600}`)))
	require.NotNil(t, signing(s.ok("PATCH", path, `{"description":"another"}`)), "it is about something else")
	require.Nil(t, signing(s.ok("POST", path+"/end-overlap", "")))
	require.Nil(t, signing(s.ok("POST", path+"/end-overlap", "")), "there is none")
	both := s.do("POST", path+"/secret", `{"leaked":true,"overlap_seconds":60}`)
	require.Equal(t, 422, both.Code)
	require.Contains(t, both.Body.String(), "body.overlap_seconds")
	require.Equal(t, 422, s.do("POST", path+"/secret", `{"overlap_seconds":2592001}`).Code)

	require.Equal(t, "paused", s.ok("PATCH", path, fmt.Sprintf(`{"state":"paused","channels":[%d]}`, s.channel()))["state"])
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

	// Headers do not go along to another server by its being named.
	refused := s.do("PATCH", path, `{"url":"https://elsewhere.example/hooks"}`)
	require.Equal(t, 422, refused.Code)
	require.Contains(t, refused.Body.String(), "body.headers")
	require.Equal(t, []any{"Authorization"}, s.ok("PATCH", path, `{"url":"https://example.org/other"}`)["headers"])
	require.NotContains(t, s.ok("PATCH", path, `{"url":"https://elsewhere.example/hooks","headers":{}}`), "headers")

	for body, want := range map[string]string{
		`{"from":"2026-01-02T00:00:00Z","to":"2026-01-01T00:00:00Z"}`: "body.to",
		`{"event":"message.sold"}`:                                    "body.event",
		`{"state":"pending"}`:                                         "body.state",
	} {
		w := s.do("POST", path+"/replay", body)
		require.Equal(t, 422, w.Code, body)
		require.Contains(t, w.Body.String(), want)
	}
	require.EqualValues(t, 0, s.ok("POST", path+"/replay", `{"dry_run":true}`)["requests"], "it is under way")

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
	require.Len(t, s.ok("GET", "/v1/webhook-events", "")["items"], len(webhooks.Events()))
	require.Equal(t, 204, s.do("DELETE", path, "").Code)
	for _, gone := range []string{path, path + "/deliveries", one} {
		require.Equal(t, 404, s.do("GET", gone, "").Code, gone)
	}
}
