package worker

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"carillon/internal/failpoint"
	"carillon/messages"
	"carillon/providers"
	"carillon/queue"
	"carillon/worker/flight"
)

// handlers are how many envelopes of a channel a worker takes at once. The feeder
// has as many bulk envelopes under way for each worker, so that none takes what
// others would have to wait for.
var handlers = queue.Handlers{Bulk: queue.BulkPerWorker, Transactional: 32}

// bulkTurns is how many bulk envelopes ask for slots and claim at once; more
// would only reserve time that others wait for.
const bulkTurns = 2

// A claim costs about the same for one message as for a hundred. At full speed
// tokens come back one by one, so a turn that finds fewer free than this share
// of all waits once for more.
const (
	claimShare  = 8
	claimLinger = 2 * time.Millisecond
)

// channel serves one channel: a bulkhead of its own, so that a slow provider
// holds nobody else up.
type channel struct {
	worker   *Worker
	c        providers.Channel // as it was when it was started; update has the rest
	provider providers.Provider
	// sends hands a message to the provider; gathered says that it goes with others.
	sends    sender
	gathered bool
	server   *queue.Server
	flights  *flight.Log
	limits   atomic.Pointer[limits]
	// accountRate is the limit of the channel's account, messages a second.
	accountRate atomic.Int64
	inDoubt     atomic.Pointer[providers.InDoubtPolicy]
	epoch       atomic.Int64
	// updatedAt is of the channel that limits is of, ms since 1970.
	updatedAt atomic.Int64
	// changed is closed when limits or epoch change: who waits by the old ones looks
	// again.
	changed atomic.Pointer[chan struct{}]
	// bulk and transactional bound what is claimed and not yet recorded, room the
	// requests among them that are under way at the provider.
	bulk, transactional *budget
	room                *room
	// gradient finds out how much room there is to be; nil where a person has said it.
	gradient *gradient
	pace     pace
	// accepted counts what the provider takes.
	accepted *rate
	// ahead is how many messages are claimed beside those that there is room for.
	ahead    atomic.Int64
	turns    chan struct{}
	stopping chan struct{}
	breaker  *breaker
	slow     slowness
	// current is the version of withdrawals at which the store said that updatedAt is
	// the channel's.
	current atomic.Int64
	// shown is the health that the channel had when this worker last looked.
	shown   atomic.Pointer[providers.Health]
	trips   trips
	claims  claims // how long claiming takes
	records claims // how long recording takes
	// handling are the envelopes at work here.
	handling sync.Map
	runs     runs
	// window is for how long after a recipient has written they may be sent anything; 0 where they
	// always may.
	window time.Duration
	// renderers bound how many chunks are rendered at once.
	renderers chan struct{}
	// files are what messages on the channel carry.
	files *carried
}

// limits are those that hold of a channel.
type limits struct {
	providers.Limits
	// countedAs says whose recipients of a day are counted.
	countedAs string
}

// ofRecipients reports whether any of them is a recipient's.
func (l *limits) ofRecipients() bool {
	return l.RecipientsPerDay > 0 || l.PerRecipientSeconds > 0 || len(l.Mailboxes) > 0
}

// spacing is the least time between two messages to one address.
func (l *limits) spacing() time.Duration {
	return time.Duration(l.PerRecipientSeconds * float64(time.Second))
}

// ways are how a channel's provider is asked.
type ways struct {
	// requests are the most at once, and each takes as many messages, 1 or more.
	requests, each int
	// uploads is how it takes files that were uploaded.
	uploads providers.FileWay
}

// messages are the most under way at once.
func (w ways) messages() int {
	if w.each <= 1 {
		return w.requests
	}
	return min(w.requests*w.each, max(w.each, mostGathered))
}

// newChannel is a channel that has at most so many requests under way.
func newChannel(w *Worker, c providers.Channel, p providers.Provider, by ways) *channel {
	ch := &channel{
		worker: w, c: c, provider: p, turns: make(chan struct{}, bulkTurns), stopping: make(chan struct{}),
		breaker: newBreaker(w.o.Clock), renderers: make(chan struct{}, runtime.GOMAXPROCS(0)),
		accepted: w.acceptedOn(c.ID),
	}
	ch.files = newCarried(ch, by.uploads)
	most := by.messages()
	if to, takes := p.(providers.BatchSender); takes && by.each > 1 {
		ch.sends, ch.gathered = (&gatherer{ch: ch, to: to, most: by.each}).send, true
	} else if p != nil {
		ch.sends = p.Send
	}
	// How long a request takes that has many messages says little of how many requests there
	// should be: those that go in one have no gradient.
	if c.Limits.Concurrency == providers.Auto && !ch.gathered {
		ch.gradient = newGradient(most)
		most = ch.gradient.now()
	}
	ch.room = newRoom(most)
	ch.ahead.Store(leastAhead)
	ch.bulk, ch.transactional = newBudget(ch.room.forBulk()+leastAhead), newBudget(most+leastAhead)
	ch.current.Store(neverLooked)
	ch.update(c)
	return ch
}

