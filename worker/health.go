package worker

import (
	"context"
	"fmt"
	"sync"
	"time"

	"carillon/messages"
	"carillon/providers"
	"carillon/queue"
)

// succeeded says that the provider took a message: whatever was the matter with
// it, it is no longer.
func (ch *channel) succeeded(ctx context.Context, runID int64) {
	ended := ch.breaker.success(runID)
	// Another worker, or one that is gone, may have found what this one does not.
	shown := ch.shown.Load()
	if !ended && shown != nil && shown.State == providers.HealthHeld && ch.now().Before(shown.NextTry) {
		return // it was asked before the provider wanted nothing for a while
	}
	if ended || shown != nil && !shown.Well() {
		ch.shown.Store(nil)
		ch.worker.o.Logger.Info("the channel's provider works", "channel", ch.c.ID)
		ch.noteHealth(ctx, providers.Health{State: providers.HealthOK})
	}
}

// heldAtMost is how much later than now a message waits that the breaker holds:
// the channel's next try holds it back, which ends with what it is for.
const heldAtMost = 5 * time.Second

// troubled counts a failure. If it is the channel's and not the message's, the
// message waits, its try unspent.
func (ch *channel) troubled(ctx context.Context, t trouble, o *messages.Outcome, failure *providers.Error) bool {
	s := ch.noteTrouble(ctx, t, failure)
	if !s.open {
		return false
	}
	o.State, o.Unspent, o.Bounce = messages.Pending, true, ""
	o.Reason, o.DueAt = messages.ReasonChannelHeld, o.At.Add(min(s.wait, heldAtMost))
	return true
}

// noteTrouble counts a failure and says on the channel what it comes to.
func (ch *channel) noteTrouble(ctx context.Context, t trouble, failure *providers.Error) state {
	limits := ch.limits.Load()
	after, said := 1, ""
	switch t {
	case down:
		after = downAfter
	case doubt:
		after = limits.DoubtsInARow
	case busy, refuses:
		after, said = limits.RefusalsInARow, failure.Code
	}
	s := ch.breaker.failure(t, said, after, failure.RetryAfter)
	if !s.tried {
		return s
	}
	now := ch.now()
	h := providers.Health{State: healthOf(t), Reason: s.words(t, failure), Since: now, NextTry: now.Add(s.wait)}
	if s.began {
		ch.worker.o.Logger.Warn("the channel is "+string(h.State), "channel", ch.c.ID, "reason", h.Reason, "next_try_in", s.wait)
	}
	ch.noteHealth(ctx, h)
	return s
}

// words say what is the matter.
func (s state) words(t trouble, failure *providers.Error) string {
	detail := detailOf(failure)
	switch t {
	case quota:
		return "what the provider lets us send is used up; messages wait and no attempt is spent: " + detail
	case doubt:
		return fmt.Sprintf("%d messages in a row got no answer and are in doubt; the others wait, and single ones are tried: %s", s.count, detail)
	case busy:
		return fmt.Sprintf("%d recipients in a row were put off alike; messages wait and no attempt is spent: %s", s.count, detail)
	case refuses:
		return fmt.Sprintf("%d messages were refused alike, and of %d answers none was a success; the others wait: %s", s.count, s.asked, detail)
	default:
		return "the provider fails again and again, messages wait and no attempt is spent: " + detail
	}
}

// refused counts a refusal for good. If so many are alike that it can't be the
// recipients, the campaign is paused, or the channel held, and the message waits.
func (ch *channel) refused(ctx context.Context, e queue.Envelope, o *messages.Outcome, failure *providers.Error) {
	if e.RunID != 0 {
		s, pause, paused := ch.breaker.refused(e.RunID, failure.Code, ch.limits.Load().RefusalsInARow, ch.worker.o.SendTimeout)
		if paused {
			o.State, o.Unspent, o.Bounce = messages.Pending, true, ""
			o.Reason, o.DueAt = messages.ReasonPaused, o.At.Add(ch.worker.o.SendTimeout)
		}
		if pause {
			ch.pauseCampaign(ctx, e, s, failure)
		}
		if paused {
			return
		}
	}
	ch.troubled(ctx, refuses, o, failure)
}

// pauseCampaign pauses the campaign of a run that is refused one message after
// the other.
func (ch *channel) pauseCampaign(ctx context.Context, e queue.Envelope, s state, failure *providers.Error) {
	reason := fmt.Sprintf("paused because %d messages were refused alike and none went through in between (the first %d are failed or rejected); "+
		"correct what is wrong and resume: %s",
		s.count, s.count-1, detailOf(failure))
	if err := ch.worker.o.Store.PauseRun(context.WithoutCancel(ctx), e.RunID, reason); err != nil {
		ch.worker.o.Logger.Warn("a campaign that is refused could not be paused", "campaign", e.CampaignID, "error", err)
		return
	}
	ch.worker.o.Logger.Error("campaign paused until a person resumes it", "campaign", e.CampaignID, "run", e.RunID, "reason", reason)
}

