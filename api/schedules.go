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
	"carillon/internal/naming"
)

// Expressions are one cron expression or several.
type Expressions []string

// UnmarshalJSON reads a text or a list of texts.
func (e *Expressions) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*e = Expressions{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(e))
}

// mostRules bounds the expressions, and the calendars, of a schedule.
const mostRules = 50

// Schema is a text, or a list of texts.
func (Expressions) Schema(huma.Registry) *huma.Schema {
	one := &huma.Schema{Type: huma.TypeString, MaxLength: new(500)}
	return &huma.Schema{
		OneOf:       []*huma.Schema{one, {Type: huma.TypeArray, Items: one, MaxItems: new(mostRules)}},
		Description: "Cron expressions of 5 fields, or of 6 with seconds in front: names, ranges, steps, L, LW, 15W, FRI#1, FRIL, @daily and its like.",
	}
}

// CalendarRule names times of days: those that all of its rules hold for.
type CalendarRule struct {
	Weekdays []WeekdayRule `json:"weekdays,omitempty" maxItems:"50"`
	Days     []int         `json:"days,omitempty" maxItems:"62" doc:"Days of the month; -1 is the last."`
	Months   []int         `json:"months,omitempty" maxItems:"12"`
	Times    []string      `json:"times" maxItems:"200" doc:"Times of day such as 09:00."`
}

// WeekdayRule is a day of the week.
type WeekdayRule struct {
	Day string `json:"day" doc:"mon, tue, wed, thu, fri, sat or sun."`
	Nth int    `json:"nth,omitempty" doc:"Which of the month: 1 to 5, -1 to -5 from its end; every one if absent."`
}

// ExcludeRule names days on which nothing fires.
type ExcludeRule struct {
	Dates    []string     `json:"dates,omitempty" maxItems:"1000" doc:"Dates such as 2026-12-24."`
	Weekdays []string     `json:"weekdays,omitempty" maxItems:"7" doc:"mon, tue, wed, thu, fri, sat or sun."`
	Holidays []naming.Ref `json:"holidays,omitempty" kind:"calendar" maxItems:"50" doc:"Calendars of holidays, each by its id or its name: GET /v1/holidays lists them."`
}

// ScheduleRule says when something recurs: its ways of saying so are united.
type ScheduleRule struct {
	Cron       Expressions    `json:"cron,omitempty"`
	Calendar   []CalendarRule `json:"calendar,omitempty" maxItems:"50"`
	Every      string         `json:"every,omitempty" maxLength:"30" doc:"A duration such as 90s, 15m or 2h, which goes by elapsed time from \"from\" on, or else from 1970 in UTC." example:"2h"`
	Phase      string         `json:"phase,omitempty" maxLength:"30" doc:"How much later than that every begins, such as 5m."`
	Dates      []string       `json:"dates,omitempty" maxItems:"1000" doc:"Wall-clock times such as 2026-12-24T10:00."`
	Timezone   string         `json:"timezone,omitempty" maxLength:"100" doc:"IANA time zone of the wall-clock times; the channel's zone, or else UTC, if absent." example:"Europe/Berlin"`
	From       string         `json:"from,omitempty" maxLength:"40" doc:"Nothing fires before: a date, a wall-clock time, or an RFC 3339 time."`
	Until      string         `json:"until,omitempty" maxLength:"40" doc:"Nothing fires after."`
	Exclude    *ExcludeRule   `json:"exclude,omitempty"`
	OnExcluded string         `json:"on_excluded,omitempty" enum:"skip,next_day,previous_day" doc:"What becomes of an instant on an excluded day; skip if absent. What goes by elapsed time is left out."`
	Gap        string         `json:"gap,omitempty" enum:"next,skip,shift" doc:"What becomes of a time with a fixed hour that the clock jumps over: the first instant after it (if absent), nothing, or as much later."`
	Overlap    string         `json:"overlap,omitempty" enum:"first,second,both" doc:"Which of two instants is meant at which the clock shows a time; the first for a fixed hour, both for what goes by elapsed time."`
}

