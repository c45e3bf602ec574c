package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
	"carillon/statistics"
)

// statsSubject is something of which there are statistics, and the columns of its table.
type statsSubject struct {
	of      statistics.Subject
	short   string
	columns string
}

// statsSubjects are all subjects, with the columns that fit a screen; the others are in
// JSON and CSV.
var statsSubjects = []statsSubject{
	{statistics.Campaigns, "Count what became of campaigns",
		"start campaign run_id variant total sent delivered read failed rejected clicked converted opted_out bounced complained"},
	{statistics.Notifications, "Count messages by template and language",
		"start template language total total_sent total_failed total_undelivered total_delivered total_read"},
	{statistics.Channels, "Count what went through channels", "start channel kind total sent delivered read failed rejected failure_rate replied"},
	{statistics.Errors, "Count what providers refused, by their codes", "start channel kind code tries"},
	{statistics.Arrivals, "Count how long messages took to arrive",
		"start channel arrived within_1s within_5s within_15s within_1m within_5m within_1h within_24h longer"},
	{statistics.Hours, "Count messages by weekday and hour", "weekday hour total sent delivered read opened clicked"},
	{statistics.Links, "Count clicks on links", "start campaign link address people clicks machine_clicks"},
	{statistics.Contacts, "Count how contacts come and go", "start created removed total opted_out opted_in bounced complained"},
	{statistics.Lists, "Count how people come to lists and categories, and leave them", "start list joined left total"},
	{statistics.People, "Count whom messages reached, each once", "start reached active"},
	{statistics.Flows, "Count how people went through flows", "start campaign entered answered ended outcome"},
}

func (c *cli) addStats(root *cobra.Command) {
	commands := []*cobra.Command{c.statsNotes(), c.statsWeek()}
	for _, of := range statsSubjects {
		commands = append(commands, c.stats(of))
	}
	root.AddCommand(group("stats", "Count what happened", commands...))
}

func (c *cli) statsNotes() *cobra.Command {
	cmd := &cobra.Command{Use: "notes", Short: "Say in words what is out of the ordinary",
		Long: "Says which channels' providers refuse, in the last hours, much more than in the week before, since when and with which code."}
	return plain(cmd, func(ctx context.Context) error {
		return show(ctx, c, get(statsPath().below("notes")), func(w *tabwriter.Writer, found api.Page[statistics.Note]) {
			if len(found.Items) == 0 {
				sayln(w, "Nothing is out of the ordinary.")
			}
			for _, n := range found.Items {
				sayln(w, clean(n.Words))
			}
		})
	})
}

func statsPath() path { return v1("stats") }

func (c *cli) stats(of statsSubject) *cobra.Command {
	var q api.StatisticsQuery
	var channel, campaign string
	var csv bool
	cmd := &cobra.Command{
		Use: string(of.of), Short: of.short,
		Long: of.short + ".\n\nMessages are counted in the window in which they were sent, whenever their receipts come. Days are those of the account's\n" +
			"zone (carillon settings set --timezone) or of --timezone. --output json and --csv have all columns.",
		Example: fmt.Sprintf("  carillon stats %[1]s\n  carillon stats %[1]s --from 2026-11-01 --to 2026-11-30 --interval week --csv", of.of),
	}
	flags := cmd.Flags()
	flags.StringVar(&q.From, "from", "", "a day such as 2026-11-01, or a time such as 2026-11-01T09:00:00Z (default 30 days ago)")
	flags.StringVar(&q.To, "to", "", "until when: a day with its end, or a time (default now)")
	flags.StringVar(&q.Interval, "interval", "", "hour, day (the default), week, month or all")
	flags.StringVar(&q.Timezone, "timezone", "", "the zone on whose clock days begin (default the account's)")
	flags.StringVar(&channel, "channel", "", "of this channel alone, by id or name")
	flags.StringVar(&campaign, "campaign", "", "of this campaign or flow alone, by id or name")
	if of.of == statistics.Campaigns {
		flags.StringVar(&q.By, "by", "", "campaign (the default), run or variant")
	}
	flags.BoolVar(&csv, "csv", false, "write all columns as CSV")
	return plain(cmd, func(ctx context.Context) error {
		asked := query{"from": q.From, "to": q.To, "interval": q.Interval, "timezone": q.Timezone, "by": q.By, "channel_id": channel, "campaign_id": campaign}
		where := statsPath().below(string(of.of))
		if csv {
			asked["format"] = "csv"
			body, err := c.open(ctx, get(where.with(asked)))
			if err != nil {
				return err
			}
			defer func() { _ = body.Close() }()
			_, err = io.Copy(c.out, body)
			return err
		}
		return show(ctx, c, get(where.with(asked)), func(w *tabwriter.Writer, found api.StatisticsOf[map[string]any]) { statsTable(w, of, found.Items) })
	})
}

// statsTable prints the columns of rows that say anything.
func statsTable(w *tabwriter.Writer, of statsSubject, rows []map[string]any) {
	if len(rows) == 0 {
		sayln(w, "Nothing happened in this time: --from goes further back.")
		return
	}
	columns := slices.DeleteFunc(strings.Fields(of.columns), func(column string) bool {
		return !slices.ContainsFunc(rows, func(row map[string]any) bool { return row[column] != nil && row[column] != "" })
	})
	sayln(w, strings.ToUpper(strings.ReplaceAll(strings.Join(columns, "\t"), "_", " "))+"\t")
	for _, row := range rows {
		for _, column := range columns {
			value := row[column]
			switch v := value.(type) {
			case nil:
				value = "-"
			case string:
				if column == "start" {
					v = strings.Replace(v[:min(len(v), len("2006-01-02T15:04"))], "T", " ", 1)
				}
				value = clean(v)
			}
			sayf(w, "%v\t", value)
		}
		sayln(w)
	}
}
