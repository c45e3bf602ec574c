package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
)

func TestSchedulePreview(t *testing.T) {
	s := newServer(t)
	out := s.ok("POST", "/v1/schedules/preview", `{"schedule": {"cron": "30 2 * * *", "timezone": "Europe/Berlin", "exclude": {"dates": ["2026-03-30"]}},
		"from": "2026-03-28T12:00:00Z", "n": 3}`, as(access.Sender)...)
	require.Equal(t, "every day at 02:30, Europe/Berlin, but not on 2026-03-30", out["words"])
	require.Equal(t, "Europe/Berlin", out["timezone"])
	require.Equal(t, []any{
		map[string]any{"at": "2026-03-29T01:00:00Z", "local": "2026-03-29T03:00:00", "offset": "+02:00", "note": "the clock jumps over 02:30"},
		map[string]any{"at": "2026-03-30T00:30:00Z", "local": "2026-03-30T02:30:00", "offset": "+02:00", "skipped": "excluded", "note": "2026-03-30 is excluded"},
		map[string]any{"at": "2026-03-31T00:30:00Z", "local": "2026-03-31T02:30:00", "offset": "+02:00"},
	}, out["items"])

	// From now on, 20 of them, by several ways of saying when.
	out = s.ok("POST", "/v1/schedules/preview", `{"schedule": {"cron": ["0 9 * * MON", "0 9 5 * *"],
		"calendar": [{"weekdays": [{"day": "fri", "nth": -1}], "times": ["17:00"]}]}}`)
	require.Len(t, out["items"], 20)
	first := out["items"].([]any)[0].(map[string]any)
	require.Greater(t, first["at"], noon.Format("2006-01-02"))
	require.Zero(t, s.woken, "nothing is kept")

	// What can't be meant names its field.
	for body, want := range map[string]string{
		`{"schedule": {}}`: "body.schedule.cron",
		`{"schedule": {"cron": ["0 9 * * MON", "0 0 30 2 *x"]}}`:               "body.schedule.cron[1]",
		`{"schedule": {"cron": "0 0 30 2 *"}}`:                                 "body.schedule",
		`{"schedule": {"cron": "@daily", "timezone": "Mars"}}`:                 "body.schedule.timezone",
		`{"schedule": {"cron": "@daily", "gap": "back"}}`:                      "body.schedule.gap",
		`{"schedule": {"cron": 7}}`:                                            "body.schedule.cron",
		`{"schedule": {"calendar": [{"days": [32], "times": ["09:00"]}]}}`:     "body.schedule.calendar[0].days[0]",
		`{"schedule": {"cron": "@daily"}, "n": 501}`:                           "body.n",
		`{"schedule": {"dates": ["2020-01-01T10:00"], "until": "2019-01-01"}}`: "body.schedule.until",
		`{"schedule": {"at": "2026-03-01T09:00"}}`:                             "body.schedule.at",
		`{"schedule": {"cron": "@daily", "jitter": "2d"}}`:                     "body.schedule.jitter",
		`{"schedule": {"cron": "@daily", "spread_over": "soon"}}`:              "body.schedule.spread_over",
		`{"schedule": {"every": "1h", "exclude": {"weekdays": ["caturday"]}}}`: "body.schedule.exclude.weekdays[0]",
	} {
		w := s.do("POST", "/v1/schedules/preview", body)
		require.Equal(t, http.StatusUnprocessableEntity, w.Code, "%s: %s", body, w.Body)
		require.Contains(t, w.Body.String(), `"location":"`+want+`"`, body)
	}
	// What a campaign's schedule says beside when is taken, too: as many fire as are to, and what is left out does not count.
	out = s.ok("POST", "/v1/schedules/preview", `{"schedule": {"cron": "0 9 * * *", "timezone": "UTC", "count": 2, "exclude": {"dates": ["2026-03-02"]},
		"jitter": "5m", "recipient_time": true, "catch_up": "all", "while_running": "skip", "hours": {"from": "08:00", "to": "20:00"}, "guards": {"failed_runs": 3}},
		"from": "2026-03-01T00:00:00Z"}`)
	require.Equal(t, []any{
		map[string]any{"at": "2026-03-01T09:00:00Z", "local": "2026-03-01T09:00:00", "offset": "+00:00"},
		map[string]any{"at": "2026-03-02T09:00:00Z", "local": "2026-03-02T09:00:00", "offset": "+00:00", "skipped": "excluded", "note": "2026-03-02 is excluded"},
		map[string]any{"at": "2026-03-03T09:00:00Z", "local": "2026-03-03T09:00:00", "offset": "+00:00"},
	}, out["items"])

	past := s.ok("POST", "/v1/schedules/preview", `{"schedule": {"dates": ["2020-01-01T10:00"]}}`)
	require.Empty(t, past["items"], "it is over")
}
