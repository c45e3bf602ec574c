package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addTargeting(root *cobra.Command) {
	root.AddCommand(group("targeting", "Save rules that say who gets a message, and count whom they hold for",
		c.targetingLs(), c.targetingShow(), c.targetingCreate(), c.targetingUpdate(), c.targetingRm(), c.targetingCount(), c.targetingFields(), c.targetingContacts()))
}

func (c *cli) targetingLs() *cobra.Command {
	var limit int
	cmd := &cobra.Command{Use: "ls", Short: "List targeting lists", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		cl, err := c.client()
		if err != nil {
			return err
		}
		items, more, err := list[api.TargetingList](cmd.Context(), cl, "/v1/targeting", nil, limit)
		if err != nil {
			return err
		}
		return showList(c, items, more, "ID NAME CHANGED", func(l api.TargetingList) []any { return []any{l.ID, l.Name, at(&l.UpdatedAt)} })
	}}
	limitFlag(cmd, &limit)
	return cmd
}

// askTargeting shows the targeting list that a request is answered with.
func (c *cli) askTargeting(ctx context.Context, cl *client, method, path string, in any) error {
	var l api.TargetingList
	raw, err := cl.call(ctx, method, path, in, &l)
	if err != nil {
		return err
	}
	return c.show(raw, func(w *tabwriter.Writer) {
		fields(w, "Targeting list", l.ID, "Name", l.Name, "Changed", l.UpdatedAt.UTC().Format(time.RFC3339), "Rule", string(l.Rule))
	})
}

func (c *cli) targetingShow() *cobra.Command {
	return &cobra.Command{Use: "show ID", Short: "Show a targeting list", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		id, err := idArg("targeting list", "targeting ls", args[0])
		if err != nil {
			return err
		}
		cl, err := c.client()
		if err != nil {
			return err
		}
		return c.askTargeting(cmd.Context(), cl, http.MethodGet, fmt.Sprintf("/v1/targeting/%d", id), nil)
	}}
}

// ruleFlags take a rule from the command line or a file.
type ruleFlags struct{ text, file string }

func (f *ruleFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.text, "rule", "", "the rule, as JSON")
	cmd.Flags().StringVar(&f.file, "file", "", "JSON file with the rule, - for standard input")
	cmd.MarkFlagsMutuallyExclusive("rule", "file")
}

// read is the rule; nil if none was given.
func (f *ruleFlags) read(c *cli) (rule json.RawMessage, err error) {
	if f.file != "" {
		return rule, c.readJSON(f.file, &rule)
	}
	if f.text == "" {
		return nil, nil
	}
	if !json.Valid([]byte(f.text)) {
		return nil, usagef("--rule is no JSON: quote it, or use --file")
	}
	return json.RawMessage(f.text), nil
}

