package cli

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addContacts(root *cobra.Command) {
	root.AddCommand(group("contacts", "Look at contacts, change them, and keep away from them",
		c.contactsLs(), c.contactsShow(), c.contactsExport(), c.contactsCreate(), c.contactsSet(), c.contactsRm(), c.contactsMerge(), c.contactsBulk(),
		c.optOut(), c.optIn(), c.contactsConsents(), c.contactsErase(), c.contactsData()))
}

func (c *cli) contactsLs() *cobra.Command {
	var limit int
	var query, email, phone, address, status string
	var inGroup int64
	cmd := &cobra.Command{Use: "ls", Short: "List or search contacts", Args: cobra.NoArgs,
		Example: "  carillon contacts ls --search lovelace\n  carillon contacts ls --email ada@example.org\n  carillon contacts ls --group 3 --limit 1000 --output json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			q := url.Values{}
			for name, value := range map[string]string{"q": query, "email": email, "phone": phone, "status": status} {
				if value != "" {
					q.Set(name, value)
				}
			}
			if address != "" {
				kind, value, ok := strings.Cut(address, "=")
				if !ok {
					return usagef("--address %s: must be KIND=ADDRESS", address)
				}
				q.Set("kind", kind)
				q.Set("address", value)
			}
			if inGroup != 0 {
				q.Set("group", fmt.Sprint(inGroup))
			}
			items, more, err := list[api.Contact](cmd.Context(), cl, "/v1/contacts", q, limit)
			if err != nil {
				return err
			}
			return showList(c, items, more, "ID NAME EMAIL PHONE STATUS", func(p api.Contact) []any {
				return []any{p.ID, fullName(p), p.Addresses["email"], p.Addresses["phone"], p.Status}
			})
		}}
	limitFlag(cmd, &limit)
	cmd.Flags().StringVar(&query, "search", "", "what occurs in a name, the external id or an address")
	cmd.Flags().StringVar(&email, "email", "", "who has this address")
	cmd.Flags().StringVar(&phone, "phone", "", "who has this number")
	cmd.Flags().StringVar(&address, "address", "", "who has this address: KIND=ADDRESS, such as telegram=123456789")
	cmd.Flags().StringVar(&status, "status", "", "active, inactive, blocked or deleted (default all but deleted)")
	cmd.Flags().Int64Var(&inGroup, "group", 0, "members of this group, category, label or upload")
	return cmd
}

func fullName(p api.Contact) string {
	switch {
	case p.Name != "":
		return p.Name
	case p.FirstName != "" && p.LastName != "":
		return p.FirstName + " " + p.LastName
	}
	return p.FirstName + p.LastName
}

func (c *cli) contactsShow() *cobra.Command {
	return &cobra.Command{Use: "show ID", Short: "Show a contact", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		id, err := idArg("contact", "contacts ls", args[0])
		if err != nil {
			return err
		}
		cl, err := c.client()
		if err != nil {
			return err
		}
		var p api.Contact
		raw, err := cl.call(cmd.Context(), http.MethodGet, fmt.Sprintf("/v1/contacts/%d", id), nil, &p)
		if err != nil {
			return err
		}
		return c.show(raw, func(w *tabwriter.Writer) { contactTable(w, p) })
	}}
}
