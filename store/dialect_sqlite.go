package store

import (
	"strconv"

	"carillon/store/sqldb"
)

// sqliteRecord ends with the conditions that every outcome has.
const sqliteRecord = `UPDATE messages SET
	state = v.value ->> 1, reason = v.value ->> 2, detail = v.value ->> 3, due_at = v.value ->> 4,
	attempt = attempt - (v.value ->> 5), provider_id = v.value ->> 6,
	sent_at = v.value ->> 7, final_at = v.value ->> 8
	FROM json_each(?) v
	WHERE messages.id = v.value ->> 0 AND messages.state = ? AND messages.worker_id = ? AND messages.attempt = ?`

var sqliteDialect = dialect{
	Dialect:        &sqldb.SQLite,
	pendingIndex:   "INDEXED BY messages_pending",
	bodyHolds:      "INSTR(body, ?) > 0",
	planParts:      1, // there is one writer
	countParts:     sqldb.SQLiteReaders / 2,
	countReasons:   sqliteCountReasons,
	contactIndexes: "SELECT name, TRUE FROM sqlite_master WHERE type = 'index' AND tbl_name = 'contacts'",
	statements: statements{
		recordOutcomes: sqliteRecord + " RETURNING messages.id",
		recordUnspent:  sqliteRecord + " AND messages.envelope_id = v.value ->> 9 RETURNING messages.id, messages.envelope_id",
		applyReceipts: `UPDATE messages SET
			state = v.value ->> 1, delivered_at = COALESCE(delivered_at, v.value ->> 2), read_at = COALESCE(read_at, v.value ->> 3),
			reason = COALESCE(v.value ->> 4, CASE WHEN state IN (3, 4, 5, v.value ->> 1) THEN reason END), detail = COALESCE(v.value ->> 5, CASE WHEN state IN (3, 4, 5, v.value ->> 1) THEN detail END), final_at = CASE WHEN state = v.value ->> 1 THEN final_at ELSE v.value ->> 6 END
			FROM json_each(?) v WHERE messages.id = v.value ->> 0`,
		insertTransitions: insertTransitions(func(i int, _ string) string { return "v.value ->> " + strconv.Itoa(i) }, "json_each(?) v"),
		deferMessages: `UPDATE messages SET state = 0, reason = ?, due_at = v.value ->> 1, detail = v.value ->> 2, queued_at = NULL
			FROM json_each(?) v WHERE messages.id = v.value ->> 0 AND messages.state = 1`,
		insertReceipts: `INSERT INTO receipts (channel_id, message_id, provider_id, status, at, code, detail, received_at, bounce)
			SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8 FROM json_each(?)`,
	},
}

// sqliteCountReasons counts without a GROUP BY, for which SQLite would sort all the
// rows, nearly all of which are alike. The limit keeps it from finding each row's
// reason anew for each count.
func sqliteCountReasons(query string, reasons []string) string {
	counts := "'', COUNT(*) - COUNT(why)"
	for _, reason := range reasons {
		counts += ", '" + reason + "', COUNT(*) FILTER (WHERE why = '" + reason + "')"
	}
	return "SELECT key, value FROM json_each((SELECT json_object(" + counts + ") FROM (" + query + " LIMIT " + noLimit + "))) WHERE value > 0"
}
