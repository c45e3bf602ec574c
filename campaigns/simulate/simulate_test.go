package simulate_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/campaigns"
	"carillon/campaigns/hours"
	"carillon/campaigns/schedule"
	"carillon/campaigns/simulate"
	"carillon/contacts"
	"carillon/messages"
	"carillon/providers"
	"carillon/targeting"
)

// monday is one at noon.
var monday = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

const (
	hour = time.Hour
	day  = 24 * time.Hour
)

// recurring is a campaign that was started on monday, for n people without a zone.
func recurring(t require.TestingT, s campaigns.Schedule, n int64) simulate.Campaign {
	table, err := s.Timetable(schedule.Options{})
	require.NoError(t, err)
	return simulate.Campaign{
		ID: 1, ChannelID: 1, Schedule: s, Timetable: table, Standing: campaigns.Standing{CampaignID: 1, Behind: monday},
		Audience: simulate.Audience{Zones: map[string]int64{"": n}},
	}
}

func every(text string, p campaigns.Policy) campaigns.Schedule {
	return campaigns.Schedule{Schedule: schedule.Schedule{Every: text}, Policy: p}
}

func cron(text string, d campaigns.Delivery) campaigns.Schedule {
	return campaigns.Schedule{Schedule: schedule.Schedule{Cron: []string{text}, Timezone: "Europe/Berlin"}, Delivery: d}
}

// play plays for so long from monday on.
func play(span time.Duration, limits providers.Limits, list ...simulate.Campaign) simulate.Result {
	return simulate.Play(simulate.Input{
		Begin: monday, From: monday, Until: monday.Add(span), Channels: []simulate.Channel{{ID: 1, Limits: limits}}, Campaigns: list,
	})
}

// lines are runs such as "03-02 13:00 finished 10 of 10 by 13:05:00".
func lines(list []simulate.Run) (out []string) {
	for _, r := range list {
		line := r.Instant.Format("01-02 15:04") + " " + string(r.Status)
		if r.Reason != "" {
			line += " " + r.Reason
		}
		if !r.Starts.IsZero() {
			line += fmt.Sprintf(" %d of %d", r.Sent, r.Recipients)
		}
		if !r.Last.IsZero() {
			line += " by " + r.Last.Round(time.Second).Format("01-02 15:04:05")
		}
		out = append(out, line)
	}
	return out
}

func holds(r simulate.Run) map[string]time.Duration {
	found := map[string]time.Duration{}
	for _, h := range r.Held {
		found[h.By] = h.For.Round(time.Minute)
	}
	return found
}

// What comes while a run is under way, which takes 90 minutes of the channel.
func TestInstantsMeetWhatIsUnderWay(t *testing.T) {
	limits := providers.Limits{PerSecond: 1 / simulate.ChannelShare}
	const n = 90 * 60
	for policy, want := range map[campaigns.WhileRunning][]string{
		campaigns.RunsQueueOne: {
			"03-02 13:00 finished 5400 of 5400 by 03-02 14:29:59", "03-02 14:00 finished 5400 of 5400 by 03-02 15:59:59",
			"03-02 15:00 finished 5400 of 5400 by 03-02 17:29:59",
		},
		campaigns.RunsSkip: {
			"03-02 13:00 finished 5400 of 5400 by 03-02 14:29:59", "03-02 14:00 skipped overlap", "03-02 15:00 finished 5400 of 5400 by 03-02 16:29:59",
		},
		campaigns.RunsTogether: {
			"03-02 13:00 finished 5400 of 5400 by 03-02 14:59:58", "03-02 14:00 finished 5400 of 5400 by 03-02 16:59:58",
			"03-02 15:00 finished 5400 of 5400 by 03-02 17:29:59",
		},
		campaigns.RunsCancelPrevious: {
			"03-02 13:00 canceled canceled for the next run 3601 of 5400 by 03-02 14:00:00",
			"03-02 14:00 canceled canceled for the next run 3600 of 5400 by 03-02 15:00:00", "03-02 15:00 finished 5400 of 5400 by 03-02 16:30:00",
		},
	} {
		result := play(3*hour, limits, recurring(t, every("1h", campaigns.Policy{WhileRunning: policy}), n))
		require.Equal(t, want, lines(result.Runs), policy)
		require.Empty(t, result.Cut)
	}
}

