package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/internal/zone"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/templates"
)

// turnWriter gathers what is decided of the instants of campaigns that the transaction
// holds, and writes it together: thousands of campaigns may be due at one second.
type turnWriter struct {
	conn
	rows []instantRow
	aims []aim
	// failed says of campaigns that their last instant could not be made a run.
	failed map[int64]bool
	began  []campaigns.Run
}

// instantRow is an instant of which something was decided.
type instantRow struct {
	of       *lockedCampaign
	kind     campaigns.RunKind
	decision campaigns.Decision
	// snippets are those that a run keeps that begins.
	snippets string
}

// guard is what the run has as its guard when it begins; a resend is for those whom its
// campaign's guards have let pass.
func (r instantRow) guard() string {
	if r.kind == campaigns.RunResend {
		return ""
	}
	return guardOf(r.of.schedule)
}

// aim is where a campaign stands, and when it is looked at next.
type aim struct {
	of   *lockedCampaign
	at   campaigns.Standing
	next campaigns.Outlook
}

// turn decides of what has come of a campaign.
func (w *turnWriter) turn(ctx context.Context, c *lockedCampaign, standing campaigns.Standing) error {
	if !c.schedule.Recurs() {
		return w.turnOnce(ctx, c)
	}
	t, err := w.timetable(ctx, *c)
	if fault.Is(err, fault.Invalid) {
		// What it needs is not there any more: a zone, or a calendar of holidays.
		if err := w.pause(ctx, *c, campaigns.Pause{Since: w.s.clock.Now(), Why: "its schedule can't be reckoned any more: " + clean(err.Error())}); err != nil {
			return err
		}
		_, err := w.Exec(ctx, "UPDATE campaigns SET look_at = NULL, next_fire_at = NULL WHERE id = ?", c.id)
		return err
	}
	if err != nil {
		return err
	}
	decisions, after := t.Decide(standing, w.s.clock.Now())
	for _, d := range decisions {
		if err := w.decide(ctx, c, campaigns.RunScheduled, d); err != nil {
			return err
		}
	}
	w.aim(c, t, after)
	return nil
}

// turnOnce fires a campaign that fires once, unless the rules of its zone have changed
// and its time is another one than was reckoned.
func (w *turnWriter) turnOnce(ctx context.Context, c *lockedCampaign) error {
	at, next := c.nextFireAt.Time, campaigns.Outlook{}
	if c.zones != zone.Rules() {
		if then, ok, err := c.schedule.Instant(c.zone); err == nil && ok {
			at = c.schedule.Fires(then, c.zone)
		}
	}
	if at.After(w.s.clock.Now()) {
		next = campaigns.Outlook{LookAt: at, FiresAt: at}
	} else {
		if err := w.decide(ctx, c, campaigns.RunScheduled, campaigns.Decision{Instant: at, Status: campaigns.RunPlanning}); err != nil {
			return err
		}
	}
	w.aims = append(w.aims, aim{of: c, next: next})
	return nil
}

// tellMoved logs that a campaign fires at another time than was reckoned by the rules
// of time zones before, if it does.
func (tx conn) tellMoved(c lockedCampaign, at time.Time) {
	if c.zones != "" && c.zones != zone.Rules() && !at.IsZero() && !at.Equal(c.nextFireAt.Time) {
		tx.s.log.Info("the rules of time zones have changed: a campaign fires at another time than was said",
			"campaign", c.id, "was", c.nextFireAt.Time, "is", at)
	}
}

// decide takes down what was decided of an instant. A run that begins keeps what the
// campaign is made of as it is now.
func (w *turnWriter) decide(ctx context.Context, c *lockedCampaign, kind campaigns.RunKind, d campaigns.Decision) (err error) {
	row := instantRow{of: c, kind: kind, decision: d, snippets: "{}"}
	if d.Status == campaigns.RunPlanning {
		if d.CancelsOthers {
			// What was taken down before may be canceled by it.
			if err := w.write(ctx); err != nil {
				return err
			}
			if err := w.cancelRuns(ctx, *c, canceledForNext, forNext); err != nil {
				return err
			}
		}
		row.snippets, err = w.freeze(ctx, c)
		if fault.Is(err, fault.Invalid) {
			// What it says can't be made any more, such as by a template that is gone.
			row.decision.Status, row.decision.Reason, row.snippets, err = campaigns.RunFailed, clean(err.Error()), "{}", nil
			if w.failed == nil {
				w.failed = map[int64]bool{}
			}
		}
		if err != nil {
			return err
		}
		if row.decision.Status == campaigns.RunFailed {
			w.failed[c.id] = true
		}
	}
	w.rows = append(w.rows, row)
	return nil
}

