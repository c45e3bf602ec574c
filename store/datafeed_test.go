package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/storetest"
)

// farEnd is what a data feed is read from.
type farEnd struct {
	says  string
	away  error
	reads int
}

func (f *farEnd) JSON(context.Context, string, int) ([]byte, error) {
	f.reads++
	return []byte(f.says), f.away
}

func (f *farEnd) Look(context.Context, string, int64) (providers.Looked, error) {
	return providers.Looked{}, f.away
}

// fed makes the journey's campaign one that reads a data feed, and returns what reads it.
func (r *recurring) fed(t *testing.T, feed campaigns.DataFeed) (*farEnd, func()) {
	t.Helper()
	c := r.campaign(t)
	feed.URL = "https://example.org/news.json"
	c.DataFeed = &feed
	c, err := r.UpdateCampaign(t.Context(), c)
	require.NoError(t, err)
	require.Equal(t, &feed, c.DataFeed)
	end := &farEnd{}
	reader := campaigns.NewDataFeeds(r.Store, end, r.time)
	return end, func() {
		t.Helper()
		runs, err := r.RunsToPlan(t.Context())
		require.NoError(t, err)
		for _, run := range runs {
			_, err := r.PlanBatch(t.Context(), run, 100)
			require.NoError(t, err)
		}
		_, err = reader.RunNext(t.Context())
		require.NoError(t, err)
	}
}

func (r *recurring) run(t *testing.T, id int64) campaigns.Run {
	t.Helper()
	run, err := r.GetRun(t.Context(), r.AccountID, id)
	require.NoError(t, err)
	return run
}

// title is what a run's messages say of the feed.
func (r *recurring) title(t *testing.T, run int64) any {
	t.Helper()
	of, err := r.OccasionOfRun(t.Context(), run)
	require.NoError(t, err)
	require.NotNil(t, of.Feed)
	title, _ := of.Feed.At("title")
	return title
}

// A run is not planned before its feed is kept, and what is kept never changes.
func TestARunIsPlannedWithTheFeedThatItKeeps(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		r := newRecurring(t, s, hourly(campaigns.Policy{WhileRunning: campaigns.RunsTogether}))
		end, look := r.fed(t, campaigns.DataFeed{})
		end.says = `{"title":"one"}`
		first := r.later(t, time.Hour)[0]
		step, err := r.PlanBatch(t.Context(), first.ID, 100)
		require.NoError(t, err)
		require.Equal(t, campaigns.PlanStep{Stopped: true}, step)
		require.False(t, r.run(t, first.ID).Feed.Kept)
		toPlan, err := r.RunsToPlan(t.Context())
		require.NoError(t, err)
		require.Empty(t, toPlan, "the planner does not look at it again before")

		// Killed between reading and keeping: another process reads it as well.
		other, err := s.AwaitedFeeds(t.Context(), 10)
		require.NoError(t, err)
		require.Len(t, other, 1)
		look()
		require.NoError(t, s.KeepFeed(t.Context(), other[0].RunID, []byte(`{"title":"late"}`), 1))
		require.Equal(t, "one", r.title(t, first.ID))
		require.Equal(t, 1, end.reads)
		kept := r.run(t, first.ID)
		require.True(t, kept.Feed.Kept)
		require.Equal(t, len(end.says), kept.Feed.Bytes)

		// Nor does who gave up, or found nothing new, take the run away.
		require.NoError(t, s.GiveUpFeed(t.Context(), first.ID, "late"))
		require.NoError(t, s.SkipRun(t.Context(), first.ID, campaigns.RunNothingNew, "late"))
		require.Equal(t, campaigns.RunPlanning, r.run(t, first.ID).Status)

		end.says = `{"title":"two"}`
		r.PlanAll(first.ID, 3)
		require.Equal(t, int64(10), r.run(t, first.ID).Planned)
		require.Equal(t, "one", r.title(t, first.ID))
		second := r.later(t, time.Hour)[0]
		look()
		look()
		require.Equal(t, "two", r.title(t, second.ID))
		require.Equal(t, "one", r.title(t, first.ID))
		require.Equal(t, 2, end.reads)

		// Whoever is sent it again gets what the others got.
		resend, _, err := s.ResendRun(t.Context(), r.AccountID, r.Campaign, campaigns.Resend{RunID: first.ID, States: []messages.State{messages.Skipped}}, "me")
		require.NoError(t, err)
		look()
		require.Equal(t, "one", r.title(t, resend.ID))
		require.Equal(t, 2, end.reads)
	})
}

