package campaigns

import (
	"fmt"

	"carillon/internal/words"
	"carillon/messages"
)

// stopped reports whether nothing of the run is claimed any more.
func (r Run) stopped() bool { return r.Status == RunCanceled || r.Status == RunFailed }

// Shown are the counts of a run as they bind: of a canceled or failed run nothing is
// claimed any more, so what waits counts as canceled while it is being marked.
func (r Run) Shown() messages.Counts {
	c := r.Counts
	if r.stopped() {
		c[messages.Canceled] += c[messages.Pending] + c[messages.Queued]
		c[messages.Pending], c[messages.Queued] = 0, 0
	}
	return c
}

// Says are sentences about a run that its status and counts do not say by
// themselves: what is held in doubt and how that is settled, who was not reached,
// what was cleared or canceled.
func (r Run) Says() (says []string) {
	c := r.Shown()
	over := r.FinishedAt != nil
	reached := c[messages.Sent] + c[messages.Delivered] + c[messages.Read]
	switch {
	case r.Status == RunSkipped || r.Status == RunFailed && c.Total() == 0:
	case r.stopped() && over:
		says = append(says, fmt.Sprintf("%s: %s that had not been asked for %s not sent", r.Status, words.Count(c[messages.Canceled], "message"),
			words.Was(c[messages.Canceled])))
	case r.stopped():
		says = append(says, fmt.Sprintf("%s: %s that had not been asked for will not be sent; they are being marked", r.Status,
			words.Count(c[messages.Canceled], "message")))
	case over && c.Total() == 0:
		says = append(says, "nobody was written to: the audience was empty")
	case over && reached == 0 && c[messages.Unknown] == 0:
		says = append(says, fmt.Sprintf("nobody was reached: %s; carillon messages ls --run %d says why", ends(c), r.ID))
	case over && c[messages.Canceled] > 0:
		says = append(says, fmt.Sprintf("%s %s cleared from the queue, and not sent", words.Count(c[messages.Canceled], "message"), words.Was(c[messages.Canceled])))
	}
	if n := c[messages.Unknown]; n > 0 {
		them := "them"
		if n == 1 {
			them = "it"
		}
		says = append(says, fmt.Sprintf("%s %s in doubt: the provider was asked, and gave no answer that was recorded, so nobody knows whether %s was sent. "+
			"Look into the provider's log, then say so: carillon messages settle --run %d --as sent|not-sent, or send %s again: carillon messages resend --run %d "+
			"--state unknown",
			words.Count(n, "message"), words.Is(n), them, r.ID, them, r.ID))
	}
	return says
}

// ends lists how many messages ended how.
func ends(c messages.Counts) (text string) {
	for _, state := range []messages.State{messages.Failed, messages.Rejected, messages.Skipped, messages.Canceled} {
		if c[state] == 0 {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += fmt.Sprintf("%d %s", c[state], state)
	}
	return text
}
