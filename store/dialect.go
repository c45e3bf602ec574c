package store

import (
	"carillon/messages"
	"carillon/store/sqldb"
)

// dialect holds what differs between the databases in what is about a table,
// beside the words of sqldb. It stands side by side in dialect_sqlite.go and
// dialect_postgres.go.
type dialect struct {
	*sqldb.Dialect
	// pendingIndex pins the index that the feeder must use.
	pendingIndex string
	// bodyHolds is true where a kept answer's body contains a piece of bytes.
	bodyHolds  string
	statements statements
	// watch are statements that have the moves of messages to states written down.
	watch func(states []messages.State) []string
	// lastTold is the place in the order of what happened that was given last.
	lastTold string
	// planParts is how many transactions plan side by side.
	planParts int
	// countParts is how many queries count an audience side by side.
	countParts int
	// countReasons yields the values of why, empty for NULL, among the rows of a
	// query, and how often each occurs; reasons are all that there may be.
	countReasons func(query string, reasons []string) string
	// domain is the domain of the e-mail address of a.
	domain string
	// grown takes an upload and yields the tables of which the query planner must
	// be told that they have grown; empty where the planner needs no statistics.
	grown string
	// tableSizes yields the name of each table, its bytes with its indexes, 0 where the
	// database does not tell, and about how many rows it has; size yields the bytes of all.
	tableSizes, size string
	// contactIndexes lists the names of the indexes of contacts, and whether each is
	// whole: one that was being made when its maker was killed is not.
	contactIndexes string
}

// dialectOf is the dialect of a database.
func dialectOf(db *sqldb.DB) *dialect {
	if db.Postgres() {
		return &postgresDialect
	}
	return &sqliteDialect
}