// freeze keeps the version of a campaign that a run begins with, if none has before,
// and returns the snippets that it renders as they are kept with the run. It is Invalid
// where a template can't be used.
func (tx conn) freeze(ctx context.Context, c *lockedCampaign) (snippets string, err error) {
	var names []string
	if c.templated || c.renders {
		k, err := scanCampaign(tx.Row(ctx, selectCampaign+" WHERE id = ?", c.id).Scan)
		if err != nil {
			return "", err
		}
		if names, err = tx.freezeTemplates(ctx, c, k); err != nil {
			return "", err
		}
	}
	if len(names) == 0 {
		return "{}", nil
	}
	texts, err := tx.snippetTexts(ctx, names, snippetsOf{accountID: c.accountID, lock: tx.d.ForShare})
	if err != nil {
		return "", fmt.Errorf("read snippets of campaign %d: %w", c.id, err)
	}
	return mustJSON(texts), nil
}

// freezeTemplates keeps what a campaign's template, and those of its variants, come to
// now: a version of the campaign of its own, if it is something else than for the run
// before. It returns the names of the snippets that its texts and templates render.
func (tx conn) freezeTemplates(ctx context.Context, c *lockedCampaign, k campaigns.Campaign) (names []string, err error) {
	names = renderedBy(k)
	var own, variants sql.NullString
	list := make([]*templates.Resolved, len(k.Wordings()))
	for i, w := range k.Wordings() {
		if list[i], err = tx.worded(ctx, c.accountID, c.channelID, w); err != nil {
			return nil, err
		}
		if list[i] != nil {
			names = append(names, list[i].RenderedBy()...)
		}
	}
	switch {
	case !slices.ContainsFunc(list, func(r *templates.Resolved) bool { return r != nil }):
		return names, nil
	case k.Experiment != nil && len(k.Experiment.Variants) > 0:
		variants = sql.NullString{String: mustJSON(list), Valid: true}
	default:
		own = sql.NullString{String: mustJSON(list[0]), Valid: true}
	}
	if c.versioned {
		var ownBefore, variantsBefore sql.NullString
		if err := tx.Row(ctx, "SELECT resolved, variants FROM campaign_versions WHERE campaign_id = ? AND version = ?", c.id, c.version).
			Scan(&ownBefore, &variantsBefore); err != nil {
			return nil, err
		}
		if ownBefore == own && variantsBefore == variants {
			return names, nil
		}
		c.version++
		if _, err := tx.Exec(ctx, "UPDATE campaigns SET version = ? WHERE id = ?", c.version, c.id); err != nil {
			return nil, err
		}
	}
	c.versioned = true
	_, err = tx.Exec(ctx, `INSERT INTO campaign_versions (campaign_id, version, audience, content, resolved, variants, created_at)
		SELECT id, version, audience, content, CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT) FROM campaigns WHERE id = ?`,
		own, variants, sqldb.Millis(tx.s.clock.Now()), c.id)
	return names, err
}

// worded is what a wording comes to now on a channel; nil where it names no template. It is
// Invalid where one can't be used.
func (tx conn) worded(ctx context.Context, accountID, channelID int64, w campaigns.Wording) (*templates.Resolved, error) {
	if w.Template == nil && w.WindowTemplate == "" {
		return nil, nil
	}
	r := templates.Plain(w.Content)
	if w.Template != nil {
		t, channel, err := tx.templateOn(ctx, accountID, channelID, w.Template.Name)
		if err != nil {
			return nil, err
		}
		if r, err = t.Resolve(*w.Template, channel); err != nil {
			return nil, err
		}
	}
	if w.WindowTemplate != "" {
		t, channel, err := tx.templateOn(ctx, accountID, channelID, w.WindowTemplate)
		if err != nil {
			return nil, err
		}
		if r.Outside, err = t.Outside(channel); err != nil {
			return nil, err
		}
	}
	return &r, nil
}

