package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"sync"

	"carillon/campaigns"
	"carillon/internal/failpoint"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/targeting"
)

// RunsToPlan are the runs whose audience is not expanded yet, oldest first, but for those
// whose data feed has not been read.
func (s *Store) RunsToPlan(ctx context.Context) ([]int64, error) {
	return s.ids(ctx, `SELECT r.id FROM runs r WHERE r.finished_at IS NULL AND r.status = 'planning' AND r.kind <> 'step' AND r.`+ofOpenAccounts+`
		AND NOT EXISTS (SELECT 1 FROM run_feeds f WHERE f.run_id = r.id AND f.kept_at IS NULL) ORDER BY r.id`)
}

// planned is a run as the planner needs it.
type planned struct {
	run      campaigns.Run
	channel  providers.Channel
	audience targeting.Audience
	category int64
	timing   campaigns.Timing
	// experiment is what the run tries out; nil for nothing. winner is the variant that
	// everybody gets of a resend whose run has one.
	experiment *campaigns.Experiment
	winner     int
	// frozen says that who is named by messages is kept for the run.
	frozen bool
	// enters says that it lets people enter a flow, and makes no messages.
	enters bool
	// unfed says that it reads a data feed, which is not kept yet.
	unfed bool
}

// mustFreeze reports whether who is named by messages has to be kept before the run is
// planned.
func (p planned) mustFreeze() bool {
	in, out := p.audience.ByMessages()
	return !p.frozen && (in != nil || out != nil)
}

// PlanBatch turns the next n members of the run's audience into messages, in
// one transaction with the cursor and the counters. On PostgreSQL it does so with
// the n behind them, too, side by side: there one connection plans on one core,
// and making messages keeps it busy. Whoever is not to be written to gets a
// message too, skipped with its reason. Repeating a batch is harmless: the
// message of a contact is unique in its run.
func (s *Store) PlanBatch(ctx context.Context, runID int64, n int) (campaigns.PlanStep, error) {
	step, err := s.planParts(ctx, runID, n)
	if unfrozen := (notFrozen{}); errors.As(err, &unfrozen) {
		if err = s.freezeRun(ctx, unfrozen.planned); err == nil {
			step, err = s.planParts(ctx, runID, n)
		}
	}
	if unfed := (notFed{}); errors.As(err, &unfed) {
		step, err = campaigns.PlanStep{Stopped: true}, s.awaitFeed(ctx, unfed.planned)
	}
	return step, s.translate(err)
}

// notFrozen says that a run has to be frozen before it is planned.
type notFrozen struct{ planned }

func (notFrozen) Error() string { return "who the run names by messages is not kept yet" }

// leastPlanPart is from how many members on a batch is worth more than one
// transaction.
const leastPlanPart = 2_000

// planParts finds the ranges of contacts one after the other and starts a
// transaction for each as soon as it is found.
func (s *Store) planParts(ctx context.Context, runID int64, n int) (campaigns.PlanStep, error) {
	var parts []*planPart
	err := s.planning(ctx, runID, func(c conn) error {
		parts = nil
		p, err := c.loadPlanned(ctx, runID)
		if err != nil {
			return err
		}
		if p.run.Status != campaigns.RunPlanning {
			parts = []*planPart{{step: campaigns.PlanStep{Stopped: true}}}
			return nil
		}
		if p.unfed {
			return notFed{p}
		}
		if p.mustFreeze() {
			return notFrozen{p}
		}
		if p.timing, err = c.runTiming(ctx, runID); err != nil {
			return err
		}
		compiled, err := c.compileAudience(ctx, p.channel, p.audience, p.category, p.run.Instant)
		if err != nil {
			return err
		}
		if p.frozen {
			compiled.in, compiled.out = frozen(runID, frozenIn), frozen(runID, frozenOut)
		}
		count := 1
		if n >= s.leastPlanPart && !p.enters { // who enters a flow holds it until the end
			count = s.d.planParts
		}
		before := make(chan struct{})
		close(before)
		var group sync.WaitGroup
		defer group.Wait()
		for cursor, last := p.run.Cursor, false; !last && len(parts) < count; {
			to, found, err := c.batchOf(ctx, compiled, cursor, n)
			if err != nil {
				return err
			}
			last = found < n
			part := &planPart{from: cursor, to: to, found: found, last: last, before: before, done: make(chan struct{})}
			group.Go(func() { s.plan(ctx, p, compiled, part) })
			parts, before, cursor = append(parts, part), part.done, to
		}
		return nil
	})
	errs := []error{err}
	var step campaigns.PlanStep
	for _, part := range parts {
		step.Inserted += part.step.Inserted
		step.Skipped += part.step.Skipped
		step.Done = step.Done || part.step.Done
		step.Stopped = step.Stopped || part.step.Stopped
		errs = append(errs, part.err)
	}
	return step, errors.Join(errs...)
}

