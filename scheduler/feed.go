package scheduler

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"carillon/internal/clock"
	"carillon/internal/failpoint"
	"carillon/messages"
	"carillon/providers"
	"carillon/queue"
)

// FeedStore is what the feeder needs of the store.
type FeedStore interface {
	// FeedableRuns lists the runs with messages that are due and wait for room in a
	// channel's window, or with some in it; FeedableTransactional, under run 0, the
	// channels with transactional ones.
	FeedableRuns(ctx context.Context) ([]messages.Feedable, error)
	FeedableTransactional(ctx context.Context) ([]messages.Feedable, error)
	// Feed marks due messages queued and returns them; none when the run or the channel
	// is not sending.
	Feed(ctx context.Context, request messages.FeedRequest) ([]messages.FeedMessage, error)
	// LivingWorkers is how many worker processes there are.
	LivingWorkers(ctx context.Context) (int, error)
	// ChannelByID is a channel whatever its account, a deleted one too; NotFound if
	// there is none.
	ChannelByID(ctx context.Context, channelID int64) (providers.Channel, error)
}

// FeedQueue is what the feeder needs of Redis. It is Unavailable while that does not
// answer.
type FeedQueue interface {
	// Window is what of a channel is in Redis.
	Window(ctx context.Context, channelID int64) (queue.Window, error)
	// EnqueueAll enqueues in no certain order. After an error some may have been
	// enqueued; enqueueing all of them again is safe. An envelope that names no messages
	// is Invalid.
	EnqueueAll(ctx context.Context, envelopes []queue.Envelope) error
	// NextSlot is how long a message would wait for its slot now.
	NextSlot(ctx context.Context, r queue.Reservation) (time.Duration, error)
}

// The size of windows, in time alone: a window is about two seconds of the channel's
// work, in as many envelopes as its workers work on at once, or fewer if these would
// be less than a message. What the workers take a second says how much that is, or the channel's
// limit where that is lower. Redis holds a few bytes a message, whatever its content.
const (
	// MaxTransactional is the most transactional messages of a channel that are
	// under way; each has an envelope of its own.
	MaxTransactional = 64

	windowSeconds = 2
	// feedAhead is how soon the next slot of a channel, or of a campaign with a limit
	// of its own, has to be for anything to be fed. What waits longer waits in the
	// store, in its order, where a raised limit or a resumed channel finds it at once.
	feedAhead = windowSeconds * time.Second
	maxItems  = queue.MaxItems
)

// feeder keeps the channels' windows filled.
type feeder struct {
	store FeedStore
	queue FeedQueue

	mu sync.Mutex
	// lanes are those that are being filled, and filling counts them.
	lanes   map[lane]bool
	filling sync.WaitGroup
	wake    func()
	log     *slog.Logger
	// runs are those that there were to feed when it was last looked.
	runs listing
	// batches are the sizes of the runs' next batches of planning.
	batches map[int64]int
	// turns remember whose turn it is on each channel, paces how fast its campaigns'
	// messages are taken.
	turns map[int64]turns
	paces map[int64]*pace
	// workers is how many there are, as of workersAt.
	workers   int
	workersAt time.Time
	stats     FeedStats
	clock     clock.Clock
}

// FeedStats is what the feeder has done: messages marked and enqueued, and the
// time that took.
type FeedStats struct {
	Messages int64
	Seconds  float64
}

func newFeeder(o Options, wake func()) *feeder {
	return &feeder{
		store: o.Store, queue: o.Queue, clock: o.Clock, wake: wake, log: o.Logger, lanes: map[lane]bool{},
		batches: map[int64]int{}, turns: map[int64]turns{}, paces: map[int64]*pace{},
	}
}

// batchSize is how many messages of a run to plan next: few at first, so that
// feeding and claiming the first ones do not wait behind a large transaction,
// then twice as many each time.
func (f *feeder) batchSize(runID int64) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	size := cmp.Or(f.batches[runID], firstBatch)
	f.batches[runID] = min(2*size, planBatch)
	return size
}

// forget drops what is kept of a finished run.
func (f *feeder) forget(runID int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.batches, runID)
}

