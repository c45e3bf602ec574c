package cli

import (
	"context"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addCaps(root *cobra.Command) {
	root.AddCommand(group("caps", "Frequency caps: how many messages a contact gets in a time", c.capsLs(), c.capsSet(), c.capsRm()))
}

func capsPath() path { return v1("frequency-caps") }

func window(p api.FrequencyCap) string {
	return (time.Duration(p.WindowSeconds) * time.Second).String()
}

func (c *cli) capsLs() *cobra.Command {
	return lists(c, &cobra.Command{Use: "ls", Short: "List frequency caps"}, capsPath,
		rows[api.FrequencyCap]{"ID CATEGORY PRIORITY MAX WINDOW ACTION", func(p api.FrequencyCap) []any {
			return []any{p.ID, idOrNone(p.CategoryID), p.Priority, p.MaxMessages, window(p), p.Action}
		}})
}

func (c *cli) capsSet() *cobra.Command {
	var in api.FrequencyCapInput
	var days float64
	var category string
	var length time.Duration
	cmd := &cobra.Command{Use: "set", Short: "Set a frequency cap, instead of one of the same category, priority and window",
		Example: "  carillon caps set --max 3 --days 7\n  carillon caps set --max 1 --window 24h --category Offers --action skip"}
	flags := cmd.Flags()
	flags.IntVar(&in.MaxMessages, "max", 0, "most messages to one contact in any window (required)")
	flags.Float64Var(&days, "days", 0, "length of the window in days")
	flags.DurationVar(&length, "window", 0, "length of the window, such as 36h")
	flags.StringVar(&category, "category", "", "only campaigns of this category count, by id or name (default every campaign)")
	flags.StringVar(&in.Priority, "priority", "", "bulk (default every priority that caps are for)")
	flags.StringVar(&in.Action, "action", "", "what becomes of what is too much: defer or skip (default defer)")
	_ = cmd.MarkFlagRequired("max") // the flag exists
	cmd.MarkFlagsOneRequired("days", "window")
	return plain(cmd, func(ctx context.Context) error {
		in.Category = ref(category)
		const day = 24 * time.Hour
		in.WindowSeconds = int64((length + time.Duration(days*float64(day))) / time.Second)
		return show(ctx, c, post(capsPath(), in), func(w *tabwriter.Writer, out api.FrequencyCap) {
			fields(w, "Frequency cap", out.ID, "Category", idOrNone(out.CategoryID), "At most", out.MaxMessages, "In any", window(out), "Action", out.Action)
		})
	})
}

func (c *cli) capsRm() *cobra.Command {
	return onID(&cobra.Command{Use: "rm ID", Short: "Take a frequency cap away"}, idOf("frequency cap", "caps ls"),
		func(ctx context.Context, id int64) error { return c.do(ctx, remove(capsPath().id(id))) })
}
