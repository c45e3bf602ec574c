package cli

import (
	"context"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"carillon/api"
	"carillon/retention"
)

func (c *cli) addRetention(root *cobra.Command) {
	root.AddCommand(group("retention", "For how long what is kept", c.retentionShow(), c.retentionSet()),
		group("store", "What is kept in the store", c.storeSize()))
}

func retentionPath() path { return v1("retention") }

// days are for how long something is kept, in words.
func days(n int) string {
	if n == 0 {
		return "for ever"
	}
	return strconv.Itoa(n) + " days"
}

func retentionTable(w *tabwriter.Writer, kept api.KeptFor) {
	sayln(w, "KIND\tKEPT\tREMOVED THEN")
	for _, k := range kept.Items {
		sayf(w, "%s\t%s\t%s\n", k.Kind, days(k.Days), clean(k.Removes))
	}
}

func (c *cli) retentionShow() *cobra.Command {
	return plain(&cobra.Command{Use: "show", Short: "Show for how long what is kept"}, func(ctx context.Context) error {
		return show(ctx, c, get(retentionPath()), retentionTable)
	})
}

func (c *cli) retentionSet() *cobra.Command {
	var yes, dryRun bool
	cmd := &cobra.Command{
		Use: "set", Short: "Change for how long what is kept",
		Long: `Changes for how many days the account keeps what the flags name; 0 keeps it for ever. What is too old then is removed within the
hour, a little at a time, so that sending does not feel it. What it counted as stays in the statistics and in carillon verify. It
shows first what would be removed, and asks.`,
		Example: "  carillon retention set --messages 400 --contents 30 --dry-run\n  carillon retention set --messages 400",
	}
	flags := cmd.Flags()
	values, names := map[retention.Kind]*int{}, make([]string, 0, len(retention.Rules()))
	for _, r := range retention.Rules() {
		values[r.Kind] = flags.Int(string(r.Kind), 0, fmt.Sprintf("days for %s (%s where nothing is said, %d at least)", r.What, days(r.Default), r.Least))
		names = append(names, string(r.Kind))
	}
	cmd.MarkFlagsOneRequired(names...)
	flags.BoolVar(&dryRun, "dry-run", false, "only say what would be removed")
	flags.BoolVar(&yes, "yes", false, "do not ask")
	return plain(cmd, func(ctx context.Context) error {
		change := map[retention.Kind]int{}
		for kind, days := range values {
			if flags.Changed(string(kind)) {
				change[kind] = *days
			}
		}
		preview, raw, err := ask[api.RetentionPreview](ctx, c, post(retentionPath().below("preview"), change))
		if err != nil {
			return err
		}
		removes := false
		for _, r := range preview.Items {
			removes = removes || r.Rows > 0
		}
		if dryRun || removes && !yes {
			if err := c.print(raw, func(w *tabwriter.Writer) { removals(w, preview) }); err != nil || dryRun {
				return err
			}
			if err := c.confirm("Remove them for good? [y/N] "); err != nil {
				return err
			}
		}
		return show(ctx, c, patch(retentionPath(), change), retentionTable)
	})
}

func removals(w *tabwriter.Writer, preview api.RetentionPreview) {
	nothing := true
	for _, r := range preview.Items {
		if r.Rows == 0 {
			continue
		}
		nothing = false
		n := "about " + strconv.FormatInt(r.Rows, 10)
		if r.Kind != retention.Messages {
			n = strconv.FormatInt(r.Rows, 10)
		}
		if r.More {
			n = "more than " + n
		}
		sayf(w, "Removes\t%s\tof %s, older than %d days\n", n, r.Kind, r.Days)
	}
	if nothing {
		sayln(w, "Nothing is old enough to be removed.")
	}
}

// room is a number of bytes, in words.
func room(bytes int64) string {
	const unit = 1024
	if bytes < unit*unit {
		return fmt.Sprintf("%d KiB", (bytes+unit-1)/unit)
	}
	if bytes < unit*unit*unit {
		return fmt.Sprintf("%.1f MiB", float64(bytes)/unit/unit)
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/unit/unit/unit)
}

func (c *cli) storeSize() *cobra.Command {
	cmd := &cobra.Command{
		Use: "size", Short: "Say what takes the room, and when it goes",
		Long: `Says how much room messages, what belongs to them, events, statistics and the rest take in the store, with their indexes (SQLite
tells only rows), from when the oldest is, and when it is removed: carillon retention says for how long what is kept.`,
	}
	return plain(cmd, func(ctx context.Context) error {
		return show(ctx, c, get(v1("store").below("size")), func(w *tabwriter.Writer, size api.StoreSize) {
			sayf(w, "%s\t%s\n\n", size.Database, room(size.Bytes))
			sayln(w, "PART\tROOM\tROWS\tOLDEST\tKEPT\tOLDEST GOES")
			for _, p := range size.Parts {
				bytes, oldest, kept, goes := "", "", "", ""
				if p.Bytes > 0 {
					bytes = room(p.Bytes)
				}
				if p.Oldest != nil {
					oldest = p.Oldest.Format(time.DateOnly)
				}
				if p.Days != nil {
					kept = days(*p.Days)
				}
				if p.Goes != nil {
					goes = p.Goes.Format(time.DateOnly)
				}
				sayf(w, "%s\t%s\t%d\t%s\t%s\t%s\n", clean(p.Name), bytes, p.Rows, oldest, kept, goes)
			}
			if len(size.Partitions) > 1 {
				sayln(w, "\nMESSAGES SINCE\tROOM\tROWS")
				for _, p := range size.Partitions {
					since := "the beginning"
					if p.Since != nil {
						since = p.Since.Format(time.DateOnly)
					}
					sayf(w, "%s\t%s\t%d\n", since, room(p.Bytes), p.Rows)
				}
			}
		})
	})
}
