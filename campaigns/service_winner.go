package campaigns

import (
	"context"

	"carillon/internal/fault"
	"carillon/providers"
	"carillon/targeting"
)

// Experiments keeps what runs try out.
type Experiments interface {
	// RunTrial is how the variants of a run stand, by a metric. It is NotFound if the
	// account has no such run.
	RunTrial(ctx context.Context, accountID, runID int64, by Metric) (Trial, error)
	// ChooseWinner writes down which variant those get who wait. It is a Conflict if
	// another was chosen already, nobody waits, or it is not known yet who does.
	ChooseWinner(ctx context.Context, accountID, runID int64, variant int, actor string) error
	// DealAudience counts those who would be sent to by what they get.
	DealAudience(ctx context.Context, channel providers.Channel, audience targeting.Audience, category int64) (Deal, error)
}

// checkExperiment says what is wrong with an experiment on a channel.
func (s *Service) checkExperiment(c Campaign, channel providers.Channel) (wrong []fault.Field, err error) {
	e := c.Experiment
	if e == nil {
		return nil, nil
	}
	if says := c.Template != nil || !c.Content.Empty(); len(e.Variants) > 0 && says && !e.usesOwn() {
		wrong = append(wrong, fault.Field{Location: "content",
			Message: "nobody would get it: every variant has a content of its own. Leave it out, or the content of one variant"})
	}
	if e.Winner == nil {
		return wrong, nil
	}
	receipts, replies, err := s.messages.Hears(channel)
	if err != nil {
		return nil, err
	}
	const instead = "choose another channel, or person, and tell the winner by what you know"
	switch by := e.Winner.By; {
	case (by == ByDelivered || by == ByRead) && !receipts:
		wrong = append(wrong, fault.Field{Location: "experiment.winner.by", Value: string(by),
			Message: "a " + channel.Provider + " channel hears of no receipts of what arrived, so that nobody knows who has it: " + instead})
	case by == ByReplied && !replies:
		wrong = append(wrong, fault.Field{Location: "experiment.winner.by", Value: string(by),
			Message: "a " + channel.Provider + " channel hears of no replies: " + instead})
	}
	return wrong, nil
}

// Trial is how the variants of a run stand. by is what they are judged by; empty for what
// the campaign says.
func (s *Service) Trial(ctx context.Context, accountID, runID int64, by Metric) (Trial, error) {
	if by != "" {
		if words := CheckMetric(by); words != "" {
			return Trial{}, fault.InvalidField("query.by", string(by), "%s", words)
		}
	}
	if by == ByClicked || by == ByOpened || by == ByConverted {
		if _, err := s.store.GetRun(ctx, accountID, runID); err != nil {
			return Trial{}, err
		}
		c, err := s.store.CampaignOfRun(ctx, runID)
		if err != nil {
			return Trial{}, err
		}
		if !tells(c, by) {
			return Trial{}, fault.InvalidField("query.by", string(by), "%s", untracked(by))
		}
	}
	return s.store.RunTrial(ctx, accountID, runID, by)
}

// Winner is how the variants of a campaign's run stand: of its latest that is no resend
// if runID is 0. It is a Conflict if the run tries nothing out.
func (s *Service) Winner(ctx context.Context, accountID, campaignID, runID int64) (Trial, error) {
	c, err := s.store.GetCampaign(ctx, accountID, campaignID)
	if err != nil {
		return Trial{}, err
	}
	if runID == 0 {
		if runID, err = s.latestRun(ctx, c); err != nil {
			return Trial{}, err
		}
	}
	t, err := s.store.RunTrial(ctx, accountID, runID, "")
	switch {
	case err != nil:
		return t, err
	case t.CampaignID != campaignID:
		return t, fault.InvalidField("run_id", runID, "is no run of campaign %d: GET /v1/campaigns/%d/runs lists them", campaignID, campaignID)
	case t.Experiment == nil || len(t.Experiment.Variants) == 0:
		return t, fault.New(fault.Conflict, "run %d of campaign %d has no variants to choose from", runID, campaignID)
	}
	return t, nil
}

// latestRun is the id of a campaign's latest run that is no resend.
func (s *Service) latestRun(ctx context.Context, c Campaign) (int64, error) {
	const page = 100
	for before := int64(0); ; {
		list, err := s.store.ListRuns(ctx, c.AccountID, c.ID, before, page)
		if err != nil {
			return 0, err
		}
		for _, r := range list {
			if before = r.ID; r.Kind != RunResend && r.StartedAt != nil {
				return r.ID, nil
			}
		}
		if len(list) < page {
			return 0, fault.New(fault.Conflict, "campaign %d has not been started: there is nothing to choose from yet", c.ID)
		}
	}
}

// ChooseWinner lets those who wait for the winner of a run have a variant, by its name,
// and returns how it stands then. With dry it says so and changes nothing.
func (s *Service) ChooseWinner(ctx context.Context, accountID, campaignID int64, w WinnerChoice, actor string) (Trial, error) {
	t, err := s.Winner(ctx, accountID, campaignID, w.RunID)
	if err != nil {
		return t, err
	}
	variant, err := t.Experiment.find("variant", w.Variant)
	if err != nil || w.DryRun {
		return t, err
	}
	if err := s.store.ChooseWinner(ctx, accountID, t.RunID, variant, actor); err != nil {
		return t, err
	}
	return s.store.RunTrial(ctx, accountID, t.RunID, "")
}

// WinnerChoice is what a person chooses.
type WinnerChoice struct {
	// RunID is the run; 0 is the campaign's latest that is no resend.
	RunID   int64
	Variant string
	DryRun  bool
}
