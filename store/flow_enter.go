package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"carillon/campaigns"
	"carillon/campaigns/flow"
	"carillon/campaigns/flows"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/store/sqldb"
	"carillon/webhooks"
)

// enteredAtOnce is how many contacts enter by one request.
const enteredAtOnce = 10_000

// entry is who enters a flow, and how.
type entry struct {
	flow     int64
	contacts []int64
	source   string
	answers  map[string]json.RawMessage
	depth    int
	run      int64 // by whose audience; 0 for none
}

// EnterFlow lets contacts enter a flow that is started, and says of the others why they
// could not.
func (s *Store) EnterFlow(ctx context.Context, accountID int64, e flows.Entry) (done flows.Entered, err error) {
	if len(e.Contacts) > enteredAtOnce {
		return done, fault.InvalidField("contacts", len(e.Contacts), "at most %d at a time", enteredAtOnce)
	}
	err = s.inTx(ctx, func(tx conn) error {
		done, err = tx.enterFlow(ctx, accountID, entry{flow: e.CampaignID, contacts: e.Contacts, source: e.Source, answers: e.Answers})
		return err
	})
	return done, err
}

// enterable is a flow into which people may come.
type enterable struct {
	id, accountID, version int64
	flow                   *flow.Flow
}

// lockEnterable holds a flow, so that nobody enters twice who may do so once, and nobody a
// version that is retired.
func (tx conn) lockEnterable(ctx context.Context, accountID, id int64) (e enterable, err error) {
	var status campaigns.Status
	var closed sqldb.Time
	err = tx.Row(ctx, "SELECT f.campaign_id, f.account_id, f.version, f.closed_at, k.status FROM flows f JOIN campaigns k ON k.id = f.campaign_id "+
		"WHERE f.campaign_id = ? AND f.account_id = ?"+tx.d.Lock(tx.d.ForUpdate, "f"), id, accountID).Scan(&e.id, &e.accountID, &e.version, &closed, &status)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return e, noFlow(id)
	case err != nil:
		return e, err
	case e.version == 0 || status == campaigns.Draft:
		return e, fault.New(fault.Conflict, "flow %d is a draft: start it first", id)
	case !closed.IsZero() || status != campaigns.Running && status != campaigns.Paused:
		return e, fault.New(fault.Conflict, "flow %d takes nobody in any more: it is closed, or %s", id, status)
	}
	e.flow, err = tx.compiledFlow(ctx, accountID, id, e.version)
	return e, err
}

func (tx conn) enterFlow(ctx context.Context, accountID int64, of entry) (done flows.Entered, err error) {
	e, err := tx.lockEnterable(ctx, accountID, of.flow)
	if err != nil {
		return done, err
	}
	done.Sessions, done.Left = map[int64]int64{}, map[int64]string{}
	insert := e.insertion(tx, of)
	if err := sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var session, contact int64
		err := scan(&session, &contact)
		done.Sessions[contact] = session
		return err
	}, insert.sql+" FROM contacts c WHERE c.account_id = ? AND c.status = 'active' AND c.id "+tx.d.InIDs+e.again(tx, of.source).sql+" RETURNING id, contact_id",
		slices.Concat(insert.args, []any{accountID, tx.d.IDList(of.contacts)}, e.again(tx, of.source).args)...); err != nil {
		return done, err
	}
	if err := e.occurred(ctx, tx, of.source, done.Sessions); err != nil {
		return done, err
	}
	var left []int64
	for _, id := range of.contacts {
		if _, entered := done.Sessions[id]; !entered {
			left = append(left, id)
			done.Left[id] = flows.LeftUnknown
		}
	}
	if len(left) == 0 {
		return done, nil
	}
	return done, sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var contact int64
		var inside, before bool
		if err := scan(&contact, &inside, &before); err != nil {
			return err
		}
		switch {
		case inside && e.flow.Reentry.Allow != flow.Always:
			done.Left[contact] = flows.LeftInside
		case before && e.flow.Reentry.Allow == flow.Never:
			done.Left[contact] = flows.LeftBefore
		case before:
			done.Left[contact] = flows.LeftGap
		}
		return nil
	}, `SELECT c.id, EXISTS (SELECT 1 FROM flow_sessions p WHERE `+sessionsIn+` AND p.ended_at IS NULL),
			EXISTS (SELECT 1 FROM flow_sessions p WHERE `+sessionsIn+`)
		FROM contacts c WHERE c.account_id = ? AND c.status = 'active' AND c.id `+tx.d.InIDs, e.id, e.id, accountID, tx.d.IDList(left))
}

