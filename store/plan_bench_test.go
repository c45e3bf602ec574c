package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/store/storetest"
)

// benchmarkRecipients is how many messages one iteration plans.
const benchmarkRecipients = 200_000

func BenchmarkPlan(b *testing.B) {
	storetest.EachBenchmark(b, func(b *testing.B, s *storetest.Store) {
		j := newJourney(b, s, benchmarkRecipients)
		if s.Postgres() {
			_, err := s.Reader().Exec(b.Context(), "ANALYZE contacts, addresses, members")
			require.NoError(b, err)
		}
		for b.Loop() {
			b.StopTimer()
			s.Exec("UPDATE runs SET status = 'canceled', finished_at = 1")
			j.Campaign = j.NewCampaign(`{"all":true}`)
			run := j.Start()
			b.StartTimer()
			j.PlanAll(run.ID, 10_000)
		}
		b.ReportMetric(float64(b.N)*benchmarkRecipients/b.Elapsed().Seconds(), "messages/s")
		b.ReportMetric(0, "ns/op")
	})
}
