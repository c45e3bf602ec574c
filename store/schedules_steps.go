package store

import (
	"context"
	"time"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/store/sqldb"
)

// lockUpToDate locks a campaign of which everything that has come is decided: what a
// person changes holds from now on.
func (tx conn) lockUpToDate(ctx context.Context, accountID, id int64) (lockedCampaign, error) {
	for {
		c, err := tx.lockCampaign(ctx, accountID, id)
		if err != nil || !c.schedule.Recurs() || c.lookAt.IsZero() || c.lookAt.After(tx.s.clock.Now()) {
			return c, err
		}
		standing, err := tx.standing(ctx, c)
		if err != nil {
			return c, err
		}
		if _, err := tx.takeDown(ctx, func(w *turnWriter) error { return w.turn(ctx, &c, standing) }); err != nil {
			return c, err
		}
	}
}

// lockRecurring locks a recurring campaign that has been started and is not over.
func (tx conn) lockRecurring(ctx context.Context, accountID, id int64, action string) (lockedCampaign, *campaigns.Timetable, error) {
	c, err := tx.lockUpToDate(ctx, accountID, id)
	if err != nil {
		return c, nil, err
	}
	if !c.schedule.Recurs() {
		return c, nil, campaigns.DoesNotRecur(id)
	}
	if err := c.mustBe(action, "start it first", campaigns.Scheduled, campaigns.Running, campaigns.Paused); err != nil {
		return c, nil, err
	}
	t, err := tx.timetable(ctx, c)
	return c, t, err
}

// StartRecurring lets a draft fire at the instants of its schedule from now on.
func (s *Store) StartRecurring(ctx context.Context, accountID, campaignID int64) error {
	return s.inTx(ctx, func(tx conn) error {
		c, err := tx.lockCampaign(ctx, accountID, campaignID)
		if err != nil {
			return err
		}
		if err := c.mustBe("started", "it fires at its instants", campaigns.Draft); err != nil {
			return err
		}
		if err := tx.mayStart(ctx, c); err != nil {
			return err
		}
		// A calendar that is changed at this moment does not know of the campaign yet.
		if err := tx.holdHolidays(ctx, accountID, c.schedule); err != nil {
			return err
		}
		t, err := tx.timetable(ctx, c)
		if err != nil {
			return err
		}
		return tx.aim(ctx, &c, t, campaigns.Standing{CampaignID: c.id, Behind: s.clock.Now()})
	})
}

// aimAnew reckons anew when a recurring campaign fires, from now on: its schedule has
// changed.
func (tx conn) aimAnew(ctx context.Context, accountID, campaignID int64) error {
	if _, err := tx.Exec(ctx, "UPDATE campaigns SET behind_at = ? WHERE id = ?", sqldb.Millis(tx.s.clock.Now()), campaignID); err != nil {
		return err
	}
	return tx.reckon(ctx, accountID, campaignID)
}

// reckon reckons when a recurring campaign fires from where it stands.
func (tx conn) reckon(ctx context.Context, accountID, campaignID int64) error {
	c, err := tx.lockCampaign(ctx, accountID, campaignID)
	if err != nil {
		return err
	}
	t, err := tx.timetable(ctx, c)
	if err != nil {
		return err
	}
	standing, err := tx.standing(ctx, c)
	if err != nil {
		return err
	}
	return tx.aim(ctx, &c, t, standing)
}

// PauseSchedule keeps the instants of a recurring campaign from firing; the zero Pause
// lets them fire again.
func (s *Store) PauseSchedule(ctx context.Context, accountID, campaignID int64, p campaigns.Pause) error {
	return s.inTx(ctx, func(tx conn) error {
		c, t, err := tx.lockRecurring(ctx, accountID, campaignID, "paused or resumed")
		if err != nil {
			return err
		}
		p.By, p.Why = clean(p.By), clean(p.Why)
		c.schedulePause = p
		standing, err := tx.standing(ctx, c)
		if err != nil {
			return err
		}
		return tx.aim(ctx, &c, t, standing)
	})
}

// TriggerRun makes a run of a recurring campaign now, beside its schedule.
func (s *Store) TriggerRun(ctx context.Context, accountID, campaignID int64, actor string) (run campaigns.Run, err error) {
	err = s.withdraw(ctx, func(tx conn) error {
		c, t, err := tx.lockRecurring(ctx, accountID, campaignID, "triggered")
		if err != nil {
			return err
		}
		if err := c.mustBe("triggered", "resume it", campaigns.Scheduled, campaigns.Running); err != nil {
			return err
		}
		standing, err := tx.standing(ctx, c)
		if err != nil {
			return err
		}
		d := t.Trigger(sqldb.Rounded(s.clock.Now()), standing.Open, standing.Waiting)
		if d.Status == campaigns.RunSkipped {
			return fault.New(fault.Conflict, "campaign %d has a run under way, and while_running leaves out what comes meanwhile (%s): wait for its end", c.id, d.Detail)
		}
		d.Detail = "asked for by " + actor
		if _, err := tx.takeDown(ctx, func(w *turnWriter) error {
			w.aim(&c, t, standing)
			return w.decide(ctx, &c, campaigns.RunTriggered, d)
		}); err != nil {
			return err
		}
		run, err = tx.runAt(ctx, c.id, d.Instant)
		return err
	})
	return run, err
}