// sessionsIn is the condition that sessions p are those of contacts c in a flow. The + 0
// keeps PostgreSQL from the index of the flow's sessions: statistics that are older than
// the flow know none of it, and all of them would be read for each contact.
const sessionsIn = "p.contact_id = c.id AND p.campaign_id + 0 = ?"

// insertion begins the INSERT of sessions of contacts c. The lane of who may be inside
// more than once is how often that was so.
func (e enterable) insertion(tx conn, of entry) fragment {
	lane := "0"
	args := []any{e.accountID, e.id, e.version}
	if e.flow.Reentry.Allow == flow.Always {
		lane = "(SELECT COUNT(*) FROM flow_sessions p WHERE " + sessionsIn + ")"
		args = append(args, e.id)
	}
	now := sqldb.Millis(tx.s.clock.Now())
	return fragment{`INSERT INTO flow_sessions (account_id, campaign_id, version, contact_id, lane, run_id, depth, source, step, wake_at, sends, answers,
			entered_at, moved_at)
		SELECT CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT), c.id, ` + lane + `, CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS TEXT),
			CAST(? AS TEXT), CAST(? AS BIGINT),
			COALESCE((SELECT MAX(p.sends) FROM flow_sessions p WHERE ` + sessionsIn + `), 0), CAST(? AS TEXT),
			CAST(? AS BIGINT), CAST(? AS BIGINT)`,
		append(args, of.run, of.depth, of.source, e.flow.First(), now, e.id, mustJSON(orEmpty(of.answers)), now, now)}
}

// again is the condition that contacts c may enter, by who was in the flow before.
func (e enterable) again(tx conn, source string) fragment {
	const was, never = " AND (SELECT COUNT(*) FROM flow_sessions p WHERE " + sessionsIn, ") = 0"
	var f fragment
	switch e.flow.Reentry.Allow {
	case flow.Never:
		return fragment{was + never, []any{e.id}}
	case flow.AfterLeaving:
		f = fragment{was + " AND p.ended_at IS NULL" + never, []any{e.id}}
	default:
	}
	gap := e.flow.Gap()
	if source == byJoining {
		gap = max(gap, leastJoinGap)
	}
	if gap > 0 {
		f.sql += was + " AND p.entered_at > ?" + never
		f.args = append(f.args, e.id, sqldb.Millis(tx.s.clock.Now().Add(-gap)))
	}
	return f
}

// enterPlanned lets a part of a run's audience enter the run's flow. Who is not to be
// written to does not; where steps speak over other channels, too, who has no address for the
// flow's own, or a dead one, may be reached by those.
func (tx conn) enterPlanned(ctx context.Context, p planned, compiled audienceSQL, part *planPart) error {
	e, err := tx.lockEnterable(ctx, p.run.AccountID, p.run.CampaignID)
	if fault.Is(err, fault.Conflict) {
		return nil // it was closed meanwhile
	}
	if err != nil {
		return err
	}
	reason, from := compiled.reason(), compiled.from(part.from, part.to)
	insert, again := e.insertion(tx, entry{source: "audience", run: p.run.ID}), e.again(tx, "audience")
	enter := fragment{insert.sql + " FROM (SELECT c.id AS id, " + reason.sql + " AS why" + from.sql + " ORDER BY c.id LIMIT " +
		everyRow + ") c WHERE (c.why IS NULL" + e.reachable() + ")" + again.sql, slices.Concat(insert.args, reason.args, from.args, again.args)}
	wanted, err := tx.wanted(ctx, p.run.AccountID, webhooks.FlowEntered)
	if err != nil {
		return err
	}
	if !wanted {
		_, err := tx.Exec(ctx, enter.sql, enter.args...)
		return err
	}
	sessions, err := sqldb.Map[int64, int64](ctx, tx, enter.sql+" RETURNING contact_id, id", enter.args...)
	if err != nil {
		return err
	}
	return e.occurred(ctx, tx, "audience", sessions)
}

// reachable are the reasons not to write to somebody over the flow's channel that keep nobody from
// being written to over others.
func (e enterable) reachable() string {
	if !e.flow.SpeaksElsewhere() {
		return ""
	}
	return " OR c.why IN ('" + messages.ReasonNoAddress + "', '" + messages.ReasonSuppressed + "')"
}

