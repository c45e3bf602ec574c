package api

import (
	"context"
	"net/http"
	"time"

	"carillon/access"
	"carillon/campaigns"
)

// Pause says who paused, and why.
type Pause struct {
	Since  time.Time  `json:"since"`
	Until  *time.Time `json:"until,omitempty" doc:"When it ends by itself; absent if a person has to end it."`
	By     string     `json:"by,omitempty"`
	Reason string     `json:"reason,omitempty"`
}

func pauseView(p campaigns.Pause) *Pause {
	if p.Since.IsZero() {
		return nil
	}
	return &Pause{Since: p.Since.UTC(), Until: timestamp(&p.Until), By: p.By, Reason: p.Why}
}

// CampaignSchedule is a recurring campaign's schedule in words, when it fires, and what
// became of its instants so far.
type CampaignSchedule struct {
	ScheduleView
	Status        string `json:"status" doc:"The campaign's."`
	Pause         *Pause `json:"pause,omitempty" doc:"Who paused the campaign, and why."`
	SchedulePause *Pause `json:"schedule_pause,omitempty" doc:"Who paused its schedule alone, and why."`
	History       []Run  `json:"history" doc:"The newest hundred instants, newest first, those that did not fire, too."`
}

type campaignScheduleInput struct {
	ByID
	N int `query:"n" minimum:"1" maximum:"500" default:"20" doc:"How many instants to come."`
}

type pauseScheduleInput struct {
	ByID
	Body *struct {
		Reason string     `json:"reason,omitempty" maxLength:"500" doc:"Why, for those who look at it later."`
		Until  *time.Time `json:"until,omitempty" doc:"Instants from then on fire again; until it is resumed if absent."`
	}
}

type moveNextInput struct {
	ByID
	Body struct {
		To string `json:"to" maxLength:"40" doc:"A wall-clock time in the schedule's zone, or an RFC 3339 time." example:"2026-12-01T10:30"`
	}
}

type backfillInput struct {
	ByID
	Body struct {
		From   time.Time `json:"from" doc:"The first instant that may be made up for."`
		To     time.Time `json:"to" doc:"The last."`
		DryRun bool      `json:"dry_run,omitempty" doc:"Say which, and do nothing."`
	}
}

// Backfill is what is made up for.
type Backfill struct {
	Instants []time.Time `json:"instants" doc:"The instants that nothing fired."`
	Runs     []Run       `json:"runs,omitempty" doc:"Their runs, which start one after the other; absent with dry_run."`
}

func (s *Server) recurringRoutes() {
	const path, tag = "/v1/campaigns/{id}", "campaigns"
	register(s, operation{id: "get-campaign-schedule", method: http.MethodGet, path: path + "/schedule", tag: tag,
		doc: "List a recurring campaign's instants, to come and past", roles: mayLook,
		more: "With local time and offset, and what is moved or left out and why."}, s.campaignSchedule)
	register(s, operation{id: "pause-campaign-schedule", method: http.MethodPost, path: path + "/schedule/pause", tag: tag,
		doc: "Let no instant of a recurring campaign fire, while its runs go on", roles: mayEdit},
		func(ctx context.Context, caller access.Caller, in *pauseScheduleInput) (*one[Campaign], error) {
			p := campaigns.Pause{By: caller.Actor()}
			if in.Body != nil {
				p.Why = in.Body.Reason
				if in.Body.Until != nil {
					p.Until = *in.Body.Until
				}
			}
			return campaignOut(s.Campaigns.PauseSchedule(ctx, caller.AccountID, in.ID, p))
		})
	register(s, operation{id: "resume-campaign-schedule", method: http.MethodPost, path: path + "/schedule/resume", tag: tag,
		doc: "Let the instants of a recurring campaign fire again", roles: mayEdit},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[Campaign], error) {
			return campaignOut(s.Campaigns.ResumeSchedule(ctx, caller.AccountID, in.ID))
		})
	register(s, operation{id: "trigger-campaign", method: http.MethodPost, path: path + "/trigger", tag: tag,
		doc: "Make a run of a recurring campaign now, beside its schedule", status: http.StatusCreated, roles: mayEdit,
		more: "A run under way stands in its way as while_running says: it waits, or is refused, by the default if another one waits already."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[Run], error) {
			return s.runOut(ctx)(s.Campaigns.Trigger(ctx, caller.AccountID, in.ID, caller.Actor()))
		})
	register(s, operation{id: "skip-next", method: http.MethodPost, path: path + "/skip-next", tag: tag,
		doc: "Leave out the next instant of a recurring campaign", status: http.StatusCreated, roles: mayEdit},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[Run], error) {
			return s.runOut(ctx)(s.Campaigns.SkipNext(ctx, caller.AccountID, in.ID, caller.Actor()))
		})
	register(s, operation{id: "move-next", method: http.MethodPost, path: path + "/move-next", tag: tag,
		doc: "Let the next instant of a recurring campaign start at another time", status: http.StatusCreated, roles: mayEdit},
		func(ctx context.Context, caller access.Caller, in *moveNextInput) (*one[Run], error) {
			return s.runOut(ctx)(s.Campaigns.MoveNext(ctx, caller.AccountID, in.ID, in.Body.To, caller.Actor()))
		})
	register(s, operation{id: "backfill-campaign", method: http.MethodPost, path: path + "/backfill", tag: tag,
		doc: "Let instants of a recurring campaign run that nothing fired", roles: mayEdit,
		more: "One after the other, each for the audience as it is then: what was left out, and what came before the campaign was started. What has fired " +
			"is left alone."},
		func(ctx context.Context, caller access.Caller, in *backfillInput) (*one[Backfill], error) {
			span := campaigns.Span{From: in.Body.From, To: in.Body.To, Dry: in.Body.DryRun}
			b, err := s.Campaigns.Backfill(ctx, caller.AccountID, in.ID, span, caller.Actor())
			if err != nil {
				return nil, err
			}
			out := &one[Backfill]{Backfill{Instants: orEmpty(b.Instants)}}
			out.Body.Runs, err = s.runViews(ctx, b.Runs)
			return out, err
		})
}

func (s *Server) campaignSchedule(ctx context.Context, caller access.Caller, in *campaignScheduleInput) (*one[CampaignSchedule], error) {
	coming, err := s.Campaigns.Coming(ctx, caller.AccountID, in.ID, in.N)
	if err != nil {
		return nil, err
	}
	view := CampaignSchedule{
		ScheduleView: scheduleView(coming), Status: string(coming.Campaign.Status), Pause: pauseView(coming.Campaign.Pause),
		SchedulePause: pauseView(coming.Campaign.SchedulePause),
	}
	view.History, err = s.runViews(ctx, coming.History)
	return &one[CampaignSchedule]{view}, err
}
