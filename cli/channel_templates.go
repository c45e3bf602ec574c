package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

// channelTemplates lists what a channel's provider keeps.
func (c *cli) channelTemplates() *cobra.Command {
	var submit string
	var takes, dryRun bool
	cmd := &cobra.Command{Use: "templates CHANNEL [NAME]", Short: "List the templates that a channel's provider keeps, hand one in for review, or take some over",
		Long: "Asks the provider for its templates. One of the catalogue is the provider's of the same name, in each language that both have, where both " +
			"say the same: its state is " +
			"taken over, and what is approved goes as the provider's template from then on. It also happens by itself, every ten minutes. " +
			"--submit hands a template of the catalogue in for review, in the languages that the provider does not keep. " +
			"--import takes the provider's template NAME over into the catalogue, or all that it lacks, in the languages that are approved; " +
			"what is there is never changed.",
		Example: "  carillon channel templates news\n  carillon channel templates news --submit order_shipped --dry-run\n" +
			"  carillon channel templates news --import --dry-run\n  carillon channel templates news order_shipped --import",
		Args: cobra.RangeArgs(1, 2)}
	cmd.Flags().StringVar(&submit, "submit", "", "hand a template of the catalogue in, by its name")
	cmd.Flags().BoolVar(&takes, "import", false, "take templates of the provider over that the catalogue lacks: NAME, or all")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "with --submit and --import: only say what would be done")
	cmd.MarkFlagsMutuallyExclusive("submit", "import")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 2 && !takes:
			return usagef("%s: a name belongs to --import", args[1])
		case dryRun && submit == "" && !takes:
			return usagef("--dry-run belongs to --submit and --import")
		}
		ctx := cmd.Context()
		ch, err := c.findChannel(ctx, args[0])
		if err != nil {
			return err
		}
		at := channelsPath().id(ch.ID)
		switch {
		case submit != "":
			return show(ctx, c, post(at.below("templates", "submit"), map[string]any{"template": submit, "dry_run": dryRun}), submittedTable)
		case takes:
			body := map[string]any{"dry_run": dryRun}
			if len(args) == 2 {
				body["template"] = args[1]
			}
			return show(ctx, c, post(at.below("templates", "import"), body), importedTable)
		}
		return show(ctx, c, post(at.below("templates", "sync"), nil), syncedTable)
	}
	return cmd
}

// oneRow is a text in one line of a table.
func oneRow(text string) string { return clean(strings.Join(strings.Fields(text), " ")) }

func syncedTable(w *tabwriter.Writer, l api.SyncedTemplates) {
	if len(l.Templates) == 0 {
		sayf(w, "The provider keeps no templates. Make one there, or choose a channel that needs none.\n")
		return
	}
	sayf(w, "NAME\tLANGUAGE\tSTATUS\tTEMPLATE\tBODY\n")
	for _, t := range l.Templates {
		in := "none of this name and language"
		if t.TemplateID != 0 {
			in = fmt.Sprint(t.TemplateID)
		}
		if t.Differs {
			in += ", which says something else"
		}
		sayf(w, "%s\t%s\t%s\t%s\t%s\n", clean(t.Name), clean(t.Language), t.Status, in, oneRow(t.Body))
	}
}

func submittedTable(w *tabwriter.Writer, l api.SubmittedTemplates) {
	sayf(w, "LANGUAGE\tOUTCOME\tSTATUS\tBODY\tREASON\n")
	for _, t := range l.Languages {
		sayf(w, "%s\t%s\t%s\t%s\t%s\n", t.Language, t.Outcome, t.Status, oneRow(t.Body), clean(t.Reason))
	}
}

func importedTable(w *tabwriter.Writer, l api.ImportedTemplates) {
	if len(l.Templates) == 0 {
		sayf(w, "The provider keeps no templates.\n")
		return
	}
	sayf(w, "NAME\tOUTCOME\tTEMPLATE\tLANGUAGE\tBODY\tREASON\n")
	for _, t := range l.Templates {
		id := ""
		if t.TemplateID != 0 {
			id = fmt.Sprint(t.TemplateID)
		}
		if len(t.Languages) == 0 {
			sayf(w, "%s\t%s\t%s\t\t\t%s\n", clean(t.Name), t.Outcome, id, clean(t.Reason))
		}
		for _, of := range t.Languages {
			outcome, reason := t.Outcome, t.Reason
			if !of.Taken && of.Reason != "" {
				outcome, reason = "unfit", of.Reason
			}
			sayf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", clean(t.Name), outcome, id, clean(of.Language), oneRow(of.Body), clean(reason))
		}
	}
	for _, t := range l.Templates {
		for _, p := range t.Parameters {
			sayf(w, "\n%s: {{%s}}, such as %s, is filled with %s", clean(t.Name), clean(p.Name), clean(p.Sample), clean(p.Value))
		}
	}
	sayf(w, "\n")
}
