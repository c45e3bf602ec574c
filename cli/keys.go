package cli

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addKeys(root *cobra.Command) {
	root.AddCommand(group("keys", "Make and revoke API keys", c.keysLs(), c.keysCreate(), c.keysSet(), c.keysRotate(), c.keysRevoke()))
}

func keysPath() path { return v1("keys") }

func (c *cli) keysLs() *cobra.Command {
	return lists(c, &cobra.Command{Use: "ls", Short: "List API keys"}, keysPath,
		rows[api.Key]{"ID NAME ROLE FOR ENDS_WITH CREATED LAST_USED FROM BEFORE REVOKED", func(k api.Key) []any {
			return []any{k.ID, k.Name, k.Role, keyFor(k), k.Hint, at(&k.CreatedAt), at(k.LastUsedAt), k.LastUsedFrom, keyBefore(k), at(k.RevokedAt)}
		}})
}

// keyBefore says what is known of what a key was before it was rotated, while that still opens.
func keyBefore(k api.Key) string {
	switch r := k.Replaced; {
	case r == nil:
		return ""
	case r.LastUsedAt == nil:
		return "until " + at(&r.EndsAt) + ", not used"
	default:
		return "until " + at(&r.EndsAt) + ", used " + at(r.LastUsedAt)
	}
}

// keyFor says what a key opens alone.
func keyFor(k api.Key) string {
	var of []string
	add := func(when bool, text string) {
		if when {
			of = append(of, text)
		}
	}
	add(k.API != "", k.API)
	add(k.Operator, "accounts, too")
	add(k.ChannelID != 0, fmt.Sprintf("channel %d", k.ChannelID))
	add(len(k.Scopes) > 0, strings.Join(k.Scopes, " "))
	add(len(k.Networks) > 0, "from "+strings.Join(k.Networks, " "))
	add(k.Rate > 0, fmt.Sprintf("%g/s", k.Rate))
	add(k.ExpiresAt != nil, "until "+at(k.ExpiresAt))
	return strings.Join(of, ", ")
}

func (c *cli) keysCreate() *cobra.Command {
	var role, of, channel, expires string
	var operator bool
	var bounds keyBounds
	cmd := &cobra.Command{Use: "create NAME", Short: "Make an API key; it is shown once", Args: cobra.ExactArgs(1),
		Long: rolesOf + "\n\n" +
			"With --api the key opens that API of others alone: give such a key to programs that have it in their addresses. With --channel it is about that " +
			"channel alone, with --scope about some resources.\n\n" + scopesHelp,
		Example: "  carillon keys create shop --role sender\n" +
			"  carillon keys create report --role viewer --scope statistics:read,runs:read --network 192.0.2.0/24 --rate 2\n" +
			"  carillon keys create bot --role sender --api chatapi --channel chat",
		RunE: func(cmd *cobra.Command, args []string) error {
			input := api.KeyInput{Name: args[0], Role: role, Operator: operator, API: of, Scopes: bounds.scopes, Networks: bounds.networks, Rate: bounds.rate}
			if err := readTime(&input.ExpiresAt, "expires", expires); err != nil {
				return err
			}
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
	cmd.Flags().StringVar(&channel, "channel", "", "the channel that it is bound to, by name or id")
	cmd.Flags().StringVar(&expires, "expires", "", "when it ends by itself, such as 2026-12-01T09:00:00Z")
	bounds.flags(cmd)
	cmd.Flags().StringVar(&role, "role", "", "admin, editor, sender or viewer (required)")
	_ = cmd.MarkFlagRequired("role") // the flag exists
	return cmd
}

func newKeyTable(w *tabwriter.Writer, k api.NewKey) {
	fields(w, "Key", k.Secret, "Id", k.ID, "Name", k.Name, "Role", k.Role, "Only for", keyFor(k.Key), "Before", keyBefore(k.Key))
}

func (c *cli) keysRotate() *cobra.Command {
	var overlap time.Duration
	cmd := onID(&cobra.Command{Use: "rotate ID", Short: "Give an API key another secret; it is shown once",
		Long: "The key keeps its id and all that it has. What it was opens nothing from now on, or with --overlap for so long: carillon keys ls shows until when, " +
			"and whether somebody still uses it.",
		Example: "  carillon keys rotate 3\n  carillon keys rotate 3 --overlap 24h"}, idOf("key", "keys ls"),
		func(ctx context.Context, id int64) error {
			seconds, err := overlapSeconds(overlap)
			if err != nil {
				return err
			}
			return show(ctx, c, post(keysPath().id(id).below("rotate"), map[string]int64{"overlap_seconds": seconds}), newKeyTable)
		})
	overlapFlag(cmd.Flags(), &overlap, "for how long the one before still opens, such as 24h; at most 720h")
	return cmd
}

// keyBounds are flags of what binds a key.
type keyBounds struct {
	scopes, networks []string
	rate             float64
}

const scopesHelp = "Scopes are the resources of /v1, such as messages, contacts, campaigns, statistics; with :read behind one the key looks and " +
	"changes nothing. Each operation says in its documentation which it needs."

func (b *keyBounds) flags(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&b.scopes, "scope", nil, "a resource that it is bound to, such as messages or contacts:read; may be repeated")
	cmd.Flags().StringSliceVar(&b.networks, "network", nil, "a network or an address that its requests may come from, such as 192.0.2.0/24; may be repeated")
	cmd.Flags().Float64Var(&b.rate, "rate", 0, "how many requests a second it may make; 0 for as many as any key")
}

func (c *cli) keysSet() *cobra.Command {
	var name, expires string
	var bounds keyBounds
	var cmd *cobra.Command
	cmd = onID(&cobra.Command{Use: "set ID", Short: "Change an API key: its name, its bounds, its end",
		Long:    "What is not said stays; --scope= and --network= take the bounds away. " + scopesHelp,
		Example: "  carillon keys set 3 --network 192.0.2.0/24 --rate 5\n  carillon keys set 3 --scope="}, idOf("key", "keys ls"),
		func(ctx context.Context, id int64) error {
			var change api.KeyChange
			if err := readTime(&change.ExpiresAt, "expires", expires); err != nil {
				return err
			}
			given := cmd.Flags().Changed
			if given("name") {
				change.Name = &name
			}
			if given("scope") {
				change.Scopes = notNil(bounds.scopes)
			}
			if given("network") {
				change.Networks = notNil(bounds.networks)
			}
			if given("rate") {
				change.Rate = &bounds.rate
			}
			return show(ctx, c, patch(keysPath().id(id), change), func(w *tabwriter.Writer, k api.Key) {
				fields(w, "Id", k.ID, "Name", k.Name, "Role", k.Role, "Only for", keyFor(k))
			})
		})
	cmd.Flags().StringVar(&name, "name", "", "what it is for")
	cmd.Flags().StringVar(&expires, "expires", "", "when it ends by itself, such as 2026-12-01T09:00:00Z")
	bounds.flags(cmd)
	return cmd
}

// notNil is a list that is sent where it is empty, too.
func notNil(list []string) *[]string {
	list = append([]string{}, list...)
	return &list
}

func (c *cli) keysRevoke() *cobra.Command {
	return onID(&cobra.Command{Use: "revoke ID", Short: "Revoke an API key; it opens nothing from now on"}, idOf("key", "keys ls"),
		func(ctx context.Context, id int64) error { return c.do(ctx, remove(keysPath().id(id))) })
}
