package cli

import (
	"context"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"carillon/api"
)

func (c *cli) addAttributes(root *cobra.Command) {
	root.AddCommand(group("attributes", "What people are shown of the attributes of contacts and conversations",
		c.attributesLs(), c.attributesShow(), c.attributesCreate(), c.attributesSet(), c.attributesRm()))
}

func attributesPath() path { return v1("attributes") }

// attributeID reads an argument that is the id of an attribute.
func attributeID(ctx context.Context, arg string) (int64, error) {
	return idOf("attribute", "attributes ls")(ctx, arg)
}

func (c *cli) attributesLs() *cobra.Command {
	return plain(&cobra.Command{Use: "ls", Short: "List attributes",
		Long: `Lists what people are shown of attributes. Each of contacts has a property for its values (carillon properties);
those of conversations are kept for programs.`}, func(ctx context.Context) error {
		return showAll(ctx, c, attributesPath(), hinted[api.Definition]{
			rows[api.Definition]{"ID OF KEY NAME DISPLAY PROPERTY DESCRIPTION", func(d api.Definition) []any {
				return []any{d.ID, d.Model, d.Key, d.Name, d.Display, d.Property, d.Description}
			}}, "There is none: carillon attributes create KEY makes one, and so does carillon properties create.",
		})
	})
}

func attributeTable(w *tabwriter.Writer, d api.Definition) {
	fields(w, "Attribute", d.ID, "Of", d.Model, "Key", d.Key, "Property", d.Property, "Name", d.Name, "Display", d.Display,
		"Description", d.Description, "Choices", strings.Join(d.Choices, ", "), "Pattern", d.Pattern, "Cue", d.Cue)
}

func (c *cli) attributesShow() *cobra.Command {
	return onID(&cobra.Command{Use: "show ID", Short: "Show an attribute"}, attributeID, func(ctx context.Context, id int64) error {
		return show(ctx, c, get(attributesPath().id(id)), attributeTable)
	})
}

// attributeFlags are what people are shown of an attribute.
type attributeFlags struct {
	name, display, description, pattern, cue string
	choices                                  []string
}

func (f *attributeFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.name, "name", "", "what people read")
	flags.StringVar(&f.display, "display", "", "how it is shown: text, number, currency, percent, link, date, list or checkbox")
	flags.StringVar(&f.description, "description", "", "what it is for")
	flags.StringArrayVar(&f.choices, "choice", nil, "a value that people are offered in a list; may be repeated")
	flags.StringVar(&f.pattern, "pattern", "", "a regular expression for those who have it entered; values are not held to it")
	flags.StringVar(&f.cue, "cue", "", "what they say of it")
}

// input is what was said, and nothing else.
func (f *attributeFlags) input(flags *pflag.FlagSet) api.DefinitionFields {
	var in api.DefinitionFields
	for name, text := range map[string]struct {
		to   *api.Optional[string]
		from string
	}{"name": {&in.Name, f.name}, "description": {&in.Description, f.description}, "pattern": {&in.Pattern, f.pattern}, "cue": {&in.Cue, f.cue}} {
		if flags.Changed(name) {
			*text.to = api.Given(text.from)
		}
	}
	if flags.Changed("display") {
		in.Display = &f.display
	}
	if flags.Changed("choice") {
		in.Choices = &f.choices
	}
	return in
}

func (c *cli) attributesCreate() *cobra.Command {
	var f attributeFlags
	var model string
	cmd := &cobra.Command{Use: "create KEY", Short: "Create an attribute, and one of contacts with its property", Args: cobra.ExactArgs(1),
		Example: `  carillon attributes create Shoe-Size --name 'Shoe size' --display number
  carillon attributes create topic --of conversation --display list --choice refund --choice praise`,
		RunE: func(cmd *cobra.Command, args []string) error {
			in := api.DefinitionInput{Model: model, Key: args[0], DefinitionFields: f.input(cmd.Flags())}
			return show(cmd.Context(), c, post(attributesPath(), in), attributeTable)
		}}
	f.add(cmd.Flags())
	cmd.Flags().StringVar(&model, "of", "contact", "contact or conversation")
	return cmd
}

func (c *cli) attributesSet() *cobra.Command {
	var f attributeFlags
	cmd := &cobra.Command{Use: "set ID", Short: "Change what people are shown of an attribute",
		Long:    "Changes what people are shown. Another display may convert the property's values; if one can't be, nothing is changed.",
		Example: "  carillon attributes set 3 --description 'European sizes' --display text"}
	f.add(cmd.Flags())
	cmd.MarkFlagsOneRequired("name", "display", "description", "choice", "pattern", "cue")
	return onID(cmd, attributeID, func(ctx context.Context, id int64) error {
		return show(ctx, c, patch(attributesPath().id(id), f.input(cmd.Flags())), attributeTable)
	})
}

func (c *cli) attributesRm() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{Use: "rm ID", Short: "Delete an attribute, and one of contacts with its property and all its values"}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return onID(cmd, attributeID, func(ctx context.Context, id int64) error {
		if !yes {
			d, _, err := ask[api.Definition](ctx, c, get(attributesPath().id(id)))
			if err != nil {
				return err
			}
			if d.Property != "" {
				sayf(c.err, "The property %s and all its values would be gone for good.\n", clean(d.Property))
			}
			if err := c.confirm("Delete it? [y/N] "); err != nil {
				return err
			}
		}
		return c.do(ctx, remove(attributesPath().id(id)))
	})
}
