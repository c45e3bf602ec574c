package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"carillon/campaigns"
	"carillon/campaigns/schedule"
	"carillon/internal/failpoint"
	"carillon/internal/fault"
	"carillon/internal/zone"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/templates"
	"carillon/templates/liquid"
)

// dueBatch bounds the campaigns that are looked at, and the waiting runs that are
// started, in one transaction. With a larger one PostgreSQL would rather read all
// campaigns than the index of those that are due.
const dueBatch = 500

// What is said of a run that gives way to the next one, and of its messages.
const (
	canceledForNext = "canceled for the next run"
	forNext         = "for the next run"
)

// FireDue decides of a batch of the instants of campaigns that have come, starts a batch
// of the waiting runs whose time has, and returns the runs that began. A campaign that
// can't be fired holds up no other.
func (s *Store) FireDue(ctx context.Context) (runs []campaigns.Run, err error) {
	if err := s.recheckZones(ctx); err != nil {
		return nil, err
	}
	now := sqldb.Millis(s.clock.Now())
	var errs []error
	for _, work := range []struct {
		due string
		do  turning
	}{
		{"SELECT id FROM campaigns WHERE look_at IS NOT NULL AND look_at <= ? ORDER BY look_at LIMIT ?", conn.turns},
		{"SELECT id FROM runs WHERE status = 'waiting' AND starts_at IS NOT NULL AND starts_at <= ? ORDER BY starts_at LIMIT ?", conn.startWaiting},
	} {
		due, err := s.ids(ctx, work.due, now, dueBatch)
		if err != nil {
			return runs, errors.Join(append(errs, err)...)
		}
		if len(due) == 0 {
			continue
		}
		fired, err := s.inTurn(ctx, due, work.do)
		if err != nil && len(due) > 1 && ctx.Err() == nil {
			// One of them is to blame: the others go on without it.
			fired, err = s.oneByOne(ctx, due, work.do)
		}
		errs = append(errs, err)
		if runs = append(runs, fired...); len(fired) > 0 {
			failpoint.Hit(failpoint.AfterFire)
		}
	}
	return runs, errors.Join(errs...)
}

// recheckZones lets every campaign be looked at whose instants were reckoned by other
// rules of time zones than this process has; once is enough for a process.
func (s *Store) recheckZones(ctx context.Context) error {
	if s.zonesChecked.Load() {
		return nil
	}
	err := s.inTx(ctx, func(tx conn) error {
		_, err := tx.Exec(ctx, "UPDATE campaigns SET look_at = ? WHERE look_at > ? AND zones <> ?", sqldb.Millis(s.clock.Now()), sqldb.Millis(s.clock.Now()),
			zone.Rules())
		return err
	})
	s.zonesChecked.Store(err == nil)
	return err
}

// turning does what is due of some campaigns or runs, and returns what began.
type turning func(tx conn, ctx context.Context, ids []int64) ([]campaigns.Run, error)

func (s *Store) inTurn(ctx context.Context, ids []int64, do turning) (fired []campaigns.Run, err error) {
	err = s.inTx(ctx, func(tx conn) (err error) {
		fired, err = do(tx, ctx, ids)
		return err
	})
	if err != nil {
		return nil, err
	}
	return fired, nil
}

func (s *Store) oneByOne(ctx context.Context, ids []int64, do turning) (runs []campaigns.Run, err error) {
	var errs []error
	for i := range ids {
		fired, err := s.inTurn(ctx, ids[i:i+1], do)
		errs = append(errs, err)
		runs = append(runs, fired...)
	}
	return runs, errors.Join(errs...)
}

// turns decides of what has come of some campaigns. Those that another scheduler, or a
// person, is at are left to them.
func (tx conn) turns(ctx context.Context, ids []int64) ([]campaigns.Run, error) {
	list, err := sqldb.Query(ctx, tx, scanLocked, selectLocked+"WHERE k.id "+tx.d.InIDs+" AND k.look_at <= ? ORDER BY k.id"+tx.d.Lock(tx.d.SkipLocked, "k"),
		tx.d.IDList(ids), sqldb.Millis(tx.s.clock.Now()))
	if err != nil {
		return nil, err
	}
	return tx.turnAll(ctx, list)
}

// turnAll decides of what has come of campaigns that the transaction holds.
func (tx conn) turnAll(ctx context.Context, list []lockedCampaign) ([]campaigns.Run, error) {
	if err := tx.readHolidays(ctx, list); err != nil {
		return nil, err
	}
	standings, err := tx.standings(ctx, list)
	if err != nil {
		return nil, err
	}
	w := turnWriter{conn: tx}
	for i := range list {
		if err := w.turn(ctx, &list[i], standings[list[i].id]); err != nil {
			return nil, fmt.Errorf("fire campaign %d: %w", list[i].id, err)
		}
	}
	return w.close(ctx)
}

