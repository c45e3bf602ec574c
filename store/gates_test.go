package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/messages"
	"carillon/store"
	"carillon/store/sqldb"
	"carillon/store/storetest"
	"carillon/targeting"
)

// befall writes circumstances down for people, one each, as if they had come about
// in other processes: nothing of what is planned is withdrawn.
func (j *journey) befall(people []int64, category int64) {
	j.t.Helper()
	ctx := j.t.Context()
	require.NoError(j.t, j.InTx(ctx, func(tx sqldb.Conn) error {
		for i, c := range store.Circumstances() {
			id := people[i]
			if _, err := tx.Exec(ctx, "UPDATE contacts SET status = ? WHERE id = ?", string(c.Status), id); err != nil {
				return err
			}
			if c.Suppressed != "" {
				_, err := tx.Exec(ctx, `INSERT INTO suppressions (account_id, kind, address, reason, opted_out, created_at) VALUES (?, 'email', ?, ?, FALSE, 0)`,
					j.AccountID, fmt.Sprintf("p%d@example.com", id), c.Suppressed)
				if err != nil {
					return err
				}
			}
			if c.Left {
				if _, err := tx.Exec(ctx, writtenOptOut, j.AccountID, id, category, sqldb.Millis(j.Clock.Now())); err != nil {
					return err
				}
			}
		}
		return nil
	}))
}

// reasons are why those people were skipped in a run, in their order; empty for
// who was not.
func (j *journey) reasons(run int64, people []int64) []string {
	j.t.Helper()
	list := make([]string, len(people))
	for i, id := range people {
		state, reason, _ := strings.Cut(j.whyOf(run, id), " ")
		if state == messages.Skipped.String() {
			list[i] = reason
		}
	}
	return list
}

// In every combination of circumstances the planner, the preview and the feeder
// tell the same reason: who was fine when the run was planned is skipped for that
// for which the planner would have skipped them, and nobody else is.
func TestPlanPreviewAndFeedTellOneReason(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		n := len(store.Circumstances())
		j := newJourney(t, s, 2*n)
		all := j.contactIDs()
		require.NoError(t, s.InTx(t.Context(), func(tx sqldb.Conn) error { // a journey leaves every tenth without
			_, err := tx.Exec(t.Context(), `INSERT INTO addresses (contact_id, kind, account_id, address)
				SELECT id, 'email', account_id, 'p' || id || '@example.com' FROM contacts WHERE id % 10 = 0`)
			return err
		}))
		category := j.category("News")
		before, after := all[:n], all[n:]

		// Before the plan.
		j.befall(before, category)
		audience := targeting.Audience{Contacts: before}
		preview, err := s.PreviewAudience(t.Context(), j.Channel, audience, category)
		require.NoError(t, err)
		j.Campaign = j.NewCampaign(`{"contacts":` + mustJSON(before) + `}`)
		j.setCategory(j.Campaign, category)
		planned := j.Start()
		j.PlanAll(planned.ID, 100)
		want := j.reasons(planned.ID, before)
		told := map[string]int64{}
		for _, reason := range want {
			if reason != "" {
				told[reason]++
			}
		}
		require.Equal(t, told, preview.Skipped)
		require.Equal(t, int64(1), preview.Reachable, "only the first of all is fine")
		require.Len(t, told, 5, "the circumstances come to every reason that both know")

		// Between plan and feed.
		j.Campaign = j.NewCampaign(`{"contacts":` + mustJSON(after) + `}`)
		j.setCategory(j.Campaign, category)
		fed := j.Start()
		j.PlanAll(fed.ID, 100)
		require.Equal(t, make([]string, n), j.reasons(fed.ID, after))
		j.befall(after, category)
		require.Len(t, j.Feed(fed.ID, []int64{1}, 100), int(preview.Reachable))
		for i, got := range j.reasons(fed.ID, after) {
			require.Equal(t, want[i], got, "%+v", store.Circumstances()[i])
		}
		j.Balanced(planned.ID)
		j.Balanced(fed.ID)
	})
}