// templateOn is the template of a name, and what it has to know of a channel.
func (tx conn) templateOn(ctx context.Context, accountID, channelID int64, name string) (t templates.Saved, channel providers.Channel, err error) {
	channel = providers.Channel{ID: channelID, AccountID: accountID}
	if err := tx.Row(ctx, "SELECT address_kind FROM channels WHERE id = ?", channelID).Scan(&channel.Address); err != nil {
		return t, channel, err
	}
	t, err = tx.s.FindTemplate(ctx, accountID, name)
	if fault.Is(err, fault.NotFound) {
		err = fault.InvalidField("content.template.name", name, "there is no such template any more")
	}
	return t, channel, err
}

// aim takes down where a recurring campaign stands.
func (w *turnWriter) aim(c *lockedCampaign, t *campaigns.Timetable, s campaigns.Standing) {
	if p := c.schedulePause; !p.Until.IsZero() && !s.Behind.Before(p.Until) {
		c.schedulePause = campaigns.Pause{} // it is over
	}
	w.aims = append(w.aims, aim{of: c, at: s, next: t.Outlook(s)})
}

// write writes the instants that were taken down.
func (w *turnWriter) write(ctx context.Context) error {
	if len(w.rows) == 0 {
		return nil
	}
	now := w.s.clock.Now()
	var unkept []int64
	rows := make([][]any, 0, len(w.rows))
	byInstant := make(map[[2]int64]*instantRow, len(w.rows))
	for i := range w.rows {
		r := &w.rows[i]
		d, c := r.decision, r.of
		var started, finished any
		switch d.Status {
		case campaigns.RunPlanning:
			started = now.UnixMilli()
			if !c.versioned {
				unkept, c.versioned = append(unkept, c.id), true
			}
		case campaigns.RunSkipped, campaigns.RunFailed:
			finished = now.UnixMilli()
		}
		rows = append(rows, []any{
			c.accountID, c.id, c.channelID, d.Instant.UnixMilli(), d.Status, r.kind, d.Reason, clean(d.Detail), sqldb.Millis(d.StartsAt), started, finished,
			c.version, r.snippets, now.UnixMilli(), r.guard(),
		})
		byInstant[[2]int64{c.id, d.Instant.UnixMilli()}] = r
	}
	if err := w.keepVersions(ctx, unkept); err != nil {
		return err
	}
	w.rows = nil
	return sqldb.Each(ctx, w, func(scan sqldb.Scan) error {
		var id, campaign, instant int64
		if err := scan(&id, &campaign, &instant); err != nil {
			return err
		}
		r := byInstant[[2]int64{campaign, instant}]
		if r.decision.Status != campaigns.RunPlanning {
			return nil
		}
		c := r.of
		c.runID = max(c.runID, id)
		w.began = append(w.began, campaigns.Run{
			ID: id, AccountID: c.accountID, CampaignID: c.id, ChannelID: c.channelID, Instant: r.decision.Instant.UTC(), Kind: r.kind,
			Status: campaigns.RunPlanning, Version: c.version, CreatedAt: now, StartedAt: &now,
		})
		return nil
	}, w.d.statements.insertRuns, mustJSON(rows))
}

// insertRuns and aimCampaigns are statements for rows of values; field reads one of a
// row.
func insertRuns(field func(i int, kind string) string, rows string) string {
	return `INSERT INTO runs (account_id, campaign_id, channel_id, instant, status, kind, reason, detail, starts_at, started_at, finished_at, version, snippets,
			created_at, guard)
		SELECT ` + field(0, "bigint") + ", " + field(1, "bigint") + ", " + field(2, "bigint") + ", " + field(3, "bigint") + ", " + field(4, "text") + ", " +
		field(5, "text") + ", " + field(6, "text") + ", " + field(7, "text") + ", " + field(8, "bigint") + ", " + field(9, "bigint") + ", " +
		field(10, "bigint") + ", " + field(11, "bigint") + ", " + field(12, "text") + ", " + field(13, "bigint") + ", " + field(14, "text") + " FROM " + rows +
		" RETURNING id, campaign_id, instant"
}

