package campaigns

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"carillon/campaigns/schedule"
	"carillon/campaigns/schedule/ical"
	"carillon/internal/fault"
)

// Bounds of calendars of holidays.
const (
	// MaxHolidays is how many calendars an account may have.
	MaxHolidays     = 1000
	maxCalendarName = 100
	maxHolidayName  = 200
)

// Holidays are a calendar of days off that an account keeps.
type Holidays struct {
	ID, AccountID int64
	Name          string // unique in the account
	// Days are in order, each once; not set in lists.
	Days []schedule.Holiday
	// Size is how many days there are, First and Last are the ends; empty without days.
	Size        int
	First, Last string
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// HolidayStore keeps calendars of holidays. One that the account does not have is
// NotFound.
type HolidayStore interface {
	// CreateHolidays is a Conflict for a name that is taken, and for more calendars than
	// an account may have.
	CreateHolidays(ctx context.Context, h Holidays) (Holidays, error)
	GetHolidays(ctx context.Context, accountID, id int64) (Holidays, error)
	// ListHolidays lists those behind the id after, without their days.
	ListHolidays(ctx context.Context, accountID, after int64, limit int) ([]Holidays, error)
	// UpdateHolidays changes a calendar in one transaction, with the errors of change. The
	// campaigns that exclude it fire by its new days when it returns. It is a Conflict for
	// a name that is taken, and if one of them could never fire any more.
	UpdateHolidays(ctx context.Context, accountID, id int64, change func(*Holidays) error) (Holidays, error)
	// DeleteHolidays is a Conflict that names the campaigns that are not over and exclude
	// the calendar.
	DeleteHolidays(ctx context.Context, accountID, id int64) error
	// HolidaysByID are the days of those of the calendars that the account has.
	HolidaysByID(ctx context.Context, accountID int64, ids []int64) (map[int64]schedule.Holidays, error)
}

// HolidayService is the service for calendars of holidays.
type HolidayService struct{ store HolidayStore }

// NewHolidayService makes the service.
func NewHolidayService(store HolidayStore) *HolidayService { return &HolidayService{store: store} }

// HolidaysChange is what to make of a calendar; nil leaves what there is.
type HolidaysChange struct {
	Name *string
	// Days or ICal, the text of an iCalendar file, replace its days.
	Days *[]schedule.Holiday
	ICal *string
}

// Create keeps a new calendar. Without a name it has that which an iCalendar file gives
// itself.
func (s *HolidayService) Create(ctx context.Context, accountID int64, c HolidaysChange) (Holidays, error) {
	h := Holidays{AccountID: accountID}
	if err := c.apply(&h); err != nil {
		return Holidays{}, err
	}
	return s.store.CreateHolidays(ctx, h)
}

// Get is one calendar with its days.
func (s *HolidayService) Get(ctx context.Context, accountID, id int64) (Holidays, error) {
	return s.store.GetHolidays(ctx, accountID, id)
}

// List lists calendars behind the id after, without their days.
func (s *HolidayService) List(ctx context.Context, accountID, after int64, limit int) ([]Holidays, error) {
	return s.store.ListHolidays(ctx, accountID, after, limit)
}

// Update changes a calendar. What excludes it goes by its new days at once.
func (s *HolidayService) Update(ctx context.Context, accountID, id int64, c HolidaysChange) (Holidays, error) {
	return s.store.UpdateHolidays(ctx, accountID, id, c.apply)
}

// Delete forgets a calendar that no campaign excludes which is not over.
func (s *HolidayService) Delete(ctx context.Context, accountID, id int64) error {
	return s.store.DeleteHolidays(ctx, accountID, id)
}

// apply changes a calendar, and refuses what can't be kept with all wrong fields.
func (c HolidaysChange) apply(h *Holidays) error {
	var wrong []fault.Field
	refuse := func(location string, value any, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: location, Value: value, Message: fmt.Sprintf(format, args...)})
	}
	switch {
	case c.ICal != nil && c.Days != nil:
		refuse("ical", nil, "dates and ical say both which days: give one of them")
	case c.ICal != nil:
		read, err := ical.Read([]byte(*c.ICal))
		if err != nil {
			return err
		}
		if len(read.Days) == 0 {
			refuse("ical", nil, "has no day off from %d to %d: give a file with events", ical.FirstYear, ical.LastYear)
		}
		h.Days = read.Days
		if h.Name == "" {
			h.Name = read.Name
		}
	case c.Days != nil:
		h.Days = slices.Clone(*c.Days)
	}
	if c.Name != nil {
		h.Name = *c.Name
	}
	h.Name = strings.Join(strings.Fields(h.Name), " ")
	if n := utf8.RuneCountInString(h.Name); n == 0 || n > maxCalendarName || !printable(h.Name) {
		refuse("name", h.Name, "must be 1 to %d characters, none of them a control character", maxCalendarName)
	}
	if len(h.Days) > ical.MaxDays {
		refuse("dates", len(h.Days), "at most %d", ical.MaxDays)
		return fault.InvalidFields(wrong)
	}
	for i := range h.Days {
		d := &h.Days[i]
		d.Name = strings.Join(strings.Fields(d.Name), " ")
		if utf8.RuneCountInString(d.Name) > maxHolidayName || !printable(d.Name) {
			refuse(fmt.Sprintf("dates[%d]", i), d.Name, "its name must be at most %d characters, none of them a control character", maxHolidayName)
		}
	}
	if _, err := schedule.NewHolidays(h.Days); err != nil {
		if wrong, err = fault.Gather(wrong, err); err != nil {
			return err
		}
	}
	h.tidy()
	return fault.InvalidFields(wrong)
}

func printable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// tidy puts the days in order, each once.
func (h *Holidays) tidy() {
	slices.SortStableFunc(h.Days, func(a, b schedule.Holiday) int { return strings.Compare(a.Date, b.Date) })
	h.Days = slices.CompactFunc(h.Days, func(a, b schedule.Holiday) bool { return a.Date == b.Date })
	if h.Size, h.First, h.Last = len(h.Days), "", ""; h.Size > 0 {
		h.First, h.Last = h.Days[0].Date, h.Days[h.Size-1].Date
	}
}

// HolidayIDs are the calendars of holidays that the schedule excludes.
func (s Schedule) HolidayIDs() []int64 {
	if s.Exclude == nil {
		return nil
	}
	return s.Exclude.Holidays
}

// compiledWith is what an account's schedule is compiled with: defaultZone stands in
// for an empty zone, and its calendars of holidays are looked up if it names any.
func (s *Service) compiledWith(ctx context.Context, accountID int64, sc Schedule, defaultZone string) (o schedule.Options, err error) {
	o.Timezone = defaultZone
	if ids := sc.HolidayIDs(); len(ids) > 0 {
		o.Holidays, err = s.store.HolidaysByID(ctx, accountID, ids)
	}
	return o, err
}

// PreviewSchedule is what a campaign with a recurring schedule that is not kept does after an
// instant, at most n instants of it, with the account's calendars of holidays. A jitter hangs
// on the campaign, and is not in it.
func (s *Service) PreviewSchedule(ctx context.Context, accountID int64, sc Schedule, from time.Time, n int) (c Coming, err error) {
	o, err := s.compiledWith(ctx, accountID, sc, "")
	if err != nil {
		return c, err
	}
	if err := sc.Validate(o); err != nil {
		return c, err
	}
	t, err := sc.Timetable(o)
	if err != nil {
		return c, err
	}
	t.jitter = 0
	return Coming{Plan: t.plan, Items: t.coming(Campaign{}, t.plan.Coming(from, n), nil)}, nil
}
