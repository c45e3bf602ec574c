package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"carillon/messages"
	"carillon/retention"
	"carillon/store/sqldb"
)

// What accounts keep for a time is removed by passes of the leader: an hour after one is over
// the next begins. Each transaction looks at a few hundred rows, and rests follow it, so that
// whoever sends does not feel it.
const (
	// retainEvery is how long after a pass the next one begins.
	retainEvery = time.Hour
	// retainedAtOnce is how many rows a transaction looks at.
	retainedAtOnce = 500
	// retainRests is how many times as long as it took a piece is rested after it.
	retainRests = 9
)

// retaining is how far the pass is. Only the leader has one, in memory: who leads next begins
// anew, and finds what is left.
type retaining struct {
	next time.Time
	left []*sweep
}

// sweep removes what of one kind an account does not keep any more, piece by piece.
type sweep struct {
	account int64
	kind    retention.Kind
	before  int64 // milliseconds
	remove  func(*sweep, context.Context, *Store) (done bool, err error)
	table   string
	// id is behind which the next piece begins. Messages are looked through by what they are
	// of, a run or a channel: of is the one at which it is, 0 between two of them, and after the
	// last that is done; contact and step is behind whose message of a run the next piece begins.
	id, of, after, contact, step int64
	finished, kept               bool // the run is over; some of its messages are not
	removed                      int64
}

// sweepsOf are what removes a kind.
var sweepsOf = map[retention.Kind][]sweep{
	retention.Messages: {{remove: (*sweep).runs}, {remove: (*sweep).single}, {remove: (*sweep).times, table: "message_log"}},
	retention.Contents: {
		{remove: (*sweep).belongings, table: "message_contents"}, {remove: (*sweep).belongings, table: "message_metadata"},
		{remove: (*sweep).times, table: "conversation_entries"},
		{remove: (*sweep).times, table: "files"},
	},
	retention.Attempts: {{remove: (*sweep).belongings, table: "transitions"}},
	retention.Clicks:   {{remove: (*sweep).belongings, table: "engagement"}},
	retention.Answers: {
		{remove: (*sweep).belongings, table: "message_answers"}, {remove: (*sweep).times, table: "flow_answers"},
		{remove: (*sweep).times, table: "flow_sessions"},
	},
	retention.Replies:    {{remove: (*sweep).times, table: "replies"}},
	retention.Events:     {{remove: (*sweep).times, table: "contact_events"}},
	retention.Deliveries: {{remove: (*sweep).times, table: "webhook_deliveries"}},
	retention.Audit:      {{remove: (*sweep).retainAudit, table: "audit"}},
}

// Retain removes a piece of what accounts do not keep any more, and rests. It reports whether
// there may be more.
func (s *Store) Retain(ctx context.Context) (more bool, err error) {
	now := s.clock.Now()
	if len(s.retaining.left) == 0 {
		if now.Before(s.retaining.next) {
			return false, nil
		}
		if err := s.beginRetaining(ctx, now); err != nil {
			return false, s.translate(err)
		}
		return true, nil
	}
	w := s.retaining.left[0]
	done, err := w.remove(w, ctx, s)
	if err != nil {
		// The next pass tries again; the other kinds go on.
		s.retaining.left = s.retaining.left[1:]
		return len(s.retaining.left) > 0, s.translate(err)
	}
	if done {
		s.retaining.left = s.retaining.left[1:]
		if w.removed > 0 {
			s.log.InfoContext(ctx, "what an account keeps no longer is removed", "account", w.account, "kind", string(w.kind), "rows", w.removed)
		}
	}
	if len(s.retaining.left) == 0 {
		s.retaining.next = now.Add(retainEvery)
		return false, nil
	}
	return true, s.clock.Sleep(ctx, retainRests*s.clock.Now().Sub(now))
}

