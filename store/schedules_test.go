package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/campaigns/schedule"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/store/storetest"
)

// recurring is a journey whose campaign recurs, at twelve o'clock on a clock of the
// test's.
type recurring struct {
	*journey
	time  *clock.Fake
	began time.Time
}

func newRecurring(t testing.TB, s *storetest.Store, in campaigns.Schedule) *recurring {
	t.Helper()
	fake := s.FakeTime()
	r := &recurring{journey: newJourney(t, s, 10), time: fake}
	r.start(t, in)
	return r
}

// start starts another campaign.
func (r *recurring) start(t testing.TB, in campaigns.Schedule) {
	t.Helper()
	r.Campaign, r.began = r.NewCampaign(`{"all":true}`), r.time.Now()
	c := r.campaign(t)
	c.Schedule = in
	_, err := r.UpdateCampaign(t.Context(), c)
	require.NoError(t, err)
	require.NoError(t, r.StartRecurring(t.Context(), r.AccountID, r.Campaign))
}

func hourly(p campaigns.Policy) campaigns.Schedule {
	return campaigns.Schedule{Schedule: schedule.Schedule{Every: "1h"}, Policy: p}
}

func (r *recurring) campaign(t testing.TB) campaigns.Campaign {
	t.Helper()
	c, err := r.GetCampaign(t.Context(), r.AccountID, r.Campaign)
	require.NoError(t, err)
	return c
}

// later moves the clock and lets what has come fire.
func (r *recurring) later(t testing.TB, d time.Duration) []campaigns.Run {
	t.Helper()
	r.time.Advance(d)
	var all []campaigns.Run
	// A queued run starts in a look of its own.
	for range 2 {
		runs, err := r.FireDue(t.Context())
		require.NoError(t, err)
		all = append(all, runs...)
	}
	return all
}

// finish ends what is under way, as if everybody had it.
func (r *recurring) finish(t testing.TB) {
	t.Helper()
	for _, run := range r.IDs("SELECT id FROM runs WHERE finished_at IS NULL AND status = 'planning' ORDER BY id") {
		r.PlanAll(run, 100)
	}
	r.Exec("UPDATE runs SET planned = 0 WHERE finished_at IS NULL AND status = 'sending'")
	r.Exec("DELETE FROM run_counts")
	r.Exec("DELETE FROM messages")
	_, unbalanced, err := r.FinishRuns(t.Context())
	require.NoError(t, err)
	require.Empty(t, unbalanced)
}

// history is what became of the instants, oldest first, as "13:00 finished".
func (r *recurring) history(t testing.TB) (lines []string) {
	t.Helper()
	runs, err := r.RunsAt(t.Context(), r.AccountID, r.Campaign, r.began.AddDate(0, 0, -30), r.began.AddDate(1, 0, 0))
	require.NoError(t, err)
	for _, run := range runs {
		line := run.Instant.Format("15:04") + " " + string(run.Status)
		if run.Reason != "" {
			line += " " + run.Reason
		}
		lines = append(lines, line)
	}
	return lines
}

func TestARecurringCampaignFires(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		r := newRecurring(t, s, hourly(campaigns.Policy{}))
		require.Equal(t, campaigns.Scheduled, r.campaign(t).Status)
		require.Equal(t, r.began.Add(time.Hour), *r.campaign(t).NextFireAt)
		require.Empty(t, r.later(t, 59*time.Minute))
		runs := r.later(t, time.Minute+2*time.Second)
		require.Len(t, runs, 1)
		c := r.campaign(t)
		require.Equal(t, campaigns.Running, c.Status)
		require.Equal(t, runs[0].ID, c.RunID)
		require.Equal(t, r.began.Add(2*time.Hour), *c.NextFireAt)
		first, err := r.GetRun(t.Context(), r.AccountID, c.RunID)
		require.NoError(t, err)
		require.Equal(t, 2*time.Second, first.Late())

		// What is changed holds from the next run on.
		c.Content = providers.Content{Text: "another"}
		c, err = r.UpdateCampaign(t.Context(), c)
		require.NoError(t, err)
		require.EqualValues(t, 2, c.Version)
		kept, err := r.CampaignOfRun(t.Context(), first.ID)
		require.NoError(t, err)
		require.Equal(t, "hi", kept.Content.Text)
		r.finish(t)
		require.Equal(t, campaigns.Scheduled, r.campaign(t).Status)
		next := r.later(t, time.Hour)
		require.Len(t, next, 1)
		kept, err = r.CampaignOfRun(t.Context(), next[0].ID)
		require.NoError(t, err)
		require.Equal(t, "another", kept.Content.Text)
		require.Equal(t, []string{"13:00 finished", "14:00 planning"}, r.history(t))
	})
}

