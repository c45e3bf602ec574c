package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
	"carillon/campaigns"
	"carillon/internal/words"
	"carillon/tracking"
)

// trackFlags say what of a campaign's messages is tracked.
type trackFlags struct {
	what       []string
	parameters map[string]string
}

func (f *trackFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&f.what, "track", nil, "what is tracked: links, opens; nothing by default")
	flags.StringToStringVar(&f.parameters, "link-parameter", nil,
		"a parameter that is added to tracked links, such as utm_source=%SOURCE%, which is the kind of the channel's addresses; may be repeated")
}

// into lays the flags over what a campaign says.
func (f *trackFlags) into(t **tracking.Settings) error {
	if len(f.what) == 0 && len(f.parameters) == 0 {
		return nil
	}
	if *t == nil {
		*t = &tracking.Settings{}
	}
	for _, what := range f.what {
		switch strings.TrimSpace(what) {
		case "links":
			(*t).Links = true
		case "opens":
			(*t).Opens = true
		default:
			return usagef("--track %s: must be links, opens or both, as in links,opens", what)
		}
	}
	if len(f.parameters) > 0 {
		(*t).Parameters = f.parameters
	}
	return nil
}

// trackWords say what is tracked.
func trackWords(t *tracking.Settings) string {
	if t == nil {
		return ""
	}
	var words []string
	if t.Links {
		words = append(words, "links")
	}
	if t.Opens {
		words = append(words, "opens")
	}
	var parameters []string
	for name, value := range t.Parameters {
		parameters = append(parameters, name+"="+value)
	}
	if slices.Sort(parameters); len(parameters) > 0 {
		words = append(words, "with "+strings.Join(parameters, " "))
	}
	return strings.Join(words, ", ")
}

// engagementWords say what was done with messages: by persons, and by machines.
func engagementWords(e *api.Engagement) (opened, clicked string) {
	if e == nil {
		return "", ""
	}
	return engagedWords(e.Opened, e.Opens, e.MachineOpens), engagedWords(e.Clicked, e.Clicks, e.MachineClicks)
}

func engagedWords(people, times, machine int64) string {
	if people+times+machine == 0 {
		return ""
	}
	text := "by " + words.Count(people, "recipient") + ", " + words.Count(times, "time")
	if machine > 0 {
		text += "; by machines " + words.Count(machine, "time")
	}
	return text
}

func (c *cli) campaignLinks() *cobra.Command {
	var run int64
	cmd := &cobra.Command{Use: "links ID", Short: "Count the clicks on each link of a campaign's latest run, people and machines apart"}
	cmd.Flags().Int64Var(&run, "run", 0, "another run, by its id")
	return onID(cmd, c.campaignID, func(ctx context.Context, id int64) error {
		run, err := c.runOf(ctx, id, run)
		if err != nil {
			return err
		}
		return show(ctx, c, get(runsPath().id(run).below("links")), func(w *tabwriter.Writer, l api.RunLinks) {
			if len(l.Items) == 0 {
				sayln(w, "No link is tracked in this run, or nothing was sent yet.")
				return
			}
			sayln(w, "LINK\tVARIANT\tPEOPLE\tCLICKS\tMACHINES\tADDRESS")
			for _, one := range l.Items {
				sayf(w, "%d\t%s\t%d\t%d\t%d\t%s\n", one.Number, clean(one.Variant), one.People, one.Clicks, one.MachineClicks, clean(one.URL))
			}
		})
	})
}

// runOf is a run that is named, or the latest of a campaign if it is 0.
func (c *cli) runOf(ctx context.Context, id, run int64) (int64, error) {
	if run != 0 {
		return run, nil
	}
	k, _, err := ask[api.Campaign](ctx, c, get(campaignsPath().id(id)))
	if err == nil && k.RunID == 0 {
		err = usagef("campaign %d has not been started", id)
	}
	return k.RunID, err
}

// conversionWords is which event counts.
func conversionWords(c *campaigns.Conversion) string {
	if c == nil {
		return ""
	}
	return fmt.Sprintf("%s within %d days", c.Event, c.WithinDays)
}

func convertedWords(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}
