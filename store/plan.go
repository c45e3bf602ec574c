package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"

	"carillon/campaigns"
	"carillon/internal/failpoint"
	"carillon/providers"
	"carillon/targeting"
)

// RunsToPlan are the runs whose audience is not expanded yet, oldest first.
func (s *Store) RunsToPlan(ctx context.Context) ([]int64, error) {
	return s.ids(ctx, "SELECT id FROM runs WHERE finished_at IS NULL AND status = 'planning' ORDER BY id")
}

// planned is a run as the planner needs it.
type planned struct {
	run      campaigns.Run
	channel  providers.Channel
	audience targeting.Audience
	category int64
}

// PlanBatch turns the next n members of the run's audience into messages, in
// one transaction with the cursor and the counters. Whoever is not to be
// written to gets a message too, skipped with its reason. Repeating a batch is
// harmless: the message of a contact is unique in its run.
func (s *Store) PlanBatch(ctx context.Context, runID int64, n int) (campaigns.PlanStep, error) {
	step, err := s.tryPlanBatch(ctx, runID, n, "")
	if s.d.duplicate(err) {
		// Looking for conflicts costs PostgreSQL half as much again as the INSERT,
		// and there are none, because the cursor is written with the messages: only
		// if somebody has set it back is it worth looking.
		step, err = s.tryPlanBatch(ctx, runID, n, " ON CONFLICT (run_id, contact_id, step) WHERE run_id > 0 DO NOTHING")
	}
	if err == nil && !step.Stopped {
		failpoint.Hit(failpoint.AfterPlanBatch)
	}
	return step, s.translate(err)
}

func (s *Store) tryPlanBatch(ctx context.Context, runID int64, n int, onConflict string) (step campaigns.PlanStep, err error) {
	err = s.inTxAsync(ctx, func(tx conn) error {
		step = campaigns.PlanStep{}
		p, err := loadPlanned(ctx, tx, runID)
		if err != nil {
			return err
		}
		if p.run.Status != campaigns.RunPlanning {
			step.Stopped = true
			return nil
		}
		return s.planBatch(ctx, tx, p, n, onConflict, &step)
	})
	return step, err
}

// loadPlanned locks the run: planning, pausing and canceling it wait for each
// other.
func loadPlanned(ctx context.Context, tx conn, runID int64) (planned, error) {
	var p planned
	var audience string
	var instant millis
	err := tx.row(ctx, `SELECT id, account_id, campaign_id, channel_id, status, cursor, planned, instant FROM runs WHERE id = ?`+tx.d.forUpdate, runID).
		Scan(&p.run.ID, &p.run.AccountID, &p.run.CampaignID, &p.run.ChannelID, &p.run.Status, &p.run.Cursor, &p.run.Planned, &instant)
	if err != nil {
		return p, err
	}
	p.run.Instant = instant.Time // relative dates of rules mean it in every batch
	if err := tx.row(ctx, "SELECT audience, category_id FROM campaigns WHERE id = ?", p.run.CampaignID).Scan(&audience, &p.category); err != nil {
		return p, err
	}
	if err := json.Unmarshal([]byte(audience), &p.audience); err != nil {
		return p, err
	}
	p.channel = providers.Channel{ID: p.run.ChannelID, AccountID: p.run.AccountID}
	return p, tx.row(ctx, "SELECT address_kind FROM channels WHERE id = ?", p.run.ChannelID).Scan(&p.channel.Address)
}

func (s *Store) planBatch(ctx context.Context, tx conn, p planned, n int, onConflict string, step *campaigns.PlanStep) error {
	compiled, err := s.compileAudience(ctx, tx, p.channel, p.audience, p.category, p.run.Instant)
	if err != nil {
		return err
	}
	last, found, err := compiled.batch(ctx, tx, p.run.Cursor, n)
	if err != nil {
		return err
	}
	if found > 0 {
		reason, from := compiled.reason(), compiled.from(p.run.Cursor, last)
		now := ms(s.clock.Now())
		insert := `INSERT INTO messages (channel_id, run_id, contact_id, address, created_at, state, reason, final_at)
			SELECT ?, ?, id, address, ?, CASE WHEN why IS NULL THEN 0 ELSE 8 END, why, CASE WHEN why IS NULL THEN NULL ELSE CAST(? AS BIGINT) END
			FROM (SELECT c.id AS id, COALESCE(a.address, '') AS address, ` + reason.sql + ` AS why` + from.sql + ` ORDER BY c.id LIMIT ` + noLimit + `) r
			WHERE true` + onConflict
		args := slices.Concat([]any{p.run.ChannelID, p.run.ID, now, now}, reason.args, from.args)
		if err := s.insertPlanned(ctx, tx, p.run.ID, insert, args, step); err != nil {
			return err
		}
	}
	step.Done = found < n
	p.run.Cursor = last
	status := campaigns.RunPlanning
	if step.Done {
		status = campaigns.RunSending
	}
	if _, err := tx.exec(ctx, "UPDATE runs SET cursor = ?, planned = planned + ?, plan_done = ?, status = ? WHERE id = ?",
		p.run.Cursor, step.Inserted, step.Done, string(status), p.run.ID); err != nil {
		return err
	}
	d := deltas{}
	d.add(p.run.ID, p.run.ChannelID, campaigns.Skipped, step.Skipped)
	d.add(p.run.ID, p.run.ChannelID, campaigns.Pending, step.Inserted-step.Skipped)
	return d.apply(ctx, tx, shardPlanner)
}