// planning does one batch while nobody else plans the run. There is one planner,
// but a leader that was taken for dead may still be at it; parts of two batches
// that wait for each other's rows would wait for ever, because PostgreSQL does
// not see that a part also waits for the part in front of it. SQLite has one
// writer and a batch one part.
func (s *Store) planning(ctx context.Context, runID int64, do func(c conn) error) error {
	if !s.Postgres() {
		return do(s.reader())
	}
	return s.inTx(ctx, func(tx conn) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('carillon: plan a run', ?))", runID); err != nil {
			return err
		}
		return do(tx)
	})
}

// loadPlanned reads a run, without a lock: whoever feeds, pauses or cancels it
// meanwhile does not wait for a batch, but the batch is dropped if the run has
// changed by the time that it is written.
func (tx conn) loadPlanned(ctx context.Context, runID int64) (planned, error) {
	var p planned
	var audience string
	var content []byte
	var instant, started sqldb.Time
	var leavesOut bool
	err := tx.Row(ctx, `SELECT r.id, r.account_id, r.campaign_id, r.channel_id, r.status, r.cursor, r.instant, r.started_at, v.audience, k.category_id,
			h.address_kind, k.schedule LIKE '%"while_running":"leave_out"%', r.frozen, r.kind,
			v.content `+hasFeed+` AND NOT EXISTS (SELECT 1 FROM run_feeds f WHERE f.run_id = r.id AND f.kept_at IS NOT NULL),
			CASE WHEN v.content LIKE '%"experiment"%' THEN v.content ELSE '{}' END, r.resend_of, k.kind = 'flow'
		FROM runs r JOIN campaigns k ON k.id = r.campaign_id JOIN campaign_versions v ON v.campaign_id = r.campaign_id AND v.version = r.version
		JOIN channels h ON h.id = r.channel_id WHERE r.id = ?`, runID).
		Scan(&p.run.ID, &p.run.AccountID, &p.run.CampaignID, &p.run.ChannelID, &p.run.Status, &p.run.Cursor, &instant, &started,
			&audience, &p.category, &p.channel.Address, &leavesOut, &p.frozen, &p.run.Kind, &p.unfed, &content, &p.run.ResendOf, &p.enters)
	if err != nil {
		return p, err
	}
	p.run.Instant = instant.Time // relative dates of rules mean it in every batch
	p.run.StartedAt = started.Ptr()
	p.channel.ID, p.channel.AccountID = p.run.ChannelID, p.run.AccountID
	if err := json.Unmarshal([]byte(audience), &p.audience); err != nil {
		return p, err
	}
	var written keptContent
	if err := readParts(p.run.CampaignID, part{"content", content, &written}); err != nil {
		return p, err
	}
	p.experiment = written.Experiment
	split := p.experiment.Split(p.run.CampaignID)
	if p.run.Kind == campaigns.RunResend {
		// It is for those alone that were frozen when it was asked for.
		p.audience.Of.Split = split
		p.audience = resendAudience(p.audience)
		p.winner, err = tx.winnerOf(ctx, p.run.ResendOf, p.experiment)
		return p, err
	}
	p.audience.Of = targeting.Owner{CampaignID: p.run.CampaignID, Before: started.Time, NotWaiting: leavesOut, Split: split}
	return p, nil
}

// planPart is a range of contacts that one transaction plans.
type planPart struct {
	from, to int64 // behind from, up to to
	found    int
	last     bool // nobody is behind it
	// before is closed when the part in front of it is committed or given up, done
	// when it is itself.
	before <-chan struct{}
	done   chan struct{}
	step   campaigns.PlanStep
	err    error
}

