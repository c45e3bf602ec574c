package scheduler

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/messages"
	"carillon/providers"
	"carillon/queue"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// fixture is a scheduler among fakes, whose loops do not run.
type fixture struct {
	*Scheduler
	store *fakeStore
	queue *fakeQueue
	clock *clock.Fake
}

func newFixture() *fixture {
	f := &fixture{store: newFakeStore(), queue: newFakeQueue(), clock: clock.NewFake(noon)}
	f.Scheduler = New(Options{Store: f.store, Queue: f.queue, Clock: f.clock})
	return f
}

// campaign makes a run with messages waiting.
func (f *fixture) campaign(runID, pending int64, change func(*messages.Feedable)) {
	item := messages.Feedable{ChannelID: 1, RunID: runID, CampaignID: runID + 100, Weight: 1, Pending: pending}
	if change != nil {
		change(&item)
	}
	f.store.feedable = append(f.store.feedable, item)
}

func (f *fixture) limit(channelID int64, perSecond float64) {
	c := f.store.channels[channelID]
	c.Limits.PerSecond = perSecond
	f.store.channels[channelID] = c
}

// fed counts the jobs of each run in Redis.
func (f *fixture) fed() map[int64]int {
	f.queue.mu.Lock()
	defer f.queue.mu.Unlock()
	jobs := map[int64]int{}
	for _, e := range f.queue.envelopes {
		jobs[e.RunID] += len(e.Items)
	}
	return jobs
}

func TestEnvelopeJobs(t *testing.T) {
	for rate, want := range map[float64]int{0.1: 1, 5: 1, 8: 1, 40: 5, 80: 10, 1000: 125, 100_000: 500} {
		require.Equal(t, want, envelopeItems(rate, 16), rate)
	}
	require.Equal(t, 32, envelopeItems(1000, 64), "of four workers")
	require.InDelta(t, 8.0, lower(80, 8), 0)
	require.InDelta(t, 8.0, lower(8, 80), 0)
	require.InDelta(t, 80.0, lower(0, 80), 0, "0 is no limit")
}

func TestWindowEnvelopes(t *testing.T) {
	for rate, want := range map[float64]int{0.01: 1, 1: 2, 2: 4, 4: 8, 80: 16, 100_000: 16, 5: 10} {
		require.Equal(t, want, windowEnvelopes(rate, 16), rate)
	}
	require.Equal(t, 64, windowEnvelopes(1000, 64))
}

// Whatever the provider takes, soon there are about two seconds of it in the window,
// or as many envelopes as there may be: it does not run dry, and who comes later does
// not wait behind a minute's work.
func TestTheWindowIsTwoSecondsOfWhatIsTaken(t *testing.T) {
	for _, rate := range []float64{20, 100, 2000, 20_000, 50_000} {
		var p pace
		now, queued, debt := noon, int64(0), 0.0
		for i := range 700 { // 70 s of passes
			seen := p.saw(now, queued)
			want := int64(windowEnvelopes(seen, 16) * envelopeItems(seen, 16))
			if want > queued {
				p.fed(int(want-queued), envelopeItems(seen, 16))
				queued = want
			}
			if i > 500 {
				require.GreaterOrEqual(t, float64(queued), min(1.9*rate, 16*maxItems), "at %v a second", rate)
				require.LessOrEqual(t, float64(queued), 3*rate+16, "at %v a second", rate)
			}
			now = now.Add(feedInterval)
			debt += rate * feedInterval.Seconds()
			take := min(queued, int64(debt))
			debt -= float64(take)
			queued -= take
			if i > 2 {
				require.NotZero(t, queued, "at %v a second", rate)
			}
		}
	}
}