// A hundred messages at ten a second, in the two hours a day that quiet hours leave.
func TestMessagesWaitForHours(t *testing.T) {
	c := recurring(t, cron("0 7 * * *", campaigns.Delivery{Hours: &hours.Hours{From: "08:00", To: "10:00"}}), 100)
	c.Audience.Zones = map[string]int64{"Asia/Tokyo": 40, "": 60}
	c.Audience.Skipped = map[string]int64{messages.ReasonNoAddress: 3}
	result := play(day, providers.Limits{PerSecond: 10 / simulate.ChannelShare}, c)
	// 7:00 in Berlin is 15:00 in Tokyo, where there are hours again at 23:00 UTC.
	require.Equal(t, []string{"03-03 06:00 finished 100 of 100 by 03-03 23:00:04"}, lines(result.Runs))
	r := result.Runs[0]
	require.Equal(t, map[string]int64{messages.ReasonNoAddress: 3}, r.Skipped)
	require.Equal(t, []simulate.Wave{
		{At: monday.Add(19 * hour), Recipients: 60, Waits: true}, {At: monday.Add(35 * hour), Recipients: 40, Waits: true},
	}, r.Waves)
	require.Equal(t, 17*hour, holds(r)[messages.ReasonHours])
	require.Equal(t, []simulate.Day{{Date: "2026-03-03", Runs: 1, Messages: 100}}, result.Days)
}

// What is not through when the hours end goes on the next day.
func TestHoursEndWhileARunIsUnderWay(t *testing.T) {
	c := recurring(t, cron("0 8 3 3 *", campaigns.Delivery{Hours: &hours.Hours{From: "08:00", To: "10:00"}, ExpiresAfter: "49h"}), 6*3600)
	result := play(2*day, providers.Limits{PerSecond: 1 / simulate.ChannelShare}, c)
	require.Equal(t, []string{"03-03 07:00 finished 18003 of 18003 by 03-05 08:00:00"}, lines(result.Runs))
	require.Equal(t, map[string]int64{messages.ReasonExpired: 3597}, result.Runs[0].Skipped)
	require.Equal(t, []simulate.Day{
		{Date: "2026-03-03", Runs: 1, Messages: 7201}, {Date: "2026-03-04", Messages: 7201}, {Date: "2026-03-05", Messages: 3601},
	}, result.Days)
	require.Len(t, result.Loads, 3)
}

func TestTurnsAreSpread(t *testing.T) {
	c := recurring(t, cron("0 13 3 3 *", campaigns.Delivery{SpreadOver: "2h"}), 7200)
	r := play(2*day, providers.Limits{PerSecond: 100}, c).Runs[0]
	require.WithinDuration(t, monday.Add(day+2*hour), r.Last, time.Second)
	require.Empty(t, r.Held, "a channel that is fast enough holds nothing up")
	slow := play(2*day, providers.Limits{PerSecond: 0.5 / simulate.ChannelShare}, c).Runs[0]
	require.WithinDuration(t, monday.Add(day+4*hour), slow.Last, 3*time.Second)
}

func TestRecipientsPerDay(t *testing.T) {
	// Of 250 people 100 a day are written to: the campaign of one time needs three days.
	once := simulate.Campaign{ID: 1, ChannelID: 1, At: monday.Add(hour), Audience: simulate.Audience{Zones: map[string]int64{"": 250}}}
	result := play(2*hour, providers.Limits{RecipientsPerDay: 100}, once)
	require.Equal(t, []string{"03-02 13:00 finished 250 of 250 by 03-04 13:00:00"}, lines(result.Runs))
	require.Equal(t, map[string]time.Duration{simulate.ByRecipients: 2 * day}, holds(result.Runs[0]))
	// Those who have been written to on the day may be again.
	hourly := recurring(t, every("1h", campaigns.Policy{}), 80)
	result = play(3*hour, providers.Limits{RecipientsPerDay: 100}, hourly)
	require.Equal(t, []string{
		"03-02 13:00 finished 80 of 80 by 03-02 13:00:00", "03-02 14:00 finished 80 of 80 by 03-02 14:00:00", "03-02 15:00 finished 80 of 80 by 03-02 15:00:00",
	}, lines(result.Runs))
}

