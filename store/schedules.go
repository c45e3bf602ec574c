package store

import (
	"context"
	"errors"
	"fmt"

	"carillon/campaigns"
	"carillon/campaigns/schedule"
	"carillon/internal/failpoint"
	"carillon/internal/zone"
	"carillon/store/sqldb"
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
		{"SELECT id FROM campaigns WHERE look_at IS NOT NULL AND look_at <= ? AND " + ofOpenAccounts + " ORDER BY look_at LIMIT ?", conn.turns},
		{"SELECT id FROM runs WHERE status = 'waiting' AND starts_at IS NOT NULL AND starts_at <= ? AND " + ofOpenAccounts + " ORDER BY starts_at LIMIT ?",
			conn.startWaiting},
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
		FROM runs WHERE campaign_id `+tx.d.InIDs+" AND finished_at IS NULL AND kind NOT IN ('resend', 'step') GROUP BY campaign_id", sqldb.Millis(tx.s.clock.Now()),
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
