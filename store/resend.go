package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/targeting"
)

// resent is a run that is sent again, and what is like the filter of it.
type resent struct {
	runID int64
	// all are those who are like the filter, to those of them to whom it goes.
	all, to picked
}

// resent finds the run of a campaign that is to be sent again, and who is meant.
func (tx conn) resent(ctx context.Context, accountID, campaignID int64, r campaigns.Resend) (of resent, err error) {
	query, args := `SELECT CASE WHEN resend_of > 0 THEN resend_of ELSE id END FROM runs WHERE account_id = ? AND campaign_id = ?
		AND status NOT IN ('skipped', 'waiting')`, []any{accountID, campaignID}
	if r.RunID != 0 {
		query, args = query+" AND id = ?", append(args, r.RunID)
	} else {
		query += " AND kind <> 'resend' ORDER BY id DESC LIMIT 1"
	}
	err = tx.Row(ctx, query, args...).Scan(&of.runID)
	switch {
	case errors.Is(err, sql.ErrNoRows) && r.RunID != 0:
		return of, fault.InvalidField("run_id", r.RunID, "is no run of campaign %d that fired: GET /v1/campaigns/%d/runs lists them", campaignID, campaignID)
	case errors.Is(err, sql.ErrNoRows):
		return of, fault.New(fault.Conflict, "nothing of campaign %d has been sent yet: start it", campaignID)
	case err != nil:
		return of, err
	}
	runs, err := sqldb.IDs(ctx, tx, "SELECT id FROM runs WHERE id = ? OR resend_of = ?", of.runID, of.runID)
	if err != nil {
		return of, err
	}
	of.all = tx.pickOf(runs, r.States, &targeting.ByMessages{Reasons: r.Reasons, Not: r.Not})
	of.to = of.all
	planning, err := sqldb.IDs(ctx, tx, "SELECT o.id FROM runs o WHERE o.resend_of = ? AND "+stillPlanned, of.runID)
	if err != nil {
		return of, err
	}
	// Who has it; and who is about to, because another resend is being planned. The OFFSET
	// has PostgreSQL look each up by the index: it knows nothing yet of rows that were just
	// made, and would go through all of them for each.
	const alone = " LIMIT 1 OFFSET 0)"
	of.to.sql += " AND NOT EXISTS (SELECT 1 FROM messages h WHERE h.run_id > 0 AND h.run_id " + tx.d.InIDs + " AND h.contact_id = m.contact_id AND h.state " +
		is(r.Has()...) + alone + " AND NOT EXISTS (SELECT 1 FROM frozen_members z WHERE z.run_id " + tx.d.InIDs +
		" AND z.side = 0 AND z.contact_id = m.contact_id" + alone
	of.to.args = slices.Concat(of.all.args, []any{tx.d.IDList(runs), tx.d.IDList(planning)})
	return of, nil
}

// stillPlanned is true of a run o whose frozen members have no messages yet and will
// have.
const stillPlanned = "NOT o.plan_done AND o.finished_at IS NULL AND o.status IN ('planning', 'paused')"

// resendAudience is the audience of a resend, beside those who are frozen: who is left out
// of the campaign is left out of it. Who had earlier runs is not asked again, of which the
// run that is sent again was one.
func resendAudience(a targeting.Audience) targeting.Audience {
	of := targeting.Owner{Split: a.Of.Split} // who is held out stays so
	if a.Exclude == nil {
		return targeting.Audience{Of: of}
	}
	exclude := *a.Exclude
	exclude.Received = nil
	return targeting.Audience{Exclude: &exclude, Of: of}
}

// mayResend refuses campaigns of which nothing can be sent again.
func (c lockedCampaign) mayResend() error {
	hint := "duplicate it to send it to somebody"
	switch c.status {
	case campaigns.Draft:
		hint = "start it"
	case campaigns.Paused:
		hint = "resume it first"
	}
	return c.mustBe("sent again", hint, campaigns.Finished, campaigns.Running, campaigns.Scheduled)
}