// forgetAll drops what is kept of runs and channels: who leads no more does not
// hear of their end.
func (f *feeder) forgetAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.runs = listing{}
	clear(f.batches)
	clear(f.turns)
	clear(f.paces)
}

// fillTransactional feeds messages that have a content of their own.
func (f *feeder) fillTransactional(ctx context.Context, channel providers.Channel, room int, items []*messages.Feedable) (worked bool, err error) {
	for _, item := range items {
		free := min(int64(room), item.Pending)
		if free <= 0 {
			continue
		}
		fed, err := f.feed(ctx, item, messages.FeedRequest{ChannelID: channel.ID, Envelopes: newEnvelopeIDs(int(free)), PerEnvelope: 1})
		if err != nil {
			return worked, err
		}
		worked = worked || fed > 0
	}
	return worked, nil
}

// fillBulk gives the room in the window to the runs in turn.
func (f *feeder) fillBulk(ctx context.Context, channel providers.Channel, window queue.Window, items *listed) (worked bool, err error) {
	pace := f.pace(channel.ID)
	if items.fresh {
		pace.saw(f.clock.Now(), queuedOf(items.items))
		items.fresh = false
	}
	rate := lower(float64(channel.AccountPerSecond), lower(channel.Limits.PerSecond, pace.rate))
	most, err := f.mostEnvelopes(ctx)
	if err != nil {
		return false, err
	}
	room := windowEnvelopes(rate, most)*envelopeItems(rate, most) - pace.inside(window.Bulk, envelopeItems(rate, most))
	shares, err := f.turnsOf(channel.ID).shares(ctx, items.items, room, func(ctx context.Context, item *messages.Feedable) (terms, error) {
		own := item.CampaignPerSecond
		t := terms{perEnvelope: envelopeItems(lower(own, rate), most)}
		ready, err := f.ready(ctx, channel, item)
		if ready {
			t.most = roomOf(own, item.Queued, t.perEnvelope, room)
		}
		return t, err
	})
	errs := []error{err}
	for _, share := range shares {
		request := messages.FeedRequest{
			ChannelID: channel.ID, RunID: share.item.RunID, Batched: share.item.Batched, PerEnvelope: share.perEnvelope,
			Envelopes: newEnvelopeIDs(share.envelopes),
		}
		fed, err := f.feed(ctx, share.item, request)
		if err != nil {
			return worked, errors.Join(append(errs, err)...)
		}
		pace.fed(fed, share.perEnvelope)
		worked = worked || fed > 0
	}
	return worked, errors.Join(errs...)
}

// ready reports whether a run can be fed: its own limit has a slot in sight. A run
// that has to wait must not hold places of the window that others could use.
func (f *feeder) ready(ctx context.Context, channel providers.Channel, item *messages.Feedable) (bool, error) {
	if item.CampaignPerSecond == 0 {
		return true, nil
	}
	return f.slotNear(ctx, channel, item)
}

// slotNear reports whether the next slot of a channel, and of a campaign with a
// limit of its own, is near enough to feed what will use it.
func (f *feeder) slotNear(ctx context.Context, channel providers.Channel, item *messages.Feedable) (bool, error) {
	limits := channel.Bounds().WithDefaults()
	wait, err := f.queue.NextSlot(ctx, queue.Reservation{
		ChannelID: channel.ID, AccountID: channel.AccountID, AccountPerSecond: float64(channel.AccountPerSecond), Epoch: channel.Epoch,
		Limits:     queue.Limits{PerSecond: limits.PerSecond, Burst: limits.Burst},
		CampaignID: item.CampaignID, CampaignPerSecond: item.CampaignPerSecond,
	})
	return wait <= feedAhead, err
}

// pace is a channel's, which only its lane looks at.
func (f *feeder) pace(channelID int64) *pace {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.paces[channelID] == nil {
		f.paces[channelID] = &pace{}
	}
	return f.paces[channelID]
}

// turnsOf is whose turn it is on a channel, which only its lane looks at.
func (f *feeder) turnsOf(channelID int64) turns {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.turns[channelID] == nil {
		f.turns[channelID] = turns{}
	}
	return f.turns[channelID]
}

