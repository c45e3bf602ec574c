package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/storetest"
)

// cutOff claims what is fed of a run into an envelope, lets the worker be taken
// for dead, and returns the outcomes with which it says that it asked nobody.
func (j *journey) cutOff(run, envelope int64, n int) []messages.Outcome {
	j.t.Helper()
	fed := j.Feed(run, []int64{envelope}, n)
	claimed := j.Claim(run, envelope, fed)
	require.Len(j.t, claimed, len(fed))
	j.settleOwn()
	return j.notAsked(run, envelope, claimed)
}

// settleOwn lets the reaper take the journey's worker for dead.
func (j *journey) settleOwn() {
	j.t.Helper()
	require.NoError(j.t, j.RetireWorker(j.t.Context(), j.Worker))
	_, err := j.SettleDead(j.t.Context(), time.Hour)
	require.NoError(j.t, err)
	require.NoError(j.t, j.Heartbeat(j.t.Context(), j.Worker, campaigns.Beat{}))
}

func (j *journey) notAsked(run, envelope int64, ids []int64) []messages.Outcome {
	return j.Outcomes(run, ids, func(o *messages.Outcome) {
		o.State, o.Unspent, o.NotAsked, o.EnvelopeID, o.DueAt = messages.Pending, true, true, envelope, j.Clock.Now()
	})
}

func (j *journey) message(id int64) messages.Message {
	j.t.Helper()
	m, err := j.GetMessage(j.t.Context(), j.AccountID, id)
	require.NoError(j.t, err)
	return m
}

func TestWhatWasNotAskedIsTakenOutOfDoubt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 6)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		late := j.cutOff(run.ID, 1, 100)
		require.Equal(t, messages.Counts{messages.Unknown: 6}, j.Counts(run.ID))
		finished, _, err := s.FinishRuns(t.Context())
		require.NoError(t, err)
		require.Equal(t, []int64{run.ID}, finished, "nothing of it waits any more")

		require.NoError(t, j.Writer.Record(t.Context(), late[:4]))
		require.Equal(t, messages.Counts{messages.Pending: 4, messages.Unknown: 2}, j.Counts(run.ID))
		j.Balanced(run.ID)
		m := j.message(late[0].MessageID)
		require.Equal(t, messages.ReasonNotAsked, m.Reason)
		require.Zero(t, m.Attempt, "the try does not count")
		require.Nil(t, m.FinalAt)
		tries, err := s.Tries(t.Context(), m.ID)
		require.NoError(t, err)
		require.Equal(t, []string{"in_doubt", "not_asked"}, []string{tries[0].Kind, tries[1].Kind})
		now, err := s.GetRun(t.Context(), j.AccountID, run.ID)
		require.NoError(t, err)
		require.Equal(t, campaigns.RunSending, now.Status, "it goes on")
		require.Nil(t, now.FinishedAt)

		// Said again, as after an answer of the database that was lost: whatever
		// has become of the message meanwhile, nothing changes.
		require.NoError(t, j.Writer.Record(t.Context(), late[:1]))
		again := j.Feed(run.ID, []int64{2}, 100)
		require.Len(t, again, 4)
		require.NoError(t, j.Writer.Record(t.Context(), late[:4]))
		claimed := j.Claim(run.ID, 2, again)
		require.Len(t, claimed, 4)
		require.NoError(t, j.Writer.Record(t.Context(), late[:4]))
		require.Equal(t, int64(4), j.Counts(run.ID)[messages.Sending])
		j.Record(run.ID, claimed, nil)
		require.NoError(t, j.Writer.Record(t.Context(), late[:4]))
		require.Equal(t, messages.Counts{messages.Sent: 4, messages.Unknown: 2}, j.Counts(run.ID))
		require.Empty(t, j.message(claimed[0]).Reason)
		finished, _, err = s.FinishRuns(t.Context())
		require.NoError(t, err)
		require.Equal(t, []int64{run.ID}, finished)
		j.Balanced(run.ID)
	})
}

