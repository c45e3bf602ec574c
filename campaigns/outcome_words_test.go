package campaigns_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/messages"
)

// A status alone hides what somebody has to know or do.
func TestWhatARunSays(t *testing.T) {
	over := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		status campaigns.RunStatus
		open   bool
		counts messages.Counts
		want   []string
	}{
		"all well":  {campaigns.RunFinished, false, messages.Counts{messages.Sent: 2, messages.Skipped: 1}, nil},
		"under way": {campaigns.RunSending, true, messages.Counts{messages.Pending: 2}, nil},
		"nobody":    {campaigns.RunFinished, false, messages.Counts{}, []string{"the audience was empty"}},
		"all skipped": {campaigns.RunFinished, false, messages.Counts{messages.Skipped: 3, messages.Failed: 1},
			[]string{"nobody was reached: 1 failed, 3 skipped; carillon messages ls --run 7"}},
		"all cleared": {campaigns.RunFinished, false, messages.Counts{messages.Canceled: 3}, []string{"nobody was reached: 3 canceled"}},
		"some cleared": {campaigns.RunFinished, false, messages.Counts{messages.Sent: 1, messages.Canceled: 3},
			[]string{"3 messages were cleared from the queue, and not sent"}},
		"in doubt": {campaigns.RunFinished, false, messages.Counts{messages.Unknown: 2}, []string{"2 messages are in doubt"}},
		"both": {campaigns.RunFinished, false, messages.Counts{messages.Sent: 1, messages.Canceled: 1, messages.Unknown: 1}, []string{
			"1 message was cleared", "carillon messages settle --run 7 --as sent|not-sent, or send it again: carillon messages resend --run 7 --state unknown",
		}},
		"in doubt while sending": {campaigns.RunSending, true, messages.Counts{messages.Pending: 9, messages.Unknown: 1}, []string{"1 message is in doubt"}},
		"being canceled": {campaigns.RunCanceled, true, messages.Counts{messages.Pending: 200, messages.Queued: 40, messages.Canceled: 4},
			[]string{"244 messages that had not been asked for will not be sent"}},
		"canceled": {campaigns.RunCanceled, false, messages.Counts{messages.Sent: 1, messages.Canceled: 1},
			[]string{"1 message that had not been asked for was not sent"}},
	} {
		t.Run(name, func(t *testing.T) {
			run := campaigns.Run{ID: 7, Status: c.status, Counts: c.counts, FinishedAt: &over}
			if c.open {
				run.FinishedAt = nil
			}
			says := run.Says()
			require.Len(t, says, len(c.want), "%v", says)
			for i, want := range c.want {
				require.Contains(t, says[i], want)
			}
			require.Equal(t, c.counts.Total(), run.Shown().Total())
			if c.status == campaigns.RunCanceled {
				require.Zero(t, run.Shown()[messages.Pending]+run.Shown()[messages.Queued])
			}
		})
	}
}
