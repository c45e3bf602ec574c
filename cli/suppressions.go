package cli

import (
	"context"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addSuppressions(root *cobra.Command) {
	root.AddCommand(group("suppressions", "Addresses never to write to",
		c.suppressionsLs(), c.suppressionsAdd(), c.suppressionsRm(), c.suppressionsImport(), c.suppressionsExport()))
}

func suppressionsPath() path { return v1("suppressions") }

func (c *cli) suppressionsLs() *cobra.Command {
	var kind, reason string
	cmd := &cobra.Command{Use: "ls", Short: "List suppressed addresses"}
	cmd.Flags().StringVar(&kind, "kind", "", "only addresses of this kind, such as email")
	cmd.Flags().StringVar(&reason, "reason", "", "only those with this reason, such as bounced")
	where := func() path { return suppressionsPath().with(query{"kind": kind, "reason": reason}) }
	return lists(c, cmd, where, rows[api.Suppression]{"KIND ADDRESS REASON SINCE", func(p api.Suppression) []any {
		return []any{p.Kind, p.Address, p.Reason, at(p.CreatedAt)}
	}})
}

func (c *cli) suppressionsAdd() *cobra.Command {
	var in api.SuppressionInput
	cmd := &cobra.Command{Use: "add KIND ADDRESS", Short: "Never write to an address again", Args: cobra.ExactArgs(2),
		Long: "Keeps an address from being written to. Without a reason it has opted out: campaigns skip it, and what its own orders and " +
			"questions ask for still reaches it. Any other reason keeps everything away, order mails too.",
		Example: `  carillon suppressions add email ada@example.org
  carillon suppressions add email fraud@example.org --reason 'threatens the staff'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Kind, in.Address = args[0], args[1]
			return show(cmd.Context(), c, post(suppressionsPath(), in), func(w *tabwriter.Writer, out api.Suppression) {
				fields(w, "Suppressed", out.Kind+" "+out.Address, "Reason", out.Reason)
			})
		}}
	cmd.Flags().StringVar(&in.Reason, "reason", "", optOutReason)
	return cmd
}

func (c *cli) suppressionsRm() *cobra.Command {
	var force bool
	cmd := &cobra.Command{Use: "rm KIND ADDRESS", Short: "Let an address be written to again", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(cmd.Context(), remove(suppressionsPath().with(query{"kind": args[0], "address": args[1], "force": force})))
		}}
	cmd.Flags().BoolVar(&force, "force", false, "lift a bounce or a complaint, too; it is recorded")
	return cmd
}

func (c *cli) suppressionsImport() *cobra.Command {
	return &cobra.Command{Use: "import FILE", Short: "Suppress every address of a CSV file", Args: cobra.ExactArgs(1),
		Long: `Suppresses every address of a CSV file; - reads standard input. The first line names the columns:
kind and address, or email or phone instead; reason if there is one; hash as an export writes it.
Lines that can't be used are shown with their reason and the others go on.`,
		Example: "  carillon suppressions import unsubscribed.csv",
		RunE: func(cmd *cobra.Command, args []string) error {
			file := c.in
			if args[0] != "-" {
				opened, err := os.Open(args[0])
				if err != nil {
					return &exitError{exitRefused, err}
				}
				defer func() { _ = opened.Close() }()
				file = opened
			}
			out, raw, err := ask[api.SuppressionImport](cmd.Context(), c, postContent(suppressionsPath().below("import"), "text/csv", file))
			if err != nil {
				return err
			}
			for _, line := range out.Errors {
				sayf(c.err, "Line %d: %s %s: %s\n", line.Line, clean(line.Field), clean(line.Value), clean(line.Reason))
			}
			return c.print(raw, func(w *tabwriter.Writer) {
				fields(w, "Lines", out.Rows, "Added", out.Added, "Known before", out.Known, "Refused", out.Refused)
			})
		}}
}

func (c *cli) suppressionsExport() *cobra.Command {
	var to string
	cmd := &cobra.Command{Use: "export", Short: "Write every suppression as CSV"}
	cmd.Flags().StringVar(&to, "to", "", "file to write (default standard output)")
	return plain(cmd, func(ctx context.Context) error {
		body, err := c.open(ctx, get(suppressionsPath().below("export")))
		if err != nil {
			return err
		}
		defer func() { _ = body.Close() }()
		if to == "" {
			_, err := io.Copy(c.out, body)
			return err
		}
		return saveTo(to, body)
	})
}
