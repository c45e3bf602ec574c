package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/store/storetest"
)

// correct changes the text of the journey's campaign while it is paused.
func (j *journey) correct(text string) (campaigns.Correction, error) {
	j.t.Helper()
	c, err := j.GetCampaign(j.t.Context(), j.AccountID, j.Campaign)
	require.NoError(j.t, err)
	c.Content.Text = text
	preview, err := j.PreviewCorrection(j.t.Context(), j.AccountID, j.Campaign)
	done, err2 := j.CorrectCampaign(j.t.Context(), c, "key 1 (ops)")
	if err2 == nil {
		require.NoError(j.t, err)
		require.Equal(j.t, [2]int64{preview.Recipients, preview.HaveIt}, [2]int64{done.Recipients, done.HaveIt}, "what is predicted is what happens")
	}
	return done, err2
}

func (j *journey) pause() {
	j.t.Helper()
	require.NoError(j.t, j.PauseCampaign(j.t.Context(), j.AccountID, j.Campaign, "me"))
}

func (j *journey) resume() {
	j.t.Helper()
	require.NoError(j.t, j.ResumeCampaign(j.t.Context(), j.AccountID, j.Campaign, "me"))
}

// cancelAll lets the waiting messages of canceled runs be canceled.
func (j *journey) cancelAll() {
	j.t.Helper()
	for more := true; more; {
		var err error
		more, err = j.CancelPending(j.t.Context())
		require.NoError(j.t, err)
	}
}

func TestAPausedCampaignIsCorrectedForThoseWhoHaveItNot(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 20) // two have no address
		run := j.Start()
		_, err := j.correct("new")
		require.ErrorContains(t, err, "pause it first")
		j.PlanAll(run.ID, 100)
		claimed := j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 5))
		j.Feed(run.ID, []int64{2}, 3) // these are taken back
		j.Record(run.ID, claimed[:4], nil)
		j.pause()
		_, err = j.correct("new")
		require.True(t, fault.Is(err, fault.Conflict), "%v", err)
		require.ErrorIs(t, err, campaigns.ErrStillSending)
		require.ErrorContains(t, err, "at the provider just now")
		j.Record(run.ID, claimed[4:], func(o *messages.Outcome) {
			o.State, o.Reason, o.Kind = messages.Unknown, messages.ReasonInDoubt, "in_doubt"
		})

		done, err := j.correct("new")
		require.NoError(t, err)
		require.EqualValues(t, 13, done.Recipients)
		require.EqualValues(t, 5, done.HaveIt, "who may have it is not sent it again")
		require.Len(t, done.Runs, 1)
		again := done.Runs[0]
		require.Equal(t, []any{campaigns.RunResend, campaigns.RunPaused, run.ID, run.Version + 1, "corrected by key 1 (ops)"},
			[]any{again.Kind, again.Status, again.ResendOf, again.Version, again.Detail})
		require.Equal(t, campaigns.Paused, j.status())
		j.cancelAll()
		require.Equal(t, messages.Counts{messages.Sent: 4, messages.Unknown: 1, messages.Canceled: 13, messages.Skipped: 2}, j.Counts(run.ID))
		finished, _, err := s.FinishRuns(t.Context())
		require.NoError(t, err)
		require.Equal(t, []int64{run.ID}, finished)
		require.Equal(t, campaigns.Paused, j.status(), "until it is resumed")

		j.resume()
		j.PlanAll(again.ID, 5)
		require.Equal(t, messages.Counts{messages.Pending: 13}, j.Counts(again.ID))
		j.Balanced(run.ID)
		j.Balanced(again.ID)
		kept, err := s.CampaignOfRun(t.Context(), again.ID)
		require.NoError(t, err)
		require.Equal(t, "new", kept.Content.Text)
		kept, err = s.CampaignOfRun(t.Context(), run.ID)
		require.NoError(t, err)
		require.NotEqual(t, "new", kept.Content.Text, "what was sent can be made again as it was")

		// Another account has no such campaign; a draft is changed as it is.
		_, err = s.PreviewCorrection(t.Context(), s.Account("another"), j.Campaign)
		require.True(t, fault.Is(err, fault.NotFound))
	})
}

