package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addContacts(root *cobra.Command) {
	root.AddCommand(group("contacts", "Look at contacts, change them, and keep away from them",
		c.contactsLs(), c.contactsShow(), c.contactsExport(), c.contactsCreate(), c.contactsSet(), c.contactsRm(), c.contactsMerge(), c.contactsBulk(),
		c.contactsAddresses(), c.contactsWritten(), c.contactsValue(), c.optOut(), c.optIn(), c.contactsConsents(), c.contactsErase(), c.contactsData()))
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
	var order string
	var page int
	cmd := &cobra.Command{Use: "ls", Short: "List or search contacts",
		Long: `Lists contacts in the order of their ids. With --order or --page it shows one page of --limit contacts,
and says how many there are in all; who has neither an address nor an external id is on none.`,
		Example: `  carillon contacts ls --search lovelace
  carillon contacts ls --order -last_activity_at --page 2
  carillon contacts ls --email ada@example.org
  carillon contacts ls --group Customers --limit 1000 --output json`}
	limitFlag(cmd, &limit)
	cmd.Flags().StringVar(&search, "search", "", "what occurs in a name, the external id or an address")
	cmd.Flags().StringVar(&email, "email", "", "who has this address")
	cmd.Flags().StringVar(&phone, "phone", "", "who has this number")
	cmd.Flags().StringVar(&address, "address", "", "who has this address: KIND=ADDRESS, such as telegram=123456789")
	cmd.Flags().StringVar(&status, "status", "", "active, inactive, blocked or deleted (default all but deleted)")
	cmd.Flags().StringVar(&inGroup, "group", "", "members of this group, category, label or upload, by id or name")
	cmd.Flags().StringVar(&order, "order", "", "id, name, email, phone, last_activity_at or attributes.KEY; with - before it the other way")
	cmd.Flags().IntVar(&page, "page", 0, "which page of --limit contacts, from 1")
	return plain(cmd, func(ctx context.Context) error {
		kind, value, ok := strings.Cut(address, "=")
		if address != "" && !ok {
			return usagef("--address %s: must be KIND=ADDRESS", address)
		}
		q := query{"q": search, "email": email, "phone": phone, "status": status, "kind": kind, "address": value, "group": inGroup}
		if order == "" && page == 0 {
			return showList(ctx, c, contactsPath().with(q), limit, contactRows())
		}
		q["order"], q["page"] = order, max(1, page)
		return c.contactsTurn(ctx, q, limit)
	})
}

// contactsTurn shows one page of so many contacts, and which it is.
func (c *cli) contactsTurn(ctx context.Context, q query, size int) error {
	q["limit"] = strconv.Itoa(size) // a text: 0 is not left out
	found, _, err := ask[api.ContactPage](ctx, c, get(contactsPath().with(q)))
	if err != nil {
		return err
	}
	if c.output == "json" {
		raw, err := json.Marshal(map[string]any{"items": found.Items, "total": found.Total})
		if err != nil {
			return fmt.Errorf("print list: %w", err)
		}
		return c.print(raw, nil)
	}
	if err := printList(c, found.Items, false, contactRows()); err != nil || found.Total == nil {
		return err
	}
	pages := max(1, (*found.Total+int64(size)-1)/int64(size))
	sayf(c.err, "Page %d of %d; %d contacts in all.\n", q["page"], pages, *found.Total)
	return nil
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
