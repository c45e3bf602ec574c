package cli

import (
	"context"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) campaignResend() *cobra.Command {
	var in api.ResendCampaignInput
	var yes, watch bool
	cmd := &cobra.Command{Use: "resend ID", Short: "Send a campaign again to those whom it did not reach",
		Long: `Makes a run for whoever has messages of the campaign's latest run that are like this, with the content that the
campaign has now. It says first what will happen, and asks; --yes answers for scripts. Who has it already, or is about
to get it, is left out: to ask for the same twice sends once.`,
		Example: `  carillon campaign resend 12 --state failed --reason attempts_used_up
  carillon campaign resend 12 --state skipped --reason no_address --dry-run
  carillon campaign resend 12 --state sent,delivered --not read --even-if-sent`}
	flags := cmd.Flags()
	flags.Int64Var(&in.RunID, "run", 0, "of this run; the latest that is no resend if absent")
	flags.StringSliceVar(&in.States, "state", nil, "messages in these states: failed, rejected, skipped, canceled; with --even-if-sent also unknown, "+
		"sent, delivered, read")
	flags.StringSliceVar(&in.Reasons, "reason", nil, "with these reasons, such as attempts_used_up")
	flags.StringVar(&in.Not, "not", "", "and none that was sent, delivered, read, opened or clicked; or replied: have not replied since")
	flags.BoolVar(&in.EvenIfSent, "even-if-sent", false, "send it again to people who have got it, too")
	flags.BoolVar(&in.DryRun, "dry-run", false, "say what would be done, and do nothing")
	flags.BoolVar(&yes, "yes", false, "do not ask")
	flags.BoolVar(&watch, "watch", false, "watch it to its end")
	return onID(cmd, c.campaignID, func(ctx context.Context, id int64) error {
		r := post(campaignsPath().id(id).below("resend"), &in)
		goOn, err := rehearse(ctx, c, rehearsal{r, &in.DryRun, yes}, func(answer api.CampaignResend) int64 {
			for _, line := range answer.Says {
				sayln(c.err, clean(line)+".")
			}
			if len(answer.Skipped) > 0 {
				sayln(c.err, "Skipped: "+counts(answer.Skipped))
			}
			return answer.Matched
		})
		if err != nil || !goOn {
			return err
		}
		answer, raw, err := ask[api.CampaignResend](ctx, c, r)
		if err != nil {
			return err
		}
		if watch && answer.Run != nil {
			return c.watch(ctx, id)
		}
		return c.print(raw, func(w *tabwriter.Writer) {
			if answer.Run == nil {
				for _, line := range answer.Says {
					sayln(w, clean(line)+".")
				}
				return
			}
			fields(w, "Run", answer.Run.ID, "Resend of run", answer.ResendOf, "Status", answer.Run.Status, "Recipients", answer.Matched)
		})
	})
}