func (c *cli) targetingCreate() *cobra.Command {
	var f ruleFlags
	cmd := &cobra.Command{Use: "create NAME", Short: "Save a rule as a targeting list", Args: cobra.ExactArgs(1),
		Example: `  carillon targeting create Gold --rule '{"condition": "AND", "rules": [{"field": "attributes.plan", "operator": "equal", "value": "gold"}]}'
  carillon targeting create Lapsed --file lapsed.json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			rule, err := f.read(c)
			if err != nil {
				return err
			}
			if rule == nil {
				return usagef("a targeting list needs --rule or --file")
			}
			cl, err := c.client()
			if err != nil {
				return err
			}
			return c.askTargeting(cmd.Context(), cl, http.MethodPost, "/v1/targeting", api.TargetingInput{Name: args[0], Rule: rule})
		}}
	f.add(cmd)
	return cmd
}

func (c *cli) targetingUpdate() *cobra.Command {
	var f ruleFlags
	var name string
	cmd := &cobra.Command{Use: "update ID", Short: "Change the name or the rule of a targeting list", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := idArg("targeting list", "targeting ls", args[0])
			if err != nil {
				return err
			}
			in := api.TargetingChange{}
			if in.Rule, err = f.read(c); err != nil {
				return err
			}
			if cmd.Flags().Changed("name") {
				in.Name = &name
			}
			if in.Name == nil && in.Rule == nil {
				return usagef("say what to change: --name, --rule or --file")
			}
			cl, err := c.client()
			if err != nil {
				return err
			}
			return c.askTargeting(cmd.Context(), cl, http.MethodPatch, fmt.Sprintf("/v1/targeting/%d", id), in)
		}}
	f.add(cmd)
	cmd.Flags().StringVar(&name, "name", "", "its new name")
	return cmd
}

func (c *cli) targetingRm() *cobra.Command {
	return &cobra.Command{Use: "rm ID", Short: "Delete a targeting list that nothing uses", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		id, err := idArg("targeting list", "targeting ls", args[0])
		if err != nil {
			return err
		}
		cl, err := c.client()
		if err != nil {
			return err
		}
		if _, err := cl.call(cmd.Context(), http.MethodDelete, fmt.Sprintf("/v1/targeting/%d", id), nil, nil); err != nil {
			return err
		}
		return c.show(json.RawMessage(fmt.Sprintf(`{"deleted":%d}`, id)), func(w *tabwriter.Writer) {
			_, _ = fmt.Fprintf(w, "Targeting list %d is deleted; its contacts stay.\n", id)
		})
	}}
}

func (c *cli) targetingCount() *cobra.Command {
	var f ruleFlags
	var kind, channel string
	cmd := &cobra.Command{Use: "count [ID]", Short: "Count the contacts of a targeting list or a rule", Args: cobra.MaximumNArgs(1),
		Long:    "Counts the contacts of a targeting list, or of a rule that is not saved; with --kind or --channel also who can be reached, and why others can't.",
		Example: "  carillon targeting count 3 --kind email\n  carillon targeting count --file rule.json --channel news",
		RunE: func(cmd *cobra.Command, args []string) error {
			rule, err := f.read(c)
			if err != nil {
				return err
			}
			if (rule != nil) == (len(args) == 1) {
				return usagef("count a targeting list by its id, or a rule by --rule or --file")
			}
			cl, err := c.client()
			if err != nil {
				return err
			}
			by := api.CountBy{Kind: kind}
			if channel != "" {
				found, err := findChannel(cmd.Context(), cl, channel)
				if err != nil {
					return err
				}
				by.ChannelID = found.ID
			}
			var n api.AudienceCount
			var raw json.RawMessage
			if rule != nil {
				raw, err = cl.call(cmd.Context(), http.MethodPost, "/v1/targeting/count", api.CountInput{Rule: rule, CountBy: by}, &n)
			} else {
				var id int64
				if id, err = idArg("targeting list", "targeting ls", args[0]); err != nil {
					return err
				}
				q := url.Values{}
				if by.Kind != "" {
					q.Set("kind", by.Kind)
				}
				if by.ChannelID != 0 {
					q.Set("channel_id", fmt.Sprint(by.ChannelID))
				}
				raw, err = cl.call(cmd.Context(), http.MethodGet, fmt.Sprintf("/v1/targeting/%d/count?%s", id, q.Encode()), nil, &n)
			}
			if err != nil {
				return err
			}
			return c.show(raw, func(w *tabwriter.Writer) {
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
	return &cobra.Command{Use: "fields", Short: "List the fields that rules may talk about, with their operators", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		cl, err := c.client()
		if err != nil {
			return err
		}
		var all api.RuleFields
		raw, err := cl.call(cmd.Context(), http.MethodGet, "/v1/targeting/fields", nil, &all)
		if err != nil {
			return err
		}
		return c.show(raw, func(w *tabwriter.Writer) {
			_, _ = fmt.Fprintln(w, "FIELD\tCOMPARED AS\tINDEX\tOPERATORS")
			for _, f := range all.Fields {
				index := ""
				if f.Filterable {
					index = "yes"
				}
				_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", clean(f.Field), f.Comparison, index, strings.Join(f.Operators, " "))
			}
		})
	}}
}

func (c *cli) targetingContacts() *cobra.Command {
	var limit int
	cmd := &cobra.Command{Use: "contacts ID", Short: "List the contacts of a targeting list", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		id, err := idArg("targeting list", "targeting ls", args[0])
		if err != nil {
			return err
		}
		cl, err := c.client()
		if err != nil {
			return err
		}
		items, more, err := list[api.Contact](cmd.Context(), cl, fmt.Sprintf("/v1/targeting/%d/contacts", id), nil, limit)
		if err != nil {
			return err
		}
		return showList(c, items, more, "ID NAME EMAIL PHONE STATUS", func(p api.Contact) []any {
			return []any{p.ID, fullName(p), p.Addresses["email"], p.Addresses["phone"], p.Status}
		})
	}}
	limitFlag(cmd, &limit)
	return cmd
}
