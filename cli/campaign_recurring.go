package cli

import (
	"cmp"
	"context"
	"reflect"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"carillon/api"
)

// whenFlags say when a campaign fires.
type whenFlags struct {
	recurFlags
	at, file string
	cron     []string
	more     api.Schedule
	delivery deliveryFlags
}

func (f *whenFlags) add(cmd *cobra.Command, at string) {
	flags := cmd.Flags()
	flags.StringVar(&f.at, "at", "", at)
	flags.StringArrayVar(&f.cron, "cron", nil, "it recurs: a cron expression such as '0 9 * * MON' or '0 9 * * FRIL'; may be repeated")
	f.recurFlags.add(flags)
	flags.IntVar(&f.more.Count, "count", 0, "how many instants fire at all")
	flags.StringVar(&f.more.CatchUp, "catch-up", "", "which instants fire that came while nothing ran: latest (the default), all or skip")
	flags.StringVar(&f.more.CatchUpWithin, "catch-up-within", "", "for how long an instant is worth it (default 1h)")
	flags.StringVar(&f.more.WhileRunning, "while-running", "", "what becomes of an instant while a run is under way: queue_one (the default), queue_all, skip, "+
		"together, cancel_previous or leave_out")
	flags.StringVar(&f.more.Jitter, "jitter", "", "by how much an instant starts later at most, such as 5m")
	flags.StringVar(&f.file, "schedule-file", "", "instead: the schedule as JSON, as the API takes it, - for standard input")
	f.delivery.add(cmd)
}

// into lays the flags over a schedule: what says when replaces all of that.
func (f *whenFlags) into(c *cli, s *api.Schedule) error {
	if f.changed() {
		delivery := s.Delivery
		*s = f.built()
		s.Delivery = delivery
		if f.file != "" {
			if err := c.readJSON(f.file, s); err != nil {
				return err
			}
		}
	}
	return f.delivery.into(&s.Delivery)
}

// changed reports whether anything says when.
func (f *whenFlags) changed() bool {
	return f.file != "" || !reflect.DeepEqual(f.built(), api.Schedule{})
}