// A channel that warms up takes 100, 150 and 225 a day: of 400 people the last ones have
// their turn on the third day.
func TestAWarmUpGrowsFromDayToDay(t *testing.T) {
	limits := providers.Limits{WarmUp: providers.WarmUp{First: 100, Ceiling: 1000}}
	warmth := limits.WarmUp.Begin("example.org", providers.Traffic{Asked: 70})
	once := simulate.Campaign{ID: 1, ChannelID: 1, At: monday.Add(hour), Audience: simulate.Audience{Zones: map[string]int64{"": 400}}}
	result := simulate.Play(simulate.Input{
		Begin: monday, From: monday, Until: monday.Add(2 * hour), Zone: time.UTC, Campaigns: []simulate.Campaign{once},
		Channels: []simulate.Channel{{ID: 1, Limits: limits, Warmth: &warmth}},
	})
	require.Equal(t, []string{"03-02 13:00 finished 400 of 400 by 03-04 13:00:00"}, lines(result.Runs))
	require.Equal(t, map[string]time.Duration{simulate.ByRecipients: 2 * day}, holds(result.Runs[0]))
	require.Equal(t, []int64{100, 150, 150}, []int64{result.Days[0].Messages, result.Days[1].Messages, result.Days[2].Messages})
	require.Equal(t, int64(2), limits.WarmUp.Takes(warmth, 400), "as the estimate says")
	require.Equal(t, 100, warmth.Allowance, "what was given is left as it is")
}

// Of 2,600 people 500 go every ten minutes: at once where no rate is set, else as fast as
// it allows.
func TestBatchesHavePauses(t *testing.T) {
	once := simulate.Campaign{ID: 1, ChannelID: 1, At: monday.Add(hour), Audience: simulate.Audience{Zones: map[string]int64{"": 2600}}}
	once.Throttle.Batch = campaigns.Batch{Size: 500, Every: "10m"}
	result := play(2*hour, providers.Limits{}, once)
	require.Equal(t, []string{"03-02 13:00 finished 2600 of 2600 by 03-02 13:50:00"}, lines(result.Runs))
	require.Equal(t, map[string]time.Duration{simulate.ByBatch: 50 * time.Minute}, holds(result.Runs[0]))
	require.Empty(t, result.Loads, "a pause that was asked for is no load")

	ramp := once
	ramp.Throttle.Batch.Growth = 2
	result = play(2*hour, providers.Limits{}, ramp)
	require.Equal(t, []string{"03-02 13:00 finished 2600 of 2600 by 03-02 13:20:00"}, lines(result.Runs), "500, 1000, and the rest")

	result = play(2*hour, providers.Limits{PerSecond: 1 / simulate.ChannelShare}, once)
	require.Equal(t, []string{"03-02 13:00 finished 2600 of 2600 by 03-02 13:51:39"}, lines(result.Runs))
	slow := play(3*hour, providers.Limits{PerSecond: 0.5 / simulate.ChannelShare}, once)
	require.WithinDuration(t, monday.Add(hour+5200*time.Second), slow.Runs[0].Last, 10*time.Second, "a slow channel has no pauses")
}

