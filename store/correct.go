package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/store/sqldb"
	"carillon/targeting"
)

// corrected is a run of a paused campaign whose messages are made anew.
type corrected struct {
	openRun
	// base is the run that it is a resend of, or itself.
	base    int64
	instant time.Time
	// rest are those of its audience who have no message yet.
	rest   picked
	counts messages.Counts
}

// correctable are the runs of a campaign that is held, as it can be corrected now.
func (tx conn) correctable(ctx context.Context, c lockedCampaign) (runs []corrected, err error) {
	if err := c.mustBe("corrected", "pause it first; a draft or scheduled one can be changed as it is", campaigns.Paused); err != nil {
		return nil, err
	}
	open, err := tx.openRuns(ctx, c.id)
	if err != nil {
		return nil, err
	}
	for _, o := range open {
		r := corrected{openRun: o}
		var instant sqldb.Time
		var planned bool
		if err := tx.Row(ctx, "SELECT CASE WHEN resend_of > 0 THEN resend_of ELSE id END, instant, plan_done FROM runs WHERE id = ?", o.id).
			Scan(&r.base, &instant, &planned); err != nil {
			return nil, err
		}
		r.instant = instant.Time
		if r.counts, err = tx.runCounts(ctx, o.id); err != nil {
			return nil, err
		}
		if n := r.counts[messages.Sending]; n > 0 {
			return nil, &fault.Error{Code: fault.Conflict, Err: campaigns.ErrStillSending, Message: fmt.Sprintf(
				"%d messages of campaign %d are at the provider just now: try again when it is known what became of them", n, c.id)}
		}
		if !planned {
			if r.rest, err = tx.unplanned(ctx, o.id); err != nil {
				return nil, err
			}
		}
		runs = append(runs, r)
	}
	if len(runs) == 0 {
		return nil, fault.New(fault.Conflict, "nothing of campaign %d is under way: duplicate it and change the copy", c.id)
	}
	return runs, nil
}

// unplanned are those of a run's audience whom the planner has not come to.
func (tx conn) unplanned(ctx context.Context, runID int64) (picked, error) {
	p, err := tx.loadPlanned(ctx, runID)
	if err != nil {
		return picked{}, err
	}
	byOwn := p.audience.Of.NotWaiting || p.audience.Exclude != nil && p.audience.Exclude.Received != nil
	if p.mustFreeze() || p.unfed || byOwn && p.run.Kind != campaigns.RunResend {
		return picked{}, fault.New(fault.Conflict, "the audience of campaign %d is not expanded yet: resume it, pause it again in a moment, and try again; "+
			"or cancel it and change a copy", p.run.CampaignID)
	}
	compiled, err := tx.compileAudience(ctx, p.channel, p.audience, p.category, p.run.Instant)
	if err != nil {
		return picked{}, err
	}
	if p.frozen {
		compiled.in, compiled.out = frozen(runID, frozenIn), frozen(runID, frozenOut)
	}
	return picked{compiled.members(p.run.Cursor, pastEveryID), "contact_id"}, nil
}

// waiting are those of a run to whom nothing has gone out.
func (r corrected) waiting(tx conn) picked {
	p := tx.pickOf([]int64{r.id}, []messages.State{messages.Pending, messages.Queued}, &targeting.ByMessages{})
	if r.rest.there() {
		p.sql, p.args = "SELECT w.contact_id FROM ("+p.sql+" UNION SELECT u.contact_id FROM ("+r.rest.sql+") u) w", slices.Concat(p.args, r.rest.args)
	}
	return p
}

// haveIt is how many of a run's messages have gone out, or may have.
func (r corrected) haveIt() int64 {
	return r.counts[messages.Sent] + r.counts[messages.Delivered] + r.counts[messages.Read] + r.counts[messages.Unknown]
}

