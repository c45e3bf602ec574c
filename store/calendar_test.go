package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/campaigns/calendar"
	"carillon/campaigns/hours"
	"carillon/campaigns/schedule"
	"carillon/contacts"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/storetest"
	"carillon/targeting"
)

// A played day is a real one in steps: a worker that takes twelve messages each.
const (
	playStep   = 10 * time.Minute
	perStep    = 12
	playPeople = 120 // of whom twelve have no address
	underWay   = "SELECT id FROM runs WHERE campaign_id = ? AND finished_at IS NULL AND status IN ('planning', 'sending') ORDER BY id"
)

// newPlayed is a recurring campaign over a channel that takes perStep messages in a
// playStep, so that 108 take 90 minutes.
func newPlayed(t testing.TB, s *storetest.Store) *recurring {
	t.Helper()
	fake := s.FakeTime()
	r := &recurring{journey: newJourney(t, s, playPeople), time: fake}
	r.sealed()
	r.Exec(`UPDATE channels SET limits = '{"per_second":0.020304568527918784}'`)
	r.Exec("UPDATE contacts SET timezone = 'Asia/Tokyo' WHERE id % 4 = 1")
	return r
}

// played plays the campaign for so long from now on.
func (r *recurring) played(t testing.TB, d time.Duration) calendar.Simulation {
	t.Helper()
	ask := calendar.Ask{Until: r.time.Now().Add(d).Format(time.RFC3339)}
	sim, err := calendar.NewService(r.Store.Store, r.time).Simulate(t.Context(), r.AccountID, r.Campaign, ask)
	require.NoError(t, err)
	return sim
}

// goOn lets so much time pass with everything that the scheduler and a worker do.
func (r *recurring) goOn(t testing.TB, d time.Duration) {
	t.Helper()
	// What was left over of the last step is there for the next one's first message.
	budget, envelope := 1, int64(1)
	for end := r.time.Now().Add(d); ; r.time.Advance(playStep) {
		for again := true; again; {
			_, err := r.FireDue(t.Context())
			require.NoError(t, err)
			runs := r.IDs(underWay, r.Campaign)
			for i, run := range runs {
				r.PlanAll(run, 1000)
				if budget == 0 {
					continue
				}
				// Fairly, as the feeder does.
				fed := r.Feed(run, []int64{envelope}, max(1, budget/(len(runs)-i)))
				if claimed := r.Claim(run, envelope, fed); len(claimed) > 0 {
					r.Record(run, claimed, nil)
					budget -= len(claimed)
				}
				envelope++
			}
			_, err = r.CancelPending(t.Context())
			require.NoError(t, err)
			finished, unbalanced, err := r.FinishRuns(t.Context())
			require.NoError(t, err)
			require.Empty(t, unbalanced)
			again = len(finished) > 0
		}
		if !r.time.Now().Before(end) {
			return
		}
		budget = min(budget+perStep, perStep)
	}
}

// requireAgrees holds what was played against what was: every instant with what became
// of it, why, and how many messages; and when it ended, as finely as the steps are.
func (r *recurring) requireAgrees(t testing.TB, sim calendar.Simulation) {
	t.Helper()
	runs, err := r.RunsAt(t.Context(), r.AccountID, r.Campaign, r.began, sim.Until)
	require.NoError(t, err)
	require.Len(t, sim.Runs, len(runs))
	for i, run := range runs {
		actual, err := r.GetRun(t.Context(), r.AccountID, run.ID)
		require.NoError(t, err)
		predicted := sim.Runs[i]
		require.Equal(t, actual.Instant, predicted.Instant)
		require.Equal(t, actual.Status, predicted.Status, actual.Instant)
		require.Equal(t, actual.Reason, predicted.Reason, actual.Instant)
		if actual.FinishedAt != nil && !predicted.Ends.IsZero() {
			require.WithinDuration(t, *actual.FinishedAt, predicted.Ends, 3*playStep, actual.Instant)
		}
		if actual.StartedAt != nil && actual.StartedAt.Before(sim.From) {
			continue // of what was under way only the rest is told
		}
		// The step in which one is canceled, or shares with another one, is a few messages off.
		if shared := r.campaign(t).Schedule.WhileRunning == campaigns.RunsLeaveOut; shared {
			require.InDelta(t, actual.Counts[messages.Skipped], sum(predicted.Skipped), perStep, actual.Instant)
			continue
		}
		if actual.Status != campaigns.RunCanceled {
			require.Equal(t, actual.Counts[messages.Sent], predicted.Sent, actual.Instant)
		}
		require.InDelta(t, actual.Counts[messages.Sent], predicted.Sent, 2*perStep, actual.Instant)
		require.Equal(t, actual.Counts[messages.Skipped], sum(predicted.Skipped), actual.Instant)
		if actual.StartedAt != nil {
			require.WithinDuration(t, *actual.StartedAt, predicted.Starts, 2*playStep, actual.Instant)
		}
	}
}

func sum(counts map[string]int64) (all int64) {
	for _, n := range counts {
		all += n
	}
	return all
}