// beginRetaining lists what is to be looked through, and drops partitions that nobody keeps.
func (s *Store) beginRetaining(ctx context.Context, now time.Time) error {
	choices, err := s.choices(ctx)
	if err != nil {
		return err
	}
	if err := s.dropPartitions(ctx, choices, now); err != nil {
		return err
	}
	for _, account := range choices {
		for _, r := range retention.Rules() {
			before, removes := account.before(r.Kind, now)
			if !removes {
				continue
			}
			for _, w := range sweepsOf[r.Kind] {
				w.account, w.kind, w.before = account.id, r.Kind, before.UnixMilli()
				s.retaining.left = append(s.retaining.left, &w)
			}
		}
	}
	if len(s.retaining.left) == 0 {
		s.retaining.next = now.Add(retainEvery)
	}
	return nil
}

// choosing is an account with what it keeps.
type choosing struct {
	id     int64
	choice retention.Choice
	// counts is for how long its messages are counted: by frequency caps, and for what
	// campaigns led to.
	counts time.Duration
}

// before is before which instant what is of a kind is removed. Messages that are still counted
// are kept, whatever was chosen.
func (c choosing) before(kind retention.Kind, now time.Time) (before time.Time, removes bool) {
	before, removes = c.choice.Before(kind, now)
	if counted := now.Add(-c.counts); kind == retention.Messages && counted.Before(before) {
		before = counted
	}
	return before, removes
}

func (s *Store) choices(ctx context.Context) ([]choosing, error) {
	return sqldb.Query(ctx, s.reader(), func(scan sqldb.Scan) (c choosing, err error) {
		var text string
		var window, days int64
		if err = scan(&c.id, &text, &window, &days); err == nil {
			c.counts = max(time.Duration(window)*time.Second, time.Duration(days)*24*time.Hour)
			c.choice, err = retention.Parse(text)
		}
		return c, err
	}, `SELECT a.id, COALESCE(s.retention, ''), COALESCE((SELECT MAX(f.window_seconds) FROM frequency_caps f WHERE f.account_id = a.id), 0),
		COALESCE((SELECT MAX(v.within_days) FROM campaign_conversions v WHERE v.account_id = a.id), 0)
		FROM accounts a LEFT JOIN account_settings s ON s.account_id = a.id ORDER BY a.id`)
}

// overBefore is true for a message m that was over, and of which nothing was heard, since an
// instant, which it takes once for each of its times. One in doubt waits for somebody's word,
// and one by which a flow goes on is kept until that is over.
var overBefore = func() string {
	condition := "m.phase IS NULL AND m.state <> " + number(messages.Unknown)
	for _, at := range []string{"created_at", "sent_at", "delivered_at", "read_at", "final_at"} {
		condition += " AND COALESCE(m." + at + ", 0) < k.before"
	}
	return condition + ` AND NOT (m.step > 0 AND EXISTS (SELECT 1 FROM flow_sessions n WHERE n.contact_id = m.contact_id AND n.ended_at IS NULL))`
}()

// removable are those of messages that are an account's, and over.
func (tx conn) removable(ctx context.Context, w *sweep, ids []int64, lock string) ([]int64, error) {
	which := tx.d.among("m.id", ids)
	return sqldb.IDs(ctx, tx, "SELECT m.id FROM messages m JOIN channels h ON h.id = m.channel_id JOIN (SELECT CAST(? AS BIGINT) AS before) k ON TRUE WHERE "+
		which.sql+" AND h.account_id = ? AND "+overBefore+" ORDER BY m.id"+lock, slices.Concat([]any{w.before}, which.args, []any{w.account})...)
}

// runs removes messages of runs. What is over of a run whose every message is gone is
// not looked at again.
func (w *sweep) runs(ctx context.Context, s *Store) (done bool, err error) {
	c := s.reader()
	if w.of == 0 {
		err := c.Row(ctx, "SELECT id, finished_at IS NOT NULL FROM runs WHERE account_id = ? AND id > ? AND swept_at IS NULL AND created_at < ? "+
			"AND (finished_at < ? OR kind = 'step') ORDER BY id LIMIT 1", w.account, w.after, w.before, w.before).Scan(&w.of, &w.finished)
		if errors.Is(err, sql.ErrNoRows) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		w.after, w.contact, w.step, w.kept = w.of, -1, 0, false
	}
	var ids []int64
	if err := sqldb.Each(ctx, c, func(scan sqldb.Scan) error {
		var id int64
		err := scan(&id, &w.contact, &w.step)
		ids = append(ids, id)
		return err
	}, "SELECT id, contact_id, step FROM messages WHERE run_id > 0 AND run_id = ? AND (contact_id, step) > (?, ?) ORDER BY contact_id, step LIMIT ?",
		w.of, w.contact, w.step, retainedAtOnce); err != nil {
		return false, err
	}
	removed, err := s.removeMessages(ctx, w, ids)
	if err != nil {
		return false, err
	}
	w.kept = w.kept || removed < len(ids)
	if len(ids) == retainedAtOnce {
		return false, nil
	}
	if w.finished && !w.kept {
		err = s.inTx(ctx, func(tx conn) error {
			_, err := tx.Exec(ctx, "UPDATE runs SET swept_at = ? WHERE id = ? AND finished_at IS NOT NULL", sqldb.Millis(s.clock.Now()), w.of)
			return err
		})
	}
	w.of = 0
	return false, err
}

