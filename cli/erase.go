package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) contactsErase() *cobra.Command {
	var yes, dryRun bool
	cmd := &cobra.Command{Use: "erase ID", Short: "Erase a person and everything that names them", Args: cobra.ExactArgs(1),
		Long: `Erases a contact and everything that names them, for good: addresses, properties, memberships,
and what messages, replies, consents and the audit trail say of them. Counts and statistics stay. Of
addresses that must not be written to a hash stays. It shows first what would be erased, and asks.`,
		Example: "  carillon contacts erase 7 --dry-run\n  carillon contacts erase 7",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := idArg("contact", "contacts ls", args[0])
			if err != nil {
				return err
			}
			cl, err := c.client()
			if err != nil {
				return err
			}
			erase := func(dry bool) (raw json.RawMessage, out api.Erasure, err error) {
				raw, err = cl.call(cmd.Context(), http.MethodPost, fmt.Sprintf("/v1/contacts/%d/erase", id), api.EraseInput{DryRun: dry}, &out)
				return raw, out, err
			}
			show := func(raw json.RawMessage, out api.Erasure, title string) error {
				return c.show(raw, func(w *tabwriter.Writer) {
					fields(w, title, fmt.Sprintf("contact %d", id), "Rows", counts(out.Rows), "Waiting messages skipped", out.Skipped, "Hashes that stay", out.Hashes)
				})
			}
			raw, out, err := erase(true)
			if err != nil {
				return err
			}
			if dryRun {
				return show(raw, out, "Would erase")
			}
			if !yes {
				if err := show(raw, out, "Will erase"); err != nil {
					return err
				}
				if err := c.confirm("Erase them for good? [y/N] "); err != nil {
					return err
				}
			}
			if raw, out, err = erase(false); err != nil {
				return err
			}
			return show(raw, out, "Erased")
		}}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only show what would be erased")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

func (c *cli) contactsData() *cobra.Command {
	var to string
	cmd := &cobra.Command{Use: "data ID", Short: "Write everything that is known of a contact as JSON", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		id, err := idArg("contact", "contacts ls", args[0])
		if err != nil {
			return err
		}
		cl, err := c.client()
		if err != nil {
			return err
		}
		response, err := cl.send(cmd.Context(), http.MethodGet, fmt.Sprintf("/v1/contacts/%d/export", id), "", nil)
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }()
		raw, err := io.ReadAll(response.Body)
		if err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
		if to != "" {
			if err := os.WriteFile(to, raw, 0o600); err != nil {
				return &exitError{exitRefused, err}
			}
			return nil
		}
		_, err = c.out.Write(raw)
		return err
	}}
	cmd.Flags().StringVar(&to, "to", "", "file to write (default standard output)")
	return cmd
}
