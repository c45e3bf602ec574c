package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
)

// lockedCampaign is a campaign whose row the transaction holds.
type lockedCampaign struct {
	id, accountID, channelID, runID int64
	status                          campaigns.Status
	nextFireAt                      sqldb.Time
}

func (tx conn) lockCampaign(ctx context.Context, accountID, id int64) (lockedCampaign, error) {
	c := lockedCampaign{id: id, accountID: accountID}
	err := tx.Row(ctx, "SELECT channel_id, run_id, status, next_fire_at FROM campaigns WHERE id = ? AND account_id = ?"+tx.d.ForUpdate, id, accountID).
		Scan(&c.channelID, &c.runID, &c.status, &c.nextFireAt)
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

func (tx conn) setCampaign(ctx context.Context, c lockedCampaign, status campaigns.Status, nextFireAt any) error {
	_, err := tx.Exec(ctx, "UPDATE campaigns SET status = ?, next_fire_at = ?, updated_at = ? WHERE id = ?",
		string(status), nextFireAt, sqldb.Millis(tx.s.clock.Now()), c.id)
	return err
}

// StartRun fires a campaign for an instant: one transaction that makes the run,
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
		run, err = tx.fire(ctx, c, instant)
		return err
	})
	return run, err
}

func (tx conn) fire(ctx context.Context, c lockedCampaign, instant time.Time) (campaigns.Run, error) {
	now := tx.s.clock.Now()
	run := campaigns.Run{
		AccountID: c.accountID, CampaignID: c.id, ChannelID: c.channelID, Instant: instant.UTC(),
		Status: campaigns.RunPlanning, CreatedAt: now,
	}
	snippets, err := tx.snippetsOfRun(ctx, c)
	if err != nil {
		return run, fmt.Errorf("read snippets of campaign %d: %w", c.id, err)
	}
	run.ID, err = tx.Insert(ctx, "INSERT INTO runs (account_id, campaign_id, channel_id, instant, status, snippets, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
		run.AccountID, run.CampaignID, run.ChannelID, sqldb.Millis(run.Instant), string(run.Status), mustJSON(snippets), sqldb.Millis(now))
	if err != nil {
		return run, fmt.Errorf("make run: %w", err)
	}
	_, err = tx.Exec(ctx, "UPDATE campaigns SET status = 'running', next_fire_at = NULL, run_id = ?, updated_at = ? WHERE id = ?", run.ID, sqldb.Millis(now), c.id)
	return run, err
}

// ScheduleCampaign lets a draft fire at a later time, or moves that time.
func (s *Store) ScheduleCampaign(ctx context.Context, accountID, campaignID int64, at time.Time) error {
	return s.inTx(ctx, func(tx conn) error {
		c, err := tx.lockCampaign(ctx, accountID, campaignID)
		if err != nil {
			return err
		}
		if err := c.mustBe("scheduled", "duplicate it to send it again", campaigns.Draft, campaigns.Scheduled); err != nil {
			return err
		}
		return tx.setCampaign(ctx, c, campaigns.Scheduled, sqldb.Millis(at))
	})
}

// FireDue fires the scheduled campaigns whose time has come and returns their
// runs.
func (s *Store) FireDue(ctx context.Context) ([]campaigns.Run, error) {
	type due struct {
		accountID, id int64
	}
	now := s.clock.Now()
	list, err := sqldb.Structs(ctx, s.reader(), func(d *due) []any {
		return []any{&d.accountID, &d.id}
	}, "SELECT account_id, id FROM campaigns WHERE next_fire_at IS NOT NULL AND next_fire_at <= ? AND status = 'scheduled' ORDER BY next_fire_at LIMIT 100",
		sqldb.Millis(now))
	if err != nil {
		return nil, s.translate(err)
	}
	var runs []campaigns.Run
	for _, d := range list {
		var fired []campaigns.Run
		err := s.inTx(ctx, func(tx conn) error {
			fired = nil
			c, err := tx.lockCampaign(ctx, d.accountID, d.id)
			if err != nil {
				return err
			}
			// Another scheduler, or a person, was faster.
			if c.status != campaigns.Scheduled || c.nextFireAt.IsZero() || c.nextFireAt.After(now) {
				return nil
			}
			run, err := tx.fire(ctx, c, c.nextFireAt.Time)
			fired = []campaigns.Run{run}
			return err
		})
		if err != nil {
			return runs, err
		}
		runs = append(runs, fired...)
	}
	return runs, nil
}

