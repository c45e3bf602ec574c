package cli

import (
	"context"

	"github.com/spf13/cobra"

	"carillon/api"
)

// campaignSay proposes, approves or rejects a campaign.
func (c *cli) campaignSay(verb, short string) *cobra.Command {
	var note string
	cmd := &cobra.Command{Use: verb + " ID", Short: short}
	cmd.Flags().StringVar(&note, "note", "", "what there is to say of it")
	return onID(cmd, c.campaignID, func(ctx context.Context, id int64) error {
		return c.showCampaign(ctx, post(campaignsPath().id(id).below(verb), map[string]string{"note": note}))
	})
}

// approvalWords say what was said of a campaign.
func approvalWords(a *api.CampaignApproval) string {
	if a == nil {
		return ""
	}
	text := a.State + " by " + a.ProposedBy
	if a.DecidedBy != "" {
		text = a.State + " by " + a.DecidedBy + ", proposed by " + a.ProposedBy
	}
	if a.Note != "" {
		text += ": " + a.Note
	}
	if !a.Current {
		text += " (void: the campaign was changed since)"
	}
	return text
}
