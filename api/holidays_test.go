package api_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
)

func TestHolidays(t *testing.T) {
	s := newServer(t)
	channel := s.channel()
	campaign := func(calendar int) string {
		return fmt.Sprintf(`{"name":"Daily","channel_id":%d,"audience":{"all":true},"content":{"subject":"Hello","text":"Hi"},
			"schedule":{"cron":"0 9 * * *","timezone":"UTC","exclude":{"holidays":[%d]}}}`, channel, calendar)
	}
	const file = `BEGIN:VCALENDAR\r\nX-WR-CALNAME:Berlin\r\nBEGIN:VEVENT\r\nSUMMARY:Company day\r\nDTSTART;VALUE=DATE:20260303\r\nRRULE:FREQ=YEARLY;COUNT=2\r\n` +
		`END:VEVENT\r\nEND:VCALENDAR\r\n`
	golden(t, "holidays.txt", s.transcript(
		[]string{"POST", "/v1/holidays", `{"name":"Office","dates":["2026-03-03",{"date":"2026-03-02","name":"Day off"},"2026-03-03"]}`},
		[]string{"POST", "/v1/holidays", `{"ical":"` + file + `"}`},
		[]string{"POST", "/v1/holidays", `{"name":"Office"}`},
		[]string{"POST", "/v1/holidays", `{"dates":["tomorrow",{"date":"2026-02-30"}]}`},
		[]string{"POST", "/v1/holidays", `{"name":"x","dates":[{"name":"Christmas"}]}`},
		[]string{"POST", "/v1/holidays", `{"name":"x","dates":[],"ical":""}`},
		[]string{"POST", "/v1/holidays", `{"ical":"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:soon\nEND:VEVENT\nEND:VCALENDAR"}`},
		[]string{"POST", "/v1/holidays", `{"name":"x","ical":"BEGIN:VCALENDAR\nEND:VCALENDAR"}`},
		[]string{"GET", "/v1/holidays?limit=1"},
		[]string{"GET", "/v1/holidays/2"},
		[]string{"GET", "/v1/holidays/9"},
		[]string{"POST", "/v1/campaigns", campaign(9)},
		[]string{"POST", "/v1/campaigns", campaign(1)},
		[]string{"POST", "/v1/schedules/preview", `{"schedule":{"cron":"0 9 * * *","exclude":{"holidays":[1,2]}},"from":"2026-03-01T12:00:00Z","n":3}`},
		[]string{"POST", "/v1/schedules/preview", `{"schedule":{"dates":["2026-03-03T09:00"],"exclude":{"holidays":[1,2]},"on_excluded":"previous_day"},` +
			`"from":"2026-02-01T12:00:00Z"}`},
		[]string{"POST", "/v1/schedules/preview", `{"schedule":{"dates":["2026-03-03T09:00"],"exclude":{"holidays":[1]}}}`},
		[]string{"DELETE", "/v1/holidays/1"},
		[]string{"DELETE", "/v1/holidays/2"},
		[]string{"DELETE", "/v1/holidays/2"},
	))
	s.ok("POST", "/v1/campaigns/1/start", `{}`)
	require.Equal(t, "2026-03-04T09:00:00Z", s.ok("GET", "/v1/campaigns/1", "")["next_fire_at"])
	s.ok("PATCH", "/v1/holidays/1", `{"dates":["2026-03-02"]}`)
	require.Equal(t, "2026-03-03T09:00:00Z", s.ok("GET", "/v1/campaigns/1", "")["next_fire_at"])
	s.ok("PATCH", "/v1/holidays/1", `{"ical":"`+file+`"}`)
	require.Equal(t, "2026-03-02T09:00:00Z", s.ok("GET", "/v1/campaigns/1", "")["next_fire_at"])
	out := s.ok("PATCH", "/v1/holidays/1", `{"name":"Bureau"}`)
	require.Equal(t, "Bureau", out["name"])
	require.EqualValues(t, 2, out["size"])
	items := s.ok("GET", "/v1/campaigns/1/schedule?n=2", "")["items"].([]any)
	require.Equal(t, "2026-03-03 is excluded: Company day", items[1].(map[string]any)["note"])
	require.Equal(t, map[string]any{"holidays": []any{1.0}}, s.ok("GET", "/v1/campaigns/1", "")["schedule"].(map[string]any)["exclude"])
}

func TestWhoMaySeeAndSaveHolidays(t *testing.T) {
	s := newServer(t)
	s.ok("POST", "/v1/holidays", `{"name":"Office","dates":[]}`)
	edits, looks := []access.Role{access.Admin, access.Editor}, []access.Role{access.Admin, access.Editor, access.Viewer}
	for _, c := range []struct {
		method, path, body string
		allowed            []access.Role
	}{
		{"POST", "/v1/holidays", `{"name":"a","dates":[]}`, edits},
		{"PATCH", "/v1/holidays/1", `{"name":"b"}`, edits},
		{"DELETE", "/v1/holidays/1", "", edits},
		{"GET", "/v1/holidays", "", looks},
		{"GET", "/v1/holidays/1", "", looks},
	} {
		for _, role := range []access.Role{access.Admin, access.Editor, access.Viewer, access.Sender} {
			allowed := false
			for _, r := range c.allowed {
				allowed = allowed || r == role
			}
			w := s.do(c.method, c.path, c.body, as(role)...)
			require.Equal(t, !allowed, w.Code == http.StatusForbidden, "%s %s as %s: %s", c.method, c.path, role, w.Body)
		}
	}
}
