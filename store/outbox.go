package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"carillon/internal/clock"
	"carillon/messages"
	"carillon/store/sqldb"
	"carillon/webhooks"
)

// lockWebhooks lets one transaction at a time change webhooks: together they say which
// moves of messages are written down.
func (tx conn) lockWebhooks(ctx context.Context) error {
	if !tx.s.Postgres() {
		return nil
	}
	return sqldb.Drain(ctx, tx, "SELECT pg_advisory_xact_lock(hashtextextended('carillon: webhooks', 0))")
}

// watchMessages has the moves of messages written down that somebody wants to know of, by
// triggers: no move can be forgotten, and where nobody wants to know it costs nothing.
func (tx conn) watchMessages(ctx context.Context) error {
	var states []messages.State
	err := sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var text []byte
		var events []webhooks.Event
		if err := scan(&text); err != nil {
			return err
		}
		if err := json.Unmarshal(text, &events); err != nil {
			return fmt.Errorf("read the events of a webhook: %w", err)
		}
		for _, state := range messages.States() {
			if e := webhooks.MessageEvent(state); e != "" && slices.Contains(events, e) && !slices.Contains(states, state) {
				states = append(states, state)
			}
		}
		return nil
	}, "SELECT events FROM webhooks WHERE state <> 'off'")
	if err != nil {
		return err
	}
	slices.Sort(states)
	var watched string
	wanted := numbers(states) + watchedAs
	if err := tx.Row(ctx, "SELECT watched FROM outbox_state"+tx.d.ForUpdate).Scan(&watched); err != nil || watched == wanted {
		return err
	}
	for _, statement := range tx.d.watch(states) {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, "UPDATE outbox_state SET watched = ?", wanted)
	return err
}

// watchedAs is how the triggers are made: those that were made otherwise are made anew when
// somebody changes a webhook.
const watchedAs = " passing"

// passed is true where a message that was read came to be delivered by the very same report:
// that is told before.
var passed = "NEW.state " + is(messages.Read) + " AND OLD.state " + isNot(messages.Delivered) + " AND OLD.delivered_at IS NULL AND NEW.delivered_at IS NOT NULL"

// sqliteWatch writes a row for each message: SQLite knows no triggers of statements.
func sqliteWatch(states []messages.State) []string {
	list := []string{"DROP TRIGGER IF EXISTS outbox_moved", "DROP TRIGGER IF EXISTS outbox_made"}
	if len(states) == 0 {
		return list
	}
	const keep = `INSERT INTO outbox (at, state, run_id, channel_id, ids)
		SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER), %s, NEW.run_id, NEW.channel_id, NEW.id`
	own, moved := fmt.Sprintf(keep, "NEW.state"), "NEW.state <> OLD.state AND NEW.state "+is(states...)
	when, do := moved, own
	if slices.Contains(states, messages.Delivered) {
		when = "(" + moved + ") OR (" + passed + ")"
		do = fmt.Sprintf(keep, number(messages.Delivered)) + " WHERE " + passed + "; " + own + " WHERE " + moved
	}
	return append(list,
		"CREATE TRIGGER outbox_moved AFTER UPDATE OF state ON messages WHEN "+when+" BEGIN "+do+"; END",
		"CREATE TRIGGER outbox_made AFTER INSERT ON messages WHEN NEW.state "+is(states...)+" BEGIN "+own+"; END")
}

// postgresWatch writes a row for the messages of a statement that are alike. The triggers
// stay where they are: to make or drop one waits for whoever reads messages, and lets
// nobody write meanwhile.
func postgresWatch(states []messages.State) (list []string) {
	enable := "DISABLE"
	if len(states) > 0 {
		enable = "ENABLE"
		const function = `CREATE OR REPLACE FUNCTION %[1]s() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO outbox (at, state, run_id, channel_id, ids)
			SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT), t.state, n.run_id, n.channel_id, string_agg(n.id::text, ',' ORDER BY n.id)
			FROM moved n %[2]s WHERE t.state %[3]s GROUP BY t.state, n.run_id, n.channel_id ORDER BY t.state; RETURN NULL; END $$`
		passing := strings.NewReplacer("NEW.", "n.", "OLD.", "o.").Replace(passed)
		list = append(list,
			fmt.Sprintf(function, "outbox_moved", "JOIN was o ON o.id = n.id AND o.state <> n.state CROSS JOIN LATERAL (SELECT CAST(n.state AS BIGINT) AS state "+
				"UNION ALL SELECT CAST("+number(messages.Delivered)+" AS BIGINT) WHERE "+passing+") t", is(states...)),
			fmt.Sprintf(function, "outbox_made", "CROSS JOIN LATERAL (SELECT n.state AS state) t", is(states...)))
	}
	return append(list, "ALTER TABLE messages "+enable+" TRIGGER outbox_moved", "ALTER TABLE messages "+enable+" TRIGGER outbox_made")
}

