package cli

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addQueue(root *cobra.Command) {
	root.AddCommand(group("queue", "Look into the outbound queue, clear it, pause it",
		c.queueLs(), c.queueClear(),
		c.queueMove("pause", "Pause a channel: nothing is handed to its provider from now on"), c.queueMove("resume", "Resume a channel")))
}

// queueFlags select a part of the queue.
type queueFlags struct {
	channel, campaign string
}

func (f *queueFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.channel, "channel", "", "only this channel, by id or name")
	cmd.Flags().StringVar(&f.campaign, "campaign", "", "only this campaign, by id or name")
}

// query is the part of the queue that the flags select.
func (f *queueFlags) query() query { return query{"campaign_id": f.campaign, "channel_id": f.channel} }

func queuePath() path { return v1("queue") }

func (c *cli) queueLs() *cobra.Command {
	var f queueFlags
	cmd := &cobra.Command{Use: "ls", Short: "Show what waits to be sent", Example: "  carillon queue ls --channel news"}
	f.add(cmd)
	return plain(cmd, func(ctx context.Context) error {
		part := f.query()
		channels, err := c.called(ctx, aChannel)
		if err != nil {
			return err
		}
		return show(ctx, c, get(queuePath().with(part)), func(w *tabwriter.Writer, q api.QueueView) { queueTable(w, q, channels) })
	})
}

func queueTable(w *tabwriter.Writer, q api.QueueView, channels map[int64]string) {
	if len(q.Channels) > 0 {
		sayln(w, "CHANNEL\tPENDING\tQUEUED\tSENDING\tOLDEST WAITS\tIN DOUBT\tA SECOND\tAT MOST\tWHY NO MORE")
		for _, t := range q.Channels {
			most := "-"
			if t.Pace.MostPerSecond != nil {
				most = fmt.Sprintf("%.4g", *t.Pace.MostPerSecond)
			}
			waitingRow(w, clean(nameOr(channels, t.ChannelID)), t.QueueWaiting)
			sayf(w, "\t%d\t%.4g\t%s\t%s\n", t.InDoubt, t.Pace.AcceptedPerSecond, most, clean(t.Pace.Words))
			for _, p := range t.Priorities {
				waitingRow(w, "  "+p.Priority, p.QueueWaiting)
				sayln(w, "\t\t\t\t")
			}
		}
	}
	_ = w.Flush() // what follows is no table
	for _, h := range q.Hindrances {
		sayln(w, standstillLine(&h.Standstill))
	}
	queueOutlook(w, q)
}

// waitingRow begins a row of the table.
func waitingRow(w io.Writer, name string, q api.QueueWaiting) {
	sayf(w, "%s\t%d\t%d\t%d\t%s", name, q.Pending, q.Queued, q.Sending, seconds(q.OldestWaitSeconds))
}

// queueOutlook says what is still to come into the queue, and of an empty one
// what fills it.
func queueOutlook(w io.Writer, q api.QueueView) {
	empty := q.Pending+q.Queued+q.Sending == 0
	if empty && len(q.Planning) == 0 {
		sayln(w, "Nothing waits to be sent.")
	}
	for _, r := range q.Planning {
		sayln(w, stillPlanning(r))
	}
	switch {
	case q.Next != nil:
		sayf(w, "Campaign %d (%s) fires at %s UTC.\n", q.Next.CampaignID, clean(q.Next.Campaign), at(&q.Next.At))
	case empty && len(q.Planning) == 0:
		sayln(w, "`carillon campaign start ID` fills the queue with a campaign's messages, `carillon messages send` puts a single one in.")
	}
}

// stillPlanning says that a run makes more messages than it has so far.
func stillPlanning(r api.PlanningRun) string {
	line := fmt.Sprintf("Campaign %d (%s) is still being planned: %d messages so far, more are to come", r.CampaignID, clean(r.Campaign), r.Planned)
	if r.Status == "paused" {
		return line + fmt.Sprintf(" once `carillon campaign resume %d` lets it go on.", r.CampaignID)
	}
	return line + fmt.Sprintf("; `carillon campaign show %d` shows how far it is.", r.CampaignID)
}

