package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/messages"
	"carillon/store/storetest"
)

// single puts a message to one person into the journey's queue.
func (j *journey) single(due time.Time) messages.Message {
	j.t.Helper()
	m, err := j.CreateMessage(j.t.Context(), messages.Outgoing{
		AccountID: j.AccountID, ChannelID: j.Channel.ID, Address: "one@example.com", Content: []byte(`{"text":"x"}`), DueAt: due,
	})
	require.NoError(j.t, err)
	return m
}

func (j *journey) totals(f messages.QueueFilter) []messages.QueueTotals {
	j.t.Helper()
	f.AccountID = j.AccountID
	totals, err := j.QueueTotals(j.t.Context(), f)
	require.NoError(j.t, err)
	return totals
}

// inDoubt has messages end without the provider's answer.
func inDoubt(o *messages.Outcome) {
	o.State, o.Reason, o.Kind = messages.Unknown, messages.ReasonInDoubt, "in_doubt"
}

func TestTheQueueIsToldByPriority(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 20) // of whom 18 have an address
		all := messages.QueueFilter{}
		require.Empty(t, j.totals(all))
		planned := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		fake := clock.NewFake(planned)
		j.Clock.Set(fake)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		fake.Advance(time.Minute)
		asked := j.single(time.Time{})
		claimed := j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 5))
		j.Feed(run.ID, []int64{2}, 4)
		bulk := messages.Waiting{Pending: 9, Queued: 4, Sending: 5, Oldest: &planned}
		single := messages.Waiting{Pending: 1, Oldest: &asked.CreatedAt}
		whole := messages.Waiting{Pending: 10, Queued: 4, Sending: 5, Oldest: &planned}
		require.Equal(t, []messages.QueueTotals{{ChannelID: j.Channel.ID, Whole: whole, Transactional: single, Bulk: bulk}}, j.totals(all),
			"what goes first waits shorter")
		require.Equal(t, []messages.QueueTotals{{ChannelID: j.Channel.ID, Whole: bulk, Bulk: bulk}}, j.totals(messages.QueueFilter{CampaignID: j.Campaign}))
		require.Empty(t, j.totals(messages.QueueFilter{ChannelID: j.Channel.ID + 1}))

		// What waits in the window waits, too.
		j.Feed(run.ID, []int64{3}, 100)
		j.Feed(0, []int64{4}, 100)
		whole.Pending, whole.Queued = 0, 14
		require.Equal(t, whole, j.totals(all)[0].Whole)
		j.Record(run.ID, claimed, nil)
		require.EqualValues(t, 0, j.totals(all)[0].Whole.Sending)
	})
}

// What is in doubt is told of its channel until somebody settles it, whatever else waits;
// and where nothing is, no message is looked at to find that out.
func TestWhatIsInDoubtIsCounted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 6)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		unknown := messages.Unknown
		listed := func() (ids []int64) {
			list, err := s.ListMessages(ctx, messages.MessageFilter{AccountID: j.AccountID, State: &unknown})
			require.NoError(t, err)
			for _, m := range list {
				ids = append(ids, m.ID)
			}
			return ids
		}
		fed := j.Feed(run.ID, []int64{1}, 100)
		claimed := j.Claim(run.ID, 1, fed)
		require.Empty(t, listed())
		j.Record(run.ID, claimed[:4], nil)
		j.Record(run.ID, claimed[4:], inDoubt)
		_, _, err := s.FinishRuns(ctx)
		require.NoError(t, err)
		require.Equal(t, []messages.QueueTotals{{ChannelID: j.Channel.ID, InDoubt: 2}}, j.totals(messages.QueueFilter{}), "the run is finished")
		require.Equal(t, []messages.QueueTotals{{ChannelID: j.Channel.ID, InDoubt: 2}}, j.totals(messages.QueueFilter{CampaignID: j.Campaign}))
		require.Empty(t, j.totals(messages.QueueFilter{CampaignID: j.Campaign + 1}))
		require.Equal(t, claimed[4:], listed())
		others, err := s.InDoubt(ctx, messages.QueueFilter{AccountID: j.AccountID + 1})
		require.NoError(t, err)
		require.Empty(t, others, "another account's")

		for i, id := range claimed[4:] {
			_, err := s.ResendMessage(ctx, j.AccountID, id, "me")
			require.NoError(t, err)
			require.EqualValues(t, 1-i, j.totals(messages.QueueFilter{})[0].InDoubt)
		}
		require.Empty(t, listed())
	})
}