// PauseCampaign stops a campaign: from the commit on nothing of it is claimed.
// What was queued goes back to pending.
func (s *Store) PauseCampaign(ctx context.Context, accountID, campaignID int64, _ string) error {
	return s.withdraw(ctx, func(tx conn) error {
		c, err := tx.lockCampaign(ctx, accountID, campaignID)
		if err != nil {
			return err
		}
		if err := c.mustBe("paused", "only a scheduled or running campaign can", campaigns.Running, campaigns.Scheduled); err != nil {
			return err
		}
		return tx.pause(ctx, c, "")
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
		if err != nil || c.status != campaigns.Running || c.runID != runID {
			return err
		}
		return tx.pause(ctx, c, clean(why))
	})
}

func (tx conn) pause(ctx context.Context, c lockedCampaign, why string) error {
	if c.status == campaigns.Running {
		if _, err := tx.Exec(ctx, "UPDATE runs SET status = 'paused', reason = ? WHERE id = ? AND finished_at IS NULL", why, c.runID); err != nil {
			return err
		}
		if err := tx.takeBack(ctx, windowOf{channelID: c.channelID, runID: c.runID}, messages.ReasonPaused); err != nil {
			return err
		}
	}
	return tx.setCampaign(ctx, c, campaigns.Paused, sqldb.Millis(c.nextFireAt.Time))
}

// ResumeCampaign goes on from exactly where PauseCampaign stopped.
func (s *Store) ResumeCampaign(ctx context.Context, accountID, campaignID int64, _ string) error {
	return s.inTx(ctx, func(tx conn) error {
		c, err := tx.lockCampaign(ctx, accountID, campaignID)
		if err != nil {
			return err
		}
		if err := c.mustBe("resumed", "only a paused campaign can", campaigns.Paused); err != nil {
			return err
		}
		status := campaigns.Running
		if c.runID == 0 {
			status = campaigns.Scheduled
		} else if _, err := tx.Exec(ctx, "UPDATE runs SET status = CASE WHEN plan_done THEN 'sending' ELSE 'planning' END, reason = '' WHERE id = ? "+
			"AND status = 'paused'", c.runID); err != nil {
			return err
		}
		return tx.setCampaign(ctx, c, status, sqldb.Millis(c.nextFireAt.Time))
	})
}

// CancelCampaign ends a campaign for good: from the commit on nothing of it is
// claimed. Its waiting messages become canceled; CancelPending sees to those
// that are not in the window.
func (s *Store) CancelCampaign(ctx context.Context, accountID, campaignID int64, actor string) error {
	return s.withdraw(ctx, func(tx conn) error {
		c, err := tx.lockCampaign(ctx, accountID, campaignID)
		if err != nil {
			return err
		}
		if err := c.mustBe("canceled", "only a scheduled, running or paused campaign can; a draft can be deleted",
			campaigns.Scheduled, campaigns.Running, campaigns.Paused); err != nil {
			return err
		}
		if c.runID != 0 {
			if _, err := tx.Exec(ctx, "UPDATE runs SET status = 'canceled', reason = ? WHERE id = ? AND finished_at IS NULL", "canceled by "+clean(actor),
				c.runID); err != nil {
				return err
			}
			if err := tx.cancelWindow(ctx, windowOf{channelID: c.channelID, runID: c.runID}, messages.ReasonCanceled, "by "+actor); err != nil {
				return err
			}
		}
		return tx.setCampaign(ctx, c, campaigns.Canceled, nil)
	})
}

// cancelBatch bounds the messages that one transaction cancels, so that claims
// and the API go on in between.
const cancelBatch = 5000

// CancelPending cancels a batch of the waiting messages of canceled runs and
// reports whether there may be more.
func (s *Store) CancelPending(ctx context.Context) (more bool, err error) {
	var runID, channelID int64
	var reason string
	err = s.reader().Row(ctx, `SELECT r.id, r.channel_id, r.reason FROM runs r JOIN run_counts c ON c.run_id = r.id
		WHERE r.finished_at IS NULL AND r.status = 'canceled' GROUP BY r.id, r.channel_id, r.reason HAVING SUM(c.pending) > 0 ORDER BY r.id LIMIT 1`).
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
			where: fragment{"id " + tx.d.InQuery("SELECT id FROM messages "+tx.d.pendingIndex+" WHERE channel_id = ? AND run_id = ? AND "+phasePending+
				" ORDER BY due_at, id LIMIT ?"+tx.d.SkipLocked), []any{channelID, runID, cancelBatch}},
		}); err != nil {
			return err
		}
		return l.close(ctx, shardOperator)
	})
	return true, err
}

// windowOf selects queued messages: of a channel, and of one run of it unless
// runID is 0.
type windowOf struct {
	channelID, runID int64
}

func (w windowOf) where() fragment {
	where := fragment{"channel_id = ? AND " + phaseInFlight, []any{w.channelID}}
	if w.runID != 0 {
		where = fragment{where.sql + " AND run_id = ?", append(where.args, w.runID)}
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
