package store

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// dialect holds what differs between the databases. SQL that differs by more
// than these words stands side by side in dialect_sqlite.go and
// dialect_postgres.go.
type dialect struct {
	name string
	// dollar says that placeholders are $1, $2 … instead of ?.
	dollar bool
	// inIDs follows a column: true where its value is in the list that idList
	// makes, such as "= ANY(?::bigint[])".
	inIDs string
	// inTexts is inIDs for the list that textList makes.
	inTexts string
	// now is an expression: the database's clock in UTC milliseconds. Leases and
	// heartbeats of several processes are compared by it.
	now string
	// forUpdate and forShare end a SELECT that locks its rows, skipLocked one that
	// leaves out those that another transaction holds.
	forUpdate, forShare, skipLocked string
	// pendingIndex pins the index that the feeder must use.
	pendingIndex string
	// bodyHolds is true where a kept answer's body contains a piece of bytes.
	bodyHolds   string
	statements  statements
	retryable   func(error) bool
	unreachable func(error) bool
	// duplicate says that a unique index refused a row.
	duplicate func(error) bool
	// planParts is how many transactions plan side by side.
	planParts int
	// countParts is how many queries count an audience side by side.
	countParts int
	// countReasons yields the values of why, empty for NULL, among the rows of a
	// query, and how often each occurs; reasons are all that there may be.
	countReasons func(query string, reasons []string) string
	// grown takes an upload and yields the tables of which the query planner must
	// be told that they have grown; empty where the planner needs no statistics.
	grown string
	// contactIndexes lists the names of the indexes of contacts, and whether each is
	// whole: one that was being made when its maker was killed is not.
	contactIndexes string

	rebound     sync.Map // query with ? → query with $n
	reboundSize atomic.Int64
}

// statements are whole statements that differ between the databases.
type statements struct {
	// recordOutcomes takes the rows of outcomeValues.
	recordOutcomes string
	// recordUnspent is recordOutcomes for tries that don't count. Their number is
	// given to another try, so that the envelope has to be the same, too.
	recordUnspent string
	// insertTransitions takes the highest number of a message's move, and rows of
	// message, state, time, attempt, reason, kind, code, detail.
	insertTransitions string
	// applyReceipts takes rows of message, state, delivered, read, reason, detail,
	// final.
	applyReceipts string
	// deferMessages takes a reason and rows of message, due time and detail.
	deferMessages string
	// insertReceipts takes the columns of receipts but for the id.
	insertReceipts string
}

// maxRebound is how many rewritten queries are kept: those of the program are a
// few hundred.
const maxRebound = 4096

func (d *dialect) rebind(query string) string {
	if !d.dollar {
		return query
	}
	if known, ok := d.rebound.Load(query); ok {
		return known.(string)
	}
	var b strings.Builder
	b.Grow(len(query) + 32)
	n := 0
	for i := range len(query) {
		if query[i] != '?' {
			b.WriteByte(query[i])
			continue
		}
		n++
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
	}
	// Values never become part of a query, but rules do: what comes once the map is
	// full is written anew each time.
	if d.reboundSize.Add(1) <= maxRebound {
		d.rebound.Store(query, b.String())
	}
	return b.String()
}

// inQuery follows a column: true where its value is among those that a query
// yields. PostgreSQL may run the query of an IN again for each row, which makes
// nonsense of a LIMIT; an array is made once.
func (d *dialect) inQuery(query string) string {
	if d.dollar {
		return "= ANY(ARRAY(" + query + "))"
	}
	return "IN (" + query + ")"
}

// idList is ids as one argument for inIDs.
func (d *dialect) idList(ids []int64) string {
	open, end := byte('['), byte(']')
	if d.dollar {
		open, end = '{', '}'
	}
	b := make([]byte, 0, len(ids)*9+2)
	b = append(b, open)
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, id, 10)
	}
	return string(append(b, end))
}
