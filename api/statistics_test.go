package api_test

import (
	"encoding/csv"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
)

// Every subject answers as JSON and as CSV with the same names, also where nothing has
// happened; what can't be counted is refused before an answer begins.
func TestStatistics(t *testing.T) {
	s := newServer(t)
	s.ok("POST", "/v1/contacts", `{"first_name":"Ada","addresses":{"email":"ada@example.org"}}`)
	for _, subject := range []string{"notifications", "campaigns", "channels", "errors", "arrivals", "hours", "links", "contacts", "lists", "people", "flows"} {
		items := s.ok("GET", "/v1/stats/"+subject+"?interval=all", "")["items"].([]any)
		answer := s.do("GET", "/v1/stats/"+subject+"?interval=all&format=csv", "")
		require.Equal(t, 200, answer.Code, subject)
		lines, err := csv.NewReader(strings.NewReader(answer.Body.String())).ReadAll()
		require.NoError(t, err)
		require.Len(t, lines, len(items)+1, subject)
		for _, item := range items {
			for name := range item.(map[string]any) {
				require.Contains(t, lines[0], name, subject)
			}
		}
	}
	contacts := s.ok("GET", "/v1/stats/contacts?interval=all", "")["items"].([]any)
	require.EqualValues(t, 1, contacts[0].(map[string]any)["created"])

	for query, want := range map[string]string{
		"channels?from=tomorrow":                               "query.from",
		"channels?from=2026-11-02&to=2026-11-01T00:00:00Z":     "query.to",
		"channels?timezone=Mars":                               "query.timezone",
		"channels?interval=decade":                             "query.interval",
		"channels?from=2020-01-01&interval=hour":               "query.interval",
		"hours?from=2020-01-01&interval=all":                   "query.interval",
		"people?from=2026-01-01&to=2026-12-31&interval=hour":   "query.interval",
		"people?from=2026-01-01&to=2026-12-31&format=csv":      "query.interval",
		"channels?from=2026-11-01&to=2026-11-02&channel_id=-1": "query.channel_id",
		"campaigns?by=color":                                   "query.by",
	} {
		answer := s.do("GET", "/v1/stats/"+query, "")
		require.Equal(t, 422, answer.Code, query)
		require.Contains(t, answer.Body.String(), want, query)
	}
	require.Equal(t, true, s.ok("GET", "/v1/stats/verify", "")["balanced"])
	require.EqualValues(t, 0, s.ok("POST", "/v1/stats/repair", "")["repaired"])
	require.Empty(t, s.ok("GET", "/v1/stats/notes", "")["items"])
	require.Equal(t, 403, s.do("POST", "/v1/stats/repair", "", as(access.Viewer)...).Code)
}

func TestReports(t *testing.T) {
	s := newServer(t)
	channel := s.ok("POST", "/v1/channels", `{"name":"news","provider":"sandbox","config":{}}`)["id"]
	campaign := s.ok("POST", "/v1/campaigns", fmt.Sprintf(
		`{"name":"Spring","channel_id":%v,"audience":{"all":true},"content":{"subject":"a","text":"b"}}`, channel))["id"]
	at := fmt.Sprintf("/v1/campaigns/%v/report", campaign)
	report := s.ok("GET", at, "")
	require.Equal(t, []any{"Nothing has been sent in this time."}, report["words"])
	require.Equal(t, "Spring", report["name"])
	page := s.do("GET", at+"?format=html", "", as(access.Viewer)...)
	require.Equal(t, 200, page.Code)
	require.Equal(t, "text/html; charset=utf-8", page.Header().Get("Content-Type"))
	require.Contains(t, page.Header().Get("Content-Security-Policy"), "default-src 'none'")
	require.Contains(t, page.Body.String(), "<h1>Spring</h1>")
	require.Equal(t, 404, s.do("GET", "/v1/campaigns/4711/report", "").Code)
	require.Equal(t, 422, s.do("GET", at+"?from=soon", "").Code)

	for body, field := range map[string]string{
		`{}`: "channel_id", fmt.Sprintf(`{"channel_id":%v}`, channel): "to", `{"channel_id":4711,"to":["a@example.org"]}`: "channel_id",
		fmt.Sprintf(`{"channel_id":%v,"to":["nobody"]}`, channel): "to[0]",
	} {
		answer := s.do("POST", at+"/mail", body)
		require.Equal(t, 422, answer.Code, body)
		require.Contains(t, answer.Body.String(), field, body)
	}
	require.Equal(t, 403, s.do("POST", at+"/mail", `{}`, as(access.Viewer)...).Code)
	settings := s.ok("PATCH", "/v1/settings", fmt.Sprintf(
		`{"timezone":"Asia/Tokyo","report_mail":{"channel_id":%v,"to":["Boss@example.org"],"weekly":true}}`, channel))
	require.Equal(t, map[string]any{"channel_id": channel, "to": []any{"boss@example.org"}, "weekly": true, "troubles": false}, settings["report_mail"])
	for _, path := range []string{at + "/mail", "/v1/stats/week/mail"} {
		answer := s.do("POST", path, `{}`)
		require.Equal(t, 202, answer.Code, answer.Body.String())
		require.Contains(t, answer.Body.String(), `"messages":[`)
	}
	written := s.ok("GET", "/v1/messages?channel_id="+fmt.Sprint(channel), "")["items"].([]any)
	require.Len(t, written, 2)

	week := s.ok("GET", "/v1/stats/week?at=2025-03-05", "")
	require.Equal(t, []any{"2025-02-24T00:00:00+09:00", "2025-03-03T00:00:00+09:00"}, []any{week["from"], week["to"]}, "by the account's clock")
	require.Equal(t, 422, s.do("GET", "/v1/stats/week?at=tomorrow", "").Code)
	require.Equal(t, 422, s.do("GET", "/v1/stats/week?at=2999-01-01", "").Code)
	require.Contains(t, s.do("GET", "/v1/stats/week?format=html", "").Body.String(), "<h1>The week of")
}
