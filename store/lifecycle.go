package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"carillon/campaigns"
	"carillon/campaigns/schedule"
	"carillon/internal/fault"
	"carillon/internal/zone"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
)

// lockedCampaign is a campaign whose row the transaction holds.
type lockedCampaign struct {
	id, accountID, channelID, runID, version int64
	status                                   campaigns.Status
	nextFireAt, lookAt, behindAt             sqldb.Time
	fired                                    int
	pause, schedulePause                     campaigns.Pause
	schedule                                 campaigns.Schedule
	// zone is the channel's, zones the zone database by which lookAt was reckoned.
	zone, zones string
	// versioned says that a run has kept the version, renders that its content may name
	// snippets, and templated that it may name a template.
	versioned, renders, templated bool
	// holidays are the calendars that the schedule excludes, if they have been read.
	holidays map[int64]schedule.Holidays
}

const selectLocked = `SELECT k.id, k.account_id, k.channel_id, k.run_id, k.version, k.status, k.next_fire_at, k.look_at, k.behind_at, k.fired, k.pause,
	k.schedule_pause, k.schedule, (SELECT timezone FROM channels h WHERE h.id = k.channel_id), k.zones,
	EXISTS (SELECT 1 FROM campaign_versions v WHERE v.campaign_id = k.id AND v.version = k.version), k.content LIKE '%render%',
	k.content LIKE '%template":%' FROM campaigns k `

func scanLocked(scan sqldb.Scan) (c lockedCampaign, err error) {
	var pause, schedulePause, schedule []byte
	if err := scan(&c.id, &c.accountID, &c.channelID, &c.runID, &c.version, &c.status, &c.nextFireAt, &c.lookAt, &c.behindAt, &c.fired, &pause,
		&schedulePause, &schedule, &c.zone, &c.zones, &c.versioned, &c.renders, &c.templated); err != nil {
		return c, err
	}
	return c, readParts(c.id, part{"pause", pause, &c.pause}, part{"schedule_pause", schedulePause, &c.schedulePause}, part{"schedule", schedule, &c.schedule})
}

func (tx conn) lockCampaign(ctx context.Context, accountID, id int64) (lockedCampaign, error) {
	c, err := scanLocked(tx.Row(ctx, selectLocked+"WHERE k.id = ? AND k.account_id = ?"+tx.d.Lock(tx.d.ForUpdate, "k"), id, accountID).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return c, fault.New(fault.NotFound, "there is no campaign %d", id)
	}
	return c, err
}

// mustBe refuses an action that the campaign's status forbids.
func (c lockedCampaign) mustBe(action, hint string, allowed ...campaigns.Status) error {
	for _, status := range allowed {
		if c.status == status {
			return nil
		}
	}
	return fault.New(fault.Conflict, "campaign %d is %s and can't be %s: %s", c.id, c.status, action, hint)
}

// StartRun fires a campaign that fires once: one transaction that makes the run,
// unique for the instant, and moves the campaign on. A campaign that is running
// already is a conflict.
func (s *Store) StartRun(ctx context.Context, accountID, campaignID int64, instant time.Time) (run campaigns.Run, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		c, err := tx.lockCampaign(ctx, accountID, campaignID)
		if err != nil {
			return err
		}
		if err := c.mustBe("started", "duplicate it to send it again", campaigns.Draft, campaigns.Scheduled); err != nil {
			return err
		}
		if err := tx.mayStart(ctx, c); err != nil {
			return err
		}
		began, err := tx.takeDown(ctx, func(w *turnWriter) error {
			w.aims = append(w.aims, aim{of: &c})
			return w.decide(ctx, &c, campaigns.RunScheduled, campaigns.Decision{Instant: instant, Status: campaigns.RunPlanning})
		})
		if err != nil {
			return err
		}
		if len(began) == 0 {
			return fault.New(fault.Conflict, "campaign %d can't be started: what it says can't be made any more; look at its preview", c.id)
		}
		run = began[0]
		return nil
	})
	return run, err
}

// ScheduleCampaign lets a draft fire once at a later time, or moves that time.
func (s *Store) ScheduleCampaign(ctx context.Context, accountID, campaignID int64, at time.Time) error {
	return s.inTx(ctx, func(tx conn) error {
		c, err := tx.lockCampaign(ctx, accountID, campaignID)
		if err != nil {
			return err
		}
		if err := c.mustBe("scheduled", "duplicate it to send it again", campaigns.Draft, campaigns.Scheduled); err != nil {
			return err
		}
		if err := tx.mayStart(ctx, c); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE campaigns SET status = 'scheduled', next_fire_at = ?, look_at = ?, zones = ?, updated_at = ? WHERE id = ?",
			sqldb.Millis(at), sqldb.Millis(at), zone.Rules(), sqldb.Millis(s.clock.Now()), c.id)
		return err
	})
}

