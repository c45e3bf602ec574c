package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"carillon/campaigns"
	"carillon/internal/failpoint"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/targeting"
)

// keepExperiment notes that people of a run, which is planned, wait for a winner, and when
// the test is looked at.
func (tx conn) keepExperiment(ctx context.Context, p planned) error {
	if !p.tests() {
		return nil
	}
	var look any
	if looks := p.experiment.Winner.Looks(); len(looks) > 0 {
		look = p.run.Began().Add(looks[0]).UnixMilli()
	}
	_, err := tx.Exec(ctx, "INSERT INTO experiments (run_id, look_at) VALUES (?, ?) ON CONFLICT (run_id) DO NOTHING", p.run.ID, look)
	return err
}

// RunTrial is how the variants of a run stand, by a metric or (empty) by the one that the
// campaign says.
func (s *Store) RunTrial(ctx context.Context, accountID, runID int64, by campaigns.Metric) (campaigns.Trial, error) {
	t, err := s.reader().trial(ctx, accountID, runID, by)
	return t, s.translate(err)
}

func (tx conn) trial(ctx context.Context, accountID, runID int64, by campaigns.Metric) (t campaigns.Trial, err error) {
	err = tx.Row(ctx, "SELECT id, campaign_id, status, plan_done FROM runs WHERE id = ? AND (? = 0 OR account_id = ?)", runID, accountID, accountID).
		Scan(&t.RunID, &t.CampaignID, &t.Status, &t.PlanDone)
	if errors.Is(err, sql.ErrNoRows) {
		return t, fault.New(fault.NotFound, "there is no run %d", runID)
	}
	if err != nil {
		return t, err
	}
	if t.Experiment, err = tx.experimentOf(ctx, runID); err != nil || t.Experiment == nil {
		return t, err
	}
	if err := tx.chosen(ctx, &t); err != nil {
		return t, err
	}
	if err := tx.variantCounts(ctx, &t); err != nil {
		return t, err
	}
	if t.By = by; by == "" {
		t.By = t.Experiment.Metric()
	}
	t.Tallies, err = tx.tallies(ctx, &t, t.By)
	return t, err
}

// chosen reads what is known of the winner.
func (tx conn) chosen(ctx context.Context, t *campaigns.Trial) error {
	var look, at, moved sqldb.Time
	var tallies []byte
	err := tx.Row(ctx, "SELECT look_at, looks, winner, chosen_at, chosen_by, tallies, moved_at FROM experiments WHERE run_id = ?", t.RunID).
		Scan(&look, &t.Looks, &t.Chosen.Variant, &at, &t.Chosen.By, &tallies, &moved)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	t.LookAt, t.Chosen.At, t.Chosen.Moved = look.Ptr(), at.Time, moved.Ptr() != nil
	return readParts(t.CampaignID, part{"tallies", tallies, &t.Chosen.Tallies})
}

// variantCounts counts the messages of each variant.
func (tx conn) variantCounts(ctx context.Context, t *campaigns.Trial) error {
	t.Counts = make([]messages.Counts, len(t.Experiment.Variants))
	return sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var variant int
		var state messages.State
		var reason string
		var n int64
		err := scan(&variant, &state, &reason, &n)
		switch {
		case err != nil:
		case variant > 0 && variant <= len(t.Counts):
			t.Counts[variant-1][state] += n
		case reason == messages.ReasonHoldout:
			t.HeldOut += n
		case reason == messages.ReasonUndecided && state == messages.Pending:
			t.Waiting += n
		}
		return err
	}, `SELECT variant, state, why, COUNT(*) FROM (SELECT variant, state,
			CASE WHEN reason IN ('`+messages.ReasonHoldout+"', '"+messages.ReasonUndecided+`') THEN reason ELSE '' END AS why
		FROM messages WHERE run_id > 0 AND run_id = ?) m GROUP BY variant, state, why`, t.RunID)
}

// successes are the conditions over messages m of having done what a metric counts.
var successes = map[campaigns.Metric]string{
	campaigns.ByDelivered: "m.state " + is(messages.Delivered, messages.Read),
	campaigns.ByRead:      "m.state " + is(messages.Read),
	campaigns.ByReplied: `EXISTS (SELECT 1 FROM replies y WHERE y.contact_id = m.contact_id AND y.contact_id > 0
		AND y.channel_id = m.channel_id AND y.at >= m.sent_at)`,
	campaigns.ByOpened:    "EXISTS (SELECT 1 FROM engagement e WHERE e.message_id = m.id AND e.opened_at IS NOT NULL)",
	campaigns.ByConverted: "EXISTS (SELECT 1 FROM conversions v WHERE v.message_id = m.id)",
	campaigns.ByClicked:   "EXISTS (SELECT 1 FROM engagement e WHERE e.message_id = m.id AND e.clicked_at IS NOT NULL)",
}

