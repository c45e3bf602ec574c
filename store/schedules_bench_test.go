package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/clock"
	"carillon/store/storetest"
)

// BenchmarkFireDue fires, plans and finishes recurring campaigns that are due at one
// second.
func BenchmarkFireDue(b *testing.B) {
	const many = 5000
	storetest.EachBenchmark(b, func(b *testing.B, s *storetest.Store) {
		r := newRecurring(b, s, hourly(campaigns.Policy{WhileRunning: campaigns.RunsTogether}))
		r.Exec(`WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO campaigns (account_id, name, channel_id, audience, content,
				schedule, throttle, weight, status, next_fire_at, look_at, behind_at, zones, created_at, updated_at)
			SELECT account_id, name, channel_id, '{"contacts":[1]}', content, schedule, throttle, weight, status, next_fire_at, look_at, behind_at, zones,
				created_at, updated_at FROM campaigns, n WHERE look_at IS NOT NULL`, many)
		for b.Loop() {
			r.time.Advance(time.Hour)
			stage := func(name string, do func() int) {
				began, n := clock.System{}.Now(), 0
				for more := do(); more > 0; more = do() {
					n += more
				}
				b.ReportMetric(float64(n)/clock.System{}.Now().Sub(began).Seconds(), name+"/s")
			}
			stage("fired", func() int {
				runs, err := s.FireDue(b.Context())
				require.NoError(b, err)
				return len(runs)
			})
			stage("planned", func() int {
				runs, err := s.RunsToPlan(b.Context())
				require.NoError(b, err)
				for _, run := range runs {
					_, err := s.PlanBatch(b.Context(), run, 500)
					require.NoError(b, err)
				}
				return len(runs)
			})
		}
	})
}