// What waits for its slot waits in the store: a held channel is not fed at all, and
// a campaign whose own limit has none in sight leaves the window to others.
func TestWhatHasNoSlotInSightIsNotFed(t *testing.T) {
	f := newFixture()
	c := f.store.channels[1]
	c.Epoch, c.Limits, c.AccountPerSecond = 4, providers.Limits{PerSecond: 100, Burst: 3}, 80
	f.store.channels[1] = c
	f.campaign(5, 1000, func(item *messages.Feedable) { item.CampaignPerSecond = 0.02 })
	f.campaign(6, 1000, nil)
	f.queue.waits = map[int64]time.Duration{105: 50 * time.Second}
	_, err := f.feeder.pass(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[int64]int{6: 160}, f.fed(), "the whole window")
	require.Contains(t, f.queue.asked, queue.Reservation{ChannelID: 1, AccountID: 3, AccountPerSecond: 80, Epoch: 4,
		Limits: queue.Limits{PerSecond: 100, Burst: 3}, CampaignID: 105, CampaignPerSecond: 0.02})

	f.queue.envelopes = nil
	f.store.feedable = append(f.store.feedable, messages.Feedable{ChannelID: 1, Pending: 2})
	f.queue.waits = map[int64]time.Duration{0: feedAhead + time.Millisecond}
	worked, err := f.feeder.pass(t.Context())
	require.NoError(t, err)
	require.False(t, worked)
	require.Empty(t, f.queue.envelopes, "transactional messages neither")
	f.queue.waits[0] = feedAhead
	_, err = f.feeder.pass(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[int64]int{0: 2, 5: 1, 6: 160}, f.fed(), "what the slow one can't use goes to the other")
}

func TestRoomOf(t *testing.T) {
	for _, c := range []struct {
		own    float64
		queued int64
		per    int
		want   int
	}{
		{0, 1_000_000, 1, queue.BulkPerWorker}, // without a limit of its own the channel's window bounds it
		{10, 0, 3, 7},                          // two seconds of ten messages
		{10, 17, 3, 1},
		{10, 20, 3, 0},
		{10, 60, 3, -13},
		{0.1, 0, 1, 1},
		{0.1, 1, 1, 0},
	} {
		require.Equal(t, c.want, roomOf(c.own, c.queued, c.per, queue.BulkPerWorker), c)
	}
}

func TestTransactionalMessagesHaveEnvelopesOfTheirOwn(t *testing.T) {
	f := newFixture()
	f.store.feedable = []messages.Feedable{{ChannelID: 1, Weight: 1, Pending: 3}}
	f.campaign(7, 5000, nil)
	f.limit(1, 80)
	worked, err := f.feeder.pass(t.Context())
	require.NoError(t, err)
	require.True(t, worked)
	require.Equal(t, map[int64]int{0: 3, 7: 160}, f.fed())
	for _, e := range f.queue.envelopes {
		require.Equal(t, e.RunID == 0, e.Transactional)
		require.Equal(t, int64(1), e.ChannelID)
		require.Positive(t, e.ID)
		if e.Transactional {
			require.Len(t, e.Items, 1, "one message an envelope")
			continue
		}
		require.Equal(t, [2]int64{7, 107}, [2]int64{e.RunID, e.CampaignID})
		require.Len(t, e.Items, 10)
		for i, j := range e.Items {
			require.Equal(t, queue.Item{MessageID: e.Items[0].MessageID + int64(i), Attempt: 1 + int(j.MessageID%2)}, j)
		}
	}
	require.Equal(t, int64(163), f.FeedStats().Messages)
}

func TestAFullWindowIsNotFed(t *testing.T) {
	f := newFixture()
	f.limit(1, 80)
	f.store.feedable = []messages.Feedable{{ChannelID: 1, Weight: 1, Pending: 100}}
	f.campaign(7, 5000, nil)
	f.queue.windows[1] = queue.Window{Bulk: windowEnvelopes(80, 16), Transactional: MaxTransactional}
	worked, err := f.feeder.pass(t.Context())
	require.NoError(t, err)
	require.False(t, worked)
	require.Empty(t, f.store.requests, "the store is not even asked")

	f.queue.windows[1] = queue.Window{Bulk: windowEnvelopes(80, 16) - 1, Transactional: MaxTransactional - 2}
	_, err = f.feeder.pass(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[int64]int{0: 2, 7: 10}, f.fed(), "what is free is filled")
	f.queue.windows[1] = queue.Window{Bulk: 1000, Transactional: 1000}
	worked, err = f.feeder.pass(t.Context())
	require.NoError(t, err)
	require.False(t, worked)
}

