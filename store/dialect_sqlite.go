package store

import (
	"strings"

	"carillon/store/sqldb"
)

var sqliteDialect = dialect{
	Dialect:        &sqldb.SQLite,
	pendingIndex:   "INDEXED BY messages_pending",
	bodyHolds:      "INSTR(body, ?) > 0",
	planParts:      1, // there is one writer
	countParts:     sqldb.SQLiteReaders / 2,
	countReasons:   sqliteCountReasons,
	domain:         "substr(a.address, instr(a.address, '@') + 1)",
	contactIndexes: "SELECT name, TRUE FROM sqlite_master WHERE type = 'index' AND tbl_name = 'contacts'",
	statements:     sqliteStatements,
	watch:          sqliteWatch,
	tableSizes:     sqliteTableSizes(),
	size:           "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
	lastTold:       "COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'outbox'), 0)",
}

// sqliteCountReasons counts without a GROUP BY, for which SQLite would sort all the
// rows, nearly all of which are alike. The limit keeps it from finding each row's
// reason anew for each count.
func sqliteCountReasons(query string, reasons []string) string {
	counts := "'', COUNT(*) - COUNT(why)"
	for _, reason := range reasons {
		counts += ", '" + reason + "', COUNT(*) FILTER (WHERE why = '" + reason + "')"
	}
	return "SELECT key, value FROM json_each((SELECT json_object(" + counts + ") FROM (" + query + " LIMIT " + everyRow + "))) WHERE value > 0"
}

// sqliteTableSizes counts rows: only a build of its own would have SQLite tell bytes.
func sqliteTableSizes() string {
	var counts []string
	for _, part := range partTables {
		for _, table := range part.tables {
			if table != "stats_deltas" { // PostgreSQL's alone
				counts = append(counts, "SELECT '"+table+"', 0, COUNT(*) FROM "+table)
			}
		}
	}
	return strings.Join(counts, " UNION ALL ")
}
