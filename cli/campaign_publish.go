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

// publicationWords is how people pull a content, in one line.
func publicationWords(p *api.Publication) string {
	if p == nil {
		return ""
	}
	words := fmt.Sprintf("%s, for whoever writes %s, from %s", p.State, strings.Join(p.Keywords, " or "), at(&p.From))
	if p.Until != nil {
		words += " to " + at(p.Until)
	}
	words += fmt.Sprintf("; %d got it", p.Answered)
	if p.Failed > 0 {
		words += fmt.Sprintf(", for %d it could not be made", p.Failed)
	}
	return words
}

func publicationTable(w *tabwriter.Writer, p api.Publication) {
	fields(w, "Published", publicationWords(&p))
}

func (c *cli) campaignPublish() *cobra.Command {
	var in api.PublicationInput
	var from, until string
	cmd := &cobra.Command{
		Use: "publish ID", Short: "Let people pull a campaign's content by a keyword",
		Long: `Whoever writes one of the keywords on the campaign's channel gets what the campaign says now, whatever
becomes of it later; publish it again to take over what was changed. One person gets it once a
minute at most. The campaign may be sent to its audience as well.`,
		Example: `  carillon campaign publish 12 --keyword menu --keyword lunch --until 2026-12-31T23:59:00Z
  carillon campaign withdraw 12`,
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&in.Keywords, "keyword", nil, "what people write to get it; may be repeated (required)")
	flags.StringVar(&from, "from", "", "since when, such as 2026-12-01T09:00:00Z (default at once)")
	flags.StringVar(&until, "until", "", "until when (default until it is withdrawn)")
	_ = cmd.MarkFlagRequired("keyword") // the flag exists
	return onID(cmd, c.campaignID, func(ctx context.Context, id int64) error {
		for _, t := range []struct {
			flag, text string
			to         **time.Time
		}{{"from", from, &in.From}, {"until", until, &in.Until}} {
			if err := readTime(t.to, t.flag, t.text); err != nil {
				return err
			}
		}
		return show(ctx, c, post(campaignsPath().id(id).below("publish"), in), publicationTable)
	})
}

func (c *cli) campaignWithdraw() *cobra.Command {
	return onID(&cobra.Command{Use: "withdraw ID", Short: "Let nobody pull a campaign's content any more"}, c.campaignID,
		func(ctx context.Context, id int64) error {
			return show(ctx, c, post(campaignsPath().id(id).below("withdraw"), nil), publicationTable)
		})
}
