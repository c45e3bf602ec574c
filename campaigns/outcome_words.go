package campaigns

import "fmt"

// Shown are the counts of a run as they bind: of a canceled run nothing is
// claimed any more, so what waits counts as canceled while it is being marked.
func (r Run) Shown() Counts {
	c := r.Counts
	if r.Status == RunCanceled {
		c[Canceled] += c[Pending] + c[Queued]
		c[Pending], c[Queued] = 0, 0
	}
	return c
}

// Says are sentences about a run that its status and counts do not say by
// themselves: what is held in doubt and how that is settled, who was not reached,
// what was cleared or canceled.
func (r Run) Says() (says []string) {
	c := r.Shown()
	over := r.FinishedAt != nil
	reached := c[Sent] + c[Delivered] + c[Read]
	switch {
	case r.Status == RunCanceled && over:
		says = append(says, fmt.Sprintf("canceled: %s that had not been asked for %s not sent", plural(c[Canceled], "message"), was(c[Canceled])))
	case r.Status == RunCanceled:
		says = append(says, fmt.Sprintf("canceled: %s that had not been asked for will not be sent; they are being marked", plural(c[Canceled], "message")))
	case over && c.Total() == 0:
		says = append(says, "nobody was written to: the audience was empty")
	case over && reached == 0 && c[Unknown] == 0:
		says = append(says, fmt.Sprintf("nobody was reached: %s; carillon messages ls --run %d says why", ends(c), r.ID))
	case over && c[Canceled] > 0:
		says = append(says, fmt.Sprintf("%s %s cleared from the queue, and not sent", plural(c[Canceled], "message"), was(c[Canceled])))
	}
	if n := c[Unknown]; n > 0 {
		them := "them"
		if n == 1 {
			them = "it"
		}
		says = append(says, fmt.Sprintf("%s %s in doubt: the provider was asked, and gave no answer that was recorded, so nobody knows whether %s was sent. "+
			"Look into the provider's log, then say so: carillon messages settle --run %d --as sent|not-sent, or send %s again: carillon messages resend --run %d --state unknown",
			plural(n, "message"), isAre(n), them, r.ID, them, r.ID))
	}
	return says
}

// ends lists how many messages ended how.
func ends(c Counts) (text string) {
	for _, state := range []State{Failed, Rejected, Skipped, Canceled} {
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

func was(n int64) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

func isAre(n int64) string {
	if n == 1 {
		return "is"
	}
	return "are"
}
