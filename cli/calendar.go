package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"carillon/api"
	"carillon/campaigns"
	"carillon/internal/zone"
)

// addCalendar adds the commands that say what is to come.
func (c *cli) addCalendar(root *cobra.Command) {
	root.AddCommand(c.simulate(), c.calendar())
}

// spanFlags say of which time something is said.
type spanFlags struct{ from, until, timezone string }

func (f *spanFlags) add(cmd *cobra.Command, zone string) {
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "", "a date such as 2026-12-01, a time such as 2026-12-01T09:00, or one with an offset (default now)")
	flags.StringVar(&f.until, "until", "", "the last time at which an instant may come, at most 366 days later (default a week later)")
	flags.StringVar(&f.timezone, "timezone", "", "IANA time zone of these times and of days (default "+zone+")")
}

func (c *cli) simulate() *cobra.Command {
	var f spanFlags
	var answers string
	cmd := &cobra.Command{Use: "simulate CAMPAIGN", Short: "Play a campaign on a simulated clock: what goes out when, what holds it up, when it ends",
		GroupID: "work",
		Long: `Plays a campaign on a simulated clock by the rules that the scheduler goes by, for its audience as it is now: which
instants fire, how many messages go out when, what holds them up (hours, caps, limits), and when each run ends. A draft is
played as if it were started at --from. Nothing goes out and nothing changes. A flow is played as "carillon flow simulate"
does, which has more flags.`,
		Example: "  carillon simulate 1\n  carillon simulate 1 --from 2026-12-01 --until 2027-01-01"}
	f.add(cmd, "the campaign's")
	cmd.Flags().StringVar(&answers, "answers", "", "flow: file of JSON with what is answered, by step (default made up)")
	return onID(cmd, c.campaignID, func(ctx context.Context, id int64) error {
		k, _, err := ask[api.Campaign](ctx, c, get(campaignsPath().id(id)))
		if err != nil {
			return err
		}
		if k.Kind == string(campaigns.FlowKind) {
			return c.playFlow(ctx, id, playFlags{from: f.from, until: f.until, answers: answers, texts: true})
		}
		return c.showSimulation(ctx, id, f)
	})
}

func (c *cli) showSimulation(ctx context.Context, id int64, f spanFlags) error {
	body := map[string]any{}
	for name, value := range map[string]string{"from": f.from, "until": f.until, "timezone": f.timezone} {
		if value != "" {
			body[name] = value
		}
	}
	return show(ctx, c, post(campaignsPath().id(id).below("simulate"), body), func(w *tabwriter.Writer, sim api.Simulation) {
		in := shownIn(sim.Timezone)
		sayf(w, "From %s until %s, %s\n\n", in.at(&sim.From), in.at(&sim.Until), sim.Timezone)
		if len(sim.Runs) == 0 {
			sayln(w, "Nothing of it comes in that time.")
		} else {
			sayln(w, "INSTANT\tSTATUS\tMESSAGES\tFIRST\tENDS\tHELD UP BY\tNOTE")
		}
		for _, r := range sim.Runs {
			sayf(w, "%s\t%s\n", in.at(&r.Instant), in.run(r))
		}
		_ = w.Flush() // what follows is another table
		daysTable(w, sim.Days)
		noticeLines(w, sim.Cut, sim.Notices)
	})
}

func (c *cli) calendar() *cobra.Command {
	var f spanFlags
	cmd := &cobra.Command{Use: "calendar", Short: "Say what goes out when, who gets several of it, and what is too much at once", GroupID: "work",
		Long: `Says what goes out of all campaigns that are scheduled, recur or are under way, for audiences as they are now: how many
messages when, which campaigns go to the same people on one day, and where more is to go than a channel's limits allow.`,
		Example: "  carillon calendar\n  carillon calendar --from 2026-12-01 --until 2027-01-01 --timezone Europe/Berlin"}
	f.add(cmd, "UTC")
	return plain(cmd, func(ctx context.Context) error {
		where := v1("calendar").with(query{"from": f.from, "to": f.until, "timezone": f.timezone})
		return show(ctx, c, get(where), calendarTable)
	})
}

