package store

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"carillon/internal/loops"
	"carillon/store/sqldb"
	"carillon/tracking"
	"carillon/webhooks"
)

const (
	// engagedLinger is how long clicks and opens are gathered: nobody waits for them to be
	// written, and a commit costs the same for one as for hundreds.
	engagedLinger = 100 * time.Millisecond
	// engagedQueue is how many may wait to be written: two seconds of 5,000 a second.
	engagedQueue = 10_000
	// engagedPatience is how long whoever clicks waits for room among these.
	engagedPatience = 2 * time.Second
	// engagedRows is the most that one transaction writes.
	engagedRows = 1000
)

// EngagementWriter gathers clicks and opens into few transactions. What was taken is lost
// only if the process dies before it is written, at most engagedLinger later where the
// database keeps up.
type EngagementWriter struct {
	store  *Store
	shard  int64
	events chan tracking.Event
	gone   chan struct{}
	lost   atomic.Int64
	// pending are taken and not written yet.
	pending atomic.Int64
	loops   loops.Group
}

// StartEngagementWriter starts the writer of a process, whose counters have the worker's
// shard.
func (s *Store) StartEngagementWriter(workerID int64) *EngagementWriter {
	w := &EngagementWriter{store: s, shard: workerID % writerShards, events: make(chan tracking.Event, engagedQueue), gone: make(chan struct{})}
	w.loops.Go(w.run)
	return w
}

// Stop writes what waits and ends the writer. Events that come later are lost.
func (w *EngagementWriter) Stop() { w.loops.Stop() }

// Pending is how many events are taken and not written yet, Lost how many there was no room
// for because the database has not answered for long.
func (w *EngagementWriter) Pending() int64 { return w.pending.Load() }

// Lost is as Pending says.
func (w *EngagementWriter) Lost() int64 { return w.lost.Load() }

// Engaged takes an event. It waits while too many are to be written, and gives up after two
// seconds: a click leads where it leads, whether it is counted or not.
func (w *EngagementWriter) Engaged(ctx context.Context, e tracking.Event) {
	w.pending.Add(1)
	select {
	case w.events <- e:
		return
	default:
	}
	select {
	case w.events <- e:
		return
	case <-w.gone:
	case <-ctx.Done():
	case <-w.store.clock.After(engagedPatience):
	}
	w.pending.Add(-1)
	if n := w.lost.Add(1); n&(n-1) == 0 {
		w.store.log.Warn("clicks and opens are lost: the database takes none", "lost", n)
	}
}

func (w *EngagementWriter) run(ctx context.Context) {
	defer close(w.gone)
	for {
		select {
		case e := <-w.events:
			w.commit(ctx, w.gather(ctx, []tracking.Event{e}))
		case <-ctx.Done():
			for len(w.events) > 0 {
				w.commit(ctx, w.gather(ctx, nil))
			}
			return
		}
	}
}

// gather adds to a group what comes within the linger time; when the writer ends, what is
// there.
func (w *EngagementWriter) gather(ctx context.Context, group []tracking.Event) []tracking.Event {
	linger := w.store.clock.After(engagedLinger)
	for len(group) < engagedRows {
		select {
		case e := <-w.events:
			group = append(group, e)
			continue
		default:
		}
		select {
		case e := <-w.events:
			group = append(group, e)
		case <-linger:
			return group
		case <-ctx.Done():
			return group
		}
	}
	return group
}

// commit writes a group. It tries until the database takes it; once the writer ends, it
// tries for the last time.
func (w *EngagementWriter) commit(ctx context.Context, group []tracking.Event) {
	defer w.pending.Add(-int64(len(group)))
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
		err := w.store.inTx(bounded, func(tx conn) error { return tx.applyEngagement(bounded, group, w.shard) })
		cancel()
		if err == nil {
			return
		}
		w.store.log.Warn("writing clicks and opens failed", "events", len(group), "again", ctx.Err() == nil, "error", err)
		if w.store.clock.Sleep(ctx, wait) != nil {
			w.lost.Add(int64(len(group)))
			return
		}
	}
}

const engagementColumns = `e.opened_at, e.last_opened_at, e.clicked_at, e.last_clicked_at, e.opens, e.clicks, e.machine_opens, e.machine_clicks,
	e.doubt, e.events`

