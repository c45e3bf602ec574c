package api_test

import (
	"encoding/csv"
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
	for _, subject := range []string{"notifications", "campaigns", "channels", "errors", "arrivals", "hours", "links", "contacts", "people", "flows"} {
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
