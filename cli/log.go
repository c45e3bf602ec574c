package cli

import (
	"cmp"
	"context"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addLog(root *cobra.Command) {
	root.AddCommand(group("log", "One numbered log of what was sent and what was written to us", c.logLs(), c.logKeep(), c.logChannels()))
}

func logPath() path { return v1("log") }

func (c *cli) logLs() *cobra.Command {
	var channel string
	var after int64
	cmd := &cobra.Command{Use: "ls", Short: "List the log, oldest first", Example: "  carillon log ls --channel chat --after 4711",
		Long: "Lists what was sent and what was written to us, in the order of its numbers. A log is kept from when it was asked for: carillon log keep CHANNEL."}
	cmd.Flags().StringVar(&channel, "channel", "", "only of this channel, by id or name")
	cmd.Flags().Int64Var(&after, "after", 0, "only what has a higher number")
	where := func(context.Context) (path, error) {
		return logPath().with(query{"channel_id": channel, "after": after}), nil
	}
	return finds(c, cmd, where,
		rows[api.LogEntry]{"NUMBER AT CHANNEL DIRECTION ADDRESS STATE TEXT", func(e api.LogEntry) []any {
			return []any{e.Number, at(&e.At), e.ChannelID, e.Direction, e.Address, e.State, cmp.Or(e.Text, e.FileURL)}
		}})
}

func (c *cli) logKeep() *cobra.Command {
	return &cobra.Command{Use: "keep CHANNEL", Short: "Keep the log of a channel from now on", Args: cobra.ExactArgs(1), Example: "  carillon log keep chat",
		RunE: func(cmd *cobra.Command, args []string) error {
			ch, err := c.findChannel(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return show(cmd.Context(), c, put(logPath().below("channels").id(ch.ID), nil), func(w *tabwriter.Writer, _ api.LoggedChannel) {
				sayf(w, "The log of channel %s is kept from now on: carillon log ls --channel %d shows it.\n", ch.Name, ch.ID)
			})
		}}
}

func (c *cli) logChannels() *cobra.Command {
	return plain(&cobra.Command{Use: "channels", Short: "List the channels whose log is kept"}, func(ctx context.Context) error {
		return show(ctx, c, get(logPath().below("channels")), func(w *tabwriter.Writer, list api.Page[api.LoggedChannel]) {
			if len(list.Items) == 0 {
				sayf(w, "No log is kept: carillon log keep CHANNEL begins one.\n")
			}
			for _, l := range list.Items {
				sayf(w, "%d\n", l.ChannelID)
			}
		})
	})
}