// A message stays in doubt unless the outcome is that of the very claim that is.
func TestDoubtStaysUnlessItIsTheSameClaim(t *testing.T) {
	for name, change := range map[string]func(*messages.Outcome){
		"another worker":             func(o *messages.Outcome) { o.WorkerID++ },
		"another try":                func(o *messages.Outcome) { o.Attempt++ },
		"another envelope":           func(o *messages.Outcome) { o.EnvelopeID++ },
		"no envelope":                func(o *messages.Outcome) { o.EnvelopeID = 0 },
		"no answer, and another try": func(o *messages.Outcome) { o.NotAsked, o.Unspent, o.Kind = false, false, "in_doubt" },
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *storetest.Store) {
				j := newJourney(t, s, 3)
				run := j.Start()
				j.PlanAll(run.ID, 100)
				late := j.cutOff(run.ID, 1, 100)
				for i := range late {
					change(&late[i])
				}
				require.NoError(t, j.Writer.Record(t.Context(), late))
				require.Equal(t, messages.Counts{messages.Unknown: 3}, j.Counts(run.ID))
				j.Balanced(run.ID)
			})
		})
	}
}

// A provider that refused for now has not taken the message, however late its
// answer comes.
func TestALateRefusalTakesOutOfDoubt(t *testing.T) {
	for kind, unspent := range map[string]bool{"throttled": true, "temporary": false} {
		t.Run(kind, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *storetest.Store) {
				j := newJourney(t, s, 3)
				run := j.Start()
				j.PlanAll(run.ID, 100)
				late := j.cutOff(run.ID, 1, 100)
				for i := range late {
					o := &late[i]
					o.NotAsked, o.Unspent, o.Kind, o.Reason, o.Code = false, unspent, kind, messages.ReasonTemporary, "451"
				}
				require.NoError(t, j.Writer.Record(t.Context(), late))
				require.Equal(t, messages.Counts{messages.Pending: 3}, j.Counts(run.ID))
				j.Balanced(run.ID)
				m := j.message(late[0].MessageID)
				require.Equal(t, messages.ReasonTemporary, m.Reason)
				require.Equal(t, map[bool]int{true: 0, false: 1}[unspent], m.Attempt)
			})
		})
	}
}

// What was in flight while the queue was cleared is cleared when it comes back.
func TestAClearingMeetsWhatComesBackFromFlight(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 6)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		claimed := j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 100))
		require.Len(t, claimed, 6)
		allowed, err := s.Sendable(t.Context(), j.Channel.ID, j.Revision(), run.ID, claimed)
		require.NoError(t, err)
		require.ElementsMatch(t, claimed, allowed)
		c, err := s.BeginClear(t.Context(), messages.QueueFilter{AccountID: j.AccountID, CampaignID: j.Campaign}, "me")
		require.NoError(t, err)
		for c.FinishedAt == nil {
			c, err = s.ContinueClear(t.Context(), c.ID)
			require.NoError(t, err)
		}
		allowed, err = s.Sendable(t.Context(), j.Channel.ID, j.Revision(), run.ID, claimed)
		require.NoError(t, err)
		require.Empty(t, allowed)
		require.NoError(t, j.Writer.Record(t.Context(), j.notAsked(run.ID, 1, claimed[:2])))
		require.NoError(t, j.Writer.Record(t.Context(), j.Outcomes(run.ID, claimed[2:3], func(o *messages.Outcome) {
			o.State, o.Kind, o.DueAt = messages.Pending, "temporary", j.Clock.Now().Add(time.Minute)
		})))
		j.Record(run.ID, claimed[3:5], nil)
		j.settleOwn()
		require.Equal(t, messages.Counts{messages.Canceled: 3, messages.Sent: 2, messages.Unknown: 1}, j.Counts(run.ID))
		require.NoError(t, j.Writer.Record(t.Context(), j.notAsked(run.ID, 1, claimed[5:])))
		require.Equal(t, messages.Counts{messages.Canceled: 4, messages.Sent: 2}, j.Counts(run.ID))
		j.Balanced(run.ID)
		require.Equal(t, messages.ReasonCleared, j.message(claimed[5]).Reason)
	})
}