func TestWhatComesWhileARunIsUnderWay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		r := newRecurring(t, s, hourly(campaigns.Policy{}))
		r.cancel(t)
		for policy, want := range map[campaigns.WhileRunning][]string{
			campaigns.RunsQueueOne:       {"13:00 finished", "14:00 planning", "15:00 skipped overlap"},
			campaigns.RunsQueueAll:       {"13:00 finished", "14:00 planning", "15:00 waiting overlap"},
			campaigns.RunsSkip:           {"13:00 finished", "14:00 skipped overlap", "15:00 skipped overlap"},
			campaigns.RunsTogether:       {"13:00 finished", "14:00 finished", "15:00 finished"},
			campaigns.RunsCancelPrevious: {"13:00 canceled canceled for the next run", "14:00 canceled canceled for the next run", "15:00 finished"},
		} {
			r.time.Advance(24*time.Hour - r.time.Now().Sub(r.time.Now().Truncate(12*time.Hour)))
			r.start(t, hourly(campaigns.Policy{WhileRunning: policy}))
			r.later(t, time.Hour)
			r.later(t, time.Hour)
			r.later(t, time.Hour)
			r.finish(t)
			r.later(t, time.Second)
			require.Equal(t, want, r.history(t), policy)
			r.cancel(t)
		}
	})
}

func (r *recurring) cancel(t testing.TB) {
	t.Helper()
	require.NoError(t, r.CancelCampaign(t.Context(), r.AccountID, r.Campaign, "test"))
	_, _, err := r.FinishRuns(t.Context())
	require.NoError(t, err)
	require.Zero(t, r.Int("SELECT COUNT(*) FROM runs WHERE campaign_id = ? AND finished_at IS NULL", r.Campaign), "nothing of it is left open")
	require.Empty(t, r.later(t, 3*time.Hour), "nothing fires any more")
}

func TestAPausedCampaignLeavesItsInstantsOut(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		r := newRecurring(t, s, hourly(campaigns.Policy{}))
		r.later(t, time.Hour)
		require.NoError(t, r.PauseCampaign(t.Context(), r.AccountID, r.Campaign, "key 1 (admin)"))
		require.Empty(t, r.later(t, 2*time.Hour))
		require.Equal(t, []string{"13:00 paused", "14:00 skipped paused", "15:00 skipped paused"}, r.history(t))
		run, err := r.RunsAt(t.Context(), r.AccountID, r.Campaign, r.began.Add(2*time.Hour), r.began.Add(2*time.Hour))
		require.NoError(t, err)
		require.Equal(t, "by key 1 (admin)", run[0].Detail)
		require.NoError(t, r.ResumeCampaign(t.Context(), r.AccountID, r.Campaign, ""))
		require.Equal(t, campaigns.Running, r.campaign(t).Status)
		require.True(t, r.campaign(t).Pause.Since.IsZero())
		r.finish(t)
		require.Equal(t, campaigns.Scheduled, r.campaign(t).Status)
		require.Len(t, r.later(t, time.Hour), 1)
	})
}

func TestAPausedScheduleGoesOnByItself(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		r := newRecurring(t, s, hourly(campaigns.Policy{}))
		pause := campaigns.Pause{Since: r.time.Now(), Until: r.began.Add(150 * time.Minute), By: "ada", Why: "holidays"}
		require.NoError(t, r.PauseSchedule(t.Context(), r.AccountID, r.Campaign, pause))
		require.Equal(t, r.began.Add(3*time.Hour), *r.campaign(t).NextFireAt)
		r.later(t, time.Hour)
		r.later(t, time.Hour)
		require.Equal(t, "ada", r.campaign(t).SchedulePause.By)
		require.Len(t, r.later(t, time.Hour), 1)
		require.True(t, r.campaign(t).SchedulePause.Since.IsZero(), "the pause is over")
		require.Equal(t, []string{"13:00 skipped paused", "14:00 skipped paused", "15:00 planning"}, r.history(t))

		require.NoError(t, r.PauseSchedule(t.Context(), r.AccountID, r.Campaign, campaigns.Pause{Since: r.time.Now(), By: "ada"}))
		require.Nil(t, r.campaign(t).NextFireAt)
		require.NoError(t, r.PauseSchedule(t.Context(), r.AccountID, r.Campaign, campaigns.Pause{}))
		require.Equal(t, r.began.Add(4*time.Hour), *r.campaign(t).NextFireAt)
	})
}

