package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"carillon/campaigns"
	"carillon/campaigns/schedule"
	"carillon/internal/fault"
	"carillon/store/sqldb"
)

// selectHolidays reads what scanHolidays takes, without the days.
const selectHolidays = "SELECT id, account_id, name, size, first_day, last_day, created_at, updated_at FROM holiday_calendars"

func scanHolidays(scan sqldb.Scan) (h campaigns.Holidays, err error) {
	var created, updated sqldb.Time
	err = scan(&h.ID, &h.AccountID, &h.Name, &h.Size, &h.First, &h.Last, &created, &updated)
	h.CreatedAt, h.UpdatedAt = created.Time, updated.Time
	return h, err
}

func noHolidays(id int64) error {
	return fault.New(fault.NotFound, "there is no calendar of holidays %d", id)
}

// ListHolidays lists an account's calendars behind the id after, without their days.
func (s *Store) ListHolidays(ctx context.Context, accountID, after int64, limit int) ([]campaigns.Holidays, error) {
	list, err := sqldb.Query(ctx, s.reader(), scanHolidays, selectHolidays+" WHERE account_id = ? AND id > ? ORDER BY id LIMIT ?", accountID, after, limit)
	return list, s.translate(err)
}

// GetHolidays is one calendar with its days.
func (s *Store) GetHolidays(ctx context.Context, accountID, id int64) (campaigns.Holidays, error) {
	h, err := s.reader().holidays(ctx, accountID, id)
	return h, s.translate(err)
}

