package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
)

// The jobs themselves are tested with the store, whose messages have ends.
func TestSettleMessages(t *testing.T) {
	s := newServer(t)
	golden(t, "settle.txt", s.transcript(
		[]string{"POST", "/v1/messages/resend", `{"campaign_id":1}`},
		[]string{"POST", "/v1/messages/resend", `{"states":["failed"]}`},
		[]string{"POST", "/v1/messages/resend", `{"campaign_id":1,"states":["failed","delivered"]}`},
		[]string{"POST", "/v1/messages/resend", `{"campaign_id":1,"states":["pending"]}`},
		[]string{"POST", "/v1/messages/resend", `{"campaign_id":1,"states":["failed"],"since":"2026-03-02T00:00:00Z","until":"2026-03-01T00:00:00Z"}`},
		[]string{"POST", "/v1/messages/resend", `{"campaign_id":1,"states":["failed","delivered"],"even_if_sent":true,"dry_run":true}`},
		[]string{"POST", "/v1/messages/resend", `{"campaign_id":1,"states":["failed"]}`},
		[]string{"POST", "/v1/messages/settle", `{"campaign_id":1}`},
		[]string{"POST", "/v1/messages/settle", `{"campaign_id":1,"as":"delivered"}`},
		[]string{"POST", "/v1/messages/settle", `{"campaign_id":1,"as":"sent","dry_run":true}`},
		[]string{"POST", "/v1/messages/settle", `{"ids":[1,2],"as":"not_sent"}`},
		[]string{"GET", "/v1/jobs"},
	))
	require.Equal(t, 403, s.do("POST", "/v1/messages/resend", `{"campaign_id":1,"states":["failed"],"dry_run":true}`, as(access.Viewer)...).Code)
}