func calendarTable(w *tabwriter.Writer, cal api.Calendar) {
	in := shownIn(cal.Timezone)
	sayf(w, "From %s until %s, %s\n\n", in.at(&cal.From), in.at(&cal.To), cal.Timezone)
	if len(cal.Items) == 0 {
		sayln(w, "Nothing comes in that time.")
	} else {
		sayln(w, "INSTANT\tCAMPAIGN\tCHANNEL\tSTATUS\tMESSAGES\tFIRST\tENDS\tHELD UP BY\tNOTE")
	}
	for _, item := range cal.Items {
		sayf(w, "%s\t%d %s\t%s\t%s\n", in.at(&item.Instant), item.CampaignID, clean(item.Campaign), clean(item.Channel), in.run(item.SimulatedRun))
	}
	_ = w.Flush() // what follows is another table
	daysTable(w, cal.Days)
	if len(cal.Overlaps) > 0 {
		sayln(w, "\nDAY\tCAMPAIGNS\tPEOPLE WHO GET BOTH")
		for _, o := range cal.Overlaps {
			sayf(w, "%s\t%s\t%d\n", o.Date, strings.Trim(strings.ReplaceAll(fmt.Sprint(o.CampaignIDs), " ", " and "), "[]"), o.Shared)
		}
		_ = w.Flush() // what follows is no table
	}
	if len(cal.Loads) > 0 {
		sayln(w)
	}
	for _, l := range cal.Loads {
		sayln(w, clean(l.Words))
	}
	noticeLines(w, cal.Cut, cal.Notices)
}

// clockIn shows times as clocks somewhere do.
type clockIn struct{ *time.Location }

// shownIn is the clock of a zone; UTC for one that this machine does not know.
func shownIn(name string) clockIn {
	if location, ok := zone.Known(name); ok {
		return clockIn{location}
	}
	return clockIn{time.UTC}
}

func (in clockIn) at(t *time.Time) string {
	if t == nil || t.IsZero() {
		return "-"
	}
	return t.In(in.Location).Format("2006-01-02 15:04:05")
}

// run is what becomes of an instant, from its status on.
func (in clockIn) run(r api.SimulatedRun) string {
	sent, held, notes := "-", []string{}, []string{}
	if r.StartsAt != nil {
		if sent = fmt.Sprint(r.Sent); r.Sent != r.Recipients {
			sent += fmt.Sprintf(" of %d", r.Recipients)
		}
	}
	for _, h := range r.Held {
		held = append(held, h.By+" "+seconds(h.Seconds))
	}
	if why := because(r.Reason, r.Detail); why != "" {
		notes = append(notes, why)
	}
	if len(r.Waves) > 1 {
		notes = append(notes, fmt.Sprintf("%d waves", len(r.Waves)))
	}
	if skipped := counts(r.Skipped); skipped != "" {
		notes = append(notes, "skipped: "+skipped)
	}
	return strings.Join([]string{
		r.Status, sent, in.at(r.FirstAt), in.at(r.EndsAt), cmp.Or(strings.Join(held, ", "), "-"), clean(strings.Join(notes, "; ")),
	}, "\t")
}

func daysTable(w *tabwriter.Writer, days []api.SimulatedDay) {
	if len(days) == 0 {
		return
	}
	sayln(w, "\nDAY\tRUNS\tMESSAGES")
	for _, d := range days {
		sayf(w, "%s\t%d\t%d\n", d.Date, d.Runs, d.Messages)
	}
	_ = w.Flush() // what follows is no table
}

func noticeLines(w *tabwriter.Writer, cut string, notices []string) {
	if cut != "" {
		sayln(w, "\nIt ends there: "+clean(cut))
	}
	for _, notice := range notices {
		sayln(w, "\nNote: "+clean(notice))
	}
}
