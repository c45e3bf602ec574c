package store

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// benchmarkRecipients is how many messages one iteration plans.
const benchmarkRecipients = 200_000

func BenchmarkPlan(b *testing.B) {
	eachStoreBenchmark(b, func(b *testing.B, s *Store) {
		j := newJourney(b, s, benchmarkRecipients)
		if s.Postgres() {
			_, err := s.reader().Exec(b.Context(), "ANALYZE contacts, addresses, members")
			require.NoError(b, err)
		}
		for b.Loop() {
			b.StopTimer()
			require.NoError(b, s.inTx(b.Context(), func(tx conn) error {
				_, err := tx.Exec(b.Context(), "UPDATE runs SET status = 'canceled', finished_at = 1")
				return err
			}))
			j.campaign = j.newCampaign(`{"all":true}`)
			run := j.start()
			b.StartTimer()
			j.planAll(run.ID, 10_000)
		}
		b.ReportMetric(float64(b.N)*benchmarkRecipients/b.Elapsed().Seconds(), "messages/s")
		b.ReportMetric(0, "ns/op")
	})
}
