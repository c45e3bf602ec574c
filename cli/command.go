package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"carillon/api"
)

// idReader reads an argument that names something by its id, or by its name where it has one.
type idReader func(ctx context.Context, arg string) (int64, error)

// idOf reads the id of a noun, such as campaign; list is the command that shows
// the ids.
func idOf(noun, list string) idReader {
	return func(_ context.Context, arg string) (int64, error) {
		id, err := strconv.ParseInt(arg, 10, 64)
		if err != nil || id <= 0 {
			return 0, usagef("%q is no id of %s: it is a number, as `carillon %s` shows it", arg, withArticle(noun), list)
		}
		return id, nil
	}
}

// withArticle puts a or an before a noun.
func withArticle(noun string) string {
	if strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

// onID makes cmd a command on one thing, which its only argument names by its id.
func onID(cmd *cobra.Command, read idReader, do func(ctx context.Context, id int64) error) *cobra.Command {
	cmd.Args = cobra.ExactArgs(1)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := read(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return do(cmd.Context(), id)
	}
	return cmd
}

// plain makes cmd a command without arguments.
func plain(cmd *cobra.Command, do func(ctx context.Context) error) *cobra.Command {
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return do(cmd.Context()) }
	return cmd
}

// lists makes cmd a command that shows the list at where, which is asked once the
// flags are known.
func lists[T any](c *cli, cmd *cobra.Command, where func() path, as rows[T]) *cobra.Command {
	return finds(c, cmd, func(context.Context) (path, error) { return where(), nil }, as)
}

// finds is lists for a list whose flags name things, which are looked up first.
func finds[T any](c *cli, cmd *cobra.Command, where func(ctx context.Context) (path, error), as rows[T]) *cobra.Command {
	var limit int
	limitFlag(cmd, &limit)
	return plain(cmd, func(ctx context.Context) error {
		from, err := where(ctx)
		if err != nil {
			return err
		}
		return showHinted(ctx, c, from, limit, hinted[T]{as, noneYet(cmd)})
	})
}

// makers are the commands that bring something into a list, by their names.
var makers = []string{"create", "add", "set", "send", "import", "upload"}

// noneYet says of an empty list what brings something into it: a command beside it.
func noneYet(cmd *cobra.Command) string {
	if !cmd.HasParent() {
		return ""
	}
	for _, name := range makers {
		for _, beside := range cmd.Parent().Commands() {
			if beside.Name() == name {
				return fmt.Sprintf("There is none. `%s %s` %s; --help shows how.", cmd.Parent().CommandPath(), name, verbOf[name])
			}
		}
	}
	return ""
}

// verbOf is what the makers do.
var verbOf = map[string]string{"create": "makes one", "add": "adds one", "set": "sets one", "send": "sends one",
	"import": "takes some in", "upload": "uploads one"}

// limitFlag adds --limit to a list.
func limitFlag(cmd *cobra.Command, limit *int) {
	cmd.Flags().IntVar(limit, "limit", api.DefaultLimit, "most items to show; more than "+strconv.Itoa(api.MostLimit)+" are read page by page")
}
