package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/storetest"
)

// resend makes a resend of the journey's campaign.
func (j *journey) resend(r campaigns.Resend) (campaigns.Run, int64) {
	j.t.Helper()
	preview, err := j.PreviewResend(j.t.Context(), j.AccountID, j.Campaign, r)
	require.NoError(j.t, err)
	run, n, err := j.ResendRun(j.t.Context(), j.AccountID, j.Campaign, r, "key 1 (ops)")
	require.NoError(j.t, err)
	require.Equal(j.t, preview.Total, n, "what is predicted is what happens")
	return run, n
}

func (j *journey) status() campaigns.Status {
	j.t.Helper()
	c, err := j.GetCampaign(j.t.Context(), j.AccountID, j.Campaign)
	require.NoError(j.t, err)
	return c.Status
}

func TestACampaignIsSentAgainToThoseWhoHaveItNot(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j, run, ids := mixedEnds(t, s)
		failed := campaigns.Resend{States: []messages.State{messages.Failed}}
		require.Equal(t, campaigns.Finished, j.status())
		none := campaigns.Resend{States: failed.States, Reasons: []string{messages.ReasonRecipient}}
		again, n := j.resend(none)
		require.Zero(t, n)
		require.Zero(t, again.ID, "for nobody no run is made")
		require.Equal(t, campaigns.Finished, j.status())

		refused := campaigns.Resend{States: failed.States, Reasons: []string{messages.ReasonRefused}}
		again, n = j.resend(refused)
		require.EqualValues(t, 2, n)
		require.Equal(t, campaigns.RunResend, again.Kind)
		require.Equal(t, run.ID, again.ResendOf)
		require.Equal(t, "failed with refused, asked for by key 1 (ops)", again.Detail)
		require.Equal(t, campaigns.Running, j.status())

		// The same again finds nobody, whatever has become of these meanwhile.
		_, n = j.resend(refused)
		require.Zero(t, n, "frozen")
		j.PlanAll(again.ID, 1)
		_, n = j.resend(refused)
		require.Zero(t, n, "pending")
		require.Equal(t, []int64{j.message(ids[messages.Failed][0]).ContactID, j.message(ids[messages.Failed][1]).ContactID}, j.recipientsOf(again.ID))
		two := j.Claim(again.ID, 1, j.Feed(again.ID, []int64{1}, 100))
		_, n = j.resend(refused)
		require.Zero(t, n, "sending")
		j.Record(again.ID, two[:1], nil)
		j.Record(again.ID, two[1:], func(o *messages.Outcome) {
			o.State, o.Reason, o.Kind = messages.Failed, messages.ReasonRefused, "content"
		})
		finished, _, err := s.FinishRuns(t.Context())
		require.NoError(t, err)
		require.Equal(t, []int64{again.ID}, finished)
		require.Equal(t, campaigns.Finished, j.status())
		j.Balanced(run.ID)
		j.Balanced(again.ID)

		// Who failed again can be sent to again; of the first run, of which all are.
		third, n := j.resend(refused)
		require.EqualValues(t, 1, n)
		require.Equal(t, run.ID, third.ResendOf)
		_, n = j.resend(campaigns.Resend{RunID: again.ID, States: failed.States})
		require.EqualValues(t, 2, n, "those with the other reason, of the run that this is a resend of")
		// What was sent only if that is asked for, and never to who is about to get it.
		gotten := campaigns.Resend{States: []messages.State{messages.Sent, messages.Unknown}, EvenIfSent: true}
		fourth, n := j.resend(gotten)
		require.EqualValues(t, 2+4+1, n)
		_, n = j.resend(gotten)
		require.Zero(t, n)
		// To send the messages themselves again would bring it twice, too.
		settling := messages.Settling{Action: messages.SettleResend, States: failed.States, RunID: run.ID}
		preview, err := s.PreviewSettling(t.Context(), j.AccountID, settling)
		require.NoError(t, err)
		require.Equal(t, [2]int64{0, 4}, [2]int64{preview.Matched, preview.Ended})
		require.Zero(t, j.settle(settling).Changed)
		j.PlanAll(fourth.ID, 100)
		j.Balanced(fourth.ID)
	})
}

func TestResendsSideBySideSendOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j, run, _ := mixedEnds(t, s)
		failed := campaigns.Resend{States: []messages.State{messages.Failed}}
		var group sync.WaitGroup
		type made struct {
			n   int64
			err error
		}
		all := make(chan made, 8)
		for range cap(all) {
			group.Go(func() {
				_, n, err := s.ResendRun(t.Context(), j.AccountID, j.Campaign, failed, "me")
				all <- made{n, err}
			})
		}
		group.Wait()
		total := int64(0)
		for range cap(all) {
			m := <-all
			require.NoError(t, m.err)
			total += m.n
		}
		require.EqualValues(t, 4, total)
		require.Equal(t, 1, s.Int("SELECT COUNT(*) FROM runs WHERE resend_of = ?", run.ID))
	})
}

func TestWhatCannotBeSentAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 5)
		failed := campaigns.Resend{States: []messages.State{messages.Failed}}
		preview := func(r campaigns.Resend) error {
			_, err := s.PreviewResend(t.Context(), j.AccountID, j.Campaign, r)
			return err
		}
		require.ErrorContains(t, preview(failed), "is draft and can't be sent again: start it")
		run := j.Start()
		require.True(t, fault.Is(preview(campaigns.Resend{RunID: run.ID + 1, States: failed.States}), fault.Invalid))
		require.NoError(t, preview(failed))
		require.NoError(t, s.PauseCampaign(t.Context(), j.AccountID, j.Campaign, "me"))
		require.ErrorContains(t, preview(failed), "resume it first")
		require.NoError(t, s.CancelCampaign(t.Context(), j.AccountID, j.Campaign, "me"))
		_, _, err := s.ResendRun(t.Context(), j.AccountID, j.Campaign, failed, "me")
		require.True(t, fault.Is(err, fault.Conflict))
		_, err = s.PreviewResend(t.Context(), s.Account("another"), j.Campaign, failed)
		require.True(t, fault.Is(err, fault.NotFound))
	})
}

// Pausing, resuming and canceling bind resends as they bind any run.
func TestAResendIsPausedAndCanceledWithItsCampaign(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j, _, _ := mixedEnds(t, s)
		again, n := j.resend(campaigns.Resend{States: []messages.State{messages.Failed}})
		require.EqualValues(t, 4, n)
		step, err := s.PlanBatch(t.Context(), again.ID, 1)
		require.NoError(t, err)
		require.EqualValues(t, 1, step.Inserted)
		require.NoError(t, s.PauseCampaign(t.Context(), j.AccountID, j.Campaign, "me"))
		step, err = s.PlanBatch(t.Context(), again.ID, 1)
		require.NoError(t, err)
		require.True(t, step.Stopped)
		require.NoError(t, s.ResumeCampaign(t.Context(), j.AccountID, j.Campaign, "me"))
		j.PlanAll(again.ID, 1)
		require.Equal(t, messages.Counts{messages.Pending: 4}, j.Counts(again.ID))
		require.NoError(t, s.CancelCampaign(t.Context(), j.AccountID, j.Campaign, "me"))
		require.Empty(t, j.Feed(again.ID, []int64{1}, 100))
		j.Balanced(again.ID)
	})
}

// Of a recurring campaign one run is sent again, whatever became of the others, and its
// schedule goes on as if there was no resend.
func TestARunOfARecurringCampaignIsSentAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		r := newRecurring(t, s, hourly(campaigns.Policy{WhileRunning: "skip"}))
		end := func(run int64, envelope int64, failed int) {
			t.Helper()
			r.PlanAll(run, 100)
			claimed := r.Claim(run, envelope, r.Feed(run, []int64{envelope}, 100))
			r.Record(run, claimed[failed:], nil)
			if failed > 0 {
				r.Record(run, claimed[:failed], func(o *messages.Outcome) {
					o.State, o.Reason, o.Kind = messages.Failed, messages.ReasonRefused, "content"
				})
			}
			finished, unbalanced, err := s.FinishRuns(t.Context())
			require.NoError(t, err)
			require.Empty(t, unbalanced)
			require.Contains(t, finished, run)
		}
		first := r.later(t, time.Hour)[0]
		end(first.ID, 1, 0)
		second := r.later(t, time.Hour)[0]
		end(second.ID, 2, 3)
		require.Equal(t, campaigns.Scheduled, r.status())
		c := r.campaign(t)
		c.Content = providers.Content{Text: "mended"}
		_, err := s.UpdateCampaign(t.Context(), c)
		require.NoError(t, err)

		failed := campaigns.Resend{States: []messages.State{messages.Failed}}
		again, n := r.resend(failed)
		require.EqualValues(t, 3, n, "they have the first run's, and not the second's")
		require.Equal(t, second.ID, again.ResendOf)
		require.Equal(t, campaigns.Running, r.status())
		kept, err := s.CampaignOfRun(t.Context(), again.ID)
		require.NoError(t, err)
		require.Equal(t, "mended", kept.Content.Text)
		require.Equal(t, *c.NextFireAt, *r.campaign(t).NextFireAt)

		third := r.later(t, time.Hour)
		require.Len(t, third, 1, "a resend stands in no instant's way")
		require.Equal(t, campaigns.RunScheduled, third[0].Kind)
		end(again.ID, 3, 0)
		require.Equal(t, campaigns.Running, r.status(), "the third is under way")
		end(third[0].ID, 4, 1)
		require.Equal(t, campaigns.Scheduled, r.status())
		_, n = r.resend(campaigns.Resend{RunID: second.ID, States: failed.States})
		require.Zero(t, n)
		_, n = r.resend(failed)
		require.EqualValues(t, 1, n, "of the third")
		for _, run := range s.IDs("SELECT id FROM runs") {
			r.Balanced(run)
		}
	})
}
