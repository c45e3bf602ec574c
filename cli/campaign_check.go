package cli

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) campaignCheck() *cobra.Command {
	cmd := &cobra.Command{Use: "check ID", Short: "Say what is wrong with a campaign before it is started, and what may be",
		Long: `Looks through a campaign as it is written, and as it reads for three recipients: links, pictures, size, the way out,
names in the template, audience and schedule. It ends with 1 if something stands in the way of a start.`}
	return onID(cmd, c.campaignID, func(ctx context.Context, id int64) error {
		checks, raw, err := ask[api.CampaignChecks](ctx, c, get(campaignsPath().id(id).below("checks")))
		if err != nil {
			return err
		}
		err = c.print(raw, func(w *tabwriter.Writer) {
			for _, list := range []struct {
				name   string
				checks []api.Check
			}{{"blocker", checks.Blockers}, {"warning", checks.Warnings}} {
				for _, check := range list.checks {
					sayf(w, "%s %s: %s\n  %s\n  Remedy: %s\n", list.name, clean(check.Code), clean(check.Field), clean(check.Message), clean(check.Remedy))
				}
			}
			if len(checks.Blockers)+len(checks.Warnings) == 0 {
				sayln(w, "Nothing is wrong as far as can be seen.")
			}
		})
		if n := len(checks.Blockers); err == nil && n > 0 {
			err = &exitError{exitFailed, fmt.Errorf("campaign %d can't be started: %d of these are blockers", id, n)}
		}
		return err
	})
}
