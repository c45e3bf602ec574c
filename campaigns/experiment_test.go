package campaigns_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/templates"
)

func duration(t *testing.T, text string) time.Duration {
	d, err := time.ParseDuration(text)
	require.NoError(t, err)
	return d
}

// said is a content of its own.
func said(text string) *campaigns.Wording {
	return &campaigns.Wording{Content: providers.Content{Subject: "Hello", Text: text + " {{ unsubscribe_url }}"}}
}

// pair are two variants, the first the campaign's own, of whom a person chooses.
func pair() *campaigns.Experiment {
	return &campaigns.Experiment{
		Variants: []campaigns.Variant{{Name: "A"}, {Name: " B ", Content: said("other")}}, TestShare: 20,
		Winner: &campaigns.WinnerRule{By: campaigns.ByPerson},
	}
}

func TestExperimentsThatCantBeMeant(t *testing.T) {
	f := newFixture(t)
	for name, c := range map[string]struct {
		change func(c *campaigns.Campaign, e *campaigns.Experiment)
		want   []string
	}{
		"nothing": {func(_ *campaigns.Campaign, e *campaigns.Experiment) {
			*e = campaigns.Experiment{}
		}, []string{"experiment: name two variants at least"}},
		"one": {func(_ *campaigns.Campaign, e *campaigns.Experiment) {
			e.Variants = e.Variants[:1]
		}, []string{"experiment.variants: one variant is nothing"}},
		"none to test": {func(_ *campaigns.Campaign, e *campaigns.Experiment) { e.Variants, e.Holdout = nil, 5 },
			[]string{"experiment.variants: test_share and winner are about variants"}},
		"too many": {func(_ *campaigns.Campaign, e *campaigns.Experiment) {
			for range 10 {
				e.Variants = append(e.Variants, campaigns.Variant{Name: time.Duration(len(e.Variants)).String(), Content: said("x")})
			}
		}, []string{"experiment.variants: must be 10 at most"}},
		"names": {func(_ *campaigns.Campaign, e *campaigns.Experiment) {
			e.Variants = append(e.Variants, campaigns.Variant{Name: "b", Content: said("x")}, campaigns.Variant{Name: "", Content: said("y")})
		}, []string{"experiment.variants[2].name: is the name of another", "experiment.variants[3].name: must have 1 to 30 letters"}},
		"the same twice": {func(_ *campaigns.Campaign, e *campaigns.Experiment) { e.Variants[1].Content = nil },
			[]string{"experiment.variants[1].content: says the same as variant A"}},
		"shares": {func(_ *campaigns.Campaign, e *campaigns.Experiment) {
			e.Variants[0].Share, e.Variants[1].Share = 50, 40
		},
			[]string{"experiment.variants: the shares are percent of the test and have to add up to 100"}},
		"half a share": {func(_ *campaigns.Campaign, e *campaigns.Experiment) { e.Variants[0].Share = 99 }, []string{"experiment.variants: the shares"}},
		"a share below nothing": {func(_ *campaigns.Campaign, e *campaigns.Experiment) {
			e.Variants[0].Share, e.Variants[1].Share = -1, 101
		},
			[]string{"experiment.variants[0].share", "experiment.variants[1].share"}},
		"holdout":    {func(_ *campaigns.Campaign, e *campaigns.Experiment) { e.Holdout = 51 }, []string{"experiment.holdout: must be from 0 to 50"}},
		"test share": {func(_ *campaigns.Campaign, e *campaigns.Experiment) { e.TestShare = 101 }, []string{"experiment.test_share"}},
		"no winner":  {func(_ *campaigns.Campaign, e *campaigns.Experiment) { e.Winner = nil }, []string{"experiment.winner: 80 percent wait"}},
		"nobody waits": {func(_ *campaigns.Campaign, e *campaigns.Experiment) {
			e.TestShare = 0
		}, []string{"experiment.winner: nobody waits for the winner"}},
		"clicks": {func(_ *campaigns.Campaign, e *campaigns.Experiment) {
			e.Winner.By = "clicked"
			e.Winner.After = "1h"
		}, []string{"experiment.winner.by: links are not tracked"}},
		"conversions": {func(_ *campaigns.Campaign, e *campaigns.Experiment) {
			e.Winner.By = "converted"
			e.Winner.After = "1h"
		}, []string{"experiment.winner.by: no event counts for the campaign"}},
		"beauty": {func(_ *campaigns.Campaign, e *campaigns.Experiment) {
			e.Winner.By = "beauty"
			e.Winner.After = "1h"
		}, []string{"experiment.winner.by: must be one of delivered, read, replied, opened, clicked, converted; or person"}},
		"no receipts": {func(_ *campaigns.Campaign, e *campaigns.Experiment) {
			e.Winner.By = "read"
			e.Winner.After = "1h"
		}, []string{"a mail channel hears of no receipts of what arrived"}},
		"no replies": {func(_ *campaigns.Campaign, e *campaigns.Experiment) {
			e.Winner.By = "replied"
			e.Winner.After = "1h"
		}, []string{"a mail channel hears of no replies"}},
		"a person's": {func(_ *campaigns.Campaign, e *campaigns.Experiment) {
			e.Winner.After = "1h"
		}, []string{"experiment.winner: a person chooses when they like"}},
		"no time": {func(_ *campaigns.Campaign, e *campaigns.Experiment) {
			e.Winner.By = "read"
		}, []string{"experiment.winner.after: must be a duration"}},
		"times": {func(_ *campaigns.Campaign, e *campaigns.Experiment) {
			*e.Winner = campaigns.WinnerRule{By: "read", After: "2h", Until: "1h"}
		}, []string{"experiment.winner.until: must be longer than after"}},
		"no duration": {func(_ *campaigns.Campaign, e *campaigns.Experiment) {
			*e.Winner = campaigns.WinnerRule{By: "read", After: "soon", Until: "later"}
		}, []string{"experiment.winner.after", "experiment.winner.until: must be a duration"}},
		"otherwise": {func(_ *campaigns.Campaign, e *campaigns.Experiment) {
			*e.Winner = campaigns.WinnerRule{By: "read", After: "2h", Otherwise: "dice"}
		}, []string{"experiment.winner.otherwise: must be wait"}},
		"confidence": {func(_ *campaigns.Campaign, e *campaigns.Experiment) {
			*e.Winner = campaigns.WinnerRule{By: "read", After: "2h", Confidence: 50}
		}, []string{"experiment.winner.confidence: must be from 80 to 99"}},
		"waves": {func(c *campaigns.Campaign, _ *campaigns.Experiment) {
			c.Schedule.At, c.Schedule.Timezone, c.Schedule.RecipientTime = "2026-12-01T09:00", "UTC", true
		}, []string{"experiment.winner: whoever waits would get it long after"}},
		"expires": {func(c *campaigns.Campaign, e *campaigns.Experiment) {
			c.Schedule.ExpiresAfter = "2h"
			*e.Winner = campaigns.WinnerRule{By: "read", After: "2h"}
		}, []string{"experiment.winner: whoever waits would be skipped before"}},
		"own to nobody": {func(_ *campaigns.Campaign, e *campaigns.Experiment) {
			e.Variants[0].Content = said("x")
		}, []string{"content: nobody would get it"}},
		"what a variant says": {func(_ *campaigns.Campaign, e *campaigns.Experiment) {
			e.Variants[1].Content = &campaigns.Wording{Content: providers.Content{Subject: "x", Text: "{{ x | shout }}"}}
		}, []string{`experiment.variants[1].content.text: line 1: unknown filter "shout"`}},
		"no words": {func(_ *campaigns.Campaign, e *campaigns.Experiment) { e.Variants[1].Content = &campaigns.Wording{} },
			[]string{"experiment.variants[1].content.subject", "experiment.variants[1].content.text"}},
		"no template": {func(_ *campaigns.Campaign, e *campaigns.Experiment) {
			e.Variants[1].Content = &campaigns.Wording{Template: &templates.Use{Name: "none"}}
		}, []string{"experiment.variants[1].content.template.name: there is no such template"}},
	} {
		t.Run(name, func(t *testing.T) {
			made := f.campaign()
			made.Experiment = pair()
			c.change(&made, made.Experiment)
			_, err := f.Create(t.Context(), made)
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

func TestVariantsOfACampaign(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	made := f.campaign()
	made.Experiment = pair()
	made.Experiment.Variants[1].Content.HTML = `<a href="">x</a>`
	c, err := f.Create(ctx, made)
	require.NoError(t, err)
	require.Equal(t, []string{"A", "B"}, c.Experiment.Names())
	require.Equal(t, 2, c.Experiment.Number(" b"))
	require.Equal(t, []int{50, 50}, c.Experiment.Shares())

	preview, err := f.Preview(ctx, f.Account, c.ID)
	require.NoError(t, err)
	require.EqualValues(t, 1, preview.Reachable)
	require.EqualValues(t, 1, preview.Deal.Waiting+preview.Deal.Variants[0]+preview.Deal.Variants[1])
	require.Len(t, preview.Samples, 2, "the same recipient in both")
	require.Equal(t, "A", preview.Samples[0].Variant)
	require.Contains(t, preview.Samples[0].Content.Text, "Spring")
	require.Equal(t, "B", preview.Samples[1].Variant)
	require.Contains(t, preview.Samples[1].Content.Text, "other")

	checks, err := f.Check(ctx, f.Account, c.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"link_empty experiment.variants[1].content.html"}, coded(checks.Blockers))
	_, err = f.Start(ctx, f.Account, c.ID, true)
	require.ErrorContains(t, err, "leads nowhere")
	c.Experiment.Variants[1].Content.HTML = ""
	c, err = f.Update(ctx, c)
	require.NoError(t, err)

	out := &outbox{Store: f.Store}
	for variant, want := range map[string]string{"": "Spring", "a": "Spring", "B": "other"} {
		_, err := f.Over(out).Campaigns.Test(ctx, f.Account, c.ID, campaigns.TestTo{Address: "me@example.org", Variant: variant})
		require.NoError(t, err)
		require.Contains(t, out.last.Text, want)
	}
	_, err = f.Test(ctx, f.Account, c.ID, campaigns.TestTo{Address: "me@example.org", Variant: "C"})
	require.ErrorContains(t, err, "variant: is no variant of the campaign: it has A, B")

	_, err = f.Winner(ctx, f.Account, c.ID, 0)
	require.ErrorContains(t, err, "has not been started")
	_, err = f.Start(ctx, f.Account, c.ID, true)
	require.NoError(t, err)
	trial, err := f.Winner(ctx, f.Account, c.ID, 0)
	require.NoError(t, err)
	require.Equal(t, campaigns.ByRead, trial.By)
	_, err = f.Winner(ctx, f.Account, c.ID, 99)
	require.True(t, fault.Is(err, fault.NotFound))
	_, err = f.Trial(ctx, f.Account, trial.RunID, "clicked")
	require.ErrorContains(t, err, "links are not tracked")
	_, err = f.ChooseWinner(ctx, f.Account, c.ID, campaigns.WinnerChoice{Variant: "C"}, "me")
	require.ErrorContains(t, err, "it has A, B")
	_, err = f.ChooseWinner(ctx, f.Account, c.ID, campaigns.WinnerChoice{Variant: "B", DryRun: true}, "me")
	require.NoError(t, err)

	plain := f.create(t)
	_, err = f.Start(ctx, f.Account, plain.ID, true)
	require.NoError(t, err)
	_, err = f.Winner(ctx, f.Account, plain.ID, 0)
	require.ErrorContains(t, err, "has no variants to choose from")
	_, err = f.Winner(ctx, f.Account, plain.ID, trial.RunID)
	require.ErrorContains(t, err, "is no run of campaign")
}

func TestSharesAddUp(t *testing.T) {
	for n := 1; n <= 10; n++ {
		e := campaigns.Experiment{Variants: make([]campaigns.Variant, n)}
		sum := 0
		for _, share := range e.Shares() {
			sum += share
		}
		require.Equal(t, 100, sum)
	}
	require.Equal(t, []time.Duration{time.Hour, 2 * time.Hour, 4 * time.Hour, 5 * time.Hour},
		(&campaigns.WinnerRule{By: "read", After: "1h", Until: "5h"}).Looks())
	require.Equal(t, []time.Duration{time.Hour}, (&campaigns.WinnerRule{By: "read", After: "1h"}).Looks())
	require.Empty(t, (&campaigns.WinnerRule{By: campaigns.ByPerson}).Looks())
}
