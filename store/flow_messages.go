package store

import (
	"context"
	"database/sql"
	"errors"

	"carillon/campaigns/flow"
	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
)

// spoken is the run of a step's text, its channel and the kind of that one's addresses.
type spoken struct {
	run, channel int64
	kind         providers.AddressKind
}

// sayingKey says which text of which version.
type sayingKey struct {
	version int64
	step    string
	again   bool
}

// sayings are the runs of all texts of the flow.
func (m *moving) sayings(ctx context.Context) (map[sayingKey]spoken, error) {
	found := map[sayingKey]spoken{}
	return found, sqldb.Each(ctx, m, func(scan sqldb.Scan) error {
		var key sayingKey
		var s spoken
		err := scan(&key.version, &key.step, &key.again, &s.run, &s.channel, &s.kind)
		found[key] = s
		return err
	}, `SELECT y.version, y.step, y.again, y.run_id, r.channel_id, h.address_kind FROM flow_says y JOIN runs r ON r.id = y.run_id
		JOIN channels h ON h.id = r.channel_id JOIN flow_versions v ON v.campaign_id = y.campaign_id AND v.version = y.version
		WHERE y.campaign_id = ? AND v.retired_at IS NULL`, m.campaign.ID)
}

// writeMessages makes the messages that the moves send. Each is unique for its run, the
// contact and how many messages of the flow that one has had, so that none can be made
// twice. Who has no address is skipped at once; every other gate is asked when the message
// is fed, as of every message.
func (m *moving) writeMessages(ctx context.Context) error {
	var rows [][]any
	type recipient struct {
		run, contact int64
		step         int
	}
	of := map[recipient]*place{}
	var says map[sayingKey]spoken
	for i := range m.places {
		p := &m.places[i]
		if p.do.Send == "" {
			continue
		}
		if says == nil {
			var err error
			if says, err = m.sayings(ctx); err != nil {
				return err
			}
		}
		s, known := says[sayingKey{p.version, p.do.Send, p.do.Again}]
		if !known {
			return fault.New(fault.Internal, "step %s of version %d of flow %d has no run", p.do.Send, p.version, m.campaign.ID)
		}
		rows = append(rows, []any{s.channel, s.run, p.was.ContactID, p.is.Sends, string(s.kind)})
		of[recipient{s.run, p.was.ContactID, p.is.Sends}] = p
	}
	if len(rows) == 0 {
		return nil
	}
	now, f := sqldb.Millis(m.l.now), m.d.statements.field
	planned := map[int64]int64{}
	var answers [][]any
	err := sqldb.Each(ctx, m, func(scan sqldb.Scan) error {
		var id, channel int64
		var to recipient
		var state messages.State
		if err := scan(&id, &to.run, &channel, &to.contact, &to.step, &state); err != nil {
			return err
		}
		p := of[to]
		p.message, p.settled = id, state == messages.Skipped
		if p.is.Messages == nil {
			p.is.Messages = map[string]int64{}
		}
		p.is.Messages[p.do.Send] = id
		if len(p.is.Answers) > 0 {
			answers = append(answers, []any{id, mustJSON(p.is.Answers)})
		}
		planned[to.run]++
		m.l.counts.add(countKey{to.run, channel}, state, 1)
		delete(of, to)
		return nil
	}, `INSERT INTO messages (channel_id, run_id, contact_id, step, address, created_at, state, reason, final_at)
		SELECT n.channel, n.run, n.contact, n.step, COALESCE(a.address, ''), CAST(? AS BIGINT),
			CASE WHEN a.address IS NULL THEN `+number(messages.Skipped)+` ELSE `+number(messages.Pending)+` END,
			CASE WHEN a.address IS NULL THEN '`+messages.ReasonNoAddress+`' END, CASE WHEN a.address IS NULL THEN CAST(? AS BIGINT) END
		FROM (SELECT `+f(0, "bigint")+" AS channel, "+f(1, "bigint")+" AS run, "+f(2, "bigint")+" AS contact, "+f(3, "integer")+" AS step, "+f(4, "text")+` AS kind
			FROM `+m.d.statements.rows+` LIMIT `+everyRow+`) n LEFT JOIN addresses a ON a.contact_id = n.contact AND a.kind = n.kind WHERE true
		RETURNING id, run_id, channel_id, contact_id, step, state`, now, now, mustJSON(rows))
	if err != nil {
		return err
	}
	if len(of) > 0 {
		return fault.New(fault.Internal, "%d messages of flow %d were not made", len(of), m.campaign.ID)
	}
	for run, n := range planned {
		if _, err := m.Exec(ctx, "UPDATE runs SET planned = planned + ? WHERE id = ?", n, run); err != nil {
			return err
		}
	}
	return m.insertValues(ctx, "message_answers (message_id, answers)", answers, "bigint", "text")
}

