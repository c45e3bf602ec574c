package store

import (
	"context"
	"slices"

	"carillon/store/sqldb"
	"carillon/tracking"
)

// engaged is told, in the transaction that writes them, of which messages a person has done
// something for the first time: if those are of flows, it may be a goal there. A click that
// turns out to be a machine's within seconds was told of all the same.
func (tx conn) engaged(ctx context.Context, messageIDs []int64) error {
	_, err := tx.Exec(ctx, "UPDATE flow_sessions SET wake_at = ? WHERE ended_at IS NULL AND contact_id "+
		tx.d.InQuery("SELECT m.contact_id FROM messages m WHERE m.step > 0 AND m.id "+tx.d.InIDs), sqldb.Millis(tx.s.clock.Now()), tx.d.IDList(messageIDs))
	return err
}

// Numbers in engagement_counts that are no link's.
const (
	everyOpen  = -1
	everyClick = -2
)

// KeepLinks keeps the addresses of the links of a run, those of its content and those of its
// data feed, unless it has some: whoever renders first says which there are, and everybody
// goes by these. It returns what is kept.
func (s *Store) KeepLinks(ctx context.Context, runID int64, own, feed []string) (kept []string, err error) {
	addresses := slices.Concat(own, feed)
	if kept, err = s.RunLinks(ctx, runID); err != nil || len(kept) > 0 || len(addresses) == 0 {
		return kept, err
	}
	err = s.inTx(ctx, func(tx conn) error {
		if err := sqldb.Drain(ctx, tx, "SELECT id FROM runs WHERE id = ?"+tx.d.ForUpdate, runID); err != nil {
			return err
		}
		if kept, err = tx.runLinks(ctx, runID); err != nil || len(kept) > 0 {
			return err
		}
		kept = addresses
		rows := make([][4]any, len(addresses))
		for i, address := range addresses {
			rows[i] = [4]any{runID, i + 1, cleanText(address), 0}
			if i >= len(own) {
				rows[i][3] = 1
			}
		}
		_, err := tx.Exec(ctx, tx.d.statements.insertLinks, mustJSON(rows))
		return err
	})
	return kept, err
}

// RunLinks are the addresses of the links of a run in the order of their numbers.
func (s *Store) RunLinks(ctx context.Context, runID int64) ([]string, error) {
	list, err := s.reader().runLinks(ctx, runID)
	return list, s.translate(err)
}

func (tx conn) runLinks(ctx context.Context, runID int64) ([]string, error) {
	return sqldb.Column[string](ctx, tx, "SELECT address FROM run_links WHERE run_id = ? ORDER BY number", runID)
}

// CountLinks is what was done with each link of a run, by variant. A link of its content that
// nobody has followed has a row of variant 0.
func (s *Store) CountLinks(ctx context.Context, runID int64) ([]tracking.LinkCount, error) {
	c := s.reader()
	addresses, err := c.runLinks(ctx, runID)
	if err != nil {
		return nil, s.translate(err)
	}
	list, err := sqldb.Structs(ctx, c, func(l *tracking.LinkCount) []any {
		return []any{&l.Number, &l.Variant, &l.People, &l.Clicks, &l.Machine}
	}, `SELECT number, variant, CAST(SUM(people) AS BIGINT), CAST(SUM(times) AS BIGINT), CAST(SUM(machine) AS BIGINT) FROM engagement_counts
		WHERE run_id = ? AND number >= 0 GROUP BY number, variant`, runID)
	if err != nil {
		return nil, s.translate(err)
	}
	own, err := sqldb.IDs(ctx, c, "SELECT number FROM run_links WHERE run_id = ? AND feed = 0 ORDER BY number", runID)
	if err != nil {
		return nil, s.translate(err)
	}
	experiment, err := c.experimentOf(ctx, runID)
	if err != nil {
		return nil, s.translate(err)
	}
	table, followed := tracking.NewTable(addresses), map[int]bool{}
	for i := range list {
		l := &list[i]
		l.Address, l.VariantName, followed[l.Number] = table.Address(l.Number), experiment.Name(l.Variant), true
	}
	for _, number := range own {
		if !followed[int(number)] {
			list = append(list, tracking.LinkCount{Number: int(number), Address: table.Address(int(number))})
		}
	}
	slices.SortFunc(list, func(a, b tracking.LinkCount) int {
		if a.Number != b.Number {
			return a.Number - b.Number
		}
		return a.Variant - b.Variant
	})
	return list, nil
}

// runEngagement is what was done with the messages of a run.
func (tx conn) runEngagement(ctx context.Context, runID int64) (counts tracking.Counts, err error) {
	return counts, sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var number int
		var people, times, machine int64
		err := scan(&number, &people, &times, &machine)
		if number == everyOpen {
			counts.Opened, counts.Opens, counts.MachineOpens = people, times, machine
		} else {
			counts.Clicked, counts.Clicks, counts.MachineClicks = people, times, machine
		}
		return err
	}, `SELECT number, CAST(SUM(people) AS BIGINT), CAST(SUM(times) AS BIGINT), CAST(SUM(machine) AS BIGINT) FROM engagement_counts
		WHERE run_id = ? AND number < 0 GROUP BY number`, runID)
}

// Engagements are what was done with messages, by their ids; those with which nothing was
// are left out.
func (s *Store) Engagements(ctx context.Context, messageIDs []int64) (map[int64]tracking.Engagement, error) {
	found, err := s.reader().engagements(ctx, messageIDs)
	return found, s.translate(err)
}

func (tx conn) engagements(ctx context.Context, messageIDs []int64) (map[int64]tracking.Engagement, error) {
	found := map[int64]tracking.Engagement{}
	return found, sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var id int64
		e, err := scanEngagement(scan, &id)
		if err == nil && (e.Opens > 0 || e.Clicks > 0 || e.MachineOpens > 0 || e.MachineClicks > 0) {
			found[id] = e
		}
		return err
	}, "SELECT e.message_id, "+engagementColumns+" FROM engagement e WHERE e.message_id "+tx.d.InIDs, tx.d.IDList(messageIDs))
}

// EngagementEvents are the clicks and opens of a message that are kept, with the addresses of
// the links.
func (s *Store) EngagementEvents(ctx context.Context, messageID int64) ([]tracking.Kept, error) {
	c := s.reader()
	found, err := c.engagements(ctx, []int64{messageID})
	if err != nil || len(found) == 0 {
		return nil, s.translate(err)
	}
	addresses, err := sqldb.Column[string](ctx, c,
		"SELECT l.address FROM messages m JOIN run_links l ON l.run_id = m.run_id WHERE m.id = ? ORDER BY l.number", messageID)
	return found[messageID].Kept(tracking.NewTable(addresses)), s.translate(err)
}
