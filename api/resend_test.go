package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
)

// Who is meant is tested with the store, whose messages have ends.
func TestResendCampaign(t *testing.T) {
	s := newServer(t)
	s.contact("Ada", "ada@example.org")
	s.ok("POST", "/v1/contacts", `{"first_name":"Bob","external_id":"b"}`)
	s.campaign(s.channel(), "")
	golden(t, "resend.txt", s.transcript(
		[]string{"POST", "/v1/campaigns/1/resend", `{"states":["failed"]}`},
		[]string{"POST", "/v1/campaigns/1/start", ""},
	))
	for done := false; !done; {
		step, err := s.store.PlanBatch(t.Context(), 1, 100)
		require.NoError(t, err)
		done = step.Done
	}
	const again = `{"name":"Again","channel_id":1,"content":{"subject":"x","text":"x"},"audience":`
	golden(t, "resend_planned.txt", s.transcript(
		[]string{"POST", "/v1/campaigns/1/resend", `{}`},
		[]string{"POST", "/v1/campaigns/1/resend", `{"states":["sent"]}`},
		[]string{"POST", "/v1/campaigns/1/resend", `{"states":["failed"],"reasons":["bored"]}`},
		[]string{"POST", "/v1/campaigns/1/resend", `{"states":["failed"],"not":"clicked"}`},
		[]string{"POST", "/v1/campaigns/1/resend", `{"states":["failed"],"run_id":9}`},
		[]string{"POST", "/v1/campaigns/1/resend", `{"states":["failed"]}`},
		[]string{"POST", "/v1/campaigns/1/resend", `{"states":["skipped"],"reasons":["no_address"],"dry_run":true}`},
		[]string{"POST", "/v1/campaigns/1/resend", `{"states":["skipped"],"reasons":["no_address"]}`},
		[]string{"POST", "/v1/campaigns/1/resend", `{"states":["skipped"],"reasons":["no_address"]}`},
		[]string{"GET", "/v1/campaigns/1/runs", ""},
		[]string{"POST", "/v1/campaigns", again + `{"messages":{"campaign_id":1,"not":"opened"}}}`},
		[]string{"POST", "/v1/campaigns", again + `{"messages":{"campaign_id":9,"reasons":["bored"]}}}`},
		[]string{"POST", "/v1/campaigns", again + `{"messages":{"campaign_id":1,"not":"read"}}}`},
		[]string{"GET", "/v1/campaigns/2/preview", ""},
	))
	require.Equal(t, 403, s.do("POST", "/v1/campaigns/1/resend", `{"states":["failed"],"dry_run":true}`, as(access.Viewer)...).Code)
}
