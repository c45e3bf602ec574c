package scheduler

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"carillon/campaigns"
	"carillon/internal/clock"
	"carillon/internal/failpoint"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/queue"
	"carillon/templates"
)

// FeedStore is what the feeder needs of the store.
type FeedStore interface {
	Feedable(ctx context.Context) ([]campaigns.Feedable, error)
	Feed(ctx context.Context, request campaigns.FeedRequest) ([]campaigns.FeedMessage, error)
	Skip(ctx context.Context, runID, channelID int64, reason string, details map[int64]string) error
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

// feeder keeps the channels' windows filled.
type feeder struct {
	store       FeedStore
	queue       FeedQueue
	unsubscribe func(accountID, messageID int64) string

	mu sync.Mutex
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

// fedRun is a run as the feeder renders it.
type fedRun struct {
	campaign campaigns.Campaign
	content  *templates.Content
}

func newFeeder(o Options) *feeder {
	return &feeder{
		store: o.Store, queue: o.Queue, unsubscribe: o.UnsubscribeURL,
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

// pass fills every channel's window once. What is wrong with one channel or run
// keeps no other from being fed.
func (f *feeder) pass(ctx context.Context) (worked bool, err error) {
	feedable, err := f.store.Feedable(ctx)
	if err != nil {
		return false, err
	}
	var errs []error
	for len(feedable) > 0 && ctx.Err() == nil {
		n := 1
		for n < len(feedable) && feedable[n].ChannelID == feedable[0].ChannelID {
			n++
		}
		fed, err := f.fillChannel(ctx, feedable[0].ChannelID, feedable[:n])
		if err != nil {
			errs = append(errs, fmt.Errorf("feed channel %d: %w", feedable[0].ChannelID, err))
		}
		worked = worked || fed
		feedable = feedable[n:]
	}
	return worked, errors.Join(errs...)
}

// fillChannel feeds transactional messages first, then gives the free envelopes
// of the window to the runs in turn.
func (f *feeder) fillChannel(ctx context.Context, channelID int64, feedable []campaigns.Feedable) (worked bool, err error) {
	channel, err := f.store.ChannelByID(ctx, channelID)
	if err != nil {
		return false, err
	}
	window, err := f.queue.Window(ctx, channelID)
	if err != nil {
		return false, err
	}
	if near, err := f.slotNear(ctx, channel, campaigns.Campaign{}); err != nil || !near {
		return false, err
	}
	var runs []campaigns.Feedable
	var errs []error
	for _, item := range feedable {
		if item.RunID != 0 {
			ready, err := f.ready(ctx, channel, item.RunID)
			if err != nil {
				errs = append(errs, err)
			} else if ready {
				runs = append(runs, item)
			}
			continue
		}
		free := min(int64(MaxTransactional-window.Transactional), item.Pending)
		if free <= 0 {
			continue
		}
		fed, err := f.feed(ctx, channel, nil, campaigns.FeedRequest{ChannelID: channelID, Envelopes: newEnvelopeIDs(int(free)), PerEnvelope: 1})
		if err != nil {
			return worked, errors.Join(append(errs, err)...)
		}
		worked = worked || fed > 0
	}
	for _, share := range f.shares(channelID, runs, windowEnvelopes(channel.Limits.PerSecond)-window.Bulk) {
		run, err := f.run(ctx, share.item.RunID)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		request := campaigns.FeedRequest{
			ChannelID: channelID, RunID: share.item.RunID,
			PerEnvelope: envelopeJobs(channel.Limits.PerSecond, run),
		}
		envelopes := min(share.envelopes, roomOf(run, share.item.Queued, request.PerEnvelope))
		if envelopes <= 0 {
			continue
		}
		request.Envelopes = newEnvelopeIDs(envelopes)
		fed, err := f.feed(ctx, channel, run, request)
		if err != nil {
			return worked, errors.Join(append(errs, err)...)
		}
		worked = worked || fed > 0
	}
	return worked, errors.Join(errs...)
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
	envelopes := make([]queue.Envelope, 0, len(request.Envelopes))
	failed := map[int64]string{}
	for _, m := range messages {
		job, err := f.job(channel, run, m)
		if err != nil {
			failed[m.ID] = err.Error()
			continue
		}
		if len(envelopes) == 0 || envelopes[len(envelopes)-1].ID != m.EnvelopeID {
			e := queue.Envelope{ID: m.EnvelopeID, ChannelID: channel.ID, RunID: request.RunID, Transactional: run == nil, Jobs: make([]queue.Job, 0, request.PerEnvelope)}
			if run != nil {
				e.CampaignID, e.CampaignPerSecond = run.campaign.ID, run.campaign.Throttle.PerSecond
			}
			envelopes = append(envelopes, e)
		}
		last := &envelopes[len(envelopes)-1]
		last.Jobs = append(last.Jobs, job)
	}
	if len(failed) > 0 {
		if err := f.store.Skip(ctx, request.RunID, channel.ID, campaigns.ReasonRenderFailed, failed); err != nil {
			return 0, err
		}
	}
	if len(envelopes) > 0 {
		if err := f.queue.EnqueueAll(ctx, envelopes); err != nil {
			return 0, err
		}
		failpoint.Hit(failpoint.AfterEnqueue)
	}
	return len(messages), nil
}

// job renders one message. A transactional message was rendered when it was
// created.
func (f *feeder) job(channel providers.Channel, run *fedRun, m campaigns.FeedMessage) (queue.Job, error) {
	job := queue.Job{MessageID: m.ID, Attempt: m.Attempt, To: m.Recipient.Address, ToName: m.Recipient.Name}
	if job.ToName == "" {
		job.ToName = joinName(m.Recipient.FirstName, m.Recipient.LastName)
	}
	if l := channel.Limits; l.PerRecipientSeconds > 0 || l.RecipientsPerDay > 0 {
		job.RecipientKey = campaigns.RecipientKey(m.Recipient.Address)
	}
	if run == nil {
		if err := json.Unmarshal(m.Content, &job.Content); err != nil {
			return job, fault.Wrap(fault.Internal, "read the message's content", err)
		}
		if len(m.Metadata) > 2 {
			if err := json.Unmarshal(m.Metadata, &job.Metadata); err != nil {
				return job, fault.Wrap(fault.Internal, "read the message's metadata", err)
			}
		}
		return job, nil
	}
	if f.unsubscribe != nil {
		job.UnsubscribeURL = f.unsubscribe(channel.AccountID, m.ID)
	}
	var err error
	job.Content, err = run.content.Render(m.Recipient.Vars(run.campaign.Name, job.UnsubscribeURL))
	return job, err
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
