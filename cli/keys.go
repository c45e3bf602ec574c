package cli

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addKeys(root *cobra.Command) {
	root.AddCommand(group("keys", "Make and revoke API keys", c.keysLs(), c.keysCreate(), c.keysRotate(), c.keysRevoke()))
}

func keysPath() path { return v1("keys") }

func (c *cli) keysLs() *cobra.Command {
	return lists(c, &cobra.Command{Use: "ls", Short: "List API keys"}, keysPath,
		rows[api.Key]{"ID NAME ROLE FOR ENDS_WITH CREATED LAST_USED REVOKED", func(k api.Key) []any {
			return []any{k.ID, k.Name, k.Role, keyFor(k), k.Hint, at(&k.CreatedAt), at(k.LastUsedAt), at(k.RevokedAt)}
		}})
}

// keyFor says what a key opens alone.
func keyFor(k api.Key) string {
	of := k.API
	if k.Operator {
		of = "accounts, too"
	}
	if k.ChannelID != 0 {
		of += fmt.Sprintf(" channel %d", k.ChannelID)
	}
	if k.ExpiresAt != nil {
		of += " until " + at(k.ExpiresAt)
	}
	return of
}

func (c *cli) keysCreate() *cobra.Command {
	var role, of, channel string
	var operator bool
	cmd := &cobra.Command{Use: "create NAME", Short: "Make an API key; it is shown once", Args: cobra.ExactArgs(1),
		Long: rolesOf + "\n\n" +
			"With --api the key opens that API of others alone, with --channel one channel in it: give such a key to programs that have it in their addresses.",
		Example: "  carillon keys create shop --role sender\n  carillon keys create bot --role sender --api chatapi --channel chat",
		RunE: func(cmd *cobra.Command, args []string) error {
			input := api.KeyInput{Name: args[0], Role: role, Operator: operator, API: of}
			if channel != "" {
				ch, err := c.findChannel(cmd.Context(), channel)
				if err != nil {
					return err
				}
				input.ChannelID = ch.ID
			}
			return show(cmd.Context(), c, post(keysPath(), input), newKeyTable)
		}}
	cmd.Flags().BoolVar(&operator, "operator", false, "it may make accounts and delete them, besides; needs an operator's key")
	cmd.Flags().StringVar(&of, "api", "", "the API of others that it opens alone: chat44mp, chatapi, chatwoot, messengerpeople or xms")
	cmd.Flags().StringVar(&channel, "channel", "", "the channel that it is bound to there, by name or id")
	cmd.Flags().StringVar(&role, "role", "", "admin, editor, sender or viewer (required)")
	_ = cmd.MarkFlagRequired("role") // the flag exists
	return cmd
}

func newKeyTable(w *tabwriter.Writer, k api.NewKey) {
	fields(w, "Key", k.Secret, "Id", k.ID, "Name", k.Name, "Role", k.Role, "Only for", keyFor(k.Key))
}

func (c *cli) keysRotate() *cobra.Command {
	return onID(&cobra.Command{Use: "rotate ID", Short: "Replace an API key by a new one; the old one opens nothing from now on"}, idOf("key", "keys ls"),
		func(ctx context.Context, id int64) error {
			return show(ctx, c, post(keysPath().id(id).below("rotate"), nil), newKeyTable)
		})
}

func (c *cli) keysRevoke() *cobra.Command {
	return onID(&cobra.Command{Use: "revoke ID", Short: "Revoke an API key; it opens nothing from now on"}, idOf("key", "keys ls"),
		func(ctx context.Context, id int64) error { return c.do(ctx, remove(keysPath().id(id))) })
}
