package store_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/messages"
	"carillon/store"
	"carillon/store/sqldb"
	"carillon/store/storetest"
	"carillon/targeting"
)

// settle runs a settling as a job to its end and returns how it went.
func (j *journey) settle(s messages.Settling) targeting.Job {
	j.t.Helper()
	return j.finishJob(j.settling(s))
}

// settling makes a job as campaigns.Service does.
func (j *journey) settling(s messages.Settling) targeting.Job {
	j.t.Helper()
	preview, err := j.PreviewSettling(j.t.Context(), j.AccountID, s)
	require.NoError(j.t, err)
	s.MaxID = preview.LastID
	spec, err := json.Marshal(s)
	require.NoError(j.t, err)
	job, err := j.CreateJob(j.t.Context(), targeting.Job{
		AccountID: j.AccountID, Kind: messages.MessagesJob, Spec: spec, Total: preview.Matched, Cursor: preview.FirstID - 1, Actor: "key 1 (ops)",
	})
	require.NoError(j.t, err)
	return job
}

func (j *journey) finishJob(job targeting.Job) targeting.Job {
	j.t.Helper()
	for worked := true; worked; {
		var err error
		worked, err = j.RunJobBatch(j.t.Context())
		require.NoError(j.t, err)
	}
	job, err := j.GetJob(j.t.Context(), j.AccountID, job.ID)
	require.NoError(j.t, err)
	require.Equal(j.t, targeting.JobFinished, job.State, job.Error)
	return job
}

// mixedEnds is a finished run with two messages in each of the states.
func mixedEnds(t *testing.T, s *storetest.Store) (*journey, campaigns.Run, map[messages.State][]int64) {
	j := newJourney(t, s, 13) // every tenth has no address
	run := j.Start()
	j.PlanAll(run.ID, 100)
	claimed := j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 100))
	ids := map[messages.State][]int64{}
	for i, end := range []struct {
		state        messages.State
		reason, kind string
	}{
		{messages.Failed, messages.ReasonRefused, "content"}, {messages.Rejected, messages.ReasonRecipient, "recipient"},
		{messages.Unknown, messages.ReasonInDoubt, "in_doubt"}, {messages.Sent, "", ""},
		{messages.Failed, messages.ReasonAttemptsUsedUp, "temporary"}, {messages.Unknown, messages.ReasonInDoubt, "in_doubt"},
	} {
		two := claimed[2*i : 2*i+2]
		j.Record(run.ID, two, func(o *messages.Outcome) { o.State, o.Reason, o.Kind = end.state, end.reason, end.kind })
		ids[end.state] = append(ids[end.state], two...)
	}
	finished, _, err := s.FinishRuns(t.Context())
	require.NoError(t, err)
	require.Equal(t, []int64{run.ID}, finished)
	return j, run, ids
}

