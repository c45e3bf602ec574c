package store

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/messages"
	"carillon/providers"
	"carillon/targeting"
)

// circumstance is one combination of what gates are about.
type circumstance struct {
	status     contacts.ContactStatus
	suppressed string // reason; empty for none
	left       bool   // the campaign's category
}

func circumstances() (all []circumstance) {
	for _, status := range []contacts.ContactStatus{contacts.Active, contacts.Inactive, contacts.Blocked, contacts.Deleted} {
		for _, suppressed := range []string{"", contacts.Unsubscribed, contacts.Bounced, contacts.Complained} {
			for _, left := range []bool{false, true} {
				all = append(all, circumstance{status, suppressed, left})
			}
		}
	}
	return all
}

// befall writes circumstances down for people, one each, as if they had come about
// in other processes: nothing of what is planned is withdrawn.
func (j *journey) befall(people []int64, category int64) {
	j.t.Helper()
	ctx := j.t.Context()
	require.NoError(j.t, j.inTx(ctx, func(tx conn) error {
		for i, c := range circumstances() {
			id := people[i]
			if _, err := tx.Exec(ctx, "UPDATE contacts SET status = ? WHERE id = ?", string(c.status), id); err != nil {
				return err
			}
			if c.suppressed != "" {
				if _, err := tx.Exec(ctx, insertSuppression, j.accountID, "email", fmt.Sprintf("p%d@example.com", id), c.suppressed, false, 0); err != nil {
					return err
				}
			}
			if c.left {
				change := contacts.ConsentChange{AccountID: j.accountID, ContactID: id, CategoryID: category, Source: "test", Actor: "me"}
				if _, err := tx.recordConsent(ctx, change, contacts.OptOut, ""); err != nil {
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
	eachStore(t, func(t *testing.T, s *Store) {
		n := len(circumstances())
		j := newJourney(t, s, 2*n)
		all := j.contactIDs()
		require.NoError(t, s.inTx(t.Context(), func(tx conn) error { // a journey leaves every tenth without
			_, err := tx.Exec(t.Context(), `INSERT INTO addresses (contact_id, kind, account_id, address)
				SELECT id, 'email', account_id, 'p' || id || '@example.com' FROM contacts WHERE id % 10 = 0`)
			return err
		}))
		category := j.category("News")
		before, after := all[:n], all[n:]

		// Before the plan.
		j.befall(before, category)
		audience := targeting.Audience{Contacts: before}
		preview, err := s.PreviewAudience(t.Context(), j.channel, audience, category)
		require.NoError(t, err)
		j.campaign = j.newCampaign(`{"contacts":` + mustJSON(before) + `}`)
		j.setCategory(j.campaign, category)
		planned := j.start()
		j.planAll(planned.ID, 100)
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
		j.campaign = j.newCampaign(`{"contacts":` + mustJSON(after) + `}`)
		j.setCategory(j.campaign, category)
		fed := j.start()
		j.planAll(fed.ID, 100)
		require.Equal(t, make([]string, n), j.reasons(fed.ID, after))
		j.befall(after, category)
		require.Len(t, j.feed(fed.ID, []int64{1}, 100), int(preview.Reachable))
		for i, got := range j.reasons(fed.ID, after) {
			require.Equal(t, want[i], got, "%+v", circumstances()[i])
		}
		j.balanced(planned.ID)
		j.balanced(fed.ID)
	})
}

// What a contact's own action asks for goes to whoever is inactive or opted out of
// campaigns, and to nobody else.
func TestGatesOfTransactionalMessages(t *testing.T) {
	for _, c := range circumstances() {
		l := &lookup{
			transactional: true, status: map[int64]contacts.ContactStatus{7: c.status}, suppressed: map[string]string{}, left: map[int64]bool{},
		}
		if c.suppressed != "" {
			l.suppressed["a"] = c.suppressed
		}
		_, h := l.holding(marked{contactID: 7, address: "a"})
		kept := (c.status == contacts.Active || c.status == contacts.Inactive) && (c.suppressed == "" || c.suppressed == contacts.Unsubscribed)
		require.Equal(t, kept, !h.shut, "%+v", c)
		_, h = l.holding(marked{address: "a"}) // nobody's
		require.Equal(t, c.suppressed == "" || c.suppressed == contacts.Unsubscribed, !h.shut, "%+v", c)
		reason, _ := l.holding(marked{contactID: 8, address: "b"})
		require.Equal(t, messages.ReasonDeleted, reason, "a contact that is not there any more")
	}
}

// TestGateTable keeps the list in order.
func TestGateTable(t *testing.T) {
	a := audienceSQL{kind: providers.Email, category: 1}
	for i, g := range gates {
		require.NotEmpty(t, g.reason, i)
		require.False(t, g.planned == nil && g.fed == nil, "%s is asked nowhere", g.reason)
		if g.planned == nil {
			continue
		}
		for _, condition := range g.planned(a) {
			require.Len(t, condition.args, strings.Count(condition.sql, "?"), g.reason)
		}
	}
}
