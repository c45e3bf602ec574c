package cli

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"carillon/api"
)

func auditPath() path { return v1("audit") }

// auditFlags narrow the trail.
type auditFlags struct{ actor, action, target, request, since, until string }

func (f *auditFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.actor, "actor", "", "only what this one did, as the list shows it: \"key 3 (deploy)\"")
	cmd.Flags().StringVar(&f.action, "action", "", "only this action; create-* is all that begins so")
	cmd.Flags().StringVar(&f.target, "target", "", "only what was done to this, as the list shows it: \"campaign 17\"")
	cmd.Flags().StringVar(&f.request, "request", "", "only what this request did")
	cmd.Flags().StringVar(&f.since, "since", "", "only from this day or instant on, such as 2026-05-01 or 2026-05-01T09:00:00Z")
	cmd.Flags().StringVar(&f.until, "until", "", "only before this day or instant")
}

// query is what the flags ask for.
func (f *auditFlags) query() (query, error) {
	asked := query{"actor": f.actor, "action": f.action, "target": f.target, "request_id": f.request}
	for _, t := range []struct{ flag, param, text string }{{"since", "from", f.since}, {"until", "to", f.until}} {
		if t.text == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, t.text)
		if err != nil {
			at, err = time.Parse(time.DateOnly, t.text)
		}
		if err != nil {
			return nil, usagef("--%s %q is neither a day such as 2026-05-01 nor an instant such as 2026-05-01T09:00:00Z", t.flag, t.text)
		}
		asked[t.param] = at.UTC().Format(time.RFC3339)
	}
	return asked, nil
}

func (c *cli) audit() *cobra.Command {
	var f auditFlags
	cmd := &cobra.Command{
		Use: "audit", Short: "List who did what, newest first", GroupID: "work",
		Long: `Lists the audit trail: who changed what, who read many people's data, and who was refused, from which address
and with which request, as the log knows it. --output json shows what was there before and after; secrets are
masked, and of people's data only the names of the fields are kept.`,
		Example: `  carillon audit
  carillon audit --limit 1 --output json
  carillon audit --action 'create-*' --since 2026-05-01
  carillon audit --actor "key 1 (admin)" --target "channel 1"`,
	}
	f.add(cmd)
	cmd = finds(c, cmd, func(context.Context) (path, error) {
		asked, err := f.query()
		return auditPath().with(asked), err
	}, rows[api.AuditEntry]{"ID AT ACTOR ACTION TARGET NAME FROM REQUEST", func(e api.AuditEntry) []any {
		return []any{e.ID, exactly(e.At), e.Actor, e.Action, e.Target, e.TargetName, e.Source, e.RequestID}
	}})
	cmd.AddCommand(c.auditVerify(), c.auditExport())
	return cmd
}

func (c *cli) auditVerify() *cobra.Command {
	var head string
	cmd := &cobra.Command{
		Use: "verify", Short: "Check that nobody changed the audit trail",
		Long: `Walks the chain of the audit trail from its oldest entry to its newest, and names the first that was changed,
removed or put in. Each entry has a hash of itself and of all before it, made with the master key: who can
write the database and has no master key can't make one. Note the head that it prints where nobody can
change it: with --head it shows later that nobody put the whole database back to before.`,
		Example: `  carillon audit verify
  carillon audit verify --head 1234:9f2c61aa.5be0`,
	}
	cmd.Flags().StringVar(&head, "head", "", "a head that was noted before: it must be in the chain")
	return plain(cmd, func(ctx context.Context) error { return c.verifyAudit(ctx, head) })
}

func (c *cli) verifyAudit(ctx context.Context, head string) error {
	bar := c.newProgress("Verifying")
	defer bar.end()
	var checked, erased int64
	for cursor := ""; ; {
		step, raw, err := ask[api.AuditVerified](ctx, c, get(auditPath().below("verify").with(query{"cursor": cursor, "head": head})))
		if err != nil {
			return err
		}
		checked, erased, cursor = checked+step.Checked, erased+step.Erased, step.Cursor
		bar.set(checked, 0, "entries")
		if cursor != "" {
			continue
		}
		bar.end()
		if err := c.print(raw, func(w *tabwriter.Writer) { verifiedTable(w, step, checked, erased) }); err != nil {
			return err
		}
		if step.Problem != nil {
			return &exitError{exitRefused, fmt.Errorf("the audit trail was changed")}
		}
		return nil
	}
}

// verifiedTable prints what a walk along the chain found.
func verifiedTable(w *tabwriter.Writer, v api.AuditVerified, checked, erased int64) {
	fields(w, "Entries", checked, "Without their detail", erased, "Not sealed yet", v.Unsealed, "Removed by retention", v.Floor, "Head", v.Head)
	if p := v.Problem; p != nil {
		where := []string{}
		if p.EntryID != 0 {
			where = append(where, fmt.Sprintf("entry %d", p.EntryID))
		}
		if p.Seq != 0 {
			where = append(where, fmt.Sprintf("place %d", p.Seq))
		}
		fields(w, "Wrong", strings.Join(where, ", ")+": "+p.What)
		return
	}
	sayln(w, "The audit trail is whole.")
}

func (c *cli) auditExport() *cobra.Command {
	var f auditFlags
	var file string
	cmd := &cobra.Command{
		Use: "export", Short: "Write the audit trail as JSON lines",
		Long: "Writes entries of the audit trail, the oldest first, each a line of JSON with its place in the chain and the hash there.",
		Example: `  carillon audit export --since 2026-01-01 --to audit.jsonl
  carillon audit export --action list-contacts`,
	}
	f.add(cmd)
	cmd.Flags().StringVar(&file, "to", "-", "write to this file; - is standard output")
	return plain(cmd, func(ctx context.Context) error {
		asked, err := f.query()
		if err != nil {
			return err
		}
		return c.export(ctx, get(auditPath().below("export").with(asked)), file)
	})
}
