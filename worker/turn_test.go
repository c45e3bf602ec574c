package worker

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/internal/clock"
	"carillon/messages"
	"carillon/providers"
	"carillon/queue"
)

// Whatever is taken, given back and resized: no more is out than there are, but for
// what was out when they became fewer.
func TestABudgetIsNeverOverdrawn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 20).Draw(t, "size")
		budget, out := newBudget(size), 0
		stop := make(chan struct{})
		close(stop)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch n := rapid.IntRange(1, 30).Draw(t, "n"); rapid.IntRange(0, 2).Draw(t, "step") {
			case 0:
				got := budget.acquire(stop, n)
				require.Equal(t, max(0, min(n, size-out)), got)
				out += got
			case 1:
				n = min(n, out)
				budget.release(n)
				out -= n
			default:
				size = n
				budget.resize(n)
			}
			require.Equal(t, size-out, budget.free())
		}
	})
}

func TestAGrownBudgetWakesWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget, stop := newBudget(2), make(chan struct{})
		require.Equal(t, 2, budget.acquire(stop, 2))
		got := make(chan int, 3)
		for range 3 {
			go func() { got <- budget.acquire(stop, 1) }()
		}
		synctest.Wait()
		require.Empty(t, got)
		budget.resize(3)
		synctest.Wait()
		require.Len(t, got, 1)
		budget.release(2)
		synctest.Wait()
		require.Len(t, got, 3)
	})
}

// A few at a low rate, hundreds at a high one: Little's law.
func TestClaimsRunAheadByRateAndCommitTime(t *testing.T) {
	for rate, want := range map[float64]int{0: leastAhead, 80: leastAhead, 1000: 20, 15_000: 300, 1_000_000: mostAhead} {
		require.Equal(t, want, aheadFor(rate, 10*time.Millisecond), rate)
	}
	var p pace
	now := noon
	for range 50 { // 2000 a second
		now = now.Add(10 * time.Millisecond)
		p.add(now, 20)
	}
	rate, _ := p.add(now, 0)
	require.InEpsilon(t, 2000, rate, 0.15)
}

// The provider is never asked for more at once than the channel's concurrency says,
// and claims run ahead of that by a few, as long as nothing is known of the rate.
func TestNeverMoreRequestsThanTheConcurrency(t *testing.T) {
	for _, c := range []struct{ concurrency, bulk, transactional int }{{1, 1, 1}, {2, 1, 2}, {8, 7, 8}, {32, 28, 32}} {
		b := newBench(t, nil)
		ch := b.channel(providers.Channel{Limits: providers.Limits{Concurrency: providers.Concurrency(c.concurrency), DoubtsInARow: 100}})
		for transactional, most := range map[bool]int{false: c.bulk, true: c.transactional} {
			gate := make(chan struct{})
			arrived := make(chan int64, 100)
			var now, highest atomic.Int64
			b.send = func(_ context.Context, m providers.Message) (providers.Accepted, error) {
				if n := now.Add(1); n > highest.Load() {
					highest.Store(n)
				}
				defer now.Add(-1)
				arrived <- m.ID
				<-gate
				return providers.Accepted{}, nil
			}
			*b.writer = fakeWriter{claimed: map[int64]bool{}, outcomes: map[int64]messages.Outcome{}}
			e := envelope(60)
			e.Transactional = transactional
			done := make(chan error)
			go func() { done <- ch.handle(t.Context(), e) }()
			for range most {
				<-arrived
			}
			until(t, func() bool {
				b.writer.mu.Lock()
				defer b.writer.mu.Unlock()
				return len(b.writer.claimed) == most+leastAhead
			})
			require.Empty(t, arrived, "the others wait for room at the provider")
			close(gate)
			require.NoError(t, <-done)
			require.Len(t, b.writer.recorded(), 60)
			require.EqualValues(t, most, highest.Load())
			requireAllFree(t, ch)
		}
	}
}