// errPlanMoved drops a part whose run was paused or canceled, or whose
// predecessor is not there.
var errPlanMoved = errors.New("the run is not where this part of its plan goes on")

// plan makes the messages of a part and says in it what became of it.
func (s *Store) plan(ctx context.Context, p planned, compiled audienceSQL, part *planPart) {
	defer close(part.done)
	err := s.tryPlan(ctx, p, compiled, part, false)
	if s.d.Duplicate(err) {
		// Looking for who has a message costs PostgreSQL half as much again as the
		// INSERT, and there is nobody, because the cursor is written with the messages:
		// only if somebody has set it back is it worth looking.
		err = s.tryPlan(ctx, p, compiled, part, true)
	}
	if err != nil {
		part.step = campaigns.PlanStep{Stopped: part.step.Stopped}
		if !errors.Is(err, errPlanMoved) {
			part.err = err
		}
		return
	}
	// The part behind this one is under way and not committed.
	failpoint.Hit(failpoint.AfterPlanBatch)
}

// tryPlan makes the messages of a part while the parts in front of it may still
// be under way, and commits them behind these. Again leaves out who has a message.
func (s *Store) tryPlan(ctx context.Context, p planned, compiled audienceSQL, part *planPart, again bool) error {
	return s.inTxAsync(ctx, func(tx conn) error {
		part.step = campaigns.PlanStep{Done: part.last}
		if part.found > 0 && p.enters {
			if err := tx.enterPlanned(ctx, p, compiled, part); err != nil {
				return err
			}
		} else if part.found > 0 {
			reason, from := compiled.reason(), compiled.from(part.from, part.to)
			now := sqldb.Millis(s.clock.Now())
			insert, args := p.timed(s), []any{p.run.ChannelID, p.run.ID, now}
			dealt := p.dealt(&insert)
			query := `INSERT INTO messages (channel_id, run_id, contact_id, address, created_at, variant, state, reason, final_at, due_at)
				SELECT ?, ?, r.id, address, ?, ` + dealt.variant + `, CASE WHEN why IS NULL THEN ` + number(messages.Pending) + ` ELSE ` + number(messages.Skipped) +
				` END, ` + insert.reason.sql + `, CASE WHEN why IS NULL THEN NULL ELSE CAST(? AS BIGINT) END, ` + insert.due.sql + `
				FROM (SELECT c.id AS id, COALESCE(a.address, '') AS address, ` + dealt.point + insert.zone + reason.sql + ` AS why` + from.sql +
				` ORDER BY c.id LIMIT ` + everyRow + `) r` + insert.join.sql + ` WHERE true`
			args = slices.Concat(args, insert.reason.args, []any{now}, insert.due.args, reason.args, from.args, insert.join.args)
			if again {
				query += " AND NOT EXISTS (SELECT 1 FROM messages x WHERE x.run_id > 0 AND x.run_id = ? AND x.contact_id = r.id AND x.step = 0)"
				args = append(args, p.run.ID)
			}
			if err := tx.insertPlanned(ctx, p.run.ID, query, args, &part.step); err != nil {
				return err
			}
		}
		select {
		case <-part.before:
		case <-ctx.Done():
			return ctx.Err()
		}
		return tx.advancePlan(ctx, p, part)
	})
}

// advancePlan moves the run's cursor over a part whose messages are made, if the
// run is still being planned and has got to where the part begins. From here to
// the commit planning, pausing and canceling wait for each other.
func (tx conn) advancePlan(ctx context.Context, p planned, part *planPart) error {
	var status campaigns.RunStatus
	var cursor int64
	if err := tx.Row(ctx, "SELECT status, cursor FROM runs WHERE id = ?"+tx.d.ForUpdate, p.run.ID).Scan(&status, &cursor); err != nil {
		return err
	}
	if status != campaigns.RunPlanning || cursor != part.from {
		part.step.Stopped = status != campaigns.RunPlanning
		return errPlanMoved
	}
	if part.last {
		status = campaigns.RunSending
		if err := tx.keepExperiment(ctx, p); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, "UPDATE runs SET cursor = ?, planned = planned + ?, plan_done = ?, status = ? WHERE id = ?",
		part.to, part.step.Inserted, part.last, string(status), p.run.ID); err != nil {
		return err
	}
	l, whose := tx.ledger(), countKey{p.run.ID, p.run.ChannelID}
	l.counts.add(whose, messages.Skipped, part.step.Skipped)
	l.counts.add(whose, messages.Pending, part.step.Inserted-part.step.Skipped)
	return l.close(ctx, shardPlanner)
}