// scanEngagement scans engagementColumns behind others.
func scanEngagement(scan sqldb.Scan, others ...any) (e tracking.Engagement, err error) {
	var opened, lastOpened, clicked, lastClicked sqldb.Time
	var doubt, events []byte
	others = append(others, &opened, &lastOpened, &clicked, &lastClicked, &e.Opens, &e.Clicks, &e.MachineOpens, &e.MachineClicks, &doubt, &events)
	if err := scan(others...); err != nil {
		return e, err
	}
	e.OpenedAt, e.LastOpenedAt, e.ClickedAt, e.LastClickedAt = opened.Time, lastOpened.Time, clicked.Time, lastClicked.Time
	if err := json.Unmarshal(doubt, &e.Doubt); err != nil {
		return e, err
	}
	return e, json.Unmarshal(events, &e.Events)
}

// engagedMessage is a message with what was done with it, before and now.
type engagedMessage struct {
	runID, variant int64
	sentAt         sqldb.Time
	before, now    tracking.Engagement
	// slot is when the last of it was done.
	slot int64
}

// at is a counter of the message's run, now.
func (m *engagedMessage) at(number int64) engagedIn {
	return engagedIn{engagementKey{m.runID, m.variant, number}, m.slot}
}

// engagementKey names a counter.
type engagementKey struct{ runID, variant, number int64 }

// engagementDelta is how a counter changes: people, times, machine.
type engagementDelta [3]int64

func (d engagementDelta) plus(other engagementDelta) engagementDelta {
	return engagementDelta{d[0] + other[0], d[1] + other[1], d[2] + other[2]}
}

// applyEngagement writes a group of events: what was done with their messages, and the
// counters. Messages that are gone, and those of erased people, keep nothing.
func (tx conn) applyEngagement(ctx context.Context, group []tracking.Event, shard int64) error {
	found, err := tx.heldEngagement(ctx, group)
	if err != nil {
		return err
	}
	var told []int64
	var firsts []firstOf
	counts, when := map[engagementKey]engagementDelta{}, map[engagedIn]engagementDelta{}
	count := func(at engagedIn, people, times, machine int) {
		d := engagementDelta{int64(people), int64(times), int64(machine)}
		counts[at.engagementKey], when[at] = counts[at.engagementKey].plus(d), when[at].plus(d)
	}
	for _, ev := range group {
		m := found[ev.MessageID]
		if m == nil {
			continue
		}
		m.slot = ev.At.UnixMilli() / slotMillis
		took := m.now.Add(ev, m.sentAt.Time)
		if took.First {
			told = append(told, ev.MessageID)
		}
		if ev.Open && took.First {
			firsts = append(firsts, firstOf{ev.MessageID, 0})
		}
		for _, c := range took.Links {
			if c.Number > 0 && c.People > 0 {
				firsts = append(firsts, firstOf{ev.MessageID, c.Number})
			}
			count(m.at(int64(c.Number)), c.People, c.Clicks, c.Machine)
		}
	}
	rows := make([][]any, 0, len(found))
	for _, id := range slices.Sorted(maps.Keys(found)) {
		m := found[id]
		b, n := &m.before, &m.now
		rows = append(rows, []any{id, sqldb.Millis(n.OpenedAt), sqldb.Millis(n.LastOpenedAt), sqldb.Millis(n.ClickedAt), sqldb.Millis(n.LastClickedAt),
			n.Opens, n.Clicks, n.MachineOpens, n.MachineClicks, mustJSON(n.Doubt), mustJSON(n.Events)})
		count(m.at(everyOpen), some(n.Opens)-some(b.Opens), n.Opens-b.Opens, n.MachineOpens-b.MachineOpens)
		count(m.at(everyClick), some(n.Clicks)-some(b.Clicks), n.Clicks-b.Clicks, n.MachineClicks-b.MachineClicks)
	}
	if len(rows) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, tx.d.statements.updateEngagement, mustJSON(rows)); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, tx.d.statements.addEngagementCounts, mustJSON(countRows(counts, shard))); err != nil {
		return err
	}
	if err := tx.keepEngaged(ctx, when); err != nil {
		return err
	}
	if err := tx.occurEngaged(ctx, firsts); err != nil || len(told) == 0 {
		return err
	}
	return tx.engaged(ctx, told)
}

