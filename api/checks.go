package api

import (
	"context"
	"net/http"

	"carillon/access"
	"carillon/campaigns"
)

// Check is something that is wrong with a campaign, or may be.
type Check struct {
	Code    string `json:"code" example:"image_without_alt" doc:"What it is, in a word that stays the same."`
	Field   string `json:"field,omitempty" example:"content.html" doc:"What it is about."`
	Message string `json:"message" doc:"What is wrong."`
	Remedy  string `json:"remedy" doc:"What mends it."`
}

// CampaignChecks are what is wrong with a campaign before it is started.
type CampaignChecks struct {
	Blockers []Check `json:"blockers" doc:"What can't be meant: with one of these it is not started."`
	Warnings []Check `json:"warnings" doc:"What may be a mistake."`
}

func (s *Server) checkRoutes() {
	register(s, operation{id: "check-campaign", method: http.MethodGet, path: "/v1/campaigns/{id}/checks", tag: "campaigns",
		doc: "What is wrong with a campaign before it is started, and what may be", roles: mayLook,
		more: "Links, pictures, size, the way out, names in the template, audience and schedule, as it is written and as it reads for three recipients. " +
			"The audience is counted, which takes seconds where there are millions of recipients."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[CampaignChecks], error) {
			checks, err := s.Campaigns.Check(ctx, caller.AccountID, in.ID)
			if err != nil {
				return nil, err
			}
			return &one[CampaignChecks]{CampaignChecks{Blockers: checkViews(checks.Blockers), Warnings: checkViews(checks.Warnings)}}, nil
		})
}

func checkViews(list []campaigns.Check) []Check {
	views := make([]Check, len(list))
	for i, c := range list {
		views[i] = Check{Code: c.Code, Field: c.Field, Message: c.Message, Remedy: c.Remedy}
	}
	return views
}
