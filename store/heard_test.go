package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/storetest"
)

// It is known when an address wrote to a channel last, whatever the order in which that is heard,
// and not for longer than eight days, nor once the contact is erased.
func TestWhenSomebodyWroteLast(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, now := t.Context(), s.FakeTime()
		j := newJourney(t, s, 3)
		replies := contacts.NewReplies(s)
		ada, err := s.GetContact(ctx, j.AccountID, j.contactIDs()[0])
		require.NoError(t, err)
		address := ada.Addresses[providers.Email]
		take := func(r providers.Reply) {
			t.Helper()
			r.From = address
			_, err := replies.Take(ctx, j.Channel, []providers.Reply{r})
			require.NoError(t, err)
		}
		heard := func() time.Time {
			t.Helper()
			at, err := s.HeardAt(ctx, j.Channel.ID, address)
			require.NoError(t, err)
			return at
		}
		began := now.Now()
		take(providers.Reply{ID: "1", Text: "START", At: began, Setting: true})
		require.Zero(t, heard(), "nothing was written")
		take(providers.Reply{ID: "2", Text: "Hello", At: began.Add(-time.Hour)})
		take(providers.Reply{ID: "3", Text: "Hello?", At: began.Add(-30 * time.Hour)})
		require.WithinDuration(t, began.Add(-time.Hour), heard(), time.Millisecond)
		elsewhere, err := s.HeardAt(ctx, j.Channel.ID+1, address)
		require.NoError(t, err)
		require.Zero(t, elsewhere)

		now.Advance(7*24*time.Hour - time.Minute)
		_, err = s.Housekeep(ctx)
		require.NoError(t, err)
		require.NotZero(t, heard(), "a week is the longest window")
		now.Advance(24*time.Hour + time.Minute)
		_, err = s.Housekeep(ctx)
		require.NoError(t, err)
		require.Zero(t, heard())
		take(providers.Reply{ID: "4", Text: "Hello", At: now.Now()})
		require.NotZero(t, heard())
		_, err = s.EraseContact(ctx, j.AccountID, ada.ID, false)
		require.NoError(t, err)
		require.Zero(t, heard())
	})
}

// What a provider refuses because they have not written is recorded, and that they had is
// forgotten, in one: what they have written since they were believed to have stays.
func TestWhoIsRefusedHasNotWritten(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, now := t.Context(), s.FakeTime()
		j := newJourney(t, s, 3)
		run := j.Start().ID
		j.PlanAll(run, 100)
		fed, loaded := j.Feed(run, []int64{1}, 100), map[int64]string{}
		for _, m := range j.Load(run, 1, fed) {
			loaded[m.ID] = m.Recipient.Address
		}
		claimed := j.Claim(run, 1, fed)
		require.Len(t, claimed, 3)
		believed := now.Now().Add(-time.Hour)
		replies := contacts.NewReplies(s)
		take := func(id, address string, at time.Time) {
			t.Helper()
			_, err := replies.Take(ctx, j.Channel, []providers.Reply{{ID: id, From: address, Text: "Hello", At: at}})
			require.NoError(t, err)
		}
		for i, id := range claimed {
			take(fmt.Sprint(i), loaded[id], believed)
		}
		take("later", loaded[claimed[2]], believed.Add(time.Minute))
		j.Record(run, claimed, func(o *messages.Outcome) {
			o.State, o.Unspent, o.EnvelopeID, o.Reason, o.Kind, o.DueAt = messages.Pending, true, 1, messages.ReasonWindow, "recipient", now.Now()
			if o.MessageID != claimed[0] {
				o.Unheard = believed
			}
		})
		for i, want := range []time.Time{believed, {}, believed.Add(time.Minute)} {
			at, err := s.HeardAt(ctx, j.Channel.ID, loaded[claimed[i]])
			require.NoError(t, err)
			require.WithinDuration(t, want, at, time.Millisecond)
		}
		require.Len(t, j.Feed(run, []int64{2}, 100), 3, "each has its try")
		j.Balanced(run)
		require.Equal(t, 3, s.Int("SELECT COUNT(*) FROM messages WHERE run_id = ? AND attempt = 0", run), "and none is spent")
	})
}