// Only transactional messages may use what is kept for them, so that they never
// wait for bulk ones.
func TestBulkLeavesRoomForTransactional(t *testing.T) {
	b := newBench(t, nil)
	ch := b.channel(providers.Channel{Limits: providers.Limits{Concurrency: 8, DoubtsInARow: 8}})
	gate := make(chan struct{})
	arrived := make(chan bool, 100)
	b.send = func(_ context.Context, m providers.Message) (providers.Accepted, error) {
		arrived <- m.Transactional
		if !m.Transactional {
			<-gate
		}
		return providers.Accepted{}, nil
	}
	var wg sync.WaitGroup
	wg.Go(func() { require.NoError(t, ch.handle(t.Context(), envelope(60))) })
	for range 7 {
		require.False(t, <-arrived)
	}
	e := envelope(1)
	e.ID, e.Transactional, e.Items[0].MessageID = 100, true, 1000
	require.NoError(t, ch.handle(t.Context(), e), "it does not wait for the bulk messages")
	require.True(t, <-arrived)
	require.Equal(t, messages.Sent, b.writer.recorded()[1000].State)
	close(gate)
	wg.Wait()
}

func TestADeniedSlotGoesBackWithItsReason(t *testing.T) {
	for _, c := range []struct {
		limits providers.Limits
		reason string
		due    time.Duration
	}{
		{providers.Limits{PerRecipientSeconds: 60}, queue.DeniedRecipientSpacing, time.Minute},
		{providers.Limits{RecipientsPerDay: 1}, queue.DeniedRecipientsPerDay, 24 * time.Hour},
	} {
		b := newBench(t, clock.NewFake(noon))
		ch := b.channel(providers.Channel{Limits: c.limits})
		e := envelope(3)
		b.store.people[3] = messages.Recipient{Address: "b@example.com"}
		denied, sent := int64(2), int64(3)
		if c.limits.RecipientsPerDay > 0 { // the same one may be written to again, another may not
			denied, sent = 3, 2
		}
		require.NoError(t, ch.handle(t.Context(), e))
		require.Len(t, b.store.unqueued, 1)
		require.Equal(t, c.reason, b.store.unqueued[denied].Reason)
		require.InDelta(t, c.due, b.store.unqueued[denied].At.Sub(noon), float64(time.Second))
		require.Equal(t, [][]int64{{1, sent}}, b.writer.claims, "what is denied is not claimed")
		require.Len(t, b.writer.recorded(), 2)
	}
}

// The store knows what the last day saw, whatever Redis has forgotten.
func TestTheStoreSeedsTheLimiter(t *testing.T) {
	b := newBench(t, clock.NewFake(noon))
	b.store.recent = map[int64][]messages.RecentSend{1: {{Address: "x@example.com", At: noon.Add(-time.Hour)}}}
	ch := b.channel(providers.Channel{Limits: providers.Limits{RecipientsPerDay: 1}})
	e := envelope(1)
	b.store.people[1] = messages.Recipient{Address: "new@example.com"}
	require.NoError(t, ch.handle(t.Context(), e))
	require.InDelta(t, 23*time.Hour, b.store.unqueued[1].At.Sub(noon), float64(time.Second))
	b.store.people[1] = messages.Recipient{Address: "x@example.com"}
	require.NoError(t, ch.handle(t.Context(), e))
	require.Len(t, b.writer.recorded(), 1)
}

