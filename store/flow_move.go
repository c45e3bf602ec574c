package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"carillon/campaigns"
	"carillon/campaigns/flow"
	"carillon/contacts"
	"carillon/internal/failpoint"
	"carillon/internal/fault"
	"carillon/internal/zone"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/webhooks"
)

// movedAtOnce is how many sessions one transaction moves: few enough that others who
// write wait for some ten milliseconds.
const movedAtOnce = 500

// MoveFlows moves a batch of the sessions of every flow that are due, in turn, ends those
// of canceled flows, and retires versions that nobody is on. It reports whether there was
// anything to do. A flow that can't be moved is paused and holds up no other.
func (s *Store) MoveFlows(ctx context.Context) (worked bool, err error) {
	now := sqldb.Millis(s.clock.Now())
	due, err := s.ids(ctx, `SELECT k.id FROM campaigns k JOIN flows f ON f.campaign_id = k.id
		WHERE (k.status = 'running' AND EXISTS (SELECT 1 FROM flow_sessions n WHERE n.campaign_id = k.id AND n.wake_at IS NOT NULL AND n.wake_at <= ?)
			OR k.status = 'canceled' AND EXISTS (SELECT 1 FROM flow_sessions n WHERE n.campaign_id = k.id AND n.ended_at IS NULL))
			AND k.`+ofOpenAccounts+` ORDER BY k.id`, now)
	if err != nil {
		return false, err
	}
	var errs []error
	for _, id := range due {
		moved, err := s.moveFlow(ctx, id)
		if fault.Is(err, fault.Invalid) || fault.Is(err, fault.Conflict) {
			s.log.Error("flow paused: it can't be walked through any more", "flow", id, "error", err)
			err = s.pauseFlow(ctx, id, "it can't be walked through any more: "+err.Error())
		}
		if err != nil {
			errs = append(errs, err)
		}
		worked = worked || moved > 0
	}
	if len(due) == 0 {
		errs = append(errs, s.retireVersions(ctx))
	}
	return worked, errors.Join(errs...)
}

// pauseFlow pauses a flow that can't go on.
func (s *Store) pauseFlow(ctx context.Context, id int64, why string) error {
	return s.inTx(ctx, func(tx conn) error {
		var accountID int64
		if err := tx.Row(ctx, "SELECT account_id FROM campaigns WHERE id = ?", id).Scan(&accountID); err != nil {
			return err
		}
		c, err := tx.lockCampaign(ctx, accountID, id)
		if err != nil || c.status != campaigns.Running {
			return err
		}
		return tx.pause(ctx, c, campaigns.Pause{Since: s.clock.Now(), Why: clean(why)})
	})
}

// moving is a flow whose sessions are moved, and what is known of these.
type moving struct {
	conn
	l *ledger
	// campaign is the flow's, kind that of its channel's addresses.
	campaign campaigns.Campaign
	kind     providers.AddressKind
	canceled bool
	versions map[int64]*flow.Flow
	places   []place
	// heard are the ids of what came for sessions that was dealt with.
	heard []int64
}

// place is a session that is moved: where it is, what is known, and what becomes of it.
type place struct {
	id, version, rev, message int64
	depth                     int
	flow                      *flow.Flow
	was, is                   flow.Session
	in                        flow.Input
	do                        flow.Effects
	inbox                     []int64
	// settled says that its message is known not to go out, from the very beginning.
	settled bool
}

// moveFlow moves a batch of sessions of a flow in one transaction with all that comes of
// it: messages, answers, changes of contacts, and their new places.
func (s *Store) moveFlow(ctx context.Context, id int64) (moved int, err error) {
	err = s.inTxAsync(ctx, func(tx conn) error {
		moved = 0
		m := &moving{conn: tx, l: tx.ledger(), versions: map[int64]*flow.Flow{}}
		open, err := m.begin(ctx, id)
		if err != nil || !open {
			return err
		}
		if err := m.load(ctx); err != nil || len(m.places) == 0 {
			return err
		}
		for i := range m.places {
			p := &m.places[i]
			p.is, p.do = p.flow.Step(p.was, p.in, m.l.now)
			m.heard = append(m.heard, p.inbox[:p.do.Heard]...)
		}
		if err := m.write(ctx); err != nil {
			return err
		}
		moved = len(m.places)
		failpoint.Hit(failpoint.DuringFlowMove)
		return m.l.close(ctx, shardPlanner)
	})
	if moved > 0 {
		failpoint.Hit(failpoint.AfterFlowMove)
	}
	return moved, err
}