func TestFrequencyCaps(t *testing.T) {
	c := recurring(t, every("1h", campaigns.Policy{WhileRunning: campaigns.RunsSkip}), 10)
	c.Caps = []contacts.FrequencyCap{{ID: 1, MaxMessages: 2, Window: 150 * time.Minute, Action: contacts.CapSkip}}
	require.Equal(t, []string{
		"03-02 13:00 finished 10 of 10 by 03-02 13:00:00", "03-02 14:00 finished 10 of 10 by 03-02 14:00:00", "03-02 15:00 finished 0 of 0",
		"03-02 16:00 finished 10 of 10 by 03-02 16:00:00",
	}, lines(play(4*hour, providers.Limits{}, c).Runs))
	c.Caps[0].Action = contacts.CapDefer
	result := play(4*hour, providers.Limits{}, c)
	require.Equal(t, []string{
		"03-02 13:00 finished 10 of 10 by 03-02 13:00:00", "03-02 14:00 finished 10 of 10 by 03-02 14:00:00", "03-02 15:00 finished 10 of 10 by 03-02 15:30:00",
		"03-02 16:00 finished 10 of 10 by 03-02 16:30:00",
	}, lines(result.Runs))
	require.Equal(t, map[string]time.Duration{messages.ReasonCapped: 30 * time.Minute}, holds(result.Runs[2]))
}

// The campaign's own limit, and two campaigns that share a channel.
func TestCampaignsShareAChannel(t *testing.T) {
	one := simulate.Campaign{ID: 1, ChannelID: 1, At: monday.Add(hour), Audience: simulate.Audience{Zones: map[string]int64{"": 3600}},
		Throttle: campaigns.Throttle{PerSecond: 1 / simulate.CampaignShare}}
	other := simulate.Campaign{ID: 2, ChannelID: 1, At: monday.Add(hour), Audience: simulate.Audience{Zones: map[string]int64{"": 2 * 3600}}}
	result := play(day, providers.Limits{PerSecond: 2 / simulate.ChannelShare}, one, other)
	require.Equal(t, []string{"03-02 13:00 finished 3600 of 3600 by 03-02 13:59:59", "03-02 13:00 finished 7200 of 7200 by 03-02 14:30:00"}, lines(result.Runs))
	require.Contains(t, holds(result.Runs[0]), simulate.ByCampaignRate)
	require.Contains(t, holds(result.Runs[1]), simulate.ByChannelRate)
	require.Len(t, result.Loads, 1)
	require.Equal(t, 2, result.Loads[0].Runs)
	require.EqualValues(t, 10800, result.Loads[0].Messages)
	require.False(t, result.Loads[0].Open)
	require.Equal(t, simulate.ByChannelRate, result.Loads[0].By)
}

func TestWhoHasItAlreadyIsLeftOut(t *testing.T) {
	limits := providers.Limits{PerSecond: 1 / simulate.ChannelShare}
	c := recurring(t, every("1h", campaigns.Policy{WhileRunning: campaigns.RunsLeaveOut}), 5400)
	result := play(2*hour, limits, c)
	require.Equal(t, []string{"03-02 13:00 finished 5400 of 5400 by 03-02 14:59:58", "03-02 14:00 finished 3601 of 3601 by 03-02 15:30:00"}, lines(result.Runs))
	require.Equal(t, map[string]int64{messages.ReasonStillWaiting: 1799}, result.Runs[1].Skipped)

	sent := func(r targeting.Received) (list []int64) {
		c := recurring(t, every("1h", campaigns.Policy{}), 10)
		c.Received = &r
		for _, r := range play(5*hour, limits, c).Runs {
			list = append(list, r.Sent)
		}
		return list
	}
	require.Equal(t, []int64{10, 0, 0, 0, 0}, sent(targeting.Received{Ever: true}))
	require.Equal(t, []int64{10, 0, 0, 10, 0}, sent(targeting.Received{Runs: 2}))
	require.Equal(t, []int64{10, 0, 0, 10, 0}, sent(targeting.Received{Within: "150m"}))
}

func TestAGuardPausesACampaign(t *testing.T) {
	c := recurring(t, every("1h", campaigns.Policy{Guards: &campaigns.Guards{Audience: &campaigns.AudienceGuard{Empty: true}}}), 10)
	c.Received = &targeting.Received{Ever: true}
	result := play(3*hour, providers.Limits{}, c)
	require.Equal(t, []string{
		"03-02 13:00 finished 10 of 10 by 03-02 13:00:00", "03-02 14:00 paused 0 of 0", "03-02 15:00 skipped paused",
	}, lines(result.Runs))
	require.Contains(t, result.Runs[1].Detail, "its audience is empty")
}

