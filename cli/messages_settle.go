package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"carillon/api"
)

// settleFlags are what selects messages, and how it is done.
type settleFlags struct {
	api.SettleFilter
	channel      string
	since, until string
	yes          bool
}

func (f *settleFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.Int64Var(&f.CampaignID, "campaign", 0, "those of this campaign")
	flags.Int64Var(&f.RunID, "run", 0, "those of this run")
	flags.StringVar(&f.channel, "channel", "", "those of this channel, by its id or name")
	flags.StringVar(&f.Reason, "reason", "", "those with this reason, such as refused or attempts_used_up")
	flags.StringVar(&f.since, "since", "", "that came to their state then or later: a time such as 2026-12-01T09:00:00Z, or how long ago, such as 2h")
	flags.StringVar(&f.until, "until", "", "that came to it before")
	flags.BoolVar(&f.DryRun, "dry-run", false, "say what would be done, and do nothing")
	flags.BoolVar(&f.yes, "yes", false, "do not ask")
}

// given says whether anything selects messages.
func (f *settleFlags) given(cmd *cobra.Command) bool {
	for _, name := range []string{"campaign", "run", "channel", "reason", "since", "until", "state", "even-if-sent", "dry-run"} {
		if flag := cmd.Flags().Lookup(name); flag != nil && flag.Changed {
			return true
		}
	}
	return false
}

// read fills the filter in from the flags and the ids.
func (f *settleFlags) read(ctx context.Context, c *cli, args []string) error {
	for _, arg := range args {
		id, err := messageID(ctx, arg)
		if err != nil {
			return err
		}
		f.IDs = append(f.IDs, id)
	}
	if f.channel != "" {
		ch, err := c.findChannel(ctx, f.channel)
		if err != nil {
			return err
		}
		f.ChannelID = ch.ID
	}
	for _, moment := range []struct {
		flag, text string
		to         **time.Time
	}{{"since", f.since, &f.Since}, {"until", f.until, &f.Until}} {
		if moment.text == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, moment.text)
		if ago, notAgo := time.ParseDuration(moment.text); err != nil && notAgo == nil {
			at, err = c.clock.Now().Add(-ago), nil
		}
		if err != nil {
			return usagef("--%s %s: must be a time such as 2026-12-01T09:00:00Z, or how long ago, such as 2h", moment.flag, moment.text)
		}
		*moment.to = &at
	}
	return nil
}

func (c *cli) messagesResend() *cobra.Command {
	var f settleFlags
	var in api.ResendInput
	cmd := &cobra.Command{Use: "resend [ID …]", Short: "Send messages again that failed, were rejected or are in doubt",
		Long: `Sends messages again: one by its id, or many by what they have in common. Of many it says first what will
happen, and asks; --yes answers for scripts. The work is done in the background, and a server that is killed goes on
where it stopped. A campaign that had finished goes on until its messages are settled.

What was sent, delivered or read is sent again only with --even-if-sent.`,
		Example: `  carillon messages resend 17
  carillon messages resend --campaign 7 --state failed --reason refused
  carillon messages resend --channel news --state failed,rejected --since 2h --dry-run
  carillon messages resend 17 18 --state delivered --even-if-sent`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && !f.given(cmd) {
				id, err := messageID(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return c.moveMessage(cmd.Context(), id, "resend")
			}
			if err := f.read(cmd.Context(), c, args); err != nil {
				return err
			}
			if len(in.States) == 0 && len(f.IDs) > 0 {
				in.States = []string{"failed", "rejected", "unknown"}
			}
			in.SettleFilter = f.SettleFilter
			return c.settle(cmd.Context(), post(messagesPath().below("resend"), &in), &in.SettleFilter, f.yes)
		}}
	f.add(cmd)
	cmd.Flags().StringSliceVar(&in.States, "state", nil, "those in these states: failed, rejected, unknown; with --even-if-sent also sent, delivered, read")
	cmd.Flags().BoolVar(&in.EvenIfSent, "even-if-sent", false, "send it again to people who have got it, too")
	return cmd
}

func (c *cli) messagesSettle() *cobra.Command {
	var f settleFlags
	var in api.SettleInput
	cmd := &cobra.Command{Use: "settle [ID …] --as sent|not-sent", Short: "Say what became of messages in doubt",
		Long: `Says of messages in state unknown whether they were sent, as the provider's log shows: by their ids, or all of
a campaign, run or channel. It says first how many there are, and asks; --yes answers for scripts.

  --as sent        they count as sent
  --as not-sent    they count as failed, with the reason settled; carillon messages resend sends them again`,
		Example: "  carillon messages settle 17 18 --as sent\n  carillon messages settle --campaign 7 --as not-sent",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.read(cmd.Context(), c, args); err != nil {
				return err
			}
			in.As = strings.ReplaceAll(in.As, "-", "_")
			in.SettleFilter = f.SettleFilter
			return c.settle(cmd.Context(), post(messagesPath().below("settle"), &in), &in.SettleFilter, f.yes)
		}}
	f.add(cmd)
	cmd.Flags().StringVar(&in.As, "as", "", "sent or not-sent (required)")
	_ = cmd.MarkFlagRequired("as") // the flag exists
	return cmd
}

// settle shows what a settling is about to do, asks, and watches it. The messages
// that r settles are those of filter.
func (c *cli) settle(ctx context.Context, r request, filter *api.SettleFilter, yes bool) error {
	goOn, err := rehearse(ctx, c, rehearsal{r, &filter.DryRun, yes}, func(answer api.SettleAnswer) int64 {
		for _, line := range answer.Says {
			sayln(c.err, clean(line)+".")
		}
		for _, m := range answer.Examples {
			sayf(c.err, "  message %d to %s: %s %s\n", m.ID, clean(m.Address), m.State, because(m.Reason, m.Detail))
		}
		if rest := answer.Matched - int64(len(answer.Examples)); rest > 0 && len(answer.Examples) > 0 {
			sayf(c.err, "  and %d more\n", rest)
		}
		return answer.Matched
	})
	if err != nil || !goOn {
		return err
	}
	answer, _, err := ask[api.SettleAnswer](ctx, c, r)
	if err != nil {
		return err
	}
	return c.watchJob(ctx, answer.Job.ID)
}

// settlingWords say what a job that settles messages does.
func settlingWords(j api.Job) string {
	words := []string{map[string]string{"resend": "send again", "sent": "mark as sent", "not_sent": "mark as not sent"}[j.Action]}
	if j.Action == "resend" {
		words = append(words, strings.Join(j.States, ", "))
	}
	if f := j.Messages; f != nil {
		for _, part := range []struct {
			what string
			id   int64
		}{{"campaign", f.CampaignID}, {"run", f.RunID}, {"channel", f.ChannelID}} {
			if part.id != 0 {
				words = append(words, fmt.Sprintf("of %s %d", part.what, part.id))
			}
		}
		if f.Reason != "" {
			words = append(words, "with "+f.Reason)
		}
		if len(f.IDs) > 0 {
			words = append(words, fmt.Sprintf("(%d ids)", len(f.IDs)))
		}
	}
	return strings.Join(words, " ")
}
