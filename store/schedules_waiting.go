package store

import (
	"context"
	"fmt"
	"slices"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/store/sqldb"
)

// setStatus brings the status of a campaign in line with its runs and its timetable:
// end if it has neither a run nor an instant to come.
func (tx conn) setStatus(ctx context.Context, campaignID int64, end campaigns.Status) error {
	_, err := tx.Exec(ctx, "UPDATE campaigns SET updated_at = ?, status = CASE "+statusOf("look_at", "?")+" END WHERE id = ?",
		sqldb.Millis(tx.s.clock.Now()), string(end), campaignID)
	return err
}

// settleCampaign is setStatus for a campaign of which a run has ended, if it is not
// paused or canceled: the run that waits for that one starts now. A run that was canceled
// can end last, when what is left of it makes the campaign scheduled.
func (tx conn) settleCampaign(ctx context.Context, campaignID int64, end campaigns.Status) error {
	var status campaigns.Status
	err := tx.Row(ctx, "SELECT status FROM campaigns WHERE id = ?", campaignID).Scan(&status)
	if err != nil || status != campaigns.Running && status != campaigns.Scheduled {
		return err
	}
	if err := tx.startNext(ctx, campaignID); err != nil {
		return err
	}
	return tx.setStatus(ctx, campaignID, end)
}

// startNext lets the first of the runs that wait for others start, unless one is under
// way.
func (tx conn) startNext(ctx context.Context, campaignID int64) error {
	_, err := tx.Exec(ctx, `UPDATE runs SET starts_at = ? WHERE id = (SELECT id FROM runs WHERE campaign_id = ? AND finished_at IS NULL AND status = 'waiting'
			AND starts_at IS NULL ORDER BY instant LIMIT 1)
		AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.campaign_id = ? AND r.finished_at IS NULL AND r.status IN ('planning', 'sending', 'paused')
			AND r.kind NOT IN ('resend', 'step'))`,
		sqldb.Millis(tx.s.clock.Now()), campaignID, campaignID)
	return err
}

// waitingRun is a run whose time to start has come.
type waitingRun struct {
	id, campaignID int64
	instant        sqldb.Time
}

// startWaiting starts runs whose time has come.
func (tx conn) startWaiting(ctx context.Context, ids []int64) (began []campaigns.Run, err error) {
	// Campaigns are locked before their runs, as by everybody.
	locked, err := sqldb.Query(ctx, tx, scanLocked, selectLocked+"WHERE k.id "+tx.d.InQuery("SELECT campaign_id FROM runs WHERE id "+tx.d.InIDs)+
		" ORDER BY k.id"+tx.d.Lock(tx.d.SkipLocked, "k"), tx.d.IDList(ids))
	if err != nil {
		return nil, err
	}
	if err := tx.readHolidays(ctx, locked); err != nil {
		return nil, err
	}
	byID := map[int64]*lockedCampaign{}
	for i := range locked {
		byID[locked[i].id] = &locked[i]
	}
	due, err := sqldb.Structs(ctx, tx, func(r *waitingRun) []any { return []any{&r.id, &r.campaignID, &r.instant} },
		"SELECT id, campaign_id, instant FROM runs WHERE id "+tx.d.InIDs+" AND status = 'waiting' AND starts_at <= ? ORDER BY instant, id",
		tx.d.IDList(ids), sqldb.Millis(tx.s.clock.Now()))
	if err != nil {
		return nil, err
	}
	for _, r := range due {
		c := byID[r.campaignID]
		if c == nil {
			continue // somebody is at it
		}
		run, ok, err := tx.startRun(ctx, c, r)
		if err != nil {
			return nil, fmt.Errorf("start run %d of campaign %d: %w", r.id, c.id, err)
		}
		if ok {
			began = append(began, run)
		}
	}
	return began, nil
}

// startRun starts a waiting run, unless its campaign is paused or it has to wait for
// another one.
func (tx conn) startRun(ctx context.Context, c *lockedCampaign, r waitingRun) (run campaigns.Run, ok bool, err error) {
	now := tx.s.clock.Now()
	t, err := tx.timetable(ctx, *c)
	if fault.Is(err, fault.Invalid) {
		return run, false, tx.giveUp(ctx, *c, r, campaigns.Decision{Status: campaigns.RunFailed, Reason: err.Error()})
	}
	if err != nil {
		return run, false, err
	}
	open, err := tx.openRuns(ctx, c.id)
	if err != nil {
		return run, false, err
	}
	// What is sent again stands in the way of no instant.
	open = slices.DeleteFunc(open, func(r openRun) bool { return r.aside })
	d := t.Start(c.holds(), now, len(open))
	switch d.Status {
	case campaigns.RunSkipped:
		return run, false, tx.giveUp(ctx, *c, r, d)
	case campaigns.RunWaiting:
		_, err := tx.Exec(ctx, "UPDATE runs SET starts_at = NULL, reason = ? WHERE id = ?", d.Reason, r.id)
		return run, false, err
	}
	if d.CancelsOthers {
		if err := tx.cancelOpen(ctx, open, canceledForNext, forNext); err != nil {
			return run, false, err
		}
	}
	snippets, err := tx.freeze(ctx, c)
	if fault.Is(err, fault.Invalid) {
		return run, false, tx.giveUp(ctx, *c, r, campaigns.Decision{Status: campaigns.RunFailed, Reason: err.Error()})
	}
	if err != nil {
		return run, false, err
	}
	if !c.versioned {
		if err := tx.keepVersions(ctx, []int64{c.id}); err != nil {
			return run, false, err
		}
		c.versioned = true
	}
	if _, err := tx.Exec(ctx, `UPDATE runs SET status = 'planning', channel_id = ?, reason = '', detail = '', version = ?, snippets = ?, starts_at = NULL,
		started_at = ?, guard = ? WHERE id = ?`, c.channelID, c.version, snippets, sqldb.Millis(now), guardOf(c.schedule), r.id); err != nil {
		return run, false, err
	}
	if _, err := tx.Exec(ctx, "UPDATE campaigns SET run_id = ? WHERE id = ?", r.id, c.id); err != nil {
		return run, false, err
	}
	if run, err = scanRun(tx.Row(ctx, selectRun+" WHERE r.id = ?", r.id).Scan); err != nil {
		return run, false, err
	}
	return run, true, tx.setStatus(ctx, c.id, campaigns.Finished)
}

// giveUp ends a waiting run that does not start; the next one that waits has its turn.
func (tx conn) giveUp(ctx context.Context, c lockedCampaign, r waitingRun, d campaigns.Decision) error {
	if _, err := tx.Exec(ctx, "UPDATE runs SET status = ?, reason = ?, detail = ?, starts_at = NULL, finished_at = ? WHERE id = ?",
		string(d.Status), clean(d.Reason), clean(d.Detail), sqldb.Millis(tx.s.clock.Now()), r.id); err != nil {
		return err
	}
	if err := tx.startNext(ctx, c.id); err != nil || c.status == campaigns.Paused {
		return err
	}
	if err := tx.setStatus(ctx, c.id, campaigns.Finished); err != nil || d.Status != campaigns.RunFailed {
		return err
	}
	return tx.guardFailed(ctx, c)
}