// single removes messages that are of no run, channel by channel.
func (w *sweep) single(ctx context.Context, s *Store) (done bool, err error) {
	c := s.reader()
	if w.of == 0 {
		err := c.Row(ctx, "SELECT id FROM channels WHERE account_id = ? AND id > ? ORDER BY id LIMIT 1", w.account, w.after).Scan(&w.of)
		if errors.Is(err, sql.ErrNoRows) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		w.after, w.id = w.of, 0
	}
	var ids []int64
	var created int64
	if err := sqldb.Each(ctx, c, func(scan sqldb.Scan) error {
		err := scan(&w.id, &created)
		ids = append(ids, w.id)
		return err
	}, "SELECT id, created_at FROM messages WHERE run_id = 0 AND channel_id = ? AND id > ? ORDER BY id LIMIT ?", w.of, w.id, retainedAtOnce); err != nil {
		return false, err
	}
	_, err = s.removeMessages(ctx, w, ids)
	if len(ids) < retainedAtOnce || created >= w.before {
		w.of = 0
	}
	return false, err
}

// belongingTables are the tables of what belongs to messages, by their column of the message. What
// people did for a campaign's sake (conversions) stays: it is counted by its rows.
var belongingTables = []string{"transitions", "message_contents", "message_answers", "engagement", "receipts", "series_messages", "masked_messages",
	"message_metadata", "message_senders", "doubts"}

// removeMessages removes those of messages that are over, with all that belongs to them, and
// keeps what they counted as.
func (s *Store) removeMessages(ctx context.Context, w *sweep, ids []int64) (n int, err error) {
	if len(ids) == 0 {
		return 0, nil
	}
	err = s.inTxAsync(ctx, func(tx conn) error {
		gone, err := tx.removable(ctx, w, ids, tx.d.Lock(tx.d.ForUpdate, "m"))
		if n = len(gone); err != nil || n == 0 {
			return err
		}
		which := tx.d.among("m.id", gone)
		counted := countedMessages(" FROM messages m JOIN channels h ON h.id = m.channel_id WHERE " + which.sql)
		if _, err := tx.Exec(ctx, keepRemoved(counted), slices.Concat(which.args, which.args)...); err != nil {
			return err
		}
		which = tx.d.among("message_id", gone)
		for _, table := range belongingTables {
			if _, err := tx.Exec(ctx, "DELETE FROM "+table+" WHERE message_id > 0 AND "+which.sql, which.args...); err != nil {
				return err
			}
		}
		which = tx.d.among("id", gone)
		_, err = tx.Exec(ctx, "DELETE FROM messages WHERE "+which.sql, which.args...)
		return err
	})
	if err == nil {
		w.removed += int64(n)
	}
	return n, err
}

// keepRemoved adds what rows count as that are about to go, which counted yields, to what is
// kept of those that went.
func keepRemoved(counted string) string {
	return `INSERT INTO stats_removed (run_id, channel_id, metric, slot, variant, language, template_id, code, account_id, n)
		SELECT run_id, channel_id, metric, slot, variant, language, template_id, code, account_id, n FROM (` + counted + `) c WHERE TRUE
		ON CONFLICT (run_id, channel_id, metric, slot, variant, language, template_id, code) DO UPDATE SET n = stats_removed.n + excluded.n`
}