// A fifth goes at once, the others when the winner is told; where a person chooses it,
// nobody knows when.
func TestWhoWaitsForAWinner(t *testing.T) {
	once := simulate.Campaign{
		ID: 1, ChannelID: 1, At: monday.Add(hour), Audience: simulate.Audience{Zones: map[string]int64{"": 1000}}, Waiting: 0.8, Told: 4 * hour,
	}
	result := play(day, providers.Limits{}, once)
	require.Equal(t, []string{"03-02 13:00 finished 1000 of 1000 by 03-02 17:00:00"}, lines(result.Runs))
	require.Equal(t, map[string]time.Duration{messages.ReasonUndecided: 4 * hour}, holds(result.Runs[0]))
	require.Equal(t, []simulate.Wave{{At: monday.Add(hour), Recipients: 200}, {At: monday.Add(5 * hour), Recipients: 800, Waits: true}}, result.Runs[0].Waves)
	once.Told = 0
	result = play(day, providers.Limits{}, once)
	require.Equal(t, []string{"03-02 13:00 sending 200 of 1000 by 03-02 13:00:00"}, lines(result.Runs))
	require.Zero(t, result.Runs[0].Ends)
	require.Equal(t, []simulate.Wave{{At: monday.Add(hour), Recipients: 200}}, result.Runs[0].Waves)
	// One that is under way.
	once.At = time.Time{}
	counts := messages.Counts{}
	counts[messages.Pending], counts[messages.Sent] = 850, 150
	once.Runs = []campaigns.Run{{
		CampaignID: 1, Instant: monday, Status: campaigns.RunSending, PlanDone: true, Counts: counts, CreatedAt: monday,
		Undecided: true, LookAt: monday.Add(2 * hour),
	}}
	result = play(day, providers.Limits{}, once)
	require.Equal(t, []string{"03-02 12:00 finished 850 of 850 by 03-02 14:00:00"}, lines(result.Runs))
}

func TestWhatStandsStillIsNotOver(t *testing.T) {
	c := recurring(t, every("1h", campaigns.Policy{}), 5)
	in := simulate.Input{
		Begin: monday, From: monday, Until: monday.Add(3 * hour), Channels: []simulate.Channel{{ID: 1, Stopped: true}}, Campaigns: []simulate.Campaign{c},
	}
	require.Equal(t, []string{"03-02 13:00 sending 0 of 5", "03-02 14:00 waiting overlap", "03-02 15:00 skipped overlap"}, lines(simulate.Play(in).Runs))
}

func TestItIsBounded(t *testing.T) {
	result := play(366*day, providers.Limits{PerSecond: 100}, recurring(t, every("15m", campaigns.Policy{}), 1000))
	require.Len(t, result.Runs, simulate.MostRuns)
	require.Contains(t, result.Cut, "more than 1000 instants")
	require.Equal(t, result.Runs[simulate.MostRuns-1].Instant, result.Until)
}