// happening is something else than a move of messages.
type happening struct {
	event                            webhooks.Event
	accountID, channelID, campaignID int64
	data                             any
}

// occur writes something down for those who want to know, if there are any. What happens
// to campaigns, runs, channels, uploads and templates is written by triggers.
func (tx conn) occur(ctx context.Context, h happening) error {
	return tx.occurAll(ctx, h.accountID, h.event, func() []happening { return []happening{h} })
}

// occurAll writes down what happened to several, which is only made where somebody wants to
// know.
func (tx conn) occurAll(ctx context.Context, accountID int64, event webhooks.Event, all func() []happening) error {
	if wanted, err := tx.wanted(ctx, accountID, event); err != nil || !wanted {
		return err
	}
	var rows [][]any
	for _, h := range all() {
		rows = append(rows, []any{sqldb.Millis(tx.s.clock.Now()), string(event), accountID, h.channelID, h.campaignID, mustJSON(h.data)})
	}
	return tx.insertValues(ctx, "outbox (at, event, account_id, channel_id, campaign_id, body)", rows, "bigint", "text", "bigint", "bigint", "bigint", "text")
}

// wanted reports whether somebody wants to know of an event.
func (tx conn) wanted(ctx context.Context, accountID int64, event webhooks.Event) (wanted bool, err error) {
	err = tx.Row(ctx, "SELECT EXISTS (SELECT 1 FROM webhooks WHERE account_id = ? AND state <> 'off' AND events LIKE ?)", accountID, eventPattern(event)).
		Scan(&wanted)
	return wanted, err
}

// eventPattern is the pattern of lists of events that name one.
func eventPattern(event webhooks.Event) string { return `%"` + string(event) + `"%` }

// sequencedAtOnce bounds what one pass puts in order.
const sequencedAtOnce = 5000

// SequenceOutbox puts what was committed behind what was put in order before. Whoever
// waits for a lock that another holds writes after it has committed: so of two rows of one
// message the later has the higher id, and is never visible without the other. SQLite has
// one writer: its rows are in order as they are written.
func (s *Store) SequenceOutbox(ctx context.Context) (some bool, err error) {
	if !s.Postgres() {
		return false, nil
	}
	ids, err := s.ids(ctx, "SELECT id FROM outbox WHERE seq IS NULL ORDER BY id LIMIT 1")
	if err != nil || len(ids) == 0 {
		return false, err
	}
	err = s.inTxAsync(ctx, func(tx conn) error {
		var last int64
		if err := tx.Row(ctx, "SELECT last_seq FROM outbox_state"+tx.d.ForUpdate).Scan(&last); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `UPDATE outbox SET seq = o.seq FROM (SELECT id, CAST(? AS BIGINT) + ROW_NUMBER() OVER (ORDER BY id) AS seq
			FROM (SELECT id FROM outbox WHERE seq IS NULL ORDER BY id LIMIT ?) n) o WHERE outbox.id = o.id`, last, sequencedAtOnce)
		if err != nil || n == 0 {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE outbox_state SET last_seq = ?", last+n)
		return err
	})
	return err == nil, err
}

// skipOutbox has a webhook told only of what happens from now on.
func (tx conn) skipOutbox(ctx context.Context, webhookID int64) error {
	if err := sqldb.Drain(ctx, tx, "SELECT watched FROM outbox_state"+tx.d.ForUpdate); err != nil {
		return err
	}
	// What is committed and not in order yet was before this, too.
	_, err := tx.Exec(ctx, "UPDATE webhooks SET cursor_seq = "+tx.d.lastTold+" + (SELECT COUNT(*) FROM outbox WHERE seq IS NULL) WHERE id = ?", webhookID)
	return err
}