func TestResendingByFilter(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j, run, ids := mixedEnds(t, s)
		failed := []messages.State{messages.Failed}
		preview, err := s.PreviewSettling(t.Context(), j.AccountID, messages.Settling{Action: messages.SettleResend, States: failed, CampaignID: j.Campaign})
		require.NoError(t, err)
		require.Equal(t, int64(4), preview.Matched)
		require.Equal(t, map[string]int64{"refused": 2, "attempts_used_up": 2}, preview.ByReason)
		require.Len(t, preview.Examples, 4)
		require.Equal(t, messages.Counts{messages.Failed: 4, messages.Rejected: 2, messages.Unknown: 4, messages.Sent: 2, messages.Skipped: 1}, j.Counts(run.ID),
			"a preview changes nothing")

		for name, other := range map[string]messages.Settling{
			"another run":      {RunID: run.ID + 1},
			"another campaign": {CampaignID: j.Campaign + 1},
			"another channel":  {ChannelID: j.Channel.ID + 1},
			"another reason":   {Reason: messages.ReasonRecipient},
			"before":           {Until: new(s.Clock.Now().Add(-time.Hour))},
			"later":            {Since: new(s.Clock.Now().Add(time.Hour))},
			"other ids":        {IDs: ids[messages.Rejected]},
		} {
			other.Action, other.States = messages.SettleResend, failed
			preview, err := s.PreviewSettling(t.Context(), j.AccountID, other)
			require.NoError(t, err)
			require.Zero(t, preview.Matched, name)
			require.Zero(t, j.settle(other).Changed, name)
		}
		foreign, err := s.PreviewSettling(t.Context(), j.AccountID+1, messages.Settling{Action: messages.SettleResend, States: failed, CampaignID: j.Campaign})
		require.NoError(t, err)
		require.Zero(t, foreign.Matched, "another account's")

		job := j.settle(messages.Settling{Action: messages.SettleResend, States: failed, CampaignID: j.Campaign, Reason: messages.ReasonRefused})
		require.Equal(t, [3]int64{2, 2, 2}, [3]int64{job.Total, job.Done, job.Changed})
		require.Equal(t, int64(2), j.Counts(run.ID)[messages.Pending])
		m := j.message(ids[messages.Failed][0])
		require.Equal(t, messages.ReasonResend, m.Reason)
		require.Equal(t, fmt.Sprintf("by key 1 (ops), job %d", job.ID), m.Detail)
		now, err := s.GetRun(t.Context(), j.AccountID, run.ID)
		require.NoError(t, err)
		require.Equal(t, campaigns.RunSending, now.Status, "it goes on")
		j.Balanced(run.ID)
		require.Zero(t, j.settle(messages.Settling{Action: messages.SettleResend, States: failed, CampaignID: j.Campaign,
			Reason: messages.ReasonRefused}).Changed, "nothing is left to do")

		j.Record(run.ID, j.Claim(run.ID, 2, j.Feed(run.ID, []int64{2}, 100)), func(o *messages.Outcome) { o.Attempt = 2 })
		finished, _, err := s.FinishRuns(t.Context())
		require.NoError(t, err)
		require.Equal(t, []int64{run.ID}, finished, "and is finished again")
		j.Balanced(run.ID)
	})
}

func TestSettlingDoubt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j, run, ids := mixedEnds(t, s)
		doubt := []messages.State{messages.Unknown}
		doubtful := ids[messages.Unknown]
		require.Equal(t, int64(1), j.settle(messages.Settling{Action: messages.SettleSent, States: doubt, IDs: doubtful[:1]}).Changed)
		m := j.message(doubtful[0])
		require.Equal(t, messages.Sent, m.State)
		require.NotNil(t, m.SentAt)
		require.Nil(t, m.FinalAt)
		require.Equal(t, int64(3), j.settle(messages.Settling{Action: messages.SettleNotSent, States: doubt, RunID: run.ID}).Changed)
		m = j.message(doubtful[1])
		require.Equal(t, messages.Failed, m.State)
		require.Equal(t, messages.ReasonSettled, m.Reason)
		require.NotNil(t, m.FinalAt)
		require.Equal(t, int64(3), j.settle(messages.Settling{Action: messages.SettleResend, States: []messages.State{messages.Failed},
			Reason: messages.ReasonSettled}).Changed)
		moves, err := s.Transitions(t.Context(), doubtful[1])
		require.NoError(t, err)
		var states []messages.State
		for _, p := range messages.History(j.message(doubtful[1]), moves) {
			states = append(states, p.State)
		}
		require.Equal(t, []messages.State{messages.Pending, messages.Queued, messages.Sending, messages.Unknown, messages.Failed, messages.Pending}, states)
		j.Balanced(run.ID)
	})
}

// Of a canceled campaign nothing is sent any more, whatever a filter says.
func TestResendingLeavesCanceledCampaignsAlone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 5)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		j.Record(run.ID, j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 2)), func(o *messages.Outcome) { o.State, o.Kind = messages.Failed, "content" })
		require.NoError(t, s.CancelCampaign(t.Context(), j.AccountID, j.Campaign, "me"))
		settling := messages.Settling{Action: messages.SettleResend, States: []messages.State{messages.Failed}, RunID: run.ID}
		preview, err := s.PreviewSettling(t.Context(), j.AccountID, settling)
		require.NoError(t, err)
		require.Equal(t, [2]int64{0, 2}, [2]int64{preview.Matched, preview.Ended})
		require.Zero(t, j.settle(settling).Changed)
		require.Equal(t, int64(2), j.Counts(run.ID)[messages.Failed])
	})
}

