package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addContacts(root *cobra.Command) {
	root.AddCommand(group("contacts", "Look at contacts, change them, and keep away from them",
		c.contactsLs(), c.contactsShow(), c.contactsExport(), c.contactsCreate(), c.contactsSet(), c.contactsRm(), c.contactsMerge(), c.contactsBulk(),
		c.optOut(), c.optIn(), c.contactsConsents(), c.contactsErase(), c.contactsData()))
}

func contactsPath() path { return v1("contacts") }

// contactID reads an argument that is the id of a contact.
func contactID(ctx context.Context, arg string) (int64, error) {
	return idOf("contact", "contacts ls")(ctx, arg)
}

func contactRows() rows[api.Contact] {
	return rows[api.Contact]{"ID NAME EMAIL PHONE STATUS", func(p api.Contact) []any {
		return []any{p.ID, fullName(p), p.Addresses["email"], p.Addresses["phone"], p.Status}
	}}
}

func (c *cli) contactsLs() *cobra.Command {
	var limit int
	var search, email, phone, address, status string
	var inGroup string
	cmd := &cobra.Command{Use: "ls", Short: "List or search contacts", Example: `  carillon contacts ls --search lovelace
  carillon contacts ls --email ada@example.org
  carillon contacts ls --group Customers --limit 1000 --output json`}
	limitFlag(cmd, &limit)
	cmd.Flags().StringVar(&search, "search", "", "what occurs in a name, the external id or an address")
	cmd.Flags().StringVar(&email, "email", "", "who has this address")
	cmd.Flags().StringVar(&phone, "phone", "", "who has this number")
	cmd.Flags().StringVar(&address, "address", "", "who has this address: KIND=ADDRESS, such as telegram=123456789")
	cmd.Flags().StringVar(&status, "status", "", "active, inactive, blocked or deleted (default all but deleted)")
	cmd.Flags().StringVar(&inGroup, "group", "", "members of this group, category, label or upload, by id or name")
	return plain(cmd, func(ctx context.Context) error {
		kind, value, ok := strings.Cut(address, "=")
		if address != "" && !ok {
			return usagef("--address %s: must be KIND=ADDRESS", address)
		}
		members, err := c.listNamed(ctx, inGroup, aGroup, aCategory, aLabel, anUpload)
		if err != nil {
			return err
		}
		return showList(ctx, c, contactsPath().with(query{
			"q": search, "email": email, "phone": phone, "status": status, "kind": kind, "address": value, "group": members,
		}), limit, contactRows())
	})
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
	return onID(&cobra.Command{Use: "show ID", Short: "Show a contact"}, contactID, func(ctx context.Context, id int64) error {
		return show(ctx, c, get(contactsPath().id(id)), contactTable)
	})
}