// Bounds of making deliveries.
const (
	// preparedAhead is how many requests wait for a webhook at most before more are made.
	preparedAhead = 100
	// toldAtOnce is how many events one pass looks at, up to a commit more.
	toldAtOnce = 1000
	// pageEnds divides the places at which a pass ends, too, so that webhooks which have come
	// apart come together again and share what they are told.
	pageEnds = 1000
)

// told is a row of the outbox.
type told struct {
	seq                             int64
	at                              time.Time
	state                           messages.State
	event                           webhooks.Event
	account, run, channel, campaign int64
	ids                             string
	body                            []byte
}

// PrepareDeliveries makes requests of what happened and a webhook wants to know, says how
// long ago the first of it did, and reports whether there may be more. Requests are kept
// before they are made, so that a try after a crash is the same request. What is read and
// written out holds up no writer.
func (s *Store) PrepareDeliveries(ctx context.Context, webhookID int64) (more bool, behind time.Duration, err error) {
	c := s.reader()
	var cursor int64
	var waiting int
	err = c.Row(ctx, "SELECT cursor_seq, (SELECT COUNT(*) FROM webhook_deliveries WHERE webhook_id = ? AND state = 'pending') FROM webhooks WHERE id = ?",
		webhookID, webhookID).Scan(&cursor, &waiting)
	if errors.Is(err, sql.ErrNoRows) || err == nil && waiting >= preparedAhead {
		return false, 0, nil
	}
	if err != nil {
		return false, 0, s.translate(err)
	}
	w, err := s.scanWebhook(c.Row(ctx, selectWebhook+" WHERE id = ?", webhookID).Scan)
	if err != nil {
		return false, 0, s.translate(err)
	}
	page, err := s.outboxPage(ctx, cursor)
	if err != nil || page.last == 0 {
		return false, 0, s.translate(err)
	}
	now := s.clock.Now()
	if w.Format == webhooks.Log {
		more, err := s.writeLog(ctx, w, cursor, page)
		return more, now.Sub(page.all[0].Timestamp), err
	}
	requests, err := page.requests(w)
	if err != nil {
		return false, 0, err
	}
	if !page.full && requests.events > 0 && requests.events < w.Batch.Most && w.Batch.Within > 0 && now.Sub(requests.first) < w.Batch.Within {
		return false, 0, nil // more may come into the page
	}
	bodies, err := c.missingBodies(ctx, requests, sqldb.Millis(now))
	if err != nil {
		return false, 0, s.translate(err)
	}
	err = s.inTxAsync(ctx, func(tx conn) error {
		// Whoever reads the same behind a leader that was taken for dead makes nothing.
		n, err := tx.Exec(ctx, "UPDATE webhooks SET cursor_seq = ? WHERE id = ? AND cursor_seq = ? AND state = 'on'", page.last, webhookID, cursor)
		if more = n > 0; err != nil || n == 0 || len(requests.bodies) == 0 {
			return err
		}
		if len(bodies) > 0 {
			if _, err := tx.Exec(ctx, "INSERT INTO webhook_bodies (id, at, body) SELECT "+tx.d.statements.columns("text", "bigint", "text")+" FROM "+
				tx.d.statements.rows+" WHERE TRUE ORDER BY 1 ON CONFLICT (id) DO NOTHING", mustJSON(bodies)); err != nil {
				return err
			}
		}
		return tx.insertValues(ctx, "webhook_deliveries (webhook_id, key, events, body, shared, next_try_at, created_at)",
			requests.rows(webhookID, cursor, sqldb.Millis(now)), "bigint", "text", "bigint", "text", "text", "bigint", "bigint")
	})
	return more, now.Sub(page.all[0].Timestamp), err
}

// rows are the requests for a webhook that has come to a place of the outbox.
func (r *outboxRequests) rows(webhookID, cursor int64, now any) [][]any {
	rows := make([][]any, len(r.bodies))
	for i, body := range r.bodies {
		own, shared := body.text, any(nil)
		if body.id != "" {
			own, shared = "", body.id
		}
		rows[i] = []any{webhookID, fmt.Sprintf("msg_%d_%d_%d", webhookID, cursor, i), body.events, own, shared, now, now}
	}
	return rows
}

