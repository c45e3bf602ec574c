package campaigns_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/campaigns"
	"carillon/campaigns/schedule"
)

// monday is one at noon.
var monday = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func timetable(t require.TestingT, s campaigns.Schedule) *campaigns.Timetable {
	table, err := s.Timetable(schedule.Options{})
	require.NoError(t, err)
	return table
}

func every(text string, p campaigns.Policy) campaigns.Schedule {
	return campaigns.Schedule{Schedule: schedule.Schedule{Every: text}, Policy: p}
}

// what became of instants, as "12:00 planning".
func decided(list []campaigns.Decision) (lines []string) {
	for _, d := range list {
		line := d.Instant.Format("15:04") + " " + string(d.Status)
		if d.Reason != "" {
			line += " " + d.Reason
		}
		if d.CancelsOthers {
			line += " cancels"
		}
		lines = append(lines, line)
	}
	return lines
}

func TestDecide(t *testing.T) {
	const later, tooLate, overlap = " planning", " skipped too_late", " skipped overlap"
	for name, c := range map[string]struct {
		policy    campaigns.Policy
		standing  campaigns.Standing // behind 12:00
		late      time.Duration      // behind 13:00
		decisions []string
	}{
		"in time": {decisions: []string{"13:00" + later}},
		"the latest of several": {
			late: 125 * time.Minute, decisions: []string{"13:00" + tooLate, "14:00" + tooLate, "15:00" + later},
		},
		"late, and worth it": {late: 59 * time.Minute, decisions: []string{"13:00" + later}},
		"too late": {
			policy: campaigns.Policy{CatchUpWithin: "10m"}, late: 11 * time.Minute, decisions: []string{"13:00" + tooLate},
		},
		"all": {
			policy: campaigns.Policy{CatchUp: campaigns.CatchUpAll, CatchUpWithin: "90m", WhileRunning: campaigns.RunsTogether}, late: 125 * time.Minute,
			decisions: []string{"13:00" + tooLate, "14:00" + later, "15:00" + later},
		},
		"all, one after the other": {
			policy: campaigns.Policy{CatchUp: campaigns.CatchUpAll, CatchUpWithin: "90m", WhileRunning: campaigns.RunsQueueAll}, late: 125 * time.Minute,
			decisions: []string{"13:00" + tooLate, "14:00" + later, "15:00 waiting overlap"},
		},
		"none that is late": {policy: campaigns.Policy{CatchUp: campaigns.CatchUpSkip}, late: 61 * time.Second, decisions: []string{"13:00" + tooLate}},
		"a takeover is not late": {
			policy: campaigns.Policy{CatchUp: campaigns.CatchUpSkip}, late: 6 * time.Second, decisions: []string{"13:00" + later},
		},
		"one waits":         {standing: campaigns.Standing{Open: 1}, decisions: []string{"13:00 waiting overlap"}},
		"one waits already": {standing: campaigns.Standing{Open: 1, Waiting: 1}, decisions: []string{"13:00" + overlap}},
		"none while another runs": {
			policy: campaigns.Policy{WhileRunning: campaigns.RunsSkip}, standing: campaigns.Standing{Open: 1}, decisions: []string{"13:00" + overlap},
		},
		"together": {
			policy: campaigns.Policy{WhileRunning: campaigns.RunsTogether}, standing: campaigns.Standing{Open: 3}, decisions: []string{"13:00" + later},
		},
		"in the place of what runs": {
			policy: campaigns.Policy{WhileRunning: campaigns.RunsCancelPrevious}, standing: campaigns.Standing{Open: 1}, decisions: []string{"13:00 planning cancels"},
		},
		"all wait, up to a bound": {
			policy: campaigns.Policy{WhileRunning: campaigns.RunsQueueAll}, standing: campaigns.Standing{Open: 1, Waiting: 100}, decisions: []string{"13:00" + overlap},
		},
		"paused": {
			standing: campaigns.Standing{Pause: campaigns.Pause{Since: monday, By: "ada"}}, decisions: []string{"13:00 skipped paused"},
		},
		"a pause that ends": {
			standing: campaigns.Standing{Pause: campaigns.Pause{Since: monday, Until: monday.Add(2 * time.Hour)}}, late: time.Hour,
			decisions: []string{"13:00 skipped paused", "14:00" + later},
		},
		"as many as are to fire": {
			policy: campaigns.Policy{Count: 2, CatchUp: campaigns.CatchUpAll, CatchUpWithin: "24h", WhileRunning: campaigns.RunsTogether}, late: 3 * time.Hour,
			decisions: []string{"13:00" + later, "14:00" + later},
		},
		"what a person decided": {
			standing: campaigns.Standing{Decided: map[int64]bool{monday.Add(time.Hour).UnixMilli(): true}}, late: time.Hour, decisions: []string{"14:00" + later},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.standing.Behind = monday
			list, after := timetable(t, every("1h", c.policy)).Decide(c.standing, monday.Add(time.Hour+c.late))
			require.Equal(t, c.decisions, decided(list))
			again, _ := timetable(t, every("1h", c.policy)).Decide(after, monday.Add(time.Hour+c.late))
			require.Empty(t, again, "nothing is decided twice")
		})
	}
}

