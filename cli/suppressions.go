package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addSuppressions(root *cobra.Command) {
	root.AddCommand(group("suppressions", "Addresses never to write to",
		c.suppressionsLs(), c.suppressionsAdd(), c.suppressionsRm(), c.suppressionsImport(), c.suppressionsExport()))
}

func (c *cli) suppressionsLs() *cobra.Command {
	var limit int
	var kind, reason string
	cmd := &cobra.Command{Use: "ls", Short: "List suppressed addresses", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		cl, err := c.client()
		if err != nil {
			return err
		}
		q := url.Values{}
		for name, value := range map[string]string{"kind": kind, "reason": reason} {
			if value != "" {
				q.Set(name, value)
			}
		}
		items, more, err := list[api.Suppression](cmd.Context(), cl, "/v1/suppressions", q, limit)
		if err != nil {
			return err
		}
		return showList(c, items, more, "KIND ADDRESS REASON SINCE", func(p api.Suppression) []any {
			return []any{p.Kind, p.Address, p.Reason, at(p.CreatedAt)}
		})
	}}
	limitFlag(cmd, &limit)
	cmd.Flags().StringVar(&kind, "kind", "", "only addresses of this kind, such as email")
	cmd.Flags().StringVar(&reason, "reason", "", "only those with this reason, such as bounced")
	return cmd
}

func (c *cli) suppressionsAdd() *cobra.Command {
	var in api.SuppressionInput
	cmd := &cobra.Command{Use: "add KIND ADDRESS", Short: "Never write to an address again", Args: cobra.ExactArgs(2),
		Example: "  carillon suppressions add email ada@example.org --reason 'asked by phone'",
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			in.Kind, in.Address = args[0], args[1]
			var out api.Suppression
			raw, err := cl.call(cmd.Context(), http.MethodPost, "/v1/suppressions", in, &out)
			if err != nil {
				return err
			}
			return c.show(raw, func(w *tabwriter.Writer) { fields(w, "Suppressed", out.Kind+" "+out.Address, "Reason", out.Reason) })
		}}
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why (default unsubscribed: campaigns skip the address, transactional messages still reach it)")
	return cmd
}

func (c *cli) suppressionsRm() *cobra.Command {
	var force bool
	cmd := &cobra.Command{Use: "rm KIND ADDRESS", Short: "Let an address be written to again", Args: cobra.ExactArgs(2), RunE: func(cmd *cobra.Command, args []string) error {
		cl, err := c.client()
		if err != nil {
			return err
		}
		q := url.Values{"kind": {args[0]}, "address": {args[1]}}
		if force {
			q.Set("force", "true")
		}
		_, err = cl.call(cmd.Context(), http.MethodDelete, "/v1/suppressions?"+q.Encode(), nil, nil)
		return err
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
			cl, err := c.client()
			if err != nil {
				return err
			}
			file := c.in
			if args[0] != "-" {
				opened, err := os.Open(args[0])
				if err != nil {
					return &exitError{exitRefused, err}
				}
				defer func() { _ = opened.Close() }()
				file = opened
			}
			response, err := cl.send(cmd.Context(), http.MethodPost, "/v1/suppressions/import", "text/csv", file)
			if err != nil {
				return err
			}
			defer func() { _ = response.Body.Close() }()
			var out api.SuppressionImport
			raw, err := readAnswer(response.Body, &out)
			if err != nil {
				return err
			}
			for _, line := range out.Errors {
				sayf(c.err, "Line %d: %s %s: %s\n", line.Line, clean(line.Field), clean(line.Value), clean(line.Reason))
			}
			return c.show(raw, func(w *tabwriter.Writer) {
				fields(w, "Lines", out.Rows, "Added", out.Added, "Known before", out.Known, "Refused", out.Refused)
			})
		}}
}

func (c *cli) suppressionsExport() *cobra.Command {
	var to string
	cmd := &cobra.Command{Use: "export", Short: "Write every suppression as CSV", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		cl, err := c.client()
		if err != nil {
			return err
		}
		response, err := cl.send(cmd.Context(), http.MethodGet, "/v1/suppressions/export", "", nil)
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }()
		if to == "" {
			_, err := io.Copy(c.out, response.Body)
			return err
		}
		file, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return &exitError{exitRefused, err}
		}
		if _, err := io.Copy(file, response.Body); err != nil {
			_ = file.Close()
			return fmt.Errorf("write %s: %w", to, err)
		}
		return file.Close()
	}}
	cmd.Flags().StringVar(&to, "to", "", "file to write (default standard output)")
	return cmd
}