// An unspent try gives its number back: the next claim by the same worker has the
// same. What is said late, or twice, of the first must not be taken for the
// second's, whose provider was asked.
func TestAnOutcomeOfAnEarlierClaimWithTheSameNumberChangesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 4)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		claimed := j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 100))
		first := j.notAsked(run.ID, 1, claimed)
		require.NoError(t, j.Writer.Record(t.Context(), first))
		require.Equal(t, claimed, j.Claim(run.ID, 2, j.Feed(run.ID, []int64{2}, 100)))
		require.Equal(t, 1, j.message(claimed[0]).Attempt, "the same number again")

		require.NoError(t, j.Writer.Record(t.Context(), first))
		require.Equal(t, int64(4), j.Counts(run.ID)[messages.Sending], "the provider is being asked")
		// In one group with what is true of it.
		second := j.notAsked(run.ID, 2, claimed[:2])
		require.NoError(t, j.Writer.Record(t.Context(), []messages.Outcome{first[0], second[0], second[1], first[1]}))
		require.Equal(t, messages.Counts{messages.Pending: 2, messages.Sending: 2}, j.Counts(run.ID))
		j.settleOwn()
		require.Equal(t, int64(2), j.Counts(run.ID)[messages.Unknown])
		require.NoError(t, j.Writer.Record(t.Context(), first))
		require.Equal(t, messages.Counts{messages.Pending: 2, messages.Unknown: 2}, j.Counts(run.ID), "the provider may have got them")
		j.Balanced(run.ID)
	})
}

// What somebody or something has settled meanwhile stays as it is.
func TestWhatWasSettledMeanwhileStays(t *testing.T) {
	for name, c := range map[string]struct {
		settle func(t *testing.T, j *journey, run int64, o messages.Outcome)
		want   messages.State
		tries  int
	}{
		"a receipt": {func(t *testing.T, j *journey, _ int64, o messages.Outcome) {
			require.NoError(t, j.Writer.Receive(t.Context(), j.Channel.ID, []providers.Receipt{{MessageID: o.MessageID, Status: providers.ReceiptDelivered}}))
		}, messages.Delivered, 1},
		"an operator's resend": {func(t *testing.T, j *journey, _ int64, o messages.Outcome) {
			_, err := j.ResendMessage(t.Context(), j.AccountID, o.MessageID, "me")
			require.NoError(t, err)
		}, messages.Pending, 1},
		"an operator's resend, canceled": {func(t *testing.T, j *journey, _ int64, o messages.Outcome) {
			_, err := j.ResendMessage(t.Context(), j.AccountID, o.MessageID, "me")
			require.NoError(t, err)
			_, err = j.CancelMessage(t.Context(), j.AccountID, o.MessageID, "me")
			require.NoError(t, err)
		}, messages.Canceled, 1},
		"an operator's resend, in doubt again": {func(t *testing.T, j *journey, run int64, o messages.Outcome) {
			_, err := j.ResendMessage(t.Context(), j.AccountID, o.MessageID, "me")
			require.NoError(t, err)
			j.cutOff(run, 2, 1)
		}, messages.Unknown, 2},
		"an erasure": {func(t *testing.T, j *journey, _ int64, o messages.Outcome) {
			j.Exec("UPDATE messages SET address = '' WHERE id = ?", o.MessageID)
		}, messages.Unknown, 1},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *storetest.Store) {
				j := newJourney(t, s, 1)
				run := j.Start()
				j.PlanAll(run.ID, 100)
				late := j.cutOff(run.ID, 1, 1)
				c.settle(t, j, run.ID, late[0])
				before := j.message(late[0].MessageID)
				require.NoError(t, j.Writer.Record(t.Context(), late))
				require.Equal(t, before, j.message(late[0].MessageID))
				require.Equal(t, c.want, before.State)
				require.Equal(t, c.tries, before.Attempt)
				j.Balanced(run.ID)
			})
		})
	}
}

