package api

import (
	"context"
	"net/http"
	"time"

	"carillon/access"
	"carillon/campaigns"
)

// RunVariants are how the variants of a run stand.
type RunVariants struct {
	RunID      int64            `json:"run_id"`
	CampaignID int64            `json:"campaign_id"`
	By         campaigns.Metric `json:"by" enum:"delivered,read,replied,opened,clicked" doc:"What they are judged by."`
	Variants   []RunVariant     `json:"variants"`
	HeldOut    int64            `json:"held_out" doc:"Recipients who get nothing, to compare."`
	Waiting    int64            `json:"waiting" doc:"Recipients who wait for the variant that wins."`
	Leader     string           `json:"leader,omitempty" doc:"The variant that is ahead; absent where none is."`
	Against    string           `json:"against,omitempty" doc:"The variant that is nearest to it."`
	Ahead      *Interval        `json:"ahead,omitempty" doc:"By how much the leader's share is above that, at the confidence that is asked for."`
	Decided    bool             `json:"decided" doc:"The leader is above every other with that confidence; else it is not decidable yet."`
	LookAt     *time.Time       `json:"look_at,omitempty" doc:"When the winner is looked for next; absent where that is over, or left to a person."`
	Winner     *Winner          `json:"winner,omitempty" doc:"Absent until it is told, or chosen."`
	Says       []string         `json:"says" doc:"All of this in sentences."`
}

// RunVariant is how one variant stands.
type RunVariant struct {
	Variant   string           `json:"variant"`
	Share     int              `json:"share" doc:"Of the test, in percent."`
	Counts    map[string]int64 `json:"counts" doc:"Its messages by state, those of people who had waited and got it as the winner among them."`
	Trials    int64            `json:"trials" doc:"To how many of the test it was sent."`
	Successes int64            `json:"successes" doc:"How many of these did what counts."`
	Rate      float64          `json:"rate" doc:"Successes of trials, from 0 to 1."`
	Interval  Interval         `json:"interval" doc:"Where the rate is, at the confidence that is asked for."`
}

// Interval is where a share, or a difference of two, is.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Winner is the variant that those get who waited.
type Winner struct {
	Variant  string    `json:"variant"`
	ChosenAt time.Time `json:"chosen_at"`
	ChosenBy string    `json:"chosen_by,omitempty" doc:"Who chose it; absent if its rule told it."`
	Tallies  []Tally   `json:"tallies" doc:"What the test had come to by then, in the order of the variants."`
	Given    bool      `json:"given" doc:"All who waited have it."`
}

// Tally is how a variant did.
type Tally struct {
	Trials    int64 `json:"trials"`
	Successes int64 `json:"successes"`
}

// WinnerInput is the variant that a person chooses.
type WinnerInput struct {
	RunID   int64  `json:"run_id,omitempty" minimum:"1" doc:"Of which run; the campaign's latest that is no resend if absent."`
	Variant string `json:"variant" minLength:"1" maxLength:"30" example:"B"`
	DryRun  bool   `json:"dry_run,omitempty" doc:"Change nothing, and say how they stand."`
}

// VariantRows are the messages of a variant by their states.
type VariantRows struct {
	Variant string           `json:"variant" doc:"Empty for those of none: held out, or waiting for the one that wins."`
	Rows    map[string]int64 `json:"rows"`
}

type showVariants struct {
	ByID
	By string `query:"by" maxLength:"20" doc:"What they are judged by: delivered, read, replied, opened or clicked; what the campaign says if absent, else read."`
}

type campaignWinner struct {
	ByID
	RunID int64 `query:"run_id" minimum:"1" doc:"Of which run; the campaign's latest that is no resend if absent."`
}

type chooseWinner struct {
	ByID
	Body WinnerInput
}

func (in *chooseWinner) changesNothing() bool { return in.Body.DryRun }

