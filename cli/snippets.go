package cli

import (
	"encoding/json"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addSnippets(root *cobra.Command) {
	root.AddCommand(group("snippets", "Keep texts that templates render by name",
		c.snippetsLs(), c.snippetsShow(), c.snippetsSet(), c.snippetsRm()))
}

func snippetsPath() path { return v1("snippets") }

func (c *cli) snippetsLs() *cobra.Command {
	return lists(c, &cobra.Command{Use: "ls", Short: "List snippets"}, snippetsPath,
		rows[api.SnippetInfo]{"NAME BYTES CHANGED", func(sn api.SnippetInfo) []any { return []any{sn.Name, sn.Bytes, at(&sn.UpdatedAt)} }})
}

func (c *cli) snippetsShow() *cobra.Command {
	return &cobra.Command{Use: "show NAME", Short: "Show the text of a snippet", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return show(cmd.Context(), c, get(snippetsPath().below(args[0])), func(_ *tabwriter.Writer, sn api.Snippet) {
			sayln(c.out, strings.TrimSuffix(printable(sn.Text), "\n"))
		})
	}}
}

func (c *cli) snippetsSet() *cobra.Command {
	var text, file string
	cmd := &cobra.Command{Use: "set NAME", Short: "Save a snippet, new or instead of the one of its name", Args: cobra.ExactArgs(1),
		Long: `Saves a text, with Liquid in it, that the texts of campaigns, messages and other snippets render by its name:
{% render "parts/footer", year: 2026 %}. A snippet sees contact, row, campaign and unsubscribe_url, and what it is given.
Campaigns that run keep the words that they began with.`,
		Example: `  carillon snippets set parts/footer --text-file footer.html
  carillon snippets set greeting --text 'Hello {{ contact.first_name | default: "reader" }}'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if file != "" {
				content, err := c.readFile(file)
				if err != nil {
					return err
				}
				text = string(content)
			} else if !cmd.Flags().Changed("text") {
				return usagef("a snippet needs --text or --text-file")
			}
			return show(cmd.Context(), c, put(snippetsPath().below(args[0]), api.SnippetText{Text: text}), func(w *tabwriter.Writer, sn api.Snippet) {
				fields(w, "Snippet", sn.Name, "Bytes", sn.Bytes, "Changed", sn.UpdatedAt.UTC().Format(time.RFC3339))
			})
		}}
	cmd.Flags().StringVar(&text, "text", "", "the text")
	cmd.Flags().StringVar(&file, "text-file", "", "file with the text, - for standard input")
	cmd.MarkFlagsMutuallyExclusive("text", "text-file")
	return cmd
}

func (c *cli) snippetsRm() *cobra.Command {
	cmd := &cobra.Command{Use: "rm NAME", Short: "Delete a snippet that nothing uses", Args: cobra.ExactArgs(1)}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := c.do(cmd.Context(), remove(snippetsPath().below(args[0]))); err != nil {
			return err
		}
		deleted, err := json.Marshal(map[string]string{"deleted": args[0]})
		if err != nil {
			return err
		}
		return c.print(deleted, func(w *tabwriter.Writer) {
			sayf(w, "Snippet %s is deleted.\n", clean(args[0]))
		})
	}
	return cmd
}
