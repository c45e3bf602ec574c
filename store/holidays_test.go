package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/campaigns/schedule"
	"carillon/internal/fault"
	"carillon/store/storetest"
)

// saveHolidays keeps a calendar with days, each called after its date.
func saveHolidays(t testing.TB, s *storetest.Store, h campaigns.Holidays, dates ...string) int64 {
	t.Helper()
	h, err := s.CreateHolidays(t.Context(), daysOff(h, dates...))
	require.NoError(t, err)
	return h.ID
}

func daysOff(h campaigns.Holidays, dates ...string) campaigns.Holidays {
	h.Days, h.Size = nil, len(dates)
	for _, date := range dates {
		h.Days = append(h.Days, schedule.Holiday{Date: date, Name: "Day " + date})
	}
	if h.Size > 0 {
		h.First, h.Last = dates[0], dates[h.Size-1]
	}
	return h
}

func setHolidays(t testing.TB, s *storetest.Store, h campaigns.Holidays, dates ...string) error {
	t.Helper()
	_, err := s.UpdateHolidays(t.Context(), h.AccountID, h.ID, func(h *campaigns.Holidays) error {
		*h = daysOff(*h, dates...)
		return nil
	})
	return err
}

func TestHolidays(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		clock := s.FakeTime()
		account, other := s.Account("one"), s.Account("two")
		made := clock.Now()
		want := daysOff(campaigns.Holidays{AccountID: account, Name: "Berlin", CreatedAt: made, UpdatedAt: made}, "2026-12-25", "2026-12-26")
		h, err := s.CreateHolidays(ctx, want)
		require.NoError(t, err)
		want.ID = h.ID
		require.Equal(t, want, h)
		_, err = s.CreateHolidays(ctx, campaigns.Holidays{AccountID: account, Name: "Berlin"})
		require.True(t, fault.Is(err, fault.Conflict), "%v", err)
		require.ErrorContains(t, err, fmt.Sprintf("calendar %d has this name", h.ID))
		paris := saveHolidays(t, s, campaigns.Holidays{AccountID: account, Name: "Paris"})
		saveHolidays(t, s, campaigns.Holidays{AccountID: other, Name: "Berlin"}, "2026-01-01")

		clock.Advance(time.Minute)
		want = daysOff(want, "2027-01-01")
		want.Name, want.UpdatedAt = "Potsdam", clock.Now()
		h, err = s.UpdateHolidays(ctx, account, h.ID, func(h *campaigns.Holidays) error {
			*h = daysOff(*h, "2027-01-01")
			h.Name = "Potsdam"
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, want, h)
		_, err = s.UpdateHolidays(ctx, account, h.ID, func(h *campaigns.Holidays) error { h.Name = "Paris"; return nil })
		require.True(t, fault.Is(err, fault.Conflict), "%v", err)
		_, err = s.UpdateHolidays(ctx, account, h.ID, func(*campaigns.Holidays) error { return fault.New(fault.Invalid, "no") })
		require.True(t, fault.Is(err, fault.Invalid), "%v", err)
		got, err := s.GetHolidays(ctx, account, h.ID)
		require.NoError(t, err)
		require.Equal(t, want, got, "what was refused changed nothing")

		list, err := s.ListHolidays(ctx, account, 0, 10)
		require.NoError(t, err)
		require.Len(t, list, 2)
		want.Days = nil
		require.Equal(t, want, list[0])
		list, err = s.ListHolidays(ctx, account, h.ID, 10)
		require.NoError(t, err)
		require.Equal(t, paris, list[0].ID)

		found, err := s.HolidaysByID(ctx, account, []int64{h.ID, paris, 999})
		require.NoError(t, err)
		require.Len(t, found, 2)
		found, err = s.HolidaysByID(ctx, other, []int64{h.ID})
		require.NoError(t, err)
		require.Empty(t, found, "they are another account's")

		for _, err := range []error{
			s.DeleteHolidays(ctx, other, h.ID), setHolidays(t, s, campaigns.Holidays{AccountID: other, ID: h.ID}, "2026-01-01"),
			func() error { _, err := s.GetHolidays(ctx, other, h.ID); return err }(),
		} {
			require.True(t, fault.Is(err, fault.NotFound), "%v", err)
		}
		require.NoError(t, s.DeleteHolidays(ctx, account, h.ID))
		require.True(t, fault.Is(s.DeleteHolidays(ctx, account, h.ID), fault.NotFound))
	})
}

// daily fires every day at one o'clock in the afternoon, but on the days of a calendar.
func daily(calendar int64, on schedule.OnExcluded) campaigns.Schedule {
	return campaigns.Schedule{Schedule: schedule.Schedule{
		Cron: []string{"0 13 * * *"}, Exclude: &schedule.Exclude{Holidays: []int64{calendar}}, OnExcluded: on,
	}}
}

// inDays is a date so many days after the journey began.
func (r *recurring) inDays(n int) string { return r.began.AddDate(0, 0, n).Format(time.DateOnly) }

