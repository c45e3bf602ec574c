package schedule_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/campaigns/schedule"
)

func BenchmarkNext(b *testing.B) {
	for name, s := range map[string]schedule.Schedule{
		"weekday morning": {Cron: []string{"0 9 * * MON-FRI"}, Timezone: "Europe/Berlin"},
		"last Friday":     {Cron: []string{"0 9 * * FRIL"}, Timezone: "America/New_York"},
		"every minute":    {Cron: []string{"* * * * *"}, Timezone: "Asia/Beirut"},
		"a leap day":      {Cron: []string{"0 9 29 2 *"}, Timezone: "UTC"},
	} {
		b.Run(name, func(b *testing.B) {
			plan, err := s.Compile(schedule.Options{})
			require.NoError(b, err)
			after := at("2026-03-20T00:00:00Z")
			b.ReportAllocs()
			for b.Loop() {
				o, _ := plan.NextFiring(after)
				after = o.At
				if after.Year() > 2034 {
					after = at("2026-03-20T00:00:00Z")
				}
			}
		})
	}
}
