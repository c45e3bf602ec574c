package worker

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"time"

	"carillon/campaigns"
	"carillon/internal/failpoint"
	"carillon/internal/tracing"
	"carillon/messages"
	"carillon/providers"
	"carillon/queue"
)

// send asks the provider to take one claimed message, at its slot, and records
// what became of it.
func (ch *channel) send(ctx context.Context, e queue.Envelope, s slotted) {
	ch.worker.inFlight.Add(1)
	defer ch.worker.inFlight.Add(-1)
	outcome, asked := ch.ask(ctx, e, s)
	if asked {
		failpoint.Hit(failpoint.AfterProviderAnswer)
		s.flight.Answered(outcome)
		failpoint.Hit(failpoint.AfterNoting)
	}
	// The outcome must reach the store whatever happens to this envelope.
	began := ch.now()
	if err := ch.worker.o.Writer.Record(context.WithoutCancel(ctx), []messages.Outcome{outcome}); err != nil {
		ch.worker.o.Logger.Error("an outcome could not be recorded; the message will be in doubt", "message", s.item.MessageID, "error", err)
		return
	}
	s.flight.Done()
	ch.recorded(began)
	failpoint.Hit(failpoint.AfterRecord)
}

// recorded counts a message in whose recording began then, and has as many claimed
// ahead as the rate and the commits ask for.
func (ch *channel) recorded(began time.Time) {
	now := ch.now()
	ch.records.add(ch.stage(StageRecord, began))
	if rate, news := ch.pace.add(now, 1); news {
		ch.ahead.Store(int64(aheadFor(rate, ch.claims.lag()+ch.records.lag())))
		ch.fit()
	}
}

// stage counts a stage that began then, and says how long it took.
func (ch *channel) stage(name string, began time.Time) time.Duration {
	took := ch.now().Sub(began)
	if m := ch.worker.o.Meter; m != nil {
		m.Stage(name, took.Seconds())
	}
	return took
}

// fit has as many messages claimed as there is room for, and those ahead.
func (ch *channel) fit() {
	ch.bulk.resize(ch.room.forBulk() + int(ch.ahead.Load()))
	ch.transactional.resize(ch.room.all() + leastAhead)
}

// adapt has as many requests under way as the provider's answer to one that it was
// asked for at a time suggests, where that is for Carillon to find out.
func (ch *channel) adapt(asked time.Time, err error) {
	if ch.gradient == nil || asked.IsZero() {
		return
	}
	var limit int
	var news bool
	switch {
	case err == nil:
		limit, news = ch.gradient.answered(asked, ch.now(), ch.room.crowded)
	case overloaded(providers.AsError(err).Kind):
		limit, news = ch.gradient.failed(asked, ch.now())
	}
	if news {
		ch.room.resize(limit)
		ch.fit()
	}
}

// overloaded reports whether a failure may come of asking for too much at once.
func overloaded(k providers.ErrorKind) bool {
	return k == providers.ErrorTemporary || k == providers.ErrorThrottled || k == providers.ErrorInDoubt
}

// awaitTurn waits for the message's slot and for the provider to have room, and
// takes that. It is false if the message is to go back, because the channel stops or
// no slot came in time.
func (ch *channel) awaitTurn(ctx context.Context, e queue.Envelope, s *slotted) bool {
	for range maxMissedSlots {
		if !ch.awaitSlot(ctx, e, s) || !ch.room.enter(ch.stopping, e.Transactional) {
			return false
		}
		stale := ch.worker.fenced() || ch.breaker.holds(s.pass)
		// While there was no room the slot may have gone by.
		if !stale && (!ch.limited(e, s.item) || !ch.now().After(s.until)) {
			return true
		}
		ch.room.leave()
		if stale {
			break
		}
	}
	return false
}