// PreviewResend says what a resend would do now.
func (s *Store) PreviewResend(ctx context.Context, accountID, campaignID int64, r campaigns.Resend) (p campaigns.ResendPreview, err error) {
	c, err := s.GetCampaign(ctx, accountID, campaignID)
	if err != nil {
		return p, err
	}
	if err := (lockedCampaign{id: c.ID, status: c.Status}).mayResend(); err != nil {
		return p, err
	}
	tx := s.reader()
	of, err := tx.resent(ctx, accountID, campaignID, r)
	if err != nil {
		return p, s.translate(err)
	}
	p.RunID = of.runID
	var kind providers.AddressKind
	if err := tx.Row(ctx, "SELECT address_kind FROM channels WHERE id = ?", c.ChannelID).Scan(&kind); err != nil {
		return p, s.translate(err)
	}
	channel := providers.Channel{ID: c.ChannelID, AccountID: accountID, Address: kind}
	compiled, err := tx.compileAudience(ctx, channel, resendAudience(c.Audience), c.CategoryID, s.clock.Now())
	if err != nil {
		return p, s.translate(err)
	}
	compiled.in = of.to
	if p.Preview, err = s.previewPart(ctx, compiled.counts(0, pastEveryID)); err != nil {
		return p, s.translate(err)
	}
	all, err := tx.countPicked(ctx, of.all)
	if err != nil {
		return p, s.translate(err)
	}
	p.HaveIt = max(0, all-p.Total)
	return p, nil
}

// errNobody rolls back a resend that is for nobody.
var errNobody = errors.New("nobody is to be sent it again")

// ResendRun makes a run for those whom another one did not reach, and freezes who they
// are in the same transaction: whoever asks for the same while this one is under way
// finds them left out.
func (s *Store) ResendRun(ctx context.Context, accountID, campaignID int64, r campaigns.Resend, actor string) (run campaigns.Run, n int64, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		c, err := tx.lockUpToDate(ctx, accountID, campaignID)
		if err != nil {
			return err
		}
		if err := c.mayResend(); err != nil {
			return err
		}
		of, err := tx.resent(ctx, accountID, campaignID, r)
		if err != nil {
			return err
		}
		d := campaigns.Decision{Status: campaigns.RunPlanning, Detail: r.Words() + ", asked for by " + actor}
		if d.Instant, err = tx.freeInstant(ctx, campaignID, s.clock.Now()); err != nil {
			return err
		}
		began, err := tx.takeDown(ctx, func(w *turnWriter) error { return w.resend(ctx, &c, d) })
		if err != nil {
			return err
		}
		if len(began) == 0 {
			return fault.New(fault.Conflict, "campaign %d can't be sent again: what it says can't be made any more; look at its preview", c.id)
		}
		run = began[0]
		if _, err := tx.Exec(ctx, "UPDATE runs SET resend_of = ? WHERE id = ?", of.runID, run.ID); err != nil {
			return err
		}
		out, err := tx.excludedByMessages(ctx, accountID, campaignID)
		if err != nil {
			return err
		}
		if n, err = tx.freezeMembers(ctx, run.ID, of.to, out); err != nil {
			return err
		}
		if n == 0 {
			return errNobody
		}
		run, err = scanRun(tx.Row(ctx, selectRun+" WHERE r.id = ?", run.ID).Scan)
		return err
	})
	if errors.Is(err, errNobody) {
		return campaigns.Run{}, 0, nil
	}
	return run, n, err
}

// resend takes a resend down, and where its campaign stands then: its own schedule goes
// on as it was.
func (w *turnWriter) resend(ctx context.Context, c *lockedCampaign, d campaigns.Decision) error {
	if c.schedule.Recurs() {
		t, err := w.timetable(ctx, *c)
		if err != nil {
			return err
		}
		standing, err := w.standing(ctx, *c)
		if err != nil {
			return err
		}
		w.aim(c, t, standing)
	} else {
		w.aims = append(w.aims, aim{of: c})
	}
	return w.decide(ctx, c, campaigns.RunResend, d)
}

// excludedByMessages are those whom a campaign's exclude names by messages.
func (tx conn) excludedByMessages(ctx context.Context, accountID, campaignID int64) (picked, error) {
	c, err := scanCampaign(tx.Row(ctx, selectCampaign+" WHERE id = ?", campaignID).Scan)
	if err != nil {
		return picked{}, err
	}
	_, out := c.Audience.ByMessages()
	return tx.pick(ctx, accountID, out)
}

// freeInstant is the first millisecond from some time on of which a campaign has no run.
func (tx conn) freeInstant(ctx context.Context, campaignID int64, from time.Time) (time.Time, error) {
	for at := sqldb.Rounded(from); ; at = at.Add(time.Millisecond) {
		var taken int
		err := tx.Row(ctx, "SELECT COUNT(*) FROM runs WHERE campaign_id = ? AND instant = ?", campaignID, sqldb.Millis(at)).Scan(&taken)
		if err != nil || taken == 0 {
			return at, err
		}
	}
}
