package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/clock"
	"carillon/messages"
	"carillon/store"
	"carillon/store/sqldb"
	"carillon/store/storetest"
	"carillon/targeting"
)

// says is what is said of a contact of the journey, or of an address.
func (j *journey) says(contactID int64, address string) string {
	j.t.Helper()
	q, err := campaigns.NewTraceQuery(j.AccountID, contactID, address)
	require.NoError(j.t, err)
	trace, err := j.Trace(j.t.Context(), q)
	require.NoError(j.t, err)
	return strings.Join(trace.Says(0), "\n")
}

// "Did this one get it, and why not?" is answered over all campaigns.
func TestWhatSomebodyWasSent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		fake := clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
		s.Clock.Set(fake)
		j := newJourney(t, s, 3)
		ada, bob := j.contactIDs()[0], j.contactIDs()[1]
		first := j.Start()
		j.PlanAll(first.ID, 100)
		claimed := j.Claim(first.ID, 1, j.Feed(first.ID, []int64{1}, 100))
		j.Record(first.ID, claimed[:1], nil)
		j.Record(first.ID, claimed[1:], func(o *messages.Outcome) {
			o.State, o.Kind, o.Reason, o.Detail = messages.Rejected, "recipient", messages.ReasonRecipient, "550 no such user"
		})
		firstCampaign := j.Campaign
		fake.Advance(time.Hour)
		j.Campaign = j.NewCampaign(mustJSON(targeting.Audience{All: true, Exclude: &targeting.Exclude{Campaigns: []int64{firstCampaign}}}))
		second := j.Start()
		j.PlanAll(second.ID, 100)
		secondCampaign := j.Campaign
		j.Campaign = j.NewCampaign(mustJSON(targeting.Audience{Contacts: []int64{bob}}))
		third := j.Start()
		j.PlanAll(third.ID, 100)
		draft := j.NewCampaign(`{"all":true}`)

		address := j.message(claimed[0]).Address
		said := j.says(0, address)
		for _, want := range []string{
			fmt.Sprintf("campaign %d (k): yes: sent to %s on 2026-03-01 12:00 UTC; the provider took it", firstCampaign, address),
			fmt.Sprintf("campaign %d (k): no: left out, because campaign %d was sent to this address on 2026-03-01 12:00 UTC", secondCampaign, firstCampaign),
			fmt.Sprintf("campaign %d (k): no: not in its audience", j.Campaign),
			fmt.Sprintf("contact %d is active", ada),
		} {
			require.Contains(t, said, want)
		}
		require.NotContains(t, said, fmt.Sprintf("campaign %d ", draft), "it was never started")
		require.Equal(t, said, j.says(ada, ""), "a contact is asked for as its address is")
		require.Contains(t, j.says(bob, ""), "no: it was rejected on 2026-03-01 12:00 UTC, because the provider refused the recipient: 550 no such user")
		require.Contains(t, j.says(bob, ""), fmt.Sprintf("campaign %d (k): not yet: it waits", j.Campaign))

		require.NoError(t, store.Unsubscribe(ctx, s.Store, j.AccountID, j.message(claimed[1]).Address))
		said = j.says(bob, "")
		require.Contains(t, said, "it is suppressed since 2026-03-01 13:00 UTC (unsubscribed)")
		require.Contains(t, said, "no: left out, because the recipient opted out")

		require.NoError(t, s.InTx(ctx, func(tx sqldb.Conn) error {
			upload, err := tx.Insert(ctx, "INSERT INTO lists (account_id, kind, name, created_at) VALUES (?, 'upload', 'people.csv', 0)", j.AccountID)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `INSERT INTO uploads (id, account_id, filename, size, options, state, created_at)
				VALUES (?, ?, 'people.csv', 1, '{}', 'finished', 0)`, upload, j.AccountID); err != nil {
				return err
			}
			_, err = tx.Exec(ctx, "INSERT INTO upload_errors (upload_id, line, field, value, reason) "+
				"VALUES (?, 64, 'phone', ' New@Example.org;12', 'is no phone number')", upload)
			return err
		}))
		said = j.says(0, "new@example.org")
		require.Contains(t, said, "no contact has this address")
		require.Contains(t, said, "line 64 of upload ")
		require.Contains(t, said, "(people.csv) with this address was refused: phone is no phone number")

		q, err := campaigns.NewTraceQuery(j.AccountID+1, 0, address)
		require.NoError(t, err)
		trace, err := s.Trace(ctx, q)
		require.NoError(t, err)
		require.Empty(t, trace.Messages, "another account's")
		require.Empty(t, trace.Contacts)
	})
}
