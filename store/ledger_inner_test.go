package store

import (
	"fmt"
	"reflect"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/fault"
	"carillon/messages"
)

// allMoves are the moves of the ledger by their names.
func allMoves() map[string]move {
	all := map[string]move{}
	list := reflect.ValueOf(moves)
	for i := range list.NumField() {
		name := list.Type().Field(i).Name
		// The fields are not exported, so that reflection may look but not touch.
		m := list.Field(i)
		from := make([]messages.State, m.FieldByName("from").Len())
		for n := range from {
			from[n] = messages.State(m.FieldByName("from").Index(n).Int())
		}
		all[name] = move{
			from: from, to: messages.State(m.FieldByName("to").Int()), undoes: m.FieldByName("undoes").Bool(), set: m.FieldByName("set").String(),
		}
	}
	return all
}

func TestEveryMoveOfTheLedgerIsInTheTableOfMoves(t *testing.T) {
	all := allMoves()
	require.Greater(t, len(all), 15)
	for name, m := range all {
		require.NoError(t, m.check(), name)
		for _, from := range m.from {
			require.NotEqual(t, from, m.to, "%s: to stay is no move", name)
			require.Equal(t, []messages.State{from}, m.narrowed(from).from, name)
		}
		require.Error(t, m.narrowed(m.to).check(), name)
		// Operators' resends are counted by the states that they were found in.
		if len(m.from) > 1 {
			require.Error(t, change{move: m}.check(), name)
			require.NoError(t, change{move: m, uncounted: true}.check(), name)
		}
	}
	require.True(t, all["unclaim"].undoes && all["takeUp"].undoes)
}

func TestAMoveThatTheTableForbidsIsRefused(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		j := newJourney(t, s, 3)
		run := j.start()
		j.planAll(run.ID, 3)
		before := j.counts(run.ID)
		for name, c := range map[string]change{
			"not in the table":   {move: move{from: []messages.State{messages.Pending}, to: messages.Sent, set: "reason = NULL"}},
			"undone to nowhere":  {move: move{from: []messages.State{messages.Pending}, to: messages.Canceled, undoes: true, set: "reason = NULL"}},
			"from another state": {move: moves.claim.narrowed(messages.Pending)},
			"from two, counted":  {move: moves.cancel, args: []any{"", nil, nil}},
		} {
			c.where = fragment{"run_id = ?", []any{run.ID}}
			err := s.inTx(t.Context(), func(tx conn) error {
				_, err := tx.ledger().swap(t.Context(), c)
				return err
			})
			require.True(t, fault.Is(err, fault.Internal), "%s: %v", name, err)
			err = s.inTx(t.Context(), func(tx conn) error {
				_, err := tx.ledger().swapIDs(t.Context(), c)
				return err
			})
			require.True(t, fault.Is(err, fault.Internal), "%s: %v", name, err)
		}
		require.Equal(t, before, j.counts(run.ID))
		require.NoError(t, checkMove(messages.Unknown, messages.Unknown), "to stay is no move")
		require.Error(t, checkMove(messages.Read, messages.Delivered))
	})
}

func TestTheGuardOfMovesGuards(t *testing.T) {
	s := openTestStore(t, sqliteDSN(t))
	j := newJourney(t, s, 1)
	run := j.start()
	j.planAll(run.ID, 1)
	_, err := s.outside().Exec(t.Context(), "UPDATE messages SET state = "+number(messages.Sent))
	require.ErrorContains(t, err, "forbids")
	_, err = s.outside().Exec(t.Context(), "UPDATE messages SET state = "+number(messages.Queued))
	require.NoError(t, err)
}

// Messages that a transaction believes to hold, and that are in another state,
// end it.
func TestHeldMessagesMustBeWhereTheyWereFound(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		j := newJourney(t, s, 3)
		run := j.start()
		j.planAll(run.ID, 3)
		var ids []int64
		err := s.inTx(t.Context(), func(tx conn) (err error) {
			if ids, err = s.ids(t.Context(), "SELECT id FROM messages WHERE state "+is(messages.Pending)); err != nil {
				return err
			}
			return tx.ledger().swapHeld(t.Context(), change{move: moves.resend, args: []any{messages.ReasonResend, "by me"}}, ids)
		})
		require.NotEmpty(t, ids)
		require.True(t, fault.Is(err, fault.Internal), "%v", err)
	})
}

func TestStatesInSQL(t *testing.T) {
	require.Equal(t, "= 0", is(messages.Pending))
	require.Equal(t, "IN (1, 2)", is(messages.Queued, messages.Sending))
	require.Equal(t, "NOT IN (0, 1, 2)", isNot(messages.Pending, messages.Queued, messages.Sending))
	for _, state := range messages.States() {
		require.Equal(t, strconv.Itoa(int(state)), number(state))
	}
}

// guardMoves has SQLite itself refuse moves of messages that the table forbids, so
// that every test of the store is one of its moves.
func guardMoves(tb testing.TB, s *Store) {
	tb.Helper()
	// For each state those to which it leads, as bits: it is looked at for each row.
	var leads [messages.NumStates]int
	for _, from := range messages.States() {
		for _, to := range messages.States() {
			if from == to || messages.CanMove(from, to) {
				leads[from] |= 1 << to
			}
		}
	}
	for _, m := range allMoves() {
		for _, from := range m.from {
			if m.undoes {
				leads[from] |= 1 << m.to
			}
		}
	}
	cases := ""
	for from, bits := range leads {
		cases += fmt.Sprintf(" WHEN %d THEN %d", from, bits)
	}
	_, err := s.outside().Exec(tb.Context(), `CREATE TRIGGER IF NOT EXISTS moves_allowed BEFORE UPDATE OF state ON messages
		WHEN (CASE old.state`+cases+` ELSE 0 END >> new.state) & 1 = 0
		BEGIN SELECT RAISE(ABORT, 'a move that the table of moves forbids'); END`)
	require.NoError(tb, err)
}