// tallies are how the variants did with those in the test.
func (tx conn) tallies(ctx context.Context, t *campaigns.Trial, by campaigns.Metric) ([]campaigns.Tally, error) {
	list := make([]campaigns.Tally, len(t.Experiment.Variants))
	split := t.Experiment.Split(t.CampaignID)
	return list, sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var variant int
		var tally campaigns.Tally
		err := scan(&variant, &tally.Trials, &tally.Successes)
		if err == nil && variant <= len(list) {
			list[variant-1] = tally
		}
		return err
	}, "SELECT m.variant, COUNT(*), CAST(SUM(CASE WHEN "+successes[by]+" THEN 1 ELSE 0 END) AS BIGINT) FROM messages m "+
		"WHERE m.run_id > 0 AND m.run_id = ? AND m.variant > 0 AND m.state "+is(campaigns.SentStates()...)+
		" AND "+pointOf(split, "m.contact_id")+" < ? GROUP BY m.variant", t.RunID, split.Tested)
}

// ChooseWinner writes down which variant those get who wait: a person's choice. The same
// once more changes nothing.
func (s *Store) ChooseWinner(ctx context.Context, accountID, runID int64, variant int, actor string) error {
	err := s.inTx(ctx, func(tx conn) error {
		t, err := tx.heldTrial(ctx, accountID, runID)
		switch name := t.Experiment.Name(t.Chosen.Variant); {
		case err != nil:
			return err
		case !t.Experiment.Waits():
			return fault.New(fault.Conflict, "nobody waits for a winner in run %d: everybody has a variant already", runID)
		case t.Chosen.Variant == variant:
			return nil
		case t.Chosen.Variant > 0:
			return fault.New(fault.Conflict, "the winner of run %d is %s already, and those who waited get it", runID, name)
		case t.Status == campaigns.RunCanceled || t.Status == campaigns.RunFailed:
			return fault.New(fault.Conflict, "run %d is %s: nobody gets anything of it any more", runID, t.Status)
		case !t.PlanDone:
			return fault.New(fault.Conflict, "run %d is still being planned, and it is not known yet who waits: try again in a moment", runID)
		case t.Waiting == 0:
			return fault.New(fault.Conflict, "nobody waits for a winner in run %d any more", runID)
		}
		return tx.writeWinner(ctx, t, variant, actor)
	})
	if err == nil {
		failpoint.Hit(failpoint.AfterWinnerChosen)
	}
	return err
}

// heldTrial is a trial of which nobody else chooses the winner until the transaction
// ends.
func (tx conn) heldTrial(ctx context.Context, accountID, runID int64) (t campaigns.Trial, err error) {
	if err := sqldb.Drain(ctx, tx, "SELECT run_id FROM experiments WHERE run_id = ?"+tx.d.ForUpdate, runID); err != nil {
		return t, err
	}
	return tx.trial(ctx, accountID, runID, "")
}

func (tx conn) writeWinner(ctx context.Context, t campaigns.Trial, variant int, by string) error {
	n, err := tx.Exec(ctx, "UPDATE experiments SET winner = ?, chosen_at = ?, chosen_by = ?, tallies = ?, look_at = NULL WHERE run_id = ? AND winner = 0",
		variant, sqldb.Millis(tx.s.clock.Now()), clean(by), mustJSON(t.Tallies), t.RunID)
	if err == nil && n != 1 {
		err = fault.New(fault.Internal, "the winner of run %d was not written", t.RunID)
	}
	return err
}

// LookForWinners looks at the tests whose time has come, of runs that are not held up,
// and returns the winners that their rules have told, by name.
func (s *Store) LookForWinners(ctx context.Context) (won map[int64]string, err error) {
	now := s.clock.Now()
	ids, err := s.ids(ctx, `SELECT e.run_id FROM experiments e JOIN runs r ON r.id = e.run_id
		WHERE e.look_at IS NOT NULL AND e.look_at <= ? AND r.status IN ('sending', 'finished', 'canceled', 'failed') ORDER BY e.look_at`, sqldb.Millis(now))
	if err != nil {
		return nil, err
	}
	won = map[int64]string{}
	for _, id := range ids {
		var winner string
		if err := s.inTx(ctx, func(tx conn) (err error) {
			winner, err = tx.look(ctx, id, now)
			return err
		}); err != nil {
			return won, fmt.Errorf("look for the winner of run %d: %w", id, err)
		}
		if winner != "" {
			won[id] = winner
			failpoint.Hit(failpoint.AfterWinnerChosen)
		}
	}
	return won, nil
}

