package cli

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

// optOutReason is what --reason says of itself where an address is left alone.
const optOutReason = "why (default unsubscribed: campaigns skip the address, transactional messages still reach it)"

// consentFlags adds the flags that opt-in and opt-out share.
func (c *cli) consentFlags(cmd *cobra.Command, in *api.ConsentInput) {
	category := cmd.Flags().String("category", "", "only this category, by id or name (default everything)")
	cmd.PreRun = func(*cobra.Command, []string) { in.Category = ref(*category) }
	cmd.Flags().StringVar(&in.Kind, "kind", "", "kind of address, such as email (default the contact as a whole)")
	cmd.Flags().StringVar(&in.Source, "source", "", "where it comes from, such as web_form (default api)")
	cmd.Flags().StringVar(&in.Wording, "wording", "", "what the person was shown")
	cmd.Flags().StringVar(&in.Proof, "proof", "", "what shows that they did")
}

func (c *cli) optOut() *cobra.Command {
	var in api.OptOutInput
	cmd := c.consentCommand("opt-out", "Do not write to a contact any more", &in)
	cmd.Example = "  carillon contacts opt-out 7\n  carillon contacts opt-out 7 --category Offers --source phone_call --proof 'call of March 3'"
	c.consentFlags(cmd, &in.ConsentInput)
	cmd.Flags().StringVar(&in.Reason, "reason", "", optOutReason)
	return cmd
}

func (c *cli) optIn() *cobra.Command {
	var in api.OptInInput
	cmd := c.consentCommand("opt-in", "Write to a contact again", &in)
	c.consentFlags(cmd, &in.ConsentInput)
	cmd.Flags().BoolVar(&in.Force, "force", false, "lift bounces, complaints and what an operator suppressed, too; it is recorded")
	return cmd
}

// consentCommand posts in, which flags fill in, for a contact.
func (c *cli) consentCommand(verb, short string, in any) *cobra.Command {
	return onID(&cobra.Command{Use: verb + " ID", Short: short}, contactID, func(ctx context.Context, id int64) error {
		return show(ctx, c, post(contactsPath().id(id).below(verb), in), func(w *tabwriter.Writer, out api.ConsentResult) {
			fields(w, "Consent", out.Consent.ID, "Contact", id, "Changed", out.Changed)
			for _, p := range out.Suppressions {
				fields(w, "Suppressed", fmt.Sprintf("%s %s: %s", p.Kind, p.Address, p.Reason))
			}
		})
	})
}

func (c *cli) contactsConsents() *cobra.Command {
	var limit int
	cmd := &cobra.Command{Use: "consents ID", Short: "List what a contact agreed to and did not want any more"}
	limitFlag(cmd, &limit)
	return onID(cmd, contactID, func(ctx context.Context, id int64) error {
		return showList(ctx, c, contactsPath().id(id).below("consents"), limit,
			rows[api.Consent]{"ID AT ACTION KIND ADDRESS CATEGORY SOURCE ACTOR", func(r api.Consent) []any {
				return []any{r.ID, at(&r.At), r.Action, r.Kind, r.Address, idOrNone(r.CategoryID), r.Source, r.Actor}
			}})
	})
}