// neverLooked is no version of withdrawals.
const neverLooked = -1

func (ch *channel) serves(c providers.Channel) bool { return sameService(ch.c, c) }

// update takes over what may change without a new provider.
func (ch *channel) update(c providers.Channel) {
	now := &limits{Limits: c.Bounds().WithDefaults()}
	now.countedAs = ch.countedAs(&now.Limits)
	before := ch.limits.Swap(now)
	rate := ch.accountRate.Swap(c.AccountPerSecond)
	if revision := c.UpdatedAt.UnixMilli(); ch.updatedAt.Swap(revision) != revision {
		ch.current.Store(neverLooked)
	}
	ch.inDoubt.Store(&c.InDoubt)
	ch.shown.Store(&c.Health)
	if epoch := ch.epoch.Swap(c.Epoch); before == nil || !before.Equal(now.Limits) || epoch != c.Epoch {
		// What was newly configured or resumed begins anew.
		ch.breaker.reset()
		ch.slow.forget()
		ch.tellChanged()
	} else if rate != c.AccountPerSecond {
		ch.tellChanged()
	}
	ch.endOfSlowness()
}

// tellChanged wakes who waits by what was the case before.
func (ch *channel) tellChanged() {
	next := make(chan struct{})
	if old := ch.changed.Swap(&next); old != nil {
		close(*old)
	}
}

// revision is the UpdatedAt of the channel whose limits hold here.
func (ch *channel) revision() time.Time { return time.UnixMilli(ch.updatedAt.Load()) }

// remaining is how long the provider is not to be asked, by what this worker has
// found or another.
func (ch *channel) remaining() time.Duration {
	wait := ch.breaker.remaining()
	if shown := ch.shown.Load(); shown != nil && !shown.Well() {
		wait = max(wait, shown.NextTry.Sub(ch.now()))
	}
	return wait
}

// resends reports whether a message in doubt is sent again.
func (ch *channel) resends(transactional bool) bool { return ch.inDoubt.Load().Resend(transactional) }

// stop takes no more envelopes, lets what is in flight end and closes the
// provider.
func (ch *channel) stop() {
	close(ch.stopping)
	ch.server.Stop()
	if err := errors.Join(ch.provider.Close(), ch.flights.Close()); err != nil {
		ch.worker.o.Logger.Warn("closing a channel failed", "channel", ch.c.ID, "error", err)
	}
}

func (ch *channel) isStopping() bool {
	select {
	case <-ch.stopping:
		return true
	default:
		return false
	}
}

// The times that an item waits for a slot.
const (
	// aheadBulk and aheadTransactional are how far ahead slots are reserved. What
	// bulk messages reserve is what a transactional message waits for. It is more
	// by the time that claiming takes, which comes before the slot.
	aheadBulk          = 60 * time.Millisecond
	aheadTransactional = time.Second
	// holdAtMost is how long an envelope waits with its handler for a slot; beyond
	// that its messages go back to the store. The feeder gives out what has its
	// slot in sight, so that only a limit that fell meanwhile makes them wait longer.
	holdAtMost = 5 * time.Second
)

// handle sends the messages of one envelope. It returns nil once every outcome
// is in the store, or the message back in it.
func (ch *channel) handle(ctx context.Context, e queue.Envelope) error {
	// A task whose lease was lost may come again while it is still worked on. It
	// must not be claimed for twice under one worker's name: what is given back
	// after a failed claim could be what the other has claimed.
	if _, busy := ch.handling.LoadOrStore(e.ID, true); busy {
		return nil
	}
	defer ch.handling.Delete(e.ID)
	var inflight sync.WaitGroup
	defer inflight.Wait()
	b := ch.batch(ctx, e)
	defer b.close()
	if ch.isStopping() || ctx.Err() != nil {
		return ch.giveBack(ctx, e, b.rest(), messages.Due{At: ch.now()})
	}
	err := b.load()
	if err == nil {
		err = ch.sendAll(ctx, b, &inflight)
	}
	switch {
	case errors.Is(err, errStale):
		b.close()
		return ch.giveBack(ctx, e, b.rest(), messages.Due{At: ch.now()})
	case errors.Is(err, errDayOver):
		// No later due time: the feeder knows when there is room, and the limit may be
		// another by then.
		b.close()
		return ch.giveBack(ctx, e, b.rest(), messages.Due{At: ch.now(), Reason: messages.ReasonAccountPerDay})
	}
	return err
}

