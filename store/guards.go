package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"carillon/campaigns"
	"carillon/messages"
	"carillon/store/sqldb"
)

// guardOf is what a run has as its guard when it begins.
func guardOf(s campaigns.Schedule) string {
	if s.Guards.HoldsPlan() {
		return "held"
	}
	return watchOf(s)
}

// watchOf is what it has once its plan may go.
func watchOf(s campaigns.Schedule) string {
	if s.Guards != nil && (s.Guards.Failures != nil || s.Guards.Complaints != nil) {
		return "watched"
	}
	return ""
}

// guarded is a run at which guards look.
type guarded struct {
	id, campaignID int64
	planDone, held bool
	schedule       []byte
}

// GuardRuns pauses the campaigns of runs that their guards stop, and lets what they
// held go that is as expected. It returns the runs that were stopped, with the reasons.
// It costs by the runs that have guards.
func (s *Store) GuardRuns(ctx context.Context) (stopped map[int64]string, err error) {
	list, err := sqldb.Structs(ctx, s.reader(), func(g *guarded) []any {
		return []any{&g.id, &g.campaignID, &g.planDone, &g.held, &g.schedule}
	}, `SELECT r.id, r.campaign_id, r.plan_done, r.guard = 'held', (SELECT k.schedule FROM campaigns k WHERE k.id = r.campaign_id) FROM runs r
		WHERE r.finished_at IS NULL AND r.guard IN ('held', 'watched') AND r.status IN ('planning', 'sending') ORDER BY r.id`)
	if err != nil {
		return nil, s.translate(err)
	}
	stopped = map[int64]string{}
	for _, g := range list {
		why, err := s.guard(ctx, g)
		if err != nil {
			return stopped, err
		}
		if why == "" {
			continue
		}
		if err := s.PauseRun(ctx, g.id, why); err != nil {
			return stopped, err
		}
		stopped[g.id] = why
	}
	return stopped, nil
}

// guard says why a run is to be stopped, and lets one that was held go that is as
// expected.
func (s *Store) guard(ctx context.Context, g guarded) (why string, err error) {
	var schedule campaigns.Schedule
	if err := readParts(g.campaignID, part{"schedule", g.schedule, &schedule}); err != nil {
		return "", err
	}
	counts, err := s.reader().runCounts(ctx, g.id)
	if err != nil {
		return "", s.translate(err)
	}
	if !g.held || !g.planDone {
		return schedule.Guards.JudgeFailures(counts), nil
	}
	before, err := s.reachedBefore(ctx, g)
	if err != nil {
		return "", err
	}
	if why := schedule.Guards.JudgeAudience(reach(counts), before); why != "" {
		return why, nil
	}
	return "", s.inTx(ctx, func(tx conn) error {
		_, err := tx.Exec(ctx, "UPDATE runs SET guard = ? WHERE id = ? AND guard = 'held'", watchOf(schedule), g.id)
		return err
	})
}

// complained counts people who complained about a run, and pauses its campaign if they are
// more than its guards allow, also when the run is over: complaints come late. Both are
// one transaction, so that whoever dies leaves no guard that has not looked.
func (tx conn) complained(ctx context.Context, runID, people int64) error {
	var accountID, campaignID, complained int64
	var guard string
	err := tx.Row(ctx, "SELECT account_id, campaign_id FROM runs WHERE id = ?", runID).Scan(&accountID, &campaignID)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // a transactional message
	}
	if err != nil {
		return err
	}
	// The campaign before its run, as everybody locks them.
	c, err := tx.lockCampaign(ctx, accountID, campaignID)
	if err != nil {
		return err
	}
	if err := tx.Row(ctx, "UPDATE runs SET complained = complained + ? WHERE id = ? RETURNING complained, guard", people, runID).
		Scan(&complained, &guard); err != nil {
		return err
	}
	if guard != "watched" || c.status != campaigns.Scheduled && c.status != campaigns.Running {
		return nil
	}
	counts, err := tx.runCounts(ctx, runID)
	if err != nil {
		return err
	}
	why := c.schedule.Guards.JudgeComplaints(counts, complained)
	if why == "" {
		return nil
	}
	// Whoever resumes it lets it go on whatever more complain about this run.
	if _, err := tx.Exec(ctx, "UPDATE runs SET guard = '' WHERE id = ?", runID); err != nil {
		return err
	}
	return tx.pause(ctx, c, campaigns.Pause{Since: tx.s.clock.Now(), Why: why})
}

// reach is how many of a planned run are written to.
func reach(c messages.Counts) int64 { return c.Total() - c[messages.Skipped] }

// reachedBefore is how many the run before was for, -1 if there was none.
func (s *Store) reachedBefore(ctx context.Context, g guarded) (int64, error) {
	ids, err := s.ids(ctx, "SELECT id FROM runs WHERE campaign_id = ? AND id <> ? AND status = 'finished' AND kind <> 'resend' "+
		"ORDER BY started_at DESC, id DESC LIMIT 1", g.campaignID, g.id)
	if err != nil || len(ids) == 0 {
		return -1, err
	}
	counts, err := s.reader().runCounts(ctx, ids[0])
	return reach(counts), s.translate(err)
}

// guardFailedRun is guardFailed for a campaign of which a run has failed.
func (tx conn) guardFailedRun(ctx context.Context, campaignID int64) error {
	var accountID int64
	if err := tx.Row(ctx, "SELECT account_id FROM campaigns WHERE id = ?", campaignID).Scan(&accountID); err != nil {
		return err
	}
	c, err := tx.lockCampaign(ctx, accountID, campaignID)
	if err != nil || !c.schedule.Recurs() {
		return err
	}
	return tx.guardFailed(ctx, c)
}

// guardFailed pauses a recurring campaign if as many runs in a row have failed as its
// guards allow.
func (tx conn) guardFailed(ctx context.Context, c lockedCampaign) error {
	most := c.schedule.Guards.MostFailed()
	var failed int
	if err := tx.Row(ctx, `SELECT COUNT(*) FROM (SELECT status FROM runs WHERE campaign_id = ? AND status IN ('finished', 'failed')
		ORDER BY instant DESC LIMIT ?) r WHERE status = 'failed'`, c.id, most).Scan(&failed); err != nil || failed < most {
		return err
	}
	if c.status != campaigns.Scheduled && c.status != campaigns.Running {
		return nil
	}
	return tx.pause(ctx, c, campaigns.Pause{Since: tx.s.clock.Now(), Why: fmt.Sprintf("%d runs in a row have failed", failed)})
}
