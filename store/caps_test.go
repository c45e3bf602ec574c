package store_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/store/sqldb"
	"carillon/store/storetest"
)

func (j *journey) setCap(c contacts.FrequencyCap) contacts.FrequencyCap {
	j.t.Helper()
	c.AccountID = j.AccountID
	c, err := contacts.NewCaps(j.Store).Set(j.t.Context(), c)
	require.NoError(j.t, err)
	return c
}

// sendAll feeds, claims and records whatever of a run may go now.
func (j *journey) sendAll(run int64) (n int) {
	j.t.Helper()
	envelope := rand.Int64()
	fed := j.Feed(run, []int64{envelope}, 100)
	ids := j.Claim(run, envelope, fed)
	attempts := map[int64]int{}
	for _, m := range fed {
		attempts[m.ID] = m.Attempt
	}
	if len(ids) > 0 {
		j.Record(run, ids, func(o *messages.Outcome) { o.Attempt = attempts[o.MessageID] })
	}
	return len(ids)
}

func (j *journey) another(category int64) campaigns.Run {
	j.t.Helper()
	j.Campaign = j.NewCampaign(`{"all":true}`)
	j.setCategory(j.Campaign, category)
	run := j.Start()
	j.PlanAll(run.ID, 100)
	return run
}

func TestCapsDeferAndSkip(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 3)
		people := j.contactIDs()
		news := j.category("News")
		j.setCap(contacts.FrequencyCap{MaxMessages: 1, Window: time.Hour})
		first := j.another(0)
		require.Equal(t, 3, j.sendAll(first.ID))
		second := j.another(news)
		require.Zero(t, j.sendAll(second.ID))
		list, err := s.ListMessages(ctx, messages.MessageFilter{AccountID: j.AccountID, RunID: second.ID, ContactID: people[0]})
		require.NoError(t, err)
		require.Equal(t, messages.Pending, list[0].State)
		require.Equal(t, messages.ReasonCapped, list[0].Reason)
		require.Contains(t, list[0].Detail, "at most 1 in 1h0m0s")
		sent, err := s.ListMessages(ctx, messages.MessageFilter{AccountID: j.AccountID, RunID: first.ID, ContactID: people[0]})
		require.NoError(t, err)
		require.Equal(t, sent[0].SentAt.Add(time.Hour+time.Millisecond), *list[0].DueAt, "as soon as there is room again")
		j.Balanced(second.ID)

		// A transactional message is outside, and does not count.
		j.sent(77, "p1@example.com")

		// While one is in flight nobody knows; it is looked at again soon.
		j.setCap(contacts.FrequencyCap{MaxMessages: 2, Window: time.Hour})
		third := j.another(0)
		queued := j.Feed(third.ID, []int64{500}, 1)
		require.Len(t, queued, 1)
		fourth := j.another(0)
		j.Feed(fourth.ID, []int64{501}, 100)
		require.Equal(t, "pending capped", j.whyOf(fourth.ID, j.message(queued[0].ID).ContactID))
		j.Balanced(fourth.ID)

		// Skip is final; the strictest cap decides; a category's counts its own.
		caps, err := s.ListCaps(ctx, j.AccountID, 0, 10)
		require.NoError(t, err)
		require.Len(t, caps, 1, "the same window again takes its place")
		require.NoError(t, s.DeleteCap(ctx, j.AccountID, caps[0].ID))
		require.True(t, fault.Is(s.DeleteCap(ctx, j.AccountID, caps[0].ID), fault.NotFound))
		j.setCap(contacts.FrequencyCap{MaxMessages: 1, Window: time.Hour, CategoryID: news, Action: contacts.CapSkip})
		fifth := j.another(news)
		require.Equal(t, 3, j.sendAll(fifth.ID), "none of the category was sent yet")
		sixth := j.another(news)
		require.Zero(t, j.sendAll(sixth.ID))
		require.Equal(t, "skipped capped", j.whyOf(sixth.ID, people[0]))
		j.Balanced(sixth.ID)
		require.Equal(t, 3, j.sendAll(j.another(0).ID), "other campaigns are free")
	})
}

func TestCapsAreChecked(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 1)
		caps := contacts.NewCaps(s)
		for want, c := range map[string]contacts.FrequencyCap{
			"max_messages":   {Window: time.Hour},
			"window_seconds": {MaxMessages: 1, Window: time.Millisecond},
			"action":         {MaxMessages: 1, Window: time.Hour, Action: "shout"},
			"priority":       {MaxMessages: 1, Window: time.Hour, Priority: "transactional"},
			"category_id":    {MaxMessages: 1, Window: time.Hour, CategoryID: 99},
		} {
			c.AccountID = j.AccountID
			_, err := caps.Set(t.Context(), c)
			require.ErrorContains(t, err, want)
		}
		_, err := caps.Get(t.Context(), j.AccountID, 99)
		require.True(t, fault.Is(err, fault.NotFound))
	})
}

