package worker

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/messages"
	"carillon/providers"
	"carillon/queue"
)

// until waits for a condition; it fails the test after a long time.
func until(t *testing.T, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, 30*time.Second, time.Millisecond)
}

func (b *bench) set(list ...providers.Channel) {
	b.store.mu.Lock()
	defer b.store.mu.Unlock()
	b.store.channels = list
}

// Stopping finishes what is in flight, gives the rest back and spends no try.
func TestStopFinishesWhatIsInFlightAndGivesTheRestBack(t *testing.T) {
	b := newBench(t, nil)
	b.set(providers.Channel{ID: 1, Provider: "fake", Limits: providers.Limits{Concurrency: 8, DoubtsInARow: 100}})
	gate := make(chan struct{})
	asked := make(chan int64, 100)
	b.send = func(_ context.Context, m providers.Message) (providers.Accepted, error) {
		asked <- m.ID
		<-gate
		return providers.Accepted{}, nil
	}
	const n = 40
	require.NoError(t, b.queue.EnqueueAll(t.Context(), []queue.Envelope{envelope(n)}))
	b.Start()
	inFlight := map[int64]bool{}
	for range 7 {
		inFlight[<-asked] = true
	}
	until(t, func() bool {
		b.store.mu.Lock()
		defer b.store.mu.Unlock()
		return b.store.beats > 0
	})
	require.GreaterOrEqual(t, b.doing().InFlight, 7)
	require.Equal(t, []int64{1}, b.doing().Channels)
	require.Equal(t, map[int64]int{1: firstRequests}, b.doing().Requests)
	var stopped sync.WaitGroup
	stopped.Go(b.Stop)
	running := b.providers()
	require.Len(t, running, 1)
	// It gives up what it has not claimed before the provider answers.
	until(t, func() bool {
		b.store.mu.Lock()
		defer b.store.mu.Unlock()
		return len(b.store.unqueued) > 0
	})
	require.False(t, running[0].isClosed(), "the provider is still being asked")
	close(gate)
	stopped.Wait()
	require.True(t, running[0].isClosed())
	require.True(t, b.store.retired)
	for len(asked) > 0 { // the eighth, where it was asked for before the stop
		inFlight[<-asked] = true
	}
	recorded := b.writer.recorded()
	for id, o := range recorded {
		if inFlight[id] {
			require.Equal(t, messages.Sent, o.State)
			continue
		}
		// Claimed ahead, and not asked for.
		require.Equal(t, []any{messages.Pending, true, true}, []any{o.State, o.Unspent, o.NotAsked})
	}
	require.Len(t, b.store.unqueued, n-len(recorded))
	for id, due := range b.store.unqueued {
		require.False(t, inFlight[id])
		require.Empty(t, due.Reason)
	}
	require.Len(t, b.writer.claimed, len(recorded), "the rest was not even claimed")
	require.LessOrEqual(t, len(recorded), len(inFlight)+leastAhead)
	b.Stop() // again is no error
}

func TestReconcile(t *testing.T) {
	b := newBench(t, nil)
	one := providers.Channel{ID: 1, Provider: "fake", Config: json.RawMessage(`{"a":1}`)}
	two := providers.Channel{ID: 2, Provider: "fake", Config: json.RawMessage(`{"a":2}`)}
	bad := providers.Channel{ID: 3, Provider: "no such provider"}
	b.reconcile([]providers.Channel{one, bad, two})
	t.Cleanup(func() {
		b.reconcile(nil)
		b.draining.Wait()
	})
	require.Len(t, b.channels, 2, "a channel that can't be served keeps no other from it")
	first, second := b.channels[1], b.channels[2]
	require.Equal(t, "https://n.example.org/hooks/1", first.provider.(*fakeProvider).hook)
	b.reconcile([]providers.Channel{one, two})
	require.Same(t, first, b.channels[1], "nothing has changed")

	// Limits and policy take effect without a restart.
	one.Limits.PerSecond, one.Limits.RecipientsPerDay, one.InDoubt, one.Name = 5, 9, providers.InDoubtResend, "new"
	b.reconcile([]providers.Channel{one, two})
	require.Same(t, first, b.channels[1])
	r := first.reservation(envelope(1), items(1), aheadBulk)
	require.Equal(t, queue.Limits{PerSecond: 5, Burst: 1, RecipientsPerDay: 9}, r.Limits)
	o := first.judge(t.Context(), envelope(1), queue.Item{Attempt: 1}, providers.Accepted{}, &providers.Error{Kind: providers.ErrorInDoubt})
	require.Equal(t, messages.Pending, o.State, "the new policy holds")

	// A new configuration makes a new provider, of this channel alone.
	one.Config = json.RawMessage(`{"a":3}`)
	b.reconcile([]providers.Channel{one, two})
	require.NotSame(t, first, b.channels[1])
	require.Same(t, second, b.channels[2])
	until(t, first.provider.(*fakeProvider).isClosed)
	third := b.channels[1]
	one.Limits.Concurrency = 3
	b.reconcile([]providers.Channel{one, two})
	require.NotSame(t, third, b.channels[1], "the concurrency decides how many connections there are")
	require.Equal(t, 3, b.channels[1].room.all())
	require.False(t, second.provider.(*fakeProvider).isClosed())

	b.reconcile([]providers.Channel{two})
	require.Nil(t, b.channels[1])
	b.reconcile(nil)
	b.draining.Wait()
	for _, p := range b.providers() {
		require.True(t, p.isClosed())
	}
}