func (tx conn) holidays(ctx context.Context, accountID, id int64) (campaigns.Holidays, error) {
	var days []byte
	h, err := scanHolidays(func(to ...any) error {
		return tx.Row(ctx, "SELECT id, account_id, name, size, first_day, last_day, created_at, updated_at, days FROM holiday_calendars "+
			"WHERE account_id = ? AND id = ?", accountID, id).Scan(append(to, &days)...)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return h, noHolidays(id)
	}
	if err != nil {
		return h, err
	}
	if err := json.Unmarshal(days, &h.Days); err != nil {
		return h, fmt.Errorf("read calendar of holidays %d: %w", id, err)
	}
	return h, nil
}

// CreateHolidays keeps a new calendar.
func (s *Store) CreateHolidays(ctx context.Context, h campaigns.Holidays) (made campaigns.Holidays, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, h.AccountID); err != nil {
			return err
		}
		if err := tx.roomForHolidays(ctx, h); err != nil {
			return err
		}
		now := sqldb.Millis(s.clock.Now())
		id, err := tx.Insert(ctx, `INSERT INTO holiday_calendars (account_id, name, days, size, first_day, last_day, created_at, updated_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, h.AccountID, h.Name, daysColumn(h), h.Size, h.First, h.Last, now, now)
		if err != nil {
			return err
		}
		made, err = tx.holidays(ctx, h.AccountID, id)
		return err
	})
	return made, err
}

func daysColumn(h campaigns.Holidays) string {
	if h.Days == nil {
		return "[]"
	}
	return mustJSON(h.Days)
}

// roomForHolidays refuses a name that another calendar has, and one calendar too many.
func (tx conn) roomForHolidays(ctx context.Context, h campaigns.Holidays) error {
	var n int
	var holder sql.NullInt64
	err := tx.Row(ctx, "SELECT COUNT(*), MAX(CASE WHEN name = ? THEN id END) FROM holiday_calendars WHERE account_id = ? AND id <> ?",
		h.Name, h.AccountID, h.ID).Scan(&n, &holder)
	switch {
	case err != nil:
		return err
	case holder.Valid:
		return &fault.Error{Code: fault.Conflict, Message: "the name is taken", Fields: []fault.Field{{
			Location: "name", Value: h.Name, Message: fmt.Sprintf("calendar %d has this name: choose another, or change that one", holder.Int64),
		}}}
	case n >= campaigns.MaxHolidays:
		return fault.New(fault.Conflict, "there are %d calendars of holidays already: delete one that is not needed", n)
	}
	return nil
}

// UpdateHolidays changes a calendar. What has come of the campaigns that exclude it is
// decided by the days that it had; from now on they fire by the new ones.
func (s *Store) UpdateHolidays(ctx context.Context, accountID, id int64, change func(*campaigns.Holidays) error) (changed campaigns.Holidays, err error) {
	err = s.withdraw(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, accountID); err != nil {
			return err
		}
		h, err := tx.holidays(ctx, accountID, id)
		if err != nil {
			return err
		}
		days := slices.Clone(h.Days)
		if err := change(&h); err != nil {
			return err
		}
		if err := tx.roomForHolidays(ctx, h); err != nil {
			return err
		}
		others := !slices.Equal(days, h.Days)
		if others {
			// Campaigns are locked before what they use, as by everybody.
			if err := tx.eachExcluder(ctx, accountID, id, tx.catchUp); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, "UPDATE holiday_calendars SET name = ?, days = ?, size = ?, first_day = ?, last_day = ?, updated_at = ? WHERE id = ?",
			h.Name, daysColumn(h), h.Size, h.First, h.Last, sqldb.Millis(s.clock.Now()), id); err != nil {
			return err
		}
		if others {
			if err := tx.eachExcluder(ctx, accountID, id, tx.aimAll); err != nil {
				return err
			}
		}
		changed, err = tx.holidays(ctx, accountID, id)
		return err
	})
	return changed, err
}

// aimBatch is how many campaigns are aimed anew together.
const aimBatch = 500

// eachExcluder does something with the campaigns that fire and exclude a calendar of
// holidays, so many at a time.
func (tx conn) eachExcluder(ctx context.Context, accountID, id int64, do func(ctx context.Context, campaignIDs []int64) error) error {
	users, err := tx.excluders(ctx, accountID, id)
	if err != nil {
		return err
	}
	var ids []int64
	for _, k := range users {
		if k.status != campaigns.Draft {
			ids = append(ids, k.id)
		}
	}
	for batch := range slices.Chunk(ids, aimBatch) {
		if err := do(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

// lockExcluders locks recurring campaigns.
func (tx conn) lockExcluders(ctx context.Context, ids []int64) ([]lockedCampaign, error) {
	return sqldb.Query(ctx, tx, scanLocked, selectLocked+"WHERE k.id "+tx.d.InIDs+" ORDER BY k.id"+tx.d.Lock(tx.d.ForUpdate, "k"), tx.d.IDList(ids))
}

// catchUp decides of all that has come of campaigns, and keeps them locked.
func (tx conn) catchUp(ctx context.Context, ids []int64) error {
	for {
		list, err := tx.lockExcluders(ctx, ids)
		if err != nil {
			return err
		}
		due := slices.DeleteFunc(list, func(c lockedCampaign) bool { return c.lookAt.IsZero() || c.lookAt.After(tx.s.clock.Now()) })
		if len(due) == 0 {
			return nil
		}
		if _, err := tx.turnAll(ctx, due); err != nil {
			return err
		}
	}
}

// aimAll is aimAnew for campaigns of which a calendar of holidays has changed. One that
// could never fire by its new days is a Conflict.
func (tx conn) aimAll(ctx context.Context, ids []int64) error {
	now := tx.s.clock.Now()
	if _, err := tx.Exec(ctx, "UPDATE campaigns SET behind_at = ? WHERE id "+tx.d.InIDs, sqldb.Millis(now), tx.d.IDList(ids)); err != nil {
		return err
	}
	list, err := tx.lockExcluders(ctx, ids)
	if err != nil {
		return err
	}
	if err := tx.readHolidays(ctx, list); err != nil {
		return err
	}
	standings, err := tx.standings(ctx, list)
	if err != nil {
		return err
	}
	w := turnWriter{conn: tx}
	for i := range list {
		t, err := tx.timetable(ctx, list[i])
		if fault.Is(err, fault.Invalid) {
			return fault.New(fault.Conflict, "campaign %d could not fire by these days any more: change its schedule first (%v)", list[i].id, err)
		}
		if err != nil {
			return err
		}
		w.aim(&list[i], t, standings[list[i].id])
	}
	_, err = w.close(ctx)
	return err
}

// DeleteHolidays forgets a calendar that no campaign excludes which is not over.
func (s *Store) DeleteHolidays(ctx context.Context, accountID, id int64) error {
	return s.inTx(ctx, func(tx conn) error {
		// Campaigns that are saved at this moment hold it; they are seen afterwards.
		n, err := tx.Exec(ctx, "DELETE FROM holiday_calendars WHERE account_id = ? AND id = ?", accountID, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return noHolidays(id)
		}
		users, err := tx.excluders(ctx, accountID, id)
		if err != nil || len(users) == 0 {
			return err
		}
		names := make([]string, len(users))
		for i, k := range users {
			names[i] = fmt.Sprintf("campaign %d %q (%s)", k.id, k.name, k.status)
		}
		return fault.New(fault.Conflict, "calendar %d is excluded by %s: take it out of the schedule, or delete, cancel or await the campaign first",
			id, someOf(names))
	})
}

// excluder is a campaign that excludes a calendar of holidays.
type excluder struct {
	id     int64
	name   string
	status campaigns.Status
}

// excluders are the campaigns that are not over and exclude a calendar of holidays.
func (tx conn) excluders(ctx context.Context, accountID, id int64) (users []excluder, err error) {
	err = sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var k excluder
		var text []byte
		if err := scan(&k.id, &k.name, &k.status, &text); err != nil {
			return err
		}
		var excludes campaigns.Schedule
		if err := readParts(k.id, part{"schedule", text, &excludes}); err != nil {
			return err
		}
		if slices.Contains(excludes.HolidayIDs(), id) {
			users = append(users, k)
		}
		return nil
	}, `SELECT id, name, status, schedule FROM campaigns WHERE account_id = ? AND status IN ('draft', 'scheduled', 'running', 'paused')
		AND schedule LIKE '%"holidays"%' ORDER BY id`, accountID)
	return users, err
}

// holdHolidays keeps the calendars that a schedule excludes from being changed or
// deleted until the transaction ends. One that is not there is an Invalid error.
func (tx conn) holdHolidays(ctx context.Context, accountID int64, s campaigns.Schedule) error {
	ids := s.HolidayIDs()
	if len(ids) == 0 {
		return nil
	}
	held, err := sqldb.IDs(ctx, tx, "SELECT id FROM holiday_calendars WHERE account_id = ? AND id "+tx.d.InIDs+" ORDER BY id"+tx.d.ForShare,
		accountID, tx.d.IDList(ids))
	if err != nil {
		return err
	}
	for i, id := range ids {
		if !slices.Contains(held, id) {
			return fault.InvalidField(fmt.Sprintf("schedule.exclude.holidays[%d]", i), id, "there is no such calendar of holidays: GET /v1/holidays lists them")
		}
	}
	return nil
}

// HolidaysByID are the days of those of the calendars that the account has.
func (s *Store) HolidaysByID(ctx context.Context, accountID int64, ids []int64) (map[int64]schedule.Holidays, error) {
	found, err := s.reader().holidaysByID(ctx, ids)
	if err != nil {
		return nil, s.translate(err)
	}
	return found[accountID], nil
}

// holidaysByID are the days of calendars, by account and id.
func (tx conn) holidaysByID(ctx context.Context, ids []int64) (map[int64]map[int64]schedule.Holidays, error) {
	found := map[int64]map[int64]schedule.Holidays{}
	return found, sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var account, id int64
		var text []byte
		if err := scan(&account, &id, &text); err != nil {
			return err
		}
		var days []schedule.Holiday
		if err := json.Unmarshal(text, &days); err != nil {
			return fmt.Errorf("read calendar of holidays %d: %w", id, err)
		}
		read, err := schedule.NewHolidays(days)
		if err != nil {
			return fmt.Errorf("read calendar of holidays %d: %w", id, err)
		}
		if found[account] == nil {
			found[account] = map[int64]schedule.Holidays{}
		}
		found[account][id] = read
		return nil
	}, "SELECT account_id, id, days FROM holiday_calendars WHERE id "+tx.d.InIDs, tx.d.IDList(ids))
}

// readHolidays reads the calendars that the schedules of campaigns exclude, each once
// for all of them; mostly there are none, and nothing is asked.
func (tx conn) readHolidays(ctx context.Context, list []lockedCampaign) error {
	var ids []int64
	none := map[int64]schedule.Holidays{}
	for i := range list {
		list[i].holidays = none
		ids = append(ids, list[i].schedule.HolidayIDs()...)
	}
	if len(ids) == 0 {
		return nil
	}
	found, err := tx.holidaysByID(ctx, ids)
	if err != nil {
		return err
	}
	for i := range list {
		if len(list[i].schedule.HolidayIDs()) > 0 && found[list[i].accountID] != nil {
			list[i].holidays = found[list[i].accountID]
		}
	}
	return nil
}