// stopFor stops the channel: every further message would be refused too.
func (ch *channel) stopFor(ctx context.Context, failure *providers.Error) {
	// What is claimed and not asked yet is not asked, even if the store can't be
	// told; resuming begins anew.
	ch.breaker.failure(quota, "", 1, 0)
	reason := failure.Kind.WhyStopped(detailOf(failure))
	stopped, err := ch.worker.o.Store.StopChannel(context.WithoutCancel(ctx), ch.c.ID, ch.epoch.Load(), reason)
	switch {
	case err != nil:
		ch.worker.o.Logger.Warn("a channel could not be stopped", "channel", ch.c.ID, "error", err)
	case stopped:
		ch.worker.o.Logger.Error("channel stopped until a person resumes it", "channel", ch.c.ID, "reason", reason)
	}
}

// noteHealth shows on the channel how it stands with its provider.
func (ch *channel) noteHealth(ctx context.Context, h providers.Health) {
	if err := ch.worker.o.Store.NoteHealth(context.WithoutCancel(ctx), ch.c.ID, ch.epoch.Load(), h); err != nil {
		ch.worker.o.Logger.Warn("a channel's health could not be noted", "channel", ch.c.ID, "error", err)
	}
}

// throttle slows the whole fleet down.
func (ch *channel) throttle(ctx context.Context, failure *providers.Error) {
	now := ch.now()
	if ch.slow.asked(now, failure.RetryAfter) {
		ch.worker.o.Logger.Warn("the provider asks to slow down", "channel", ch.c.ID, "retry_after", failure.RetryAfter, "answer", detailOf(failure))
	}
	if until := now.Add(failure.RetryAfter); failure.RetryAfter > holdAtMost && ch.slow.holds(until) {
		h := providers.Health{
			State: providers.HealthHeld, Since: now, NextTry: until,
			Reason: fmt.Sprintf("held by the provider until %s: %s", until.UTC().Format(time.RFC3339), detailOf(failure)),
		}
		ch.shown.Store(&h)
		ch.noteHealth(ctx, h)
	}
	if err := ch.worker.o.Queue.Limiter().Throttle(context.WithoutCancel(ctx), ch.limiterID(), ch.epoch.Load(), failure.RetryAfter); err != nil {
		ch.worker.o.Logger.Warn("the limiter could not be told to slow down", "channel", ch.c.ID, "error", err)
	}
}

// endOfSlowness logs that the provider has stopped asking to slow down.
func (ch *channel) endOfSlowness() {
	if lasted, times, ended := ch.slow.over(ch.now()); ended {
		ch.worker.o.Logger.Info("the provider no longer asks to slow down", "channel", ch.c.ID, "after", lasted, "asked", times)
	}
}

// quietFor is how long a provider must not have asked to slow down for that to be
// over.
const quietFor = 10 * time.Second

// slowness is an episode of a provider that asks to slow down: it is told when it
// begins and when it ends, not each time.
type slowness struct {
	mu           sync.Mutex
	since, until time.Time
	times        int
	// held is until when the provider wants nothing at all.
	held time.Time
}

// heldAlike is by how much the ends of holds differ that are the same one, of which
// several requests under way were told.
const heldAlike = 5 * time.Second

// holds reports whether the provider now holds the channel for longer than it was
// known to.
func (s *slowness) holds(until time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if until.Before(s.held.Add(heldAlike)) {
		return false
	}
	s.held = until
	return true
}

// asked counts in that the provider asked, and reports whether an episode begins.
func (s *slowness) asked(now time.Time, retryAfter time.Duration) (begins bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	begins = s.times == 0
	if begins {
		s.since, s.until = now, now
	}
	s.times++
	if until := now.Add(retryAfter + quietFor); until.After(s.until) {
		s.until = until
	}
	return begins
}

// forget lets the provider hold the channel anew.
func (s *slowness) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = time.Time{}
}

// over reports whether an episode has ended, how long it was and how often the
// provider asked.
func (s *slowness) over(now time.Time) (lasted time.Duration, times int, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.times == 0 || now.Before(s.until) {
		return 0, 0, false
	}
	lasted, times = now.Sub(s.since), s.times
	s.times = 0
	return lasted, times, true
}
