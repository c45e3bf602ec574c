package store

import "strconv"

// postgresRecord ends with the conditions that every outcome has.
const postgresRecord = `UPDATE messages SET
	state = (v ->> 1)::smallint, reason = v ->> 2, detail = v ->> 3, due_at = (v ->> 4)::bigint,
	attempt = attempt - (v ->> 5)::smallint, provider_id = v ->> 6,
	sent_at = (v ->> 7)::bigint, final_at = (v ->> 8)::bigint
	FROM jsonb_array_elements(?::jsonb) v
	WHERE messages.id = (v ->> 0)::bigint AND messages.state = ? AND messages.worker_id = ? AND messages.attempt = ?`

var postgresRows = valueRows{
	func(i int, kind string) string { return "(v ->> " + strconv.Itoa(i) + ")::" + kind }, "jsonb_array_elements(?::jsonb) v",
}

var postgresStatements = statements{
	valueRows:      postgresRows,
	recordOutcomes: postgresRecord + " RETURNING messages.id",
	recordUnspent:  postgresRecord + " AND messages.envelope_id = (v ->> 9)::bigint RETURNING messages.id, messages.envelope_id, messages.claimed_at",
	applyReceipts: `UPDATE messages SET
		state = (v ->> 1)::smallint, delivered_at = COALESCE(delivered_at, (v ->> 2)::bigint), read_at = COALESCE(read_at, (v ->> 3)::bigint),
		reason = COALESCE(v ->> 4, CASE WHEN state IN (` + numbers(accepted) + `, (v ->> 1)::smallint) THEN reason END),
		detail = COALESCE(v ->> 5, CASE WHEN state IN (` + numbers(accepted) + `, (v ->> 1)::smallint) THEN detail END),
		final_at = CASE WHEN state = (v ->> 1)::smallint THEN final_at ELSE (v ->> 6)::bigint END
		FROM jsonb_array_elements(?::jsonb) v WHERE messages.id = (v ->> 0)::bigint`,
	insertTransitions: insertTransitions(postgresRows.field, postgresRows.rows),
	insertRuns:        insertRuns(postgresRows.field, postgresRows.rows),
	aimCampaigns:      aimCampaigns(postgresRows.field, postgresRows.rows),
	deferMessages: `UPDATE messages SET state = ` + number(moves.putOff.to) + `, reason = ?, due_at = (v ->> 1)::bigint, detail = v ->> 2, queued_at = NULL
		FROM jsonb_array_elements(?::jsonb) v WHERE messages.id = (v ->> 0)::bigint AND messages.state ` + is(moves.putOff.from...),
	moveDue: `UPDATE messages SET due_at = (v ->> 1)::bigint, reason = ?, detail = NULL
		FROM jsonb_array_elements(?::jsonb) v WHERE messages.id = (v ->> 0)::bigint AND messages.state ` + is(moves.putOff.to),
	turns: "SELECT v ->> 0 AS zone, (v ->> 1)::bigint AS due, v ->> 2 AS reason FROM jsonb_array_elements(?::jsonb) v",
	insertReceipts: `INSERT INTO receipts (channel_id, message_id, provider_id, status, at, code, detail, received_at, bounce)
		SELECT (v ->> 0)::bigint, (v ->> 1)::bigint, v ->> 2, v ->> 3, (v ->> 4)::bigint, v ->> 5, v ->> 6, (v ->> 7)::bigint, v ->> 8
		FROM jsonb_array_elements(?::jsonb) v`,
	insertLinks:         insertLinks(postgresValues),
	updateEngagement:    updateEngagement(postgresValues),
	addEngagementCounts: addEngagementCounts(postgresValues),
}

var postgresValues = values{func(i int, kind string) string { return "(v ->> " + strconv.Itoa(i) + ")::" + kind }, "jsonb_array_elements(?::jsonb) v"}
