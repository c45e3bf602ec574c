package cli

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

// listCommands are the words of the commands on one kind of list.
type listCommands struct {
	noun, plural, short, add, remove string
}

func (c *cli) addLists(root *cobra.Command) {
	for _, l := range []listCommands{
		{"group", "groups", "Keep groups of contacts", "Put contacts into a group", "Take contacts out of a group"},
		{"category", "categories", "Keep categories that contacts subscribe to", "Subscribe contacts to a category; it is recorded as a consent", "Unsubscribe contacts; binds at once"},
		{"label", "labels", "Keep labels of contacts", "Put a label on contacts", "Take a label off contacts"},
	} {
		root.AddCommand(group(l.plural, l.short, c.listsLs(l), c.listsCreate(l), c.listsSet(l), c.listsRm(l), c.listsMembers(l),
			c.listsChange(l, "add", l.add, "/members"), c.listsChange(l, "remove", l.remove, "/members/remove")))
	}
}

func (c *cli) listsLs(l listCommands) *cobra.Command {
	var limit int
	cmd := &cobra.Command{Use: "ls", Short: "List " + l.plural, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		cl, err := c.client()
		if err != nil {
			return err
		}
		items, more, err := list[api.List](cmd.Context(), cl, "/v1/"+l.plural, nil, limit)
		if err != nil {
			return err
		}
		return showList(c, items, more, "ID NAME MEMBERS CREATED DESCRIPTION", func(i api.List) []any {
			return []any{i.ID, i.Name, i.Members, at(&i.CreatedAt), i.Description}
		})
	}}
	limitFlag(cmd, &limit)
	return cmd
}

func listTable(w *tabwriter.Writer, l listCommands, i api.List) {
	fields(w, "Id of the "+l.noun, i.ID, "Name", i.Name, "Description", i.Description, "Members", i.Members)
}

func (c *cli) listsCreate(l listCommands) *cobra.Command {
	var description string
	cmd := &cobra.Command{Use: "create NAME", Short: "Create a " + l.noun, Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		cl, err := c.client()
		if err != nil {
			return err
		}
		var made api.List
		raw, err := cl.call(cmd.Context(), http.MethodPost, "/v1/"+l.plural, api.ListInput{Name: args[0], Description: description}, &made)
		if err != nil {
			return err
		}
		return c.show(raw, func(w *tabwriter.Writer) { listTable(w, l, made) })
	}}
	cmd.Flags().StringVar(&description, "description", "", "what it is for")
	return cmd
}

// listPath reads the argument that names a list by its id.
func listPath(l listCommands, arg string) (string, error) {
	id, err := idArg(l.noun, l.plural+" ls", arg)
	return "/v1/" + l.plural + "/" + strconv.FormatInt(id, 10), err
}

func (c *cli) listsSet(l listCommands) *cobra.Command {
	var name, description string
	cmd := &cobra.Command{Use: "set ID", Short: "Rename or describe a " + l.noun, Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		path, err := listPath(l, args[0])
		if err != nil {
			return err
		}
		cl, err := c.client()
		if err != nil {
			return err
		}
		var in api.ListChange
		if cmd.Flags().Changed("name") {
			in.Name = &name
		}
		if cmd.Flags().Changed("description") {
			in.Description = api.Given(description)
		}
		var changed api.List
		raw, err := cl.call(cmd.Context(), http.MethodPatch, path, in, &changed)
		if err != nil {
			return err
		}
		return c.show(raw, func(w *tabwriter.Writer) { listTable(w, l, changed) })
	}}
	cmd.Flags().StringVar(&name, "name", "", "new name")
	cmd.Flags().StringVar(&description, "description", "", "what it is for")
	cmd.MarkFlagsOneRequired("name", "description")
	return cmd
}

func (c *cli) listsRm(l listCommands) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{Use: "rm ID", Short: "Delete a " + l.noun + "; its contacts stay", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		path, err := listPath(l, args[0])
		if err != nil {
			return err
		}
		cl, err := c.client()
		if err != nil {
			return err
		}
		if !yes {
			var shown api.List
			if _, err := cl.call(cmd.Context(), http.MethodGet, path, nil, &shown); err != nil {
				return err
			}
			sayf(c.err, "The %s %s has %d members, who stay.\n", l.noun, clean(shown.Name), shown.Members)
			if err := c.confirm("Delete it? [y/N] "); err != nil {
				return err
			}
		}
		_, err = cl.call(cmd.Context(), http.MethodDelete, path, nil, nil)
		return err
	}}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func (c *cli) listsMembers(l listCommands) *cobra.Command {
	var limit int
	cmd := &cobra.Command{Use: "members ID", Short: "List the contacts of a " + l.noun, Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		path, err := listPath(l, args[0])
		if err != nil {
			return err
		}
		cl, err := c.client()
		if err != nil {
			return err
		}
		items, more, err := list[api.Contact](cmd.Context(), cl, path+"/members", url.Values{}, limit)
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

func (c *cli) listsChange(l listCommands, verb, short, suffix string) *cobra.Command {
	return &cobra.Command{Use: verb + " ID CONTACT...", Short: short, Args: cobra.MinimumNArgs(2),
		Example: fmt.Sprintf("  carillon %s %s 3 7 8 9", l.plural, verb),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := listPath(l, args[0])
			if err != nil {
				return err
			}
			var in api.Members
			for _, arg := range args[1:] {
				id, err := idArg("contact", "contacts ls", arg)
				if err != nil {
					return err
				}
				in.Contacts = append(in.Contacts, id)
			}
			cl, err := c.client()
			if err != nil {
				return err
			}
			var out api.MembersChanged
			raw, err := cl.call(cmd.Context(), http.MethodPost, path+suffix, in, &out)
			if err != nil {
				return err
			}
			return c.show(raw, func(w *tabwriter.Writer) { fields(w, "Contacts changed", out.Changed) })
		}}
}