func TestSingleInstantsAreLeftOutAndMoved(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		r := newRecurring(t, s, hourly(campaigns.Policy{}))
		run, err := r.SkipNext(t.Context(), r.AccountID, r.Campaign, "ada")
		require.NoError(t, err)
		require.Equal(t, "by ada", run.Detail)
		require.Equal(t, r.began.Add(2*time.Hour), *r.campaign(t).NextFireAt)
		run, err = r.MoveNext(t.Context(), r.AccountID, r.Campaign, r.began.Add(150*time.Minute), "ada")
		require.NoError(t, err)
		require.Equal(t, campaigns.RunWaiting, run.Status)
		require.Equal(t, r.began.Add(3*time.Hour), *r.campaign(t).NextFireAt)
		require.Empty(t, r.later(t, 149*time.Minute))
		runs := r.later(t, time.Minute)
		require.Len(t, runs, 1)
		require.Equal(t, r.began.Add(2*time.Hour), runs[0].Instant)
		r.finish(t)
		r.later(t, 30*time.Minute)
		require.Equal(t, []string{"13:00 skipped left_out", "14:00 finished", "15:00 planning"}, r.history(t))
	})
}

func TestATriggeredRunStandsBesideTheSchedule(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		r := newRecurring(t, s, hourly(campaigns.Policy{}))
		r.time.Advance(10 * time.Minute)
		run, err := r.TriggerRun(t.Context(), r.AccountID, r.Campaign, "ada")
		require.NoError(t, err)
		require.Equal(t, campaigns.RunPlanning, run.Status)
		require.Equal(t, campaigns.RunTriggered, run.Kind)
		require.Equal(t, campaigns.Running, r.campaign(t).Status)
		require.Equal(t, r.began.Add(time.Hour), *r.campaign(t).NextFireAt)
		r.time.Advance(time.Minute)
		waits, err := r.TriggerRun(t.Context(), r.AccountID, r.Campaign, "ada")
		require.NoError(t, err)
		require.Equal(t, campaigns.RunWaiting, waits.Status)
		r.time.Advance(time.Minute)
		_, err = r.TriggerRun(t.Context(), r.AccountID, r.Campaign, "ada")
		require.True(t, fault.Is(err, fault.Conflict), "%v", err)
		r.finish(t)
		require.Len(t, r.later(t, time.Second), 1, "the one that waited starts")
	})
}

func TestBackfillMakesUpForWhatWasLeftOut(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		r := newRecurring(t, s, hourly(campaigns.Policy{}))
		_, err := r.SkipNext(t.Context(), r.AccountID, r.Campaign, "ada")
		require.NoError(t, err)
		r.later(t, 2*time.Hour)
		r.finish(t)
		// 11:00 was before the campaign began, 13:00 was left out, 14:00 has fired.
		instants := []time.Time{r.began.Add(-time.Hour), r.began.Add(time.Hour), r.began.Add(2 * time.Hour)}
		_, err = r.Backfill(t.Context(), r.AccountID, r.Campaign, instants, "ada")
		require.NoError(t, err)
		require.Equal(t, []string{"11:00 waiting", "13:00 waiting", "14:00 finished"}, r.history(t))
		require.Len(t, r.later(t, time.Second), 1)
		r.finish(t)
		require.Len(t, r.later(t, time.Second), 1)
		r.finish(t)
		require.Equal(t, []string{"11:00 finished", "13:00 finished", "14:00 finished"}, r.history(t))
		require.Equal(t, campaigns.Scheduled, r.campaign(t).Status)
	})
}

func TestARecurringCampaignEnds(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		r := newRecurring(t, s, hourly(campaigns.Policy{Count: 2}))
		r.later(t, time.Hour)
		r.finish(t)
		require.Equal(t, campaigns.Scheduled, r.campaign(t).Status)
		r.later(t, time.Hour)
		require.Nil(t, r.campaign(t).NextFireAt)
		require.Equal(t, campaigns.Running, r.campaign(t).Status)
		r.finish(t)
		require.Equal(t, campaigns.Finished, r.campaign(t).Status)
		require.Empty(t, r.later(t, 5*time.Hour))
	})
}

