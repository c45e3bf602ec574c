package api

import (
	"context"
	"net/http"

	"carillon/access"
	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/messages"
)

// ResendCampaignInput says to whom a campaign is to be sent again.
type ResendCampaignInput struct {
	RunID      int64    `json:"run_id,omitempty" minimum:"1" doc:"Of which run; its latest that is no resend if absent."`
	States     []string `json:"states,omitempty" minItems:"1" enum:"failed,rejected,skipped,canceled,unknown,sent,delivered,read" doc:"In which state their messages are: failed, rejected, skipped, canceled; what was sent, or may have been, only with even_if_sent."`
	Reasons    []string `json:"reasons,omitempty" minItems:"1" doc:"With one of these reasons, such as attempts_used_up."`
	Not        string   `json:"not,omitempty" maxLength:"20" doc:"And of which they have none that was sent, delivered or read, that they opened or clicked a link of, or have not replied since: sent, delivered, read, replied, opened or clicked."`
	EvenIfSent bool     `json:"even_if_sent,omitempty" doc:"Send it again to people who have got it, or may have, too."`
	DryRun     bool     `json:"dry_run,omitempty" doc:"Change nothing, and say what would be done."`
}

// CampaignResend is what a resend does.
type CampaignResend struct {
	ResendOf  int64            `json:"resend_of" doc:"The run that is sent again."`
	Matched   int64            `json:"matched" doc:"Recipients of the new run."`
	Reachable int64            `json:"reachable" doc:"How many of them will be sent to."`
	Skipped   map[string]int64 `json:"skipped" doc:"The others, by reason."`
	HaveIt    int64            `json:"have_it" doc:"How many are like that and left out, because they have it, or may, or are about to get it."`
	Says      []string         `json:"says" doc:"What will happen, in words."`
	Run       *Run             `json:"run,omitempty" doc:"The new run; absent on a dry run, and where there is nobody to send it to."`
}

type resendCampaign struct {
	ByID
	Body ResendCampaignInput
}

func (in *resendCampaign) changesNothing() bool { return in.Body.DryRun }

type resendOut struct {
	Status int
	Body   CampaignResend
}

func (s *Server) resendRoutes() {
	register(s, operation{id: "resend-campaign", method: http.MethodPost, path: "/v1/campaigns/{id}/resend", tag: "campaigns",
		doc: "Send a campaign again to those whom it did not reach", status: http.StatusCreated, roles: mayEdit,
		more: "Makes a run of kind resend for whoever has messages of a run, or of resends of it, that are like this, with the content that the campaign has " +
			"now. Who has it already, or is about to get it, is left out. Who it goes to is fixed when it is answered: the same again finds nobody while these " +
			"are under way. dry_run says beforehand what it would do."}, s.resendCampaign)
}

func (s *Server) resendCampaign(ctx context.Context, caller access.Caller, in *resendCampaign) (*resendOut, error) {
	b := in.Body
	r := campaigns.Resend{RunID: b.RunID, Reasons: b.Reasons, Not: b.Not, EvenIfSent: b.EvenIfSent}
	for _, name := range b.States {
		state, err := messages.ParseState(name)
		if err != nil {
			return nil, fault.InvalidField("states", name, "%v", err)
		}
		r.States = append(r.States, state)
	}
	if b.DryRun {
		p, err := s.Campaigns.PreviewResend(ctx, caller.AccountID, in.ID, r)
		return &resendOut{http.StatusOK, resendView(r, p)}, err
	}
	p, run, err := s.Campaigns.Resend(ctx, caller.AccountID, in.ID, r, caller.Actor())
	if err != nil {
		return nil, err
	}
	out := &resendOut{http.StatusOK, resendView(r, p)}
	if run.ID == 0 {
		return out, nil
	}
	out.Status = http.StatusCreated
	view, err := s.runView(ctx, run)
	out.Body.Run = &view
	return out, err
}

func resendView(r campaigns.Resend, p campaigns.ResendPreview) CampaignResend {
	view := CampaignResend{ResendOf: p.RunID, Matched: p.Total, Reachable: p.Reachable, Skipped: p.Skipped, HaveIt: p.HaveIt, Says: p.Words(r)}
	if view.Skipped == nil {
		view.Skipped = map[string]int64{}
	}
	return view
}
