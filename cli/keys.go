package cli

import (
	"fmt"
	"net/http"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addKeys(root *cobra.Command) {
	root.AddCommand(group("keys", "Make and revoke API keys", c.keysLs(), c.keysCreate(), c.keysRevoke()))
}

func (c *cli) keysLs() *cobra.Command {
	var limit int
	cmd := &cobra.Command{Use: "ls", Short: "List API keys", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		cl, err := c.client()
		if err != nil {
			return err
		}
		items, more, err := list[api.Key](cmd.Context(), cl, "/v1/keys", nil, limit)
		if err != nil {
			return err
		}
		return showList(c, items, more, "ID NAME ROLE ENDS_WITH CREATED LAST_USED REVOKED", func(k api.Key) []any {
			return []any{k.ID, k.Name, k.Role, k.Hint, at(&k.CreatedAt), at(k.LastUsedAt), at(k.RevokedAt)}
		})
	}}
	limitFlag(cmd, &limit)
	return cmd
}

func (c *cli) keysCreate() *cobra.Command {
	var role string
	cmd := &cobra.Command{Use: "create NAME", Short: "Make an API key; it is shown once", Args: cobra.ExactArgs(1),
		Long:    "Roles: admin (everything), editor (contacts, campaigns, queue), sender (transactional messages alone), viewer (looks and changes nothing).",
		Example: "  carillon keys create shop --role sender",
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			var k api.NewKey
			raw, err := cl.call(cmd.Context(), http.MethodPost, "/v1/keys", api.KeyInput{Name: args[0], Role: role}, &k)
			if err != nil {
				return err
			}
			return c.show(raw, func(w *tabwriter.Writer) { fields(w, "Key", k.Secret, "Id", k.ID, "Name", k.Name, "Role", k.Role) })
		}}
	cmd.Flags().StringVar(&role, "role", "", "admin, editor, sender or viewer (required)")
	_ = cmd.MarkFlagRequired("role") // the flag exists
	return cmd
}

func (c *cli) keysRevoke() *cobra.Command {
	return &cobra.Command{Use: "revoke ID", Short: "Revoke an API key; it opens nothing from now on", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		id, err := idArg("key", "keys ls", args[0])
		if err != nil {
			return err
		}
		cl, err := c.client()
		if err != nil {
			return err
		}
		_, err = cl.call(cmd.Context(), http.MethodDelete, fmt.Sprintf("/v1/keys/%d", id), nil, nil)
		return err
	}}
}
