package api

import (
	"context"
	"net/http"
	"time"

	"carillon/access"
	"carillon/api/gate"
	"carillon/campaigns"
	"carillon/internal/fault"
)

// CampaignApproval is what was said of a campaign before it was started.
type CampaignApproval struct {
	State      string     `json:"state" enum:"proposed,approved,rejected"`
	Current    bool       `json:"current" doc:"The campaign is what it was then; false voids it: it has to be proposed again."`
	ProposedBy string     `json:"proposed_by" doc:"The key that proposed it."`
	ProposedAt time.Time  `json:"proposed_at"`
	DecidedBy  string     `json:"decided_by,omitempty" doc:"The key that approved or rejected it."`
	DecidedAt  *time.Time `json:"decided_at,omitempty"`
	Note       string     `json:"note,omitempty" doc:"What the last of them said."`
}

type sayCampaign struct {
	ByID
	Body *struct {
		Note string `json:"note,omitempty" maxLength:"500" doc:"What there is to say of it."`
	}
}

func (s *Server) approvalRoutes() {
	for _, say := range []struct {
		verb, doc, more string
		roles           gate.Roles
		do              func(ctx context.Context, accountID, id int64, by campaigns.By) (campaigns.Campaign, error)
	}{
		{"propose", "Ask for the approval of a draft", "It is of content, audience, schedule and channel as they are now: whatever is changed later voids it.",
			mayEdit, s.Campaigns.Propose},
		{"approve", "Approve a draft as it was proposed", "By another person, or with another key, than the one that proposed it; a person must be an approver.",
			mayLook, s.Campaigns.Approve},
		{"reject", "Reject a draft that was proposed", "By an approver, or with a key that may edit.", mayLook, s.Campaigns.Reject},
	} {
		register(s, operation{id: say.verb + "-campaign", method: http.MethodPost, path: "/v1/campaigns/{id}/" + say.verb, tag: "campaigns", doc: say.doc,
			more: say.more, roles: say.roles},
			func(ctx context.Context, caller access.Caller, in *sayCampaign) (*one[Campaign], error) {
				if say.verb != "propose" && !caller.MayApprove() {
					return nil, fault.New(fault.Forbidden, "%s is no approver: an admin says who is (carillon users set --approver)", caller.Actor())
				}
				by := campaigns.By{KeyID: caller.ID, Actor: caller.Actor()}
				if in.Body != nil {
					by.Note = in.Body.Note
				}
				return s.approvalOut(ctx)(say.do(ctx, caller.AccountID, in.ID, by))
			})
	}
}

// approvalOut shows a campaign with what was said of it.
func (s *Server) approvalOut(ctx context.Context) func(campaigns.Campaign, error) (*one[Campaign], error) {
	return func(c campaigns.Campaign, err error) (*one[Campaign], error) {
		out, err := campaignOut(c, err)
		if err != nil {
			return nil, err
		}
		a, err := s.Campaigns.Approval(ctx, c.AccountID, c.ID)
		if err == nil && a.State != "" {
			out.Body.Approval = &CampaignApproval{
				State: string(a.State), Current: a.Current, ProposedBy: a.Proposer, ProposedAt: a.ProposedAt.UTC(), DecidedBy: a.Decider,
				DecidedAt: timestamp(a.DecidedAt), Note: a.Note,
			}
		}
		return out, err
	}
}
