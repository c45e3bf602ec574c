package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"carillon/api"
	"carillon/tracking"
)

// addProofs adds the commands that show that the promises hold.
func (c *cli) addProofs(root *cobra.Command) {
	verify := &cobra.Command{
		Use: "verify [CAMPAIGN]", Short: "Prove that everybody is accounted for", GroupID: "work", Args: cobra.MaximumNArgs(1),
		Long: `Counts the messages of a campaign, or of every campaign, and compares them with what was planned
and with the counters that every transaction kept. Exit code 5 if something does not balance.

--statistics compares what the statistics count with the rows that it is of, and --repair makes it what the rows say.`,
		Example: "  carillon verify\n  carillon verify 1 --output json\n  carillon verify --statistics",
	}
	var ofStatistics, repair bool
	verify.Flags().BoolVar(&ofStatistics, "statistics", false, "compare statistics with rows instead")
	verify.Flags().BoolVar(&repair, "repair", false, "with --statistics: make them what the rows say, first")
	verify.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case ofStatistics && len(args) == 0:
			return c.verifyStatistics(cmd.Context(), repair)
		case ofStatistics || repair:
			return usagef("--statistics is of everything, without a campaign, and --repair is of --statistics")
		}
		return c.verify(cmd, args)
	}
	var e explanation
	explain := &cobra.Command{
		Use: "explain [CAMPAIGN] RECIPIENT", Short: "Say whether somebody got it, and why not", GroupID: "work", Args: cobra.MaximumNArgs(2),
		Long: `Answers in sentences: over all campaigns for an address, or of one campaign for an address or a contact's id.
--steps adds every state of the messages with its time, and every try with the provider's answer.`,
		Example: `  carillon explain ada@example.org
  carillon explain 1 ada@example.org --steps
  carillon explain 1 +4915112345678
  carillon explain --contact 7`,
		RunE: func(cmd *cobra.Command, args []string) error { return c.explain(cmd, args, e) },
	}
	explain.Flags().BoolVar(&e.steps, "steps", false, "show every state of the messages, with its time")
	explain.Flags().Int64Var(&e.contact, "contact", 0, "instead of an address: a contact, over all campaigns")
	root.AddCommand(verify, explain)
}

// verifyStatistics compares statistics with rows, after they were repaired if they are to be.
func (c *cli) verifyStatistics(ctx context.Context, repair bool) error {
	if repair {
		repaired, _, err := ask[api.StatisticsRepaired](ctx, c, post(statsPath().below("repair"), nil))
		if err != nil {
			return err
		}
		sayf(c.err, "%d counts were put right.\n", repaired.Repaired)
	}
	proof, raw, err := ask[api.StatisticsProof](ctx, c, get(statsPath().below("verify")))
	if err != nil {
		return err
	}
	if err := c.print(raw, func(w *tabwriter.Writer) {
		for _, d := range proof.Drifts {
			sayf(w, "%s\tmetric %s\t%s\tcounted %d\trows %d\n", at(d.Slot), clean(d.What), clean(d.Of), d.Counted, d.Rows)
		}
		sayf(w, "%d counts, %d differ from the rows\n", proof.Compared, len(proof.Drifts))
	}); err != nil || proof.Balanced {
		return err
	}
	return &exitError{exitUnbalanced, fmt.Errorf("statistics differ from the rows: carillon verify --statistics --repair makes them right")}
}

// campaignProof is what verify finds for one campaign.
type campaignProof struct {
	CampaignID int64 `json:"campaign_id"`
	api.Verifications
}

func (c *cli) verify(cmd *cobra.Command, args []string) error {
	ids, err := c.toVerify(cmd.Context(), args)
	if err != nil {
		return err
	}
	proofs, balanced := []campaignProof{}, true
	for _, id := range ids {
		found, _, err := ask[api.Verifications](cmd.Context(), c, get(campaignsPath().id(id).below("verify")))
		if err != nil {
			return err
		}
		balanced = balanced && found.Balanced
		proofs = append(proofs, campaignProof{CampaignID: id, Verifications: found})
	}
	raw, err := json.Marshal(map[string]any{"balanced": balanced, "campaigns": proofs})
	if err != nil {
		return fmt.Errorf("print proofs: %w", err)
	}
	err = c.print(raw, func(w *tabwriter.Writer) {
		sayln(w, "CAMPAIGN\tRUN\tSTATUS\tPLANNED\tACCOUNTED FOR\t")
		for _, proof := range proofs {
			for _, run := range proof.Runs {
				var sum int64
				for _, n := range run.Rows {
					sum += n
				}
				word := "balances"
				if len(run.Problems) > 0 {
					word = "DOES NOT BALANCE"
				}
				sayf(w, "%d\t%d\t%s\t%d\t%d: %s\t%s\n", proof.CampaignID, run.RunID, run.Status, run.Planned, sum, counts(run.Rows), word)
				for _, v := range run.Variants {
					if of := counts(v.Rows); of != "" {
						sayf(w, "\t\t%s\t\t%s\t\n", variantWords(v.Variant), of)
					}
				}
				for _, problem := range run.Problems {
					sayf(w, "\t\t\t\t%s\t\n", clean(problem))
				}
			}
		}
	})
	if err == nil && !balanced {
		err = &exitError{exitUnbalanced, fmt.Errorf("something does not balance")}
	}
	return err
}