// ask waits for the slot and sends, with another slot where that was over before the provider
// was asked. asked says that it was.
func (ch *channel) ask(ctx context.Context, e queue.Envelope, s slotted) (o messages.Outcome, asked bool) {
	for range maxMissedSlots {
		o, err := ch.try(ctx, e, &s)
		if err == nil {
			return o, true
		}
		if !errors.Is(err, providers.ErrLate) {
			break
		}
	}
	unsent := ch.outcome(e, s.item.Item, messages.Pending)
	unsent.Unspent, unsent.NotAsked, unsent.DueAt = true, true, ch.now()
	return unsent, false
}

// errNoTurn says that a message goes back, because the channel stops or no slot came in time.
var errNoTurn = errors.New("no slot came in time")

// try is ask with one slot; an error says why the provider was not asked.
func (ch *channel) try(ctx context.Context, e queue.Envelope, s *slotted) (o messages.Outcome, err error) {
	waiting := ch.now()
	// Whatever is uploaded first, the slot comes after it: what has waited for a file must not go
	// out all at once.
	load, err := ch.files.await(ctx, s.item.attached())
	defer load.done()
	switch {
	case errors.Is(err, errNoTurn):
		return o, errNoTurn
	case err != nil:
		return ch.judge(ctx, e, s.item.Item, providers.Accepted{}, err), nil
	}
	turn := ch.awaitTurn(ctx, e, s)
	ch.stage(StageTurn, waiting)
	if !turn {
		return o, errNoTurn
	}
	defer ch.room.leave()
	started := ch.now()
	message := s.item.whole()
	load.put(&message)
	if ch.limited(e, s.item) {
		message.Latest = s.latest
	}
	message.Begin = func() error {
		if message.LateAt(ch.now()) {
			return providers.ErrLate
		}
		return s.claimed.mayBegin(context.WithoutCancel(ctx), s.item.MessageID)
	}
	// When its answer began to be waited for; zero if it was never asked for.
	var committed time.Time
	message.Commit = func() {
		s.flight.Asked()
		committed = ch.now()
		failpoint.Hit(failpoint.BeforeAsking)
	}
	sending, end := ch.worker.o.Tracer.Sending(ctx, tracing.Try{
		Message:  tracing.Message{ID: s.item.MessageID, RunID: e.RunID, ChannelID: ch.c.ID, Kept: s.item.kept},
		Provider: ch.c.Provider, Attempt: s.item.Attempt, Queued: s.item.queued, Loaded: s.item.loaded, Turn: started,
	})
	accepted, err := ch.deliver(sending, message)
	load.went(ctx, accepted, err)
	if errors.Is(err, errWithdrawn) || errors.Is(err, providers.ErrLate) {
		end("withdrawn", "", "")
		return o, err
	}
	ch.adapt(committed, err)
	o = ch.verdict(ctx, e, s.item, accepted, err)
	end(o.State.String(), o.Kind, o.Code)
	if m := ch.worker.o.Meter; m != nil {
		m.Outcome(ch.c.ID, o.State, ch.now().Sub(started).Seconds())
	}
	return o, nil
}

// deliver hands a message to the provider. An adapter that panics leaves it in
// doubt, instead of ending a process that serves other channels too.
func (ch *channel) deliver(ctx context.Context, m providers.Message) (accepted providers.Accepted, err error) {
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), ch.worker.o.SendTimeout+carrying(&m))
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			ch.panicked(r, debug.Stack())
			err = &providers.Error{Kind: providers.ErrorInDoubt, Err: errors.New(panicWords)}
		}
	}()
	return ch.sends(sending, m)
}

// panicWords are what is told of a message whose adapter panicked.
const panicWords = "the provider's adapter panicked; see the worker's log"

func (ch *channel) panicked(value any, stack []byte) {
	ch.worker.o.Logger.Error("a provider's adapter panicked", "channel", ch.c.ID, "provider", ch.c.Provider, "panic", value, "stack", string(stack))
}

func (ch *channel) outcome(e queue.Envelope, item queue.Item, state messages.State) messages.Outcome {
	return messages.Outcome{
		MessageID: item.MessageID, ChannelID: ch.c.ID, RunID: e.RunID, WorkerID: ch.worker.o.ID, Attempt: item.Attempt, EnvelopeID: e.ID,
		State: state, At: ch.now(),
	}
}