func (r ScheduleRule) schedule() schedule.Schedule {
	s := schedule.Schedule{
		Cron: r.Cron, Every: r.Every, Phase: r.Phase, Dates: r.Dates, Timezone: r.Timezone, From: r.From, Until: r.Until,
		OnExcluded: schedule.OnExcluded(r.OnExcluded), Gap: schedule.Gap(r.Gap), Overlap: schedule.Overlap(r.Overlap),
	}
	for _, c := range r.Calendar {
		calendar := schedule.Calendar{Days: c.Days, Months: c.Months, Times: c.Times}
		for _, w := range c.Weekdays {
			calendar.Weekdays = append(calendar.Weekdays, schedule.Weekday(w))
		}
		s.Calendar = append(s.Calendar, calendar)
	}
	if e := r.Exclude; e != nil {
		s.Exclude = &schedule.Exclude{Dates: e.Dates, Weekdays: e.Weekdays, Holidays: naming.IDs(e.Holidays)}
	}
	return s
}

// Schedule says when a campaign fires: as soon as it is started, once, or again and
// again.
type Schedule struct {
	At *string `json:"at,omitempty" nullable:"true" maxLength:"40" doc:"Fires once: a wall-clock time such as 2026-12-01T09:00 in timezone, or an RFC 3339 time; null or absent means as soon as the campaign is started, or as it recurs." example:"2026-12-01T09:00"`
	ScheduleRule
	Count         int               `json:"count,omitempty" minimum:"1" maximum:"1000000" doc:"How many instants fire at all."`
	CatchUp       string            `json:"catch_up,omitempty" enum:"skip,latest,all" doc:"Which instants fire that came while nothing could fire them: the last (if absent), all, or none that is later than a minute."`
	CatchUpWithin string            `json:"catch_up_within,omitempty" maxLength:"30" doc:"For how long an instant is worth it; 1h if absent." example:"1h"`
	WhileRunning  string            `json:"while_running,omitempty" enum:"skip,queue_one,queue_all,together,cancel_previous,leave_out" doc:"What becomes of an instant that comes while a run is under way: it waits unless one waits already (queue_one, if absent), waits behind all, is left out, runs beside it, cancels it, or runs for those who do not still wait in it."`
	Jitter        string            `json:"jitter,omitempty" maxLength:"30" doc:"By how much an instant starts later at most, evenly spread; always the same for the same instant." example:"5m"`
	Guards        *campaigns.Guards `json:"guards,omitempty" doc:"What pauses it by itself, with the reason."`
	campaigns.Delivery
}

func (in Schedule) schedule() campaigns.Schedule {
	return campaigns.Schedule{
		At: text(in.At), Schedule: in.ScheduleRule.schedule(), Policy: campaigns.Policy{
			Count: in.Count, CatchUp: campaigns.CatchUp(in.CatchUp), CatchUpWithin: in.CatchUpWithin,
			WhileRunning: campaigns.WhileRunning(in.WhileRunning), Jitter: in.Jitter, Guards: in.Guards,
		}, Delivery: in.Delivery,
	}
}

// scheduleWire is a campaign's schedule as it is written.
func scheduleWire(s campaigns.Schedule) Schedule {
	out := Schedule{
		ScheduleRule: scheduleRule(s.Schedule), Count: s.Count, CatchUp: string(s.CatchUp), CatchUpWithin: s.CatchUpWithin,
		WhileRunning: string(s.WhileRunning), Jitter: s.Jitter, Guards: s.Guards, Delivery: s.Delivery,
	}
	if s.At != "" {
		out.At = &s.At
	}
	return out
}