// belongings removes what belongs to messages that are over, in the order of these.
func (w *sweep) belongings(ctx context.Context, s *Store) (done bool, err error) {
	only, remove := "", "DELETE FROM "+w.table
	if w.table == "engagement" {
		only, remove = " AND events <> '[]'", "UPDATE engagement SET events = '[]'"
	}
	ids, err := s.ids(ctx, "SELECT message_id FROM "+w.table+" WHERE message_id > ?"+only+" ORDER BY message_id LIMIT ?", w.id, retainedAtOnce)
	if err != nil || len(ids) == 0 {
		return true, err
	}
	w.id = ids[len(ids)-1]
	whole := len(ids) < retainedAtOnce
	ids = slices.Compact(ids)
	err = s.inTxAsync(ctx, func(tx conn) error {
		// What is locked is a message, so that a new try does not begin meanwhile.
		over, err := tx.removable(ctx, w, ids, tx.d.Lock(tx.d.ForUpdate, "m"))
		if err != nil || len(over) == 0 {
			return err
		}
		n, err := tx.Exec(ctx, remove+" WHERE message_id "+tx.d.InIDs, tx.d.IDList(over))
		w.removed += n
		return err
	})
	if err != nil || whole {
		return whole, err
	}
	var created sql.NullInt64
	err = s.reader().Row(ctx, "SELECT MIN(created_at) FROM messages WHERE id "+s.d.InIDs, s.d.IDList(ids)).Scan(&created)
	return created.Valid && created.Int64 >= w.before, err
}

// timed is a table whose rows are removed by a time of their own: when each came into it, and
// which of them are an account's and may go.
type timed struct{ came, at, remove, of string }

var timedTables = map[string]timed{
	"replies":        {came: "at", at: "at", of: "account_id = ?"},
	"contact_events": {came: "created_at", at: "at", of: "account_id = ?"},
	"conversation_entries": {came: "created_at", at: "created_at", of: "account_id = ? AND (text <> '' OR attributes <> '{}')",
		remove: "UPDATE conversation_entries SET text = '', attributes = '{}'"},
	"audit":              {came: "at", at: "at", of: "account_id = ?"},
	"files":              {came: "created_at", at: "taken_at", of: "account_id = ? AND NOT library"},
	"message_log":        {came: "at", at: "at", of: "account_id = ?"},
	"webhook_deliveries": {came: "created_at", at: "created_at", of: "state <> 'pending' AND webhook_id IN (SELECT id FROM webhooks WHERE account_id = ?)"},
	"flow_answers": {came: "at", at: "at", of: "campaign_id IN (SELECT id FROM campaigns WHERE account_id = ?) " +
		"AND NOT EXISTS (SELECT 1 FROM flow_sessions n WHERE n.id = flow_answers.session_id AND n.ended_at IS NULL)"},
	"flow_sessions": {came: "entered_at", at: "ended_at", of: "account_id = ? AND (answers <> '{}' OR said <> '{}')",
		remove: "UPDATE flow_sessions SET answers = '{}', said = '{}'"},
}

// times removes rows by their times, in the order in which they came.
func (w *sweep) times(ctx context.Context, s *Store) (done bool, err error) {
	t := timedTables[w.table]
	var last, came sql.NullInt64
	if err := s.reader().Row(ctx, fmt.Sprintf("SELECT MAX(id), MIN(%[1]s) FROM (SELECT id, %[1]s FROM %[2]s WHERE id > ? ORDER BY id LIMIT ?) p", t.came, w.table),
		w.id, retainedAtOnce).Scan(&last, &came); err != nil || !last.Valid || came.Int64 >= w.before {
		return true, err
	}
	remove := t.remove
	if remove == "" {
		remove = "DELETE FROM " + w.table
	}
	var n int64
	err = s.inTxAsync(ctx, func(tx conn) error {
		n, err = tx.Exec(ctx, remove+" WHERE id > ? AND id <= ? AND "+t.at+" < ? AND "+t.of, w.id, last.Int64, w.before, w.account)
		return err
	})
	w.id = last.Int64
	w.removed += n
	return false, err
}

