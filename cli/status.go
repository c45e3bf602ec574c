package cli

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

// addStatus adds the commands that say how the installation is.
func (c *cli) addStatus(root *cobra.Command) {
	root.AddCommand(&cobra.Command{
		Use: "status", Short: "Say what is wrong now, and what to do", GroupID: "work", Args: cobra.NoArgs,
		Long: `Says everything that keeps messages from going out, in words: what is wrong with the parts of the
installation, that no worker or scheduler is alive, which channels are paused, stopped, degraded or held,
which campaigns wait. Exit code 5 if something is wrong.`,
		Example: "  carillon status\n  carillon status --output json", RunE: c.status,
	}, &cobra.Command{
		Use: "workers", Short: "List the workers: who sends, and who did", GroupID: "work", Args: cobra.NoArgs,
		Long: `Lists the processes that send, those of the last day included. A worker says each second that it is
alive; one that was not heard of for 4 seconds is dead, and what it had in flight is settled. One that
stopped in good order is retired.`,
		Example: "  carillon workers", RunE: c.workers,
	})
	var limit int
	audit := &cobra.Command{
		Use: "audit", Short: "List who did what, newest first", GroupID: "work", Args: cobra.NoArgs,
		Long: `Lists the audit trail: who changed what, and who read many people's data, from which address and with which
request, as the log knows it. --output json shows what was there before and after; secrets are masked, and of
people's data only the names of the fields are kept.`,
		Example: "  carillon audit\n  carillon audit --limit 1 --output json", RunE: func(cmd *cobra.Command, _ []string) error { return c.audit(cmd, limit) },
	}
	limitFlag(audit, &limit)
	root.AddCommand(audit)
}

func (c *cli) status(cmd *cobra.Command, _ []string) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var s api.Status
	raw, err := cl.call(cmd.Context(), http.MethodGet, "/v1/status", nil, &s)
	if err != nil {
		return err
	}
	err = c.show(raw, func(w *tabwriter.Writer) {
		if s.OK {
			sayln(w, "Nothing is wrong: what waits goes out in its turn.")
		}
		for _, wrong := range s.Wrong {
			sayln(w, clean(wrong))
		}
		for _, h := range s.Hindrances {
			sayln(w, standstillLine(&h.Standstill))
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

func (c *cli) workers(cmd *cobra.Command, _ []string) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	items, more, err := list[api.Worker](cmd.Context(), cl, "/v1/workers", nil, manyWorkers)
	if err != nil {
		return err
	}
	return showList(c, items, more, "ID NAME STATE SINCE LAST_HEARTBEAT CHANNELS IN_FLIGHT VERSION", func(k api.Worker) []any {
		return []any{k.ID, k.Name, k.State, at(&k.Since), exactly(k.SeenAt), strings.Trim(fmt.Sprint(k.Channels), "[]"), k.InFlight, k.Version}
	})
}

func (c *cli) audit(cmd *cobra.Command, limit int) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	items, more, err := list[api.AuditEntry](cmd.Context(), cl, "/v1/audit", nil, limit)
	if err != nil {
		return err
	}
	return showList(c, items, more, "ID AT ACTOR ACTION TARGET FROM REQUEST", func(e api.AuditEntry) []any {
		return []any{e.ID, exactly(e.At), e.Actor, e.Action, e.Target, e.Source, e.RequestID}
	})
}

// manyWorkers is as many as the server tells of.
const manyWorkers = 1000
