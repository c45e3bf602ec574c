package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/messages"
	"carillon/store/storetest"
)

// A run in batches gives no more than a batch until the time has passed since that
// began, whoever feeds it, in however many pieces, and whatever comes back meanwhile.
func TestARunInBatchesIsFedSo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 100) // 90 of them with an address
		fake := s.FakeTime()
		s.Exec(`UPDATE campaigns SET throttle = '{"batch":{"size":20,"every":"10m"}}' WHERE id = ?`, j.Campaign)
		run := j.Start()
		j.PlanAll(run.ID, 1000)
		feed := func(per int, envelopes ...int64) []messages.FeedMessage {
			t.Helper()
			fed, err := s.Feed(ctx, messages.FeedRequest{ChannelID: j.Channel.ID, RunID: run.ID, Batched: true, Envelopes: envelopes, PerEnvelope: per})
			require.NoError(t, err)
			return fed
		}
		pending := func() int64 {
			t.Helper()
			list, err := s.FeedableRuns(ctx)
			require.NoError(t, err)
			for _, f := range list {
				require.True(t, f.Batched)
				return f.Pending
			}
			return 0
		}
		send := func(fed []messages.FeedMessage) {
			for _, m := range fed {
				require.Len(t, j.Claim(run.ID, m.EnvelopeID, []messages.FeedMessage{m}), 1)
				j.Record(run.ID, []int64{m.ID}, nil)
			}
		}
		require.Empty(t, j.Feed(run.ID, []int64{1}, 10), "who does not know of the batches feeds nothing")
		require.EqualValues(t, 20, pending())
		fed := feed(7, 1, 2)
		require.Len(t, fed, 14)
		require.EqualValues(t, 6, pending())
		back := feed(7, 3, 4)
		require.Len(t, back, 6)
		send(fed)
		due, err := s.NextDue(ctx, j.Channel.ID, run.ID)
		require.NoError(t, err)
		require.Equal(t, messages.Due{At: fake.Now().Add(10 * time.Minute), Reason: campaigns.DueBatch}, due)

		// What comes back is part of the next batch.
		require.NoError(t, s.Unqueue(ctx, messages.Unqueuing{ChannelID: j.Channel.ID, RunID: run.ID, EnvelopeID: 3,
			MessageIDs: []int64{back[0].ID, back[1].ID, back[2].ID, back[3].ID, back[4].ID, back[5].ID}}))
		fake.Advance(10*time.Minute - time.Millisecond)
		require.Zero(t, pending())
		require.Empty(t, feed(10, 5))
		fake.Advance(time.Millisecond)
		require.EqualValues(t, 20, pending())
		fed = feed(100, 6)
		require.Len(t, fed, 20)
		require.Equal(t, back[0].ID, fed[0].ID)
		send(fed)

		// Nobody saves batches up.
		fake.Advance(time.Hour)
		total := 34
		envelope := int64(10)
		for ; total < 90; envelope++ {
			fed := feed(100, envelope)
			require.LessOrEqual(t, len(fed), 20)
			send(fed)
			total += len(fed)
			require.Empty(t, feed(100, envelope+100))
			fake.Advance(10 * time.Minute)
		}
		require.Equal(t, 90, total)
		require.EqualValues(t, 13, envelope, "three more of them")
		j.Balanced(run.ID)

		// Without batches it is a run as others.
		s.Exec("UPDATE campaigns SET throttle = '{}' WHERE id = ?", j.Campaign)
		require.Empty(t, feed(100, 50), "the feeder's list is out of date")
	})
}

// Each batch of a ramp is so many times as large as the one before; how many have begun is kept
// with the run.
func TestARampIsFedSo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 100) // 90 of them with an address
		fake := s.FakeTime()
		s.Exec(`UPDATE campaigns SET throttle = '{"batch":{"size":10,"every":"10m","growth":1.5}}' WHERE id = ?`, j.Campaign)
		run := j.Start()
		j.PlanAll(run.ID, 1000)
		var sizes []int
		for envelope := int64(1); envelope < 10; envelope++ {
			list, err := s.FeedableRuns(t.Context())
			require.NoError(t, err)
			fed, err := s.Feed(t.Context(), messages.FeedRequest{ChannelID: j.Channel.ID, RunID: run.ID, Batched: true, Envelopes: []int64{envelope}, PerEnvelope: 100})
			require.NoError(t, err)
			if len(fed) == 0 {
				break
			}
			require.Len(t, list, 1)
			require.EqualValues(t, len(fed), list[0].Pending, "what is listed is what there is")
			for _, m := range fed {
				require.Len(t, j.Claim(run.ID, m.EnvelopeID, []messages.FeedMessage{m}), 1)
				j.Record(run.ID, []int64{m.ID}, nil)
			}
			sizes = append(sizes, len(fed))
			fake.Advance(10 * time.Minute)
		}
		require.Equal(t, []int{10, 15, 22, 33, 10}, sizes)
	})
}
