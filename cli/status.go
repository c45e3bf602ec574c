package cli

import (
	"cmp"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

// addStatus adds the commands that say how the installation is, and who did what.
func (c *cli) addStatus(root *cobra.Command) {
	root.AddCommand(&cobra.Command{
		Use: "status", Short: "Say what is wrong now, and what to do", GroupID: "work", Args: cobra.NoArgs,
		Long: `Says everything that keeps messages from going out, in words: what is wrong with the parts of the
installation, that no worker or scheduler is alive, which channels are paused, stopped, degraded or held,
which campaigns wait. Exit code 5 if something is wrong.`,
		Example: "  carillon status\n  carillon status --output json", RunE: c.status,
	}, c.workers(), c.audit())
}

func (c *cli) status(cmd *cobra.Command, _ []string) error {
	s, raw, err := ask[api.Status](cmd.Context(), c, get(v1("status")))
	if err != nil {
		return err
	}
	err = c.print(raw, func(w *tabwriter.Writer) {
		if s.OK {
			sayln(w, "Nothing is wrong: what waits goes out in its turn.")
		}
		for _, wrong := range s.Wrong {
			sayln(w, clean(wrong))
		}
		for _, h := range s.Hindrances {
			sayln(w, standstillLine(&h.Standstill))
		}
		if s.InDoubt > 0 {
			sayf(w, "Messages in doubt: %d. Whether the provider took them is not known; `carillon messages ls --state unknown` lists them.\n", s.InDoubt)
		}
		_ = w.Flush() // what follows is a table
		fields(w, "Workers alive", s.Workers, "Scheduler", cmp.Or(s.Scheduler, "none"), "Version", s.Version)
	})
	if err == nil && !s.OK {
		err = &exitError{exitUnbalanced, errors.New(howMany(len(s.Wrong) + len(s.Hindrances)))}
	}
	return err
}

func howMany(wrong int) string {
	if wrong == 1 {
		return "1 thing is wrong"
	}
	return fmt.Sprintf("%d things are wrong", wrong)
}