// begin holds the flow, so that pausing and canceling come before or after. What writes
// contacts takes the account's lock first, as everybody does who has it.
func (m *moving) begin(ctx context.Context, id int64) (open bool, err error) {
	var accountID int64
	var writes bool
	if err := m.Row(ctx, `SELECT f.account_id, EXISTS (SELECT 1 FROM flow_versions v WHERE v.campaign_id = f.campaign_id AND v.retired_at IS NULL
			AND (v.definition LIKE '%"set":%' OR v.definition LIKE '%"write":%' OR v.definition LIKE '%"flow_id":%'))
		FROM flows f WHERE f.campaign_id = ?`, id).Scan(&accountID, &writes); err != nil {
		return false, err
	}
	if writes {
		if err := m.lockAccount(ctx, accountID); err != nil {
			return false, err
		}
	}
	if m.campaign, err = scanCampaign(m.Row(ctx, selectCampaign+" WHERE id = ?"+m.d.ForShare, id).Scan); err != nil {
		return false, err
	}
	m.canceled = m.campaign.Status == campaigns.Canceled
	if !m.canceled && m.campaign.Status != campaigns.Running {
		return false, nil
	}
	return true, m.Row(ctx, "SELECT address_kind FROM channels WHERE id = ?", m.campaign.ChannelID).Scan(&m.kind)
}

// load reads the sessions that are due, and what their moves depend on.
func (m *moving) load(ctx context.Context) error {
	where, args := "n.campaign_id = ? AND n.wake_at <= ? AND n.wake_at IS NOT NULL ORDER BY n.wake_at, n.id", []any{m.campaign.ID, sqldb.Millis(m.l.now)}
	if m.canceled {
		where, args = "n.campaign_id = ? AND n.ended_at IS NULL ORDER BY n.id", []any{m.campaign.ID}
	}
	err := sqldb.Each(ctx, m, func(scan sqldb.Scan) error {
		var p place
		var answers, said []byte
		var deadline sqldb.Time
		p.was.CampaignID = m.campaign.ID
		if err := scan(&p.id, &p.version, &p.rev, &p.depth, &p.was.ContactID, &p.was.Step, &p.was.Phase, &deadline, &p.was.Tries, &p.was.Sends,
			&p.message, &answers, &said); err != nil {
			return err
		}
		p.was.Deadline = deadline.Time
		m.places = append(m.places, p)
		return readParts(m.campaign.ID, part{"answers", answers, &m.places[len(m.places)-1].was.Answers}, part{"messages", said,
			&m.places[len(m.places)-1].was.Messages})
	}, `SELECT n.id, n.version, n.rev, n.depth, n.contact_id, n.step, n.phase, n.deadline, n.tries, n.sends, n.message_id, n.answers, n.said
		FROM flow_sessions n WHERE `+where+" LIMIT ?"+m.d.SkipLocked, append(args, movedAtOnce)...)
	if err != nil || len(m.places) == 0 {
		return err
	}
	for i := range m.places {
		p := &m.places[i]
		if m.versions[p.version] == nil {
			if m.versions[p.version], err = m.compiledFlow(ctx, m.campaign.AccountID, m.campaign.ID, p.version); err != nil {
				return err
			}
		}
		p.flow = m.versions[p.version]
	}
	for _, load := range []func(context.Context) error{m.loadContacts, m.loadSettled, m.loadInbox, m.loadFacts} {
		if err := load(ctx); err != nil {
			return err
		}
	}
	return nil
}

// byContact are the places of each contact, who may have several.
func (m *moving) byContact() (of map[int64][]*place, ids []int64) {
	of = make(map[int64][]*place, len(m.places))
	for i := range m.places {
		id := m.places[i].was.ContactID
		if of[id] == nil {
			ids = append(ids, id)
		}
		of[id] = append(of[id], &m.places[i])
	}
	return of, ids
}