// missingBodies are the shared bodies of requests that are not kept yet, as rows.
func (tx conn) missingBodies(ctx context.Context, r *outboxRequests, now any) (rows [][]any, err error) {
	var ids []string
	for _, body := range r.bodies {
		if body.id != "" {
			ids = append(ids, body.id)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	kept, err := sqldb.Column[string](ctx, tx, "SELECT id FROM webhook_bodies WHERE id "+tx.d.InTexts, tx.d.TextList(ids))
	for _, body := range r.bodies {
		if body.id != "" && !slices.Contains(kept, body.id) {
			rows = append(rows, []any{body.id, now, body.text})
		}
	}
	return rows, err
}

// outboxBehind are the next rows of the outbox.
func (tx conn) outboxBehind(ctx context.Context, cursor int64) ([]told, error) {
	return sqldb.Query(ctx, tx, func(scan sqldb.Scan) (t told, err error) {
		var at sqldb.Time
		err = scan(&t.seq, &at, &t.state, &t.event, &t.account, &t.run, &t.channel, &t.campaign, &t.ids, &t.body)
		t.at = at.Time
		return t, err
	}, `SELECT o.seq, o.at, COALESCE(o.state, 0), COALESCE(o.event, ''), CASE WHEN o.state IS NULL THEN o.account_id ELSE COALESCE(h.account_id, 0) END,
			o.run_id, o.channel_id, CASE WHEN o.state IS NULL THEN o.campaign_id ELSE COALESCE(r.campaign_id, 0) END, COALESCE(o.ids, ''), COALESCE(o.body, '')
		FROM outbox o LEFT JOIN channels h ON o.state IS NOT NULL AND h.id = o.channel_id LEFT JOIN runs r ON o.state IS NOT NULL AND o.run_id > 0 AND r.id = o.run_id
		WHERE o.seq > ? ORDER BY o.seq LIMIT ?`, cursor, toldAtOnce)
}

// outboxPage is what lies behind a place of the outbox. Webhooks at the same place share it.
type outboxPage struct {
	read time.Time
	// last is the seq of its last row; 0 if it is empty.
	last int64
	// full says that more may lie behind it.
	full bool
	all  []occurred

	mu sync.Mutex
	// made are the requests of it, for webhooks that want the same in the same way.
	made map[string]*outboxRequests
}

// outboxRequests are the requests that a page comes to for a webhook.
type outboxRequests struct {
	bodies []outboxBody
	events int
	first  time.Time
}

// outboxBody is a body and how many events it tells. Without an id it is too short to be
// shared.
type outboxBody struct {
	id, text string
	events   int
}

// sharedFrom is how long a body is that webhooks share, in bytes: to keep one costs as much
// as a short one in each delivery.
const sharedFrom = 1024

// requests are those of a page for a webhook, made once for all that want the same.
func (p *outboxPage) requests(w webhooks.Webhook) (*outboxRequests, error) {
	key := mustJSON([]any{w.AccountID, w.Events, w.Channels, w.Campaigns, w.Batch.Most})
	p.mu.Lock()
	defer p.mu.Unlock()
	if made, known := p.made[key]; known {
		return made, nil
	}
	list := p.wantedBy(w)
	bodies, counts, err := w.Batch.Requests(list)
	if err != nil {
		return nil, err
	}
	made := &outboxRequests{events: len(list)}
	if len(list) > 0 {
		made.first = list[0].Timestamp
	}
	for i, text := range bodies {
		body := outboxBody{text: text, events: counts[i]}
		if len(text) >= sharedFrom {
			sum := sha256.Sum256([]byte(text))
			body.id = hex.EncodeToString(sum[:16])
		}
		made.bodies = append(made.bodies, body)
	}
	p.made[key] = made
	return made, nil
}

// occurred is an occurrence and whose it is.
type occurred struct {
	account, channel, campaign int64
	webhooks.Occurrence
}

// For how long a page is shared. One that is not full is soon read anew, with what has come
// meanwhile; one that is will never change, and webhooks that are told at their own pace
// come to it one after the other. A page takes about a megabyte.
const (
	pageKept     = 200 * time.Millisecond
	fullPageKept = 10 * time.Second
	mostPages    = 32
)

// outboxPages are the pages that were read just now, by the place before them.
type outboxPages struct {
	mu sync.Mutex
	by map[int64]*outboxPage
}

// forget drops the pages that are old, and the oldest if they are too many.
func (p *outboxPages) forget(now time.Time) {
	maps.DeleteFunc(p.by, func(_ int64, page *outboxPage) bool {
		return now.Sub(page.read) > fullPageKept || !page.full && now.Sub(page.read) > pageKept
	})
	for len(p.by) >= mostPages {
		oldest := slices.MinFunc(slices.Collect(maps.Keys(p.by)), func(a, b int64) int { return p.by[a].read.Compare(p.by[b].read) })
		delete(p.by, oldest)
	}
}

func (s *Store) outboxPage(ctx context.Context, cursor int64) (*outboxPage, error) {
	pages := &s.outboxPages
	pages.mu.Lock() // who wants the same waits for it
	defer pages.mu.Unlock()
	now := clock.System{}.Now()
	pages.forget(now)
	if page, known := pages.by[cursor]; known {
		return page, nil
	}
	c := s.reader()
	list, err := c.outboxBehind(ctx, cursor)
	if err != nil || len(list) == 0 {
		return &outboxPage{}, err
	}
	full := false
	for i, n := 0, 0; i < len(list); i++ { // a row is one, or a commit's messages
		if n += 1 + strings.Count(list[i].ids, ","); n >= toldAtOnce || list[i].seq%pageEnds == 0 {
			list, full = list[:i+1], true
		}
	}
	page := &outboxPage{read: now, full: full, last: list[len(list)-1].seq, made: map[string]*outboxRequests{}}
	if page.all, err = c.occurrences(ctx, list); err != nil {
		return page, err
	}
	if pages.by == nil {
		pages.by = map[int64]*outboxPage{}
	}
	pages.by[cursor] = page
	return page, nil
}

// wantedBy is what of a page a webhook wants to know, in its order.
func (p *outboxPage) wantedBy(w webhooks.Webhook) (list []webhooks.Occurrence) {
	for _, o := range p.all {
		if o.account == w.AccountID && w.Wants(o.Type, o.channel, o.campaign) {
			list = append(list, o.Occurrence)
		}
	}
	return list
}

// occurrences are what happened by rows of the outbox, in their order.
func (tx conn) occurrences(ctx context.Context, list []told) (all []occurred, err error) {
	var ids []int64
	for _, t := range list {
		ids = append(ids, splitIDs(t.ids)...)
	}
	known, err := tx.toldMessages(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, t := range list {
		o := occurred{account: t.account, channel: t.channel, campaign: t.campaign, Occurrence: webhooks.Occurrence{
			ID: fmt.Sprintf("evt_%d", t.seq), Type: t.event, Timestamp: t.at, Data: t.body,
		}}
		if t.ids == "" {
			all = append(all, o)
			continue
		}
		o.Type = webhooks.MessageEvent(t.state)
		for _, id := range splitIDs(t.ids) {
			m := known[id]
			m.message.ID, m.message.ChannelID, m.message.RunID, m.message.CampaignID = id, t.channel, t.run, t.campaign
			if m.state != t.state { // it has moved on: that is of where it is now
				m.message.Reason = ""
			}
			o.ID, o.Data = fmt.Sprintf("evt_%d_%d", t.seq, id), []byte(mustJSON(m.message))
			all = append(all, o)
		}
	}
	return all, nil
}

func splitIDs(text string) (ids []int64) {
	for part := range strings.SplitSeq(text, ",") {
		if id, err := strconv.ParseInt(part, 10, 64); err == nil { // always, but of no ids
			ids = append(ids, id)
		}
	}
	return ids
}

// toldMessage is what is told of a message beside whose it is.
type toldMessage struct {
	state   messages.State
	message webhooks.Message
}

func (tx conn) toldMessages(ctx context.Context, ids []int64) (map[int64]toldMessage, error) {
	known := make(map[int64]toldMessage, len(ids))
	if len(ids) == 0 {
		return known, nil
	}
	which := tx.d.among("id", ids)
	return known, sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var id int64
		var m toldMessage
		err := scan(&id, &m.state, &m.message.ContactID, &m.message.Attempt, &m.message.ProviderID, &m.message.Reason)
		known[id] = m
		return err
	}, "SELECT id, state, contact_id, attempt, COALESCE(provider_id, ''), COALESCE(reason, '') FROM messages WHERE "+which.sql,
		which.args...)
}
