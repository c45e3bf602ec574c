package cli

import (
	"context"

	"github.com/spf13/cobra"

	"carillon/api"
)

// bulkFlags say what is done to many contacts, and to whom.
type bulkFlags struct {
	api.BulkInput
	set, rule, targeting, list string
	yes                        bool
}

func (c *cli) contactsBulk() *cobra.Command {
	var f bulkFlags
	cmd := &cobra.Command{Use: "bulk ACTION", Short: "Change many contacts: start, stop, block, unblock, add, remove, set, delete", Args: cobra.ExactArgs(1),
		Long: `Changes many contacts in the background. It says how many there are and asks first; --yes answers for
scripts. A server that is killed meanwhile goes on where it stopped.

  start, stop       make inactive contacts active, and active ones inactive
  block, unblock    go by the status blocked
  add, remove       into and out of the group, category or label --list
  set               the value of a property: --set KEY=VALUE, an empty value takes it away
  delete            make the status deleted`,
		Example: `  carillon contacts bulk add --list Customers --contacts 7,8,9
  carillon contacts bulk set --set plan=free --all --yes
  carillon contacts bulk stop --rule @sleepers.json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.Action = args[0]
			return c.bulk(cmd.Context(), f)
		}}
	flags := cmd.Flags()
	flags.Int64SliceVar(&f.Contacts, "contacts", nil, "ids of contacts, separated by commas")
	flags.BoolVar(&f.All, "all", false, "every contact")
	flags.StringVar(&f.rule, "rule", "", "whoever this rule holds for: JSON, @ and a file of it, or - for standard input")
	flags.StringVar(&f.targeting, "targeting", "", "whoever this targeting list holds for, by id or name")
	flags.StringVar(&f.list, "list", "", "a group, category or label by id or name, for add and remove")
	flags.StringVar(&f.set, "set", "", "KEY=VALUE: the value of a property, for set")
	flags.BoolVar(&f.yes, "yes", false, "do not ask")
	cmd.MarkFlagsOneRequired("contacts", "rule", "targeting", "all")
	return cmd
}

// bulk shows what a bulk operation is about to do, asks, and watches it.
func (c *cli) bulk(ctx context.Context, f bulkFlags) error {
	if f.set != "" {
		values, err := c.attributeValues(ctx, []string{f.set})
		if err != nil {
			return err
		}
		for key, value := range values {
			f.Property, f.Value = key, value
		}
	}
	var err error
	if f.rule != "" {
		if f.Rule, err = c.readRule(f.rule); err != nil {
			return err
		}
	}
	f.Targeting, f.List = ref(f.targeting), ref(f.list)
	bulk := func(dryRun bool) (api.BulkAnswer, error) {
		f.DryRun = dryRun
		answer, _, err := ask[api.BulkAnswer](ctx, c, post(contactsPath().below("bulk"), f.BulkInput))
		return answer, err
	}
	if !f.yes {
		would, err := bulk(true)
		if err != nil {
			return err
		}
		sayf(c.err, "%s: it is the turn of %d contacts.\n", f.Action, would.Matched)
		if err := c.confirm("Go on? [y/N] "); err != nil {
			return err
		}
	}
	answer, err := bulk(false)
	if err != nil {
		return err
	}
	return c.watchJob(ctx, answer.Job.ID)
}
