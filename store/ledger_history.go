package store

import (
	"context"
	"time"

	"carillon/messages"
	"carillon/store/sqldb"
)

// transition is one message's move off the plain way, as it is told.
type transition struct {
	id    int64
	state messages.State
	at    time.Time
	// attempt is the try that it is about; 0: the message's number of tries.
	attempt                    int
	reason, kind, code, detail string
}

// maxTransitions is how many moves of a message are kept. Spent tries are few; only
// what costs nothing can go on for ever, such as an endless 429.
const maxTransitions = 100

// keepTransitions writes moves down, each with the message's times as they are. The
// transaction must hold the messages, and must not have taken their times away
// yet. A message is named once.
func (tx conn) keepTransitions(ctx context.Context, moves []transition) error {
	if len(moves) == 0 {
		return nil
	}
	rows := make([][8]any, len(moves))
	for i, m := range moves {
		rows[i] = [8]any{m.id, int(m.state), sqldb.Millis(m.at), m.attempt, m.reason, m.kind, clean(m.code), clean(m.detail)}
	}
	if _, err := tx.Exec(ctx, tx.d.statements.insertTransitions, maxTransitions-1, mustJSON(rows)); err != nil {
		return err
	}
	return tx.keepDoubts(ctx, moves)
}

// insertTransitions is statements.insertTransitions around what differs: the
// fields of a row and the function that makes rows of the argument.
func insertTransitions(field func(i int, kind string) string, rows string) string {
	return `INSERT INTO transitions (message_id, seq, state, at, attempt, envelope_id, reason, kind, code, detail,
			queued_at, claimed_at, sent_at, delivered_at, read_at)
		SELECT m.id, CASE WHEN n.seq < n.most THEN n.seq ELSE n.most END, n.state, n.at,
			CASE WHEN n.attempt = 0 THEN m.attempt ELSE n.attempt END, m.envelope_id, n.reason, n.kind, n.code, n.detail,
			m.queued_at, m.claimed_at, m.sent_at,
			CASE WHEN m.state ` + is(messages.Delivered, messages.Read) + ` THEN m.delivered_at END,
			CASE WHEN m.state ` + is(messages.Read) + ` THEN m.read_at END
		FROM (SELECT ` + field(0, "bigint") + ` AS id, ` + field(1, "smallint") + ` AS state, ` + field(2, "bigint") + ` AS at, ` +
		field(3, "smallint") + ` AS attempt, ` + field(4, "text") + ` AS reason, ` + field(5, "text") + ` AS kind, ` +
		field(6, "text") + ` AS code, ` + field(7, "text") + ` AS detail, CAST(? AS SMALLINT) AS most,
			(SELECT CAST(COUNT(*) AS SMALLINT) FROM transitions t WHERE t.message_id = ` + field(0, "bigint") + `) AS seq
			FROM ` + rows + `) n JOIN messages m ON m.id = n.id WHERE TRUE
		ON CONFLICT (message_id, seq) DO UPDATE SET repeats = transitions.repeats + 1, state = excluded.state, at = excluded.at,
			attempt = excluded.attempt, envelope_id = excluded.envelope_id, reason = excluded.reason, kind = excluded.kind,
			code = excluded.code, detail = excluded.detail, queued_at = excluded.queued_at, claimed_at = excluded.claimed_at,
			sent_at = excluded.sent_at, delivered_at = excluded.delivered_at, read_at = excluded.read_at`
}

// Transitions are a message's moves off the plain way, in order.
func (s *Store) Transitions(ctx context.Context, messageID int64) ([]messages.Transition, error) {

	list, err := sqldb.Query(ctx, s.reader(), func(scan sqldb.Scan) (messages.Transition, error) {
		var t messages.Transition
		var at, queued, claimed, sent, delivered, read sqldb.Time
		if err := scan(&t.State, &at, &t.Attempt, &t.EnvelopeID, &t.Reason, &t.Kind, &t.Code, &t.Detail, &t.Repeats,
			&queued, &claimed, &sent, &delivered, &read); err != nil {
			return t, err
		}
		t.At = at.Time
		t.Times = messages.Times{QueuedAt: queued.Ptr(), ClaimedAt: claimed.Ptr(), SentAt: sent.Ptr(), DeliveredAt: delivered.Ptr(), ReadAt: read.Ptr()}
		return t, nil
	}, `SELECT state, at, attempt, envelope_id, reason, kind, code, detail, repeats, queued_at, claimed_at, sent_at, delivered_at, read_at
		FROM transitions WHERE message_id = ? ORDER BY seq`, messageID)
	return list, s.translate(err)
}
