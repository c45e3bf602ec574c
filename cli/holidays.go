package cli

import (
	"context"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addHolidays(root *cobra.Command) {
	root.AddCommand(group("holidays", "Keep calendars of days off, which schedules exclude",
		c.holidaysLs(), c.holidaysShow(), c.holidaysCreate(), c.holidaysSet(), c.holidaysImport(), c.holidaysRm()))
}

func holidaysPath() path { return v1("holidays") }

func (c *cli) holidaysID(ctx context.Context, arg string) (int64, error) {
	return c.id(ctx, aCalendar, arg)
}

func (c *cli) holidaysLs() *cobra.Command {
	return lists(c, &cobra.Command{Use: "ls", Short: "List calendars of holidays"}, holidaysPath,
		rows[api.HolidaysInfo]{"ID NAME DAYS FIRST LAST CHANGED", func(h api.HolidaysInfo) []any {
			return []any{h.ID, h.Name, h.Size, h.First, h.Last, at(&h.UpdatedAt)}
		}})
}

// holidaysTable says what a calendar is.
func holidaysTable(w *tabwriter.Writer, h api.Holidays) {
	fields(w, "Calendar", h.ID, "Name", h.Name, "Days", h.Size, "First", h.First, "Last", h.Last)
}

func (c *cli) holidaysShow() *cobra.Command {
	return onID(&cobra.Command{Use: "show ID", Short: "Show the days of a calendar of holidays"}, c.holidaysID, func(ctx context.Context, id int64) error {
		return show(ctx, c, get(holidaysPath().id(id)), func(w *tabwriter.Writer, h api.Holidays) {
			holidaysTable(w, h)
			if len(h.Dates) > 0 {
				sayln(w, "\nDATE\tNAME")
			}
			for _, d := range h.Dates {
				sayf(w, "%s\t%s\n", clean(d.Date), clean(d.Name))
			}
		})
	})
}

const dateFlag = "a day such as 2026-12-24, or with its name: '2026-12-24=Christmas Eve'; may be repeated"

// holidayDates are days of the form date=name, or date.
func holidayDates(flags []string) *[]api.HolidayDate {
	dates := make([]api.HolidayDate, len(flags))
	for i, flag := range flags {
		date, name, _ := strings.Cut(flag, "=")
		dates[i] = api.HolidayDate{Date: strings.TrimSpace(date), Name: strings.TrimSpace(name)}
	}
	return &dates
}

func (c *cli) holidaysCreate() *cobra.Command {
	var dates []string
	cmd := &cobra.Command{Use: "create NAME", Short: "Create a calendar of holidays", Args: cobra.ExactArgs(1),
		Example: "  carillon holidays create Office --date '2026-12-24=Christmas Eve' --date 2026-12-31",
		RunE: func(cmd *cobra.Command, args []string) error {
			in := api.HolidaysInput{Name: args[0], Dates: holidayDates(dates)}
			return show(cmd.Context(), c, post(holidaysPath(), in), holidaysTable)
		}}
	cmd.Flags().StringArrayVar(&dates, "date", nil, dateFlag)
	return cmd
}

func (c *cli) holidaysSet() *cobra.Command {
	var name string
	var dates []string
	cmd := &cobra.Command{Use: "set ID", Short: "Rename a calendar of holidays, or give it other days",
		Long: `Renames a calendar of holidays, or gives it other days instead of all that it has. Campaigns that exclude it go by its new
days at once.`}
	flags := cmd.Flags()
	flags.StringVar(&name, "name", "", "new name")
	flags.StringArrayVar(&dates, "date", nil, dateFlag)
	cmd.MarkFlagsOneRequired("name", "date")
	return onID(cmd, c.holidaysID, func(ctx context.Context, id int64) error {
		var in api.HolidaysChange
		if flags.Changed("name") {
			in.Name = &name
		}
		if flags.Changed("date") {
			in.Dates = holidayDates(dates)
		}
		return show(ctx, c, patch(holidaysPath().id(id), in), holidaysTable)
	})
}

func (c *cli) holidaysImport() *cobra.Command {
	var name string
	cmd := &cobra.Command{Use: "import FILE", Short: "Read the days of an iCalendar file", Args: cobra.ExactArgs(1),
		Long: `Reads the days of an iCalendar file (.ics), as public holidays are published; - reads standard input. A calendar of this
name gets the days of the file instead of those that it has, and campaigns that exclude it go by them at once; if there
is none, it is made. Events that recur are read from 2020 to 2050, canceled ones are left out.`,
		Example: "  carillon holidays import germany.ics --name Germany",
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] != "-" {
				if info, err := os.Stat(args[0]); err == nil && info.Size() > 1<<20 {
					return usagef("%s is larger than 1 MiB: leave out what is long ago", args[0])
				}
			}
			content, err := c.readFile(args[0])
			if err != nil {
				return err
			}
			text := string(content)
			known, err := c.holidaysNamed(cmd.Context(), name)
			if err != nil {
				return err
			}
			r := post(holidaysPath(), api.HolidaysInput{Name: name, ICal: &text})
			if known != 0 {
				r = patch(holidaysPath().id(known), api.HolidaysChange{ICal: &text})
			}
			return show(cmd.Context(), c, r, holidaysTable)
		}}
	cmd.Flags().StringVar(&name, "name", "", "the calendar's name (required)")
	_ = cmd.MarkFlagRequired("name") // the flag exists
	return cmd
}

func (c *cli) holidaysRm() *cobra.Command {
	return onID(&cobra.Command{Use: "rm ID", Short: "Delete a calendar of holidays that no campaign excludes"}, c.holidaysID,
		func(ctx context.Context, id int64) error { return c.do(ctx, remove(holidaysPath().id(id))) })
}

// holidaysNamed is the id of a calendar of holidays, 0 for none.
func (c *cli) holidaysNamed(ctx context.Context, name string) (int64, error) {
	all, _, err := list[api.HolidaysInfo](ctx, c, holidaysPath(), manyNamed)
	if err != nil {
		return 0, err
	}
	for _, h := range all {
		if h.Name == name {
			return h.ID, nil
		}
	}
	return 0, nil
}