// everyRow keeps the databases from dropping the ORDER BY of a subquery.
const everyRow = "1000000000"

// insertPlanned runs the planner's INSERT and counts what it made.
func (tx conn) insertPlanned(ctx context.Context, runID int64, insert string, args []any, step *campaigns.PlanStep) error {
	if tx.s.Postgres() {
		return tx.Row(ctx, "WITH made AS ("+insert+" RETURNING state) SELECT COUNT(*), COUNT(*) FILTER (WHERE state "+is(messages.Skipped)+") FROM made", args...).
			Scan(&step.Inserted, &step.Skipped)
	}
	// SQLite has no INSERT inside WITH; its only writer gives the new rows ids in
	// sequence, so that they are counted by their range.
	var before sql.NullInt64
	if err := tx.Row(ctx, "SELECT MAX(id) FROM messages").Scan(&before); err != nil {
		return err
	}
	inserted, err := tx.Exec(ctx, insert, args...)
	if err != nil {
		return err
	}
	step.Inserted = inserted
	return tx.Row(ctx, "SELECT COUNT(*) FROM messages WHERE id > ? AND run_id = ? AND state "+is(messages.Skipped), before.Int64, runID).Scan(&step.Skipped)
}

// FinishRuns ends the runs whose every message is in a final state, and with
// them campaigns that don't fire any more. A run whose counters don't add up to what was planned
// is left open and reported: "finished" must mean that everybody is accounted
// for.
func (s *Store) FinishRuns(ctx context.Context) (finished, unbalanced []int64, err error) {
	ids, err := s.ids(ctx, `SELECT r.id FROM runs r LEFT JOIN run_counts c ON c.run_id = r.id
		WHERE r.finished_at IS NULL AND ((r.status = 'sending' AND r.plan_done) OR r.status IN ('canceled', 'failed'))
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

// overWithout is how a campaign ends whose last run to end was canceled: as the one before
// it that was not.
func (tx conn) overWithout(ctx context.Context, campaignID int64) (campaigns.Status, error) {
	var failed bool
	err := tx.Row(ctx, "SELECT status = 'failed' FROM runs WHERE campaign_id = ? AND finished_at IS NOT NULL AND status IN ('finished', 'failed') "+
		"ORDER BY finished_at DESC, id DESC LIMIT 1", campaignID).Scan(&failed)
	if err == nil && failed {
		return campaigns.Failed, nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return campaigns.Finished, err
}

func (s *Store) finishRun(ctx context.Context, runID int64) (done, balanced bool, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		done, balanced = false, true
		var campaignID, plannedMessages int64
		if err := tx.Row(ctx, "SELECT campaign_id FROM runs WHERE id = ?", runID).Scan(&campaignID); err != nil {
			return err
		}
		status, err := tx.lockRun(ctx, campaignID, runID)
		if err != nil {
			return err
		}
		err = tx.Row(ctx, "SELECT planned FROM runs WHERE id = ? AND finished_at IS NULL AND status IN ('sending', 'canceled', 'failed')", runID).
			Scan(&plannedMessages)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		counts, err := tx.runCounts(ctx, runID)
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
		now := sqldb.Millis(s.clock.Now())
		end, over := campaigns.RunFinished, campaigns.Finished
		switch status {
		case campaigns.RunCanceled:
			end = status
			if over, err = tx.overWithout(ctx, campaignID); err != nil {
				return err
			}
		case campaigns.RunFailed:
			end, over = status, campaigns.Failed
		}
		if _, err := tx.Exec(ctx, "UPDATE runs SET status = ?, finished_at = ? WHERE id = ?", string(end), now, runID); err != nil {
			return err
		}
		if over == campaigns.Failed {
			if err := tx.guardFailedRun(ctx, campaignID); err != nil {
				return err
			}
		}
		return tx.settleCampaign(ctx, campaignID, over)
	})
	return done, balanced, err
}