// When something was sent is kept to the millisecond: a window is no part of one too short.
func TestAWindowIsNotShorterByPartOfAMillisecond(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		clock := s.FakeTime()
		clock.Advance(clock.Now().Truncate(time.Millisecond).Add(1900 * time.Microsecond).Sub(clock.Now()))
		j := newJourney(t, s, 3)
		j.setCap(contacts.FrequencyCap{MaxMessages: 1, Window: time.Hour})
		require.Equal(t, 3, j.sendAll(j.another(0).ID))
		second := j.another(0)
		clock.Advance(time.Hour - 400*time.Microsecond)
		require.Zero(t, j.sendAll(second.ID), "an hour is over by what is kept, and is not")
		clock.Advance(time.Millisecond)
		require.Equal(t, 3, j.sendAll(second.ID))
	})
}

// What one statement records was not sent at one time.
func TestNoMessageCountsAsSentBeforeItWas(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 9)
		run := j.another(0)
		envelope := rand.Int64()
		ids := j.Claim(run.ID, envelope, j.Feed(run.ID, []int64{envelope}, 100))
		outcomes := j.Outcomes(run.ID, ids, nil)
		for i := range outcomes {
			outcomes[i].At = outcomes[i].At.Add(time.Duration(rand.IntN(50)) * time.Millisecond)
		}
		require.NoError(t, j.Writer.Record(t.Context(), outcomes))
		for _, o := range outcomes {
			require.False(t, j.message(o.MessageID).SentAt.Before(o.At.Truncate(time.Millisecond)), "message %d", o.MessageID)
		}
	})
}

// Whatever campaigns are fed at the same time, no window holds more than the
// cap.
func TestNoWindowHoldsMoreThanItsCap(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		const people, each, most, width = 19, 6, 2, time.Second
		j := newJourney(t, s, people)
		j.setCap(contacts.FrequencyCap{MaxMessages: most, Window: width})
		j.setCap(contacts.FrequencyCap{MaxMessages: 5, Window: 2 * width, Priority: contacts.PriorityBulk})
		runs := make([]campaigns.Run, each)
		for i := range runs {
			runs[i] = j.another(0)
		}
		var wg sync.WaitGroup
		errs := make(chan error, each)
		for _, run := range runs {
			wg.Go(func() {
				for {
					envelope := rand.Int64()
					fed, err := s.Feed(ctx, messages.FeedRequest{ChannelID: j.Channel.ID, RunID: run.ID, Envelopes: []int64{envelope}, PerEnvelope: 1 + rand.IntN(7)})
					if err != nil {
						errs <- err
						return
					}
					var ids []int64
					attempts := map[int64]int{}
					for _, m := range fed {
						ids = append(ids, m.ID)
						attempts[m.ID] = m.Attempt
					}
					if len(ids) > 0 {
						claimed, err := j.Writer.Claim(ctx, messages.Claim{WorkerID: j.Worker, ChannelID: j.Channel.ID, RunID: run.ID, EnvelopeID: envelope, MessageIDs: ids})
						if err != nil {
							errs <- err
							return
						}
						outcomes := j.Outcomes(run.ID, claimed, func(o *messages.Outcome) {
							o.Attempt = attempts[o.MessageID]
							if rand.IntN(5) == 0 { // and some have to be tried again
								o.State, o.DueAt, o.Reason, o.Unspent, o.EnvelopeID = messages.Pending, o.At.Add(20*time.Millisecond), messages.ReasonTemporary, true, envelope
							}
						})
						if err := j.Writer.Record(ctx, outcomes); err != nil {
							errs <- err
							return
						}
					}
					var open int
					if err := s.Reader().Row(ctx, "SELECT COUNT(*) FROM messages WHERE run_id = ? AND state IN (0, 1, 2)", run.ID).Scan(&open); err != nil {
						errs <- err
						return
					}
					if open == 0 {
						return
					}
					if err := s.Clock.Sleep(ctx, 5*time.Millisecond); err != nil {
						errs <- err
						return
					}
				}
			})
		}
		wg.Wait()
		close(errs)
		require.NoError(t, <-errs)
		times := map[int64][]time.Time{}
		require.NoError(t, sqldb.Each(ctx, s.Reader(), func(scan sqldb.Scan) error {
			var id int64
			var at sqldb.Time
			err := scan(&id, &at)
			times[id] = append(times[id], at.Time)
			return err
		}, "SELECT contact_id, sent_at FROM messages WHERE sent_at IS NOT NULL ORDER BY contact_id, sent_at"))
		require.Len(t, times, people-people/10)
		for id, sent := range times {
			require.Len(t, sent, each, "contact %d got all in the end", id)
			for i := most; i < len(sent); i++ {
				require.GreaterOrEqual(t, sent[i].Sub(sent[i-most]), width, "contact %d", id)
			}
		}
		for _, run := range runs {
			j.Balanced(run.ID)
		}
	})
}
