package cli

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) campaignWatch() *cobra.Command {
	return c.onCampaign("watch", "Watch a campaign to its end", "", c.watch)
}

// watch follows a campaign until it needs nobody any more, and prints what
// became of everybody.
func (c *cli) watch(ctx context.Context, cl *client, id int64) error {
	bar := c.newProgress("Sending")
	told := ""
	for {
		var k api.Campaign
		raw, err := cl.call(ctx, http.MethodGet, fmt.Sprintf("/v1/campaigns/%d", id), nil, &k)
		if err != nil {
			bar.end()
			return err
		}
		var run api.Run
		if k.RunID != 0 {
			if raw, err = cl.call(ctx, http.MethodGet, fmt.Sprintf("/v1/runs/%d", k.RunID), nil, &run); err != nil {
				bar.end()
				return err
			}
		}
		told = c.tellStandstill(bar, run.Standstill, told)
		waiting := run.Counts["pending"] + run.Counts["queued"] + run.Counts["sending"]
		bar.set(run.Total-waiting, run.Total, watchRemark(k, run))
		switch k.Status {
		case "finished", "canceled", "failed", "draft":
			bar.end()
			err := c.show(raw, func(w *tabwriter.Writer) {
				fields(w, "Campaign", k.ID, "Name", k.Name, "Status", k.Status)
				if run.ID != 0 {
					runTable(w, run)
				}
			})
			if err == nil && k.Status != "finished" {
				err = &exitError{exitFailed, fmt.Errorf("campaign %d is %s %s", k.ID, k.Status, run.Reason)}
			}
			return err
		}
		if err := c.clock.Sleep(ctx, pollEvery); err != nil {
			bar.end()
			return fmt.Errorf("campaign %d goes on in the server; `carillon campaign watch %d` watches it again: %w", id, id, err)
		}
	}
}

// tellStandstill says once why nothing goes out, and once that something does again.
func (c *cli) tellStandstill(bar *progress, s *api.Standstill, told string) string {
	switch {
	case s == nil && told != "":
		bar.note("It goes on.")
		return ""
	case s != nil && s.Words != told:
		bar.note(standstillLine(s))
		return s.Words
	}
	return told
}

// standstillLine is why nothing goes out, and what to do.
func standstillLine(s *api.Standstill) string { return clean(s.Words + " " + s.Remedy) }

// watchRemark says how fast a run is and when it will be done.
func watchRemark(k api.Campaign, run api.Run) string {
	parts := []string{}
	if k.Status != "running" {
		parts = append(parts, k.Status)
	} else if run.Standstill != nil {
		parts = append(parts, "stands still")
	} else if !run.PlanDone {
		parts = append(parts, "planning")
	}
	if run.SentPerSecond > 0 {
		parts = append(parts, fmt.Sprintf("%.0f/s", run.SentPerSecond))
	}
	if run.EstimatedEnd != nil {
		parts = append(parts, "until "+run.EstimatedEnd.UTC().Format(time.TimeOnly)+" UTC")
	}
	return strings.Join(parts, ", ")
}

// addProofs adds the commands that show that the promises hold.
func (c *cli) addProofs(root *cobra.Command) {
	verify := &cobra.Command{
		Use: "verify [CAMPAIGN]", Short: "Prove that everybody is accounted for", GroupID: "work", Args: cobra.MaximumNArgs(1),
		Long: `Counts the messages of a campaign, or of every campaign, and compares them with what was planned
and with the counters that every transaction kept. Exit code 5 if something does not balance.`,
		Example: "  carillon verify\n  carillon verify 1 --output json",
		RunE:    c.verify,
	}
	var e explanation
	explain := &cobra.Command{
		Use: "explain [CAMPAIGN] RECIPIENT", Short: "Say whether somebody got it, and why not", GroupID: "work", Args: cobra.MaximumNArgs(2),
		Long: `Answers in sentences: over all campaigns for an address, or of one campaign for an address or a contact's id.
--steps adds every state of the messages with its time, and every try with the provider's answer.`,
		Example: "  carillon explain ada@example.org\n  carillon explain 1 ada@example.org --steps\n  carillon explain 1 +4915112345678\n  carillon explain --contact 7",
		RunE:    func(cmd *cobra.Command, args []string) error { return c.explain(cmd, args, e) },
	}
	explain.Flags().BoolVar(&e.steps, "steps", false, "show every state of the messages, with its time")
	explain.Flags().Int64Var(&e.contact, "contact", 0, "instead of an address: a contact, over all campaigns")
	root.AddCommand(verify, explain)
}
