package cli

import (
	"encoding/json"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addVariables(root *cobra.Command) {
	root.AddCommand(group("variables", "Keep values that the account's programs share",
		c.variablesLs(), c.variablesShow(), c.variablesSet(), c.variablesRm()))
}

func variablesPath() path { return v1("variables") }

// shownValue is a value in one line.
func shownValue(v api.Variable) string {
	text, err := json.Marshal(v.Value)
	if err != nil {
		return ""
	}
	return clean(string(text))
}

func (c *cli) variablesLs() *cobra.Command {
	return lists(c, &cobra.Command{Use: "ls", Short: "List variables"}, variablesPath,
		rows[api.Variable]{"NAME VALUE GROUP CHANGED", func(v api.Variable) []any { return []any{v.Name, shownValue(v), v.Group, at(&v.UpdatedAt)} }})
}

func showVariable(w *tabwriter.Writer, v api.Variable) {
	fields(w, "Variable", v.Name, "Value", shownValue(v), "Group", v.Group, "Description", v.Description, "Disabled", v.Disabled)
}

func (c *cli) variablesShow() *cobra.Command {
	return &cobra.Command{Use: "show NAME", Short: "Show a variable", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return show(cmd.Context(), c, get(variablesPath().below(args[0])), showVariable)
	}}
}

func (c *cli) variablesSet() *cobra.Command {
	var in api.VariableInput
	cmd := &cobra.Command{Use: "set NAME VALUE", Short: "Save a variable, new or instead of the one of its name", Args: cobra.ExactArgs(2),
		Long: `Saves a value that the account's programs share. It is JSON if it can be read as that, and else a text.
It is no place for secrets: every key sees it.`,
		Example: `  carillon variables set support.hours '{"from": 9, "to": 17}'
  carillon variables set shop.name 'Our shop' --group shop`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := json.Unmarshal([]byte(args[1]), &in.Value); err != nil {
				in.Value = args[1]
			}
			return show(cmd.Context(), c, put(variablesPath().below(args[0]), in), showVariable)
		}}
	cmd.Flags().StringVar(&in.Group, "group", "", "what it belongs to")
	cmd.Flags().StringVar(&in.Description, "description", "", "what it is for")
	cmd.Flags().BoolVar(&in.Disabled, "disabled", false, "have programs take it for one that is not there")
	return cmd
}

func (c *cli) variablesRm() *cobra.Command {
	cmd := &cobra.Command{Use: "rm NAME", Short: "Delete a variable", Args: cobra.ExactArgs(1)}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := c.do(cmd.Context(), remove(variablesPath().below(args[0]))); err != nil {
			return err
		}
		deleted, err := json.Marshal(map[string]string{"deleted": args[0]})
		if err != nil {
			return err
		}
		return c.print(deleted, func(w *tabwriter.Writer) { sayf(w, "Variable %s is deleted.\n", clean(args[0])) })
	}
	return cmd
}
