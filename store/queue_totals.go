package store

import (
	"cmp"
	"context"
	"slices"

	"carillon/messages"
	"carillon/store/sqldb"
)

// QueueTotals says what waits on each channel, and what is in doubt.
func (s *Store) QueueTotals(ctx context.Context, f messages.QueueFilter) ([]messages.QueueTotals, error) {
	by, err := s.waiting(ctx, f)
	if err != nil {
		return nil, err
	}
	doubts, err := s.InDoubt(ctx, f)
	if err != nil {
		return nil, err
	}
	for id, n := range doubts {
		by.of(id).InDoubt = n
	}
	totals := make([]messages.QueueTotals, 0, len(by))
	for _, t := range by {
		totals = append(totals, *t)
	}
	slices.SortFunc(totals, func(a, b messages.QueueTotals) int { return cmp.Compare(a.ChannelID, b.ChannelID) })
	return totals, nil
}

// totals are what waits, by channel.
type totals map[int64]*messages.QueueTotals

func (t totals) of(channelID int64) *messages.QueueTotals {
	if t[channelID] == nil {
		t[channelID] = &messages.QueueTotals{ChannelID: channelID}
	}
	return t[channelID]
}

// waiting says what waits on each channel. It costs by the runs that are not finished, and
// never by how many messages wait: those are counted as they move, and of each run the
// first in line is looked up in the index that it is fed by.
func (s *Store) waiting(ctx context.Context, f messages.QueueFilter) (totals, error) {
	by := totals{}
	where, args := queueWhere(f)
	err := sqldb.Each(ctx, s.reader(), func(scan sqldb.Scan) error {
		var channelID int64
		var single bool
		var w messages.Waiting
		var first, oldest sqldb.Time
		if err := scan(&channelID, &single, &w.Pending, &w.Queued, &w.Sending, &first, &oldest); err != nil {
			return err
		}
		w.Oldest = first.Ptr()
		w.Add(messages.Waiting{Oldest: oldest.Ptr()})
		t := by.of(channelID)
		t.Whole.Add(w)
		if single {
			t.Transactional.Add(w)
		} else {
			t.Bulk.Add(w)
		}
		return nil
	}, `SELECT g.channel_id, g.run_id = 0, g.pending, g.queued, g.sending, (SELECT m.created_at FROM messages m WHERE m.id = g.first),
			CASE WHEN g.queued > 0 THEN (SELECT MIN(m.created_at) FROM messages m WHERE m.channel_id = g.channel_id AND m.run_id = g.run_id
				AND m.`+phaseInFlight+" AND m.state "+is(messages.Queued)+`) END
		FROM (SELECT w.channel_id, w.run_id, w.pending, w.queued, w.sending, CASE WHEN w.pending > 0 THEN (SELECT m.id FROM messages m `+s.d.pendingIndex+`
				WHERE m.channel_id = w.channel_id AND m.run_id = w.run_id AND m.`+phasePending+` ORDER BY m.due_at, m.id LIMIT 1) END AS first
			FROM (SELECT c.channel_id, c.run_id, CAST(SUM(c.pending) AS BIGINT) AS pending, CAST(SUM(c.queued) AS BIGINT) AS queued,
					CAST(SUM(c.sending) AS BIGINT) AS sending
				FROM `+unfinished+` r JOIN run_counts c ON c.run_id = r.id JOIN channels h ON h.id = c.channel_id
				WHERE `+where+` GROUP BY c.channel_id, c.run_id HAVING SUM(c.pending + c.queued + c.sending) > 0) w) g`, args...)
	return by, s.translate(err)
}

// unfinished are the runs that have messages which wait: those that are not finished, and
// that of the single messages.
const unfinished = "(SELECT 0 AS id, 0 AS campaign_id UNION ALL SELECT id, campaign_id FROM runs WHERE finished_at IS NULL)"

// InDoubt is how many messages of a filter are in doubt, by channel: the counters tell,
// without a look at a message.
func (s *Store) InDoubt(ctx context.Context, f messages.QueueFilter) (map[int64]int64, error) {
	by := map[int64]int64{}
	where, args := queueWhere(f)
	err := sqldb.Each(ctx, s.reader(), func(scan sqldb.Scan) error {
		var channelID, n int64
		err := scan(&channelID, &n)
		by[channelID] = n
		return err
	}, `SELECT c.channel_id, CAST(SUM(c.unknown) AS BIGINT) FROM run_counts c JOIN channels h ON h.id = c.channel_id LEFT JOIN runs r ON r.id = c.run_id
		WHERE c.unknown <> 0 AND `+where+" GROUP BY c.channel_id HAVING SUM(c.unknown) > 0", args...)
	return by, s.translate(err)
}
