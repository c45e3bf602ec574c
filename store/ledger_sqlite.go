package store

import "strconv"

// sqliteRecord ends with the conditions that every outcome has.
const sqliteRecord = `UPDATE messages SET
	state = v.value ->> 1, reason = v.value ->> 2, detail = v.value ->> 3, due_at = v.value ->> 4,
	attempt = attempt - (v.value ->> 5), provider_id = v.value ->> 6,
	sent_at = v.value ->> 7, final_at = v.value ->> 8
	FROM json_each(?) v
	WHERE messages.id = v.value ->> 0 AND messages.state = ? AND messages.worker_id = ? AND messages.attempt = ?`

var sqliteRows = valueRows{func(i int, _ string) string { return "v.value ->> " + strconv.Itoa(i) }, "json_each(?) v"}

var sqliteStatements = statements{
	valueRows:      sqliteRows,
	recordOutcomes: sqliteRecord + " RETURNING messages.id",
	recordUnspent:  sqliteRecord + " AND messages.envelope_id = v.value ->> 9 RETURNING messages.id, messages.envelope_id, messages.claimed_at",
	applyReceipts: `UPDATE messages SET
		state = v.value ->> 1, delivered_at = COALESCE(delivered_at, v.value ->> 2), read_at = COALESCE(read_at, v.value ->> 3),
		reason = COALESCE(v.value ->> 4, CASE WHEN state IN (` + numbers(accepted) + `, v.value ->> 1) THEN reason END),
		detail = COALESCE(v.value ->> 5, CASE WHEN state IN (` + numbers(accepted) + `, v.value ->> 1) THEN detail END),
		final_at = CASE WHEN state = v.value ->> 1 THEN final_at ELSE v.value ->> 6 END
		FROM json_each(?) v WHERE messages.id = v.value ->> 0`,
	insertTransitions: insertTransitions(sqliteRows.field, sqliteRows.rows),
	insertRuns:        insertRuns(sqliteRows.field, sqliteRows.rows),
	aimCampaigns:      aimCampaigns(sqliteRows.field, sqliteRows.rows),
	deferMessages: `UPDATE messages SET state = ` + number(moves.putOff.to) + `, reason = ?, due_at = v.value ->> 1, detail = v.value ->> 2, queued_at = NULL
		FROM json_each(?) v WHERE messages.id = v.value ->> 0 AND messages.state ` + is(moves.putOff.from...),
	moveDue: `UPDATE messages SET due_at = v.value ->> 1, reason = ?, detail = NULL
		FROM json_each(?) v WHERE messages.id = v.value ->> 0 AND messages.state ` + is(moves.putOff.to),
	// The limit has them made once, and the cast with an index: a value of JSON has no
	// type by which SQLite would make one.
	turns: "SELECT CAST(value ->> 0 AS TEXT) AS zone, value ->> 1 AS due, value ->> 2 AS reason FROM json_each(?) LIMIT " + everyRow,
	insertReceipts: `INSERT INTO receipts (channel_id, message_id, provider_id, status, at, code, detail, received_at, bounce)
		SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8
		FROM json_each(?)`,
	insertLinks:         insertLinks(sqliteValues),
	updateEngagement:    updateEngagement(sqliteValues),
	addEngagementCounts: addEngagementCounts(sqliteValues),
}

var sqliteValues = values{func(i int, _ string) string { return "v.value ->> " + strconv.Itoa(i) }, "json_each(?) v"}
