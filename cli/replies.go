package cli

import (
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addReplies(root *cobra.Command) {
	root.AddCommand(group("replies", "What people wrote back", c.repliesLs(), c.repliesReview()))
}

func (c *cli) repliesLs() *cobra.Command {
	var limit int
	var review bool
	var meaning string
	var contact int64
	cmd := &cobra.Command{Use: "ls", Short: "List replies, newest first", Args: cobra.NoArgs, Example: "  carillon replies ls --review",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			q := url.Values{}
			if review {
				q.Set("review", "true")
			}
			if meaning != "" {
				q.Set("meaning", meaning)
			}
			if contact != 0 {
				q.Set("contact_id", fmt.Sprint(contact))
			}
			items, more, err := list[api.Reply](cmd.Context(), cl, "/v1/replies", q, limit)
			if err != nil {
				return err
			}
			return showList(c, items, more, "ID AT CONTACT ADDRESS MEANING TEXT", func(r api.Reply) []any {
				return []any{r.ID, at(&r.At), idOrNone(r.ContactID), r.Address, r.Meaning, r.Text}
			})
		}}
	limitFlag(cmd, &limit)
	cmd.Flags().BoolVar(&review, "review", false, "only those that a person has to read")
	cmd.Flags().StringVar(&meaning, "meaning", "", "only those that mean opt_out, opt_in, help, near or other")
	cmd.Flags().Int64Var(&contact, "contact", 0, "only those of this contact")
	return cmd
}

func (c *cli) repliesReview() *cobra.Command {
	return &cobra.Command{Use: "review ID MEANING", Short: "Say what a reply means: opt_out, opt_in, help or other", Args: cobra.ExactArgs(2),
		Long:    "Says what a reply means that is only near a word to opt out or in, and carries it out.",
		Example: "  carillon replies review 12 opt_out",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := idArg("reply", "replies ls", args[0])
			if err != nil {
				return err
			}
			cl, err := c.client()
			if err != nil {
				return err
			}
			var r api.Reply
			raw, err := cl.call(cmd.Context(), http.MethodPost, fmt.Sprintf("/v1/replies/%d/review", id), api.Review{Meaning: args[1]}, &r)
			if err != nil {
				return err
			}
			return c.show(raw, func(w *tabwriter.Writer) {
				fields(w, "Reply", r.ID, "Contact", idOrNone(r.ContactID), "Meaning", r.Meaning)
			})
		}}
}