func (c *cli) queueClear() *cobra.Command {
	var f clearFlags
	cmd := &cobra.Command{
		Use: "clear", Short: "Clear what has not been claimed",
		Long: `Cancels every waiting message that no worker has claimed. It says how many there are and asks first;
--yes answers for scripts. Without --channel and --campaign it is everything, which is asked twice
unless --all says so. It binds at once: nothing of it is sent afterwards.

A campaign that is still being planned goes on making messages, and they are sent: it says so, and
--cancel-planning cancels those campaigns too.`,
		Example: "  carillon queue clear --campaign 1\n  carillon queue clear --channel news --yes --cancel-planning\n  carillon queue clear --all --yes",
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&f.yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&f.cancelPlanning, "cancel-planning", false, "cancel the campaigns that are still being planned, too")
	cmd.Flags().BoolVar(&f.all, "all", false, "everything, on every channel")
	return plain(cmd, func(ctx context.Context) error { return c.clearQueue(ctx, f) })
}

// clearFlags are the flags of queue clear.
type clearFlags struct {
	queueFlags
	yes, all, cancelPlanning bool
}

// everything says that nothing selects a part of the queue.
func (f *clearFlags) everything() bool { return f.channel == "" && f.campaign == "" }

func (c *cli) clearQueue(ctx context.Context, f clearFlags) error {
	everything := f.everything()
	switch {
	case f.all && !everything:
		return usagef("--all does not go with --channel or --campaign")
	case everything && f.yes && !f.all:
		return usagef("this would clear everything on every channel: say so with --all, or name --channel or --campaign")
	}
	part := f.query()
	if !f.yes {
		if goOn, err := c.askToClear(ctx, f, part); !goOn {
			return err
		}
	}
	part["all"], part["cancel_planning"] = everything, f.cancelPlanning
	cleared, raw, err := ask[api.Clearing](ctx, c, remove(queuePath().with(part)))
	if err != nil {
		return err
	}
	for _, r := range cleared.Planning {
		sayf(c.err, "%s\n", stillPlanning(r))
	}
	for _, id := range cleared.Canceled {
		sayf(c.err, "Campaign %d was still being planned and is canceled.\n", id)
	}
	bar := c.newProgress("Clearing")
	for cleared.FinishedAt == nil {
		bar.set(0, 0, fmt.Sprintf("%d so far", cleared.Cleared))
		if err := c.clock.Sleep(ctx, pollEvery); err != nil {
			return fmt.Errorf("the clearing goes on in the server: %w", err)
		}
		if cleared, raw, err = ask[api.Clearing](ctx, c, get(queuePath().below("clearings").id(cleared.ID))); err != nil {
			return err
		}
	}
	bar.end()
	return c.print(raw, func(w *tabwriter.Writer) {
		fields(w, "Cleared", cleared.Cleared, "Clearing", cleared.ID, "By", cleared.Actor)
		for _, e := range cleared.Examples {
			fields(w, "  message", fmt.Sprintf("%d to %s", e.MessageID, e.Address))
		}
	})
}

// askToClear says what is about to be cleared and asks whether to go on.
func (c *cli) askToClear(ctx context.Context, f clearFlags, part query) (goOn bool, err error) {
	q, _, err := ask[api.QueueView](ctx, c, get(queuePath().with(part)))
	if err != nil {
		return false, err
	}
	for _, r := range q.Planning {
		what := "Clearing keeps none of those from being made and sent; --cancel-planning cancels the campaign too."
		if f.cancelPlanning {
			what = "The campaign will be canceled for good."
		}
		sayf(c.err, "%s\n  %s\n", stillPlanning(r), what)
	}
	waiting := q.Pending + q.Queued
	if waiting == 0 && (len(q.Planning) == 0 || !f.cancelPlanning) {
		sayln(c.err, "Nothing waits that could be cleared.")
		return false, nil
	}
	sayf(c.err, "%d messages wait and would be canceled for good; %d are being sent and will not be touched.\n", waiting, q.Sending)
	const examples = 3
	for _, m := range q.Messages[:min(examples, len(q.Messages))] {
		sayf(c.err, "  message %d to %s\n", m.ID, clean(m.Address))
	}
	if err := c.confirm("Clear them? [y/N] "); err != nil {
		return false, err
	}
	if f.everything() && !f.all {
		if err := c.confirm("That is everything, on every channel. Clear it all? [y/N] "); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (c *cli) queueMove(verb, short string) *cobra.Command {
	return c.onChannel(&cobra.Command{Use: verb + " CHANNEL", Short: short, Example: "  carillon queue " + verb + " news"},
		func(ctx context.Context, ch api.Channel) error { return c.moveChannel(ctx, ch, verb) })
}