// sendAll deals with the messages of an envelope, as they become ready.
func (ch *channel) sendAll(ctx context.Context, b *batch, inflight *sync.WaitGroup) error {
	for {
		if err := b.advance(); err != nil || b.empty() {
			return err
		}
		if ch.isStopping() || ctx.Err() != nil {
			b.close()
			return ch.giveBack(ctx, b.e, b.rest(), messages.Due{At: ch.now()})
		}
		if wait := b.recall(ch.now()); wait > 0 {
			ch.pause(ctx, wait)
			continue
		}
		n, wait, err := ch.takeTurn(ctx, b.e, b.ready, inflight)
		b.dealtWith(n)
		if err != nil {
			return err
		}
		if ch.remaining() > holdAtMost {
			// They wait where pausing, a new configuration and a success reach them: the
			// feeder leaves them there until the channel's next try.
			return ch.giveBack(ctx, b.e, b.rest(), messages.Due{At: ch.now().Add(time.Second), Reason: messages.ReasonChannelHeld})
		}
		if wait > holdAtMost {
			// No later due time: how long they wait is the limiter's to say, and by
			// then the limit may be another.
			return ch.giveBack(ctx, b.e, b.rest(), messages.Due{At: ch.now(), Reason: messages.ReasonThrottled})
		}
		if wait > 0 && !b.empty() {
			ch.pause(ctx, wait)
		}
	}
}

// pause waits, but not longer than until the channel stops or changes.
func (ch *channel) pause(ctx context.Context, d time.Duration) {
	select {
	case <-ch.worker.o.Clock.After(d):
	case <-*ch.changed.Load():
	case <-ch.stopping:
	case <-ctx.Done():
	}
}

func (ch *channel) now() time.Time { return ch.worker.o.Clock.Now() }

// takeTurn reserves slots for the first items, claims their messages and starts
// to send them. It returns how many items are dealt with and how long to wait
// before the next turn.
func (ch *channel) takeTurn(ctx context.Context, e queue.Envelope, items []item, inflight *sync.WaitGroup) (n int, wait time.Duration, err error) {
	tokens, ahead := ch.bulk, aheadBulk+ch.claims.lag()
	if e.Transactional {
		tokens, ahead = ch.transactional, aheadTransactional
	} else {
		select {
		case ch.turns <- struct{}{}:
			defer func() { <-ch.turns }()
		case <-ch.stopping:
			return 0, 0, nil
		case <-ctx.Done():
			return 0, 0, nil
		}
	}
	held := tokens.acquire(ch.stopping, len(items))
	if want := min(len(items), tokens.all()/claimShare); held > 0 && held < want {
		ch.pause(ctx, claimLinger)
		held += tokens.more(len(items) - held)
	}
	if held == 0 {
		return 0, 0, nil // stopping
	}
	defer func() { tokens.release(held) }()
	if wait := ch.remaining(); wait > 0 {
		return 0, wait, nil
	}
	p, wait := ch.breaker.enter(ctx, ch.stopping, e.Transactional, held, ch.limits.Load().DoubtsInARow)
	defer func() { ch.breaker.leave(p) }()
	if p.n == 0 {
		return 0, wait, nil // held, or stopping
	}
	tokens.release(held - p.n)
	held = p.n
	revision := ch.revision() // before the limits are read
	grant, lag, err := ch.timedReserve(ctx, ch.reservation(e, items[:held], ahead))
	if err != nil {
		return 0, 0, err
	}
	granted := make([]slotted, 0, len(grant.Slots))
	if err := ch.deny(ctx, e, items, denied{grant.Slots, revision}); err != nil {
		return 0, 0, err
	}
	for i, slot := range grant.Slots {
		if slot.Denied != "" {
			continue
		}
		s := lag.slot(items[i], slot)
		s.pass = pass{1, p.urgent, p.opened}
		granted = append(granted, s)
	}
	if err := ch.claiming(ctx, e, revision, granted); errors.Is(err, errOutdated) {
		return 0, outdatedWait, nil
	} else if err != nil {
		return 0, 0, err
	}
	for i, s := range granted {
		granted[i].flight = ch.flights.Begin(flight.Claim{
			MessageID: s.item.MessageID, EnvelopeID: e.ID, RunID: e.RunID, Attempt: s.item.Attempt, Transactional: e.Transactional,
		})
	}
	began := ch.now()
	claimed, err := ch.claim(ctx, e, granted)
	ch.claims.add(ch.stage(StageClaim, began))
	if err != nil {
		return 0, 0, err
	}
	over := len(claimed) < len(granted) && ch.dayIsOver(ctx)
	if len(claimed) == 0 && len(granted) > 0 && !over {
		// The envelope is stale, or its campaign has been paused, canceled or
		// cleared: the rest must not use up slots that others wait for.
		return len(grant.Slots), 0, errStale
	}
	for _, s := range claimed {
		held--
		p.n--
		inflight.Go(func() {
			defer tokens.release(1)
			defer ch.breaker.leave(s.pass)
			ch.send(ctx, e, s)
		})
	}
	if over {
		return 0, 0, errDayOver
	}
	return len(grant.Slots), grant.RetryIn, nil
}

