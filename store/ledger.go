package store

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"carillon/internal/fault"
	"carillon/messages"
	"carillon/store/sqldb"
)

// The ledger is the one home of what changes messages.state: the list of moves is
// in ledger_moves.go, the statements that carry a value for each message in
// ledger_sqlite.go and ledger_postgres.go, the counters of runs in
// ledger_counts.go and what is told of moves in ledger_history.go. Whoever moves
// messages says here which move it is, of which messages, and what is told of it.

// is follows a column of states: true for one of them. The numbers are part of the
// text and never its arguments, because the databases see only by the text that
// a partial index serves a query.
func is(states ...messages.State) string {
	if len(states) == 1 {
		return "= " + number(states[0])
	}
	return "IN (" + numbers(states) + ")"
}

// isNot is true for none of the states.
func isNot(states ...messages.State) string { return "NOT IN (" + numbers(states) + ")" }

// number is a state in SQL.
func number(state messages.State) string { return strconv.Itoa(int(state)) }

func numbers(states []messages.State) string {
	list := make([]string, len(states))
	for i, state := range states {
		list[i] = number(state)
	}
	return strings.Join(list, ", ")
}

// The phases of a message, which the database makes of its state, for the indexes
// of what waits and of what is under way: updates by id keep away from those.
const (
	phasePending  = "phase = 0" // pending
	phaseInFlight = "phase = 1" // queued or sending
)

// move is one way in which messages change their state.
type move struct {
	from []messages.State
	to   messages.State
	// undoes says that it takes a move back that turned out not to have been: it
	// leads from where that led to, to where that began, and is allowed as that is.
	undoes bool
	// set is what changes besides, as SQL.
	set string
}

// narrowed is the move from one of its states alone.
func (m move) narrowed(from messages.State) move {
	if slices.Contains(m.from, from) {
		m.from = []messages.State{from}
	} else {
		m.from = nil // which check refuses
	}
	return m
}

// check is an Internal error for a move that the table of moves forbids.
func (m move) check() error {
	if len(m.from) == 0 {
		return fault.New(fault.Internal, "a move to %s begins nowhere", m.to)
	}
	for _, from := range m.from {
		first, then := from, m.to
		if m.undoes {
			first, then = then, first
		}
		if !messages.CanMove(first, then) {
			return fault.New(fault.Internal, "no message moves from %s to %s", from, m.to)
		}
	}
	return nil
}

// checkMove is check for one message whose move was found out elsewhere. To stay
// where it is, with something else noted, is no move.
func checkMove(from, to messages.State) error {
	if from == to {
		return nil
	}
	return move{from: []messages.State{from}, to: to}.check()
}

// ledger is a transaction that moves messages. It gathers how the counters change
// and writes them when it is closed, each once.
type ledger struct {
	conn
	counts deltas
	// deferred is how often the provider put a message off, by channel.
	deferred map[int64]int64
	// settled are messages of the steps of flows of which it is known now whether they went
	// out: who stands there goes on.
	settled []int64
	// bounced are addresses that are suppressed with it.
	bounced []bounced
	// notAsked is how many messages were claimed in a step and provably not asked for.
	notAsked map[notAskedKey]int64
	// received are the receipts of messages that are known.
	received []messages.Received
	// now is when everything in it happens.
	now time.Time
}

func (tx conn) ledger() *ledger {
	return &ledger{conn: tx, counts: deltas{}, deferred: map[int64]int64{}, notAsked: map[notAskedKey]int64{}, now: tx.s.clock.Now()}
}

// count takes a move down of which only the caller knows how many messages it was
// of.
func (l *ledger) count(whose countKey, from, to messages.State, n int64) {
	l.counts.move(whose, from, to, n)
}

// close writes the counters, and suppresses the addresses that are due; nothing is moved
// afterwards.
func (l *ledger) close(ctx context.Context, shard int) error {
	if err := l.keepCounts(ctx, l.counts, shard); err != nil {
		return err
	}
	if err := l.keepUnsent(ctx, shard); err != nil {
		return err
	}
	if len(l.settled) > 0 {
		if err := l.wakeSessions(ctx, l.settled); err != nil {
			return err
		}
	}
	if err := l.keepDeferred(ctx, l.deferred, shard); err != nil || len(l.bounced) == 0 {
		return err
	}
	return l.suppressBounced(ctx)
}

// settle takes down that messages of a run have come to a state, if that says whether a
// step of a flow has sent them, or what became of them then.
func (l *ledger) settle(ctx context.Context, runID int64, to messages.State, ids ...int64) error {
	if settledAs(to) == "" || len(ids) == 0 {
		return nil
	}
	step, err := l.isStep(ctx, runID)
	if step {
		l.settled = append(l.settled, ids...)
	}
	return err
}

