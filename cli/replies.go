package cli

import (
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addReplies(root *cobra.Command) {
	root.AddCommand(group("replies", "What people wrote back", c.repliesLs(), c.repliesReview()))
}

func repliesPath() path { return v1("replies") }

func (c *cli) repliesLs() *cobra.Command {
	var review bool
	var meaning string
	var contact int64
	cmd := &cobra.Command{Use: "ls", Short: "List replies, newest first", Example: "  carillon replies ls --review"}
	cmd.Flags().BoolVar(&review, "review", false, "only those that a person has to read")
	cmd.Flags().StringVar(&meaning, "meaning", "", "only those that mean opt_out, opt_in, help, near or other")
	cmd.Flags().Int64Var(&contact, "contact", 0, "only those of this contact")
	where := func() path {
		return repliesPath().with(query{"review": review, "meaning": meaning, "contact_id": contact})
	}
	return lists(c, cmd, where, rows[api.Reply]{"ID AT CONTACT ADDRESS TYPE MEANING TEXT", func(r api.Reply) []any {
		return []any{r.ID, at(&r.At), idOrNone(r.ContactID), r.Address, r.Type, r.Meaning, r.Text}
	}})
}

func (c *cli) repliesReview() *cobra.Command {
	return &cobra.Command{Use: "review ID MEANING", Short: "Say what a reply means: opt_out, opt_in, help or other", Args: cobra.ExactArgs(2),
		Long:    "Says what a reply means that is only near a word to opt out or in, and carries it out.",
		Example: "  carillon replies review 12 opt_out",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := idOf("reply", "replies ls")(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return show(cmd.Context(), c, post(repliesPath().id(id).below("review"), api.Review{Meaning: args[1]}), func(w *tabwriter.Writer, r api.Reply) {
				fields(w, "Reply", r.ID, "Contact", idOrNone(r.ContactID), "Meaning", r.Meaning)
			})
		}}
}
