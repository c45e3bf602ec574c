package cli

import (
	"context"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) contactsAddresses() *cobra.Command {
	return onID(&cobra.Command{Use: "addresses ID", Short: "List a contact's addresses, and how they were written"}, contactID,
		func(ctx context.Context, id int64) error {
			found, raw, err := ask[page[api.HeldAddress]](ctx, c, get(contactsPath().id(id).below("addresses")))
			if err != nil {
				return err
			}
			return c.print(raw, func(w *tabwriter.Writer) {
				if len(found.Items) == 0 {
					sayf(w, "The contact has none: carillon contacts set %d --email ADDRESS gives it one.\n", id)
					return
				}
				sayf(w, "KIND\tADDRESS\tWRITTEN\n")
				for _, a := range found.Items {
					sayf(w, "%s\t%s\t%s\n", a.Kind, clean(a.Address), clean(a.Written))
				}
			})
		})
}

func (c *cli) contactsWritten() *cobra.Command {
	return &cobra.Command{Use: "written ID KIND TEXT", Short: "Say how a contact's address is written", Args: cobra.ExactArgs(3),
		Long: `Says how an address is written, for programs that want to read a number as they wrote it; an empty text for as it is kept.
Messages go to the address as it is kept.`,
		Example: "  carillon contacts written 7 phone '0151 1234-5678'",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := contactID(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			where := contactsPath().id(id).below("addresses", args[1])
			return show(cmd.Context(), c, put(where, api.WrittenForm{Written: args[2]}), func(w *tabwriter.Writer, a api.HeldAddress) {
				fields(w, "Address", a.Address, "Written", a.Written)
			})
		}}
}

func (c *cli) contactsValue() *cobra.Command {
	cmd := &cobra.Command{Use: "value PROPERTY VALUE CONTACT...", Short: "Give several contacts a value of a property", Args: cobra.MinimumNArgs(3),
		Long:    "Gives contacts a value of a property, all of them or none; an empty one takes it away. By a rule or a list, carillon contacts bulk does.",
		Example: "  carillon contacts value plan plus 7 8 9",
		RunE: func(cmd *cobra.Command, args []string) error {
			values, err := c.attributeValues(cmd.Context(), []string{args[0] + "=" + args[1]})
			if err != nil {
				return err
			}
			in := api.SharedValue{Property: args[0], Value: values[args[0]]}
			for _, arg := range args[2:] {
				id, err := contactID(cmd.Context(), arg)
				if err != nil {
					return err
				}
				in.Contacts = append(in.Contacts, id)
			}
			return show(cmd.Context(), c, post(contactsPath().below("values"), in), func(w *tabwriter.Writer, n api.MembersChanged) {
				fields(w, "Contacts changed", strconv.FormatInt(n.Changed, 10))
			})
		}}
	return cmd
}
