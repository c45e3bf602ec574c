package cli

import (
	"fmt"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addCaps(root *cobra.Command) {
	root.AddCommand(group("caps", "Frequency caps: how many messages a contact gets in a time", c.capsLs(), c.capsSet(), c.capsRm()))
}

func window(p api.FrequencyCap) string {
	return (time.Duration(p.WindowSeconds) * time.Second).String()
}

func (c *cli) capsLs() *cobra.Command {
	var limit int
	cmd := &cobra.Command{Use: "ls", Short: "List frequency caps", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		cl, err := c.client()
		if err != nil {
			return err
		}
		items, more, err := list[api.FrequencyCap](cmd.Context(), cl, "/v1/frequency-caps", nil, limit)
		if err != nil {
			return err
		}
		return showList(c, items, more, "ID CATEGORY PRIORITY MAX WINDOW ACTION", func(p api.FrequencyCap) []any {
			return []any{p.ID, idOrNone(p.CategoryID), p.Priority, p.MaxMessages, window(p), p.Action}
		})
	}}
	limitFlag(cmd, &limit)
	return cmd
}

func (c *cli) capsSet() *cobra.Command {
	var in api.FrequencyCapInput
	var days float64
	var length time.Duration
	cmd := &cobra.Command{Use: "set", Short: "Set a frequency cap, instead of one of the same category, priority and window", Args: cobra.NoArgs,
		Example: "  carillon caps set --max 3 --days 7\n  carillon caps set --max 1 --window 24h --category 3 --action skip",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			const day = 24 * time.Hour
			in.WindowSeconds = int64((length + time.Duration(days*float64(day))) / time.Second)
			var out api.FrequencyCap
			raw, err := cl.call(cmd.Context(), http.MethodPost, "/v1/frequency-caps", in, &out)
			if err != nil {
				return err
			}
			return c.show(raw, func(w *tabwriter.Writer) {
				fields(w, "Frequency cap", out.ID, "Category", idOrNone(out.CategoryID), "At most", out.MaxMessages, "In any", window(out), "Action", out.Action)
			})
		}}
	flags := cmd.Flags()
	flags.IntVar(&in.MaxMessages, "max", 0, "most messages to one contact in any window (required)")
	flags.Float64Var(&days, "days", 0, "length of the window in days")
	flags.DurationVar(&length, "window", 0, "length of the window, such as 36h")
	flags.Int64Var(&in.CategoryID, "category", 0, "only campaigns of this category count (default every campaign)")
	flags.StringVar(&in.Priority, "priority", "", "bulk (default every priority that caps are for)")
	flags.StringVar(&in.Action, "action", "", "what becomes of what is too much: defer or skip (default defer)")
	_ = cmd.MarkFlagRequired("max") // the flag exists
	cmd.MarkFlagsOneRequired("days", "window")
	return cmd
}

func (c *cli) capsRm() *cobra.Command {
	return &cobra.Command{Use: "rm ID", Short: "Take a frequency cap away", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		id, err := idArg("frequency cap", "caps ls", args[0])
		if err != nil {
			return err
		}
		cl, err := c.client()
		if err != nil {
			return err
		}
		_, err = cl.call(cmd.Context(), http.MethodDelete, fmt.Sprintf("/v1/frequency-caps/%d", id), nil, nil)
		return err
	}}
}
