package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/store/storetest"
	"carillon/targeting"
)

// exclude leaves people of the journey's campaign out.
func (r *recurring) exclude(t testing.TB, received targeting.Received) {
	t.Helper()
	c := r.campaign(t)
	c.Audience.Exclude = &targeting.Exclude{Received: &received}
	_, err := r.UpdateCampaign(t.Context(), c)
	require.NoError(t, err)
}

// fire fires, plans and sends the next run, and returns how many it was for, and how
// many were left out by reason. What the preview said before is what happens.
func (r *recurring) fire(t testing.TB) (reached int64, skipped map[string]int64) {
	t.Helper()
	r.time.Advance(time.Hour)
	c := r.campaign(t)
	want, err := r.PreviewAudience(t.Context(), r.Channel, c.Audience, 0)
	require.NoError(t, err)
	runs, err := r.FireDue(t.Context())
	require.NoError(t, err)
	require.Len(t, runs, 1)
	r.PlanAll(runs[0].ID, 3)
	reached = int64(r.Int("SELECT COUNT(*) FROM messages WHERE run_id = ? AND state = ?", runs[0].ID, int(messages.Pending)))
	require.Equal(t, want.Reachable, reached)
	return reached, want.Skipped
}

// sent has those who wait sent to now, up to a contact.
func (r *recurring) sent(most int) {
	from := messages.Pending
	for _, to := range []messages.State{messages.Queued, messages.Sending, messages.Sent} {
		r.Exec("UPDATE messages SET state = ?, sent_at = ? WHERE state = ? AND contact_id <= ?", int(to), r.time.Now().UnixMilli(), int(from), most)
		from = to
	}
}

func TestARecurringCampaignLeavesOutWhoHasIt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		together := campaigns.Policy{WhileRunning: campaigns.RunsTogether}
		r := newRecurring(t, s, hourly(together))
		r.exclude(t, targeting.Received{Ever: true})
		reached, _ := r.fire(t)
		require.EqualValues(t, 9, reached, "nobody has it yet; one of ten has no address")
		r.sent(100)
		reached, skipped := r.fire(t)
		require.Zero(t, reached)
		require.EqualValues(t, 9, skipped[messages.ReasonExcluded])
		s.Exec("INSERT INTO contacts (account_id, first_name, created_at, updated_at) VALUES (?, 'New', 0, 0)", r.AccountID)
		s.Exec("INSERT INTO addresses (contact_id, kind, account_id, address) " +
			"SELECT MAX(id), 'email', account_id, 'new@example.com' FROM contacts GROUP BY account_id")
		reached, _ = r.fire(t)
		require.EqualValues(t, 1, reached, "who is new")
		r.sent(100)

		// The last two runs reached nobody and one.
		r.exclude(t, targeting.Received{Runs: 2})
		reached, _ = r.fire(t)
		require.EqualValues(t, 9, reached)
		r.sent(100)
		r.exclude(t, targeting.Received{Within: "90m"})
		reached, _ = r.fire(t)
		require.EqualValues(t, 1, reached, "all but the one were sent it an hour ago")

		wrong := targeting.Audience{All: true, Exclude: &targeting.Exclude{Received: &targeting.Received{Ever: true}}}
		_, err := s.PreviewAudience(t.Context(), r.Channel, wrong, 0)
		require.True(t, fault.Is(err, fault.Invalid), "it says nothing without a campaign: %v", err)
	})
}

func TestARunMayLeaveOutWhoStillWaits(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		r := newRecurring(t, s, hourly(campaigns.Policy{WhileRunning: campaigns.RunsLeaveOut}))
		runs := r.later(t, time.Hour)
		require.Len(t, runs, 1)
		r.PlanAll(runs[0].ID, 100)
		r.sent(4)
		runs = r.later(t, time.Hour)
		require.Len(t, runs, 1)
		r.PlanAll(runs[0].ID, 100)
		require.Equal(t, 4, s.Int("SELECT COUNT(*) FROM messages WHERE run_id = ? AND state = ?", runs[0].ID, int(messages.Pending)))
		require.Equal(t, 5, s.Int("SELECT COUNT(*) FROM messages WHERE run_id = ? AND reason = 'still_waiting'", runs[0].ID))
	})
}