func scheduleRule(s schedule.Schedule) ScheduleRule {
	r := ScheduleRule{
		Cron: s.Cron, Every: s.Every, Phase: s.Phase, Dates: s.Dates, Timezone: s.Timezone, From: s.From, Until: s.Until,
		OnExcluded: string(s.OnExcluded), Gap: string(s.Gap), Overlap: string(s.Overlap),
	}
	for _, c := range s.Calendar {
		rule := CalendarRule{Days: c.Days, Months: c.Months, Times: c.Times}
		for _, w := range c.Weekdays {
			rule.Weekdays = append(rule.Weekdays, WeekdayRule(w))
		}
		r.Calendar = append(r.Calendar, rule)
	}
	if e := s.Exclude; e != nil {
		r.Exclude = &ExcludeRule{Dates: e.Dates, Weekdays: e.Weekdays, Holidays: naming.Refs(e.Holidays)}
	}
	return r
}

// previewSchedule asks when a schedule fires that is not kept.
type previewSchedule struct {
	Body struct {
		Schedule Schedule   `json:"schedule"`
		From     *time.Time `json:"from,omitempty" doc:"List instants after this one; now if absent."`
		N        int        `json:"n,omitempty" minimum:"1" maximum:"500" default:"20" doc:"How many."`
	}
}

func (in *previewSchedule) changesNothing() bool { return true }

// ScheduleInstant is an instant of a schedule.
type ScheduleInstant struct {
	At     time.Time `json:"at" doc:"The instant, in UTC."`
	Local  string    `json:"local" doc:"What a clock in the schedule's zone shows then." example:"2026-12-01T09:00:00"`
	Offset string    `json:"offset" doc:"The zone's offset then." example:"+01:00"`
	// Skipped is one of the reasons of runs.
	Skipped string `json:"skipped,omitempty" enum:"excluded,gap,paused,left_out" doc:"Why it does not fire; absent if it does."`
	// StartsAt is absent where it starts at its instant.
	StartsAt *time.Time `json:"starts_at,omitempty" doc:"When it starts, if that is another time: it was moved, or has a jitter."`
	Note     string     `json:"note,omitempty" doc:"What is not as the schedule has it, such as a move."`
}

// ScheduleView is a schedule in words, and when it fires.
type ScheduleView struct {
	Words    string            `json:"words" example:"every last Friday of the month at 09:00, Europe/Berlin"`
	Timezone string            `json:"timezone"`
	Items    []ScheduleInstant `json:"items" doc:"The next instants, in order; fewer than asked for if there are no more."`
}

func scheduleView(coming campaigns.Coming) ScheduleView {
	plan := coming.Plan
	view := ScheduleView{Words: plan.Words(), Timezone: plan.Zone().String(), Items: make([]ScheduleInstant, len(coming.Items))}
	for i, item := range coming.Items {
		view.Items[i] = instantView(plan, item)
	}
	return view
}

func instantView(plan *schedule.Plan, item campaigns.ComingInstant) ScheduleInstant {
	local := item.At.In(plan.Zone())
	view := ScheduleInstant{
		At: item.At.UTC(), Local: local.Format("2006-01-02T15:04:05"), Offset: local.Format("-07:00"), StartsAt: timestamp(&item.StartsAt), Note: item.Note,
	}
	if view.StartsAt == nil {
		view.Skipped = item.Reason
	}
	return view
}

func (s *Server) scheduleRoutes() {
	register(s, operation{id: "preview-schedule", method: http.MethodPost, path: "/v1/schedules/preview", tag: "campaigns",
		doc: "Say when a schedule fires", roles: mayWatch, unaudited: true,
		more: "Nothing is kept. The instants are those at which a campaign with this schedule would fire, and those that are left out, with the reason; " +
			"by how much a jitter moves them hangs on the campaign. A schedule that fires once is refused. " +
			"docs/schedules.md has the rules of clock changes."},
		func(ctx context.Context, caller access.Caller, in *previewSchedule) (*one[ScheduleView], error) {
			from := s.Clock.Now()
			if in.Body.From != nil {
				from = *in.Body.From
			}
			coming, err := s.Campaigns.PreviewSchedule(ctx, caller.AccountID, in.Body.Schedule.schedule(), from, in.Body.N)
			if err != nil {
				return nil, err
			}
			return &one[ScheduleView]{Body: scheduleView(coming)}, nil
		})
}
