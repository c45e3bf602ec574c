package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"carillon/api"
)

func (c *cli) addProperties(root *cobra.Command) {
	root.AddCommand(group("properties", "Define the typed custom fields of contacts",
		c.propertiesLs(), c.propertiesCreate(), c.propertiesSet(), c.propertiesRm()))
}

func propertiesPath() path { return v1("properties") }

func (c *cli) propertiesLs() *cobra.Command {
	return plain(&cobra.Command{Use: "ls", Short: "List properties"}, func(ctx context.Context) error {
		all, _, err := ask[page[api.Property]](ctx, c, get(propertiesPath()))
		if err != nil {
			return err
		}
		return printList(c, all.Items, false, rows[api.Property]{"KEY TYPE RULE DEFAULT STAYS LABEL NOTES", func(p api.Property) []any {
			stays := "for ever"
			if p.ExpiresSeconds > 0 {
				stays = seconds(float64(p.ExpiresSeconds))
			}
			var notes []string
			for _, note := range []struct {
				is   bool
				name string
			}{{p.Filterable, "filterable"}, {p.Hidden, "hidden"}, {!p.Editable, "not editable"}} {
				if note.is {
					notes = append(notes, note.name)
				}
			}
			return []any{p.Key, p.Type, p.Rule, valueText(p.Default), stays, p.Label, strings.Join(notes, ", ")}
		}})
	})
}

// valueText shows a property's value as JSON has it, texts without quotes.
func valueText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// propertyFlags are the flags that say what a property is made of.
type propertyFlags struct {
	name, label                  string
	typ, rule, fallback          string
	expires                      int64
	editable, hidden, filterable bool
	position                     int
}

func (f *propertyFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.typ, "type", "", "text, word, number, currency, percent, checkbox, date, time, enum, list, collection, link or location")
	flags.StringVar(&f.rule, "rule", "", `what values keep to: bounds such as ">=2 <=9" (for texts: of the length), or the values that there are: a,b,c`)
	flags.StringVar(&f.name, "name", "", "how files and other APIs write it, such as Hair-Color; its key if it is empty")
	flags.StringVar(&f.label, "label", "", "what people read")
	flags.StringVar(&f.fallback, "default", "", "what new contacts get, as JSON; anything else is taken as a text")
	flags.Int64Var(&f.expires, "expires", -1, "seconds that a value stays once it is written; -1 for ever")
	flags.BoolVar(&f.editable, "editable", true, "forms let people change it")
	flags.BoolVar(&f.hidden, "hidden", false, "forms and lists leave it out")
	flags.BoolVar(&f.filterable, "filterable", false, "an index makes rules over it fast")
	flags.IntVar(&f.position, "position", 0, "place in lists")
}

// input is what was said, and nothing else.
func (f *propertyFlags) input(flags *pflag.FlagSet) api.PropertyFields {
	var in api.PropertyFields
	if flags.Changed("type") {
		in.Type = &f.typ
	}
	if flags.Changed("rule") {
		in.Rule = api.Given(f.rule)
	}
	if flags.Changed("name") {
		in.Name = api.Given(f.name)
	}
	if flags.Changed("label") {
		in.Label = api.Given(f.label)
	}
	if flags.Changed("default") {
		in.Default = api.Given(jsonOrText(f.fallback))
	}
	if flags.Changed("expires") {
		in.ExpiresSeconds = api.Given(f.expires)
	}
	for name, flag := range map[string]struct {
		to   **bool
		from *bool
	}{"editable": {&in.Editable, &f.editable}, "hidden": {&in.Hidden, &f.hidden}, "filterable": {&in.Filterable, &f.filterable}} {
		if flags.Changed(name) {
			*flag.to = flag.from
		}
	}
	if flags.Changed("position") {
		in.Position = &f.position
	}
	return in
}

// jsonOrText reads a value as JSON; what is none is a text. Numbers keep their
// digits.
func jsonOrText(s string) any {
	if json.Valid([]byte(s)) {
		return json.RawMessage(s)
	}
	return s
}

func (c *cli) propertiesCreate() *cobra.Command {
	var f propertyFlags
	cmd := &cobra.Command{Use: "create KEY", Short: "Create a property", Args: cobra.ExactArgs(1),
		Example: `  carillon properties create age --type number --rule '>=0 <=130'
  carillon properties create plan --type enum --rule free,plus,team --default free --filterable`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(cmd.Context(), c, post(propertiesPath(), api.PropertyInput{Key: args[0], PropertyFields: f.input(cmd.Flags())}), propertyTable)
		}}
	f.add(cmd.Flags())
	_ = cmd.MarkFlagRequired("type") // the flag exists
	return cmd
}

func propertyTable(w *tabwriter.Writer, p api.Property) {
	fields(w, "Property", p.Key, "Type", p.Type, "Rule", p.Rule, "Name", p.Name, "Label", p.Label, "Default", valueText(p.Default))
}

func (c *cli) propertiesSet() *cobra.Command {
	var f propertyFlags
	var dryRun bool
	cmd := &cobra.Command{Use: "set KEY", Short: "Change a property; values are converted", Args: cobra.ExactArgs(1),
		Long:    "Another type or rule converts every value, or none if one can't be: --dry-run shows which.",
		Example: "  carillon properties set age --type text --dry-run",
		RunE: func(cmd *cobra.Command, args []string) error {
			change := patch(propertyPath(args[0], dryRun), f.input(cmd.Flags()))
			return show(cmd.Context(), c, change, func(w *tabwriter.Writer, out api.PropertyChanged) {
				propertyTable(w, out.Property)
				effectTable(w, out.Effect, dryRun)
			})
		}}
	f.add(cmd.Flags())
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "change nothing and show what would be changed")
	return cmd
}

func propertyPath(key string, dryRun bool) path {
	return propertiesPath().below(key).with(query{"dry_run": dryRun})
}

func effectTable(w *tabwriter.Writer, e api.PropertyEffect, dryRun bool) {
	verb := "Converted"
	if dryRun {
		verb = "Would be converted"
	}
	fields(w, "Contacts with a value", e.Values, verb, e.Converted)
	if e.JobID != 0 {
		fields(w, "Goes on as job", fmt.Sprintf("%d: carillon jobs show %d --watch", e.JobID, e.JobID))
	}
	if e.Refused == 0 {
		return
	}
	fields(w, "Can't be converted", e.Refused)
	for _, x := range e.Examples {
		fields(w, fmt.Sprintf("  contact %d", x.ContactID), fmt.Sprintf("%s: %s", valueText(x.Value), x.Reason))
	}
}

func (c *cli) propertiesRm() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{Use: "rm KEY", Short: "Delete a property and all its values", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			effect, _, err := ask[api.PropertyEffect](cmd.Context(), c, remove(propertyPath(args[0], true)))
			if err != nil {
				return err
			}
			if !yes {
				sayf(c.err, "%d contacts have a value of %s, which would be gone for good.\n", effect.Values, clean(args[0]))
				if err := c.confirm("Delete it? [y/N] "); err != nil {
					return err
				}
			}
			return show(cmd.Context(), c, remove(propertyPath(args[0], false)), func(w *tabwriter.Writer, effect api.PropertyEffect) {
				fields(w, "Property", args[0]+" deleted", "Values deleted", effect.Values)
			})
		}}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}