// Many messages take many transactions; whoever is killed between two goes on
// behind the last, and nobody is sent to twice.
func TestSettlingGoesOnWhereItStopped(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 1)
		const n = 2*store.SettleAtOnce + 7
		run := j.Start()
		j.PlanAll(run.ID, 100)
		require.NoError(t, s.InTx(t.Context(), func(tx sqldb.Conn) error {
			_, err := tx.Exec(t.Context(), `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
				INSERT INTO messages (channel_id, run_id, contact_id, state, attempt, created_at, final_at, address, reason)
				SELECT CAST(? AS BIGINT), CAST(? AS BIGINT), 1000 + i, CASE WHEN i % 3 = 0 THEN 3 ELSE 6 END, 1, 0, 5, 'a', 'refused' FROM n`, n, j.Channel.ID, run.ID)
			if err != nil {
				return err
			}
			_, err = tx.Exec(t.Context(), `UPDATE run_counts SET failed = failed + ?, sent = sent + ? WHERE run_id = ? AND shard =
				(SELECT MIN(shard) FROM run_counts c WHERE c.run_id = run_counts.run_id)`, n-n/3, n/3, run.ID)
			if err != nil {
				return err
			}
			_, err = tx.Exec(t.Context(), "UPDATE runs SET planned = planned + ? WHERE id = ?", n, run.ID)
			return err
		}))
		job := j.settling(messages.Settling{Action: messages.SettleResend, States: []messages.State{messages.Failed}, RunID: run.ID})
		worked, err := s.RunJobBatch(t.Context())
		require.NoError(t, err)
		require.True(t, worked)
		half, err := s.GetJob(t.Context(), j.AccountID, job.ID)
		require.NoError(t, err)
		require.Equal(t, [2]int64{store.SettleAtOnce, store.SettleAtOnce}, [2]int64{half.Done, half.Changed})
		j.Balanced(run.ID)
		// What has been sent again meanwhile, and failed again, has had its turn.
		j.Record(run.ID, j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 10)), func(o *messages.Outcome) { o.State, o.Kind, o.Attempt = messages.Failed, "content", 1 })
		j.Record(run.ID, j.Claim(run.ID, 2, j.Feed(run.ID, []int64{2}, 10)), func(o *messages.Outcome) { o.State, o.Kind, o.Attempt = messages.Failed, "content", 2 })
		failedAgain := j.Counts(run.ID)[messages.Failed] - (n - n/3 - store.SettleAtOnce)
		job = j.finishJob(job)
		require.Equal(t, int64(n-n/3), job.Changed)
		require.Equal(t, failedAgain, j.Counts(run.ID)[messages.Failed])
		require.Equal(t, int64(n/3), j.Counts(run.ID)[messages.Sent], "who was sent to is left alone")
		j.Balanced(run.ID)
	})
}

// Who was sent to is sent to again only by name, and what is reported of the first
// time then says nothing of the second.
func TestResendingWhatWasSent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j, run, ids := mixedEnds(t, s)
		settling := messages.Settling{Action: messages.SettleResend, EvenIfSent: true, States: []messages.State{messages.Sent}, RunID: run.ID}
		require.Equal(t, int64(2), j.settle(settling).Changed)
		id := ids[messages.Sent][0]
		m := j.message(id)
		require.Equal(t, messages.Pending, m.State)
		require.Equal(t, messages.ReasonResendSent, m.Reason)
		require.Nil(t, m.SentAt)
		j.said(id, "delivered")
		require.Equal(t, messages.Pending, j.message(id).State, "that was the first time")
		again := j.Feed(run.ID, []int64{2}, 100)
		j.Record(run.ID, j.Claim(run.ID, 2, again), func(o *messages.Outcome) { o.Attempt = 2 })
		j.said(id, "delivered")
		require.Equal(t, messages.Delivered, j.message(id).State)
		j.Balanced(run.ID)
	})
}
