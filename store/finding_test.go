package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/messages"
	"carillon/providers"
	"carillon/store/storetest"
)

// passages are the states of a message's history, with their reasons and details.
func passages(t *testing.T, j *journey, id int64) (list []messages.Passage) {
	t.Helper()
	moves, err := j.Transitions(t.Context(), id)
	require.NoError(t, err)
	return messages.History(j.message(id), moves)
}

// A provider that can be asked settles doubts as a person would; what it can't tell stays.
func TestAProviderSettlesDoubts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		clock := s.FakeTime()
		j, run, ids := mixedEnds(t, s)
		ctx, doubtful := t.Context(), ids[messages.Unknown]
		const name = "sandbox"
		take := func(names ...string) map[int64]messages.Doubt {
			t.Helper()
			list, err := s.TakeDoubts(ctx, names, 100)
			require.NoError(t, err)
			by := map[int64]messages.Doubt{}
			for _, d := range list {
				by[d.MessageID] = d
			}
			require.Len(t, by, len(list))
			return by
		}
		require.Empty(t, take(name), "its list lags behind what it took")
		began := clock.Now()
		clock.Advance(5 * time.Minute)
		require.Empty(t, take("another"))
		require.Empty(t, take())
		require.NoError(t, s.PauseChannel(ctx, j.AccountID, j.Channel.ID, "me"))
		require.Empty(t, take(name), "it is not asked while the channel is paused")
		require.NoError(t, s.ResumeChannel(ctx, j.AccountID, j.Channel.ID, "me"))
		first, err := s.TakeDoubts(ctx, []string{name}, 1)
		require.NoError(t, err)
		require.Len(t, first, 1)
		m := j.message(first[0].MessageID)
		require.Equal(t, messages.Doubt{
			MessageID: doubtful[0], ChannelID: j.Channel.ID, AccountID: j.AccountID, RunID: run.ID, To: m.Address, AskedFrom: *m.ClaimedAt, Began: began, Alone: true,
		}, first[0])
		doubts := take(name)
		require.Len(t, doubts, 3)
		require.NotContains(t, doubts, doubtful[0])
		require.Empty(t, take(name), "a question at a time")

		// It was taken, and has arrived; a receipt that nobody could place is placed now.
		other, err := s.OtherMessages(ctx, j.AccountID, j.Channel.ID, []string{"p-1", "p-2"})
		require.NoError(t, err)
		require.Empty(t, other)
		require.NoError(t, j.Writer.Receive(ctx, j.Channel.ID, []providers.Receipt{{ProviderID: "p-2", Status: providers.ReceiptRead}}))
		settle := func(d messages.Doubt, f providers.Found) bool {
			t.Helper()
			done, err := s.SettleFound(ctx, messages.Finding{Doubt: d, Found: f})
			require.NoError(t, err)
			j.Balanced(run.ID)
			return done
		}
		found := providers.Found{Fate: providers.FateTaken, ProviderID: "p-1", Receipt: &providers.Receipt{Status: providers.ReceiptDelivered}}
		require.True(t, settle(first[0], found))
		require.Equal(t, messages.Delivered, j.message(doubtful[0]).State)
		require.Equal(t, "p-1", j.message(doubtful[0]).ProviderID)
		require.True(t, settle(doubts[doubtful[1]], providers.Found{Fate: providers.FateTaken, ProviderID: "p-2"}))
		require.Equal(t, messages.Read, j.message(doubtful[1]).State)
		require.False(t, settle(doubts[doubtful[1]], providers.Found{Fate: providers.FateNotTaken}), "what is settled stays so")
		other, err = s.OtherMessages(ctx, j.AccountID, j.Channel.ID, []string{"p-1", "p-2", "p-3"})
		require.NoError(t, err)
		require.Equal(t, map[string]bool{"p-1": true, "p-2": true}, other)
		other, err = s.OtherMessages(ctx, j.AccountID+1, j.Channel.ID, []string{"p-1"})
		require.NoError(t, err)
		require.Empty(t, other)

		require.True(t, settle(doubts[doubtful[2]], providers.Found{Fate: providers.FateNotTaken}))
		m = j.message(doubtful[2])
		require.Equal(t, messages.Failed, m.State)
		require.Equal(t, messages.ReasonProviderAsked, m.Reason)
		require.NotNil(t, m.FinalAt)
		history := passages(t, j, doubtful[2])
		require.Equal(t, "the provider was asked, and has not taken it", history[len(history)-1].Detail)
		require.Equal(t, messages.Unknown, history[len(history)-2].State)
		require.Equal(t, int64(1), j.settle(messages.Settling{Action: messages.SettleResend, States: []messages.State{messages.Failed},
			Reason: messages.ReasonProviderAsked}).Changed, "it can be sent again")

		// The last one can't be told: it is asked about twice more, and stays.
		last := doubts[doubtful[3]]
		require.False(t, settle(last, providers.Found{Fate: providers.FateUntold, Detail: "two may be meant"}))
		require.Len(t, passages(t, j, doubtful[3]), 4, "only the last answer is noted")
		require.NoError(t, s.ReturnDoubts(ctx, []messages.Doubt{last}))
		clock.Advance(time.Minute)
		require.Len(t, take(name), 1, "what was not asked about is taken again")
		clock.Advance(35 * time.Minute)
		require.False(t, take(name)[doubtful[3]].Last)
		require.Empty(t, take(name))
		clock.Advance(3 * time.Hour)
		last = take(name)[doubtful[3]]
		require.True(t, last.Last)
		require.False(t, settle(last, providers.Found{Fate: providers.FateUntold, Detail: "two may be meant"}))
		history = passages(t, j, doubtful[3])
		require.Equal(t, messages.Passage{
			State: messages.Unknown, At: clock.Now(), Reason: messages.ReasonProviderAsked, Detail: "the provider was asked, and can't tell: two may be meant",
		}, history[len(history)-1])
		require.Equal(t, messages.Unknown, j.message(doubtful[3]).State)
		require.Equal(t, messages.ReasonInDoubt, j.message(doubtful[3]).Reason)
		clock.Advance(time.Hour)
		require.Empty(t, take(name))
		require.Equal(t, 1, s.Int("SELECT COUNT(*) FROM doubts"), "others to the same address are told by it")
		clock.Advance(24 * time.Hour)
		require.Empty(t, take(name))
		require.Zero(t, s.Int("SELECT COUNT(*) FROM doubts"))
	})
}

// Two messages to one number can be confused; and what the reaper holds is asked about, too.
func TestADoubtKnowsOfOthersToTheSameAddress(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		clock := s.FakeTime()
		j := newJourney(t, s, 3)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		claimed := j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 100))
		s.Exec("UPDATE messages SET address = 'same@example.com' WHERE id IN (?, ?)", claimed[0], claimed[1])
		s.Exec("DELETE FROM workers")
		_, err := s.SettleDead(t.Context(), time.Minute)
		require.NoError(t, err)
		clock.Advance(5 * time.Minute)
		list, err := s.TakeDoubts(t.Context(), []string{"sandbox"}, 100)
		require.NoError(t, err)
		alone := map[int64]bool{}
		for _, d := range list {
			alone[d.MessageID] = d.Alone
		}
		require.Equal(t, map[int64]bool{claimed[0]: false, claimed[1]: false, claimed[2]: true}, alone)
	})
}
