package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
	"carillon/campaigns"
)

// experimentFlags say what a campaign tries out.
type experimentFlags struct {
	variants  []string
	testShare int
	winner    campaigns.WinnerRule
	by        string
	holdout   int
}

func (f *experimentFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&f.variants, "variant", nil, "a variant, several times: A for the content above, 'B={\"subject\": \"Tulips\"}' or B=file.json "+
		"for one that differs in that; A:30 for its share in percent (default equal shares)")
	flags.IntVar(&f.testShare, "test-share", 0, "percent who are in the test; the others wait, and get the variant that wins (default everybody)")
	flags.StringVar(&f.by, "winner", "", "what the winner is told by: delivered, read, replied, opened or clicked; or person, who chooses")
	flags.StringVar(&f.winner.After, "winner-after", "", "how long after the start the test is looked at, such as 4h")
	flags.StringVar(&f.winner.Until, "winner-until", "", "as long as it can't be told, look again until so long after the start, such as 24h")
	flags.StringVar(&f.winner.Otherwise, "winner-otherwise", "", "if it can't be told by then: wait for a person (default), or take the leader")
	flags.IntVar(&f.holdout, "holdout", 0, "percent who get nothing, to see what the campaign is worth")
}

// into lays the flags over what a campaign says. content is the campaign's own.
func (f *experimentFlags) into(c *cli, content api.MessageContent, e **campaigns.Experiment) error {
	f.winner.By = campaigns.Metric(f.by)
	if len(f.variants) == 0 && f.testShare == 0 && f.winner == (campaigns.WinnerRule{}) && f.holdout == 0 {
		return nil
	}
	if *e == nil {
		*e = &campaigns.Experiment{}
	}
	if len(f.variants) > 0 {
		(*e).Variants = nil
	}
	for _, said := range f.variants {
		v, err := c.variant(said, content)
		if err != nil {
			return err
		}
		(*e).Variants = append((*e).Variants, v)
	}
	if f.testShare != 0 {
		(*e).TestShare = f.testShare
	}
	if f.holdout != 0 {
		(*e).Holdout = f.holdout
	}
	if f.winner != (campaigns.WinnerRule{}) {
		(*e).Winner = &f.winner
	}
	return nil
}

// variant reads a variant: NAME, NAME:SHARE, each with =FILE or ={JSON} behind it.
func (c *cli) variant(said string, own api.MessageContent) (v campaigns.Variant, err error) {
	name, what, has := strings.Cut(said, "=")
	name, share, shared := strings.Cut(name, ":")
	v.Name = strings.TrimSpace(name)
	if shared {
		if v.Share, err = strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(share), "%")); err != nil {
			return v, usagef("--variant %s: write its share in percent, such as %s:30", said, v.Name)
		}
	}
	if !has {
		return v, nil
	}
	raw := []byte(what)
	if !strings.HasPrefix(strings.TrimSpace(what), "{") {
		if raw, err = c.readFile(what); err != nil {
			return v, err
		}
	}
	if v.Content, err = differing(own, raw); err != nil {
		return v, &exitError{exitRefused, fmt.Errorf("--variant %s: %w", v.Name, err)}
	}
	return v, nil
}

// differing is a content as a variant says it, in JSON: what it does not say is as in the
// campaign's own, unless either is a template.
func differing(own api.MessageContent, raw []byte) (*campaigns.Wording, error) {
	var said, content campaigns.Wording
	if err := json.Unmarshal(raw, &said); err != nil {
		return nil, err
	}
	if said.Template != nil || own.Template != nil {
		return &said, nil
	}
	// A copy, so that nothing of it is shared.
	base, err := json.Marshal(own)
	if err == nil {
		err = json.Unmarshal(base, &content)
	}
	if err == nil {
		err = json.Unmarshal(raw, &content)
	}
	return &content, err
}

