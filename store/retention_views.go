package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"carillon/messages"
	"carillon/retention"
	"carillon/store/sqldb"
)

// Retention is what an account keeps.
func (s *Store) Retention(ctx context.Context, accountID int64) (c retention.Choice, err error) {
	var text string
	err = s.reader().Row(ctx, "SELECT retention FROM account_settings WHERE account_id = ?", accountID).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, s.translate(err)
	}
	return retention.Parse(text)
}

// SetRetention replaces what an account keeps.
func (s *Store) SetRetention(ctx context.Context, accountID int64, c retention.Choice) error {
	return s.translate(s.inTx(ctx, func(tx conn) error {
		_, err := tx.Exec(ctx, `INSERT INTO account_settings (account_id, retention) VALUES (?, ?)
			ON CONFLICT (account_id) DO UPDATE SET retention = excluded.retention`, accountID, c.String())
		return err
	}))
}

// CountRemovable counts what of a kind is an account's, and old: messages by the statistics,
// the others up to most.
func (s *Store) CountRemovable(ctx context.Context, of retention.Removable, most int64) (total int64, err error) {
	c, before := s.reader(), of.Before.UnixMilli()
	if of.Kind == retention.Messages {
		choices, err := s.choices(ctx)
		if err != nil {
			return 0, s.translate(err)
		}
		for _, account := range choices {
			if account.id == of.AccountID {
				before = min(before, s.clock.Now().Add(-account.counts).UnixMilli())
			}
		}
		const sum = "COALESCE((SELECT CAST(SUM(n) AS BIGINT) FROM %s WHERE account_id = ? AND slot < ? AND metric BETWEEN %s AND %s), 0)"
		first, last := number(messages.Sent), number(messages.Canceled)
		slot := before / slotMillis
		err = c.Row(ctx, "SELECT "+fmt.Sprintf(sum, "stats_now", first, last)+" - "+fmt.Sprintf(sum, "stats_removed", first, last),
			of.AccountID, slot, of.AccountID, slot).Scan(&total)
		return total, s.translate(err)
	}
	for _, w := range sweepsOf[of.Kind] {
		var n int64
		if t, timed := timedTables[w.table]; timed {
			err = c.Row(ctx, "SELECT COUNT(*) FROM (SELECT 1 FROM "+w.table+" WHERE "+t.at+" < ? AND "+t.of+" LIMIT ?) p", before, of.AccountID, most).Scan(&n)
		} else {
			only := ""
			if w.table == "engagement" {
				only = " AND b.events <> '[]'"
			}
			err = c.Row(ctx, "SELECT COUNT(*) FROM (SELECT 1 FROM "+w.table+" b JOIN messages m ON m.id = b.message_id JOIN channels h ON h.id = m.channel_id "+
				"JOIN (SELECT CAST(? AS BIGINT) AS before) k ON TRUE WHERE h.account_id = ? AND "+overBefore+only+" LIMIT ?) p", before, of.AccountID, most).Scan(&n)
		}
		if err != nil {
			return 0, s.translate(err)
		}
		total = min(total+n, most)
	}
	return total, nil
}

// partTables are the tables that a part consists of; the rest is other.
var partTables = []struct {
	name   string
	tables []string
	oldest string
}{
	{string(retention.Messages), []string{"messages", "receipts"}, "SELECT created_at FROM messages ORDER BY id LIMIT 1"},
	{string(retention.Contents), []string{"message_contents", "conversation_entries"}, firstIn("message_contents")},
	{string(retention.Attempts), []string{"transitions"}, firstIn("transitions")},
	{string(retention.Clicks), []string{"engagement", "engagement_counts"}, firstIn("engagement")},
	{string(retention.Answers), []string{"flow_answers", "message_answers"}, "SELECT at FROM flow_answers ORDER BY id LIMIT 1"},
	{string(retention.Replies), []string{"replies", "pulls", "heard"}, "SELECT at FROM replies ORDER BY id LIMIT 1"},
	{string(retention.Events), []string{"contact_events"}, "SELECT created_at FROM contact_events ORDER BY id LIMIT 1"},
	{string(retention.Deliveries), []string{"webhook_deliveries", "webhook_bodies", "outbox"}, "SELECT created_at FROM webhook_deliveries ORDER BY id LIMIT 1"},
	{string(retention.Audit), []string{"audit"}, "SELECT at FROM audit ORDER BY id LIMIT 1"},
	{"files", []string{"files", "file_pieces", "media_ids"}, ""},
	{"conversations", []string{"conversations"}, ""},
	{"flows", []string{"flow_sessions", "flow_moves"}, ""},
	{"contacts", []string{"contacts", "addresses", "members", "consents", "suppressions"}, ""},
	{"statistics", []string{"stats", "stats_deltas", "stats_removed", "run_counts", "conversions"}, ""},
}

// firstIn is when the first message was made that has a row in a table.
func firstIn(table string) string {
	return "SELECT m.created_at FROM messages m WHERE m.id = (SELECT MIN(message_id) FROM " + table + ")"
}

// tableSize is a table with its indexes.
type tableSize struct {
	name        string
	bytes, rows int64
}

// Sizes says what takes the room.
func (s *Store) Sizes(ctx context.Context) (sizes retention.Sizes, err error) {
	c := s.reader()
	tables, err := sqldb.Structs(ctx, c, func(t *tableSize) []any { return []any{&t.name, &t.bytes, &t.rows} }, s.d.tableSizes)
	if err != nil {
		return sizes, s.translate(err)
	}
	sizes.Database = s.d.Name
	if err := c.Row(ctx, s.d.size).Scan(&sizes.Bytes); err != nil {
		return sizes, s.translate(err)
	}
	other := retention.Part{Name: "other"}
	parts := make([]retention.Part, len(partTables))
	for _, t := range tables {
		into := &other
		for i, p := range partTables {
			if slices.Contains(p.tables, t.name) {
				into = &parts[i]
			}
		}
		into.Bytes += t.bytes
		into.Rows += t.rows
	}
	for i, p := range partTables {
		parts[i].Name = p.name
		if p.oldest == "" {
			continue
		}
		var at sqldb.Time
		if err := c.Row(ctx, p.oldest).Scan(&at); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return sizes, s.translate(err)
		}
		parts[i].Oldest = at.Time
	}
	sizes.Parts = slices.Concat(parts, []retention.Part{other})
	sizes.Partitions, err = s.partitionSizes(ctx)
	return sizes, s.translate(err)
}

// partitionSizes are the partitions from which ids were given, oldest first.
func (s *Store) partitionSizes(ctx context.Context) (list []retention.Partition, err error) {
	if !s.Postgres() {
		return nil, nil
	}
	found, err := s.reader().partitions(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, p := range found {
		if p.since.IsZero() {
			continue
		}
		of := retention.Partition{Number: p.number}
		if p.number > 0 {
			of.Since = p.since.Time
		}
		names := make([]string, len(partitionedTables))
		for i, t := range partitionedTables {
			names[i] = t.name(p.number)
		}
		if err := s.reader().Row(ctx, "SELECT COALESCE(SUM(pg_total_relation_size(c.oid)), 0)::bigint, COALESCE(SUM(GREATEST(c.reltuples, 0)) "+
			"FILTER (WHERE c.relname = ?), 0)::bigint FROM pg_class c WHERE c.relkind = 'r' AND c.relname "+s.d.InTexts, names[0], s.d.TextList(names)).
			Scan(&of.Bytes, &of.Rows); err != nil {
			return nil, err
		}
		list = append(list, of)
	}
	return list, nil
}