// What could not be enqueued stays queued: the reaper finds rows without a task.
func TestEnqueueFailureIsReported(t *testing.T) {
	f := newFixture()
	f.campaign(7, 10, nil)
	f.queue.enqueued = errDown
	worked, err := f.feeder.pass(t.Context())
	require.ErrorIs(t, err, errDown)
	require.ErrorContains(t, err, "feed channel 1")
	require.False(t, worked)
	require.Equal(t, int64(10), f.store.feedable[0].Queued)
}

// A campaign that is slower than its channel must not fill the window with
// messages that wait for its own slots.
func TestAThrottledCampaignLeavesTheWindowToOthers(t *testing.T) {
	f := newFixture()
	f.limit(1, 80)
	f.campaign(7, 1000, func(item *messages.Feedable) { item.CampaignPerSecond = 2 })
	f.campaign(8, 1000, nil)
	for range 20 { // nothing is sent meanwhile
		_, err := f.feeder.pass(t.Context())
		require.NoError(t, err)
		f.queue.windows[1] = queue.Window{Bulk: len(f.queue.envelopes)}
	}
	require.Equal(t, 4, f.fed()[7], "two seconds of its own rate")
	throttled := 0
	for _, e := range f.queue.envelopes {
		if e.RunID == 7 {
			throttled++
			require.InDelta(t, 2, e.CampaignPerSecond, 0)
		}
	}
	require.Equal(t, 10*(len(f.queue.envelopes)-throttled), f.fed()[8])
	require.Equal(t, 160, f.fed()[8], "the window is full all the same: two seconds of 80, to an envelope")
}

// A window has envelopes for all workers, of whom none can take the others'.
func TestTheWindowHasEnvelopesForEachWorker(t *testing.T) {
	f := newFixture()
	f.store.workers = 4
	f.campaign(7, 5000, nil)
	_, err := f.feeder.pass(t.Context())
	require.NoError(t, err)
	require.Len(t, f.queue.envelopes, 4*queue.BulkPerWorker)
	require.InDelta(t, windowSeconds*firstPace, f.fed()[7], 4*queue.BulkPerWorker)
	for range 5 {
		_, err = f.feeder.pass(t.Context())
		require.NoError(t, err)
	}
	require.Equal(t, 1, f.store.lookedForWorkers, "once a second")
}

func TestOneRotIsNoBlight(t *testing.T) {
	f := newFixture()
	f.store.feedable = []messages.Feedable{{ChannelID: 9, RunID: 1, Pending: 1}} // a channel that can't be read
	f.campaign(7, 10, nil)
	f.store.feedable[1].CampaignPerSecond, f.queue.noSlots = 1, map[int64]bool{107: true} // whose slots nobody knows
	f.campaign(8, 10, nil)
	f.campaign(9, 10, func(item *messages.Feedable) { item.ChannelID = 2 })
	f.queue.down[3] = true
	worked, err := f.feeder.pass(t.Context())
	require.ErrorContains(t, err, "feed channel 9")
	require.ErrorIs(t, err, errDown)
	require.True(t, worked)
	require.Equal(t, map[int64]int{8: 10, 9: 10}, f.fed(), "every other channel and run is fed")

	f.queue.down[1] = true
	f.store.feedable[2].Pending, f.store.feedable[3].Pending = 5, 5
	_, err = f.feeder.pass(t.Context())
	require.ErrorIs(t, err, errDown)
	require.Equal(t, map[int64]int{8: 10, 9: 15}, f.fed())

	f.store.feedErr = errors.New("the store is away")
	ended, end := context.WithCancel(t.Context())
	end()
	before := len(f.store.requests)
	_, err = f.feeder.pass(ended)
	require.NoError(t, err)
	require.Len(t, f.store.requests, before, "who has to stop begins nothing new")
}

func TestEnvelopeIDsAreNotUsedAgain(t *testing.T) {
	seen := map[int64]bool{}
	for _, id := range append(newEnvelopeIDs(1000), newEnvelopeIDs(1000)...) {
		require.Positive(t, id)
		require.False(t, seen[id])
		seen[id] = true
	}
}