// A worker that begins anew, with a Redis that knows nothing, goes on where the
// last one stopped, however long ago that is at a low rate.
func TestSlowLimitsHoldAcrossARestart(t *testing.T) {
	for name, c := range map[string]struct {
		limits   providers.Limits
		campaign float64
		wait     time.Duration
	}{
		"channel":             {providers.Limits{PerSecond: 0.001}, 0, 1000 * time.Second},
		"campaign":            {providers.Limits{PerSecond: 1000}, 0.001, 1000 * time.Second},
		"campaign alone":      {providers.Limits{}, 0.001, 1000 * time.Second},
		"a burst is paid for": {providers.Limits{PerSecond: 100, Burst: 100}, 0, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			fake := clock.NewFake(noon)
			b := newBench(t, fake)
			ch := b.channel(providers.Channel{Limits: c.limits})
			r := ch.reservation(queue.Envelope{CampaignID: 3, CampaignPerSecond: c.campaign}, make([]item, 100), time.Second)
			grant, err := ch.reserve(t.Context(), r)
			require.NoError(t, err)
			require.NotEmpty(t, grant.Slots)
			again := newBench(t, fake)
			again.store = b.store
			again.o.Store = b.store
			fake.Advance(c.wait / 2)
			ch = again.channel(providers.Channel{Limits: c.limits})
			grant, err = ch.reserve(t.Context(), ch.reservation(queue.Envelope{CampaignID: 3, CampaignPerSecond: c.campaign}, make([]item, 1), time.Millisecond))
			require.NoError(t, err)
			require.Empty(t, grant.Slots)
			fake.Advance(c.wait * 11 / 20)
			grant, err = ch.reserve(t.Context(), ch.reservation(queue.Envelope{CampaignID: 3, CampaignPerSecond: c.campaign}, make([]item, 1), time.Millisecond))
			require.NoError(t, err)
			require.NotEmpty(t, grant.Slots)
		})
	}
}

// Who waits by an old limit looks again when it changes.
func TestAChangedLimitWakesWhoWaitsForASlot(t *testing.T) {
	b := newBench(t, clock.NewFake(noon))
	ch := b.channel(providers.Channel{Limits: providers.Limits{PerSecond: 0.25}})
	done := make(chan error, 1)
	go func() { done <- ch.handle(t.Context(), envelope(2)) }()
	require.Eventually(t, func() bool { return len(b.writer.recorded()) == 1 }, 10*time.Second, time.Millisecond)
	ch.update(providers.Channel{Limits: providers.Limits{}})
	require.NoError(t, <-done)
	require.Len(t, b.writer.recorded(), 2, "by a clock that stands still")
}

func TestWhatCouldNotBeClaimedIsNotSent(t *testing.T) {
	b := newBench(t, clock.NewFake(noon))
	b.writer.refuse = map[int64]bool{2: true, 3: true}
	var mu sync.Mutex
	var sent []int64
	b.send = func(_ context.Context, m providers.Message) (providers.Accepted, error) {
		mu.Lock()
		defer mu.Unlock()
		sent = append(sent, m.ID)
		return providers.Accepted{}, nil
	}
	ch := b.channel(providers.Channel{})
	require.NoError(t, ch.handle(t.Context(), envelope(5)))
	require.NoError(t, ch.handle(t.Context(), envelope(5)), "the same task again sends nothing")
	require.ElementsMatch(t, []int64{1, 4, 5}, sent)
	require.Len(t, b.writer.recorded(), 3)
	require.Empty(t, b.store.unqueued)
	requireAllFree(t, ch)
}

// A stale envelope, of before a pause for example, must not use up slots.
func TestAnEnvelopeOfWhichNothingCanBeClaimedGoesBackWhole(t *testing.T) {
	b := newBench(t, clock.NewFake(noon))
	b.writer.refuse = map[int64]bool{}
	for id := range int64(61) {
		b.writer.refuse[id] = true
	}
	ch := b.channel(providers.Channel{Limits: providers.Limits{PerSecond: 20}})
	require.NoError(t, ch.handle(t.Context(), envelope(60)))
	require.Len(t, b.writer.claims, 1, "one refusal is enough")
	require.Less(t, len(b.writer.claims[0]), 10)
	require.Len(t, b.store.unqueued, 60-len(b.writer.claims[0]))
	requireAllFree(t, ch)
}