// SkipNext leaves the next instant out that fires: it is recorded now.
func (s *Store) SkipNext(ctx context.Context, accountID, campaignID int64, actor string) (campaigns.Run, error) {
	return s.decideNext(ctx, accountID, campaignID, campaigns.Decision{
		Status: campaigns.RunSkipped, Reason: campaigns.RunLeftOut, Detail: "by " + actor,
	})
}

// MoveNext lets the next instant that fires start at another time.
func (s *Store) MoveNext(ctx context.Context, accountID, campaignID int64, to time.Time, actor string) (campaigns.Run, error) {
	return s.decideNext(ctx, accountID, campaignID, campaigns.Decision{
		Status: campaigns.RunWaiting, Reason: campaigns.RunMoved, Detail: "by " + actor, StartsAt: to,
	})
}

// decideNext decides of the next instant of a campaign before it comes.
func (s *Store) decideNext(ctx context.Context, accountID, campaignID int64, d campaigns.Decision) (run campaigns.Run, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		c, t, err := tx.lockRecurring(ctx, accountID, campaignID, "changed")
		if err != nil {
			return err
		}
		if c.nextFireAt.IsZero() {
			return fault.New(fault.Conflict, "campaign %d has no instant to come: its schedule is paused, or over", c.id)
		}
		d := d
		d.Instant = c.nextFireAt.Time
		if _, err := tx.takeDown(ctx, func(w *turnWriter) error { return w.decide(ctx, &c, campaigns.RunScheduled, d) }); err != nil {
			return err
		}
		if run, err = tx.runAt(ctx, c.id, d.Instant); err != nil {
			return err
		}
		standing, err := tx.standing(ctx, c)
		if err != nil {
			return err
		}
		if d.Status == campaigns.RunWaiting {
			standing.Fired++
		}
		return tx.aim(ctx, &c, t, standing)
	})
	return run, err
}

func (tx conn) runAt(ctx context.Context, campaignID int64, instant time.Time) (campaigns.Run, error) {
	return scanRun(tx.Row(ctx, selectRun+" WHERE r.campaign_id = ? AND r.instant = ?", campaignID, sqldb.Millis(instant)).Scan)
}

// Backfill lets instants that nothing fired run one after the other.
func (s *Store) Backfill(ctx context.Context, accountID, campaignID int64, instants []time.Time, actor string) (runs []campaigns.Run, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		runs = nil
		c, _, err := tx.lockRecurring(ctx, accountID, campaignID, "backfilled")
		if err != nil {
			return err
		}
		now := sqldb.Millis(s.clock.Now())
		for _, instant := range instants {
			if _, err := tx.Exec(ctx, `INSERT INTO runs (account_id, campaign_id, channel_id, instant, status, kind, reason, detail, created_at)
				VALUES (?, ?, ?, ?, 'waiting', 'backfill', '', ?, ?)
				ON CONFLICT (campaign_id, instant) DO UPDATE SET status = 'waiting', kind = 'backfill', reason = '', detail = excluded.detail, finished_at = NULL
				WHERE runs.status = 'skipped'`, c.accountID, c.id, c.channelID, sqldb.Millis(instant), "made up for by "+clean(actor), now); err != nil {
				return err
			}
		}
		if err := tx.startNext(ctx, c.id); err != nil {
			return err
		}
		runs, err = tx.runsAt(ctx, c.id, instants[0], instants[len(instants)-1])
		return err
	})
	return runs, err
}

// RunsAt are a campaign's runs of instants within two, both included, in their order.
func (s *Store) RunsAt(ctx context.Context, accountID, campaignID int64, from, to time.Time) ([]campaigns.Run, error) {
	if _, err := s.GetCampaign(ctx, accountID, campaignID); err != nil {
		return nil, err
	}
	runs, err := s.reader().runsAt(ctx, campaignID, from, to)
	return runs, s.translate(err)
}

func (tx conn) runsAt(ctx context.Context, campaignID int64, from, to time.Time) ([]campaigns.Run, error) {
	return sqldb.Query(ctx, tx, scanRun, selectRun+" WHERE r.campaign_id = ? AND r.instant >= ? AND r.instant <= ? ORDER BY r.instant",
		campaignID, sqldb.Millis(from), sqldb.Millis(to))
}
