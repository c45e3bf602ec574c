package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
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
