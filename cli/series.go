package cli

import (
	"context"
	"encoding/json"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addSeries(root *cobra.Command) {
	root.AddCommand(group("series", "Count single messages together", c.seriesLs(), c.seriesCreate(), c.seriesShow()))
}

func seriesPath() path { return v1("series") }

func (c *cli) seriesLs() *cobra.Command {
	return lists(c, &cobra.Command{Use: "ls", Short: "List series of single messages"}, seriesPath,
		rows[api.Series]{"ID NAME MADE", func(s api.Series) []any { return []any{s.ID, s.Name, at(&s.CreatedAt)} }})
}

func showSeries(w *tabwriter.Writer, s api.Series) {
	fields(w, "Series", s.ID, "Name", s.Name)
	for _, state := range []string{"pending", "queued", "sending", "sent", "delivered", "read", "failed", "rejected", "skipped", "canceled", "unknown"} {
		if n := s.Counts[state]; n > 0 {
			fields(w, state, n)
		}
	}
}

func (c *cli) seriesCreate() *cobra.Command {
	var options string
	cmd := &cobra.Command{Use: "create NAME", Short: "Make a series", Args: cobra.ExactArgs(1),
		Long: `Makes a name under which single messages are counted together: those that name it in series_id. One of the name
that there is already is shown.`,
		Example: `  carillon series create 'Invoices of March'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			in := api.SeriesInput{Name: args[0]}
			if options != "" {
				if err := json.Unmarshal([]byte(options), &in.Options); err != nil {
					return usagef("--options is no JSON object: %v", err)
				}
			}
			return show(cmd.Context(), c, post(seriesPath(), in), showSeries)
		}}
	cmd.Flags().StringVar(&options, "options", "", "anything to be kept with it, a JSON object")
	return cmd
}

func seriesID(ctx context.Context, arg string) (int64, error) {
	return idOf("series", "series ls")(ctx, arg)
}

func (c *cli) seriesShow() *cobra.Command {
	return onID(&cobra.Command{Use: "show ID", Short: "Count the messages of a series"}, seriesID, func(ctx context.Context, id int64) error {
		return show(ctx, c, get(seriesPath().id(id)), showSeries)
	})
}