// firstOf is a person's first opening (0), or first click of a link, of a message.
type firstOf struct {
	message int64
	link    int
}

// occurEngaged writes first openings and clicks down for those who want to know.
func (tx conn) occurEngaged(ctx context.Context, firsts []firstOf) error {
	var wanted bool
	if err := tx.Row(ctx, "SELECT EXISTS (SELECT 1 FROM webhooks WHERE state <> 'off' AND (events LIKE ? OR events LIKE ?))",
		eventPattern(webhooks.MessageOpened), eventPattern(webhooks.MessageClicked)).Scan(&wanted); err != nil || !wanted || len(firsts) == 0 {
		return err
	}
	ids := make([]int64, len(firsts))
	for i, f := range firsts {
		ids[i] = f.message
	}
	known, accounts := map[int64]webhooks.Engagement{}, map[int64]int64{}
	if err := sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var e webhooks.Engagement
		var account int64
		err := scan(&e.MessageID, &e.ContactID, &e.ChannelID, &e.RunID, &e.CampaignID, &account)
		known[e.MessageID], accounts[e.MessageID] = e, account
		return err
	}, `SELECT m.id, m.contact_id, m.channel_id, m.run_id, r.campaign_id, r.account_id FROM messages m JOIN runs r ON r.id = m.run_id
		WHERE m.id `+tx.d.InIDs, tx.d.IDList(ids)); err != nil {
		return err
	}
	type whose struct {
		account int64
		event   webhooks.Event
	}
	of := map[whose][]happening{}
	for _, f := range firsts {
		e := known[f.message]
		key := whose{accounts[f.message], webhooks.MessageOpened}
		if e.Link = f.link; f.link > 0 {
			key.event = webhooks.MessageClicked
		}
		of[key] = append(of[key], happening{channelID: e.ChannelID, campaignID: e.CampaignID, data: e})
	}
	for key, all := range of {
		if err := tx.occurAll(ctx, key.account, key.event, func() []happening { return all }); err != nil {
			return err
		}
	}
	return nil
}

// heldEngagement holds what was done with the messages of events until the transaction ends.
func (tx conn) heldEngagement(ctx context.Context, group []tracking.Event) (map[int64]*engagedMessage, error) {
	ids := make([]int64, len(group))
	for i, ev := range group {
		ids[i] = ev.MessageID
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	which := tx.d.among("id", ids)
	if _, err := tx.Exec(ctx, "INSERT INTO engagement (message_id) SELECT m.id FROM (SELECT id FROM messages WHERE "+which.sql+
		" AND run_id > 0 AND address <> '' ORDER BY id) m WHERE true ON CONFLICT (message_id) DO NOTHING", which.args...); err != nil {
		return nil, err
	}
	found := make(map[int64]*engagedMessage, len(ids))
	which = tx.d.among("e.message_id", ids)
	return found, sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var id int64
		m := &engagedMessage{}
		var err error
		m.before, err = scanEngagement(scan, &id, &m.runID, &m.variant, &m.sentAt)
		m.now = m.before
		m.now.Doubt.Held, m.now.Doubt.Links = slices.Clone(m.before.Doubt.Held), maps.Clone(m.before.Doubt.Links)
		m.now.Events = slices.Clone(m.before.Events)
		found[id] = m
		return err
	}, "SELECT e.message_id, m.run_id, m.variant, m.sent_at, "+engagementColumns+" FROM engagement e JOIN messages m ON m.id = e.message_id WHERE "+
		which.sql+" ORDER BY e.message_id"+tx.d.Lock(tx.d.ForUpdate, "e"), which.args...)
}

// countRows are counters that change as rows, always in the same order.
func countRows(counts map[engagementKey]engagementDelta, shard int64) [][]any {
	rows := make([][]any, 0, len(counts))
	for key, d := range counts {
		if d != (engagementDelta{}) {
			rows = append(rows, []any{key.runID, key.variant, key.number, shard, d[0], d[1], d[2]})
		}
	}
	slices.SortFunc(rows, func(a, b []any) int {
		for i := range 3 {
			if c := a[i].(int64) - b[i].(int64); c != 0 {
				return int(c)
			}
		}
		return 0
	})
	return rows
}

func some(n int) int {
	if n > 0 {
		return 1
	}
	return 0
}
