package cli

import (
	"context"
	"maps"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"carillon/api"
	"carillon/reports"
	"carillon/statistics"
)

// reportFlags say what becomes of a report: it is printed, kept as a page, or mailed.
type reportFlags struct {
	html, channel string
	to            []string
}

func (f *reportFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.html, "html", "", "write it to this file, as a page with charts that can be printed")
	flags.StringSliceVar(&f.to, "to", nil, "mail it to these addresses, separated by commas")
	flags.StringVar(&f.channel, "channel", "", "the e-mail channel to mail it through, by name or id (default that of the settings)")
	cmd.MarkFlagsMutuallyExclusive("html", "to")
}

// report shows the report that is asked for, keeps it or mails it; at is where it is, with
// the time that it is about.
func report[Report any](ctx context.Context, c *cli, at path, f reportFlags, table func(*tabwriter.Writer, Report)) error {
	switch {
	case f.html != "":
		asked := maps.Clone(at.query)
		asked["format"] = "html"
		page, err := c.open(ctx, get(at.with(asked)))
		if err != nil {
			return err
		}
		defer func() { _ = page.Close() }()
		if err := saveTo(f.html, page); err != nil {
			return err
		}
		sayf(c.out, "Written to %s: open it in a browser.\n", f.html)
		return nil
	case len(f.to) > 0:
		mail := api.ReportMailing{To: f.to}
		if f.channel != "" {
			ch, err := c.findChannel(ctx, f.channel)
			if err != nil {
				return err
			}
			mail.ChannelID = ch.ID
		}
		return show(ctx, c, post(at.below("mail"), mail), func(w *tabwriter.Writer, sent api.ReportMailed) {
			for i, id := range sent.Messages {
				fields(w, "Message", id, "To", f.to[min(i, len(f.to)-1)])
			}
		})
	}
	return show(ctx, c, get(at), table)
}

func (c *cli) campaignReport() *cobra.Command {
	var f reportFlags
	var from, to, timezone string
	cmd := onID(&cobra.Command{
		Use: "report ID", Short: "Report on a campaign",
		Long: `Says what became of a campaign's messages: in words and figures here, or with --html as a page that has its course, variants, runs,
links, errors and charts, too. --to mails that page.`,
		Example: "  carillon campaign report 1\n  carillon campaign report 1 --html spring.html\n  carillon campaign report 1 --to boss@example.org --channel news",
	}, c.campaignID, func(ctx context.Context, id int64) error {
		return report(ctx, c, campaignsPath().id(id).below("report").with(query{"from": from, "to": to, "timezone": timezone}), f, reportTable)
	})
	flags := cmd.Flags()
	flags.StringVar(&from, "from", "", "a day such as 2026-11-01, or a time (default its beginning)")
	flags.StringVar(&to, "until", "", "until when: a day with its end, or a time (default now)")
	flags.StringVar(&timezone, "timezone", "", "the zone on whose clock days begin (default the account's)")
	f.add(cmd)
	return cmd
}

// reportTable is what a terminal shows of a campaign's report.
func reportTable(w *tabwriter.Writer, r reports.Campaign) {
	fields(w, "Campaign", r.CampaignID, "Name", r.Name, "Status", r.Status, "Channel", r.Channel, "From", onClock(r.From), "Until", onClock(r.To))
	sayWords(w, r.Words)
	if len(r.Variants) > 0 {
		sayln(w, "\nVARIANT\tTOTAL\tSENT\tDELIVERED\tREAD\tCLICKED\tFAILED\tOPTED OUT")
		for _, v := range r.Variants {
			sayCounts(w, v.Name, v.CampaignRow)
		}
	}
	if len(r.Links) > 0 {
		sayln(w, "\nLINK\tPEOPLE\tCLICKS")
		for _, l := range r.Links {
			sayf(w, "%s\t%d\t%d\n", clean(l.Address), l.People, l.Clicks)
		}
	}
	if len(r.Errors) > 0 {
		sayln(w, "\nREFUSED AS\tCODE\tTRIES")
		for _, e := range r.Errors {
			sayf(w, "%s\t%s\t%d\n", clean(e.Kind), clean(e.Code), e.Tries)
		}
	}
}

// onClock is a time on the clock that the server told it on, to the minute.
func onClock(t time.Time) string { return t.Format("2006-01-02 15:04") }

func sayWords(w *tabwriter.Writer, words []string) {
	sayln(w)
	for _, sentence := range words {
		sayln(w, clean(sentence))
	}
}

func sayCounts(w *tabwriter.Writer, name string, r statistics.CampaignRow) {
	sayf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", clean(name), r.Total, r.Sent, r.Delivered, r.Read, r.Clicked, r.Failed+r.Rejected, r.OptedOut)
}

func (c *cli) statsWeek() *cobra.Command {
	var f reportFlags
	var at string
	cmd := &cobra.Command{
		Use: "week", Short: "Sum up a week",
		Long: `Sums up the last week that is over, from Monday to Sunday on the account's clock. carillon settings set --weekly-report has it mailed
each Monday; --to mails it now.`,
		Example: "  carillon stats week\n  carillon stats week --at 2026-11-30 --html week.html",
	}
	cmd.Flags().StringVar(&at, "at", "", "the last week that was over by this day, such as 2026-11-30, or time (default now)")
	f.add(cmd)
	return plain(cmd, func(ctx context.Context) error {
		return report(ctx, c, statsPath().below("week").with(query{"at": at}), f, func(w *tabwriter.Writer, week reports.Week) {
			fields(w, "Account", week.Account, "From", onClock(week.From), "Until", onClock(week.To))
			sayWords(w, week.Words)
			for _, n := range week.Notes {
				sayln(w, clean(n.Words))
			}
			if len(week.Campaigns) > 0 {
				sayln(w, "\nCAMPAIGN\tTOTAL\tSENT\tDELIVERED\tREAD\tCLICKED\tFAILED\tOPTED OUT")
				for _, r := range week.Campaigns {
					sayCounts(w, r.Campaign, r)
				}
			}
		})
	})
}
