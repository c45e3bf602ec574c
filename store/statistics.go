package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"carillon/messages"
	"carillon/statistics"
	"carillon/store/sqldb"
)

// slotMillis is statistics.Slot as triggers have it.
const slotMillis = int64(statistics.Slot / time.Millisecond)

// windowsAtOnce is how many windows one query counts: what it yields is in memory.
const windowsAtOnce = 200

// CountStatistics yields counts in the order of their windows. What it yields to may ask the
// store.
func (s *Store) CountStatistics(ctx context.Context, q statistics.Query, yield func(statistics.Count) error) error {
	query, args := s.countQuery(q)
	for first := 0; first < len(q.Windows); first += windowsAtOnce {
		some := q.Windows[first:min(first+windowsAtOnce, len(q.Windows))]
		bounds := make([][3]int64, len(some))
		for i, w := range some {
			bounds[i] = [3]int64{int64(first + i), w.Start.UnixMilli() / slotMillis, w.End.UnixMilli() / slotMillis}
		}
		counts, err := sqldb.Structs(ctx, s.reader(), func(c *statistics.Count) []any {
			return []any{&c.Window, &c.Metric, &c.ChannelID, &c.CampaignID, &c.RunID, &c.Variant, &c.Templated, &c.Language, &c.Code, &c.N}
		}, query, slices.Concat([]any{mustJSON(bounds)}, args)...)
		if err != nil {
			return s.translate(err)
		}
		for _, c := range counts {
			if err := yield(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// countQuery takes the windows as rows of number and slots, and the arguments that it
// returns. Windows come first: of each a part of the index is read; or the runs of a campaign.
func (s *Store) countQuery(q statistics.Query) (query string, args []any) {
	columns := []string{"w.i", "s.metric"}
	add := func(wanted bool, column, none string) {
		if !wanted {
			column = none
		}
		columns = append(columns, column)
	}
	by := q.By
	add(by.Channel, "s.channel_id", "0")
	add(by.Campaign, "CASE WHEN s.run_id > 0 THEN COALESCE(r.campaign_id, 0) ELSE s.campaign_id END", "0")
	add(by.Run, "s.run_id", "0")
	add(by.Variant, "s.variant", "0")
	add(by.Template, "s.template_id", "0")
	add(by.Language, "s.language", "''")
	add(by.Code, "s.code", "''")
	metrics := make([]int64, len(q.Metrics))
	for i, m := range q.Metrics {
		metrics[i] = int64(m)
	}
	from, plain := "w CROSS JOIN stats_now s", ""
	if q.CampaignID != 0 {
		// What is of its runs is less than what is of the windows, which SQLite does not know:
		// a column behind a plus is not looked up.
		plain = "+"
		from = `(SELECT * FROM stats_now WHERE run_id > 0 AND run_id IN (SELECT id FROM runs WHERE campaign_id = ?)
			UNION ALL SELECT * FROM stats_now WHERE run_id = 0 AND campaign_id > 0 AND campaign_id = ?) s CROSS JOIN w`
		args = append(args, q.CampaignID, q.CampaignID)
	}
	query = "WITH w AS (SELECT " + s.d.statements.columnsAs("bigint i", "bigint lo", "bigint hi") + " FROM " + s.d.statements.rows +
		") SELECT " + strings.Join(columns, ", ") + ", CAST(SUM(s.n) AS BIGINT) FROM " + from + " LEFT JOIN runs r ON s.run_id > 0 AND r.id = s.run_id " +
		"WHERE " + plain + "s.account_id = ? AND " + plain + "s.metric " + s.d.InIDs + " AND " + plain + "s.slot >= w.lo AND " + plain + "s.slot < w.hi"
	args = append(args, q.AccountID, s.d.IDList(metrics))
	if q.ChannelID != 0 {
		query, args = query+" AND s.channel_id = ?", append(args, q.ChannelID)
	}
	return query + " GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9 HAVING SUM(s.n) <> 0 ORDER BY 1, 3, 4, 5, 6, 7, 8, 9, 2", args
}

// CountReached counts people by the messages that were sent to them in a window. It reads
// the messages of runs that were under way then, and of no run those of the account.
func (s *Store) CountReached(ctx context.Context, accountID int64, windows []statistics.Window) ([]statistics.Reached, error) {
	counts := make([]statistics.Reached, len(windows))
	for i, w := range windows {
		from, to := w.Start.UnixMilli(), w.End.UnixMilli()
		const sent = " AND m.sent_at >= ? AND m.sent_at < ? AND m.contact_id > 0"
		const engaged = "CASE WHEN m.read_at IS NOT NULL OR e.opened_at IS NOT NULL OR e.clicked_at IS NOT NULL THEN m.contact_id END"
		err := s.reader().Row(ctx, `SELECT COUNT(DISTINCT contact_id), COUNT(DISTINCT active) FROM (
			SELECT m.contact_id, `+engaged+` AS active FROM runs r JOIN messages m ON m.run_id = r.id AND m.run_id > 0
				LEFT JOIN engagement e ON e.message_id = m.id
				WHERE r.account_id = ? AND r.created_at < ? AND (r.finished_at IS NULL OR r.finished_at >= ?)`+sent+`
			UNION ALL
			SELECT m.contact_id, `+engaged+` AS active FROM channels h JOIN messages m ON m.channel_id = h.id AND m.run_id = 0
				LEFT JOIN engagement e ON e.message_id = m.id WHERE h.account_id = ?`+sent+`) p`,
			accountID, to, from, from, to, accountID, from, to).Scan(&counts[i].People, &counts[i].Active)
		if err != nil {
			return nil, s.translate(err)
		}
	}
	return counts, nil
}

// StatisticsZone is the zone of an account's days; empty if it has set none.
func (s *Store) StatisticsZone(ctx context.Context, accountID int64) (string, error) {
	settings, err := s.GetSettings(ctx, accountID)
	return settings.Timezone, err
}

// StatisticsNames are names by ids.
func (s *Store) StatisticsNames(ctx context.Context, accountID int64, of statistics.Subject, ids []int64) (map[int64]string, error) {
	names, err := sqldb.Map[int64, string](ctx, s.reader(), "SELECT id, "+map[statistics.Subject]string{
		statistics.Channels: "name FROM channels", statistics.Kinds: "address_kind FROM channels", statistics.Campaigns: "name FROM campaigns",
		statistics.Notifications: "name FROM templates", statistics.Lists: "name FROM lists",
	}[of]+" WHERE account_id = ? AND id "+s.d.InIDs, accountID, s.d.IDList(ids))
	return names, s.translate(err)
}

// RunTemplates are the names of the templates that runs speak, by run and variant.
func (s *Store) RunTemplates(ctx context.Context, accountID int64, runIDs []int64) (map[int64]map[int64]string, error) {
	all := map[int64]map[int64]string{}
	err := sqldb.Each(ctx, s.reader(), func(scan sqldb.Scan) error {
		var run int64
		var content []byte
		var written keptContent
		if err := scan(&run, &content); err != nil {
			return err
		}
		if err := readParts(run, part{"content", content, &written}); err != nil {
			return err
		}
		names := map[int64]string{}
		if written.Template != nil {
			names[0] = written.Template.Name
		}
		if written.Experiment != nil {
			for i, v := range written.Experiment.Variants {
				switch { // without a content of its own it says what the campaign says
				case v.Content == nil:
					names[int64(i+1)] = names[0]
				case v.Content.Template != nil:
					names[int64(i+1)] = v.Content.Template.Name
				}
			}
		}
		all[run] = names
		return nil
	}, `SELECT r.id, v.content FROM runs r JOIN campaign_versions v ON v.campaign_id = r.campaign_id AND v.version = r.version
		WHERE r.account_id = ? AND r.id `+s.d.InIDs, accountID, s.d.IDList(runIDs))
	return all, s.translate(err)
}

// LinkAddresses are the addresses of a run's links by their numbers.
func (s *Store) LinkAddresses(ctx context.Context, runID int64) (map[string]string, error) {
	addresses, err := sqldb.Map[string, string](ctx, s.reader(), "SELECT CAST(number AS TEXT), address FROM run_links WHERE run_id = ?", runID)
	return addresses, s.translate(err)
}

// statsColumns are those of stats but for n.
const statsColumns = "account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code"

// FoldStatistics adds up some of the changes of counts that transactions have written, and
// reports whether there may be more. SQLite, which has one writer, counts at once.
func (s *Store) FoldStatistics(ctx context.Context) (more bool, err error) {
	if !s.Postgres() {
		return false, nil
	}
	const atOnce = 5000
	err = s.inTxAsync(ctx, func(tx conn) error {
		n, err := tx.Exec(ctx, `WITH gone AS (DELETE FROM stats_deltas WHERE id IN (SELECT id FROM stats_deltas ORDER BY id LIMIT ? FOR UPDATE SKIP LOCKED)
			RETURNING `+statsColumns+`, n)
			INSERT INTO stats (`+statsColumns+`, n) SELECT `+statsColumns+`, SUM(n) FROM gone GROUP BY `+statsColumns+` ORDER BY `+statsColumns+`
			ON CONFLICT (`+statsColumns+`) DO UPDATE SET n = stats.n + excluded.n`, atOnce)
		more = n == atOnce
		return err
	})
	return more, err
}

// statsInto is what begins and ends a statement that counts what a query yields: columns of
// stats and n.
func (tx conn) statsInto() (insert, conflict string) {
	if tx.s.Postgres() {
		return "INSERT INTO stats_deltas (" + statsColumns + ", n) ", ""
	}
	return "INSERT INTO stats (" + statsColumns + ", n) ", " ON CONFLICT (" + statsColumns + ") DO UPDATE SET n = stats.n + excluded.n"
}

// keepPeople counts contacts that were made, or are gone.
func (tx conn) keepPeople(ctx context.Context, accountID int64, what statistics.Metric, n int) error {
	if n == 0 {
		return nil
	}
	insert, conflict := tx.statsInto()
	_, err := tx.Exec(ctx, insert+"VALUES (?, ?, ?, 0, 0, 0, 0, '', 0, '', ?)"+conflict,
		accountID, tx.s.clock.Now().UnixMilli()/slotMillis, int64(what), n)
	return err
}

// keepOfRuns counts what came of runs' messages now, by run; there is no run 0.
func (tx conn) keepOfRuns(ctx context.Context, what statistics.Metric, by map[int64]int64) error {
	insert, conflict := tx.statsInto()
	for _, id := range slices.Sorted(maps.Keys(by)) { // in one order, so that no two transactions wait crosswise
		if _, err := tx.Exec(ctx, insert+`SELECT account_id, CAST(? AS BIGINT), CAST(? AS BIGINT), channel_id, 0, id, 0, '', 0, '', CAST(? AS BIGINT)
			FROM runs WHERE id = ?`+conflict, tx.s.clock.Now().UnixMilli()/slotMillis, int64(what), by[id], id); err != nil {
			return err
		}
	}
	return nil
}

// engagedIn is what was done with messages of a run in a slot.
type engagedIn struct {
	engagementKey
	slot int64
}

// keepEngaged counts clicks and openings when they were made.
func (tx conn) keepEngaged(ctx context.Context, counts map[engagedIn]engagementDelta) error {
	var rows [][]any
	add := func(at engagedIn, metric statistics.Metric, n int64) {
		code := ""
		if at.number > 0 {
			code = strconv.FormatInt(at.number, 10)
		}
		if n != 0 {
			rows = append(rows, []any{at.slot, int64(metric), at.runID, at.variant, code, n})
		}
	}
	for at, d := range counts {
		switch {
		case at.number == everyOpen:
			add(at, statistics.Opened, d[0])
		case at.number == everyClick:
			add(at, statistics.Clicked, d[0])
		default:
			add(at, statistics.LinkPeople, d[0])
			add(at, statistics.LinkClicks, d[1])
			add(at, statistics.LinkMachine, d[2])
		}
	}
	if len(rows) == 0 {
		return nil
	}
	insert, conflict := tx.statsInto()
	_, err := tx.Exec(ctx, insert+`SELECT r.account_id, e.slot, e.metric, r.channel_id, 0, r.id, e.variant, '', 0, e.code, e.n FROM (SELECT `+
		tx.d.statements.columnsAs("bigint slot", "bigint metric", "bigint run_id", "bigint variant", "text code", "bigint n")+" FROM "+tx.d.statements.rows+
		") e JOIN runs r ON r.id = e.run_id WHERE TRUE"+conflict, mustJSON(rows))
	return err
}

// arrivedIn is the metric of a message that has arrived.
var arrivedIn = func() string {
	took := "(m.delivered_at - m.sent_at)"
	text := "CASE"
	for i, within := range statistics.ArrivedWithin {
		text += fmt.Sprintf(" WHEN %s <= %d THEN %d", took, within.Milliseconds(), int64(statistics.ArrivedSoonest)+int64(i))
	}
	return text + fmt.Sprintf(" ELSE %d END", int64(statistics.ArrivedSoonest)+int64(len(statistics.ArrivedWithin)))
}()

// countedMessages are what messages count as, by their rows: the columns of stats, with n. From
// names messages m and their channels h, with the condition of which; its arguments come twice.
func countedMessages(from string) string {
	slot := fmt.Sprintf("COALESCE(m.sent_at, m.final_at, m.created_at) / %d", slotMillis)
	const whose = "m.channel_id, 0 AS campaign_id, m.run_id, m.variant, COALESCE(m.language, '') AS language, COALESCE(m.template_id, 0) AS template_id"
	ended := " AND m.state " + isNot(messages.Pending, messages.Queued, messages.Sending)
	const group = " GROUP BY 1, 2, 3, 4, 6, 7, 8, 9, 10"
	return "SELECT h.account_id, " + slot + " AS slot, CAST(m.state AS BIGINT) AS metric, " + whose + ", CASE WHEN m.state " + is(accepted...) +
		" THEN '' ELSE COALESCE(m.reason, '') END AS code, COUNT(*) AS n" + from + ended + group +
		" UNION ALL SELECT h.account_id, " + slot + ", " + arrivedIn + ", " + whose + ", '', COUNT(*)" + from + ended +
		" AND m.sent_at IS NOT NULL AND m.delivered_at IS NOT NULL" + group
}

// countedRows are what counts of an account's messages and flows ought to be, by the rows, those
// that were removed among them. It takes the account's id five times.
var countedRows = countedMessages(" FROM channels h JOIN messages m ON m.channel_id = h.id WHERE h.account_id = ?") +
	" UNION ALL SELECT account_id, slot, metric, channel_id, 0, run_id, variant, language, template_id, code, n FROM stats_removed WHERE account_id = ?" +
	fmt.Sprintf(` UNION ALL SELECT account_id, entered_at / %[1]d, %[2]d, 0, campaign_id, 0, 0, '', 0, '', COUNT(*) FROM flow_sessions WHERE account_id = ?
		GROUP BY 1, 2, 5 UNION ALL SELECT account_id, ended_at / %[1]d, %[3]d, 0, campaign_id, 0, 0, '', 0, outcome, COUNT(*) FROM flow_sessions
		WHERE account_id = ? AND ended_at IS NOT NULL GROUP BY 1, 2, 5, 10`, slotMillis, int64(statistics.FlowEntered), int64(statistics.FlowEnded))

// comparedMetrics are those of countedRows.
var comparedMetrics = fmt.Sprintf("(metric BETWEEN 3 AND %d OR metric IN (%d, %d))", int64(statistics.ArrivedSoonest)+int64(len(statistics.ArrivedWithin)),
	int64(statistics.FlowEntered), int64(statistics.FlowEnded))

// driftQuery yields the columns of stats, what is counted, and what the rows say, where these
// differ. It is one statement, so that what goes on meanwhile is seen at one moment. It takes
// the account's id six times.
func driftQuery() string {
	return "SELECT " + statsColumns + ", CAST(SUM(counted) AS BIGINT) AS counted, CAST(SUM(n) AS BIGINT) AS n FROM (SELECT " + statsColumns +
		", 0 AS counted, n FROM (" + countedRows + ") c UNION ALL SELECT " + statsColumns + ", n, 0 FROM stats_now WHERE account_id = ? AND " + comparedMetrics +
		") d GROUP BY " + statsColumns + " HAVING SUM(counted) <> SUM(n)"
}

// StatisticsDrift compares counts with rows: those of messages and flows one by one, clicks
// and contacts by their totals.
func (s *Store) StatisticsDrift(ctx context.Context, accountID int64, most int) (list []statistics.Drift, compared int64, err error) {
	c := s.reader()
	id := accountID
	if err := sqldb.Each(ctx, c, func(scan sqldb.Scan) error {
		var d statistics.Drift
		var account, slot, channel, campaign, run, variant, template int64
		var language, code string
		if err := scan(&account, &slot, &d.Metric, &channel, &campaign, &run, &variant, &language, &template, &code, &d.Counted, &d.Rows); err != nil {
			return err
		}
		d.Slot = time.UnixMilli(slot * slotMillis).UTC()
		d.Whose = whoseCount(channel, campaign, run)
		list = append(list, d)
		return nil
	}, driftQuery()+" ORDER BY "+statsColumns+fmt.Sprintf(" LIMIT %d", most), id, id, id, id, id, id); err != nil {
		return nil, 0, s.translate(err)
	}
	totals, err := c.driftOfTotals(ctx, accountID)
	if err != nil {
		return nil, 0, s.translate(err)
	}
	for _, d := range totals {
		list = append(list, d.Drift)
	}
	err = c.Row(ctx, "SELECT COUNT(*) FROM stats_now WHERE account_id = ?", id).Scan(&compared)
	return list[:min(len(list), most)], compared, s.translate(err)
}

func whoseCount(channel, campaign, run int64) string {
	switch {
	case run > 0:
		return fmt.Sprintf("run %d", run)
	case campaign > 0:
		return fmt.Sprintf("flow %d", campaign)
	}
	return fmt.Sprintf("channel %d", channel)
}

// totalDrift is a total that is not what the rows say, and of which run's link, or list.
type totalDrift struct {
	statistics.Drift
	run  int64
	code string
}

// driftOfTotals compares what has no rows by their time: clicks and openings of runs, how
// many contacts there are, and how many are in each list.
func (tx conn) driftOfTotals(ctx context.Context, accountID int64) (list []totalDrift, err error) {
	err = sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var d totalDrift
		err := scan(&d.run, &d.Metric, &d.code, &d.Counted, &d.Rows)
		d.Whose = whoseCount(0, 0, d.run)
		list = append(list, d)
		return err
	}, fmt.Sprintf(`SELECT run_id, metric, code, CAST(SUM(counted) AS BIGINT), CAST(SUM(n) AS BIGINT) FROM (
			SELECT e.run_id, CASE e.number WHEN -1 THEN %[1]d WHEN -2 THEN %[2]d ELSE %[3]d END AS metric,
				CASE WHEN e.number > 0 THEN CAST(e.number AS TEXT) ELSE '' END AS code, 0 AS counted, e.people AS n
				FROM engagement_counts e JOIN runs r ON r.id = e.run_id WHERE r.account_id = ?
			UNION ALL SELECT run_id, metric, code, n, 0 FROM stats_now WHERE account_id = ? AND metric IN (%[1]d, %[2]d, %[3]d)) d
		GROUP BY run_id, metric, code HAVING SUM(counted) <> SUM(n) ORDER BY run_id, metric, code`, int64(statistics.Opened), int64(statistics.Clicked),
		int64(statistics.LinkPeople)), accountID, accountID)
	if err != nil {
		return nil, err
	}
	there := totalDrift{Drift: statistics.Drift{Metric: statistics.ContactCreated, Whose: "contacts"}}
	if err := tx.Row(ctx, `SELECT CAST(COALESCE(SUM(CASE metric WHEN ? THEN n ELSE -n END), 0) AS BIGINT),
			(SELECT COUNT(*) FROM contacts WHERE account_id = ? AND status <> 'deleted') FROM stats_now WHERE account_id = ? AND metric IN (?, ?)`,
		int64(statistics.ContactCreated), accountID, accountID, int64(statistics.ContactCreated), int64(statistics.ContactRemoved)).
		Scan(&there.Counted, &there.Rows); err != nil {
		return nil, err
	}
	if there.Counted != there.Rows {
		list = append(list, there)
	}
	err = sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		d := totalDrift{Drift: statistics.Drift{Metric: statistics.ListJoined}}
		err := scan(&d.code, &d.Counted, &d.Rows)
		d.Whose = "list " + d.code
		list = append(list, d)
		return err
	}, `SELECT code, CAST(SUM(counted) AS BIGINT), CAST(SUM(n) AS BIGINT) FROM (
			SELECT CAST(l.id AS TEXT) AS code, 0 AS counted, COUNT(*) AS n FROM lists l JOIN members m ON m.list_id = l.id
				WHERE l.account_id = ? AND l.kind <> 'upload' GROUP BY l.id
			UNION ALL SELECT code, CASE metric WHEN ? THEN n ELSE -n END, 0 FROM stats_now WHERE account_id = ? AND metric IN (?, ?)) d
		GROUP BY code HAVING SUM(counted) <> SUM(n) ORDER BY code`,
		accountID, int64(statistics.ListJoined), accountID, int64(statistics.ListJoined), int64(statistics.ListLeft))
	return list, err
}

// RepairStatistics makes the counts what the rows say. What happens meanwhile is counted by
// itself: the differences are of one moment, and are added; those of totals count as of now.
func (s *Store) RepairStatistics(ctx context.Context, accountID int64) (n int64, err error) {
	id := accountID
	err = s.inTx(ctx, func(tx conn) error {
		insert, conflict := tx.statsInto()
		n, err = tx.Exec(ctx, insert+"SELECT "+statsColumns+", n - counted FROM ("+driftQuery()+") d WHERE TRUE"+conflict, id, id, id, id, id, id)
		if err != nil {
			return err
		}
		totals, err := tx.driftOfTotals(ctx, accountID)
		for _, d := range totals {
			if err == nil {
				n++
				_, err = tx.Exec(ctx, insert+`SELECT CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT), COALESCE((SELECT channel_id FROM runs WHERE id = ?), 0),
					0, CAST(? AS BIGINT), 0, '', 0, CAST(? AS TEXT), CAST(? AS BIGINT) WHERE TRUE`+conflict, accountID, s.clock.Now().UnixMilli()/slotMillis,
					int64(d.Metric), d.run, d.run, d.code, d.Rows-d.Counted)
			}
		}
		return err
	})
	return n, err
}
