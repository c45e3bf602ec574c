package sqldb

import (
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// Dialect holds the words in which the databases differ. SQL that differs by more
// than these words, and all that is about a table, is the store's.
type Dialect struct {
	// Name is what tests and migrations call the database.
	Name string
	// Dollar says that placeholders are $1, $2 … instead of ?, and that arrays are
	// arguments.
	Dollar bool
	// InIDs follows a column: true where its value is in the list that IDList
	// makes, such as "= ANY(?::bigint[])".
	InIDs string
	// InTexts is InIDs for the list that TextList makes.
	InTexts string
	// Now is an expression: the database's clock in UTC milliseconds. Leases and
	// heartbeats of several processes are compared by it.
	Now string
	// ForUpdate and ForShare end a SELECT that locks its rows, SkipLocked one that
	// leaves out those that another transaction holds.
	ForUpdate, ForShare, SkipLocked string
	// Retryable says that the database asks for the transaction to be repeated.
	Retryable func(error) bool
	// Busy says that a lock was waited for longer than the transaction allows.
	Busy func(error) bool
	// Unreachable says that the database does not answer.
	Unreachable func(error) bool
	// Duplicate says that a unique index refused a row.
	Duplicate func(error) bool

	rebound     sync.Map // query with ? → query with $n
	reboundSize atomic.Int64
}

// maxRebound is how many rewritten queries are kept: those of the program are a
// few hundred.
const maxRebound = 4096

func (d *Dialect) rebind(query string) string {
	if !d.Dollar {
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

// InQuery follows a column: true where its value is among those that a query
// yields. PostgreSQL may run the query of an IN again for each row, which makes
// nonsense of a LIMIT; an array is made once.
func (d *Dialect) InQuery(query string) string {
	if d.Dollar {
		return "= ANY(ARRAY(" + query + "))"
	}
	return "IN (" + query + ")"
}

// Lock is ForUpdate or SkipLocked for the rows of one table of a join, by its
// name in the query: the others are not to be locked.
func (d *Dialect) Lock(lock, table string) string {
	return strings.Replace(lock, "FOR UPDATE", "FOR UPDATE OF "+table, 1)
}

// IDList is ids as one argument for InIDs.
func (d *Dialect) IDList(ids []int64) string {
	open, end := byte('['), byte(']')
	if d.Dollar {
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

// TextList is texts as one argument for InTexts.
func (d *Dialect) TextList(texts []string) any {
	if d.Dollar {
		return texts
	}
	b, err := json.Marshal(texts)
	if err != nil {
		panic("a list of strings always marshals: " + err.Error())
	}
	return string(b)
}