// What an account may not send any more today goes back at once, what is ready and what is
// not, and says why; what could be claimed is sent.
func TestWhatAnAccountMayNotSendTodayGoesBack(t *testing.T) {
	for _, allowed := range []int{0, 2} {
		b := newBench(t, clock.NewFake(noon))
		b.store.day = messages.DaySends{Most: 100, Used: 100}
		b.writer.refuse = map[int64]bool{}
		for id := allowed + 1; id <= 60; id++ {
			b.writer.refuse[int64(id)] = true
		}
		ch := b.channel(providers.Channel{})
		require.NoError(t, ch.handle(t.Context(), envelope(60)))
		require.Len(t, b.writer.claims, 1)
		require.Len(t, b.writer.recorded(), allowed)
		for id := allowed + 1; id <= 60; id++ {
			require.Equal(t, messages.Due{At: noon, Reason: messages.ReasonAccountPerDay}, b.store.unqueued[int64(id)], id)
		}
		requireAllFree(t, ch)
	}
}

// The task of an envelope that is being worked on comes again when its lease was
// lost.
func TestAnEnvelopeIsWorkedOnOnceAtATime(t *testing.T) {
	b := newBench(t, nil)
	arrived, gate := make(chan struct{}), make(chan struct{})
	b.send = func(context.Context, providers.Message) (providers.Accepted, error) {
		close(arrived)
		<-gate
		return providers.Accepted{}, nil
	}
	ch := b.channel(providers.Channel{})
	done := make(chan error)
	go func() { done <- ch.handle(t.Context(), envelope(1)) }()
	<-arrived
	b.writer.mu.Lock()
	b.writer.err = errors.New("the store fails, and what was to be claimed is given back")
	b.writer.mu.Unlock()
	require.NoError(t, ch.handle(t.Context(), envelope(1)))
	require.Empty(t, b.writer.recorded(), "the message that is being sent is not given back")
	close(gate)
	require.NoError(t, <-done)
	require.Equal(t, messages.Sent, b.writer.recorded()[1].State)
	require.Len(t, b.writer.claims, 1)
}

// The limiter and the store must call it the same.
func TestDenialsAreReasons(t *testing.T) {
	require.Equal(t, messages.ReasonRecipientSpacing, queue.DeniedRecipientSpacing)
	require.Equal(t, messages.ReasonRecipientPerDay, queue.DeniedRecipientsPerDay)
	require.Equal(t, messages.ReasonMailbox, queue.DeniedMailbox)
	require.Equal(t, messages.ReasonMailboxPerDay, queue.DeniedMailboxPerDay)
}

// requireAllFree checks that no token was lost.
func requireAllFree(t *testing.T, ch *channel) {
	t.Helper()
	require.Zero(t, ch.room.out)
	require.Empty(t, ch.room.bulk)
	require.Empty(t, ch.room.urgent)
	require.Equal(t, ch.bulk.all(), ch.bulk.free())
	require.Equal(t, ch.transactional.all(), ch.transactional.free())
	require.Empty(t, ch.turns)
}

// The answer to a claim was lost: it may have been committed, so what it claimed
// is given back, unspent, and the task comes again.
func TestAFailedClaimIsGivenBackUnspent(t *testing.T) {
	b := newBench(t, clock.NewFake(noon))
	b.writer.err = errors.New("connection reset")
	b.send = func(context.Context, providers.Message) (providers.Accepted, error) {
		require.Fail(t, "nothing may be sent")
		return providers.Accepted{}, nil
	}
	ch := b.channel(providers.Channel{})
	require.ErrorContains(t, ch.handle(t.Context(), envelope(3)), "connection reset")
	require.Len(t, b.writer.recorded(), 3)
	for _, o := range b.writer.recorded() {
		require.Equal(t, messages.Pending, o.State)
		require.True(t, o.Unspent)
		require.True(t, o.NotAsked)
		require.Empty(t, o.Kind, "it is no try")
	}
	requireAllFree(t, ch)
}

func TestErrorsReturnTheTokens(t *testing.T) {
	b := newBench(t, clock.NewFake(noon))
	b.store.due = errors.New("the store is away")
	ch := b.channel(providers.Channel{Limits: providers.Limits{PerRecipientSeconds: 60}})
	require.ErrorContains(t, ch.handle(t.Context(), envelope(2)), "the store is away")
	requireAllFree(t, ch)

	ch = b.channel(providers.Channel{ID: -1}) // which the limiter refuses
	require.Error(t, ch.handle(t.Context(), envelope(2)))
	requireAllFree(t, ch)
}