func aimCampaigns(field func(i int, kind string) string, rows string) string {
	return `UPDATE campaigns SET updated_at = ?, zones = ?, behind_at = ` + field(1, "bigint") + ", fired = " + field(2, "bigint") + ", look_at = " +
		field(3, "bigint") + ", next_fire_at = " + field(4, "bigint") + ", run_id = " + field(5, "bigint") + ", schedule_pause = " + field(6, "text") +
		", status = CASE WHEN status = 'paused' THEN status " + statusOf(field(3, "bigint"), field(7, "text")) + " END FROM " + rows +
		" WHERE campaigns.id = " + field(0, "bigint")
}

// statusOf are the branches of a CASE: the status of a campaign by its runs and by when
// it is looked at; end if it has neither a run nor an instant to come.
func statusOf(look, end string) string {
	return `WHEN EXISTS (SELECT 1 FROM runs r WHERE r.campaign_id = campaigns.id AND r.finished_at IS NULL AND r.status IN ('planning', 'sending')) THEN 'running'
		WHEN ` + look + ` IS NOT NULL THEN 'scheduled'
		WHEN EXISTS (SELECT 1 FROM runs r WHERE r.campaign_id = campaigns.id AND r.finished_at IS NULL) THEN 'scheduled'
		ELSE ` + end
}

// keepVersions keeps the versions of campaigns of which no run has been made yet.
func (tx conn) keepVersions(ctx context.Context, campaignIDs []int64) error {
	if len(campaignIDs) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `INSERT INTO campaign_versions (campaign_id, version, audience, content, created_at)
		SELECT id, version, audience, content, CAST(? AS BIGINT) FROM campaigns WHERE id `+tx.d.InIDs, sqldb.Millis(tx.s.clock.Now()), tx.d.IDList(campaignIDs))
	if err != nil {
		return fmt.Errorf("keep versions of campaigns: %w", err)
	}
	return nil
}

// close writes everything that was taken down and returns the runs that began.
func (w *turnWriter) close(ctx context.Context) ([]campaigns.Run, error) {
	if err := w.write(ctx); err != nil {
		return nil, err
	}
	rows := make([][]any, 0, len(w.aims))
	for _, a := range w.aims {
		w.tellMoved(*a.of, a.next.FiresAt)
		end := campaigns.Finished
		if w.failed[a.of.id] && !a.of.schedule.Recurs() {
			end = campaigns.Failed
		}
		rows = append(rows, []any{
			a.of.id, sqldb.Millis(a.at.Behind), a.at.Fired, sqldb.Millis(a.next.LookAt), sqldb.Millis(a.next.FiresAt), a.of.runID, mustJSON(a.of.schedulePause), end,
		})
	}
	if len(rows) == 0 {
		return w.began, nil
	}
	if _, err := w.Exec(ctx, w.d.statements.aimCampaigns, sqldb.Millis(w.s.clock.Now()), zone.Rules(), mustJSON(rows)); err != nil {
		return nil, err
	}
	for _, a := range w.aims {
		if w.failed[a.of.id] && a.of.schedule.Recurs() {
			if err := w.guardFailed(ctx, *a.of); err != nil {
				return nil, err
			}
		}
	}
	return w.began, nil
}

// takeDown is a turnWriter for one campaign.
func (tx conn) takeDown(ctx context.Context, do func(w *turnWriter) error) ([]campaigns.Run, error) {
	w := turnWriter{conn: tx}
	if err := do(&w); err != nil {
		return nil, err
	}
	return w.close(ctx)
}

// aim writes where a recurring campaign stands, and when it is looked at next.
func (tx conn) aim(ctx context.Context, c *lockedCampaign, t *campaigns.Timetable, s campaigns.Standing) error {
	_, err := tx.takeDown(ctx, func(w *turnWriter) error {
		w.aim(c, t, s)
		return nil
	})
	return err
}
