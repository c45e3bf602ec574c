package scheduler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"carillon/campaigns"
	"carillon/internal/clock"
	"carillon/internal/failpoint"
	"carillon/providers"
	"carillon/queue"
	"carillon/templates"
)

// FeedStore is what the feeder needs of the store.
type FeedStore interface {
	Feedable(ctx context.Context) ([]campaigns.Feedable, error)
	Feed(ctx context.Context, request campaigns.FeedRequest) ([]campaigns.FeedMessage, error)
	Skip(ctx context.Context, runID, channelID int64, reason string, details map[int64]string) error
	// Unqueue takes messages of an envelope back to pending.
	Unqueue(ctx context.Context, runID, channelID, envelopeID int64, ids []int64, due campaigns.Due) error
	// PauseRun pauses the campaign of a run, with words that say why.
	PauseRun(ctx context.Context, runID int64, why string) error
	CampaignOfRun(ctx context.Context, runID int64) (campaigns.Campaign, error)
	ChannelByID(ctx context.Context, channelID int64) (providers.Channel, error)
}

// FeedQueue is what the feeder needs of Redis.
type FeedQueue interface {
	Window(ctx context.Context, channelID int64) (queue.Window, error)
	EnqueueAll(ctx context.Context, envelopes []queue.Envelope) error
	// NextSlot is how long a message would wait for its slot now.
	NextSlot(ctx context.Context, r queue.Reservation) (time.Duration, error)
}

// The size of windows. An envelope is about a quarter of a second of the
// channel's work and a window about two seconds of it, in at most MaxEnvelopes
// envelopes. Both are bounded in bytes as well, because Redis holds windows of
// rendered messages.
const (
	// MaxEnvelopes is the most bulk envelopes of a channel that are under way.
	MaxEnvelopes = 16
	// MaxTransactional is the most transactional messages of a channel that are
	// under way; each has an envelope of its own.
	MaxTransactional = 64

	envelopeSeconds = 0.25
	windowSeconds   = 2
	minEnvelopes    = 4
	// feedAhead is how soon the next slot of a channel, or of a campaign with a limit
	// of its own, has to be for anything to be fed. What waits longer waits in the
	// store, in its order, where a raised limit or a resumed channel finds it at once.
	feedAhead     = windowSeconds * time.Second
	maxJobs       = queue.MaxJobs
	envelopeBytes = 512 << 10
)

// How long templates may hold up what they render.
const (
	// renderFor is how long one batch of a run is rendered; what is left then is fed
	// again. It stays below graceQueued, after which the reaper looks for the tasks
	// of what was marked.
	renderFor = time.Second
	// exceededInARow is how many recipients one after the other may exceed the
	// bounds of templates before their campaign is paused.
	exceededInARow = 10
)

// feeder keeps the channels' windows filled.
type feeder struct {
	store       FeedStore
	queue       FeedQueue
	unsubscribe func(accountID, messageID int64) string

	mu sync.Mutex
	// lanes are those that are being filled, and filling counts them.
	lanes   map[lane]bool
	filling sync.WaitGroup
	wake    func()
	log     *slog.Logger
	// runs are the compiled contents of the runs being fed.
	runs map[int64]*fedRun
	// batches are the sizes of the runs' next batches of planning.
	batches map[int64]int
	// turns remember whose turn it is on each channel.
	turns map[int64]*turns
	stats FeedStats
	clock clock.Clock
}

// FeedStats is what the feeder has done: messages marked, rendered and
// enqueued, and the time that took.
type FeedStats struct {
	Messages int64
	Seconds  float64
}

// fedRun is a run as the feeder renders it. One lane at a time works on it.
type fedRun struct {
	campaign campaigns.Campaign
	content  *templates.Content
	// each is how long the last batch took to render for one recipient.
	each time.Duration
	// exceeded counts recipients, one after the other, for whom the template
	// exceeded its bounds.
	exceeded int
}

func newFeeder(o Options, wake func()) *feeder {
	return &feeder{
		store: o.Store, queue: o.Queue, unsubscribe: o.UnsubscribeURL, wake: wake, log: o.Logger, lanes: map[lane]bool{},
		clock: o.Clock, runs: map[int64]*fedRun{}, batches: map[int64]int{}, turns: map[int64]*turns{},
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
	delete(f.runs, runID)
	delete(f.batches, runID)
}

// forgetAll drops what is kept of runs and channels: who leads no more does not
// hear of their end.
func (f *feeder) forgetAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.runs)
	clear(f.batches)
	clear(f.turns)
}

