package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) contactsErase() *cobra.Command {
	var yes, dryRun bool
	cmd := &cobra.Command{Use: "erase ID", Short: "Erase a person and everything that names them",
		Long: `Erases a contact and everything that names them, for good: addresses, properties, memberships,
and what messages, replies, consents and the audit trail say of them. Counts and statistics stay. Of
addresses that must not be written to a hash stays. It shows first what would be erased, and asks.`,
		Example: "  carillon contacts erase 7 --dry-run\n  carillon contacts erase 7"}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only show what would be erased")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return onID(cmd, contactID, func(ctx context.Context, id int64) error {
		erase := func(dry bool) (api.Erasure, json.RawMessage, error) {
			return ask[api.Erasure](ctx, c, post(contactsPath().id(id).below("erase"), api.EraseInput{DryRun: dry}))
		}
		shown := func(raw json.RawMessage, out api.Erasure, title string) error {
			return c.print(raw, func(w *tabwriter.Writer) {
				fields(w, title, fmt.Sprintf("contact %d", id), "Rows", counts(out.Rows), "Waiting messages skipped", out.Skipped, "Hashes that stay", out.Hashes)
			})
		}
		out, raw, err := erase(true)
		if err != nil {
			return err
		}
		if dryRun {
			return shown(raw, out, "Would erase")
		}
		if !yes {
			if err := shown(raw, out, "Will erase"); err != nil {
				return err
			}
			if err := c.confirm("Erase them for good? [y/N] "); err != nil {
				return err
			}
		}
		if out, raw, err = erase(false); err != nil {
			return err
		}
		return shown(raw, out, "Erased")
	})
}

func (c *cli) contactsData() *cobra.Command {
	return c.data(&cobra.Command{Use: "data ID", Short: "Write everything that is known of a contact as JSON"}, contactID, contactsPath)
}

// data makes a command that writes all that is known of somebody.
func (c *cli) data(cmd *cobra.Command, idOf idReader, among func() path) *cobra.Command {
	var to string
	cmd.Flags().StringVar(&to, "to", "", "file to write (default standard output)")
	return onID(cmd, idOf, func(ctx context.Context, id int64) error {
		_, raw, err := ask[json.RawMessage](ctx, c, get(among().id(id).below("export")))
		if err != nil {
			return err
		}
		if to != "" {
			if err := os.WriteFile(to, raw, 0o600); err != nil {
				return &exitError{exitRefused, err}
			}
			return nil
		}
		_, err = c.out.Write(raw)
		return err
	})
}
