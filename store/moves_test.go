package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/messages"
	"carillon/store"
	"carillon/store/storetest"
)

// The fixture refuses every move but those of the table and of the ledger.
func TestTheFixtureGuardsMoves(t *testing.T) {
	require.Equal(t, store.UndoingMoves(), storetest.Undoing())
	s := storetest.Open(t, storetest.SQLite(t))
	j := newJourney(t, s, 1)
	run := j.Start()
	j.PlanAll(run.ID, 1)
	_, err := s.Outside().Exec(t.Context(), "UPDATE messages SET state = ?", messages.Sent)
	require.ErrorContains(t, err, "forbids")
	s.Exec("UPDATE messages SET state = ?", messages.Queued)
	require.Equal(t, 1, s.Int("SELECT COUNT(*) FROM messages WHERE state = ?", messages.Queued))
	require.Len(t, s.IDs("SELECT id FROM messages"), 1)
}
