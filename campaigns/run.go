package campaigns

import (
	"time"

	"carillon/messages"
)

// Preview says what a campaign would do; the planner does exactly that.
type Preview struct {
	// Total is the number of recipients, Reachable how many will be sent to.
	Total, Reachable int64
	// Skipped counts the others by reason.
	Skipped map[string]int64
}

// QueueOutlook is what is still to come into the outbound queue.
type QueueOutlook struct {
	// Planning are the runs whose audience is still being expanded: each makes
	// more messages than it has so far.
	Planning []PlanningRun
	// Next is the scheduled campaign that fires first; nil if there is none.
	Next *NextFiring
}

// PlanningRun is a run whose audience is not expanded yet.
type PlanningRun struct {
	RunID        int64
	CampaignID   int64
	CampaignName string
	ChannelID    int64
	// Status is RunPlanning, or RunPaused where its planning goes on when its
	// campaign is resumed.
	Status RunStatus
	// Planned is how many messages it has made so far.
	Planned int64
}

// NextFiring is when a scheduled campaign fires.
type NextFiring struct {
	CampaignID   int64
	CampaignName string
	ChannelID    int64
	At           time.Time
}

// Verification is the proof that a run accounts for everybody.
type Verification struct {
	RunID      int64
	CampaignID int64
	Status     RunStatus
	// Planned is what the planner wrote down; Rows is what a count over the
	// table finds; Counters is what the transactions kept.
	Planned  int64
	Rows     messages.Counts
	Counters messages.Counts
	// Removed is how many of the rows are not there any more, because the account does
	// not keep them; Rows has them as they were.
	Removed int64
	// Variants are the rows by their variant, 0 for none, and VariantNames the names of
	// the variants in their order.
	Variants     map[int]messages.Counts
	VariantNames []string
	// Problems is empty when everything balances.
	Problems []string
}

// PlanStep is what one batch of the planner did.
type PlanStep struct {
	// Inserted counts the messages of the batch, Skipped those of them that our
	// own rules keep from being sent.
	Inserted, Skipped int64
	// Done says that the audience has no more members.
	Done bool
	// Stopped says that the run is not being planned now: paused, canceled or
	// finished.
	Stopped bool
}
