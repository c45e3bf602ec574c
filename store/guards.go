package store

import (
	"context"
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
	return ""
}

// guarded is a run whose campaign has guards.
type guarded struct {
	id, campaignID int64
	planDone, held bool
	schedule       []byte
	counts         messages.Counts
}

// GuardRuns pauses the campaigns of runs that their guards stop, and lets what they
// held go that is as expected. It returns the runs that were stopped, with the reasons.
func (s *Store) GuardRuns(ctx context.Context) (stopped map[int64]string, err error) {
	list, err := sqldb.Query(ctx, s.reader(), func(scan sqldb.Scan) (g guarded, err error) {
		return g, scan(append([]any{&g.id, &g.campaignID, &g.planDone, &g.held, &g.schedule}, countTargets(&g.counts)...)...)
	}, "SELECT r.id, r.campaign_id, r.plan_done, r.guard = 'held', k.schedule, "+sumCounts+` FROM runs r JOIN campaigns k ON k.id = r.campaign_id
		LEFT JOIN run_counts c ON c.run_id = r.id
		WHERE r.finished_at IS NULL AND r.status IN ('planning', 'sending') AND r.guard <> 'released' AND k.schedule LIKE '%"guards":{%'
		GROUP BY r.id, r.campaign_id, r.plan_done, r.guard, k.schedule ORDER BY r.id`)
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
	if !g.held || !g.planDone {
		return schedule.Guards.JudgeFailures(g.counts), nil
	}
	before, err := s.reachedBefore(ctx, g)
	if err != nil {
		return "", err
	}
	if why := schedule.Guards.JudgeAudience(reach(g.counts), before); why != "" {
		return why, nil
	}
	return "", s.inTx(ctx, func(tx conn) error {
		_, err := tx.Exec(ctx, "UPDATE runs SET guard = '' WHERE id = ? AND guard = 'held'", g.id)
		return err
	})
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