func TestJitterIsTheSameForTheSameInstant(t *testing.T) {
	table := timetable(t, every("1h", campaigns.Policy{Jitter: "10m"}))
	starts := map[time.Duration]bool{}
	for campaign := range int64(50) {
		s := campaigns.Standing{CampaignID: campaign, Behind: monday}
		one, _ := table.Decide(s, monday.Add(time.Hour))
		other, _ := table.Decide(s, monday.Add(time.Hour))
		require.Equal(t, one, other)
		if one[0].Status == campaigns.RunPlanning {
			continue // no later
		}
		later := one[0].StartsAt.Sub(one[0].Instant)
		require.True(t, later > 0 && later <= 10*time.Minute, "%s", later)
		starts[later] = true
	}
	require.Greater(t, len(starts), 20, "campaigns start at many times")
}

// TestEveryInstantIsDecidedOnce: whenever a campaign is looked at, by clocks that jump
// either way, whatever runs and is paused meanwhile, what was decided by then are
// exactly the instants of the schedule, in their order.
func TestEveryInstantIsDecidedOnce(t *testing.T) {
	// Drawn from a range they would nearly all be short.
	jumps := []time.Duration{-time.Hour, 0, time.Second, 7 * time.Minute, 50 * time.Minute, 3 * time.Hour, 11 * time.Hour, 26 * time.Hour}
	schedules := []schedule.Schedule{
		{Cron: []string{"*/7 * * * *"}, Timezone: "Europe/Berlin"},
		{Cron: []string{"30 2 * * *", "0 9 * * MON-FRI"}, Timezone: "America/New_York", Gap: schedule.GapSkip, Overlap: schedule.Both},
		{Every: "90m", Exclude: &schedule.Exclude{Weekdays: []string{"tue", "thu"}}},
		{Cron: []string{"0 */3 * * *"}, Exclude: &schedule.Exclude{Dates: []string{"2026-03-03"}}, OnExcluded: schedule.NextDay, Timezone: "America/Santiago"},
	}
	rapid.Check(t, func(t *rapid.T) {
		s := campaigns.Schedule{Schedule: rapid.SampledFrom(schedules).Draw(t, "schedule"), Policy: campaigns.Policy{
			CatchUp:       rapid.SampledFrom([]campaigns.CatchUp{"", campaigns.CatchUpAll, campaigns.CatchUpSkip}).Draw(t, "catch up"),
			WhileRunning:  rapid.SampledFrom([]campaigns.WhileRunning{"", campaigns.RunsSkip, campaigns.RunsQueueAll, campaigns.RunsTogether}).Draw(t, "while running"),
			CatchUpWithin: "",
		}}
		table := timetable(t, s)
		now, standing, furthest := monday, campaigns.Standing{CampaignID: 1, Behind: monday}, monday
		var all []campaigns.Decision
		fires := 0
		for range rapid.IntRange(1, 30).Draw(t, "looks") {
			now = now.Add(rapid.SampledFrom(jumps).Draw(t, "later"))
			switch rapid.IntRange(0, 3).Draw(t, "meanwhile") {
			case 0:
				standing.Open = 0
			case 1:
				standing.Waiting = 0
			case 2:
				standing.Pause = campaigns.Pause{Since: now, By: "ada"}
			default:
				standing.Pause = campaigns.Pause{}
			}
			var list []campaigns.Decision
			list, standing = table.Decide(standing, now)
			for _, d := range list {
				if d.Status != campaigns.RunSkipped {
					fires++
				} else {
					require.NotEmpty(t, d.Reason, "%s is left out for a reason", d.Instant)
				}
			}
			all = append(all, list...)
			if now.After(furthest) {
				furthest = now
			}
			if next := table.Outlook(standing).LookAt; len(list) < 500 {
				require.True(t, next.After(furthest), "what is looked at next has not come: %s", next)
			}
		}
		var want, got []time.Time
		for at := monday; len(want) < len(all); {
			o, ok := table.Plan().Next(at)
			require.True(t, ok)
			at = o.At
			want = append(want, at)
		}
		for _, d := range all {
			got = append(got, d.Instant)
		}
		require.Equal(t, want, got)
		require.Equal(t, fires, standing.Fired)
	})
}