// What a simulation predicts is what the store does with the same clock.
func TestASimulationAndWhatHappensAgree(t *testing.T) {
	day := func(p campaigns.Policy) campaigns.Schedule {
		return campaigns.Schedule{Schedule: schedule.Schedule{Every: "1h", Until: "2026-03-01T20:00:00Z"}, Policy: p}
	}
	cases := map[string]struct {
		schedule campaigns.Schedule
		before   func(t *testing.T, r *recurring)
		lasts    time.Duration
	}{
		"one waits":  {schedule: day(campaigns.Policy{})},
		"all wait":   {schedule: day(campaigns.Policy{WhileRunning: campaigns.RunsQueueAll})},
		"skip":       {schedule: day(campaigns.Policy{WhileRunning: campaigns.RunsSkip, Count: 3})},
		"the newest": {schedule: day(campaigns.Policy{WhileRunning: campaigns.RunsCancelPrevious})},
		"jitter":     {schedule: day(campaigns.Policy{Jitter: "50m"})},
		"decided ahead": {schedule: day(campaigns.Policy{}), before: func(t *testing.T, r *recurring) {
			_, err := r.SkipNext(t.Context(), r.AccountID, r.Campaign, "ada")
			require.NoError(t, err)
			_, err = r.MoveNext(t.Context(), r.AccountID, r.Campaign, r.began.Add(150*time.Minute), "ada")
			require.NoError(t, err)
			pause := campaigns.Pause{Since: r.time.Now(), Until: r.began.Add(5 * time.Hour), By: "ada"}
			require.NoError(t, r.PauseSchedule(t.Context(), r.AccountID, r.Campaign, pause))
		}},
		"capped": {schedule: day(campaigns.Policy{}), before: func(t *testing.T, r *recurring) {
			_, err := r.SetCap(t.Context(), contacts.FrequencyCap{
				AccountID: r.AccountID, Priority: contacts.PriorityBulk, MaxMessages: 2, Window: 30 * time.Hour, Action: contacts.CapSkip,
			})
			require.NoError(t, err)
		}},
		"only new ones": {schedule: day(campaigns.Policy{}), before: func(_ *testing.T, r *recurring) {
			r.Exec(`UPDATE campaigns SET audience = '{"all":true,"exclude":{"received":{"runs":2}}}'`)
		}},
		"those who wait are left out": {schedule: day(campaigns.Policy{WhileRunning: campaigns.RunsLeaveOut})},
		"under way":                   {schedule: day(campaigns.Policy{}), before: func(t *testing.T, r *recurring) { r.goOn(t, 130*time.Minute) }},
		"hours and zones": {lasts: 60 * time.Hour, schedule: campaigns.Schedule{
			Schedule: schedule.Schedule{Cron: []string{"0 7 * * *"}, Timezone: "Europe/Berlin", Until: "2026-03-03T12:00:00Z"},
			Delivery: campaigns.Delivery{Hours: &hours.Hours{From: "08:00", To: "12:00"}},
		}},
		"their clocks": {lasts: 70 * time.Hour, schedule: campaigns.Schedule{
			Schedule: schedule.Schedule{Cron: []string{"0 7 * * *"}, Timezone: "Europe/Berlin", Until: "2026-03-03T12:00:00Z"},
			Policy:   campaigns.Policy{WhileRunning: campaigns.RunsTogether}, Delivery: campaigns.Delivery{RecipientTime: true},
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *storetest.Store) {
				r := newPlayed(t, s)
				r.start(t, c.schedule)
				if c.before != nil {
					c.before(t, r)
				}
				sim := r.played(t, 60*time.Hour)
				require.NotEmpty(t, sim.Runs)
				r.goOn(t, max(c.lasts, 24*time.Hour))
				r.requireAgrees(t, sim)
			})
		})
	}
}

func TestSharedRecipients(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 20)
		first := j.IDs("SELECT id FROM contacts ORDER BY id")
		some := targeting.Audience{Contacts: first[5:15]}
		shared := func(one, other targeting.Audience) int64 {
			n, err := s.SharedRecipients(t.Context(), calendar.Recipients{Channel: j.Channel, Audience: one}, calendar.Recipients{Channel: j.Channel, Audience: other})
			require.NoError(t, err)
			return n
		}
		require.EqualValues(t, 9, shared(some, targeting.Audience{All: true}), "one of the ten has no address")
		require.EqualValues(t, 4, shared(some, targeting.Audience{Contacts: first[:9]}))
		require.Zero(t, shared(some, targeting.Audience{Contacts: first[15:]}))
		require.EqualValues(t, 8, shared(targeting.Audience{All: true, Exclude: &targeting.Exclude{Contacts: first[:1]}}, targeting.Audience{Contacts: first[:9]}))
	})
}

func TestTheCalendar(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		r := newPlayed(t, s)
		day := schedule.Schedule{Cron: []string{"0 9 * * *"}, Timezone: "Europe/Berlin"}
		r.start(t, campaigns.Schedule{Schedule: day})
		first := r.Campaign
		r.start(t, campaigns.Schedule{Schedule: day})
		month := calendar.NewService(s.Store, r.time)
		ask := calendar.Ask{Until: "2026-03-03T13:00", Zone: "Europe/Berlin"}
		cal, err := month.Calendar(t.Context(), r.AccountID, ask)
		require.NoError(t, err)
		require.Len(t, cal.Runs, 4)
		require.Equal(t, []calendar.Overlap{
			{Date: "2026-03-02", One: first, Other: r.Campaign, Shared: 108}, {Date: "2026-03-03", One: first, Other: r.Campaign, Shared: 108},
		}, cal.Overlaps)
		require.Len(t, cal.Loads, 2)
		require.Equal(t, "Monday 2026-03-02 09:00 needs 2 h 59 min on c: 216 messages of 2 runs (channel.per_second)", cal.Loads[0].Words)
		require.Empty(t, cal.Notices)
		other, err := month.Calendar(t.Context(), s.Account("other"), ask)
		require.NoError(t, err)
		require.Empty(t, other.Runs)
		require.Equal(t, providers.ChannelActive, cal.Channels[r.Channel.ID].Status)
	})
}
