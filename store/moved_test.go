package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/messages"
	"carillon/store/storetest"
)

// Where a provider says that somebody has another address now, the contact and the message get
// it; where another contact has that one, it keeps it, and nobody writes to the old one again.
func TestAnAddressMoves(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 3)
		run := j.Start().ID
		j.PlanAll(run, 10)
		fed := j.Feed(run, []int64{1}, 10)
		claimed := j.Claim(run, 1, fed)
		require.Len(t, claimed, 3)
		of := func(query string, id int64) (text string) {
			require.NoError(t, s.Reader().Row(t.Context(), query, id).Scan(&text))
			return text
		}
		address := func(message int64) string { return of("SELECT address FROM messages WHERE id = ?", message) }
		contact := func(message int64) string {
			return of("SELECT a.address FROM addresses a JOIN messages m ON m.contact_id = a.contact_id WHERE m.id = ?", message)
		}
		old, theirs := address(claimed[1]), address(claimed[2])
		moved := map[int64]string{claimed[0]: "moved@example.org", claimed[1]: theirs}
		again := func(o *messages.Outcome) {
			o.State, o.Reason, o.Kind, o.DueAt, o.MovedTo = messages.Pending, messages.ReasonTemporary, "recipient", j.Clock.Now(), moved[o.MessageID]
		}
		j.Record(run, claimed, again)
		require.Equal(t, "moved@example.org", address(claimed[0]))
		require.Equal(t, "moved@example.org", contact(claimed[0]))
		require.Equal(t, old, contact(claimed[1]))
		require.Equal(t, theirs, contact(claimed[2]))
		require.Equal(t, 1, s.Int("SELECT COUNT(*) FROM suppressions"))
		require.Equal(t, 1, s.Int("SELECT COUNT(*) FROM suppressions WHERE address = ? AND reason = 'bounced'", old))
		fed = j.Feed(run, []int64{2}, 10)
		require.Len(t, fed, 2, "who moved and who stayed")
		// Another message to the old address that was under way finds it moved.
		first := claimed[0]
		s.Exec("UPDATE messages SET address = 'p0@example.com' WHERE id = ?", first)
		j.Record(run, j.Claim(run, 2, fed), func(o *messages.Outcome) {
			again(o)
			o.Attempt = 2
			if o.MessageID != first {
				o.MovedTo = ""
			}
		})
		require.Equal(t, "moved@example.org", address(first))
		require.Equal(t, 1, s.Int("SELECT COUNT(*) FROM suppressions"))
		j.Balanced(run)
	})
}
