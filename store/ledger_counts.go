package store

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"carillon/messages"
	"carillon/store/sqldb"
)

// Shards of run_counts. A transaction holds the counter rows that it changed
// until it commits; with a shard of its own, nobody waits for it.
const (
	shardPlanner = iota
	shardFeeder
	shardOperator
	shardReaper
	shardFirstWriter
	writerShards = 28
)

// countColumns are the columns of run_counts in the order of the states.
var countColumns = func() []string {
	columns := make([]string, messages.NumStates)
	for i, state := range messages.States() {
		columns[i] = `"` + state.String() + `"`
	}
	return columns
}()

var (
	upsertCounts = func() string {
		set := make([]string, len(countColumns))
		for i, column := range countColumns {
			set[i] = column + " = run_counts." + column + " + excluded." + column
		}
		return "INSERT INTO run_counts (run_id, channel_id, shard, " + strings.Join(countColumns, ", ") +
			") VALUES (?, ?, ?" + strings.Repeat(", ?", len(countColumns)) +
			") ON CONFLICT (run_id, channel_id, shard) DO UPDATE SET " + strings.Join(set, ", ")
	}()
	sumCounts = func() string {
		sums := make([]string, len(countColumns))
		for i, column := range countColumns {
			sums[i] = "CAST(COALESCE(SUM(c." + column + "), 0) AS BIGINT)"
		}
		return strings.Join(sums, ", ")
	}()
)

// countKey says whose a message is: of a run (0: transactional) and a channel.
type countKey struct{ runID, channelID int64 }

// deltas gathers how a transaction changes the counters, so that each counter
// row is written once.
type deltas map[countKey]*messages.Counts

func (d deltas) add(key countKey, state messages.State, n int64) {
	if n == 0 {
		return
	}
	counts := d[key]
	if counts == nil {
		counts = new(messages.Counts)
		d[key] = counts
	}
	counts[state] += n
}

func (d deltas) move(key countKey, from, to messages.State, n int64) {
	d.add(key, from, -n)
	d.add(key, to, n)
}

// keepCounts writes deltas, always in the same order, so that two transactions
// can't wait for each other.
func (tx conn) keepCounts(ctx context.Context, d deltas, shard int) error {
	keys := make([]countKey, 0, len(d))
	for key := range d {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b countKey) int {
		return cmp.Or(cmp.Compare(a.runID, b.runID), cmp.Compare(a.channelID, b.channelID))
	})
	for _, key := range keys {
		args := make([]any, 0, 3+messages.NumStates)
		args = append(args, key.runID, key.channelID, shard)
		for _, n := range d[key] {
			args = append(args, n)
		}
		if _, err := tx.Exec(ctx, upsertCounts, args...); err != nil {
			return err
		}
	}
	return nil
}

// runCounts are the counters of a run.
func (tx conn) runCounts(ctx context.Context, runID int64) (messages.Counts, error) {
	var counts messages.Counts
	err := tx.Row(ctx, "SELECT "+sumCounts+" FROM run_counts c WHERE c.run_id = ?", runID).Scan(countTargets(&counts)...)
	return counts, err
}

func countTargets(counts *messages.Counts) []any {
	targets := make([]any, len(counts))
	for i := range counts {
		targets[i] = &counts[i]
	}
	return targets
}

// ChannelCounts are the counters of every channel.
func (s *Store) ChannelCounts(ctx context.Context) (map[int64]messages.Counts, error) {
	all := map[int64]messages.Counts{}
	err := sqldb.Each(ctx, s.reader(), func(scan sqldb.Scan) error {
		var channelID int64
		var counts messages.Counts
		if err := scan(append([]any{&channelID}, countTargets(&counts)...)...); err != nil {
			return err
		}
		all[channelID] = counts
		return nil
	}, "SELECT c.channel_id, "+sumCounts+" FROM run_counts c GROUP BY c.channel_id")
	return all, s.translate(err)
}
