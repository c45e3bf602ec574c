package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"carillon/api"
)

func (c *cli) addSchedules(root *cobra.Command) {
	root.AddCommand(group("schedules", "See when a schedule fires", c.schedulesNext()))
}

func schedulesPath() path { return v1("schedules") }

// recurFlags say when something recurs, all but its cron expressions.
type recurFlags struct {
	rule api.ScheduleRule
	// without are days on which nothing fires; its calendars are holidays, by id or name.
	without  api.ExcludeRule
	holidays []string
}

func (f *recurFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.rule.Every, "every", "", "a duration such as 15m or 2h, by elapsed time")
	flags.StringVar(&f.rule.Phase, "phase", "", "how much later than that begins, such as 5m")
	flags.StringArrayVar(&f.rule.Dates, "date", nil, "a time such as 2026-12-24T10:00; may be repeated")
	flags.StringVar(&f.rule.Timezone, "timezone", "", "IANA time zone (default the channel's, or else UTC)")
	flags.StringVar(&f.rule.From, "from", "", "nothing fires before: 2026-12-01, or with a time")
	flags.StringVar(&f.rule.Until, "until", "", "nothing fires after")
	flags.StringArrayVar(&f.without.Dates, "exclude-date", nil, "not on this day; may be repeated")
	flags.StringArrayVar(&f.without.Weekdays, "exclude-weekday", nil, "not on mon, tue, wed, thu, fri, sat or sun; may be repeated")
	flags.StringArrayVar(&f.holidays, "exclude-holidays", nil, "not on the days of this calendar, by id or name; may be repeated")
	flags.StringVar(&f.rule.OnExcluded, "on-excluded", "", "what then: skip (the default), next_day or previous_day")
	flags.StringVar(&f.rule.Gap, "gap", "", "for a time that the clock jumps over: next (the default), skip or shift")
	flags.StringVar(&f.rule.Overlap, "overlap", "", "for a time that it shows twice: first, second or both")
}

// built is the rule with some cron expressions.
func (f *recurFlags) built(expressions []string) api.ScheduleRule {
	rule := f.rule
	if len(expressions) > 0 {
		rule.Cron = expressions
	}
	f.without.Holidays = refs(f.holidays)
	if len(f.without.Dates)+len(f.without.Weekdays)+len(f.without.Holidays) > 0 {
		rule.Exclude = &f.without
	}
	return rule
}

// scheduleFlags say of which schedule the instants are listed.
type scheduleFlags struct {
	recurFlags
	file  string
	after string
	n     int
}

func (c *cli) schedulesNext() *cobra.Command {
	var f scheduleFlags
	cmd := &cobra.Command{Use: "next [EXPRESSION …]", Short: "List the next instants of a schedule that is not kept, and say it in words",
		Long: `Lists when a schedule fires: what is moved or left out is told with its reason. Expressions are cron's, minute
hour day month weekday, with seconds in front if you like: names, ranges, steps, L (the last day), LW (the last
weekday), 15W (the weekday nearest to the 15th), FRI#1 (the first Friday), FRIL (the last Friday), @daily and its like.
What several ways of saying when come to is united. docs/schedules.md says what becomes of a time that the clock jumps
over, or shows twice.`,
		Example: `  carillon schedules next '0 9 * * MON-FRI' --timezone Europe/Berlin
  carillon schedules next '0 9 L * *' --exclude-weekday sat --exclude-weekday sun --on-excluded previous_day
  carillon schedules next '0 9 * * *' --exclude-holidays Germany --on-excluded next_day
  carillon schedules next --every 90m --from 2026-12-01T08:00 -n 5
  carillon schedules next --file schedule.json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			body, err := c.scheduleBody(cmd.Context(), f, args)
			if err != nil {
				return err
			}
			return show(cmd.Context(), c, post(schedulesPath().below("preview"), body), scheduleTable)
		}}
	flags := cmd.Flags()
	f.add(flags)
	flags.StringVar(&f.file, "file", "", "instead: the schedule as JSON, - for standard input")
	flags.StringVar(&f.after, "after", "", "list instants after this RFC 3339 time (default now)")
	flags.IntVarP(&f.n, "number", "n", 10, "how many")
	return cmd
}

// scheduleBody is what the preview is asked.
func (c *cli) scheduleBody(ctx context.Context, f scheduleFlags, expressions []string) (body map[string]any, err error) {
	body = map[string]any{"n": f.n}
	if f.after != "" {
		if _, err := time.Parse(time.RFC3339, f.after); err != nil {
			return nil, usagef("--after %s: must be a time such as 2026-12-01T09:00:00Z", f.after)
		}
		body["from"] = f.after
	}
	if f.file != "" {
		if len(expressions) > 0 {
			return nil, usagef("--file has the whole schedule: give it without expressions")
		}
		text, err := c.readFile(f.file)
		if err != nil {
			return nil, err
		}
		if !json.Valid(text) {
			return nil, usagef("%s is no JSON: a schedule is an object such as {\"cron\": \"0 9 * * MON\"}", f.file)
		}
		body["schedule"] = json.RawMessage(text)
		return body, nil
	}
	if len(expressions)+len(f.rule.Dates) == 0 && f.rule.Every == "" {
		return nil, usagef("say when: an expression such as '0 9 * * MON', --every, --date or --file")
	}
	body["schedule"] = f.built(expressions)
	return body, nil
}

func scheduleTable(w *tabwriter.Writer, view api.ScheduleView) {
	sayln(w, clean(view.Words)+"\n")
	if len(view.Items) == 0 {
		sayln(w, "It does not fire any more.")
		return
	}
	sayln(w, "LOCAL\tOFFSET\tUTC\tNOTE")
	for _, i := range view.Items {
		note := i.Note
		switch {
		case i.Skipped != "":
			note = "left out: " + note
		case i.StartsAt != nil:
			note = "starts at " + at(i.StartsAt)
		}
		sayf(w, "%s\t%s\t%s\t%s\n", i.Local, i.Offset, i.At.Format(time.RFC3339), cmp.Or(clean(note), "-"))
	}
}
