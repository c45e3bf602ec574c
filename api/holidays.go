package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"carillon/access"
	"carillon/campaigns"
	"carillon/campaigns/schedule"
)

// HolidayDate is a day of a calendar of holidays.
type HolidayDate schedule.Holiday

// UnmarshalJSON reads a date, or one with its name.
func (d *HolidayDate) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, &d.Date) == nil {
		d.Name = ""
		return nil
	}
	return json.Unmarshal(text, (*schedule.Holiday)(d))
}

// Schema is a date, or an object with its date and name.
func (HolidayDate) Schema(huma.Registry) *huma.Schema {
	date := &huma.Schema{Type: huma.TypeString, MaxLength: new(10), Description: "Such as 2026-12-25."}
	return &huma.Schema{OneOf: []*huma.Schema{date, {
		Type: huma.TypeObject, Required: []string{"date"}, AdditionalProperties: false,
		Properties: map[string]*huma.Schema{"date": date, "name": {Type: huma.TypeString, MaxLength: new(200), Description: "What people call it."}},
	}}}
}

// HolidaysInfo is a calendar of holidays without its days.
type HolidaysInfo struct {
	ID        int64     `json:"id"`
	Name      string    `json:"name"`
	Size      int       `json:"size" doc:"How many days it has."`
	First     string    `json:"first,omitempty" doc:"Its first day; absent without days."`
	Last      string    `json:"last,omitempty" doc:"Its last day: behind it nothing is excluded."`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Holidays is a calendar of holidays.
type Holidays struct {
	HolidaysInfo
	Dates []HolidayDate `json:"dates" doc:"Its days in order, each with its name if it has one."`
}

func (h Holidays) identity() int64 { return h.ID }

// HolidaysInput is what a calendar of holidays is made of.
type HolidaysInput struct {
	Name  string         `json:"name,omitempty" maxLength:"100" doc:"Unique; left out, that which the iCalendar file gives itself."`
	Dates *[]HolidayDate `json:"dates,omitempty" maxItems:"10000" doc:"Days such as \"2026-12-25\", or {\"date\": \"2026-12-25\", \"name\": \"Christmas Day\"}."`
	ICal  *string        `json:"ical,omitempty" maxLength:"1048576" doc:"Instead: the text of an iCalendar file (.ics). Its events are read from 2020 to 2050."`
}

// HolidaysChange is what is to become of a calendar; what is absent stays.
type HolidaysChange struct {
	Name  *string        `json:"name,omitempty" minLength:"1" maxLength:"100"`
	Dates *[]HolidayDate `json:"dates,omitempty" maxItems:"10000" doc:"All of its days instead of those that it has."`
	ICal  *string        `json:"ical,omitempty" maxLength:"1048576" doc:"The text of an iCalendar file, whose days are there instead of those that it has."`
}

func (c HolidaysChange) change() campaigns.HolidaysChange {
	change := campaigns.HolidaysChange{Name: c.Name, ICal: c.ICal}
	if c.Dates != nil {
		days := make([]schedule.Holiday, len(*c.Dates))
		for i, d := range *c.Dates {
			days[i] = schedule.Holiday(d)
		}
		change.Days = &days
	}
	return change
}

type createHolidays struct{ Body HolidaysInput }

type changeHolidays struct {
	ByID
	Body HolidaysChange
}

func holidaysInfo(h campaigns.Holidays) HolidaysInfo {
	return HolidaysInfo{ID: h.ID, Name: h.Name, Size: h.Size, First: h.First, Last: h.Last, CreatedAt: h.CreatedAt, UpdatedAt: h.UpdatedAt}
}

func holidaysOut(h campaigns.Holidays, err error) (*one[Holidays], error) {
	if err != nil {
		return nil, err
	}
	out := &one[Holidays]{Holidays{HolidaysInfo: holidaysInfo(h), Dates: make([]HolidayDate, len(h.Days))}}
	for i, d := range h.Days {
		out.Body.Dates[i] = HolidayDate(d)
	}
	return out, nil
}

func (s *Server) holidayRoutes() {
	const path, tag = "/v1/holidays", "holidays"
	register(s, operation{id: "list-holidays", method: http.MethodGet, path: path, tag: tag, roles: mayLook,
		doc: "List calendars of holidays, without their days"},
		func(ctx context.Context, caller access.Caller, in *Paged) (*pageOut[HolidaysInfo], error) {
			after, err := in.position()
			if err != nil {
				return nil, err
			}
			list, err := s.Holidays.List(ctx, caller.AccountID, after, in.Limit+1)
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, holidaysInfo, func(h campaigns.Holidays) string { return idKey(h.ID) }), nil
		})
	register(s, operation{id: "create-holidays", method: http.MethodPost, path: path, tag: tag, doc: "Create a calendar of holidays", status: http.StatusCreated,
		roles: mayEdit, more: "Schedules exclude it by its id: docs/schedules.md. Its days are given as dates, or as the text of an iCalendar file, of which " +
			"a mistake is told with its line."},
		func(ctx context.Context, caller access.Caller, in *createHolidays) (*one[Holidays], error) {
			change := HolidaysChange{Dates: in.Body.Dates, ICal: in.Body.ICal}
			if in.Body.Name != "" {
				change.Name = &in.Body.Name
			}
			return holidaysOut(s.Holidays.Create(ctx, caller.AccountID, change.change()))
		})
	register(s, operation{id: "get-holidays", method: http.MethodGet, path: path + "/{id}", tag: tag, doc: "Show a calendar of holidays", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[Holidays], error) {
			return holidaysOut(s.Holidays.Get(ctx, caller.AccountID, in.ID))
		})
	register(s, operation{id: "update-holidays", method: http.MethodPatch, path: path + "/{id}", tag: tag, doc: "Change a calendar of holidays", roles: mayEdit,
		more: "Campaigns that exclude it go by its new days at once. Refused if one of them could never fire any more."},
		func(ctx context.Context, caller access.Caller, in *changeHolidays) (*one[Holidays], error) {
			return holidaysOut(s.Holidays.Update(ctx, caller.AccountID, in.ID, in.Body.change()))
		})
	register(s, operation{id: "delete-holidays", method: http.MethodDelete, path: path + "/{id}", tag: tag, doc: "Delete a calendar of holidays",
		status: http.StatusNoContent, roles: mayEdit,
		more: "Refused while a campaign that is not over excludes it."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*struct{}, error) {
			return nil, s.Holidays.Delete(ctx, caller.AccountID, in.ID)
		})
}