// change is a move of some messages.
type change struct {
	move
	args []any // of what the move sets
	// where says which messages; their state is compared besides. Those of picked, which
	// yields ids, are all of which it is true; it may be absent then.
	where, picked fragment
	// whose says whose they all are; nil has the rows say so.
	whose *countKey
	// uncounted leaves it to the caller to count them.
	uncounted bool
	// tell is what is told of a message's move; nil if the row itself tells it.
	tell func(id int64) transition
}

// check is move.check, and asks of what is counted that one knows where it was.
func (c change) check() error {
	if !c.uncounted && len(c.from) > 1 {
		return fault.New(fault.Internal, "a move to %s that is counted must begin in one state", c.to)
	}
	return c.move.check()
}

// sql compares and swaps.
func (c change) sql(d *dialect) (query string, args []any) {
	before, where := fragment{}, c.where
	if c.picked.sql != "" {
		before, where = d.amongPicked(c.picked)
	}
	return before.sql + "UPDATE messages SET state = " + number(c.to) + ", " + c.set + " WHERE " + where.sql + " AND state " + is(c.from...),
		slices.Concat(before.args, c.args, where.args)
}

// swap moves those of the messages that are in the state in which the move begins,
// counts them, tells of them, and returns how many there were.
func (l *ledger) swap(ctx context.Context, c change) (n int64, err error) {
	step := false
	if c.whose != nil && settledAs(c.to) != "" {
		if step, err = l.isStep(ctx, c.whose.runID); err != nil {
			return 0, err
		}
	}
	if c.tell != nil || c.whose == nil && !c.uncounted || step {
		ids, err := l.swapIDs(ctx, c)
		return int64(len(ids)), err
	}
	if err := c.check(); err != nil {
		return 0, err
	}
	query, args := c.sql(l.d)
	if n, err = l.Exec(ctx, query, args...); err == nil && !c.uncounted {
		l.counts.move(*c.whose, c.from[0], c.to, n)
	}
	return n, err
}

// swapIDs is swap for who needs to know which messages were moved.
func (l *ledger) swapIDs(ctx context.Context, c change) (ids []int64, err error) {
	if c.uncounted || c.whose != nil {
		ids, err = swapReturning(ctx, l, c, "id", func(scan sqldb.Scan) (id int64, err error) {
			err = scan(&id)
			return id, err
		})
		if err == nil && !c.uncounted {
			l.counts.move(*c.whose, c.from[0], c.to, int64(len(ids)))
			err = l.settle(ctx, c.whose.runID, c.to, ids...)
		}
	} else {
		of := map[int64][]int64{} // by run
		var key countKey
		ids, err = swapReturning(ctx, l, c, "id, run_id, channel_id", func(scan sqldb.Scan) (id int64, err error) {
			if err = scan(&id, &key.runID, &key.channelID); err == nil {
				l.counts.move(key, c.from[0], c.to, 1)
				of[key.runID] = append(of[key.runID], id)
			}
			return id, err
		})
		for run, ids := range of {
			if err == nil {
				err = l.settle(ctx, run, c.to, ids...)
			}
		}
	}
	if err != nil {
		return nil, err
	}
	return ids, l.tell(ctx, c, ids)
}

// swapReturning moves messages and returns what scan makes of columns of each. The
// caller counts them and tells of them.
func swapReturning[T any](ctx context.Context, l *ledger, c change, columns string, scan func(sqldb.Scan) (T, error)) ([]T, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	query, args := c.sql(l.d)
	return sqldb.Query(ctx, l, scan, query+" RETURNING "+columns, args...)
}

// swapHeld moves messages that the transaction holds and knows to be in a state in
// which the move begins. They are told of before, while they have the times that
// the move takes from them, and counted by the caller.
func (l *ledger) swapHeld(ctx context.Context, c change, ids []int64) error {
	c.where, c.uncounted = l.d.among("id", ids), true
	if err := l.tell(ctx, c, ids); err != nil {
		return err
	}
	c.tell = nil
	if settledAs(c.to) != "" {
		l.settled = append(l.settled, ids...) // who of them is of no flow wakes nobody
	}
	n, err := l.swap(ctx, c)
	if err == nil && n != int64(len(ids)) {
		err = fault.New(fault.Internal, "%d of %d held messages could not be moved to %s", int64(len(ids))-n, len(ids), c.to)
	}
	return err
}

// tell keeps what is told of a change.
func (l *ledger) tell(ctx context.Context, c change, ids []int64) error {
	if c.tell == nil || len(ids) == 0 {
		return nil
	}
	told := make([]transition, len(ids))
	for i, id := range ids {
		told[i] = c.tell(id)
	}
	return l.keepTransitions(ctx, told)
}

// tells is what a change tells of each message alike.
func (m move) tells(at time.Time, reason, detail string) func(id int64) transition {
	return func(id int64) transition {
		return transition{id: id, state: m.to, at: at, reason: reason, detail: detail}
	}
}