// look looks at the test of a run, and returns the winner's name if it tells one.
func (tx conn) look(ctx context.Context, runID int64, now time.Time) (winner string, err error) {
	t, err := tx.heldTrial(ctx, 0, runID)
	if err != nil || t.LookAt == nil || t.LookAt.After(now) {
		return "", err
	}
	var began sqldb.Time
	if err := tx.Row(ctx, "SELECT COALESCE(started_at, created_at) FROM runs WHERE id = ?", runID).Scan(&began); err != nil {
		return "", err
	}
	over := t.Status == campaigns.RunCanceled || t.Status == campaigns.RunFailed
	variant, next := 0, time.Duration(0)
	if !over {
		variant, next = t.Choose(now.Sub(began.Time))
	}
	if variant > 0 {
		return t.Experiment.Name(variant), tx.writeWinner(ctx, t, variant, "")
	}
	var look any
	if next > 0 {
		look = began.Add(next).UnixMilli()
	}
	_, err = tx.Exec(ctx, "UPDATE experiments SET look_at = ?, looks = looks + 1 WHERE run_id = ?", look, runID)
	return "", err
}

// winnerBatch bounds the messages that one transaction gives the winner to.
const winnerBatch = 5000

// GiveWinner lets a batch of those who wait have the variant that has won, and their turn.
// It reports whether there may be more. Whoever dies over it leaves some that still wait,
// and the next goes on with these.
func (s *Store) GiveWinner(ctx context.Context) (more bool, err error) {
	var runID int64
	err = s.reader().Row(ctx, "SELECT run_id FROM experiments WHERE winner > 0 AND moved_at IS NULL ORDER BY run_id LIMIT 1").Scan(&runID)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, s.translate(err)
	}
	given := false
	err = s.inTx(ctx, func(tx conn) error {
		given = false
		var channelID int64
		var winner int
		var chosen sqldb.Time
		if err := tx.Row(ctx, "SELECT r.channel_id, e.winner, e.chosen_at FROM experiments e JOIN runs r ON r.id = e.run_id WHERE e.run_id = ?", runID).
			Scan(&channelID, &winner, &chosen); err != nil {
			return err
		}
		timing, err := tx.runTiming(ctx, runID)
		if err != nil {
			return err
		}
		due := fragment{"CAST(? AS BIGINT)", []any{chosen.UnixMilli()}}
		if span := timing.Spread(); span > 0 {
			due = fragment{due.sql + " + " + shareOf("contact_id"), append(due.args, span.Milliseconds())}
		}
		n, err := tx.Exec(ctx, "UPDATE messages SET variant = ?, reason = NULL, due_at = "+due.sql+" WHERE variant = 0 AND state "+is(messages.Pending)+" AND id "+
			tx.d.InQuery("SELECT id FROM messages "+tx.d.pendingIndex+" WHERE channel_id = ? AND run_id = ? AND "+phasePending+
				" AND due_at >= "+undecided+" ORDER BY due_at, id LIMIT ?"),
			slices.Concat([]any{winner}, due.args, []any{channelID, runID, winnerBatch})...)
		if given = n > 0; err != nil || given {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE experiments SET moved_at = ? WHERE run_id = ?", sqldb.Millis(s.clock.Now()), runID)
		return err
	})
	if err == nil && given {
		failpoint.Hit(failpoint.AfterWinnerChosen)
	}
	return err == nil, err
}

// DealAudience counts those to whom a campaign would be sent by what they get of what it
// tries out.
func (s *Store) DealAudience(ctx context.Context, channel providers.Channel, audience targeting.Audience, category int64) (campaigns.Deal, error) {
	split := audience.Of.Split
	if split == nil || len(split.Cuts) == 0 {
		return campaigns.Deal{}, nil
	}
	compiled, err := s.reader().compileAudience(ctx, channel, audience, category, s.clock.Now())
	if err != nil {
		return campaigns.Deal{}, s.translate(err)
	}
	deal := campaigns.Deal{Variants: make([]int64, len(split.Cuts))}
	reason, from := compiled.reason(), compiled.from(0, pastEveryID)
	err = sqldb.Each(ctx, s.reader(), func(scan sqldb.Scan) error {
		var variant int
		var n int64
		err := scan(&variant, &n)
		if err == nil && variant == 0 {
			deal.Waiting = n
		} else if err == nil {
			deal.Variants[variant-1] = n
		}
		return err
	}, "SELECT variant, COUNT(*) FROM (SELECT CASE WHEN point >= "+strconv.FormatInt(split.Tested, 10)+" THEN 0 ELSE "+variantOf(split, "point")+
		" END AS variant FROM (SELECT "+pointOf(split, "c.id")+" AS point, "+reason.sql+" AS why"+from.sql+") r WHERE why IS NULL) v GROUP BY variant",
		slices.Concat(reason.args, from.args)...)
	return deal, s.translate(err)
}
