package cli

import (
	"context"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) campaignReasons() *cobra.Command {
	var run int64
	cmd := &cobra.Command{Use: "reasons ID", Short: "Count the messages of a campaign's latest run by what became of them, and why"}
	cmd.Flags().Int64Var(&run, "run", 0, "another run, by its id")
	return onID(cmd, c.campaignID, func(ctx context.Context, id int64) error {
		run, err := c.runOf(ctx, id, run)
		if err != nil {
			return err
		}
		return show(ctx, c, get(runsPath().id(run).below("reasons")), func(w *tabwriter.Writer, l api.RunReasons) {
			if len(l.Items) == 0 {
				sayln(w, "All of it went the plain way.")
				return
			}
			sayln(w, "MESSAGES\tSTATE\tREASON")
			for _, one := range l.Items {
				sayf(w, "%d\t%s\t%s\n", one.Messages, one.State, one.Reason)
			}
		})
	})
}