// errDayOver says that the account has sent as much as it may in a day.
var errDayOver = errors.New("the account has sent as much as it may in a day")

// dayIsOver reports whether that is why not all that was asked for could be claimed.
func (ch *channel) dayIsOver(ctx context.Context) bool {
	d, err := ch.worker.o.Store.DaySends(ctx, ch.c.AccountID)
	if err != nil {
		ch.worker.o.Logger.Warn("an account's limit of a day could not be looked at", "account", ch.c.AccountID, "error", err)
	}
	return d.Full()
}

// limiterID is the channel as the limiter knows it.
func (ch *channel) limiterID() queue.Channel {
	return queue.Channel{AccountID: ch.c.AccountID, ID: ch.c.ID}
}

func (ch *channel) reservation(e queue.Envelope, items []item, ahead time.Duration) queue.Reservation {
	limits := ch.limits.Load()
	r := queue.Reservation{
		ChannelID: ch.c.ID, AccountID: ch.c.AccountID, AccountPerSecond: float64(ch.accountRate.Load()), MaxGap: aheadBulk + ch.claims.lag(),
		Epoch: ch.epoch.Load(), CountedAs: limits.countedAs, MaxAhead: ahead, CampaignID: e.CampaignID, CampaignPerSecond: e.CampaignPerSecond,
		Limits: queue.Limits{
			PerSecond: limits.PerSecond, Burst: limits.Burst, RecipientsPerDay: limits.RecipientsPerDay, RecipientsPool: limits.RecipientsPool,
			PerRecipient: limits.spacing(), RecipientBurst: limits.PerRecipientBurst,
		},
		Recipients: make([]string, len(items)),
	}
	if limits.ofRecipients() {
		for i := range items {
			r.Recipients[i] = messages.RecipientKey(items[i].message.To)
		}
	}
	if limits.RecipientsPerDay > 0 {
		r.Exempt = answering(items)
	}
	if len(limits.Mailboxes) > 0 {
		r.Mailboxes, r.Near = mailboxesOf(limits.Mailboxes, items), nearBy
		if e.Transactional {
			r.Near = nearAlways
		}
	}
	return r
}

// claim claims the messages just before they are sent. What could not be
// claimed belongs to somebody else, or is paused, cleared or canceled.
func (ch *channel) claim(ctx context.Context, e queue.Envelope, items []slotted) ([]slotted, error) {
	if len(items) == 0 {
		return nil, nil
	}
	ids := make([]int64, len(items))
	var languages []string
	for i, s := range items {
		if ids[i] = s.item.MessageID; s.item.language != "" {
			languages = append(languages, s.item.language)
		}
	}
	claimed, err := ch.worker.o.Writer.Claim(ctx, messages.Claim{
		WorkerID: ch.worker.o.ID, ChannelID: ch.c.ID, RunID: e.RunID, EnvelopeID: e.ID, MessageIDs: ids, Languages: languages,
	})
	if err != nil {
		// The claim may have been committed although its answer was lost: what it
		// claimed is given back, unsent and with its attempt unspent.
		outcomes := make([]messages.Outcome, len(items))
		for i, s := range items {
			outcomes[i] = ch.outcome(e, s.item.Item, messages.Pending)
			outcomes[i].Unspent, outcomes[i].NotAsked = true, true
		}
		if recordErr := ch.worker.o.Writer.Record(ctx, outcomes); recordErr != nil {
			ch.worker.o.Logger.Warn("messages of a failed claim could not be given back; the reaper will", "channel", ch.c.ID, "error", recordErr)
			return nil, err
		}
		for _, s := range items {
			s.flight.Done()
		}
		return nil, err
	}
	if len(claimed) > 0 {
		failpoint.Hit(failpoint.AfterClaim)
	}
	if len(claimed) == len(items) {
		return items, nil
	}
	mine := make(map[int64]bool, len(claimed))
	for _, id := range claimed {
		mine[id] = true
	}
	kept := items[:0]
	for _, s := range items {
		if mine[s.item.MessageID] {
			kept = append(kept, s)
		} else {
			s.flight.Done()
		}
	}
	return kept, nil
}

// giveBack returns messages that were not claimed to pending.
func (ch *channel) giveBack(ctx context.Context, e queue.Envelope, ids []int64, due messages.Due) error {
	if len(ids) == 0 {
		return nil
	}
	return ch.worker.o.Store.Unqueue(context.WithoutCancel(ctx), messages.Unqueuing{
		RunID: e.RunID, ChannelID: ch.c.ID, EnvelopeID: e.ID, MessageIDs: ids, Due: due,
	})
}