func (s *Server) experimentRoutes() {
	const winner, tag = "/v1/campaigns/{id}/winner", "campaigns"
	register(s, operation{id: "get-run-variants", method: http.MethodGet, path: "/v1/runs/{id}/variants", tag: "runs",
		doc: "How the variants of a run stand", roles: mayLook,
		more: "Their messages by state, and how those in the test did. They are counted, which takes seconds where there are millions."},
		func(ctx context.Context, caller access.Caller, in *showVariants) (*one[RunVariants], error) {
			t, err := s.Campaigns.Trial(ctx, caller.AccountID, in.ID, campaigns.Metric(in.By))
			return variantsOut(t, err)
		})
	register(s, operation{id: "get-campaign-winner", method: http.MethodGet, path: winner, tag: tag,
		doc: "How the variants of a campaign stand, and which has won", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *campaignWinner) (*one[RunVariants], error) {
			t, err := s.Campaigns.Winner(ctx, caller.AccountID, in.ID, in.RunID)
			return variantsOut(t, err)
		})
	register(s, operation{id: "choose-campaign-winner", method: http.MethodPost, path: winner, tag: tag,
		doc: "Choose the variant that those get who wait", roles: mayEdit,
		more: "It is chosen once for a run, and can't be taken back: those who wait get it at once. dry_run says beforehand how they stand."},
		func(ctx context.Context, caller access.Caller, in *chooseWinner) (*one[RunVariants], error) {
			b := in.Body
			t, err := s.Campaigns.ChooseWinner(ctx, caller.AccountID, in.ID,
				campaigns.WinnerChoice{RunID: b.RunID, Variant: b.Variant, DryRun: b.DryRun}, caller.Actor())
			return variantsOut(t, err)
		})
}

func variantsOut(t campaigns.Trial, err error) (*one[RunVariants], error) {
	if err != nil {
		return nil, err
	}
	view := RunVariants{
		RunID: t.RunID, CampaignID: t.CampaignID, By: t.By, Variants: []RunVariant{}, HeldOut: t.HeldOut, Waiting: t.Waiting,
		LookAt: timestamp(t.LookAt), Says: orEmpty(t.Says()),
	}
	if t.Experiment == nil {
		return &one[RunVariants]{view}, nil
	}
	shares := t.Experiment.Shares()
	for i, name := range t.Experiment.Names() {
		tally := t.Tallies[i]
		view.Variants = append(view.Variants, RunVariant{
			Variant: name, Share: shares[i], Counts: t.Counts[i].Map(), Trials: tally.Trials, Successes: tally.Successes, Rate: tally.Rate(),
			Interval: Interval(t.Interval(tally)),
		})
	}
	if v := t.Verdict(); v.Leader > 0 {
		ahead := Interval(v.Ahead)
		view.Leader, view.Against, view.Ahead, view.Decided = t.Experiment.Name(v.Leader), t.Experiment.Name(v.Against), &ahead, v.Decided
	}
	if c := t.Chosen; c.Variant > 0 {
		view.Winner = &Winner{Variant: t.Experiment.Name(c.Variant), ChosenAt: c.At, ChosenBy: c.By, Tallies: []Tally{}, Given: c.Moved}
		for _, tally := range c.Tallies {
			view.Winner.Tallies = append(view.Winner.Tallies, Tally(tally))
		}
	}
	return &one[RunVariants]{view}, nil
}

// variantRows are the rows of a run that has variants by these, those of none last.
func variantRows(p campaigns.Verification) (list []VariantRows) {
	if len(p.VariantNames) == 0 {
		return nil
	}
	for i, name := range p.VariantNames {
		list = append(list, VariantRows{name, p.Variants[i+1].Map()})
	}
	return append(list, VariantRows{"", p.Variants[0].Map()})
}

// experimentOf is what a campaign tries out; an empty object says that it tries out nothing.
func experimentOf(e *campaigns.Experiment) *campaigns.Experiment {
	if e.Empty() {
		return nil
	}
	return e
}