// due is when the campaign fires next, in days since the journey began.
func (r *recurring) due(t testing.TB) int {
	t.Helper()
	next := r.campaign(t).NextFireAt
	require.NotNil(t, next)
	return int(next.Sub(r.began.Add(time.Hour)).Hours()) / 24
}

func TestACampaignLeavesHolidaysOut(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		r := newRecurring(t, s, hourly(campaigns.Policy{}))
		r.cancel(t)
		r.time.Advance(24*time.Hour - 3*time.Hour) // twelve o'clock again
		r.began = r.time.Now()
		calendar := saveHolidays(t, s, campaigns.Holidays{AccountID: r.AccountID, Name: "Berlin"}, r.inDays(1))
		r.start(t, daily(calendar, schedule.Skip))
		require.Len(t, r.later(t, time.Hour), 1)
		require.Equal(t, 2, r.due(t), "the day between is a holiday")
		r.finish(t)
		require.Empty(t, r.later(t, 24*time.Hour))
		require.Len(t, r.later(t, 24*time.Hour), 1)
		require.Equal(t, []string{"13:00 finished", "13:00 skipped excluded", "13:00 planning"}, r.history(t))
		runs, err := r.RunsAt(t.Context(), r.AccountID, r.Campaign, r.began, r.began.AddDate(0, 0, 9))
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("%s is excluded: Day %s", r.inDays(1), r.inDays(1)), runs[1].Detail)
		r.cancel(t)

		// On the next day instead: what fires then anyhow is one with it.
		r.time.Advance(24*time.Hour - 4*time.Hour)
		r.began = r.time.Now()
		calendar = saveHolidays(t, s, campaigns.Holidays{AccountID: r.AccountID, Name: "Hamburg"}, r.inDays(0), r.inDays(1))
		r.start(t, campaigns.Schedule{Schedule: schedule.Schedule{
			Dates: []string{r.inDays(0) + "T13:00"}, Exclude: &schedule.Exclude{Holidays: []int64{calendar}}, OnExcluded: schedule.NextDay,
		}})
		require.Equal(t, 2, r.due(t))
		require.Empty(t, r.later(t, 2*time.Hour))
		require.Len(t, r.later(t, 47*time.Hour), 1)
		r.finish(t)
		require.Equal(t, campaigns.Finished, r.campaign(t).Status)
	})
}

func TestAChangedCalendarAimsCampaignsAnew(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		r := newRecurring(t, s, hourly(campaigns.Policy{}))
		r.cancel(t)
		r.time.Advance(24*time.Hour - 3*time.Hour)
		r.began = r.time.Now()
		calendar := saveHolidays(t, s, campaigns.Holidays{AccountID: r.AccountID, Name: "Berlin"}, r.inDays(0))
		r.start(t, daily(calendar, schedule.Skip))
		require.Equal(t, 1, r.due(t))
		require.NoError(t, setHolidays(t, s, campaigns.Holidays{AccountID: r.AccountID, ID: calendar}, r.inDays(0), r.inDays(1)))
		require.Equal(t, 2, r.due(t))
		require.NoError(t, setHolidays(t, s, campaigns.Holidays{AccountID: r.AccountID, ID: calendar}))
		require.Equal(t, 0, r.due(t))
		_, err := r.UpdateHolidays(t.Context(), r.AccountID, calendar, func(h *campaigns.Holidays) error { h.Name = "Potsdam"; return nil })
		require.NoError(t, err)
		require.Equal(t, 0, r.due(t))

		// What has come fires by the days that held then, though nobody has looked yet.
		r.time.Advance(90 * time.Minute)
		require.NoError(t, setHolidays(t, s, campaigns.Holidays{AccountID: r.AccountID, ID: calendar}, r.inDays(0), r.inDays(1)))
		require.Equal(t, []string{"13:00 planning"}, r.history(t))
		require.Equal(t, 2, r.due(t))

		// One that could never fire any more is not left behind without a word.
		r.cancel(t)
		r.time.Advance(24*time.Hour - 270*time.Minute)
		single := r.inDays(3)
		r.start(t, campaigns.Schedule{Schedule: schedule.Schedule{
			Dates: []string{single + "T13:00"}, Exclude: &schedule.Exclude{Holidays: []int64{calendar}},
		}})
		err = setHolidays(t, s, campaigns.Holidays{AccountID: r.AccountID, ID: calendar}, single)
		require.True(t, fault.Is(err, fault.Conflict), "%v", err)
		require.ErrorContains(t, err, fmt.Sprintf("campaign %d could not fire by these days any more", r.Campaign))

		err = r.DeleteHolidays(t.Context(), r.AccountID, calendar)
		require.True(t, fault.Is(err, fault.Conflict), "%v", err)
		require.ErrorContains(t, err, fmt.Sprintf(`campaign %d "k" (scheduled)`, r.Campaign))
		r.cancel(t)
		require.NoError(t, r.DeleteHolidays(t.Context(), r.AccountID, calendar))
		c := r.campaign(t)
		_, err = r.CreateCampaign(t.Context(), c)
		require.True(t, fault.Is(err, fault.Invalid), "%v", err)
		require.ErrorContains(t, err, "schedule.exclude.holidays[0]")
	})
}

