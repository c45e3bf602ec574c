package storetest

import (
	"fmt"

	"github.com/stretchr/testify/require"

	"carillon/messages"
)

// Undoing are the moves by which the store takes back what did not happen after
// all. messages.CanMove knows none of them.
func Undoing() map[messages.State]messages.State {
	return map[messages.State]messages.State{
		messages.Sending: messages.Queued,  // claimed, and withdrawn before anybody was asked
		messages.Pending: messages.Sending, // a worker's own, after a restart
	}
}

// guardMoves has the database refuse a move that no table of moves allows, whoever
// makes it. SQLite's triggers can do that without a function.
func (s *Store) guardMoves() {
	s.tb.Helper()
	undoing := Undoing()
	cases := ""
	// For each state those to which it leads, as bits: it is looked at for each row.
	for _, from := range messages.States() {
		bits := 0
		for _, to := range messages.States() {
			undone, undoes := undoing[from]
			if from == to || messages.CanMove(from, to) || undoes && undone == to {
				bits |= 1 << to
			}
		}
		cases += fmt.Sprintf(" WHEN %d THEN %d", from, bits)
	}
	_, err := s.own.Writer().Exec(s.tb.Context(), `CREATE TRIGGER IF NOT EXISTS moves_allowed BEFORE UPDATE OF state ON messages
		WHEN (CASE old.state`+cases+` ELSE 0 END >> new.state) & 1 = 0
		BEGIN SELECT RAISE(ABORT, 'a move that the table of moves forbids'); END`)
	require.NoError(s.tb, err)
}