// dropPartitions drops the partitions of which no account keeps anything any more.
func (s *Store) dropPartitions(ctx context.Context, choices []choosing, now time.Time) error {
	if !s.Postgres() {
		return nil
	}
	var keeps [][]any
	latest := int64(0)
	for _, account := range choices {
		before := int64(0)
		if at, removes := account.before(retention.Messages, now); removes {
			before = at.UnixMilli()
		}
		latest = max(latest, before)
		keeps = append(keeps, []any{account.id, before})
	}
	list, err := s.reader().partitions(ctx, "")
	if err != nil {
		return err
	}
	for i, p := range list {
		used := i+1 < len(list) && !list[i+1].since.IsZero() // ids are given from the next
		if !used || p.detached.IsZero() && list[i+1].since.UnixMilli() >= latest {
			continue
		}
		if p.detached.IsZero() {
			kept, err := s.partitionKept(ctx, p, keeps)
			if err != nil {
				return err
			}
			if kept {
				continue
			}
			err = s.detachPartition(ctx, p)
			if errors.Is(err, errPartitionLives) {
				continue
			}
			if err != nil {
				return s.laterIfBusy(ctx, "a partition of messages is dropped later, because somebody reads them for long", err)
			}
		}
		if err := s.dropPartition(ctx, p); err != nil {
			return err
		}
		s.log.InfoContext(ctx, "messages that nobody keeps any more are dropped", "partition", p.number, "until", list[i+1].since.Time)
	}
	return nil
}

// partitionKept reports whether somebody keeps one of the messages of a partition.
func (s *Store) partitionKept(ctx context.Context, p partition, keeps [][]any) (kept bool, err error) {
	f := s.d.statements.field
	err = s.reader().Row(ctx, "SELECT EXISTS (SELECT 1 FROM "+partitionedTables[0].name(p.number)+" m JOIN channels h ON h.id = m.channel_id LEFT JOIN (SELECT "+
		f(0, "bigint")+" AS account, "+f(1, "bigint")+" AS before FROM "+s.d.statements.rows+") k ON k.account = h.account_id WHERE ("+overBefore+") IS NOT TRUE)",
		mustJSON(keeps)).Scan(&kept)
	return kept, err
}

// errPartitionLives says that one of a partition's messages is being sent again.
var errPartitionLives = errors.New("a message of the partition is to be sent")

// detachPartition takes a partition out of its tables; nobody writes into it from then on. Since
// it was looked through, somebody may have had one of its messages sent again: while nobody can
// write it is looked at once more, by indexes that are empty.
func (s *Store) detachPartition(ctx context.Context, p partition) error {
	return s.inTx(ctx, func(tx conn) error {
		if err := tx.patiently(ctx); err != nil {
			return err
		}
		for _, t := range partitionedTables {
			if _, err := tx.Exec(ctx, "ALTER TABLE "+t.table+" DETACH PARTITION "+t.name(p.number)); err != nil {
				return err
			}
		}
		name, lives := partitionedTables[0].name(p.number), false
		if err := tx.Row(ctx, "SELECT EXISTS (SELECT 1 FROM "+name+" WHERE "+phasePending+") OR EXISTS (SELECT 1 FROM "+name+" WHERE "+phaseInFlight+")").
			Scan(&lives); err != nil {
			return err
		}
		if lives {
			return errPartitionLives
		}
		_, err := tx.Exec(ctx, "UPDATE message_partitions SET detached_at = ? WHERE number = ?", sqldb.Millis(s.clock.Now()), p.number)
		return err
	})
}

// dropPartition keeps what the messages of a partition counted as, and drops its tables.
func (s *Store) dropPartition(ctx context.Context, p partition) error {
	return s.inTx(ctx, func(tx conn) error {
		if _, err := tx.Exec(ctx, keepRemoved(countedMessages(" FROM "+partitionedTables[0].name(p.number)+
			" m JOIN channels h ON h.id = m.channel_id WHERE TRUE"))); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM receipts WHERE message_id > 0 AND message_id >= ? AND message_id < ?", p.first, p.end); err != nil {
			return err
		}
		for _, t := range partitionedTables {
			if _, err := tx.Exec(ctx, "DROP TABLE "+t.name(p.number)); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, "DELETE FROM message_partitions WHERE number = ?", p.number)
		return err
	})
}
