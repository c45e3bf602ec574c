package api

import (
	"context"
	"net/http"
	"time"

	"carillon/access"
	"carillon/campaigns"
)

// Publication is how people pull a campaign's content.
type Publication struct {
	Keywords []string   `json:"keywords" doc:"Words by which people ask for it, as they are compared."`
	From     time.Time  `json:"from"`
	Until    *time.Time `json:"until,omitempty" doc:"Its end; absent until somebody withdraws it."`
	State    string     `json:"state" enum:"scheduled,published,over"`
	By       string     `json:"by" doc:"Who published it."`
	Answered int64      `json:"answered" doc:"How often somebody got it."`
	Failed   int64      `json:"failed,omitempty" doc:"How often somebody asked for it and it could not be made."`
}

// PublicationInput is how a content is published.
type PublicationInput struct {
	Keywords []string   `json:"keywords" minItems:"1" maxItems:"20" doc:"Whoever writes one of these on the campaign's channel gets the content: 1 to 20, of at most 40 letters, in any case. One publication of a channel has a word at a time; words to opt out or in are refused." example:"[\"menu\"]"`
	From     *time.Time `json:"from,omitempty" doc:"Since when; at once if absent."`
	Until    *time.Time `json:"until,omitempty" doc:"Until when; until it is withdrawn if absent."`
}

type publishCampaign struct {
	ByID
	Body PublicationInput
}

func (s *Server) publicationView(p *campaigns.Publication) *Publication {
	if p == nil {
		return nil
	}
	return &Publication{
		Keywords: p.Keywords, From: p.From.UTC(), Until: known(p.Until), State: string(p.State(s.Clock.Now())), By: p.By, Answered: p.Answered, Failed: p.Failed,
	}
}

func (s *Server) publicationOut(p *campaigns.Publication, err error) (*one[Publication], error) {
	if err != nil {
		return nil, err
	}
	return &one[Publication]{*s.publicationView(p)}, nil
}

func (s *Server) publicationRoutes() {
	const path, tag = "/v1/campaigns/{id}", "campaigns"
	register(s, operation{id: "publish-campaign", method: http.MethodPost, path: path + "/publish", tag: tag,
		doc: "Let people pull a campaign's content by a keyword", roles: mayEdit,
		more: "They get what the campaign says now, whatever becomes of it later; to publish it again takes over what was changed. One sender gets " +
			"it once a minute and twenty times a day at most. It may be sent to an audience as well."},
		func(ctx context.Context, caller access.Caller, in *publishCampaign) (*one[Publication], error) {
			p := campaigns.Publication{CampaignID: in.ID, Keywords: in.Body.Keywords, By: caller.Actor()}
			if in.Body.From != nil {
				p.From = *in.Body.From
			}
			if in.Body.Until != nil {
				p.Until = *in.Body.Until
			}
			return s.publicationOut(s.Campaigns.Publish(ctx, caller.AccountID, p))
		})
	register(s, operation{id: "withdraw-campaign", method: http.MethodPost, path: path + "/withdraw", tag: tag, doc: "End a publication", roles: mayEdit},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[Publication], error) {
			return s.publicationOut(s.Campaigns.Withdraw(ctx, caller.AccountID, in.ID))
		})
}