// judge turns a provider's answer into an outcome.
func (ch *channel) judge(ctx context.Context, e queue.Envelope, item queue.Item, accepted providers.Accepted, err error) messages.Outcome {
	o := ch.outcome(e, item, messages.Sent)
	if err == nil {
		ch.succeeded(ctx, e.RunID)
		ch.accepted.add(o.At)
		o.ProviderID = accepted.ProviderID
		return o
	}
	failure := providers.AsError(err)
	o.Kind, o.Code, o.Detail = string(failure.Kind), failure.Code, detailOf(failure)
	if failure.MediaGone { // which says nothing of the provider: the next try uploads the file anew
		o.Reason = messages.ReasonTemporary
		ch.again(ctx, e, &o, 0)
		return o
	}
	if failure.MovedTo != "" { // the same message goes to where they are now
		o.Reason, o.MovedTo = messages.ReasonTemporary, failure.MovedTo
		ch.again(ctx, e, &o, 0)
		return o
	}
	switch failure.Kind {
	case providers.ErrorTemporary:
		o.Reason = messages.ReasonTemporary
		if !ch.troubled(ctx, down, &o, failure) {
			ch.again(ctx, e, &o, failure.RetryAfter)
		}
	case providers.ErrorRecipientBusy:
		o.Reason = messages.ReasonTemporary
		if !ch.troubled(ctx, busy, &o, failure) {
			ch.again(ctx, e, &o, failure.RetryAfter)
		}
	case providers.ErrorThrottled:
		o.State, o.Unspent, o.Reason = messages.Pending, true, messages.ReasonThrottled
		o.DueAt = o.At // the limiter says when the channel may go on
		ch.throttle(ctx, failure)
	case providers.ErrorQuota:
		ch.troubled(ctx, quota, &o, failure)
	case providers.ErrorRecipient:
		o.State, o.Reason, o.Bounce = messages.Rejected, messages.ReasonRecipient, failure.Bounce
		ch.refused(ctx, e, &o, failure)
	case providers.ErrorContent:
		o.State, o.Reason = messages.Failed, messages.ReasonRefused
		ch.refused(ctx, e, &o, failure)
	case providers.ErrorAuth, providers.ErrorSender, providers.ErrorAccount:
		o.State, o.Unspent, o.Reason, o.DueAt = messages.Pending, true, messages.ReasonChannelStopped, o.At
		ch.stopFor(ctx, failure)
	default:
		o.Reason = messages.ReasonInDoubt
		ch.noteTrouble(ctx, doubt, failure)
		if ch.resends(e.Transactional) {
			ch.again(ctx, e, &o, failure.RetryAfter)
		} else {
			o.State = messages.Unknown
		}
	}
	return o
}

func detailOf(e *providers.Error) string {
	if e.Err == nil {
		return e.Code
	}
	return e.Err.Error()
}

// again gives the message its next try, or ends it when none is left.
func (ch *channel) again(ctx context.Context, e queue.Envelope, o *messages.Outcome, retryAfter time.Duration) {
	limit := ch.attempts(ctx, e.RunID)
	if o.Attempt >= limit {
		o.State = messages.Failed
		o.Detail = fmt.Sprintf("%s (try %d of %d)", o.Detail, o.Attempt, limit)
		o.Reason = messages.ReasonAttemptsUsedUp
		return
	}
	o.State = messages.Pending
	o.DueAt = o.At.Add(max(messages.Backoff(o.Attempt), retryAfter))
}

// attempts is how many tries a message of a run has. While its campaign can't be
// read there is always one more: no message is given up by a number that may not be
// its own.
func (ch *channel) attempts(ctx context.Context, runID int64) int {
	if runID == 0 {
		return campaigns.DefaultMaxAttempts
	}
	r, err := ch.run(context.WithoutCancel(ctx), runID)
	if err != nil {
		return math.MaxInt
	}
	return r.campaign.Throttle.Attempts()
}