// drawn is a campaign and limits of all kinds.
func drawn(t *rapid.T) (simulate.Campaign, providers.Limits) {
	s := every(rapid.SampledFrom([]string{"7m", "1h", "5h", "24h"}).Draw(t, "every"), campaigns.Policy{
		WhileRunning: rapid.SampledFrom([]campaigns.WhileRunning{
			"", campaigns.RunsSkip, campaigns.RunsQueueAll, campaigns.RunsTogether, campaigns.RunsCancelPrevious,
		}).Draw(t, "while"),
		Jitter: rapid.SampledFrom([]string{"", "30m"}).Draw(t, "jitter"),
	})
	s.RecipientTime = rapid.Bool().Draw(t, "theirs")
	s.SpreadOver = rapid.SampledFrom([]string{"", "10m", "9h"}).Draw(t, "spread")
	s.ExpiresAfter = rapid.SampledFrom([]string{"", "12h"}).Draw(t, "expires")
	if rapid.Bool().Draw(t, "hours") {
		s.Hours = &hours.Hours{From: "09:00", To: "12:00"}
	}
	c := recurring(t, s, 0)
	c.Audience.Zones = map[string]int64{}
	for _, zone := range []string{"", "Asia/Tokyo", "America/New_York", "nowhere"} {
		c.Audience.Zones[zone] = rapid.Int64Range(0, 3000).Draw(t, "people "+zone)
	}
	c.Throttle.PerSecond = rapid.SampledFrom([]float64{0, 0.3, 5}).Draw(t, "throttle")
	if rapid.Bool().Draw(t, "capped") {
		c.Caps = []contacts.FrequencyCap{{ID: 1, MaxMessages: 2, Window: 3 * hour, Action: rapid.SampledFrom([]contacts.CapAction{
			contacts.CapDefer, contacts.CapSkip,
		}).Draw(t, "then")}}
	}
	return c, providers.Limits{
		PerSecond:           rapid.SampledFrom([]float64{0, 0.5, 1, 20}).Draw(t, "rate"),
		RecipientsPerDay:    rapid.SampledFrom([]int{0, 0, 50, 5000}).Draw(t, "a day"),
		PerRecipientSeconds: rapid.SampledFrom([]float64{0, 0, 600}).Draw(t, "spacing"),
	}
}

// Every instant of the span is told of once, nobody is lost, and no limit is exceeded,
// whatever is played.
func TestWhatIsPlayedHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, limits := drawn(t)
		span := time.Duration(rapid.IntRange(1, 60).Draw(t, "hours of it")) * hour
		result := play(span, limits, c)
		want := map[int64]int{}
		for at := monday; ; {
			o, ok := c.Timetable.Plan().Next(at)
			if at = o.At; !ok || c.Schedule.Fires(at, "").After(result.Until) {
				break
			}
			want[at.Unix()]++
		}
		got := map[int64]int{}
		var sent, days int64
		for _, r := range result.Runs {
			got[r.Instant.Unix()]++
			sent += r.Sent
			if r.Starts.IsZero() {
				continue
			}
			require.LessOrEqual(t, r.Sent, r.Recipients)
			require.Equal(t, c.Audience.Reachable(), r.Recipients+r.Skipped[messages.ReasonExpired]+r.Skipped[messages.ReasonCapped], "nobody is lost")
			if r.Status == campaigns.RunFinished {
				require.Equal(t, r.Recipients, r.Sent)
				require.False(t, r.Ends.Before(r.Last))
			}
			if r.Sent > 0 {
				require.False(t, r.First.Before(r.Starts))
				requireRate(t, r, limits.PerSecond*simulate.ChannelShare)
				requireRate(t, r, c.Throttle.PerSecond*simulate.CampaignShare)
			}
		}
		require.Equal(t, want, got)
		for _, d := range result.Days {
			days += d.Messages
			if limits.PerSecond > 0 {
				require.LessOrEqual(t, float64(d.Messages), limits.PerSecond*day.Seconds()+1)
			}
			if most := limits.RecipientsPerDay; most > 0 && len(got) == 1 {
				require.LessOrEqual(t, d.Messages, int64(most)+1)
			}
		}
		require.InDelta(t, sent, days, 4*float64(len(result.Runs))+1)
	})
}

// requireRate checks that a run is not faster than a rate allows.
func requireRate(t require.TestingT, r simulate.Run, rate float64) {
	if rate > 0 {
		require.GreaterOrEqual(t, r.Last.Sub(r.First).Seconds()+1, float64(r.Sent-1)/rate)
	}
}

func BenchmarkAWeek(b *testing.B) {
	c := recurring(b, every("1h", campaigns.Policy{}), 0)
	c.Schedule.Hours = &hours.Hours{From: "08:00", To: "20:00"}
	c.Audience.Zones = map[string]int64{"Europe/Berlin": 400_000, "America/New_York": 300_000, "Asia/Tokyo": 300_000}
	for b.Loop() {
		play(7*day, providers.Limits{PerSecond: 100}, c)
	}
}
