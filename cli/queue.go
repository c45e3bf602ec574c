package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
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
	channel  string
	campaign int64
}

func (f *queueFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.channel, "channel", "", "only this channel, by id or name")
	cmd.Flags().Int64Var(&f.campaign, "campaign", 0, "only this campaign")
}

func (f *queueFlags) query(ctx context.Context, cl *client) (string, error) {
	q := url.Values{}
	if f.channel != "" {
		ch, err := findChannel(ctx, cl, f.channel)
		if err != nil {
			return "", err
		}
		q.Set("channel_id", fmt.Sprint(ch.ID))
	}
	if f.campaign != 0 {
		q.Set("campaign_id", fmt.Sprint(f.campaign))
	}
	if len(q) == 0 {
		return "", nil
	}
	return "?" + q.Encode(), nil
}

func (c *cli) queueLs() *cobra.Command {
	var f queueFlags
	cmd := &cobra.Command{Use: "ls", Short: "Show what waits to be sent", Args: cobra.NoArgs, Example: "  carillon queue ls --channel news", RunE: func(cmd *cobra.Command, _ []string) error {
		cl, err := c.client()
		if err != nil {
			return err
		}
		query, err := f.query(cmd.Context(), cl)
		if err != nil {
			return err
		}
		var q api.QueueView
		raw, err := cl.call(cmd.Context(), http.MethodGet, "/v1/queue"+query, nil, &q)
		if err != nil {
			return err
		}
		return c.show(raw, func(w *tabwriter.Writer) {
			if len(q.Channels) > 0 {
				sayln(w, "CHANNEL\tPENDING\tQUEUED\tSENDING\tOLDEST WAITS")
				for _, t := range q.Channels {
					sayf(w, "%d\t%d\t%d\t%d\t%s\n", t.ChannelID, t.Pending, t.Queued, t.Sending, seconds(t.OldestWaitSeconds))
				}
			}
			_ = w.Flush() // what follows is no table
			for _, h := range q.Hindrances {
				sayln(w, standstillLine(&h.Standstill))
			}
			queueOutlook(w, q)
		})
	}}
	f.add(cmd)
	return cmd
}

// queueOutlook says what is still to come into the queue, and of an empty one
// what fills it.
func queueOutlook(w io.Writer, q api.QueueView) {
	empty := len(q.Channels) == 0
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
		Use: "clear", Short: "Clear what has not been claimed", Args: cobra.NoArgs,
		Long: `Cancels every waiting message that no worker has claimed. It says how many there are and asks first;
--yes answers for scripts. Without --channel and --campaign it is everything, which is asked twice
unless --all says so. It binds at once: nothing of it is sent afterwards.

A campaign that is still being planned goes on making messages, and they are sent: it says so, and
--cancel-planning cancels those campaigns too.`,
		Example: "  carillon queue clear --campaign 1\n  carillon queue clear --channel news --yes --cancel-planning\n  carillon queue clear --all --yes",
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.clearQueue(cmd.Context(), f) },
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&f.yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&f.cancelPlanning, "cancel-planning", false, "cancel the campaigns that are still being planned, too")
	cmd.Flags().BoolVar(&f.all, "all", false, "everything, on every channel")
	return cmd
}

// clearFlags are the flags of queue clear.
type clearFlags struct {
	queueFlags
	yes, all, cancelPlanning bool
}

func (c *cli) clearQueue(ctx context.Context, f clearFlags) error {
	everything := f.channel == "" && f.campaign == 0
	switch {
	case f.all && !everything:
		return usagef("--all does not go with --channel or --campaign")
	case everything && f.yes && !f.all:
		return usagef("this would clear everything on every channel: say so with --all, or name --channel or --campaign")
	}
	cl, err := c.client()
	if err != nil {
		return err
	}
	query, err := f.query(ctx, cl)
	if err != nil {
		return err
	}
	if !f.yes {
		var q api.QueueView
		if _, err := cl.call(ctx, http.MethodGet, "/v1/queue"+query, nil, &q); err != nil {
			return err
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
			return nil
		}
		sayf(c.err, "%d messages wait and would be canceled for good; %d are being sent and will not be touched.\n", waiting, q.Sending)
		const examples = 3
		for i, m := range q.Messages {
			if i == examples {
				break
			}
			sayf(c.err, "  message %d to %s\n", m.ID, clean(m.Address))
		}
		if err := c.confirm("Clear them? [y/N] "); err != nil {
			return err
		}
		if everything && !f.all {
			if err := c.confirm("That is everything, on every channel. Clear it all? [y/N] "); err != nil {
				return err
			}
		}
	}
	if everything {
		query = "?all=true"
	}
	if f.cancelPlanning {
		query += map[bool]string{true: "?", false: "&"}[query == ""] + "cancel_planning=true"
	}
	var cleared api.Clearing
	raw, err := cl.call(ctx, http.MethodDelete, "/v1/queue"+query, nil, &cleared)
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
		if raw, err = cl.call(ctx, http.MethodGet, fmt.Sprintf("/v1/queue/clearings/%d", cleared.ID), nil, &cleared); err != nil {
			return err
		}
	}
	bar.end()
	return c.show(raw, func(w *tabwriter.Writer) {
		fields(w, "Cleared", cleared.Cleared, "Clearing", cleared.ID, "By", cleared.Actor)
		for _, e := range cleared.Examples {
			fields(w, "  message", fmt.Sprintf("%d to %s", e.MessageID, e.Address))
		}
	})
}

// confirm asks a person; where there is none it refuses.
func (c *cli) confirm(question string) error {
	if !c.terminal {
		return &exitError{exitRefused, fmt.Errorf("nobody is there to ask: repeat it with --yes")}
	}
	sayf(c.err, "%s", question)
	if c.lines == nil {
		c.lines = bufio.NewReader(c.in)
	}
	answer, err := c.lines.ReadString('\n')
	if err != nil && answer == "" && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read answer: %w", err)
	}
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return &exitError{exitRefused, fmt.Errorf("nothing was changed")}
	}
	return nil
}

func (c *cli) queueMove(verb, short string) *cobra.Command {
	var channel string
	cmd := &cobra.Command{Use: verb, Short: short, Args: cobra.NoArgs, Example: "  carillon queue " + verb + " --channel news",
		RunE: func(cmd *cobra.Command, _ []string) error { return c.moveChannel(cmd.Context(), channel, verb) }}
	cmd.Flags().StringVar(&channel, "channel", "", "channel, by id or name (required)")
	_ = cmd.MarkFlagRequired("channel") // the flag exists
	return cmd
}
