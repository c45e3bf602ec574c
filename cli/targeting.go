package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addTargeting(root *cobra.Command) {
	root.AddCommand(group("targeting", "Save rules that say who gets a message, and count whom they hold for",
		c.targetingLs(), c.targetingShow(), c.targetingCreate(), c.targetingUpdate(), c.targetingRm(), c.targetingCount(),
		c.targetingFields(), c.targetingContacts()))
}

func targetingPath() path { return v1("targeting") }

// targetingID reads an argument that names a targeting list by its id or name.
func (c *cli) targetingID(ctx context.Context, arg string) (int64, error) {
	return c.id(ctx, aTargeting, arg)
}

func (c *cli) targetingLs() *cobra.Command {
	return lists(c, &cobra.Command{Use: "ls", Short: "List targeting lists"}, targetingPath,
		rows[api.TargetingList]{"ID NAME CHANGED", func(l api.TargetingList) []any { return []any{l.ID, l.Name, at(&l.UpdatedAt)} }})
}

func targetingTable(w *tabwriter.Writer, l api.TargetingList) {
	fields(w, "Targeting list", l.ID, "Name", l.Name, "Changed", l.UpdatedAt.UTC().Format(time.RFC3339), "Rule", string(l.Rule))
}

func (c *cli) targetingShow() *cobra.Command {
	return onID(&cobra.Command{Use: "show ID", Short: "Show a targeting list"}, c.targetingID, func(ctx context.Context, id int64) error {
		return show(ctx, c, get(targetingPath().id(id)), targetingTable)
	})
}

// ruleFlag is a rule as a flag has it.
type ruleFlag struct{ text string }

func (f *ruleFlag) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.text, "rule", "", "the rule: JSON, @ and a file of it, or - for standard input")
}

// read is the rule; nil if none was given.
func (f *ruleFlag) read(c *cli) (json.RawMessage, error) {
	if f.text == "" {
		return nil, nil
	}
	return c.readRule(f.text)
}

func (c *cli) targetingCreate() *cobra.Command {
	var f ruleFlag
	cmd := &cobra.Command{Use: "create NAME", Short: "Save a rule as a targeting list", Args: cobra.ExactArgs(1),
		Example: `  carillon targeting create Gold --rule '{"condition": "AND", "rules": [{"field": "attributes.plan", "operator": "equal", "value": "gold"}]}'
  carillon targeting create Lapsed --rule @lapsed.json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			rule, err := f.read(c)
			if err != nil {
				return err
			}
			if rule == nil {
				return usagef("a targeting list needs --rule")
			}
			return show(cmd.Context(), c, post(targetingPath(), api.TargetingInput{Name: args[0], Rule: rule}), targetingTable)
		}}
	f.add(cmd)
	return cmd
}

func (c *cli) targetingUpdate() *cobra.Command {
	var f ruleFlag
	var name string
	cmd := &cobra.Command{Use: "update ID", Short: "Change the name or the rule of a targeting list"}
	f.add(cmd)
	cmd.Flags().StringVar(&name, "name", "", "its new name")
	return onID(cmd, c.targetingID, func(ctx context.Context, id int64) (err error) {
		var in api.TargetingChange
		if in.Rule, err = f.read(c); err != nil {
			return err
		}
		if cmd.Flags().Changed("name") {
			in.Name = &name
		}
		if in.Name == nil && in.Rule == nil {
			return usagef("say what to change: --name, --rule or --file")
		}
		return show(ctx, c, patch(targetingPath().id(id), in), targetingTable)
	})
}

func (c *cli) targetingRm() *cobra.Command {
	return onID(&cobra.Command{Use: "rm ID", Short: "Delete a targeting list that nothing uses"}, c.targetingID, func(ctx context.Context, id int64) error {
		if err := c.do(ctx, remove(targetingPath().id(id))); err != nil {
			return err
		}
		return c.print(json.RawMessage(fmt.Sprintf(`{"deleted":%d}`, id)), func(w *tabwriter.Writer) {
			sayf(w, "Targeting list %d is deleted; its contacts stay.\n", id)
		})
	})
}

func (c *cli) targetingCount() *cobra.Command {
	var f ruleFlag
	var kind, channel string
	cmd := &cobra.Command{Use: "count [ID]", Short: "Count the contacts of a targeting list or a rule", Args: cobra.MaximumNArgs(1),
		Long: "Counts the contacts of a targeting list, or of a rule that is not saved; " +
			"with --kind or --channel also who can be reached, and why others can't.",
		Example: "  carillon targeting count 3 --kind email\n  carillon targeting count --rule @rule.json --channel news",
		RunE: func(cmd *cobra.Command, args []string) error {
			rule, err := f.read(c)
			if err != nil {
				return err
			}
			if (rule != nil) == (len(args) == 1) {
				return usagef("count a targeting list by its id, or a rule by --rule")
			}
			by := api.CountBy{Kind: kind}
			if channel != "" {
				found, err := c.findChannel(cmd.Context(), channel)
				if err != nil {
					return err
				}
				by.ChannelID.ID = found.ID
			}
			count := post(targetingPath().below("count"), api.CountInput{Rule: rule, CountBy: by})
			if rule == nil {
				id, err := c.targetingID(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				count = get(targetingPath().id(id).below("count").with(query{"kind": by.Kind, "channel_id": by.ChannelID.ID}))
			}
			return show(cmd.Context(), c, count, func(w *tabwriter.Writer, n api.AudienceCount) {
				fields(w, "Contacts", n.Total)
				if n.Reachable != nil {
					fields(w, "Reachable", *n.Reachable, "Skipped", counts(n.Skipped))
				}
			})
		}}
	f.add(cmd)
	cmd.Flags().StringVar(&kind, "kind", "", "kind of address by which to reach people, such as email")
	cmd.Flags().StringVar(&channel, "channel", "", "channel on which to reach people, by id or name")
	cmd.MarkFlagsMutuallyExclusive("kind", "channel")
	return cmd
}

func (c *cli) targetingFields() *cobra.Command {
	cmd := &cobra.Command{Use: "fields", Short: "List the fields that rules may talk about, with their operators"}
	return plain(cmd, func(ctx context.Context) error {
		return show(ctx, c, get(targetingPath().below("fields")), func(w *tabwriter.Writer, all api.RuleFields) {
			sayln(w, "FIELD\tCOMPARED AS\tINDEX\tOPERATORS")
			for _, f := range all.Fields {
				index := ""
				if f.Filterable {
					index = "yes"
				}
				sayf(w, "%s\t%s\t%s\t%s\n", clean(f.Field), f.Comparison, index, strings.Join(f.Operators, " "))
			}
		})
	})
}

func (c *cli) targetingContacts() *cobra.Command {
	var limit int
	cmd := &cobra.Command{Use: "contacts ID", Short: "List the contacts of a targeting list"}
	limitFlag(cmd, &limit)
	return onID(cmd, c.targetingID, func(ctx context.Context, id int64) error {
		return showList(ctx, c, targetingPath().id(id).below("contacts"), limit, contactRows())
	})
}
