package cli

import (
	"fmt"
	"net/http"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

// consentFlags adds the flags that opt-in and opt-out share.
func consentFlags(cmd *cobra.Command, in *api.ConsentInput) {
	cmd.Flags().StringVar(&in.Kind, "kind", "", "kind of address, such as email (default the contact as a whole)")
	cmd.Flags().Int64Var(&in.CategoryID, "category", 0, "only this category, by its id (default everything)")
	cmd.Flags().StringVar(&in.Source, "source", "", "where it comes from, such as web_form (default api)")
	cmd.Flags().StringVar(&in.Wording, "wording", "", "what the person was shown")
	cmd.Flags().StringVar(&in.Proof, "proof", "", "what shows that they did")
}

func (c *cli) optOut() *cobra.Command {
	var in api.OptOutInput
	cmd := c.consentCommand("opt-out", "Do not write to a contact any more", &in)
	cmd.Example = "  carillon contacts opt-out 7\n  carillon contacts opt-out 7 --category 3 --source phone_call --proof 'call of March 3'"
	consentFlags(cmd, &in.ConsentInput)
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why (default unsubscribed: campaigns skip the address, transactional messages still reach it)")
	return cmd
}

func (c *cli) optIn() *cobra.Command {
	var in api.OptInInput
	cmd := c.consentCommand("opt-in", "Write to a contact again", &in)
	consentFlags(cmd, &in.ConsentInput)
	cmd.Flags().BoolVar(&in.Force, "force", false, "lift bounces, complaints and what an operator suppressed, too; it is recorded")
	return cmd
}

func (c *cli) consentCommand(verb, short string, in any) *cobra.Command {
	return &cobra.Command{Use: verb + " ID", Short: short, Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		id, err := idArg("contact", "contacts ls", args[0])
		if err != nil {
			return err
		}
		cl, err := c.client()
		if err != nil {
			return err
		}
		var out api.ConsentResult
		raw, err := cl.call(cmd.Context(), http.MethodPost, fmt.Sprintf("/v1/contacts/%d/%s", id, verb), in, &out)
		if err != nil {
			return err
		}
		return c.show(raw, func(w *tabwriter.Writer) {
			fields(w, "Consent", out.Consent.ID, "Contact", id, "Changed", out.Changed)
			for _, p := range out.Suppressions {
				fields(w, "Suppressed", fmt.Sprintf("%s %s: %s", p.Kind, p.Address, p.Reason))
			}
		})
	}}
}

func (c *cli) contactsConsents() *cobra.Command {
	var limit int
	cmd := &cobra.Command{Use: "consents ID", Short: "List what a contact agreed to and did not want any more", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		id, err := idArg("contact", "contacts ls", args[0])
		if err != nil {
			return err
		}
		cl, err := c.client()
		if err != nil {
			return err
		}
		items, more, err := list[api.Consent](cmd.Context(), cl, fmt.Sprintf("/v1/contacts/%d/consents", id), nil, limit)
		if err != nil {
			return err
		}
		return showList(c, items, more, "ID AT ACTION KIND ADDRESS CATEGORY SOURCE ACTOR", func(r api.Consent) []any {
			return []any{r.ID, at(&r.At), r.Action, r.Kind, r.Address, idOrNone(r.CategoryID), r.Source, r.Actor}
		})
	}}
	limitFlag(cmd, &limit)
	return cmd
}
