package cli

import (
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) contactsMerge() *cobra.Command {
	var dryRun, yes bool
	cmd := &cobra.Command{Use: "merge KEEP FROM", Short: "Merge the contact FROM into the contact KEEP", Args: cobra.ExactArgs(2),
		Long: `What KEEP has stays; addresses and values of FROM fill gaps alone. Memberships unite, messages and
consents move, and whatever keeps messages away from either keeps them away from KEEP. FROM is deleted.`,
		Example: "  carillon contacts merge 7 12 --dry-run",
		RunE: func(cmd *cobra.Command, args []string) error {
			var ids [2]int64
			for i := range ids {
				var err error
				if ids[i], err = contactID(cmd.Context(), args[i]); err != nil {
					return err
				}
			}
			merge := func(dryRun bool) request {
				return post(contactsPath().id(ids[0]).below("merge"), api.MergeInput{From: ids[1], DryRun: dryRun})
			}
			if !yes && !dryRun {
				would, _, err := ask[api.Merged](cmd.Context(), c, merge(true))
				if err != nil {
					return err
				}
				sayf(c.err, "Contact %d gets %d addresses, %d values, %d lists and %d messages of contact %d, which is deleted.\n",
					ids[0], len(would.Moved), len(would.Attributes), would.Lists, would.Messages, ids[1])
				if err := c.confirm("Merge them? [y/N] "); err != nil {
					return err
				}
			}
			return show(cmd.Context(), c, merge(dryRun), func(w *tabwriter.Writer, out api.Merged) {
				contactTable(w, out.Contact)
				fields(w, "Merged from", out.From, "Addresses moved", addressList(out.Moved), "Addresses left", addressList(out.Left),
					"Values moved", strings.Join(out.Attributes, ", "), "Lists joined", out.Lists, "Messages moved", out.Messages,
					"Messages left", out.MessagesLeft, "Consents moved", out.Consents)
				if out.OptedOut {
					fields(w, "Opted out", "one of them had opted out of something, and the kept one is out of it now")
				}
				if dryRun {
					fields(w, "Dry run", "nothing was changed")
				}
			})
		}}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "change nothing and show what would be changed")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func addressList(addresses map[string]string) string {
	list := make([]string, 0, len(addresses))
	for _, kind := range slices.Sorted(maps.Keys(addresses)) {
		list = append(list, kind+" "+addresses[kind])
	}
	return strings.Join(list, ", ")
}