func TestAChangedScheduleHoldsFromNowOn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		r := newRecurring(t, s, hourly(campaigns.Policy{}))
		// An instant of the old schedule has come, and nobody has looked yet.
		r.time.Advance(61 * time.Minute)
		c := r.campaign(t)
		c.Schedule.Every = "20m"
		c, err := r.UpdateCampaign(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, r.began.Add(80*time.Minute), *c.NextFireAt)
		require.Equal(t, []string{"13:00 planning"}, r.history(t))
		r.finish(t)
		r.later(t, 20*time.Minute)
		require.Equal(t, []string{"13:00 finished", "13:20 planning"}, r.history(t))
	})
}

func TestARunThatCannotBePlannedFails(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		r := newRecurring(t, s, hourly(campaigns.Policy{}))
		runs := r.later(t, time.Hour)
		require.NoError(t, r.FailRun(t.Context(), runs[0].ID, "its audience can't be planned"))
		_, _, err := r.FinishRuns(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"13:00 failed its audience can't be planned"}, r.history(t))
		require.Equal(t, campaigns.Scheduled, r.campaign(t).Status, "the next run may be right")

		once := r.NewCampaign(`{"all":true}`)
		run, err := r.StartRun(t.Context(), r.AccountID, once, r.time.Now())
		require.NoError(t, err)
		require.NoError(t, r.FailRun(t.Context(), run.ID, "its audience can't be planned"))
		_, _, err = r.FinishRuns(t.Context())
		require.NoError(t, err)
		c, err := r.GetCampaign(t.Context(), r.AccountID, once)
		require.NoError(t, err)
		require.Equal(t, campaigns.Failed, c.Status)
	})
}

// TestEveryInstantIsARow: two schedulers look whenever they like, by clocks that jump,
// while people pause, resume, change, skip and move. Whatever they do, the history of
// the schedule has every instant that has come, once.
func TestEveryInstantIsARow(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		r := newRecurring(t, s, hourly(campaigns.Policy{}))
		r.cancel(t)
		for seed := range uint64(6) {
			t.Run(fmt.Sprint(seed), func(t *testing.T) { r.everyInstantIsARow(t, seed) })
		}
	})
}

func (r *recurring) everyInstantIsARow(t *testing.T, seed uint64) {
	policies := []campaigns.Policy{
		{}, {CatchUp: campaigns.CatchUpAll, WhileRunning: campaigns.RunsTogether}, {WhileRunning: campaigns.RunsCancelPrevious},
		{WhileRunning: campaigns.RunsQueueAll, Jitter: "3m"}, {CatchUp: campaigns.CatchUpSkip, WhileRunning: campaigns.RunsSkip},
	}
	r.start(t, campaigns.Schedule{
		Schedule: schedule.Schedule{Cron: []string{"*/10 * * * *"}, Exclude: &schedule.Exclude{Dates: []string{"2026-03-02"}}},
		Policy:   policies[seed%uint64(len(policies))],
	})
	ctx := t.Context()
	random := rand.New(rand.NewPCG(seed, 1)) // to be repeated
	furthest := r.began
	people := []func() error{
		func() error { return r.PauseCampaign(ctx, r.AccountID, r.Campaign, "ada") },
		func() error { return r.ResumeCampaign(ctx, r.AccountID, r.Campaign, "ada") },
		func() error { _, err := r.SkipNext(ctx, r.AccountID, r.Campaign, "ada"); return err },
		func() error {
			_, err := r.MoveNext(ctx, r.AccountID, r.Campaign, r.time.Now().Add(25*time.Minute), "ada")
			return err
		},
		func() error {
			return r.PauseSchedule(ctx, r.AccountID, r.Campaign, campaigns.Pause{Since: r.time.Now(), Until: r.time.Now().Add(time.Hour)})
		},
		func() error { return r.PauseSchedule(ctx, r.AccountID, r.Campaign, campaigns.Pause{}) },
		func() error {
			c, err := r.GetCampaign(ctx, r.AccountID, r.Campaign)
			if err == nil {
				c.Content.Text += "!"
				_, err = r.UpdateCampaign(ctx, c)
			}
			return err
		},
	}
	for range 25 {
		r.time.Advance(time.Duration(random.Int64N(int64(3*time.Hour))) - 30*time.Minute)
		if r.time.Now().After(furthest) {
			furthest = r.time.Now()
		}
		act := people[random.IntN(len(people))]
		var group sync.WaitGroup
		for range 2 {
			group.Go(func() { lookQuietly(ctx, t, r) })
		}
		group.Go(func() {
			if err := act(); err != nil && !fault.Is(err, fault.Conflict) {
				t.Errorf("a person's step failed: %v", err)
			}
		})
		group.Wait()
		if random.IntN(3) == 0 {
			r.finish(t)
		}
	}
	r.time.Advance(furthest.Sub(r.time.Now()))
	lookQuietly(ctx, t, r)
	plan, err := schedule.Schedule{Cron: []string{"*/10 * * * *"}}.Compile(schedule.Options{})
	require.NoError(t, err)
	runs, err := r.RunsAt(ctx, r.AccountID, r.Campaign, r.began, furthest)
	require.NoError(t, err)
	at := r.began
	for _, run := range runs {
		o, ok := plan.Next(at)
		require.True(t, ok)
		require.Equal(t, o.At, run.Instant, "the history has no holes, and nothing twice")
		require.False(t, run.Status == campaigns.RunSkipped && run.Reason == "", "%s is left out for a reason", run.Instant)
		at = run.Instant
	}
	o, _ := plan.Next(at)
	require.True(t, o.At.After(furthest), "%s has come, and is no row", o.At)
}

