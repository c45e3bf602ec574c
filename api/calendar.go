package api

import (
	"context"
	"net/http"
	"time"

	"carillon/access"
	"carillon/campaigns/calendar"
	"carillon/campaigns/simulate"
)

// Simulation is what a campaign would do.
type Simulation struct {
	From     time.Time      `json:"from"`
	Until    time.Time      `json:"until" doc:"Until when instants were played: what begins until then is played to its end, at most 31 days longer."`
	Timezone string         `json:"timezone" doc:"Where the days are counted."`
	Cut      string         `json:"cut,omitempty" doc:"Why it ends before the time that was asked for."`
	Runs     []SimulatedRun `json:"runs" doc:"The instants in order, those that do not fire, too; at most 1000."`
	Days     []SimulatedDay `json:"days" doc:"Those on which a run begins or messages go out."`
	Notices  []string       `json:"notices,omitempty" doc:"What is not in it."`
}

// SimulatedRun is an instant, and what becomes of it.
type SimulatedRun struct {
	CampaignID int64            `json:"campaign_id"`
	ChannelID  int64            `json:"channel_id"`
	Instant    time.Time        `json:"instant"`
	Local      string           `json:"local" doc:"What a clock in timezone shows at the instant." example:"2026-12-01T09:00:00"`
	Status     string           `json:"status" enum:"finished,skipped,canceled,waiting,sending,paused" doc:"What becomes of it; waiting, sending and paused if it is not over when the simulation ends."`
	Reason     string           `json:"reason,omitempty" doc:"Why it does not fire, or waits: as of runs."`
	Detail     string           `json:"detail,omitempty" doc:"The reason in words."`
	StartsAt   *time.Time       `json:"starts_at,omitempty" doc:"When it fires."`
	Recipients int64            `json:"recipients" doc:"Whom it is to be sent to."`
	Sent       int64            `json:"sent" doc:"How many messages go out."`
	Skipped    map[string]int64 `json:"skipped,omitempty" doc:"Whom it is not sent to, by reason."`
	FirstAt    *time.Time       `json:"first_at,omitempty" doc:"When the first message goes, and the last."`
	LastAt     *time.Time       `json:"last_at,omitempty"`
	EndsAt     *time.Time       `json:"ends_at,omitempty" doc:"When nothing of it waits any more."`
	Waves      []SimulatedWave  `json:"waves,omitempty" doc:"When its recipients have their turn, in order, the first 100; absent where all have it at once."`
	Held       []SimulatedHold  `json:"held,omitempty" doc:"By what its messages are held up, the longest first."`
}

// SimulatedWave is how many have their turn from a time on.
type SimulatedWave struct {
	At         time.Time `json:"at"`
	Recipients int64     `json:"recipients"`
	Waits      bool      `json:"waits,omitempty" doc:"Later than was meant, because of hours."`
}

// SimulatedHold is what holds messages up.
type SimulatedHold struct {
	By       string  `json:"by" enum:"outside_hours,awaits_winner,capped,recipient_spacing,channel.per_second,campaign.per_second,campaign.batch,channel.recipients_per_day,channel_paused,paused"`
	Seconds  float64 `json:"seconds" doc:"For how long it does."`
	Messages int64   `json:"messages" doc:"How many at most at a time."`
}

// SimulatedDay is what happens on a day.
type SimulatedDay struct {
	Date     string `json:"date" example:"2026-12-01"`
	Runs     int    `json:"runs" doc:"How many begin."`
	Messages int64  `json:"messages" doc:"How many go out."`
}

// Calendar is what goes out when.
type Calendar struct {
	From     time.Time      `json:"from"`
	To       time.Time      `json:"to"`
	Timezone string         `json:"timezone"`
	Cut      string         `json:"cut,omitempty" doc:"Why it ends before the time that was asked for."`
	Items    []CalendarItem `json:"items" doc:"The instants of all campaigns in order; at most 1000."`
	Days     []SimulatedDay `json:"days"`
	Overlaps []Overlap      `json:"overlaps" doc:"Campaigns that go to the same people on one day."`
	Loads    []Load         `json:"loads" doc:"Where more is to go than a channel's limits allow at once: for an hour or longer, or of several runs."`
	Notices  []string       `json:"notices,omitempty" doc:"What is not in it."`
}

// CalendarItem is an instant of a campaign.
type CalendarItem struct {
	SimulatedRun
	Campaign string `json:"campaign" doc:"Its name."`
	Channel  string `json:"channel" doc:"Its name."`
}

// Overlap says that two campaigns go to the same people on a day.
type Overlap struct {
	Date        string  `json:"date" example:"2026-12-01"`
	CampaignIDs []int64 `json:"campaign_ids" doc:"Both."`
	Shared      int64   `json:"shared" doc:"How many people get both."`
}

// Load is a time at which messages wait for a channel's limits.
type Load struct {
	ChannelID int64     `json:"channel_id"`
	From      time.Time `json:"from"`
	Until     time.Time `json:"until"`
	Open      bool      `json:"open,omitempty" doc:"It goes on when the simulation ends."`
	Seconds   float64   `json:"seconds"`
	Messages  int64     `json:"messages" doc:"How many go meanwhile."`
	Runs      int       `json:"runs" doc:"Of how many runs."`
	LimitedBy string    `json:"limited_by" enum:"channel.per_second,campaign.per_second,channel.recipients_per_day"`
	Words     string    `json:"words" example:"Tuesday 2026-12-01 09:00 needs 4 h on news: 14400 messages of 1 run (channel.per_second)"`
}

