package store

import "carillon/store/sqldb"

var sqliteDialect = dialect{
	Dialect:        &sqldb.SQLite,
	pendingIndex:   "INDEXED BY messages_pending",
	bodyHolds:      "INSTR(body, ?) > 0",
	planParts:      1, // there is one writer
	countParts:     sqldb.SQLiteReaders / 2,
	countReasons:   sqliteCountReasons,
	contactIndexes: "SELECT name, TRUE FROM sqlite_master WHERE type = 'index' AND tbl_name = 'contacts'",
	statements:     sqliteStatements,
	watch:          sqliteWatch,
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
