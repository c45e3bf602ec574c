package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"carillon/store/sqldb"
)

// On PostgreSQL messages, and what belongs to them, lie in partitions of ids (ADR 0034). Ids
// grow with time, so that a partition is a time: the leader makes partitions ahead and moves
// the sequence of ids on to the next one once the last has been in use for a while and is
// worth it. What is old is then dropped as a whole.
const (
	// partitionWidth is how many ids a partition holds: as many as are never planned in the
	// minute until the leader looks again.
	partitionWidth = 100_000_000
	// partitionsAhead are there before anybody needs them.
	partitionsAhead = 2
	// partitionLasts and partitionLeast are for how long, and for how many messages, a
	// partition is in use before the next one is: 10⁹ messages a year make fifty. Whoever
	// sends less has one.
	partitionLasts = 7 * 24 * time.Hour
	partitionLeast = 1_000_000
	// partitionPatience is for how long a change of the partitions waits for who reads the
	// tables, and has others wait behind it, before it is put off for a minute.
	partitionPatience = 500 * time.Millisecond
)

// partitionRules are those numbers; tests have smaller ones.
type partitionRules struct {
	width, least int64
	lasts        time.Duration
}

// partitioned is a table that has partitions, by the ids of messages.
type partitioned struct {
	table, key, with string
}

// partitionedTables are the tables, messages first. The way of a message leaves room in each
// page for its next version.
var partitionedTables = []partitioned{
	{"messages", "id", " WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 1)"},
	{"transitions", "message_id", ""}, {"message_contents", "message_id", ""}, {"message_answers", "message_id", ""},
	{"engagement", "message_id", ""},
}

func (p partitioned) name(number int64) string { return fmt.Sprintf("%s_p%d", p.table, number) }

// among is true where a column of the ids of messages has one of some. On PostgreSQL it says
// besides between which they lie, by which partitions that have none of them are not looked at.
func (d *dialect) among(column string, ids []int64) fragment {
	f := fragment{column + " " + d.InIDs, []any{d.IDList(ids)}}
	if !d.Dollar || len(ids) == 0 {
		return f
	}
	return f.and(column+" BETWEEN ? AND ?", slices.Min(ids), slices.Max(ids))
}

// amongPicked is among for the ids that a query yields: what stands before the statement, and
// its condition. PostgreSQL may run the query of an IN again for each row, which makes nonsense
// of a LIMIT; what is materialized is made once.
func (d *dialect) amongPicked(query fragment) (before, where fragment) {
	if !d.Dollar {
		return fragment{}, fragment{"id IN (" + query.sql + ")", query.args}
	}
	return fragment{"WITH picked AS MATERIALIZED (" + query.sql + ") ", query.args}, fragment{
		sql: "id = ANY(ARRAY(SELECT id FROM picked)) AND id BETWEEN (SELECT MIN(id) FROM picked) AND (SELECT MAX(id) FROM picked)",
	}
}

// partition is one row of message_partitions.
type partition struct {
	number, first, end int64
	since, detached    sqldb.Time
}

func (tx conn) partitions(ctx context.Context, lock string) ([]partition, error) {
	return sqldb.Structs(ctx, tx, func(row *partition) []any {
		return []any{&row.number, &row.first, &row.end, &row.since, &row.detached}
	}, "SELECT number, first_id, end_id, since, detached_at FROM message_partitions ORDER BY number"+lock)
}

// TendPartitions makes partitions of messages ahead, and goes on to the next one in time. On
// SQLite there are none.
func (s *Store) TendPartitions(ctx context.Context) (worked bool, err error) {
	if !s.Postgres() {
		return false, nil
	}
	err = s.inTx(ctx, func(tx conn) error {
		if err := tx.patiently(ctx); err != nil {
			return err
		}
		list, err := tx.partitions(ctx, tx.d.ForUpdate)
		if err != nil {
			return err
		}
		var last int64
		if err := tx.Row(ctx, "SELECT last_value FROM messages_id_seq").Scan(&last); err != nil {
			return err
		}
		now := sqldb.Millis(s.clock.Now())
		// Ids may have run over into the next by themselves.
		if _, err := tx.Exec(ctx, "UPDATE message_partitions SET since = ? WHERE since IS NULL AND first_id <= ?", now, last); err != nil {
			return err
		}
		var current, next partition
		ahead := 0
		for _, p := range list {
			switch {
			case p.first <= last:
				current = p
			case ahead == 0:
				next = p
				fallthrough
			default:
				ahead++
			}
		}
		newest := list[len(list)-1]
		for ; ahead < partitionsAhead; ahead++ {
			newest = partition{number: newest.number + 1, first: newest.end, end: newest.end + s.partitioning.width}
			if err := tx.makePartition(ctx, newest); err != nil {
				return err
			}
		}
		// Near its end the sequence goes over by itself; set then, it might go back.
		if s.clock.Now().Sub(current.since.Time) < s.partitioning.lasts || last-current.first < s.partitioning.least ||
			next.number == 0 || next.first-last < s.partitioning.width/100 {
			return nil
		}
		if _, err := tx.Exec(ctx, "UPDATE message_partitions SET since = ? WHERE number = ?", now, next.number); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "SELECT setval('messages_id_seq', ?, false)", next.first)
		return err
	})
	return false, s.laterIfBusy(ctx, "partitions of messages are tended a minute later, because somebody reads them for long", err)
}

// patiently has the transaction give up where it waits for a table for long.
func (tx conn) patiently(ctx context.Context) error {
	_, err := tx.Exec(ctx, fmt.Sprintf("SET LOCAL lock_timeout = %d", partitionPatience.Milliseconds()))
	return err
}

// laterIfBusy is no error where a table was in use: what is to be done is done later.
func (s *Store) laterIfBusy(ctx context.Context, what string, err error) error {
	if err != nil && s.d.Busy(err) {
		s.log.InfoContext(ctx, what)
		return nil
	}
	return s.translate(err)
}

// makePartition makes the tables of a partition. Nobody waits for it: who writes into other
// partitions goes on.
func (tx conn) makePartition(ctx context.Context, p partition) error {
	for _, t := range partitionedTables {
		name := t.name(p.number)
		statements := []string{fmt.Sprintf("CREATE TABLE %s (LIKE %s INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING INDEXES)%s", name, t.table, t.with)}
		if t.table == "messages" {
			statements = append(statements, fmt.Sprintf("CREATE UNIQUE INDEX %s_recipient ON %s (run_id, contact_id, step) WHERE run_id > 0", name, name))
		}
		statements = append(statements, fmt.Sprintf("ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%d) TO (%d)", t.table, name, p.first, p.end))
		for _, statement := range statements {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
	}
	_, err := tx.Exec(ctx, "INSERT INTO message_partitions (number, first_id, end_id) VALUES (?, ?, ?)", p.number, p.first, p.end)
	return err
}

// RoomForIDs is how many messages can still be made before the leader must have made another
// partition; false where there are none.
func (s *Store) RoomForIDs(ctx context.Context) (room int64, limited bool, err error) {
	if !s.Postgres() {
		return 0, false, nil
	}
	err = s.reader().Row(ctx, "SELECT (SELECT MAX(end_id) FROM message_partitions) - last_value FROM messages_id_seq").Scan(&room)
	return room, true, s.translate(err)
}