// A calendar that is gone all the same, as by a database that was put together from
// two, pauses what needs it; whoever mends it resumes it.
func TestACampaignWithoutItsCalendarIsPaused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		r := newRecurring(t, s, hourly(campaigns.Policy{}))
		r.cancel(t)
		r.time.Advance(24*time.Hour - 3*time.Hour)
		r.began = r.time.Now()
		calendar := saveHolidays(t, s, campaigns.Holidays{AccountID: r.AccountID, Name: "Berlin"}, r.inDays(1))
		r.start(t, daily(calendar, schedule.Skip))
		r.Exec("DELETE FROM holiday_calendars")
		require.Empty(t, r.later(t, time.Hour))
		c := r.campaign(t)
		require.Equal(t, campaigns.Paused, c.Status)
		require.Contains(t, c.Pause.Why, "no such calendar of holidays")
		require.Empty(t, r.later(t, time.Hour), "it is not looked at again")
		err := r.ResumeCampaign(t.Context(), r.AccountID, r.Campaign, "ada")
		require.True(t, fault.Is(err, fault.Invalid), "%v", err)
		r.Exec(`INSERT INTO holiday_calendars (id, account_id, name, days, size, first_day, last_day, created_at, updated_at)
			VALUES (?, ?, 'Berlin', '[]', 0, '', '', 0, 0)`, calendar, r.AccountID)
		require.NoError(t, r.ResumeCampaign(t.Context(), r.AccountID, r.Campaign, "ada"))
		require.Equal(t, campaigns.Scheduled, r.campaign(t).Status)
		require.Equal(t, 1, r.due(t))
		require.Len(t, r.later(t, 23*time.Hour), 1)
		require.Equal(t, []string{"13:00 skipped paused", "13:00 planning"}, r.history(t))
		r.Exec("DELETE FROM holiday_calendars")
		r.finish(t)
		require.Empty(t, r.later(t, 24*time.Hour))
		c = r.campaign(t)
		require.Equal(t, campaigns.Paused, c.Status)
		c.Schedule.Exclude = nil
		_, err = r.UpdateCampaign(t.Context(), c)
		require.NoError(t, err)
		require.NoError(t, r.ResumeCampaign(t.Context(), r.AccountID, r.Campaign, "ada"))
		require.Equal(t, 3, r.due(t))
	})
}

// People change a calendar while others start campaigns that exclude it, and a
// scheduler looks: whoever comes last, what is due goes by the days that hold.
func TestACalendarChangesWhileCampaignsStart(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		r := newRecurring(t, s, hourly(campaigns.Policy{}))
		r.cancel(t)
		r.time.Advance(24*time.Hour - 3*time.Hour)
		r.began = r.time.Now()
		calendar := saveHolidays(t, s, campaigns.Holidays{AccountID: r.AccountID, Name: "Berlin"})
		for round := range 8 {
			id := r.NewCampaign(`{"all":true}`)
			c, err := r.GetCampaign(t.Context(), r.AccountID, id)
			require.NoError(t, err)
			c.Schedule = daily(calendar, schedule.Skip)
			_, err = r.UpdateCampaign(t.Context(), c)
			require.NoError(t, err)
			var group sync.WaitGroup
			var started, changed error
			group.Go(func() { started = r.StartRecurring(t.Context(), r.AccountID, id) })
			group.Go(func() {
				changed = setHolidays(t, s, campaigns.Holidays{AccountID: r.AccountID, ID: calendar}, r.inDays(0), r.inDays(1+round%2))
			})
			group.Go(func() { lookQuietly(t.Context(), t, r) })
			group.Wait()
			require.NoError(t, started)
			require.NoError(t, changed)
			due := r.began.AddDate(0, 0, 2-round%2).Add(time.Hour)
			require.Zero(t, r.Int("SELECT COUNT(*) FROM campaigns WHERE status = 'scheduled' AND next_fire_at <> ?", due.UnixMilli()), round)
		}
	})
}

// The batch that is due reads each calendar once.
func TestManyCampaignsShareACalendar(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		r := newRecurring(t, s, hourly(campaigns.Policy{}))
		r.cancel(t)
		r.time.Advance(24*time.Hour - 3*time.Hour)
		r.began = r.time.Now()
		calendar := saveHolidays(t, s, campaigns.Holidays{AccountID: r.AccountID, Name: "Berlin"}, r.inDays(1))
		const n = 20
		for range n {
			r.start(t, daily(calendar, schedule.Skip))
		}
		require.Len(t, r.later(t, time.Hour), n)
		require.NoError(t, setHolidays(t, s, campaigns.Holidays{AccountID: r.AccountID, ID: calendar}, r.inDays(1), r.inDays(2)))
		require.Equal(t, n, r.Int("SELECT COUNT(*) FROM campaigns WHERE next_fire_at = ?", r.began.Add(73*time.Hour).UnixMilli()))
	})
}