// experimentWords are what a campaign tries out, in one line.
func experimentWords(e *campaigns.Experiment) string {
	if e.Empty() {
		return ""
	}
	var words []string
	if names := e.Names(); len(names) > 0 {
		shares := e.Shares()
		for i := range names {
			names[i] += fmt.Sprintf(" %d%%", shares[i])
		}
		words = append(words, strings.Join(names, ", "))
	}
	if w := e.Winner; w != nil {
		how := fmt.Sprintf("%d%% first, the others get the winner by %s", e.TestShare, w.By)
		if w.After != "" {
			how += " after " + w.After
		}
		words = append(words, how)
	}
	if e.Holdout > 0 {
		words = append(words, fmt.Sprintf("%d%% held out", e.Holdout))
	}
	return strings.Join(words, "; ")
}

// showDeal shows how many get which variant.
func showDeal(w *tabwriter.Writer, f api.Forecast) {
	dealt := make([]string, len(f.Variants))
	for i, v := range f.Variants {
		dealt[i] = fmt.Sprintf("%s %d", v.Variant, v.Recipients)
	}
	fields(w, "Variants", strings.Join(dealt, ", "))
	if f.Waiting > 0 {
		fields(w, "Wait for the winner", f.Waiting)
	}
}

func (c *cli) campaignWinner() *cobra.Command {
	var in api.WinnerInput
	var yes bool
	cmd := &cobra.Command{Use: "winner ID", Short: "Say how the variants of a campaign stand, or choose the one that those get who wait",
		Long: `Shows how the variants of the campaign's latest run stand: to how many each was sent, how many of these did what counts,
and where that share is with the confidence that is asked for. A winner is told if it is above every other beyond
chance; if not, it is not decidable yet.

With --variant it chooses: those who wait get this variant at once, and it can't be taken back. It says first how they
stand, and asks; --yes answers for scripts.`,
		Example: "  carillon campaign winner 12\n  carillon campaign winner 12 --variant B"}
	flags := cmd.Flags()
	flags.Int64Var(&in.RunID, "run", 0, "of this run; the latest that is no resend if absent")
	flags.StringVar(&in.Variant, "variant", "", "choose this one")
	flags.BoolVar(&in.DryRun, "dry-run", false, "say how they stand, and choose nothing")
	flags.BoolVar(&yes, "yes", false, "do not ask")
	return onID(cmd, c.campaignID, func(ctx context.Context, id int64) error {
		where := campaignsPath().id(id).below("winner")
		if in.Variant == "" {
			return show(ctx, c, get(where.with(query{"run_id": in.RunID})), variantsTable)
		}
		r := post(where, &in)
		goOn, err := rehearse(ctx, c, rehearsal{r, &in.DryRun, yes}, func(answer api.RunVariants) int64 {
			for _, line := range answer.Says {
				sayln(c.err, upperFirst(clean(line))+".")
			}
			sayf(c.err, "Variant %s will go to the %d who wait, and that can't be taken back.\n", clean(in.Variant), answer.Waiting)
			return max(answer.Waiting, 1) // the answer says why it can't be chosen
		})
		if err != nil || !goOn {
			return err
		}
		return show(ctx, c, r, variantsTable)
	})
}

func variantsTable(w *tabwriter.Writer, t api.RunVariants) {
	sayf(w, "VARIANT\tSHARE\tSENT TO\t%s\tRATE\tWITHIN\tMESSAGES\n", strings.ToUpper(string(t.By)))
	for _, v := range t.Variants {
		sayf(w, "%s\t%d%%\t%d\t%d\t%s\t%s to %s\t%s\n", clean(v.Variant), v.Share, v.Trials, v.Successes, campaigns.Percent(v.Rate),
			campaigns.Percent(v.Interval.Low), campaigns.Percent(v.Interval.High), counts(v.Counts))
	}
	_ = w.Flush() // what follows is no table
	for _, line := range t.Says {
		sayln(w, upperFirst(clean(line))+".")
	}
}