// loadContacts finds out who must not go on, and in which zone everybody is.
func (m *moving) loadContacts(ctx context.Context) error {
	of, ids := m.byContact()
	for i := range m.places {
		m.places[i].in.Stop = flow.ReasonErased // unless the contact is found
	}
	if err := sqldb.Each(ctx, m, func(scan sqldb.Scan) error {
		var id int64
		var status contacts.ContactStatus
		var timezone string
		var optedOut bool
		if err := scan(&id, &status, &timezone, &optedOut); err != nil {
			return err
		}
		location, _ := zone.Known(timezone)
		for _, p := range of[id] {
			p.in.Zone = location
			switch {
			case status == contacts.Deleted:
			case status == contacts.Blocked, status == contacts.Inactive:
				p.in.Stop = flow.ReasonBlocked
			case optedOut:
				p.in.Stop = flow.ReasonOptedOut
			default:
				p.in.Stop = ""
			}
		}
		return nil
	}, `SELECT c.id, c.status, c.timezone, EXISTS (SELECT 1 FROM addresses a JOIN suppressions s ON s.account_id = a.account_id AND s.kind = a.kind
			AND s.address = a.address AND s.reason = '`+unsubscribed+`' WHERE a.contact_id = c.id AND a.kind = ?)
		FROM contacts c WHERE c.account_id = ? AND c.id `+m.d.InIDs, string(m.kind), m.campaign.AccountID, m.d.IDList(ids)); err != nil {
		return err
	}
	left, err := m.leftCategory(ctx, m.campaign.AccountID, m.campaign.CategoryID, m.kind, ids)
	if err != nil {
		return err
	}
	home, err := m.homeZone(ctx)
	if err != nil {
		return err
	}
	for i := range m.places {
		p := &m.places[i]
		if p.in.Stop == "" && left[p.was.ContactID] {
			p.in.Stop = flow.ReasonOptedOut
		}
		if p.in.Zone == nil {
			p.in.Zone = home
		}
		if m.canceled {
			p.in.Stop = flow.ReasonCanceled
		}
	}
	return nil
}

// homeZone is the channel's: that of contacts of whom no zone is known.
func (m *moving) homeZone(ctx context.Context) (*time.Location, error) {
	var name string
	if err := m.Row(ctx, "SELECT timezone FROM channels WHERE id = ?", m.campaign.ChannelID).Scan(&name); err != nil {
		return nil, err
	}
	if location, known := zone.Known(name); known {
		return location, nil
	}
	return time.UTC, nil
}

// settledStates are the states of which it is known whether the message went out.
var settledStates = []messages.State{
	messages.Sent, messages.Delivered, messages.Read, messages.Unknown, messages.Failed, messages.Rejected, messages.Skipped, messages.Canceled,
}

// settledAs is what a state says of whether a message went out. One in doubt may have: what
// follows assumes that.
func settledAs(state messages.State) string {
	switch state {
	case messages.Sent, messages.Delivered, messages.Read, messages.Unknown:
		return flow.SettledSent
	case messages.Failed, messages.Rejected:
		return flow.SettledFailed
	case messages.Skipped, messages.Canceled:
		return flow.SettledSkipped
	default:
		return ""
	}
}