func queuedOf(items []*messages.Feedable) (n int64) {
	for _, item := range items {
		n += item.Queued
	}
	return n
}

// lower is a limit, messages a second, of which 0 is none, or a rate that is lower.
func lower(limit, rate float64) float64 {
	if limit == 0 {
		return rate
	}
	return min(limit, rate)
}

// workersKnown is how long the number of workers is believed.
const workersKnown = time.Second

// mostEnvelopes is how many bulk envelopes of a channel the workers work on at once.
func (f *feeder) mostEnvelopes(ctx context.Context) (int, error) {
	f.mu.Lock()
	known, fresh := f.workers, f.clock.Now().Sub(f.workersAt) < workersKnown
	f.mu.Unlock()
	if !fresh {
		var err error
		if known, err = f.store.LivingWorkers(ctx); err != nil {
			return 0, err
		}
		f.mu.Lock()
		f.workers, f.workersAt = known, f.clock.Now()
		f.mu.Unlock()
	}
	return queue.BulkPerWorker * max(1, known), nil
}

// envelopeItems is how many messages go into one envelope at a rate, messages a
// second, where there are most envelopes under way at most.
func envelopeItems(rate float64, most int) int {
	return int(max(1, min(maxItems, math.Ceil(rate*windowSeconds/float64(most)))))
}

// windowEnvelopes is how many bulk envelopes a channel has under way at a rate. What
// has no slot within the window would only be given back.
func windowEnvelopes(rate float64, most int) int {
	return int(min(float64(most), math.Ceil(rate*windowSeconds)))
}

// roomOf is how many envelopes a run with a limit of its own, messages a second, may
// add: it must not fill the channel's window with messages that wait for its own
// slots.
func roomOf(own float64, queued int64, perEnvelope, most int) int {
	if own == 0 {
		return most
	}
	room := math.Ceil(own*windowSeconds) - float64(queued)
	return int(math.Ceil(room / float64(perEnvelope)))
}

// feed marks messages queued and enqueues their envelopes. If the process dies in
// between, the reaper finds rows without a task and takes them back. The item is kept
// up to date, for as long as the listing is used that it is of.
func (f *feeder) feed(ctx context.Context, item *messages.Feedable, request messages.FeedRequest) (int, error) {
	start := f.clock.Now()
	messages, err := f.store.Feed(ctx, request)
	if err != nil {
		return 0, err
	}
	if len(messages) == 0 {
		item.Pending = 0
		return 0, nil
	}
	item.Pending -= int64(len(messages))
	item.Queued += int64(len(messages))
	if err := f.queue.EnqueueAll(ctx, enveloped(item, request, messages)); err != nil {
		return 0, err
	}
	failpoint.Hit(failpoint.AfterEnqueue)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stats.Messages += int64(len(messages))
	f.stats.Seconds += f.clock.Now().Sub(start).Seconds()
	return len(messages), nil
}

// enveloped names messages, which are in the order of their envelopes, in these.
func enveloped(item *messages.Feedable, request messages.FeedRequest, messages []messages.FeedMessage) []queue.Envelope {
	envelopes := make([]queue.Envelope, 0, len(request.Envelopes))
	for _, m := range messages {
		if len(envelopes) == 0 || envelopes[len(envelopes)-1].ID != m.EnvelopeID {
			envelopes = append(envelopes, queue.Envelope{
				ID: m.EnvelopeID, ChannelID: request.ChannelID, RunID: request.RunID, Transactional: request.RunID == 0,
				CampaignID: item.CampaignID, CampaignPerSecond: item.CampaignPerSecond, Items: make([]queue.Item, 0, request.PerEnvelope),
			})
		}
		last := &envelopes[len(envelopes)-1]
		last.Items = append(last.Items, queue.Item{MessageID: m.ID, Attempt: m.Attempt})
	}
	return envelopes
}

// newEnvelopeIDs makes ids that are not used again: 63 random bits each.
func newEnvelopeIDs(n int) []int64 {
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = rand.Int64N(math.MaxInt64-1) + 1
	}
	return ids
}
