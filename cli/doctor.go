package cli

import (
	"context"
	"errors"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addDoctor(root *cobra.Command) {
	root.AddCommand(plain(&cobra.Command{
		Use: "doctor", Short: "Check the deployment, and say what to mend", GroupID: "work",
		Long: `Has the server look at itself: the store and its schema, Redis and its policy, their clocks, the disk, backups, the master key, the
public address as the server reaches it, the scheduler and the workers. carillon status says what keeps messages from going out
now; this says what will. Exit code 5 if a check failed.`,
		Example: "  carillon doctor\n  carillon doctor --output json",
	}, func(ctx context.Context) error {
		found, raw, err := ask[api.Examination](ctx, c, get(v1("doctor")))
		if err != nil {
			return err
		}
		if err := c.print(raw, func(w *tabwriter.Writer) {
			for _, f := range found.Findings {
				sayf(w, "%s\t%s\t%s\n", strings.ToUpper(f.State), clean(f.Name), clean(f.Found))
				if f.Remedy != "" {
					sayf(w, "\t\t%s\n", clean(f.Remedy))
				}
			}
		}); err != nil || found.OK {
			return err
		}
		return &exitError{exitUnbalanced, errors.New("a check failed")}
	}))
}