// A corrected channel is served at once, also while requests of before hang.
func TestAChangedChannelWaitsForNobody(t *testing.T) {
	b := newBench(t, nil)
	gate := make(chan struct{})
	asked := make(chan int64, 10)
	b.send = func(_ context.Context, m providers.Message) (providers.Accepted, error) {
		asked <- m.ID
		if m.ID < 1000 {
			<-gate
		}
		return providers.Accepted{}, nil
	}
	c := providers.Channel{ID: 1, Provider: "fake", Config: json.RawMessage(`{"a":1}`)}
	b.reconcile([]providers.Channel{c})
	t.Cleanup(func() {
		b.reconcile(nil)
		b.draining.Wait()
	})
	require.NoError(t, b.queue.EnqueueAll(t.Context(), []queue.Envelope{envelope(1)}))
	require.Equal(t, int64(1), <-asked)
	// Before this worker has heard of the change, nothing is claimed for the old one.
	c.Config, c.Epoch, c.UpdatedAt = json.RawMessage(`{"a":2}`), 1, noon
	b.store.mu.Lock()
	b.store.revision = noon
	b.store.halts++
	b.store.mu.Unlock()
	e := envelope(1)
	e.ID, e.Items[0].MessageID = 100, 1000
	n, wait, err := b.channels[1].takeTurn(t.Context(), e, []item{{Item: e.Items[0]}}, nil)
	require.NoError(t, err)
	require.Zero(t, n)
	require.Equal(t, outdatedWait, wait)
	require.Empty(t, b.writer.recorded())
	b.reconcile([]providers.Channel{c})
	require.NoError(t, b.queue.EnqueueAll(t.Context(), []queue.Envelope{e}))
	until(t, func() bool {
		// Who still listened for the old one may have taken it, and has given it back to the
		// store then, from which the feeder has it queued again.
		if b.store.givenBack(1000) {
			e.ID++
			require.NoError(t, b.queue.EnqueueAll(t.Context(), []queue.Envelope{e}))
		}
		return b.writer.recorded()[1000].State == messages.Sent
	})
	require.Equal(t, int64(1000), <-asked)
	require.False(t, b.providers()[0].isClosed())
	close(gate)
	until(t, b.providers()[0].isClosed)
	require.Equal(t, messages.Sent, b.writer.recorded()[1].State, "and what was asked is recorded")
}

func TestChannelsComeWhileItRuns(t *testing.T) {
	b := newBench(t, nil)
	b.Start()
	t.Cleanup(b.Stop)
	b.set(providers.Channel{ID: 1, Provider: "fake"})
	require.NoError(t, b.queue.EnqueueAll(t.Context(), []queue.Envelope{envelope(3)}))
	until(t, func() bool { return len(b.writer.recorded()) == 3 })
}

// A worker whose heartbeats fail stops sending before others take it for dead,
// and goes on when they come through again.
func TestHeartbeatsFence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &fakeStore{}
		w := New(Options{Store: store})
		w.beat.Store(w.o.Clock.Now().UnixMilli())
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { w.heartbeats(ctx) })
		wait := func(d time.Duration) {
			require.NoError(t, clock.System{}.Sleep(ctx, d))
			synctest.Wait()
		}
		fail := func(err error) {
			store.mu.Lock()
			defer store.mu.Unlock()
			store.beat = err
		}
		wait(time.Minute)
		require.False(t, w.fenced())
		fail(errors.New("the store is away"))
		wait(fenceAfter)
		require.False(t, w.fenced())
		wait(heartbeatInterval)
		require.True(t, w.fenced())
		fail(nil)
		wait(heartbeatInterval)
		require.False(t, w.fenced())
		cancel()
		wg.Wait()
	})
}