// PauseCampaign stops a campaign: from the commit on nothing of it is claimed, and
// none of its instants fires. What was queued goes back to pending.
func (s *Store) PauseCampaign(ctx context.Context, accountID, campaignID int64, actor string) error {
	return s.withdraw(ctx, func(tx conn) error {
		c, err := tx.lockUpToDate(ctx, accountID, campaignID)
		if err != nil {
			return err
		}
		if err := c.mustBe("paused", "only a scheduled or running campaign can", campaigns.Running, campaigns.Scheduled); err != nil {
			return err
		}
		return tx.pause(ctx, c, campaigns.Pause{Since: s.clock.Now(), By: clean(actor)})
	})
}

// PauseRun pauses the campaign of a run that goes wrong; why is kept as the run's
// reason until it is resumed. It changes nothing when the run is not under way.
func (s *Store) PauseRun(ctx context.Context, runID int64, why string) error {
	return s.inTx(ctx, func(tx conn) error {
		var accountID, campaignID int64
		if err := tx.Row(ctx, "SELECT account_id, campaign_id FROM runs WHERE id = ?", runID).Scan(&accountID, &campaignID); err != nil {
			return err
		}
		c, err := tx.lockCampaign(ctx, accountID, campaignID)
		if err != nil || c.status != campaigns.Running {
			return err
		}
		open, err := tx.openRuns(ctx, campaignID)
		if err != nil || !slices.ContainsFunc(open, func(r openRun) bool { return r.id == runID }) {
			return err
		}
		return tx.pause(ctx, c, campaigns.Pause{Since: s.clock.Now(), Why: clean(why)})
	})
}

// openRun is a run that is under way.
type openRun struct {
	id, channelID int64
	// aside says that it is a resend or the run of a step, and stands in the way of no
	// instant.
	aside bool
}

// openRuns are the runs of a campaign that are under way.
func (tx conn) openRuns(ctx context.Context, campaignID int64) ([]openRun, error) {
	return sqldb.Structs(ctx, tx, func(r *openRun) []any { return []any{&r.id, &r.channelID, &r.aside} },
		"SELECT id, channel_id, kind IN ('resend', 'step') FROM runs WHERE campaign_id = ? AND finished_at IS NULL AND status IN ('planning', 'sending', 'paused') "+
			"ORDER BY id", campaignID)
}

// pause pauses a campaign; those in charge are told of a pause by nobody.
func (tx conn) pause(ctx context.Context, c lockedCampaign, p campaigns.Pause) error {
	open, err := tx.openRuns(ctx, c.id)
	if err != nil {
		return err
	}
	for _, run := range open {
		if _, err := tx.Exec(ctx, "UPDATE runs SET status = 'paused', reason = ? WHERE id = ?", p.Why, run.id); err != nil {
			return err
		}
		if err := tx.takeBack(ctx, windowOf(run), messages.ReasonPaused); err != nil {
			return err
		}
	}
	// Instants that come meanwhile are left out; what fires once waits.
	_, err = tx.Exec(ctx, "UPDATE campaigns SET status = 'paused', pause = ?, look_at = CASE WHEN ? THEN look_at END, updated_at = ? WHERE id = ?",
		mustJSON(p), c.schedule.Recurs(), sqldb.Millis(tx.s.clock.Now()), c.id)
	if err != nil || p.By != "" {
		return err
	}
	var name string
	if err := tx.Row(ctx, "SELECT name FROM campaigns WHERE id = ?", c.id).Scan(&name); err != nil {
		return err
	}
	return tx.mailTrouble(ctx, c.accountID, 0, campaigns.PausedMail(c.id, name, p.Why))
}

// ResumeCampaign goes on from exactly where PauseCampaign stopped. Of a recurring
// campaign the instants of the pause stay left out.
func (s *Store) ResumeCampaign(ctx context.Context, accountID, campaignID int64, _ string) error {
	return s.inTx(ctx, func(tx conn) error {
		c, err := tx.lockUpToDate(ctx, accountID, campaignID)
		if err != nil {
			return err
		}
		if err := c.mustBe("resumed", "only a paused campaign can", campaigns.Paused); err != nil {
			return err
		}
		if err := tx.leaveOutPaused(ctx, c); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx,
			"UPDATE runs SET status = CASE WHEN plan_done OR kind = 'step' THEN 'sending' ELSE 'planning' END, reason = '', guard = 'released' "+
				"WHERE campaign_id = ? AND status = 'paused'", c.id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE campaigns SET status = 'running', pause = '{}', look_at = next_fire_at WHERE id = ?", c.id); err != nil {
			return err
		}
		if c.schedule.Recurs() {
			if err := tx.reckon(ctx, c.accountID, c.id); err != nil {
				return err
			}
		}
		return tx.settleCampaign(ctx, c.id, campaigns.Finished)
	})
}

