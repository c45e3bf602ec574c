package campaigns

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"carillon/internal/fault"
)

// ApprovalState is how far a campaign's approval is.
type ApprovalState string

// The states of an approval.
const (
	Proposed ApprovalState = "proposed"
	Approved ApprovalState = "approved"
	Rejected ApprovalState = "rejected"
)

// Approval is what was said of a campaign before it is started. It is of what the campaign
// was then.
type Approval struct {
	CampaignID int64
	State      ApprovalState
	// Current says that the campaign is what it was: otherwise the approval is void.
	Current bool
	// ProposedBy and DecidedBy are the ids of keys, Proposer and Decider name them; what
	// was not decided has none.
	ProposedBy, DecidedBy int64
	Proposer, Decider     string
	ProposedAt            time.Time
	DecidedAt             *time.Time
	// Note is what the last of them said; may be empty.
	Note string
}

// By is who proposes or decides.
type By struct {
	KeyID int64
	Actor string
	Note  string
}

// Approvals keeps what was said of campaigns. A campaign that there is not is NotFound.
type Approvals interface {
	// GetApproval is zero where nothing was proposed.
	GetApproval(ctx context.Context, accountID, campaignID int64) (Approval, error)
	// Propose asks for the approval of a draft as it is now; a Conflict if it is none.
	Propose(ctx context.Context, accountID, campaignID int64, by By) (Approval, error)
	// Decide approves or rejects what was proposed. It is Forbidden for the key that has
	// proposed it, and a Conflict if nothing is proposed, or the campaign has changed since.
	Decide(ctx context.Context, accountID, campaignID int64, to ApprovalState, by By) (Approval, error)
	// CheckApproval is a Conflict if the account asks for approval and the campaign, as it
	// is given, has none.
	CheckApproval(ctx context.Context, c Campaign) error
}

// Approval is what was said of a campaign; zero if nothing was proposed.
func (s *Service) Approval(ctx context.Context, accountID, id int64) (Approval, error) {
	return s.store.GetApproval(ctx, accountID, id)
}

// Propose asks for the approval of a draft as it is now.
func (s *Service) Propose(ctx context.Context, accountID, id int64, by By) (Campaign, error) {
	return s.say(ctx, accountID, id, by, s.store.Propose)
}

// Approve lets a campaign be started as it was proposed. Somebody else than who proposed
// it has to.
func (s *Service) Approve(ctx context.Context, accountID, id int64, by By) (Campaign, error) {
	return s.decide(ctx, accountID, id, Approved, by)
}

// Reject says that a campaign is not to be started as it was proposed.
func (s *Service) Reject(ctx context.Context, accountID, id int64, by By) (Campaign, error) {
	return s.decide(ctx, accountID, id, Rejected, by)
}

func (s *Service) decide(ctx context.Context, accountID, id int64, to ApprovalState, by By) (Campaign, error) {
	return s.say(ctx, accountID, id, by, func(ctx context.Context, accountID, id int64, by By) (Approval, error) {
		return s.store.Decide(ctx, accountID, id, to, by)
	})
}

func (s *Service) say(
	ctx context.Context, accountID, id int64, by By, say func(context.Context, int64, int64, By) (Approval, error),
) (Campaign, error) {
	if by.Note = strings.TrimSpace(by.Note); utf8.RuneCountInString(by.Note) > maxWhy {
		return Campaign{}, fault.InvalidField("note", nil, "must be at most %d characters", maxWhy)
	}
	if _, err := say(ctx, accountID, id, by); err != nil {
		return Campaign{}, err
	}
	return s.store.GetCampaign(ctx, accountID, id)
}