// A worker that others may have taken for dead asks no provider.
func TestAFencedWorkerDoesNotSend(t *testing.T) {
	fake := clock.NewFake(noon)
	b := newBench(t, fake)
	b.send = func(context.Context, providers.Message) (providers.Accepted, error) {
		require.Fail(t, "nothing may be sent")
		return providers.Accepted{}, nil
	}
	fake.Advance(fenceAfter)
	require.False(t, b.fenced())
	fake.Advance(time.Millisecond)
	require.True(t, b.fenced())
	require.NoError(t, b.channel(providers.Channel{}).handle(t.Context(), envelope(2)))
	for _, o := range b.writer.recorded() {
		require.Equal(t, messages.Outcome{
			MessageID: o.MessageID, ChannelID: 1, RunID: 5, WorkerID: 7, Attempt: 1, EnvelopeID: 99, At: fake.Now(),
			State: messages.Pending, Unspent: true, NotAsked: true, DueAt: fake.Now(),
		}, o)
	}
	require.Len(t, b.writer.recorded(), 2)
}

func TestAStoppingChannelGivesItsEnvelopesBack(t *testing.T) {
	for name, stop := range map[string]func(ch *channel) context.Context{
		"stop": func(ch *channel) context.Context { close(ch.stopping); return t.Context() },
		"end of the drain": func(*channel) context.Context {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return ctx
		},
	} {
		b := newBench(t, clock.NewFake(noon))
		ch := b.channel(providers.Channel{})
		require.NoError(t, ch.handle(stop(ch), envelope(3)), name)
		require.Equal(t, map[int64]messages.Due{1: {At: noon}, 2: {At: noon}, 3: {At: noon}}, b.store.unqueued)
		require.Empty(t, b.writer.claims)
	}
}

// Slots that are far away do not keep a handler: the messages go back, to be fed
// when there is one in sight, which is sooner if the limit is raised.
func TestALongWaitIsSpentInTheStore(t *testing.T) {
	b := newBench(t, clock.NewFake(noon))
	ch := b.channel(providers.Channel{})
	require.NoError(t, b.queue.Limiter().Throttle(t.Context(), queue.Channel{ID: 1}, 0, time.Hour))
	require.NoError(t, ch.handle(t.Context(), envelope(2)))
	require.Equal(t, map[int64]messages.Due{1: {At: noon, Reason: messages.ReasonThrottled}, 2: {At: noon, Reason: messages.ReasonThrottled}}, b.store.unqueued)
	require.Empty(t, b.writer.claims)
	requireAllFree(t, ch)
}

func TestAProviderThatHangsIsGivenUp(t *testing.T) {
	b := newBench(t, nil)
	b.o.SendTimeout = time.Millisecond
	b.send = func(ctx context.Context, _ providers.Message) (providers.Accepted, error) {
		<-ctx.Done()
		return providers.Accepted{}, ctx.Err()
	}
	require.NoError(t, b.channel(providers.Channel{}).handle(t.Context(), envelope(1)))
	require.Equal(t, messages.Unknown, b.writer.recorded()[1].State)
}

func TestAnAdapterThatPanicsEndsNoProcess(t *testing.T) {
	b := newBench(t, clock.NewFake(noon))
	b.send = func(_ context.Context, m providers.Message) (providers.Accepted, error) {
		if m.ID == 2 {
			panic("index out of range")
		}
		return providers.Accepted{}, nil
	}
	ch := b.channel(providers.Channel{})
	require.NoError(t, ch.handle(t.Context(), envelope(3)))
	outcomes := b.writer.recorded()
	require.Equal(t, messages.Unknown, outcomes[2].State, "nobody knows what it had done by then")
	require.Equal(t, [2]messages.State{messages.Sent, messages.Sent}, [2]messages.State{outcomes[1].State, outcomes[3].State})
	requireAllFree(t, ch)
}