// Canceling binds: a message of a canceled run does not wait again, whether the
// run is over or not.
func TestWhatWasNotAskedIsCanceledWithItsRun(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 8)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		late := j.cutOff(run.ID, 1, 2)
		require.NoError(t, s.CancelCampaign(t.Context(), j.AccountID, j.Campaign, "key 1 (ops)"))
		require.NoError(t, j.Writer.Record(t.Context(), late[:1]))
		m := j.message(late[0].MessageID)
		require.Equal(t, messages.Canceled, m.State)
		require.Equal(t, messages.ReasonCanceled, m.Reason)
		require.Equal(t, "canceled by key 1 (ops)", m.Detail)
		require.NotNil(t, m.FinalAt)
		for more := true; more; {
			var err error
			more, err = s.CancelPending(t.Context())
			require.NoError(t, err)
		}
		finished, _, err := s.FinishRuns(t.Context())
		require.NoError(t, err)
		require.Equal(t, []int64{run.ID}, finished)
		require.NoError(t, j.Writer.Record(t.Context(), late[1:]))
		require.Equal(t, messages.Counts{messages.Canceled: 8}, j.Counts(run.ID))
		now, err := s.GetRun(t.Context(), j.AccountID, run.ID)
		require.NoError(t, err)
		require.Equal(t, campaigns.RunCanceled, now.Status, "it stays over")
		require.NotNil(t, now.FinishedAt)
		require.Empty(t, j.Feed(run.ID, []int64{2}, 100))
		j.Balanced(run.ID)
	})
}

// A paused run's message waits, and goes when the run is resumed.
func TestWhatWasNotAskedWaitsForAResume(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 5)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		late := j.cutOff(run.ID, 1, 2)
		require.NoError(t, s.PauseCampaign(t.Context(), j.AccountID, j.Campaign, "me"))
		require.NoError(t, j.Writer.Record(t.Context(), late))
		require.Equal(t, int64(5), j.Counts(run.ID)[messages.Pending])
		require.Empty(t, j.Feed(run.ID, []int64{2}, 100))
		require.NoError(t, s.ResumeCampaign(t.Context(), j.AccountID, j.Campaign, "me"))
		require.Len(t, j.Feed(run.ID, []int64{3}, 100), 5)
		j.Balanced(run.ID)
	})
}

// Transactional messages are held where the channel says so; where they are sent
// again the reaper has decided, and nothing is left to say.
func TestTransactionalMessagesAreTakenOutOfDoubt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 1)
		for i, policy := range []providers.InDoubtPolicy{providers.InDoubtHold, providers.InDoubtResend} {
			setPolicy(t, j, policy)
			m, err := s.CreateMessage(t.Context(), messages.Outgoing{AccountID: j.AccountID, ChannelID: j.Channel.ID, Address: "a@example.com",
				Content: []byte(`{"text":"x"}`)})
			require.NoError(t, err)
			envelope := int64(i + 1)
			late := j.cutOff(0, envelope, 1)
			require.NoError(t, j.Writer.Record(t.Context(), late))
			m = j.message(m.ID)
			require.Equal(t, messages.Pending, m.State)
			if policy == providers.InDoubtResend {
				require.Equal(t, messages.ReasonInDoubt, m.Reason)
				require.Equal(t, 1, m.Attempt)
				continue
			}
			require.Equal(t, messages.ReasonNotAsked, m.Reason)
			require.Zero(t, m.Attempt)
			j.Claim(0, 10, j.Feed(0, []int64{10}, 1))
			j.Record(0, []int64{m.ID}, nil)
		}
	})
}

// A failed claim says that nothing was asked of what it may have claimed. Where
// nothing was committed there is nothing to take back.
func TestAFailedClaimTakesNothingBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 3)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		fed := j.Feed(run.ID, []int64{1}, 100)
		ids := make([]int64, len(fed))
		for i, m := range fed {
			ids[i] = m.ID
		}
		require.NoError(t, j.Writer.Record(t.Context(), j.notAsked(run.ID, 1, ids)))
		require.Equal(t, messages.Counts{messages.Queued: 3}, j.Counts(run.ID))
		require.Len(t, j.Claim(run.ID, 1, fed), 3, "the task is good")
		j.Balanced(run.ID)
	})
}