// variantWords say of which variant messages are.
func variantWords(name string) string {
	if name == "" {
		return "no variant"
	}
	return "variant " + clean(name)
}

// toVerify are the ids of the campaigns to verify: the one that is named, or all
// that have run.
func (c *cli) toVerify(ctx context.Context, args []string) ([]int64, error) {
	if len(args) == 1 {
		id, err := c.campaignID(ctx, args[0])
		return []int64{id}, err
	}
	const everyCampaign = 1 << 30
	all, _, err := list[api.Campaign](ctx, c, campaignsPath(), everyCampaign)
	var ids []int64
	for _, k := range all {
		if k.RunID != 0 {
			ids = append(ids, k.ID)
		}
	}
	return ids, err
}

// explanation is what explain is asked for.
type explanation struct {
	contact int64
	steps   bool
}

func (c *cli) explain(cmd *cobra.Command, args []string, e explanation) error {
	var where path
	switch {
	case e.contact != 0 && len(args) == 0:
		where = v1("explain").with(query{"contact_id": e.contact})
	case e.contact != 0 || len(args) == 0:
		return usagef("say whom: an address, a campaign and a recipient, or --contact alone")
	case len(args) == 1:
		if _, err := strconv.ParseInt(args[0], 10, 64); err == nil && !strings.HasPrefix(args[0], "+") {
			return usagef("%s alone: a campaign needs a recipient behind it, a contact is --contact %s, and a phone number begins with +", args[0], args[0])
		}
		where = v1("explain").with(query{"address": args[0]})
	default:
		id, err := c.campaignID(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		where = campaignsPath().id(id).below("explain").with(query{"recipient": args[1]})
	}
	return show(cmd.Context(), c, get(where), func(w *tabwriter.Writer, found api.Explanation) {
		for _, line := range found.Says {
			sayln(w, upperFirst(clean(line))+".")
		}
		for _, m := range found.Messages {
			switch {
			case e.steps:
				sayln(w)
				historyTable(w, m)
			case m.Standstill != nil:
				sayf(w, "Message %d waits: %s\n", m.ID, standstillLine(m.Standstill))
			}
		}
		for _, n := range found.Flows {
			where := "stands at " + n.Step
			if n.EndedAt != nil {
				where = strings.TrimSuffix("ended with "+n.Outcome+" ("+n.Reason+")", " ()")
			}
			_ = w.Flush()
			sayf(w, "\nFlow %d: entered by %s on %s UTC, %s.", n.FlowID, clean(n.Source), at(&n.EnteredAt), clean(where))
			wayTable(w, n.Way)
		}
	})
}

func upperFirst(s string) string {
	for i, r := range s {
		return s[:i] + string(unicode.ToUpper(r)) + s[i+utf8.RuneLen(r):]
	}
	return s
}

func historyTable(w *tabwriter.Writer, m api.MessageHistory) {
	var of []string // a transactional message has no run, and perhaps no contact
	for _, part := range []struct {
		what string
		id   int64
	}{{"run", m.RunID}, {"contact", m.ContactID}} {
		if part.id != 0 {
			of = append(of, fmt.Sprintf("%s %d", part.what, part.id))
		}
	}
	if m.Variant != "" {
		of = append(of, "variant "+clean(m.Variant))
	}
	for _, name := range slices.Sorted(maps.Keys(m.Metadata)) {
		of = append(of, clean(name+"="+m.Metadata[name]))
	}
	if m.Language != "" {
		of = append(of, "in "+m.Language)
	}
	sayf(w, "Message %d\t%s: %s\t\n", m.ID, strings.Join(append(of, clean(m.Address)), ", "), m.State)
	for _, h := range m.History {
		if h.Omitted > 0 {
			sayf(w, "  …\t%d more\tnot kept\n", h.Omitted)
		}
		sayf(w, "  %s\t%s\t%s\n", exactly(h.At), h.State, why(h))
	}
	if m.Engagement != nil {
		for _, e := range m.Engagement.Events {
			sayf(w, "  %s\t%s\t%s\n", exactly(e.At), e.Kind, clean(because(e.URL, tracking.Why(e.Why).Words())))
		}
	}
	if m.Standstill != nil {
		sayf(w, "  now\twaits\t%s\n", standstillLine(m.Standstill))
	}
}

// why says why a message came to a state, with the answer to a try that led there.
func why(h api.HistoryEntry) string {
	if h.Kind == "" {
		return because(h.Reason, h.Detail)
	}
	answer := fmt.Sprintf("try %d: %s", h.Attempt, because(h.Kind, because(h.Code, h.Detail)))
	if h.Reason == h.Kind {
		return answer
	}
	return because(h.Reason, answer)
}

func because(reason, detail string) string {
	switch {
	case reason == "" && detail == "":
		return ""
	case detail == "":
		return clean(reason)
	case reason == "":
		return clean(detail)
	}
	return clean(reason + ": " + detail)
}