func TestARunWithoutNewsIsLeftOut(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		r := newRecurring(t, s, hourly(campaigns.Policy{}))
		end, look := r.fed(t, campaigns.DataFeed{Items: "items", NewBy: "id", WhenNothingNew: campaigns.NothingNewSkip})
		next := func(says string) campaigns.Run {
			end.says = says
			began := r.later(t, time.Hour)
			require.Len(t, began, 1)
			look()
			run := r.run(t, began[0].ID)
			if run.Status == campaigns.RunPlanning {
				r.finish(t)
			}
			return run
		}
		empty := next(`{"items":[]}`)
		require.Equal(t, campaigns.RunSkipped, empty.Status)
		require.Equal(t, campaigns.RunNothingNew, empty.Reason)
		require.Equal(t, "the data feed has no items", empty.Detail)
		require.Nil(t, empty.StartedAt)
		require.NotNil(t, empty.FinishedAt)
		require.Equal(t, campaigns.Scheduled, r.campaign(t).Status)

		require.Equal(t, campaigns.RunPlanning, next(`{"items":[{"id":1},{"id":2}]}`).Status)
		same := next(`{"items":[{"id":2},{"id":1,"title":"corrected"}],"made":"later"}`)
		require.Equal(t, "the data feed has 2 items, and the last run that was sent had all of them", same.Detail)
		// What was left out is not what is compared with.
		fresh := next(`{"items":[{"id":2},{"id":3}]}`)
		require.Equal(t, campaigns.RunPlanning, fresh.Status)
		require.Equal(t, 1, fresh.Feed.News)
		require.Equal(t, campaigns.RunPlanning, next(`{"items":[{"id":1}]}`).Status, "the last run had not this one")
		require.Equal(t, []string{"13:00 skipped", "14:00 finished", "15:00 skipped", "16:00 finished", "17:00 finished"}, statuses(r, t))
		for _, run := range r.IDs("SELECT id FROM runs") {
			proof, err := r.VerifyRun(t.Context(), run)
			require.NoError(t, err)
			require.Empty(t, proof.Problems)
		}
	})
}

// statuses are the instants with what became of them.
func statuses(r *recurring, t *testing.T) (lines []string) {
	runs, err := r.RunsAt(t.Context(), r.AccountID, r.Campaign, r.began, r.began.AddDate(1, 0, 0))
	require.NoError(t, err)
	for _, run := range runs {
		lines = append(lines, run.Instant.Format("15:04")+" "+string(run.Status))
	}
	return lines
}

// A run waits for a far end that is away, and says so; after ten minutes it fails.
func TestARunWaitsForItsFeedAndFails(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		r := newRecurring(t, s, hourly(campaigns.Policy{WhileRunning: campaigns.RunsTogether}))
		end, look := r.fed(t, campaigns.DataFeed{})
		end.away = fault.New(fault.Unavailable, "example.org answered 503 Service Unavailable")
		began := r.later(t, time.Hour)[0]
		look()
		waits := r.run(t, began.ID)
		require.Equal(t, campaigns.RunPlanning, waits.Status)
		require.Equal(t, campaigns.RunAwaitsFeed, waits.Reason)
		require.Equal(t, "its data feed could not be read yet: example.org answered 503 Service Unavailable", waits.Detail)
		require.Equal(t, r.time.Now().Add(5*time.Second), waits.Feed.NextTry.UTC())
		look()
		require.Equal(t, 1, end.reads, "not before its next try")

		// It comes back.
		end.away, end.says = nil, `{"title":"late"}`
		r.time.Advance(5 * time.Second)
		look()
		require.Equal(t, "late", r.title(t, began.ID))
		require.Empty(t, r.run(t, began.ID).Reason)
		r.finish(t)

		end.away = fault.New(fault.Unavailable, "example.org answered 503 Service Unavailable")
		began = r.later(t, time.Hour)[0]
		for tries := 0; r.run(t, began.ID).Status == campaigns.RunPlanning; tries++ {
			require.Less(t, tries, 12)
			look()
			if next := r.run(t, began.ID).Feed.NextTry; next != nil {
				r.time.Advance(next.Sub(r.time.Now()))
			}
		}
		require.LessOrEqual(t, r.time.Now().Sub(*began.StartedAt), 10*time.Minute)
		_, _, err := s.FinishRuns(t.Context())
		require.NoError(t, err)
		failed := r.run(t, began.ID)
		require.Equal(t, campaigns.RunFailed, failed.Status)
		require.Equal(t, "its data feed can't be read: example.org answered 503 Service Unavailable", failed.Reason)
		require.Equal(t, campaigns.Scheduled, r.campaign(t).Status, "the next instant is tried again")
		_, err = s.Housekeep(t.Context())
		require.NoError(t, err)
		require.Zero(t, s.Int("SELECT COUNT(*) FROM run_feeds WHERE next_try_at IS NOT NULL"))

		// What no later try can do better fails at once.
		end.away = fault.New(fault.Invalid, "10.0.0.1 is not a public address")
		began = r.later(t, time.Hour)[0]
		look()
		require.Equal(t, campaigns.RunFailed, r.run(t, began.ID).Status)
	})
}