type simulateCampaign struct {
	ByID
	Body *struct {
		From     string `json:"from,omitempty" maxLength:"40" doc:"A date, a wall-clock time in timezone, or an RFC 3339 time; now if absent." example:"2026-12-01"`
		Until    string `json:"until,omitempty" maxLength:"40" doc:"The last time at which an instant may come; a week after from if absent, at most 366 days." example:"2026-12-08"`
		Timezone string `json:"timezone,omitempty" maxLength:"100" doc:"IANA time zone in which days are counted; the campaign's if absent."`
	}
}

func (*simulateCampaign) changesNothing() bool { return true }

type getCalendar struct {
	From     string `query:"from" maxLength:"40" doc:"A date, a wall-clock time in timezone, or an RFC 3339 time; now if absent." example:"2026-12-01"`
	To       string `query:"to" maxLength:"40" doc:"The last time at which an instant may come; a week after from if absent, at most 366 days." example:"2026-12-08"`
	Timezone string `query:"timezone" maxLength:"100" doc:"IANA time zone in which days are counted; UTC if absent."`
}

func simulatedRun(r simulate.Run, in *time.Location) SimulatedRun {
	view := SimulatedRun{
		CampaignID: r.CampaignID, ChannelID: r.ChannelID, Instant: r.Instant.UTC(), Local: r.Instant.In(in).Format("2006-01-02T15:04:05"),
		Status: string(r.Status), Reason: r.Reason, Detail: r.Detail, StartsAt: timestamp(&r.Starts), Recipients: r.Recipients, Sent: r.Sent,
		Skipped: r.Skipped, FirstAt: timestamp(&r.First), LastAt: timestamp(&r.Last), EndsAt: timestamp(&r.Ends),
	}
	for _, w := range r.Waves {
		view.Waves = append(view.Waves, SimulatedWave{At: w.At.UTC(), Recipients: w.Recipients, Waits: w.Waits})
	}
	for _, h := range r.Held {
		view.Held = append(view.Held, SimulatedHold{By: h.By, Seconds: h.For.Seconds(), Messages: h.Messages})
	}
	return view
}

func simulatedDays(days []simulate.Day) []SimulatedDay {
	list := make([]SimulatedDay, len(days))
	for i, d := range days {
		list[i] = SimulatedDay(d)
	}
	return list
}

func (s *Server) calendarRoutes() {
	register(s, operation{id: "simulate-campaign", method: http.MethodPost, path: "/v1/campaigns/{id}/simulate", tag: "campaigns",
		doc: "Play a campaign on a simulated clock", roles: mayLook, unaudited: true,
		more: "Which instants fire, how many messages go out when, what holds them up, when each run ends: by the rules that the scheduler goes by, for the " +
			"audience as it is now. A draft is played as if it were started at from. Nothing is kept, and nothing goes out."},
		func(ctx context.Context, caller access.Caller, in *simulateCampaign) (*one[Simulation], error) {
			var ask calendar.Ask
			if in.Body != nil {
				ask = calendar.Ask{From: in.Body.From, Until: in.Body.Until, Zone: in.Body.Timezone}
			}
			sim, err := s.Calendar.Simulate(ctx, caller.AccountID, in.ID, ask)
			if err != nil {
				return nil, err
			}
			view := Simulation{
				From: sim.From.UTC(), Until: sim.Until.UTC(), Timezone: sim.Zone.String(), Cut: sim.Cut, Runs: make([]SimulatedRun, len(sim.Runs)),
				Days: simulatedDays(sim.Days), Notices: sim.Notices,
			}
			for i, r := range sim.Runs {
				view.Runs[i] = simulatedRun(r, sim.Zone)
			}
			return &one[Simulation]{view}, nil
		})
	register(s, operation{id: "get-calendar", method: http.MethodGet, path: "/v1/calendar", tag: "campaigns",
		doc: "Say what goes out when", roles: mayLook,
		more: "What is scheduled, recurs or is under way, for audiences as they are now: how many messages when, which campaigns go to the same people on one " +
			"day, and where more is to go than a channel's limits allow."},
		func(ctx context.Context, caller access.Caller, in *getCalendar) (*one[Calendar], error) {
			cal, err := s.Calendar.Calendar(ctx, caller.AccountID, calendar.Ask{From: in.From, Until: in.To, Zone: in.Timezone})
			if err != nil {
				return nil, err
			}
			return &one[Calendar]{calendarView(cal)}, nil
		})
}

func calendarView(cal calendar.Calendar) Calendar {
	view := Calendar{
		From: cal.From.UTC(), To: cal.Until.UTC(), Timezone: cal.Zone.String(), Cut: cal.Cut, Items: make([]CalendarItem, len(cal.Runs)),
		Days: simulatedDays(cal.Days), Overlaps: make([]Overlap, len(cal.Overlaps)), Loads: make([]Load, len(cal.Loads)), Notices: cal.Notices,
	}
	for i, r := range cal.Runs {
		view.Items[i] = CalendarItem{SimulatedRun: simulatedRun(r, cal.Zone), Campaign: cal.Names[r.CampaignID], Channel: cal.Channels[r.ChannelID].Name}
	}
	for i, o := range cal.Overlaps {
		view.Overlaps[i] = Overlap{Date: o.Date, CampaignIDs: []int64{o.One, o.Other}, Shared: o.Shared}
	}
	for i, l := range cal.Loads {
		view.Loads[i] = Load{
			ChannelID: l.ChannelID, From: l.From.UTC(), Until: l.Load.Until.UTC(), Open: l.Open, Seconds: l.Load.Until.Sub(l.From).Seconds(),
			Messages: l.Messages, Runs: l.Runs, LimitedBy: l.By, Words: l.Words,
		}
	}
	return view
}
