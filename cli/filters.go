package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addFilters(root *cobra.Command) {
	root.AddCommand(group("filters", "Filters that a key's holder saved",
		c.filtersLs(), c.filtersShow(), c.filtersCreate(), c.filtersSet(), c.filtersRm(), c.filtersCount(), c.filtersUse()))
}

func filtersPath() path { return v1("filters") }

// filterID reads an argument that is the id of a filter.
func (c *cli) filterID(ctx context.Context, arg string) (int64, error) {
	return c.id(ctx, aFilter, arg)
}

func (c *cli) filtersLs() *cobra.Command {
	var kind string
	cmd := &cobra.Command{Use: "ls", Short: "List the filters of a kind that this key saved",
		Long: "Lists the filters that were saved with this key; other keys have their own. Rules that all share are targeting lists (carillon targeting)."}
	cmd.Flags().StringVar(&kind, "kind", "contact", "contact, conversation or report")
	return plain(cmd, func(ctx context.Context) error {
		return showAll(ctx, c, filtersPath().with(query{"kind": kind}), hinted[api.SavedFilter]{
			rows[api.SavedFilter]{"ID NAME TARGETING CHANGED", func(f api.SavedFilter) []any {
				return []any{f.ID, f.Name, idOrNone(f.Targeting), at(&f.UpdatedAt)}
			}}, "There is none: carillon filters create NAME --rule … saves one.",
		})
	})
}

func filterTable(w *tabwriter.Writer, f api.SavedFilter) {
	fields(w, "Filter", f.ID, "Of", f.Kind, "Name", f.Name, "Targeting list", idOrNone(f.Targeting), "Query", string(f.Query))
}

func (c *cli) filtersShow() *cobra.Command {
	return onID(&cobra.Command{Use: "show ID", Short: "Show a filter"}, c.filterID, func(ctx context.Context, id int64) error {
		return show(ctx, c, get(filtersPath().id(id)), filterTable)
	})
}

func (c *cli) filtersCreate() *cobra.Command {
	var f ruleFlag
	var in api.FilterInput
	var asked string
	cmd := &cobra.Command{Use: "create NAME", Short: "Save a filter for this key", Args: cobra.ExactArgs(1),
		Long: "Saves a filter. One of contacts with a rule stands for a targeting list, of its name or one like it, which campaigns may use.",
		Example: `  carillon filters create Gold --rule '{"field": "attributes.plan", "operator": "equal", "value": "gold"}'
  carillon filters create Week --kind report --query '{"days": 7}'`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if in.Rule, err = f.read(c); err != nil {
				return err
			}
			if asked != "" && !json.Valid([]byte(asked)) {
				return usagef("--query is no JSON: quote it")
			}
			in.Name, in.Query = args[0], json.RawMessage(asked)
			return show(cmd.Context(), c, post(filtersPath(), in), filterTable)
		}}
	f.add(cmd)
	cmd.Flags().StringVar(&in.Kind, "kind", "contact", "contact, conversation or report")
	cmd.Flags().StringVar(&asked, "query", "", "what a program wants to read again, as JSON; the rule if left out")
	return cmd
}

func (c *cli) filtersSet() *cobra.Command {
	var f ruleFlag
	var name string
	cmd := &cobra.Command{Use: "set ID", Short: "Change the name or the rule of a filter", Example: "  carillon filters set 3 --rule @gold.json"}
	f.add(cmd)
	cmd.Flags().StringVar(&name, "name", "", "its new name")
	cmd.MarkFlagsOneRequired("name", "rule")
	return onID(cmd, c.filterID, func(ctx context.Context, id int64) (err error) {
		var in api.FilterChange
		if in.Rule, err = f.read(c); err != nil {
			return err
		}
		if cmd.Flags().Changed("name") {
			in.Name = &name
		}
		return show(ctx, c, patch(filtersPath().id(id), in), filterTable)
	})
}

func (c *cli) filtersRm() *cobra.Command {
	return onID(&cobra.Command{Use: "rm ID", Short: "Delete a filter, and its targeting list unless something uses that"}, c.filterID,
		func(ctx context.Context, id int64) error { return c.do(ctx, remove(filtersPath().id(id))) })
}

func (c *cli) filtersCount() *cobra.Command {
	var kind string
	cmd := &cobra.Command{Use: "count ID", Short: "Count the contacts of a filter", Example: "  carillon filters count 3 --kind email"}
	cmd.Flags().StringVar(&kind, "kind", "", "say too who can be reached by this kind of address, such as email")
	return onID(cmd, c.filterID, func(ctx context.Context, id int64) error {
		return show(ctx, c, get(filtersPath().id(id).below("count").with(query{"kind": kind})), func(w *tabwriter.Writer, n api.AudienceCount) {
			fields(w, "Contacts", n.Total)
			if n.Reachable != nil {
				fields(w, "Can be reached", *n.Reachable, "Not", cmp.Or(counts(n.Skipped), "-"))
			}
		})
	})
}

func (c *cli) filtersUse() *cobra.Command {
	var limit int
	cmd := &cobra.Command{Use: "use ID", Short: "List the contacts of a filter"}
	limitFlag(cmd, &limit)
	return onID(cmd, c.filterID, func(ctx context.Context, id int64) error {
		return showList(ctx, c, filtersPath().id(id).below("contacts"), limit, contactRows())
	})
}