// noLimit keeps the databases from dropping the ORDER BY of a subquery.
const noLimit = "1000000000"

// insertPlanned runs the planner's INSERT and counts what it made.
func (s *Store) insertPlanned(ctx context.Context, tx conn, runID int64, insert string, args []any, step *campaigns.PlanStep) error {
	if s.Postgres() {
		return tx.row(ctx, "WITH made AS ("+insert+" RETURNING state) SELECT COUNT(*), COUNT(*) FILTER (WHERE state = 8) FROM made", args...).
			Scan(&step.Inserted, &step.Skipped)
	}
	// SQLite has no INSERT inside WITH; its only writer gives the new rows ids in
	// sequence, so that they are counted by their range.
	var before sql.NullInt64
	if err := tx.row(ctx, "SELECT MAX(id) FROM messages").Scan(&before); err != nil {
		return err
	}
	inserted, err := tx.exec(ctx, insert, args...)
	if err != nil {
		return err
	}
	step.Inserted = inserted
	return tx.row(ctx, "SELECT COUNT(*) FROM messages WHERE id > ? AND run_id = ? AND state = 8", before.Int64, runID).Scan(&step.Skipped)
}

// FinishRuns ends the runs whose every message is in a final state, and with
// them their campaigns. A run whose counters don't add up to what was planned
// is left open and reported: "finished" must mean that everybody is accounted
// for.
func (s *Store) FinishRuns(ctx context.Context) (finished, unbalanced []int64, err error) {
	ids, err := s.ids(ctx, `SELECT r.id FROM runs r LEFT JOIN run_counts c ON c.run_id = r.id
		WHERE r.finished_at IS NULL AND ((r.status = 'sending' AND r.plan_done) OR r.status = 'canceled')
		GROUP BY r.id HAVING COALESCE(SUM(c.pending + c.queued + c.sending), 0) = 0`)
	if err != nil {
		return nil, nil, err
	}
	for _, id := range ids {
		done, balanced, err := s.finishRun(ctx, id)
		switch {
		case err != nil:
			return finished, unbalanced, err
		case !balanced:
			unbalanced = append(unbalanced, id)
		case done:
			finished = append(finished, id)
		}
	}
	return finished, unbalanced, nil
}

func (s *Store) finishRun(ctx context.Context, runID int64) (done, balanced bool, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		done, balanced = false, true
		var campaignID, plannedMessages int64
		if err := tx.row(ctx, "SELECT campaign_id FROM runs WHERE id = ?", runID).Scan(&campaignID); err != nil {
			return err
		}
		status, err := lockRun(ctx, tx, campaignID, runID)
		if err != nil {
			return err
		}
		err = tx.row(ctx, "SELECT planned FROM runs WHERE id = ? AND finished_at IS NULL AND status IN ('sending', 'canceled')", runID).Scan(&plannedMessages)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		counts, err := runCounts(ctx, tx, runID)
		if err != nil {
			return err
		}
		if counts.Active() != 0 {
			return nil
		}
		if balanced = counts.Total() == plannedMessages; !balanced {
			return nil
		}
		done = true
		now := ms(s.clock.Now())
		end := campaigns.RunFinished
		if status == campaigns.RunCanceled {
			end = campaigns.RunCanceled
		}
		if _, err := tx.exec(ctx, "UPDATE runs SET status = ?, finished_at = ? WHERE id = ?", string(end), now, runID); err != nil {
			return err
		}
		_, err = tx.exec(ctx, "UPDATE campaigns SET status = 'finished', updated_at = ? WHERE id = ? AND run_id = ? AND status = 'running' AND next_fire_at IS NULL",
			now, campaignID, runID)
		return err
	})
	return done, balanced, err
}