// loadSettled finds out what became of the messages that are waited for.
func (m *moving) loadSettled(ctx context.Context) error {
	of := map[int64]*place{}
	var ids []int64
	for i := range m.places {
		if p := &m.places[i]; p.was.Phase == flow.Sending || p.was.Phase == flow.Arriving {
			of[p.message], ids = p, append(ids, p.message)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return sqldb.Each(ctx, m, func(scan sqldb.Scan) error {
		var id int64
		var state messages.State
		var why string
		if err := scan(&id, &state, &why); err != nil {
			return err
		}
		of[id].in.Settled, of[id].in.Why = settledAs(state), why
		of[id].in.Arrived = state == messages.Delivered || state == messages.Read
		return nil
	}, "SELECT id, state, COALESCE(reason, '') FROM messages WHERE id "+m.d.InIDs, m.d.IDList(ids))
}

// loadInbox reads what came for the sessions.
func (m *moving) loadInbox(ctx context.Context) error {
	of, ids := make(map[int64]*place, len(m.places)), make([]int64, len(m.places))
	for i := range m.places {
		of[m.places[i].id], ids[i] = &m.places[i], m.places[i].id
	}
	return sqldb.Each(ctx, m, func(scan sqldb.Scan) error {
		var id, session int64
		var body []byte
		var at sqldb.Time
		if err := scan(&id, &session, &body, &at); err != nil {
			return err
		}
		var heard flow.Heard
		if err := json.Unmarshal(body, &heard); err != nil {
			return err
		}
		heard.At = at.Time
		p := of[session]
		p.in.Heard, p.inbox = append(p.in.Heard, heard), append(p.inbox, id)
		return nil
	}, "SELECT id, session_id, body, at FROM flow_inbox WHERE session_id "+m.d.InIDs+" ORDER BY id", m.d.IDList(ids))
}

// write writes what the moves come to.
func (m *moving) write(ctx context.Context) error {
	for _, write := range []func(context.Context) error{
		m.writeMessages, m.writeSessions, m.writeTrace, m.writeAnswers, m.writeCalls, m.writeSets, m.writeStarts, m.occurred,
	} {
		if err := write(ctx); err != nil {
			return err
		}
	}
	var over []int64
	m.each(func(p *place) bool { return p.is.Phase == flow.Ended }, func(p *place) { over = append(over, p.id) })
	if len(over) > 0 {
		if _, err := m.Exec(ctx, "DELETE FROM flow_calls WHERE session_id "+m.d.InIDs, m.d.IDList(over)); err != nil {
			return err
		}
	}
	if len(m.heard) == 0 {
		return nil
	}
	_, err := m.Exec(ctx, "DELETE FROM flow_inbox WHERE id "+m.d.InIDs, m.d.IDList(m.heard))
	return err
}

// each calls do for the places that a condition selects.
func (m *moving) each(of func(*place) bool, do func(*place)) {
	for i := range m.places {
		if p := &m.places[i]; of(p) {
			do(p)
		}
	}
}

// writeSessions writes the new places. Each is still where it was read, because its row is
// held.
func (m *moving) writeSessions(ctx context.Context) error {
	now, rows := m.l.now.UnixMilli(), make([][]any, 0, len(m.places))
	for i := range m.places {
		p := &m.places[i]
		wake, ended := sqldb.Millis(p.do.Wake), any(nil)
		switch {
		case p.is.Phase == flow.Ended:
			ended = now
		case p.settled, p.do.Heard < len(p.in.Heard) && p.is.Phase != flow.Sending:
			wake = now // there is more to do
		}
		awaits := any(nil)
		if step, known := p.flow.StepOf(p.is.Step); known && p.is.Phase != flow.Ended {
			switch {
			case step.Kind == flow.Ask:
				awaits = awaitsReply
			case step.Wait != nil && step.Wait.Event != "" && p.is.Phase == flow.Waiting:
				awaits = step.Wait.Event
			}
		}
		rows = append(rows, []any{
			p.id, p.rev, p.is.Step, string(p.is.Phase), wake, sqldb.Millis(p.is.Deadline), p.is.Tries, p.is.Sends, p.message, awaits,
			mustJSON(orEmpty(p.is.Answers)), mustJSON(orEmpty(p.is.Messages)), p.is.Outcome, p.is.Reason, now, ended,
		})
	}
	f := m.d.statements.field
	n, err := m.Exec(ctx, `UPDATE flow_sessions SET rev = rev + 1, step = `+f(2, "text")+", phase = "+f(3, "text")+", wake_at = "+f(4, "bigint")+", deadline = "+
		f(5, "bigint")+", tries = "+f(6, "bigint")+", sends = "+f(7, "bigint")+", message_id = "+f(8, "bigint")+", awaits = "+f(9, "text")+", answers = "+
		f(10, "text")+", said = "+f(11, "text")+", outcome = "+f(12, "text")+", reason = "+f(13, "text")+", moved_at = "+f(14, "bigint")+", ended_at = "+
		f(15, "bigint")+" FROM "+m.d.statements.rows+" WHERE flow_sessions.id = "+f(0, "bigint")+" AND flow_sessions.rev = "+f(1, "bigint"), mustJSON(rows))
	if err == nil && n != int64(len(rows)) {
		err = fault.New(fault.Internal, "%d of %d sessions of flow %d were moved by somebody else", int64(len(rows))-n, len(rows), m.campaign.ID)
	}
	return err
}

// awaitsReply is what a session awaits whose question is asked, where others await an
// event by its name.
const awaitsReply = "?"

func orEmpty[V any](object map[string]V) map[string]V {
	if object == nil {
		return map[string]V{}
	}
	return object
}

// movesApart is by how much the numbers of two moves of a session lie apart: one leaves
// fewer steps.
const movesApart = 1000

// writeTrace keeps the steps that were left.
func (m *moving) writeTrace(ctx context.Context) error {
	var rows [][]any
	for i := range m.places {
		p := &m.places[i]
		for j, left := range p.do.Trace {
			rows = append(rows, []any{p.id, p.rev*movesApart + int64(j), m.l.now.UnixMilli(), left.Step, left.Exit, clean(left.Why)})
		}
	}
	return m.insertValues(ctx, "flow_moves (session_id, seq, at, step, exit, why)", rows, "bigint", "bigint", "bigint", "text", "text", "text")
}

// insertValues inserts rows of values of given kinds.
func (tx conn) insertValues(ctx context.Context, into string, rows [][]any, kinds ...string) error {
	if len(rows) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, "INSERT INTO "+into+" SELECT "+tx.d.statements.columns(kinds...)+" FROM "+tx.d.statements.rows, mustJSON(rows))
	return err
}

// writeAnswers keeps what was answered.
func (m *moving) writeAnswers(ctx context.Context) error {
	var rows [][]any
	for i := range m.places {
		p := &m.places[i]
		for _, a := range p.do.Answered {
			rows = append(rows, []any{p.id, m.campaign.ID, p.was.ContactID, a.Step, cleanText(a.Text), string(a.Value), m.l.now.UnixMilli()})
		}
	}
	return m.insertValues(ctx, "flow_answers (session_id, campaign_id, contact_id, step, text, value, at)", rows,
		"bigint", "bigint", "bigint", "text", "text", "text", "bigint")
}

// occurred writes down for programs who has answered, and whose way has ended.
func (m *moving) occurred(ctx context.Context) error {
	of := func(p *place, s webhooks.Session) happening {
		s.CampaignID, s.ID, s.ContactID = m.campaign.ID, p.id, p.was.ContactID
		return happening{campaignID: m.campaign.ID, data: s}
	}
	if err := m.occurAll(ctx, m.campaign.AccountID, webhooks.FlowAnswered, func() (all []happening) {
		m.each(func(*place) bool { return true }, func(p *place) {
			for _, a := range p.do.Answered {
				all = append(all, of(p, webhooks.Session{Step: a.Step}))
			}
		})
		return all
	}); err != nil {
		return err
	}
	return m.occurAll(ctx, m.campaign.AccountID, webhooks.FlowEnded, func() (all []happening) {
		m.each(func(p *place) bool { return p.is.Phase == flow.Ended }, func(p *place) {
			all = append(all, of(p, webhooks.Session{Outcome: p.is.Outcome, Reason: p.is.Reason}))
		})
		return all
	})
}

// writeCalls leaves it to the chore of calls to ask programs.
func (m *moving) writeCalls(ctx context.Context) error {
	var rows [][]any
	m.each(func(p *place) bool { return p.do.Call != "" }, func(p *place) {
		rows = append(rows, []any{p.id, p.rev + 1, p.do.Call, m.l.now.UnixMilli()})
	})
	return m.insertValues(ctx, "flow_calls (session_id, rev, step, due_at)", rows, "bigint", "bigint", "text", "bigint")
}
