package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/campaigns/hours"
	"carillon/internal/zone"
	"carillon/store/storetest"
)

// benchmarkRecipients is how many messages one iteration plans.
const benchmarkRecipients = 200_000

// benchmarkZones is in how many zones they live.
const benchmarkZones = 38

func BenchmarkPlan(b *testing.B) { benchmarkPlan(b, campaigns.Schedule{}, nil) }

// BenchmarkPlanVariants deals out two variants to a fifth, and holds a twentieth out.
func BenchmarkPlanVariants(b *testing.B) {
	e := two
	e.Holdout = 5
	benchmarkPlan(b, campaigns.Schedule{}, &e)
}

// BenchmarkPlanInZones plans for the recipients' own time and quiet hours, in 38 zones,
// which may take a fifth longer.
func BenchmarkPlanInZones(b *testing.B) {
	benchmarkPlan(b, campaigns.Schedule{At: "2026-03-10T10:00", Schedule: zoned("Europe/Berlin"), Delivery: campaigns.Delivery{
		RecipientTime: true, Hours: &hours.Hours{From: "08:00", To: "20:00"},
	}}, nil)
}

func benchmarkPlan(b *testing.B, schedule campaigns.Schedule, e *campaigns.Experiment) {
	storetest.EachBenchmark(b, func(b *testing.B, s *storetest.Store) {
		j := newJourney(b, s, benchmarkRecipients)
		names := zone.Names()
		for i := range benchmarkZones {
			s.Exec("UPDATE contacts SET timezone = ? WHERE id % ? = ?", names[i*len(names)/benchmarkZones], benchmarkZones, i)
		}
		if s.Postgres() {
			_, err := s.Reader().Exec(b.Context(), "VACUUM ANALYZE contacts")
			require.NoError(b, err)
			_, err = s.Reader().Exec(b.Context(), "ANALYZE addresses, members")
			require.NoError(b, err)
		}
		for b.Loop() {
			b.StopTimer()
			s.Exec("UPDATE runs SET status = 'canceled', finished_at = 1")
			j.Campaign = j.NewCampaign(`{"all":true}`)
			j.setSchedule(schedule)
			if e != nil {
				tryOut(j, *e)
			}
			run := j.Start()
			b.StartTimer()
			j.PlanAll(run.ID, 10_000)
		}
		b.ReportMetric(float64(b.N)*benchmarkRecipients/b.Elapsed().Seconds(), "messages/s")
		b.ReportMetric(0, "ns/op")
	})
}