// A campaign that fires once reads its feed, too, and is over when there is nothing new.
func TestOneThatFiresOnceReadsItsFeed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		r := &recurring{journey: newJourney(t, s, 3), time: s.FakeTime()}
		end, look := r.fed(t, campaigns.DataFeed{Items: "items", WhenNothingNew: campaigns.NothingNewSkip})
		end.says = `{"items":[]}`
		run := r.Start()
		look()
		require.Equal(t, campaigns.RunSkipped, r.run(t, run.ID).Status)
		require.Equal(t, campaigns.Finished, r.campaign(t).Status)
	})
}

// Documents of runs that were over long ago are forgotten, but for a campaign's last;
// nothing is made of such a run without its document.
func TestOldFeedsAreForgotten(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		r := newRecurring(t, s, hourly(campaigns.Policy{}))
		end, look := r.fed(t, campaigns.DataFeed{})
		end.says = `{"title":"one"}`
		var runs []int64
		for range 2 {
			runs = append(runs, r.later(t, time.Hour)[0].ID)
			look()
			r.finish(t)
		}
		housekeep := func() {
			_, err := s.Housekeep(t.Context())
			require.NoError(t, err)
		}
		housekeep()
		require.Equal(t, "one", r.title(t, runs[0]))
		r.time.Advance(91 * 24 * time.Hour)
		housekeep()
		_, err := s.OccasionOfRun(t.Context(), runs[0])
		require.True(t, fault.Is(err, fault.Invalid), "%v", err)
		require.Equal(t, "one", r.title(t, runs[1]))
		require.True(t, r.run(t, runs[0]).Feed.Kept)
	})
}

// A feed that a person takes away or changes is not what was approved or begun.
func TestTheFeedIsPartOfTheContent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		r := newRecurring(t, s, hourly(campaigns.Policy{WhileRunning: campaigns.RunsTogether}))
		version := r.campaign(t).Version
		end, look := r.fed(t, campaigns.DataFeed{})
		require.Equal(t, version+1, r.campaign(t).Version)
		end.says = `{"title":"one"}`
		first := r.later(t, time.Hour)[0]
		c := r.campaign(t)
		c.DataFeed = nil
		_, err := s.UpdateCampaign(t.Context(), c)
		require.NoError(t, err)
		look()
		require.Equal(t, "one", r.title(t, first.ID), "it began with the feed")
		second := r.later(t, time.Hour)[0]
		r.PlanAll(second.ID, 100)
		require.Nil(t, r.run(t, second.ID).Feed)
		of, err := s.OccasionOfRun(t.Context(), second.ID)
		require.NoError(t, err)
		require.Nil(t, of.Feed)
		require.Equal(t, "k", of.CampaignName)
		require.Equal(t, "journey", of.AccountName)
		require.Equal(t, "c", of.Channel.Name)
		require.Equal(t, "scheduled", of.Run.Kind)
		require.Equal(t, second.Instant.UTC().Format(time.RFC3339), of.Run.Instant)
	})
}