// PreviewCorrection says what CorrectCampaign would do now.
func (s *Store) PreviewCorrection(ctx context.Context, accountID, id int64) (p campaigns.Correction, err error) {
	c, err := s.GetCampaign(ctx, accountID, id)
	if err != nil {
		return p, err
	}
	tx := s.reader()
	runs, err := tx.correctable(ctx, lockedCampaign{id: c.ID, accountID: accountID, status: c.Status})
	if err != nil {
		return p, s.translate(err)
	}
	for _, r := range runs {
		n, err := tx.countPicked(ctx, r.waiting(tx))
		if err != nil {
			return p, s.translate(err)
		}
		p.Recipients += n
		p.HaveIt += r.haveIt()
	}
	return p, nil
}

// CorrectCampaign changes what a paused campaign says, for those to whom nothing has gone
// out. A run keeps what it began with, so that what was sent can be made again as it was:
// its waiting messages are canceled, and their people are frozen as those of another run.
func (s *Store) CorrectCampaign(ctx context.Context, to campaigns.Campaign, actor string) (done campaigns.Correction, err error) {
	err = s.withdraw(ctx, func(tx conn) error {
		done = campaigns.Correction{}
		c, err := tx.lockUpToDate(ctx, to.AccountID, to.ID)
		if err != nil {
			return err
		}
		runs, err := tx.correctable(ctx, c)
		if err != nil {
			return err
		}
		if err := tx.mayChangeApproved(ctx, c, to); err != nil {
			return err
		}
		if err := tx.holdSnippets(ctx, to); err != nil {
			return err
		}
		if err := tx.holdFiles(ctx, to.AccountID, "content.attachment.media_id", mustJSON(kept(to))); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE campaigns SET version = version + 1, content = ?, updated_at = ? WHERE id = ?",
			mustJSON(kept(to)), sqldb.Millis(s.clock.Now()), c.id); err != nil {
			return err
		}
		if c, err = tx.lockCampaign(ctx, to.AccountID, to.ID); err != nil {
			return err
		}
		for _, r := range runs {
			if err := tx.correctRun(ctx, &c, r, actor, &done); err != nil {
				return err
			}
		}
		if done.Recipients == 0 {
			return fault.New(fault.Conflict, "everybody of campaign %d has got it, or can't get it: there is nobody left to correct it for", c.id)
		}
		return nil
	})
	return done, err
}

// correctRun puts a run of what its campaign says now in the place of one that is paused.
func (tx conn) correctRun(ctx context.Context, c *lockedCampaign, r corrected, actor string, done *campaigns.Correction) error {
	done.HaveIt += r.haveIt()
	n, err := tx.countPicked(ctx, r.waiting(tx))
	if err != nil || n == 0 {
		return err
	}
	d := campaigns.Decision{Status: campaigns.RunPlanning, Detail: "corrected by " + actor}
	if d.Instant, err = tx.freeInstant(ctx, c.id, r.instant); err != nil {
		return err
	}
	began, err := tx.takeDown(ctx, func(w *turnWriter) error { return w.resend(ctx, c, d) })
	if err != nil {
		return err
	}
	if len(began) == 0 {
		return fault.New(fault.Conflict, "campaign %d can't be corrected like this: what it says can't be made; look at its preview", c.id)
	}
	id := began[0].ID
	out, err := tx.excludedByMessages(ctx, c.accountID, c.id)
	if err != nil {
		return err
	}
	if n, err = tx.freezeMembers(ctx, id, r.waiting(tx), out); err != nil {
		return err
	}
	done.Recipients += n
	if _, err := tx.Exec(ctx, "UPDATE runs SET resend_of = ?, status = 'paused', reason = ? WHERE id = ?", r.base, c.pause.Why, id); err != nil {
		return err
	}
	if err := tx.cancelOpen(ctx, []openRun{r.openRun}, "corrected by "+clean(actor), "by "+actor+", who corrected it"); err != nil {
		return err
	}
	run, err := scanRun(tx.Row(ctx, selectRun+" WHERE r.id = ?", id).Scan)
	done.Runs = append(done.Runs, run)
	return err
}
