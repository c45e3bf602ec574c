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

// feedable are the runs of which something may be fed.
func (r *recurring) feedable(t testing.TB) (runs []int64) {
	t.Helper()
	list, err := r.FeedableRuns(t.Context())
	require.NoError(t, err)
	for _, f := range list {
		runs = append(runs, f.RunID)
	}
	return runs
}

func TestAGuardHoldsARunWhoseAudienceIsNotExpected(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		guards := &campaigns.Guards{Audience: &campaigns.AudienceGuard{Empty: true, Change: 0.5}}
		r := newRecurring(t, s, hourly(campaigns.Policy{Guards: guards}))
		run := r.later(t, time.Hour)[0]
		r.PlanAll(run.ID, 3)
		require.Empty(t, r.feedable(t), "nothing goes before the guards have looked")
		require.Empty(t, r.Feed(run.ID, []int64{1}, 5))
		stopped, err := s.GuardRuns(ctx)
		require.NoError(t, err)
		require.Empty(t, stopped)
		require.Equal(t, []int64{run.ID}, r.feedable(t))
		require.NotEmpty(t, r.Feed(run.ID, []int64{1}, 5))
		s.Exec("UPDATE messages SET state = ? WHERE state = ?", int(messages.Canceled), int(messages.Queued))
		s.Exec("UPDATE messages SET state = ? WHERE state = ?", int(messages.Canceled), int(messages.Pending))
		s.Exec("UPDATE run_counts SET canceled = canceled + pending + queued, pending = 0, queued = 0")
		_, _, err = s.FinishRuns(ctx)
		require.NoError(t, err)

		c := r.campaign(t)
		c.Audience.All, c.Audience.Contacts = false, []int64{1, 2}
		_, err = s.UpdateCampaign(ctx, c)
		require.NoError(t, err)
		run = r.later(t, time.Hour)[0]
		r.PlanAll(run.ID, 3)
		stopped, err = s.GuardRuns(ctx)
		require.NoError(t, err)
		require.Contains(t, stopped[run.ID], "it would reach 2, and the run before reached 9")
		require.Equal(t, campaigns.Paused, r.campaign(t).Status)
		require.Contains(t, r.campaign(t).Pause.Why, "it would reach 2")
		require.NoError(t, s.ResumeCampaign(ctx, r.AccountID, r.Campaign, "ada"))
		stopped, err = s.GuardRuns(ctx)
		require.NoError(t, err)
		require.Empty(t, stopped, "a person has looked at it")
		require.Equal(t, []int64{run.ID}, r.feedable(t))
	})
}

func TestAGuardStopsARunThatFails(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		guards := &campaigns.Guards{Failures: &campaigns.FailureGuard{Share: 0.2, OfFirst: 5}}
		r := newRecurring(t, s, hourly(campaigns.Policy{Guards: guards}))
		run := r.later(t, time.Hour)[0]
		r.PlanAll(run.ID, 100)
		require.Equal(t, []int64{run.ID}, r.feedable(t), "it need not be planned first")
		s.Exec("UPDATE run_counts SET sent = 4, failed = 1, pending = 4 WHERE run_id = ?", run.ID)
		stopped, err := s.GuardRuns(t.Context())
		require.NoError(t, err)
		require.Empty(t, stopped)
		s.Exec("UPDATE run_counts SET rejected = 1, pending = 3 WHERE run_id = ?", run.ID)
		stopped, err = s.GuardRuns(t.Context())
		require.NoError(t, err)
		require.Contains(t, stopped[run.ID], "2 of its first 6 messages failed")
		require.Equal(t, campaigns.Paused, r.campaign(t).Status)
	})
}

