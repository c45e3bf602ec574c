package app

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"carillon/campaigns"
	"carillon/internal/clock"
	"carillon/messages"
	"carillon/providers"
	"carillon/queue"
	"carillon/store"
)

// verifier is the store as the campaign service and those who watch see it, with a
// verification that looks into Redis too.
type verifier struct {
	*store.Store
	queue *queue.Queue
	clock clock.Clock
}

// QueueAnswers reports whether Redis answers.
func (v verifier) QueueAnswers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reachWithin)
	defer cancel()
	return v.queue.Ping(ctx)
}

// Throttled says what throttling has left of a channel's rate, and of those of mailbox providers
// where it has limits for any.
func (v verifier) Throttled(ctx context.Context, c providers.Channel) (t campaigns.Throttled, err error) {
	ctx, cancel := context.WithTimeout(ctx, reachWithin)
	defer cancel()
	of := queue.Channel{AccountID: c.AccountID, ID: c.ID}
	if t, err = v.throttled(ctx, of, c.Epoch, c.Limits.PerSecond); err != nil || len(c.Limits.Mailboxes) == 0 {
		return t, err
	}
	names, err := v.queue.Limiter().SlowMailboxes(ctx, of)
	for _, name := range names {
		of.Mailbox = name
		limits, _ := c.Limits.Mailboxes.Of(name)
		at, err := v.throttled(ctx, of, c.Epoch, limits.PerSecond)
		if err != nil {
			return t, err
		}
		if at.For > 0 || at.PerSecond > 0 {
			t.Mailboxes = append(t.Mailboxes, campaigns.ThrottledMailbox{Name: name, Throttled: at})
		}
	}
	return t, err
}

// throttled is what is left of a rate, messages a second; 0 is none.
func (v verifier) throttled(ctx context.Context, of queue.Channel, epoch int64, perSecond float64) (t campaigns.Throttled, err error) {
	state, err := v.queue.Limiter().State(ctx, of, epoch)
	if err != nil {
		return t, err
	}
	t.For = state.BlockedFor
	if state.RateFactor < 1 {
		t.Full = cmp.Or(perSecond, queue.ThrottleCeiling)
		t.PerSecond, t.Since, t.BackIn = t.Full*state.RateFactor, state.ThrottledFor, state.BackIn
	}
	return t, nil
}

// reachWithin is how long Redis may take to say that it is there.
const reachWithin = time.Second

// settleTime is how long a queued message may be without a task before that is
// a problem: the feeder needs a moment to enqueue, the reaper a few seconds to
// take lost messages back.
const settleTime = 15 * time.Second

// VerifyRun adds to the store's proof what Redis says of the window.
func (v verifier) VerifyRun(ctx context.Context, runID int64) (campaigns.Verification, error) {
	proof, err := v.Store.VerifyRun(ctx, runID)
	if err != nil || proof.Rows[messages.Queued] == 0 {
		return proof, err
	}
	channel, envelopes, err := v.Store.QueuedEnvelopesOfRun(ctx, runID)
	if err != nil {
		return proof, err
	}
	var old []int64
	for _, e := range envelopes {
		if e.QueuedAt.Before(v.clock.Now().Add(-settleTime)) {
			old = append(old, e.ID)
		}
	}
	if len(old) == 0 {
		return proof, nil
	}
	lost, err := v.queue.Lost(ctx, channel, false, old)
	switch {
	case err != nil:
		// The rows balance or don't whatever Redis says.
		proof.Problems = append(proof.Problems, "Redis does not answer, so the window could not be compared: "+err.Error())
	case len(lost) > 0:
		proof.Problems = append(proof.Problems, fmt.Sprintf(
			"%d envelopes of queued messages have no task in Redis for more than %.0f s: is a scheduler running? It takes them back", len(lost), settleTime.Seconds()))
	}
	return proof, nil
}
