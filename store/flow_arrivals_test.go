package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns/flows"
	"carillon/providers"
	"carillon/store/storetest"
)

// Who waits for what they were sent to arrive goes on with its receipt, or without one when the
// time is up; one that came before anybody waited for it counts as well.
func TestPeopleWaitForWhatTheyWereSentToArrive(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		w := newFlowWalk(t, s, walkers{4, `{"steps": [{"id": "a", "kind": "send", "content": {"text": "x"}, "fallback": [{"undelivered": "1h"}]},
			{"id": "end", "kind": "end"}]}`, false})
		people := w.IDs("SELECT c.id FROM contacts c WHERE account_id = ? AND EXISTS (SELECT 1 FROM addresses a WHERE a.contact_id = c.id) ORDER BY c.id",
			w.AccountID)[:3]
		prompt, late, silent := people[0], people[1], people[2]
		w.enter(people...)
		w.move()
		w.deliver()
		tell := func(contact int64, status providers.ReceiptStatus) {
			for _, id := range w.IDs("SELECT id FROM messages WHERE contact_id = ? AND run_id > 0", contact) {
				w.receive(providers.Receipt{MessageID: id, Status: status, At: w.time.Now()})
			}
		}
		tell(prompt, providers.ReceiptDelivered) // before anybody has moved
		w.move()
		require.NotNil(t, w.session(prompt).EndedAt)
		for _, contact := range []int64{late, silent} {
			require.Equal(t, "a_arrived", w.session(contact).Step)
		}
		w.time.Advance(30 * time.Minute)
		w.move()
		require.Equal(t, "a_arrived", w.session(late).Step)
		tell(late, providers.ReceiptRead)
		w.move()
		require.NotNil(t, w.session(late).EndedAt, "its receipt wakes it")
		w.time.Advance(31 * time.Minute)
		w.move()
		require.Len(t, w.deliver(), 1, "who was silent gets the second, and nobody else")
		w.move()
		require.Equal(t, []flows.Move{{Step: "a"}, {Step: "a_arrived", Exit: "timeout"}, {Step: "a_2"}, {Step: "end", Exit: "ended"}},
			timeless(w.session(silent).Moves))
		require.Zero(t, w.session(silent).Moves[1].ArrivedAt)
		w.time.Advance(time.Minute)
		first := w.IDs("SELECT MIN(id) FROM messages WHERE contact_id = ? AND run_id > 0", silent)[0]
		w.receive(providers.Receipt{MessageID: first, Status: providers.ReceiptRead, At: w.time.Now()})
		require.WithinDuration(t, w.time.Now(), w.session(silent).Moves[1].ArrivedAt, 0, "it came too late, which is shown")
		require.Zero(t, w.session(silent).Moves[2].ArrivedAt)
		for _, m := range w.session(late).Moves {
			require.Zero(t, m.ArrivedAt, "it came in time")
		}
		w.balances()
	})
}
