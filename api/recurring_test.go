package api_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRecurringCampaigns(t *testing.T) {
	s := newServer(t)
	s.channel()
	s.contact("Ada", "ada@example.org")
	made := s.ok("POST", "/v1/campaigns", `{"name":"Weekly","channel_id":1,"audience":{"all":true},"content":{"subject":"s","text":"t"},
		"schedule":{"cron":"0 9 * * MON","timezone":"Europe/Berlin","while_running":"queue_all","exclude":{"dates":["2026-03-16"]},
			"guards":{"audience":{"empty":true}}}}`)
	require.EqualValues(t, 1, made["id"])
	golden(t, "recurring.txt", s.transcript(
		[]string{"POST", "/v1/campaigns", `{"name":"x","channel_id":1,"audience":{"all":true},"content":{"subject":"s","text":"t"},
			"schedule":{"cron":["0 0 30 2 *","TZ=UTC 0 9 * * *"],"at":"2026-12-01T09:00","jitter":"soon","catch_up_within":"1s","guards":{"audience":{}}}}`},
		[]string{"POST", "/v1/campaigns/1/trigger"},
		[]string{"POST", "/v1/campaigns/1/start", `{"now":true}`},
		[]string{"POST", "/v1/campaigns/1/start"},
		[]string{"POST", "/v1/campaigns/1/start"},
		[]string{"POST", "/v1/campaigns/1/skip-next"},
		[]string{"POST", "/v1/campaigns/1/move-next", `{"to":"2026-03-01T09:00"}`},
		[]string{"POST", "/v1/campaigns/1/move-next", `{"to":"2026-03-24T09:00"}`},
		[]string{"POST", "/v1/campaigns/1/schedule/pause", `{"reason":"holidays","until":"2026-04-01T00:00:00Z"}`},
		[]string{"POST", "/v1/campaigns/1/schedule/pause", `{"until":"2026-01-01T00:00:00Z"}`},
		[]string{"GET", "/v1/campaigns/1/schedule?n=6"},
		[]string{"POST", "/v1/campaigns/1/schedule/resume"},
		[]string{"POST", "/v1/campaigns/1/trigger"},
		[]string{"PATCH", "/v1/campaigns/1", `{"content":{"subject":"s","text":"another"}}`},
		[]string{"PATCH", "/v1/campaigns/1", `{"schedule":{"at":"2026-12-01T09:00"}}`},
		[]string{"POST", "/v1/campaigns/1/backfill", `{"from":"2026-02-01T00:00:00Z","to":"2026-02-15T00:00:00Z","dry_run":true}`},
		[]string{"POST", "/v1/campaigns/1/backfill", `{"from":"2026-02-01T00:00:00Z","to":"2026-02-08T00:00:00Z"}`},
		[]string{"POST", "/v1/campaigns/1/backfill", `{"from":"2026-02-01T00:00:00Z","to":"2027-02-08T00:00:00Z"}`},
	))
	s.clock.Advance(10 * 24 * time.Hour)
	_, err := s.store.FireDue(t.Context())
	require.NoError(t, err)
	golden(t, "recurring_runs.txt", s.transcript(
		[]string{"GET", "/v1/campaigns/1/runs?limit=3"},
		[]string{"GET", "/v1/campaigns/1/schedule?n=1"},
		[]string{"POST", "/v1/campaigns/1/cancel"},
		[]string{"GET", "/v1/campaigns/1/schedule?n=1"},
		[]string{"POST", "/v1/campaigns/1/skip-next"},
	))
}