// wakeSessions has the sessions looked at again that wait for what becomes of messages, or for a
// receipt of them.
func (tx conn) wakeSessions(ctx context.Context, messageIDs []int64) error {
	_, err := tx.Exec(ctx, "UPDATE flow_sessions SET wake_at = ? WHERE phase IN ('sending', 'arriving') AND message_id "+tx.d.InIDs,
		sqldb.Millis(tx.s.clock.Now()), tx.d.IDList(messageIDs))
	return err
}

// wakeContacts has the sessions of contacts looked at again, because of what was said of
// these.
func (tx conn) wakeContacts(ctx context.Context, ids ...int64) error {
	_, err := tx.Exec(ctx, "UPDATE flow_sessions SET wake_at = ? WHERE ended_at IS NULL AND contact_id "+tx.d.InIDs,
		sqldb.Millis(tx.s.clock.Now()), tx.d.IDList(ids))
	return err
}

// mostStepRuns bounds the runs of which it is remembered whether they are those of steps:
// more than are ever under way.
const mostStepRuns = 50_000

// isStep reports whether a run is that of a flow's step.
func (tx conn) isStep(ctx context.Context, runID int64) (is bool, err error) {
	if runID == 0 {
		return false, nil
	}
	if known, ok := tx.s.stepRuns.Load(runID); ok {
		return known.(bool), nil
	}
	if err := tx.Row(ctx, "SELECT kind = 'step' FROM runs WHERE id = ?", runID).Scan(&is); err != nil {
		return false, err
	}
	if tx.s.stepRunsKnown.Add(1) > mostStepRuns {
		tx.s.stepRuns.Clear()
		tx.s.stepRunsKnown.Store(1)
	}
	tx.s.stepRuns.Store(runID, is)
	return is, nil
}

// replyInFlow hands a reply to the newest question that is open on its channel for its
// sender, or lets the sender enter by its word. It reports whether the reply was for a
// flow.
func (tx conn) replyInFlow(ctx context.Context, r contacts.Reply) (taken bool, err error) {
	if r.ContactID == 0 {
		return false, nil
	}
	ids, err := sqldb.IDs(ctx, tx, `SELECT n.id FROM flow_sessions n JOIN messages m ON m.id = n.message_id
		WHERE n.contact_id = ? AND n.ended_at IS NULL AND n.awaits = ? AND m.channel_id = ?
			AND (n.phase = 'open' OR n.phase = 'sending' AND m.state `+is(messages.Sending, messages.Sent, messages.Delivered, messages.Read, messages.Unknown)+`)
		ORDER BY m.id DESC LIMIT 1`, r.ContactID, awaitsReply, r.ChannelID)
	if err != nil {
		return false, err
	}
	if len(ids) > 0 {
		return true, tx.tellSession(ctx, ids[0], flow.Heard{Reply: &r.Text, At: r.At})
	}
	if r.Word == "" {
		return false, nil
	}
	flows, err := tx.triggered(ctx, r.AccountID, byKeyword, r.Word)
	for _, f := range flows {
		if f.channel != r.ChannelID {
			continue
		}
		done, err := tx.enterFlow(ctx, r.AccountID, entry{flow: f.campaign, contacts: []int64{r.ContactID}, source: byKeyword})
		if err != nil {
			return false, err
		}
		taken = taken || len(done.Sessions) > 0
	}
	return taken, err
}

// tellSession keeps what came for a session, and has it looked at.
func (tx conn) tellSession(ctx context.Context, id int64, heard flow.Heard) error {
	n, err := tx.Exec(ctx, "UPDATE flow_sessions SET wake_at = ? WHERE id = ? AND ended_at IS NULL", sqldb.Millis(tx.s.clock.Now()), id)
	if err != nil || n == 0 {
		return err
	}
	_, err = tx.Exec(ctx, "INSERT INTO flow_inbox (session_id, body, at) VALUES (?, ?, ?)", id, mustJSON(heard), sqldb.Millis(heard.At))
	return err
}

// answersOf adds what was answered before messages of a flow were made.
func (tx conn) answersOf(ctx context.Context, list []messages.QueuedMessage) error {
	of, ids := make(map[int64]int, len(list)), make([]int64, len(list))
	for i, m := range list {
		of[m.ID], ids[i] = i, m.ID
	}
	return sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var id int64
		var answers string
		err := scan(&id, &answers)
		list[of[id]].Recipient.Answers = answers
		return err
	}, "SELECT message_id, answers FROM message_answers WHERE message_id "+tx.d.InIDs, tx.d.IDList(ids))
}

// AnswersTo are what was answered in a flow before a message of it was made, a JSON
// object; empty for others.
func (s *Store) AnswersTo(ctx context.Context, messageID int64) (answers string, err error) {
	err = s.reader().Row(ctx, "SELECT answers FROM message_answers WHERE message_id = ?", messageID).Scan(&answers)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return answers, s.translate(err)
}
