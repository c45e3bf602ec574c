package cli

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) campaignWatch() *cobra.Command {
	return onID(&cobra.Command{Use: "watch ID", Short: "Watch a campaign to its end"}, c.campaignID, c.watch)
}

// watch follows a campaign until it needs nobody any more, and prints what
// became of everybody.
func (c *cli) watch(ctx context.Context, id int64) error {
	bar := c.newProgress("Sending")
	told := ""
	for {
		k, raw, err := ask[api.Campaign](ctx, c, get(campaignsPath().id(id)))
		if err != nil {
			bar.end()
			return err
		}
		var run api.Run
		if k.RunID != 0 {
			if run, raw, err = ask[api.Run](ctx, c, get(runsPath().id(k.RunID))); err != nil {
				bar.end()
				return err
			}
		}
		if k.Status == "draft" {
			bar.end()
			return &exitError{exitRefused, fmt.Errorf("campaign %d is a draft, and nothing of it is sent: `carillon campaign start %d --watch` starts it", id, id)}
		}
		told = tellStandstill(bar, run.Standstill, told)
		waiting := run.Counts["pending"] + run.Counts["queued"] + run.Counts["sending"]
		bar.set(run.Total-waiting, run.Total, watchRemark(k, run))
		switch k.Status {
		case "finished", "canceled", "failed":
			bar.end()
			err := c.print(raw, func(w *tabwriter.Writer) {
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

// watchRemark says how fast a run is and when it will be done.
func watchRemark(k api.Campaign, run api.Run) string {
	parts := []string{}
	if k.Status != "running" {
		parts = append(parts, k.Status)
	} else if run.Standstill != nil {
		parts = append(parts, "stands still")
	} else if run.Feed != nil && !run.Feed.Kept {
		parts = append(parts, "waits for its data feed")
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