// leaveOutPaused takes down the instants that came while nobody looked at a recurring
// campaign, because its schedule could not be reckoned. It is Invalid if that is so
// still.
func (tx conn) leaveOutPaused(ctx context.Context, c lockedCampaign) error {
	if !c.schedule.Recurs() || !c.lookAt.IsZero() {
		return nil
	}
	if _, err := tx.timetable(ctx, c); err != nil {
		return err
	}
	_, err := tx.turnAll(ctx, []lockedCampaign{c})
	return err
}

// CancelCampaign ends a campaign for good: from the commit on nothing of it is
// claimed. Its waiting messages become canceled; CancelPending sees to those
// that are not in the window.
func (s *Store) CancelCampaign(ctx context.Context, accountID, campaignID int64, actor string) error {
	return s.withdraw(ctx, func(tx conn) error {
		c, err := tx.lockUpToDate(ctx, accountID, campaignID)
		if err != nil {
			return err
		}
		if err := c.mustBe("canceled", "only a scheduled, running or paused campaign can; a draft can be deleted",
			campaigns.Scheduled, campaigns.Running, campaigns.Paused); err != nil {
			return err
		}
		if err := tx.cancelRuns(ctx, c, "canceled by "+clean(actor), "by "+actor); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE campaigns SET status = 'canceled', next_fire_at = NULL, look_at = NULL, updated_at = ? WHERE id = ?",
			sqldb.Millis(s.clock.Now()), c.id)
		return err
	})
}

// cancelRuns cancels the runs of a campaign that are under way or wait.
func (tx conn) cancelRuns(ctx context.Context, c lockedCampaign, reason, detail string) error {
	open, err := tx.openRuns(ctx, c.id)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "UPDATE runs SET status = 'canceled', reason = ?, starts_at = NULL WHERE campaign_id = ? AND finished_at IS NULL "+
		"AND status = 'waiting'", reason, c.id); err != nil {
		return err
	}
	return tx.cancelOpen(ctx, open, reason, detail)
}

// cancelOpen cancels runs that are under way.
func (tx conn) cancelOpen(ctx context.Context, open []openRun, reason, detail string) error {
	for _, run := range open {
		if _, err := tx.Exec(ctx, "UPDATE runs SET status = 'canceled', reason = ? WHERE id = ?", reason, run.id); err != nil {
			return err
		}
		if err := tx.cancelWindow(ctx, windowOf(run), messages.ReasonCanceled, detail); err != nil {
			return err
		}
	}
	return nil
}

// FailRun ends a run that can't be planned: nothing of it is sent from the commit on,
// and why is kept as its reason.
func (s *Store) FailRun(ctx context.Context, runID int64, why string) error {
	return s.withdraw(ctx, func(tx conn) error {
		var campaignID, channelID int64
		if err := tx.Row(ctx, "SELECT campaign_id, channel_id FROM runs WHERE id = ?", runID).Scan(&campaignID, &channelID); err != nil {
			return err
		}
		status, err := tx.lockRun(ctx, campaignID, runID)
		if err != nil || status != campaigns.RunPlanning {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE runs SET status = 'failed', reason = ? WHERE id = ?", clean(why), runID); err != nil {
			return err
		}
		return tx.cancelWindow(ctx, windowOf{id: runID, channelID: channelID}, messages.ReasonCanceled, clean(why))
	})
}

// cancelBatch bounds the messages that one transaction cancels, so that claims
// and the API go on in between.
const cancelBatch = 5000