func (f *whenFlags) built() api.Schedule {
	s := f.more
	s.ScheduleRule = f.recurFlags.built(f.cron)
	if f.at != "" {
		s.At = &f.at
	}
	return s
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// recurs says in a word how a campaign recurs.
func recurs(s api.Schedule) string {
	var parts []string
	for _, part := range []struct{ name, value string }{{"", strings.Join(s.Cron, "; ")}, {"every ", s.Every}, {"on ", strings.Join(s.Dates, ", ")}} {
		if part.value != "" {
			parts = append(parts, part.name+part.value)
		}
	}
	if len(s.Calendar) > 0 {
		parts = append(parts, "by calendar")
	}
	return strings.Join(parts, "; ")
}

// pauseWords say who paused, until when and why.
func pauseWords(p *api.Pause) string {
	if p == nil {
		return ""
	}
	text := "paused since " + at(&p.Since)
	if p.Until != nil {
		text += " until " + at(p.Until)
	}
	if p.By != "" {
		text += " by " + p.By
	}
	if p.Reason != "" {
		text += ": " + p.Reason
	}
	return text
}

func (c *cli) campaignNext() *cobra.Command {
	var n int
	cmd := &cobra.Command{Use: "next ID", Short: "List when a recurring campaign fires next, and what became of its last instants",
		Example: "  carillon campaign next 1 -n 20"}
	cmd.Flags().IntVarP(&n, "number", "n", 10, "how many")
	return onID(cmd, c.campaignID, func(ctx context.Context, id int64) error {
		where := campaignsPath().id(id).below("schedule").with(query{"n": n})
		return show(ctx, c, get(where), func(w *tabwriter.Writer, view api.CampaignSchedule) {
			scheduleTable(w, view.ScheduleView)
			fields(w, "Paused", pauseWords(view.Pause), "Schedule", pauseWords(view.SchedulePause))
			if len(view.History) > 0 {
				sayln(w, "\nThe last instants:\n\nINSTANT\tRUN\tSTATUS\tLATE\tRECIPIENTS\tNOTE")
				for _, r := range view.History[:min(n, len(view.History))] {
					runRow(w, r)
				}
			}
		})
	})
}

// runRow is a run in a list of instants.
func runRow(w *tabwriter.Writer, r api.Run) {
	late := "-"
	if r.Late >= 1 {
		late = seconds(r.Late)
	}
	sayf(w, "%s\t%d\t%s\t%s\t%d\t%s\n", r.Instant.Format(time.RFC3339), r.ID, r.Status, late, r.Total, cmp.Or(because(r.Reason, r.Detail), "-"))
}

func (c *cli) campaignRuns() *cobra.Command {
	var limit int
	cmd := &cobra.Command{Use: "runs ID", Short: "List a campaign's runs, newest first: every instant, with what became of it"}
	limitFlag(cmd, &limit)
	return onID(cmd, c.campaignID, func(ctx context.Context, id int64) error {
		return showList(ctx, c, campaignsPath().id(id).below("runs"), limit, rows[api.Run]{"ID INSTANT KIND STATUS LATE RECIPIENTS NOTE", func(r api.Run) []any {
			late := ""
			if r.Late >= 1 {
				late = seconds(r.Late)
			}
			return []any{r.ID, at(&r.Instant), r.Kind, r.Status, late, r.Total, because(r.Reason, r.Detail)}
		}})
	})
}

// showRun makes a request that is answered with a run, and shows it.
func (c *cli) showRun(ctx context.Context, r request) error {
	return show(ctx, c, r, func(w *tabwriter.Writer, run api.Run) {
		fields(w, "Run", run.ID, "Instant", at(&run.Instant), "Status", run.Status, "Because", because(run.Reason, run.Detail),
			"Starts", at(run.StartsAt))
	})
}

func (c *cli) campaignTrigger() *cobra.Command {
	return onID(&cobra.Command{Use: "trigger ID", Short: "Make a run of a recurring campaign now, beside its schedule"}, c.campaignID,
		func(ctx context.Context, id int64) error {
			return c.showRun(ctx, post(campaignsPath().id(id).below("trigger"), nil))
		})
}

func (c *cli) campaignSkipNext() *cobra.Command {
	return onID(&cobra.Command{Use: "skip-next ID", Short: "Leave out the next instant of a recurring campaign"}, c.campaignID,
		func(ctx context.Context, id int64) error {
			return c.showRun(ctx, post(campaignsPath().id(id).below("skip-next"), nil))
		})
}

func (c *cli) campaignMoveNext() *cobra.Command {
	var to string
	cmd := &cobra.Command{Use: "move-next ID", Short: "Let the next instant of a recurring campaign start at another time",
		Example: "  carillon campaign move-next 1 --to 2026-12-01T10:30"}
	cmd.Flags().StringVar(&to, "to", "", "time in the schedule's zone, or with an offset (required)")
	_ = cmd.MarkFlagRequired("to") // the flag exists
	return onID(cmd, c.campaignID, func(ctx context.Context, id int64) error {
		return c.showRun(ctx, post(campaignsPath().id(id).below("move-next"), map[string]string{"to": to}))
	})
}

func (c *cli) campaignBackfill() *cobra.Command {
	var from, to string
	var dry bool
	cmd := &cobra.Command{Use: "backfill ID", Short: "Let instants of a recurring campaign run that nothing fired",
		Long: `Lets the instants of a span run, one after the other, that were left out or came before the campaign was started.
Each is a run for the audience as it is then. What fired is left alone. Try it with --dry-run first.`,
		Example: "  carillon campaign backfill 1 --from 2026-11-01T00:00:00Z --to 2026-11-08T00:00:00Z --dry-run"}
	cmd.Flags().StringVar(&from, "from", "", "the first instant that may be made up for, RFC 3339 (required)")
	cmd.Flags().StringVar(&to, "to", "", "the last (required)")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say which, and do nothing")
	_, _ = cmd.MarkFlagRequired("from"), cmd.MarkFlagRequired("to") // the flags exist
	return onID(cmd, c.campaignID, func(ctx context.Context, id int64) error {
		for _, flag := range []struct{ name, value string }{{"from", from}, {"to", to}} {
			if _, err := time.Parse(time.RFC3339, flag.value); err != nil {
				return usagef("--%s %s: must be a time such as 2026-11-01T00:00:00Z", flag.name, flag.value)
			}
		}
		body := map[string]any{"from": from, "to": to, "dry_run": dry}
		return show(ctx, c, post(campaignsPath().id(id).below("backfill"), body), func(w *tabwriter.Writer, b api.Backfill) {
			if len(b.Instants) == 0 {
				sayln(w, "There is nothing to make up for: the schedule has no instant in that time, or every one has fired.")
				return
			}
			for _, instant := range b.Instants {
				sayln(w, instant.Format(time.RFC3339))
			}
			if dry {
				sayf(w, "%d instants would be made up for.\n", len(b.Instants))
				return
			}
			sayf(w, "%d instants are made up for, one after the other: carillon campaign runs %d\n", len(b.Instants), id)
		})
	})
}

func (c *cli) campaignPause() *cobra.Command {
	var alone bool
	var reason, until string
	cmd := &cobra.Command{Use: "pause ID", Short: "Pause a campaign: none of its messages is handed over from now on",
		Long: `Pauses a campaign: none of its messages is handed over from now on, and no instant of a recurring one fires. With
--schedule its instants alone do not fire, and its runs go on. Instants that come meanwhile are listed as left out.`,
		Example: "  carillon campaign pause 1 --schedule --until 2027-01-07T00:00:00Z --reason 'holidays'"}
	cmd.Flags().BoolVar(&alone, "schedule", false, "the schedule alone")
	cmd.Flags().StringVar(&reason, "reason", "", "why, with --schedule")
	cmd.Flags().StringVar(&until, "until", "", "with --schedule: instants from this RFC 3339 time on fire again")
	return onID(cmd, c.campaignID, func(ctx context.Context, id int64) error {
		if !alone {
			if reason != "" || until != "" {
				return usagef("--reason and --until belong to --schedule")
			}
			return c.showCampaign(ctx, post(campaignsPath().id(id).below("pause"), nil))
		}
		body := map[string]any{}
		if reason != "" {
			body["reason"] = reason
		}
		if until != "" {
			if _, err := time.Parse(time.RFC3339, until); err != nil {
				return usagef("--until %s: must be a time such as 2027-01-07T00:00:00Z", until)
			}
			body["until"] = until
		}
		return c.showCampaign(ctx, post(campaignsPath().id(id).below("schedule", "pause"), body))
	})
}

func (c *cli) campaignResume() *cobra.Command {
	var alone bool
	cmd := &cobra.Command{Use: "resume ID", Short: "Go on exactly where a campaign was paused"}
	cmd.Flags().BoolVar(&alone, "schedule", false, "the schedule alone")
	return onID(cmd, c.campaignID, func(ctx context.Context, id int64) error {
		where := campaignsPath().id(id).below("resume")
		if alone {
			where = campaignsPath().id(id).below("schedule", "resume")
		}
		return c.showCampaign(ctx, post(where, nil))
	})
}
