package cli

import (
	"context"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addKeys(root *cobra.Command) {
	root.AddCommand(group("keys", "Make and revoke API keys", c.keysLs(), c.keysCreate(), c.keysRevoke()))
}

func keysPath() path { return v1("keys") }

func (c *cli) keysLs() *cobra.Command {
	return lists(c, &cobra.Command{Use: "ls", Short: "List API keys"}, keysPath,
		rows[api.Key]{"ID NAME ROLE ENDS_WITH CREATED LAST_USED REVOKED", func(k api.Key) []any {
			return []any{k.ID, k.Name, k.Role, k.Hint, at(&k.CreatedAt), at(k.LastUsedAt), at(k.RevokedAt)}
		}})
}

func (c *cli) keysCreate() *cobra.Command {
	var role string
	cmd := &cobra.Command{Use: "create NAME", Short: "Make an API key; it is shown once", Args: cobra.ExactArgs(1),
		Long: "Roles: admin (everything), editor (contacts, campaigns, queue), sender (transactional messages alone), " +
			"viewer (looks and changes nothing).",
		Example: "  carillon keys create shop --role sender",
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(cmd.Context(), c, post(keysPath(), api.KeyInput{Name: args[0], Role: role}), func(w *tabwriter.Writer, k api.NewKey) {
				fields(w, "Key", k.Secret, "Id", k.ID, "Name", k.Name, "Role", k.Role)
			})
		}}
	cmd.Flags().StringVar(&role, "role", "", "admin, editor, sender or viewer (required)")
	_ = cmd.MarkFlagRequired("role") // the flag exists
	return cmd
}

func (c *cli) keysRevoke() *cobra.Command {
	return onID(&cobra.Command{Use: "revoke ID", Short: "Revoke an API key; it opens nothing from now on"}, idOf("key", "keys ls"),
		func(ctx context.Context, id int64) error { return c.do(ctx, remove(keysPath().id(id))) })
}
