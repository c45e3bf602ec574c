package cli

import (
	"context"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) campaignLanguages() *cobra.Command {
	var run int64
	cmd := &cobra.Command{Use: "languages ID", Short: "Count the messages of a campaign's latest run by the languages in which its template spoke"}
	cmd.Flags().Int64Var(&run, "run", 0, "another run, by its id")
	return onID(cmd, c.campaignID, func(ctx context.Context, id int64) error {
		run, err := c.runOf(ctx, id, run)
		if err != nil {
			return err
		}
		return show(ctx, c, get(runsPath().id(run).below("languages")), func(w *tabwriter.Writer, l api.RunLanguages) {
			if len(l.Items) == 0 {
				sayln(w, "No template has spoken in this run.")
				return
			}
			sayln(w, "LANGUAGE\tMESSAGES\tREACHED")
			for _, one := range l.Items {
				sayf(w, "%s\t%d\t%d\n", one.Language, one.Messages, one.Reached)
			}
		})
	})
}