func lookQuietly(ctx context.Context, t *testing.T, r *recurring) {
	if _, err := r.FireDue(ctx); err != nil {
		t.Errorf("firing failed: %v", err)
	}
}

// A process with other rules of time zones reckons anew, and fires nothing before its
// time.
func TestOtherRulesOfTimeZones(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		r := newRecurring(t, s, campaigns.Schedule{Schedule: schedule.Schedule{Cron: []string{"0 15 * * *"}, Timezone: "Europe/Berlin"}})
		at := r.began.Add(3 * time.Hour)
		once := r.NewCampaign(`{"all":true}`)
		c, err := s.GetCampaign(t.Context(), r.AccountID, once)
		require.NoError(t, err)
		c.Schedule = campaigns.Schedule{At: "2026-03-01T16:00", Schedule: schedule.Schedule{Timezone: "Europe/Berlin"}}
		_, err = s.UpdateCampaign(t.Context(), c)
		require.NoError(t, err)
		require.NoError(t, s.ScheduleCampaign(t.Context(), r.AccountID, once, at))
		plain := r.NewCampaign(`{"all":true}`)
		require.NoError(t, s.ScheduleCampaign(t.Context(), r.AccountID, plain, at))
		// By the rules of before, both were at another time.
		s.Exec("UPDATE campaigns SET zones = 'others', next_fire_at = next_fire_at + 3600000, look_at = look_at + 3600000 WHERE id <> ?", plain)
		s.Exec("UPDATE campaigns SET zones = 'others' WHERE id = ?", plain)
		runs, err := s.FireDue(t.Context())
		require.NoError(t, err)
		require.Empty(t, runs)
		require.Equal(t, r.began.Add(2*time.Hour), *r.campaign(t).NextFireAt)
		for _, id := range []int64{once, plain} {
			c, err = s.GetCampaign(t.Context(), r.AccountID, id)
			require.NoError(t, err)
			require.Equal(t, at, *c.NextFireAt)
		}
		require.Len(t, r.later(t, 3*time.Hour), 3, "each fires once, at its time")
	})
}

func TestWhatWaitsIsNotForgottenBehindWhatDoesNotStart(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		r := newRecurring(t, s, hourly(campaigns.Policy{Count: 1}))
		r.later(t, time.Hour)
		r.finish(t)
		require.Equal(t, campaigns.Finished, r.campaign(t).Status)

		r.start(t, hourly(campaigns.Policy{}))
		instants := []time.Time{r.began.Add(-3 * time.Hour), r.began.Add(-2 * time.Hour), r.began.Add(-time.Hour)}
		_, err := r.Backfill(t.Context(), r.AccountID, r.Campaign, instants, "ada")
		require.NoError(t, err)
		require.NoError(t, r.PauseSchedule(t.Context(), r.AccountID, r.Campaign, campaigns.Pause{Since: r.time.Now()}))
		for range 3 {
			require.Empty(t, r.later(t, time.Second))
		}
		require.Equal(t, []string{"10:00 skipped paused", "11:00 skipped paused", "12:00 skipped paused"}, r.history(t))
		require.Equal(t, campaigns.Scheduled, r.campaign(t).Status)
	})
}
