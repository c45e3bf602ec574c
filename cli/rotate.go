package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addRotate(root *cobra.Command) {
	root.AddCommand(group("rotate", "Replace what secrets are kept with", c.rotateMasterKey()))
}

func masterKeyPath() path { return v1("master-key") }

func (c *cli) rotateMasterKey() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{Use: "master-key", Short: "Seal all that is secret with another master key, while messages go out",
		Long: `Seals the credentials of channels, the secrets of webhooks and people's second factors anew, part by part; it may be stopped and begun again.

Where the server keeps its key itself (master.key in the data folder) this makes a new one, and that is all. Else give every process
the new key as CARILLON_MASTER_KEY and the one of before in CARILLON_OTHER_MASTER_KEYS, start them again one after the other, then run this:
until then all of them go on with the key of before. The key of before is needed as long as links in messages that were sent under it, and
people who were erased under it, are to be recognized. Needs an operator's key.`,
		Example: "  carillon rotate master-key --dry-run\n  carillon rotate master-key"}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say how much would be sealed anew")
	return plain(cmd, func(ctx context.Context) error {
		if dry {
			return show(ctx, c, get(masterKeyPath()), masterKeyTable)
		}
		return c.rotateAll(ctx)
	})
}

// rotateAll asks for one part after the other.
func (c *cli) rotateAll(ctx context.Context) error {
	drawn, done := c.newProgress("sealing anew"), int64(0)
	for step := (api.RotationStep{}); ; step.Continue = true {
		state, raw, err := ask[api.MasterKey](ctx, c, post(masterKeyPath().below("rotate"), step))
		if err != nil {
			return err
		}
		done += int64(state.Resealed)
		drawn.set(done, done+state.Left, "")
		if state.Resealed == 0 || state.Left == 0 {
			drawn.end()
			return c.print(raw, func(w *tabwriter.Writer) {
				fields(w, "Sealed anew", done)
				masterKeyTable(w, state)
			})
		}
	}
}

func masterKeyTable(w *tabwriter.Writer, k api.MasterKey) {
	fields(w, "Sealing with", k.Using, "Configured", k.Present, "Left to seal anew", k.Left)
	for _, key := range k.Keys {
		words := []string{fmt.Sprintf("%d sealed with it", key.Sealed)}
		switch {
		case key.ID == k.Using:
			words = append(words, "seals and signs")
		case !key.Known:
			words = append(words, "this server has not got it")
		case key.Sealed == 0:
			words = append(words, "nothing in the store is sealed with it: only links in messages, and "+fmt.Sprint(k.Fingerprints)+
				" fingerprints of erased addresses, may need it")
		}
		fields(w, "Key "+cmp.Or(key.ID, "without an id"), strings.Join(words, "; "))
	}
}