// standings are where recurring campaigns are in their timetables.
func (tx conn) standings(ctx context.Context, list []lockedCampaign) (map[int64]campaigns.Standing, error) {
	found := make(map[int64]campaigns.Standing, len(list))
	ids := make([]int64, 0, len(list))
	for _, c := range list {
		if c.schedule.Recurs() {
			found[c.id] = campaigns.Standing{CampaignID: c.id, Behind: c.behindAt.Time, Fired: c.fired, Pause: c.holds()}
			ids = append(ids, c.id)
		}
	}
	if len(ids) == 0 {
		return found, nil
	}
	if err := sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var id int64
		var open, waiting int
		if err := scan(&id, &open, &waiting); err != nil {
			return err
		}
		standing := found[id]
		standing.Open, standing.Waiting = open, waiting
		found[id] = standing
		return nil
	}, `SELECT campaign_id, SUM(CASE WHEN status IN ('planning', 'sending', 'paused') THEN 1 ELSE 0 END), SUM(CASE WHEN status = 'waiting'
		AND (starts_at IS NULL OR starts_at <= ?) THEN 1 ELSE 0 END)
		FROM runs WHERE campaign_id `+tx.d.InIDs+" AND finished_at IS NULL AND kind <> 'resend' GROUP BY campaign_id", sqldb.Millis(tx.s.clock.Now()),
		tx.d.IDList(ids)); err != nil {
		return nil, err
	}
	return found, sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var id, instant int64
		if err := scan(&id, &instant); err != nil {
			return err
		}
		standing := found[id]
		if standing.Decided == nil {
			standing.Decided = map[int64]bool{}
		}
		standing.Decided[instant] = true
		found[id] = standing
		return nil
	}, `SELECT r.campaign_id, r.instant FROM campaigns k JOIN runs r ON r.campaign_id = k.id AND r.instant > k.behind_at
		WHERE k.id `+tx.d.InIDs, tx.d.IDList(ids))
}

func (tx conn) standing(ctx context.Context, c lockedCampaign) (campaigns.Standing, error) {
	standings, err := tx.standings(ctx, []lockedCampaign{c})
	return standings[c.id], err
}

// holds is the pause under which the instants of a campaign stand: its own, or else
// that of its schedule.
func (c lockedCampaign) holds() campaigns.Pause {
	if c.status == campaigns.Paused {
		return c.pause
	}
	return c.schedulePause
}

// timetable is the timetable of a recurring campaign.
func (tx conn) timetable(ctx context.Context, c lockedCampaign) (*campaigns.Timetable, error) {
	if c.holidays == nil {
		one := []lockedCampaign{c}
		if err := tx.readHolidays(ctx, one); err != nil {
			return nil, err
		}
		c = one[0]
	}
	return c.schedule.Timetable(schedule.Options{Timezone: c.zone, Holidays: c.holidays})
}

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
		if names = liquid.RenderedBy(k.Content); k.Template != nil {
			if names, err = tx.freezeTemplate(ctx, c, *k.Template); err != nil {
				return "", err
			}
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

// freezeTemplate keeps what a campaign's template comes to now: a version of the
// campaign of its own, if it comes to something else than for the run before. It
// returns the names of the snippets that it renders.
func (tx conn) freezeTemplate(ctx context.Context, c *lockedCampaign, use templates.Use) ([]string, error) {
	channel := providers.Channel{ID: c.channelID, AccountID: c.accountID}
	if err := tx.Row(ctx, "SELECT address_kind FROM channels WHERE id = ?", c.channelID).Scan(&channel.Address); err != nil {
		return nil, err
	}
	t, err := tx.s.FindTemplate(ctx, c.accountID, use.Name)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.InvalidField("content.template.name", use.Name, "there is no such template any more")
	}
	if err != nil {
		return nil, err
	}
	r, err := t.Resolve(use, channel)
	if err != nil {
		return nil, err
	}
	resolved := mustJSON(r)
	if c.versioned {
		var before sql.NullString
		if err := tx.Row(ctx, "SELECT resolved FROM campaign_versions WHERE campaign_id = ? AND version = ?", c.id, c.version).Scan(&before); err != nil {
			return nil, err
		}
		if before.String == resolved {
			return r.RenderedBy(), nil
		}
		c.version++
		if _, err := tx.Exec(ctx, "UPDATE campaigns SET version = ? WHERE id = ?", c.version, c.id); err != nil {
			return nil, err
		}
	}
	c.versioned = true
	_, err = tx.Exec(ctx, `INSERT INTO campaign_versions (campaign_id, version, audience, content, resolved, created_at)
		SELECT id, version, audience, content, CAST(? AS TEXT), CAST(? AS BIGINT) FROM campaigns WHERE id = ?`, resolved, sqldb.Millis(tx.s.clock.Now()), c.id)
	return r.RenderedBy(), err
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

// setStatus brings the status of a campaign in line with its runs and its timetable:
// end if it has neither a run nor an instant to come.
func (tx conn) setStatus(ctx context.Context, campaignID int64, end campaigns.Status) error {
	_, err := tx.Exec(ctx, "UPDATE campaigns SET updated_at = ?, status = CASE "+statusOf("look_at", "?")+" END WHERE id = ?",
		sqldb.Millis(tx.s.clock.Now()), string(end), campaignID)
	return err
}

// settleCampaign is setStatus for a campaign of which a run has ended, if it is not
// paused or canceled: the run that waits for that one starts now.
func (tx conn) settleCampaign(ctx context.Context, campaignID int64, end campaigns.Status) error {
	var status campaigns.Status
	if err := tx.Row(ctx, "SELECT status FROM campaigns WHERE id = ?", campaignID).Scan(&status); err != nil || status != campaigns.Running {
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
			AND r.kind <> 'resend')`,
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
	open = slices.DeleteFunc(open, func(r openRun) bool { return r.resend })
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