// fillTransactional feeds messages that have a content of their own.
func (f *feeder) fillTransactional(ctx context.Context, channel providers.Channel, room int, items []campaigns.Feedable) (worked bool, err error) {
	for _, item := range items {
		free := min(int64(room), item.Pending)
		if free <= 0 {
			continue
		}
		fed, err := f.feed(ctx, channel, nil, campaigns.FeedRequest{ChannelID: channel.ID, Envelopes: newEnvelopeIDs(int(free)), PerEnvelope: 1})
		if err != nil {
			return worked, err
		}
		worked = worked || fed > 0
	}
	return worked, nil
}

// fillBulk gives the free envelopes of the window to the runs in turn.
func (f *feeder) fillBulk(ctx context.Context, channel providers.Channel, free int, items []campaigns.Feedable) (worked bool, err error) {
	var runs []campaigns.Feedable
	var errs []error
	for _, item := range items {
		ready, err := f.ready(ctx, channel, item.RunID)
		if err != nil {
			errs = append(errs, err)
		} else if ready {
			runs = append(runs, item)
		}
	}
	for _, share := range f.shares(channel.ID, runs, free) {
		run, err := f.run(ctx, share.item.RunID)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		request := campaigns.FeedRequest{
			ChannelID: channel.ID, RunID: share.item.RunID,
			PerEnvelope: envelopeJobs(channel.Limits.PerSecond, run),
		}
		envelopes := min(share.envelopes, roomOf(run, share.item.Queued, request.PerEnvelope))
		if envelopes <= 0 {
			continue
		}
		envelopes = run.within(renderFor/2, &request, envelopes)
		request.Envelopes = newEnvelopeIDs(envelopes)
		fed, err := f.feed(ctx, channel, run, request)
		if err != nil {
			return worked, errors.Join(append(errs, err)...)
		}
		worked = worked || fed > 0
	}
	return worked, errors.Join(errs...)
}

// within makes a request so small that its messages are rendered within a time, as
// far as the last batch tells, and returns the number of its envelopes.
func (r *fedRun) within(most time.Duration, request *campaigns.FeedRequest, envelopes int) int {
	if r.each <= 0 {
		return envelopes
	}
	messages := int(max(1, most/r.each))
	request.PerEnvelope = min(request.PerEnvelope, messages)
	return max(1, min(envelopes, messages/request.PerEnvelope))
}

// ready reports whether a run can be fed: its content compiles, and its own limit
// has a slot in sight. A run that has to wait must not hold places of the window
// that others could use.
func (f *feeder) ready(ctx context.Context, channel providers.Channel, runID int64) (bool, error) {
	run, err := f.run(ctx, runID)
	if err != nil || run.campaign.Throttle.PerSecond == 0 {
		return err == nil, err
	}
	return f.slotNear(ctx, channel, run.campaign)
}

// slotNear reports whether the next slot of a channel, and of a campaign with a
// limit of its own, is near enough to feed what will use it.
func (f *feeder) slotNear(ctx context.Context, channel providers.Channel, c campaigns.Campaign) (bool, error) {
	limits := channel.Limits.WithDefaults()
	wait, err := f.queue.NextSlot(ctx, queue.Reservation{
		ChannelID: channel.ID, Epoch: channel.Epoch, Limits: queue.Limits{PerSecond: limits.PerSecond, Burst: limits.Burst},
		CampaignID: c.ID, CampaignPerSecond: c.Throttle.PerSecond,
	})
	return wait <= feedAhead, err
}

// envelopeJobs is how many messages go into one envelope.
func envelopeJobs(perSecond float64, run *fedRun) int {
	rate := perSecond
	if own := run.campaign.Throttle.PerSecond; own > 0 && (rate == 0 || own < rate) {
		rate = own
	}
	jobs := maxJobs
	if rate > 0 {
		jobs = int(math.Ceil(rate * envelopeSeconds))
	}
	byBytes := envelopeBytes / (run.content.EstimateBytes() + 256)
	return max(1, min(jobs, byBytes, maxJobs))
}