// What is left of a run that was corrected may be canceled after the other is through.
func TestACorrectedCampaignFinishesWhicheverOfItsRunsEndsLast(t *testing.T) {
	for _, c := range []struct {
		name string
		end  campaigns.Status
	}{{"finished", campaigns.Finished}, {"failed", campaigns.Failed}} {
		t.Run(c.name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *storetest.Store) {
				j := newJourney(t, s, 20)
				run := j.Start()
				j.PlanAll(run.ID, 5)
				j.pause()
				done, err := j.correct("new")
				require.NoError(t, err)
				j.resume()
				again := done.Runs[0].ID
				j.PlanAll(again, 5)
				fed := j.Feed(again, []int64{1}, 100)
				j.Record(again, j.Claim(again, 1, fed), nil)
				if c.end == campaigns.Failed {
					s.Exec("UPDATE runs SET status = 'failed' WHERE id = ?", again)
				}
				finished, _, err := s.FinishRuns(t.Context())
				require.NoError(t, err)
				require.Equal(t, []int64{again}, finished)
				j.cancelAll()
				finished, _, err = s.FinishRuns(t.Context())
				require.NoError(t, err)
				require.Equal(t, []int64{run.ID}, finished)
				require.Equal(t, c.end, j.status())
			})
		})
	}
}

// However often it is paused and corrected, and however far planning and sending were:
// everybody who can be written to gets it once, and nobody gets a text that was corrected
// before it went out.
func TestACorrectedCampaignReachesEverybodyOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		const people = 10
		j := newJourney(t, s, people)
		rapid.Check(t, func(r *rapid.T) {
			j.Campaign = j.NewCampaign(`{"all":true}`)
			run := j.Start()
			texts := map[int64]string{run.Version: ""}
			envelope := int64(0)
			sent := map[int64]int{}
			for round := range rapid.IntRange(1, 3).Draw(r, "corrections") {
				for range rapid.IntRange(0, 3).Draw(r, "planned batches") {
					step, err := s.PlanBatch(t.Context(), run.ID, 4)
					require.NoError(t, err)
					if step.Done {
						break
					}
				}
				envelope++
				fed := j.Feed(run.ID, []int64{envelope}, rapid.IntRange(1, 5).Draw(r, "fed"))
				for _, id := range j.Claim(run.ID, envelope, fed) {
					sent[j.message(id).ContactID]++
					j.Record(run.ID, []int64{id}, nil)
				}
				if j.status() != campaigns.Running {
					return // everybody has it
				}
				j.pause()
				done, err := j.correct(string(rune('a' + round)))
				if fault.Is(err, fault.Conflict) {
					require.ErrorContains(t, err, "nobody left")
					j.resume()
					break
				}
				require.NoError(t, err)
				run = done.Runs[0]
				texts[run.Version] = string(rune('a' + round))
				j.cancelAll()
				j.resume()
			}
			j.PlanAll(run.ID, 9)
			for {
				envelope++
				fed := j.Feed(run.ID, []int64{envelope}, 100)
				if len(fed) == 0 {
					break
				}
				for _, id := range j.Claim(run.ID, envelope, fed) {
					sent[j.message(id).ContactID]++
					j.Record(run.ID, []int64{id}, nil)
				}
			}
			require.Len(t, sent, people*9/10)
			for contact, n := range sent {
				require.Equal(t, 1, n, "contact %d", contact)
			}
			_, unbalanced, err := s.FinishRuns(t.Context())
			require.NoError(t, err)
			require.Empty(t, unbalanced)
			list, err := s.ListRuns(t.Context(), j.AccountID, j.Campaign, 0, 100)
			require.NoError(t, err)
			for _, of := range list {
				j.Balanced(of.ID)
				kept, err := s.CampaignOfRun(t.Context(), of.ID)
				require.NoError(t, err)
				if want := texts[of.Version]; want != "" {
					require.Equal(t, want, kept.Content.Text)
				}
			}
			require.Equal(t, campaigns.Finished, j.status())
		})
	})
}
