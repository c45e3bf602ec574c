package api_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
)

// How a winner is told is tested with the store, whose messages have ends.
func TestExperiments(t *testing.T) {
	s := newServer(t)
	for i := range 40 {
		s.contact("Reader", fmt.Sprintf("reader%d@example.org", i))
	}
	s.channel()
	const tries = `{"name":"Tulips","channel_id":1,"audience":{"all":true},"content":{"subject":"Spring","text":"{{ unsubscribe_url }}"},"experiment":`
	golden(t, "experiments.txt", s.transcript(
		[]string{"POST", "/v1/campaigns", tries + `{"variants":[{"name":"A"}],"test_share":20,"winner":{"by":"clicked","after":"soon"}}}`},
		[]string{"POST", "/v1/campaigns", tries + `{"variants":[{"name":"A","share":60},{"name":"B","share":40,"content":{"subject":"Tulips!","text":"x"}}],
			"test_share":25,"winner":{"by":"read","after":"4h","until":"24h"},"holdout":10}}`},
		[]string{"PATCH", "/v1/campaigns/1", `{"experiment":{}}`},
		[]string{"PATCH", "/v1/campaigns/1", `{"experiment":{"variants":[{"name":"A"},{"name":"B","content":{"subject":"Tulips!","text":"x"}}],
			"test_share":25,"winner":{"by":"read","after":"4h"},"holdout":10}}`},
		[]string{"GET", "/v1/campaigns/1/preview", ""},
		[]string{"GET", "/v1/campaigns/1/checks", ""},
		[]string{"POST", "/v1/campaigns/1/test", `{"to":"me@example.org","variant":"C"}`},
		[]string{"GET", "/v1/campaigns/1/winner", ""},
		[]string{"POST", "/v1/campaigns/1/start", ""},
		[]string{"POST", "/v1/campaigns/1/winner", `{"variant":"A"}`},
	))
	for done := false; !done; {
		step, err := s.store.PlanBatch(t.Context(), 1, 100)
		require.NoError(t, err)
		done = step.Done
	}
	golden(t, "experiments_planned.txt", s.transcript(
		[]string{"GET", "/v1/runs/1/variants?by=delivered", ""},
		[]string{"GET", "/v1/runs/1/variants?by=converted", ""},
		[]string{"POST", "/v1/campaigns/1/winner", `{"variant":"C"}`},
		[]string{"POST", "/v1/campaigns/1/winner", `{"variant":"B","run_id":7}`},
		[]string{"POST", "/v1/campaigns/1/winner", `{"variant":"B","dry_run":true}`},
		[]string{"POST", "/v1/campaigns/1/winner", `{"variant":"b"}`},
		[]string{"POST", "/v1/campaigns/1/winner", `{"variant":"A"}`},
		[]string{"GET", "/v1/campaigns/1/winner", ""},
		[]string{"GET", "/v1/runs/1", ""},
		[]string{"GET", "/v1/campaigns/1/verify", ""},
		[]string{"GET", "/v1/runs/1/messages?limit=3", ""},
		[]string{"GET", "/v1/campaigns/1/explain?recipient=reader1@example.org", ""},
	))
	require.Equal(t, 403, s.do("POST", "/v1/campaigns/1/winner", `{"variant":"B"}`, as(access.Viewer)...).Code)
	require.Equal(t, 404, s.do("GET", "/v1/runs/9/variants", "").Code)
}