// CancelPending cancels a batch of the waiting messages of canceled and failed runs and
// reports whether there may be more.
func (s *Store) CancelPending(ctx context.Context) (more bool, err error) {
	var runID, channelID int64
	var reason string
	err = s.reader().Row(ctx, `SELECT r.id, r.channel_id, r.reason FROM runs r JOIN run_counts c ON c.run_id = r.id
		WHERE r.finished_at IS NULL AND r.status IN ('canceled', 'failed') GROUP BY r.id, r.channel_id, r.reason HAVING SUM(c.pending) > 0 ORDER BY r.id LIMIT 1`).
		Scan(&runID, &channelID, &reason)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, s.translate(err)
	}
	err = s.inTx(ctx, func(tx conn) error {
		l := tx.ledger()
		if _, err := l.swap(ctx, change{
			move: moves.cancel.narrowed(messages.Pending), args: []any{messages.ReasonCanceled, reason, sqldb.Millis(s.clock.Now())},
			whose: &countKey{runID, channelID},
			picked: fragment{"SELECT id FROM messages " + tx.d.pendingIndex + " WHERE channel_id = ? AND run_id = ? AND " + phasePending +
				" ORDER BY due_at, id LIMIT ?" + tx.d.SkipLocked, []any{channelID, runID, cancelBatch}},
		}); err != nil {
			return err
		}
		return l.close(ctx, shardOperator)
	})
	return true, err
}

// windowOf selects queued messages: of a run and channel, or of all runs of a channel
// if there is no id of one.
type windowOf openRun

func (w windowOf) where() fragment {
	where := fragment{"channel_id = ? AND " + phaseInFlight, []any{w.channelID}}
	if w.id != 0 {
		where = fragment{where.sql + " AND run_id = ?", append(where.args, w.id)}
	}
	return where
}

// takeBack moves what is in a window back to pending; a window's worth of messages
// at most. Workers that hold a task for them will claim nothing, and give back
// what they have claimed and not asked for.
func (tx conn) takeBack(ctx context.Context, w windowOf, reason string) error {
	return tx.emptyWindow(ctx, change{
		move: moves.withdraw, args: []any{reason}, where: w.where(), tell: moves.withdraw.tells(tx.s.clock.Now(), reason, ""),
	})
}

// cancelWindow cancels what is in a window, as takeBack takes it back.
func (tx conn) cancelWindow(ctx context.Context, w windowOf, reason, detail string) error {
	return tx.emptyWindow(ctx, change{
		move: moves.cancel.narrowed(messages.Queued), args: []any{reason, nullText(detail), sqldb.Millis(tx.s.clock.Now())}, where: w.where(),
	})
}

func (tx conn) emptyWindow(ctx context.Context, c change) error {
	l := tx.ledger()
	if _, err := l.swap(ctx, c); err != nil {
		return err
	}
	if err := l.close(ctx, shardOperator); err != nil {
		return err
	}
	return tx.halt(ctx)
}

// PauseChannel stops everything on a channel, transactional messages too.
func (s *Store) PauseChannel(ctx context.Context, accountID, channelID int64, actor string) error {
	return s.setChannelStatus(ctx, accountID, channelID, providers.ChannelPaused, "paused by "+actor)
}

// ResumeChannel lets a paused or stopped channel send again. It begins anew: what
// the provider said before holds no longer.
func (s *Store) ResumeChannel(ctx context.Context, accountID, channelID int64, _ string) error {
	return s.setChannelStatus(ctx, accountID, channelID, providers.ChannelActive, "")
}

// setChannelStatus pauses or resumes a channel. Its health begins anew with that.
func (s *Store) setChannelStatus(ctx context.Context, accountID, channelID int64, status providers.ChannelStatus, reason string) error {
	return s.withdraw(ctx, func(tx conn) error {
		anew, reconsider := 0, nothingChanged
		if status == providers.ChannelActive {
			anew, reconsider = 1, begunAnew
		}
		now := sqldb.Millis(s.clock.Now())
		n, err := tx.Exec(ctx, "UPDATE channels SET status = ?, status_reason = ?, status_since = CASE WHEN status = ? "+
			"AND status_since IS NOT NULL THEN status_since ELSE ? END, "+nothingKnown+`, epoch = epoch + ?,
			reconsider = CASE WHEN reconsider < ? THEN ? ELSE reconsider END, `+touch+` WHERE id = ? AND account_id = ? AND deleted_at IS NULL`,
			string(status), clean(reason), string(status), now, anew, reconsider, reconsider, now, now, channelID, accountID)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "there is no channel %d", channelID)
		}
		if status == providers.ChannelActive {
			return nil
		}
		return tx.takeBack(ctx, windowOf{channelID: channelID}, messages.ReasonPaused)
	})
}

// lockChannels waits for the feeders that have looked whether they may feed a
// channel of the account (channelID, or any if it is 0), and holds up those to
// come: what they have marked is seen, and they will see what is written now.
func (tx conn) lockChannels(ctx context.Context, accountID, channelID int64) error {
	return sqldb.Drain(ctx, tx, "SELECT id FROM channels WHERE account_id = ? AND (? = 0 OR id = ?) ORDER BY id"+tx.d.ForUpdate, accountID, channelID, channelID)
}
