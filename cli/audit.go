package cli

import (
	"github.com/spf13/cobra"

	"carillon/api"
)

func auditPath() path { return v1("audit") }

func (c *cli) audit() *cobra.Command {
	return lists(c, &cobra.Command{
		Use: "audit", Short: "List who did what, newest first", GroupID: "work",
		Long: `Lists the audit trail: who changed what, and who read many people's data, from which address and with which
request, as the log knows it. --output json shows what was there before and after; secrets are masked, and of
people's data only the names of the fields are kept.`,
		Example: "  carillon audit\n  carillon audit --limit 1 --output json",
	}, auditPath, rows[api.AuditEntry]{"ID AT ACTOR ACTION TARGET FROM REQUEST", func(e api.AuditEntry) []any {
		return []any{e.ID, exactly(e.At), e.Actor, e.Action, e.Target, e.Source, e.RequestID}
	}})
}
