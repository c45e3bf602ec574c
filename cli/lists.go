package cli

import (
	"context"
	"fmt"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"carillon/api"
)

// listKind is a kind of list with the words of its commands.
type listKind struct {
	noun, plural, short, add, remove string
}

func (l listKind) path() path { return v1(l.plural) }

// listID reads an argument that names a list of a kind by its id or name.
func (c *cli) listID(l listKind) idReader {
	return c.reader(noun{one: l.noun, list: l.plural + " ls", path: l.path()})
}

// table prints a list of this kind.
func (l listKind) table(w *tabwriter.Writer, i api.List) {
	slot := ""
	if i.Slot > 0 {
		slot = strconv.Itoa(i.Slot)
	}
	fields(w, "Id of the "+l.noun, i.ID, "Name", i.Name, "Called", i.Called, "Description", i.Description, "Number", slot,
		"Color", i.Color, "Text color", i.TextColor,
		"Members", i.Members)
}

func (c *cli) addLists(root *cobra.Command) {
	for _, l := range []listKind{
		{"group", "groups", "Keep groups of contacts", "Put contacts into a group", "Take contacts out of a group"},
		{"category", "categories", "Keep categories that contacts subscribe to", "Subscribe contacts to a category; it is recorded as a consent",
			"Unsubscribe contacts; binds at once"},
		{"label", "labels", "Keep labels of contacts", "Put a label on contacts", "Take a label off contacts"},
	} {
		root.AddCommand(group(l.plural, l.short, c.listsLs(l), c.listsCreate(l), c.listsSet(l), c.listsRm(l), c.listsMembers(l),
			c.listsChange(l, &cobra.Command{Use: "add", Short: l.add}, "members"),
			c.listsChange(l, &cobra.Command{Use: "remove", Short: l.remove}, "members", "remove")))
	}
}

func (c *cli) listsLs(l listKind) *cobra.Command {
	return lists(c, &cobra.Command{Use: "ls", Short: "List " + l.plural}, l.path,
		rows[api.List]{"ID NAME MEMBERS CREATED DESCRIPTION", func(i api.List) []any {
			return []any{i.ID, i.Name, i.Members, at(&i.CreatedAt), i.Description}
		}})
}

// colors are how a label is shown; other lists have none.
type colors struct{ color, text string }

func (l listKind) colors(flags *pflag.FlagSet) *colors {
	f := &colors{}
	if l.noun == "label" {
		flags.StringVar(&f.color, "color", "", "its color: six hexadecimal digits such as FF9300")
		flags.StringVar(&f.text, "text-color", "", "the color of its name")
	}
	return f
}

func (c *cli) listsCreate(l listKind) *cobra.Command {
	var description string
	var alike bool
	var shown *colors
	cmd := &cobra.Command{Use: "create NAME", Short: "Create a " + l.noun, Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		in := api.ListInput{Name: args[0], Description: description, Color: shown.color, TextColor: shown.text, Alike: alike}
		return show(cmd.Context(), c, post(l.path(), in), l.table)
	}}
	shown = l.colors(cmd.Flags())
	cmd.Flags().BoolVar(&alike, "alike", false, "also where another has its name: then its own gets a number")
	cmd.Flags().StringVar(&description, "description", "", "what it is for")
	return cmd
}

func (c *cli) listsSet(l listKind) *cobra.Command {
	var name, description string
	var alike bool
	cmd := &cobra.Command{Use: "set ID", Short: "Rename or describe a " + l.noun}
	flags := cmd.Flags()
	flags.StringVar(&name, "name", "", "new name")
	flags.BoolVar(&alike, "alike", false, "also where another has that name: then its own gets a number")
	flags.StringVar(&description, "description", "", "what it is for")
	shown := l.colors(flags)
	one := []string{"name", "description"}
	if l.noun == "label" {
		one = append(one, "color", "text-color")
	}
	cmd.MarkFlagsOneRequired(one...)
	return onID(cmd, c.listID(l), func(ctx context.Context, id int64) error {
		in := api.ListChange{Alike: alike}
		if flags.Changed("name") {
			in.Name = &name
		}
		if flags.Changed("description") {
			in.Description = api.Given(description)
		}
		if flags.Changed("color") {
			in.Color = api.Given(shown.color)
		}
		if flags.Changed("text-color") {
			in.TextColor = api.Given(shown.text)
		}
		return show(ctx, c, patch(l.path().id(id), in), l.table)
	})
}

func (c *cli) listsRm(l listKind) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{Use: "rm ID", Short: "Delete a " + l.noun + "; its contacts stay"}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return onID(cmd, c.listID(l), func(ctx context.Context, id int64) error {
		if !yes {
			found, _, err := ask[api.List](ctx, c, get(l.path().id(id)))
			if err != nil {
				return err
			}
			sayf(c.err, "The %s %s has %d members, who stay.\n", l.noun, clean(found.Name), found.Members)
			if err := c.confirm("Delete it? [y/N] "); err != nil {
				return err
			}
		}
		return c.do(ctx, remove(l.path().id(id)))
	})
}

func (c *cli) listsMembers(l listKind) *cobra.Command {
	var limit int
	cmd := &cobra.Command{Use: "members ID", Short: "List the contacts of a " + l.noun}
	limitFlag(cmd, &limit)
	return onID(cmd, c.listID(l), func(ctx context.Context, id int64) error {
		return showList(ctx, c, l.path().id(id).below("members"), limit, contactRows())
	})
}

// listsChange makes cmd the command that posts contacts to a place below a list.
func (c *cli) listsChange(l listKind, cmd *cobra.Command, place ...string) *cobra.Command {
	cmd.Example = fmt.Sprintf("  carillon %s %s 3 7 8 9", l.plural, cmd.Use)
	cmd.Use += " ID CONTACT..."
	cmd.Args = cobra.MinimumNArgs(2)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := c.listID(l)(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		var in api.Members
		for _, arg := range args[1:] {
			contact, err := contactID(cmd.Context(), arg)
			if err != nil {
				return err
			}
			in.Contacts = append(in.Contacts, contact)
		}
		return show(cmd.Context(), c, post(l.path().id(id).below(place...), in), func(w *tabwriter.Writer, out api.MembersChanged) {
			fields(w, "Contacts changed", out.Changed)
		})
	}
	return cmd
}