// A campaign that fires once is stopped alike, and goes on when a person has looked at it.
func TestAGuardStopsACampaignThatFiresOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 20)
		c, err := s.GetCampaign(t.Context(), j.AccountID, j.Campaign)
		require.NoError(t, err)
		c.Schedule.Guards = &campaigns.Guards{Failures: &campaigns.FailureGuard{Share: 0.5, OfFirst: 3}, Audience: &campaigns.AudienceGuard{Empty: true}}
		_, err = s.UpdateCampaign(t.Context(), c)
		require.NoError(t, err)
		run := j.Start()
		j.PlanAll(run.ID, 5)
		require.Empty(t, j.Feed(run.ID, []int64{1}, 3), "nothing goes before the guards have looked at the audience")
		stopped, err := s.GuardRuns(t.Context())
		require.NoError(t, err)
		require.Empty(t, stopped)
		refused := j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 3))
		require.Len(t, refused, 3)
		j.Record(run.ID, refused, func(o *messages.Outcome) {
			o.State, o.Reason, o.Kind = messages.Failed, messages.ReasonRefused, "content"
		})
		stopped, err = s.GuardRuns(t.Context())
		require.NoError(t, err)
		require.Contains(t, stopped[run.ID], "3 of its first 3 messages failed")
		require.Equal(t, campaigns.Paused, j.status())
		j.resume()
		stopped, err = s.GuardRuns(t.Context())
		require.NoError(t, err)
		require.Empty(t, stopped)
		require.NotEmpty(t, j.Feed(run.ID, []int64{2}, 3))
	})
}

// Complaints come late: they pause a campaign also when the run is over, once for a run,
// and each person counts once.
func TestAGuardStopsACampaignAboutWhichPeopleComplain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		guards := &campaigns.Guards{Complaints: &campaigns.ComplaintGuard{Share: 0.2, OfFirst: 5}}
		r := newRecurring(t, s, hourly(campaigns.Policy{Guards: guards}))
		run := r.later(t, time.Hour)[0]
		r.PlanAll(run.ID, 100)
		sent := r.Claim(run.ID, 1, r.Feed(run.ID, []int64{1}, 100))
		require.Len(t, sent, 9)
		r.Record(run.ID, sent, nil)
		_, _, err := s.FinishRuns(ctx)
		require.NoError(t, err)
		require.Equal(t, campaigns.Scheduled, r.campaign(t).Status)
		complain := func(id int64) {
			t.Helper()
			require.NoError(t, r.Writer.Receive(ctx, r.Channel.ID, []providers.Receipt{{MessageID: id, Status: providers.ReceiptComplained}}))
		}
		complain(sent[0])
		complain(sent[0]) // providers repeat themselves
		require.Equal(t, campaigns.Scheduled, r.campaign(t).Status, "one of nine")
		complain(sent[1])
		require.Equal(t, campaigns.Paused, r.campaign(t).Status)
		require.Equal(t, "2 of the 9 people who got it complained: that is more than 20 %", r.campaign(t).Pause.Why)
		require.NoError(t, s.ResumeCampaign(ctx, r.AccountID, r.Campaign, "ada"))
		complain(sent[2])
		require.Equal(t, campaigns.Scheduled, r.campaign(t).Status, "a person has looked at it")
	})
}

func TestRunsThatFailInARowPauseTheCampaign(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		r := newRecurring(t, s, hourly(campaigns.Policy{Guards: &campaigns.Guards{FailedRuns: 2}}))
		fail := func() {
			run := r.later(t, time.Hour)[0]
			require.NoError(t, s.FailRun(t.Context(), run.ID, "its audience can't be planned"))
			_, _, err := s.FinishRuns(t.Context())
			require.NoError(t, err)
		}
		fail()
		require.Equal(t, campaigns.Scheduled, r.campaign(t).Status)
		fail()
		require.Equal(t, campaigns.Paused, r.campaign(t).Status)
		require.Equal(t, "2 runs in a row have failed", r.campaign(t).Pause.Why)
		require.Empty(t, r.later(t, time.Hour))
		require.NoError(t, s.ResumeCampaign(t.Context(), r.AccountID, r.Campaign, "ada"))
		require.Len(t, r.later(t, time.Hour), 1)

		// What can't even begin counts alike.
		r.start(t, hourly(campaigns.Policy{Guards: &campaigns.Guards{FailedRuns: 2}}))
		_, err := s.CreateTemplate(t.Context(), letterOf(r.AccountID, "hello", "one"))
		require.NoError(t, err)
		r.say(t, "hello")
		s.Exec("UPDATE templates SET deleted_at = 1")
		r.later(t, time.Hour)
		require.Equal(t, campaigns.Scheduled, r.campaign(t).Status)
		r.later(t, time.Hour)
		require.Equal(t, campaigns.Paused, r.campaign(t).Status)
	})
}