// windowEnvelopes is how many bulk envelopes a channel has under way.
func windowEnvelopes(perSecond float64) int {
	if perSecond == 0 {
		return MaxEnvelopes
	}
	jobs := math.Ceil(perSecond * envelopeSeconds)
	// What has no slot within the window would only be given back.
	least := min(minEnvelopes, math.Ceil(perSecond*windowSeconds))
	return int(max(least, min(MaxEnvelopes, math.Ceil(perSecond*windowSeconds/jobs))))
}

// roomOf is how many envelopes a run with a throttle of its own may add: it must
// not fill the channel's window with messages that wait for its own slots.
func roomOf(run *fedRun, queued int64, perEnvelope int) int {
	own := run.campaign.Throttle.PerSecond
	if own == 0 {
		return MaxEnvelopes
	}
	room := math.Ceil(own*windowSeconds) - float64(queued)
	return int(math.Ceil(room / float64(perEnvelope)))
}

// share is what one run gets of a channel's free envelopes.
type share struct {
	item      campaigns.Feedable
	envelopes int
}

// turns is a smooth weighted round robin over the runs of a channel: each turn
// every run gains its weight, the one with most goes and pays what all gained.
type turns struct{ credit map[int64]int }

func (f *feeder) shares(channelID int64, runs []campaigns.Feedable, free int) []share {
	if len(runs) == 0 || free <= 0 {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.turns[channelID]
	if t == nil {
		t = &turns{}
		f.turns[channelID] = t
	}
	// Runs that are gone lose their credit.
	credit := make(map[int64]int, len(runs))
	for _, run := range runs {
		credit[run.RunID] = t.credit[run.RunID]
	}
	t.credit = credit
	got := make([]int, len(runs))
	for range free {
		best, total := 0, 0
		for i, run := range runs {
			weight := max(1, run.Weight)
			credit[run.RunID] += weight
			total += weight
			if credit[run.RunID] > credit[runs[best].RunID] {
				best = i
			}
		}
		credit[runs[best].RunID] -= total
		got[best]++
	}
	var list []share
	for i, n := range got {
		if n > 0 {
			list = append(list, share{runs[i], n})
		}
	}
	return list
}

// run is the compiled content of a run. A campaign does not change once it has
// a run, so it is compiled once.
func (f *feeder) run(ctx context.Context, runID int64) (*fedRun, error) {
	f.mu.Lock()
	known := f.runs[runID]
	f.mu.Unlock()
	if known != nil {
		return known, nil
	}
	campaign, err := f.store.CampaignOfRun(ctx, runID)
	if err != nil {
		return nil, err
	}
	content, err := templates.Compile(campaign.Content)
	if err != nil {
		return nil, fmt.Errorf("compile the content of campaign %d: %w", campaign.ID, err)
	}
	run := &fedRun{campaign: campaign, content: content}
	f.mu.Lock()
	f.runs[runID] = run
	f.mu.Unlock()
	return run, nil
}

// feed marks messages queued, renders them and enqueues their envelopes. If the
// process dies in between, the reaper finds rows without a task and takes them
// back.
func (f *feeder) feed(ctx context.Context, channel providers.Channel, run *fedRun, request campaigns.FeedRequest) (int, error) {
	start := f.clock.Now()
	messages, err := f.store.Feed(ctx, request)
	if err != nil || len(messages) == 0 {
		return 0, err
	}
	defer func() {
		f.mu.Lock()
		f.stats.Messages += int64(len(messages))
		f.stats.Seconds += f.clock.Now().Sub(start).Seconds()
		f.mu.Unlock()
	}()
	rendered, err := f.render(ctx, channel, run, messages)
	if err != nil {
		return 0, err
	}
	if err := f.settle(ctx, channel, run, request, rendered); err != nil {
		return 0, err
	}
	if rendered.pause != "" || len(rendered.jobs) == 0 {
		return len(messages), nil
	}
	if err := f.queue.EnqueueAll(ctx, enveloped(channel, run, request, rendered)); err != nil {
		return 0, err
	}
	failpoint.Hit(failpoint.AfterEnqueue)
	return len(messages), nil
}

func joinName(first, last string) string {
	switch {
	case first == "":
		return last
	case last == "":
		return first
	}
	return first + " " + last
}

// newEnvelopeIDs makes ids that are not used again: 63 random bits each.
func newEnvelopeIDs(n int) []int64 {
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = rand.Int64N(math.MaxInt64-1) + 1
	}
	return ids
}