// occurred writes down for programs who has entered, by contact.
func (e enterable) occurred(ctx context.Context, tx conn, source string, sessions map[int64]int64) error {
	return tx.occurAll(ctx, e.accountID, webhooks.FlowEntered, func() (all []happening) {
		for _, contact := range slices.Sorted(maps.Keys(sessions)) {
			all = append(all, happening{campaignID: e.id, data: webhooks.Session{CampaignID: e.id, ID: sessions[contact], ContactID: contact, Source: source}})
		}
		return all
	})
}

// EnterByDate lets contacts enter the flows whose triggers are days that properties hold:
// those whose time has come since it was looked last, by the clock where each is.
func (s *Store) EnterByDate(ctx context.Context) (worked bool, err error) {
	ids, err := s.ids(ctx, `SELECT DISTINCT t.campaign_id FROM flow_triggers t JOIN campaigns k ON k.id = t.campaign_id
		WHERE t.kind = '`+byDate+`' AND k.status = 'running' AND k.`+ofOpenAccounts+` ORDER BY 1`)
	if err != nil {
		return false, err
	}
	var errs []error
	for _, id := range ids {
		errs = append(errs, s.enterByDate(ctx, id))
	}
	return false, errors.Join(errs...)
}

func (s *Store) enterByDate(ctx context.Context, id int64) error {
	return s.inTx(ctx, func(tx conn) error {
		var accountID int64
		var since sqldb.Time
		if err := tx.Row(ctx, "SELECT account_id, dated_until FROM flows WHERE campaign_id = ?", id).Scan(&accountID, &since); err != nil {
			return err
		}
		e, err := tx.lockEnterable(ctx, accountID, id)
		if err != nil {
			return err
		}
		now := sqldb.Rounded(tx.s.clock.Now())
		var home string
		if err := tx.Row(ctx, "SELECT h.timezone FROM campaigns k JOIN channels h ON h.id = k.channel_id WHERE k.id = ?", id).Scan(&home); err != nil {
			return err
		}
		for _, t := range e.flow.Triggers {
			if t.Date == nil {
				continue
			}
			who, err := tx.due(ctx, accountID, *t.Date, flow.Window{From: since.Time, To: now, Home: home})
			if err != nil {
				return err
			}
			for batch := range slices.Chunk(who, enteredAtOnce) {
				if _, err := tx.enterFlow(ctx, accountID, entry{flow: id, contacts: batch, source: byDate}); err != nil {
					return err
				}
			}
		}
		_, err = tx.Exec(ctx, "UPDATE flows SET dated_until = ? WHERE campaign_id = ?", sqldb.Millis(now), id)
		return err
	})
}

// due are the contacts for whom a day has come within a window.
func (tx conn) due(ctx context.Context, accountID int64, a flow.Anniversary, w flow.Window) (who []int64, err error) {
	days := a.Values(w)
	if len(days) == 0 {
		return nil, nil
	}
	column, key := "c.attributes ->> CAST(? AS TEXT)", any(a.Property)
	if a.Yearly {
		column = "SUBSTR(c.attributes ->> CAST(? AS TEXT), 6)"
	}
	return who, sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var id int64
		var value, zone string
		if err := scan(&id, &value, &zone); err != nil {
			return err
		}
		if a.Within(value, zone, w) {
			who = append(who, id)
		}
		return nil
	}, fmt.Sprintf("SELECT c.id, c.attributes ->> CAST(? AS TEXT), c.timezone FROM contacts c WHERE c.account_id = ? AND c.status = 'active' AND %s "+
		"%s ORDER BY c.id", column, tx.d.InTexts),
		key, accountID, key, tx.d.TextList(days))
}

// leastJoinGap lies between two entries by the same list at least, so that flows which put
// people into each other's lists come to rest.
const leastJoinGap = time.Minute

// enterJoined lets contacts who have come into a list enter the flows that want that.
func (tx conn) enterJoined(ctx context.Context, accountID, listID int64, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	flows, err := tx.triggered(ctx, accountID, byJoining, strconv.FormatInt(listID, 10))
	if err != nil {
		return err
	}
	for _, f := range flows {
		if _, err := tx.enterFlow(ctx, accountID, entry{flow: f.campaign, contacts: ids, source: byJoining}); err != nil && !fault.Is(err, fault.Conflict) {
			return err
		}
	}
	return nil
}
