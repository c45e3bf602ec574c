package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/messages"
	"carillon/providers"
)

// batches is a provider that takes several messages in one request.
type batches struct {
	fakeProvider
	mu       sync.Mutex
	requests [][]int64
	begun    []time.Time
	// connections bounds the requests at once, and the first stalled ones take a second and a
	// half; may be nil and 0.
	connections chan struct{}
	stalled     int
	answer      func(list []providers.Message) []providers.Result
}

func (p *batches) SendBatch(_ context.Context, list []providers.Message) []providers.Result {
	if p.connections != nil {
		p.connections <- struct{}{}
		defer func() { <-p.connections }()
	}
	results, ids := make([]providers.Result, len(list)), []int64(nil)
	if p.answer != nil {
		results = p.answer(list)
	}
	for i := range list {
		if err := list[i].MayBegin(); err != nil {
			results[i].Err = err
			continue
		}
		list[i].Commits()
		ids = append(ids, list[i].ID)
	}
	if len(ids) == 0 {
		return results // there is nothing to ask for
	}
	p.mu.Lock()
	p.requests = append(p.requests, ids)
	for range ids {
		p.begun = append(p.begun, p.bench.o.Clock.Now())
	}
	stalls := len(p.requests) <= p.stalled
	p.mu.Unlock()
	if stalls {
		<-p.bench.o.Clock.After(1500 * time.Millisecond)
	}
	return results
}

// batchChannel is a channel of such a provider, whose requests take so many messages.
func (b *bench) batchChannel(p *batches, l providers.Limits, by ways) *channel {
	p.bench = b
	l.DoubtsInARow, l.RefusalsInARow = 1000, 1000
	return newChannel(b.Worker, providers.Channel{ID: 1, Provider: "fake", Limits: l}, p, by)
}

// Messages that may go at the same time go together, each with an outcome of its own.
func TestMessagesGoTogetherAndEndEachByItself(t *testing.T) {
	b := newBench(t, nil)
	p := &batches{answer: func(list []providers.Message) []providers.Result {
		results := make([]providers.Result, len(list))
		for i, m := range list {
			switch m.ID % 5 {
			case 0:
				results[i].Err = &providers.Error{Kind: providers.ErrorRecipient, Code: "406"}
			case 1:
				results[i].Err = &providers.Error{Kind: providers.ErrorTemporary}
			default:
				results[i].Accepted.ProviderID = "taken"
			}
		}
		return results
	}}
	ch := b.batchChannel(p, providers.Limits{}, ways{requests: 4, each: 20})
	b.store.withdrawn, b.store.halts = map[int64]bool{7: true}, 0
	b.writer.onClaim = func() { // what is withdrawn after its claim stays out, and the others go
		b.store.mu.Lock()
		b.store.halts++
		b.store.mu.Unlock()
	}
	require.NoError(t, ch.handle(t.Context(), envelope(60)))
	outcomes := b.writer.recorded()
	require.Len(t, outcomes, 60)
	for id, o := range outcomes {
		want := messages.Sent
		switch {
		case id == 7:
			require.True(t, o.NotAsked)
			want = messages.Pending
		case id%5 == 0:
			want = messages.Rejected
		case id%5 == 1:
			want = messages.Pending
		}
		require.Equal(t, want, o.State, id)
	}
	require.LessOrEqual(t, len(p.requests), 30, "60 messages in as few requests as they come together")
	for _, ids := range p.requests {
		require.LessOrEqual(t, len(ids), 20)
	}
	all := slices.Sorted(slices.Values(slices.Concat(p.requests...)))
	require.Len(t, slices.Compact(all), 59, "each is asked for once")
	requireAllFree(t, ch)
}

// An adapter that breaks, or does not say what became of each, leaves all of them in doubt.
func TestABrokenBatchIsInDoubt(t *testing.T) {
	for name, answer := range map[string]func([]providers.Message) []providers.Result{
		"panics":    func([]providers.Message) []providers.Result { panic("index out of range") },
		"too short": func(list []providers.Message) []providers.Result { return make([]providers.Result, len(list)+1) },
		"foreign": func(list []providers.Message) []providers.Result {
			return slices.Repeat([]providers.Result{{Err: errors.New("what?")}}, len(list))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			ch := b.batchChannel(&batches{answer: answer}, providers.Limits{}, ways{requests: 4, each: 20})
			require.NoError(t, ch.handle(t.Context(), envelope(30)))
			outcomes := b.writer.recorded()
			require.Len(t, outcomes, 30)
			for _, o := range outcomes {
				require.Equal(t, messages.Unknown, o.State)
			}
			requireAllFree(t, ch)
		})
	}
}

// Waiting for others, or for a connection, is no reason to be faster than allowed: who comes too
// late for its slot takes another.
func TestABatchIsNeverFasterThanAllowed(t *testing.T) {
	const rate = 100
	b := newBench(t, nil)
	p := &batches{connections: make(chan struct{}, 2), stalled: 2}
	ch := b.batchChannel(p, providers.Limits{PerSecond: rate}, ways{requests: 2, each: 100})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	_ = ch.handle(ctx, envelope(300)) // what has not gone by then goes back
	requireNeverFaster(t, p.begun, rate)
}

// So is who waits for a connection of its own, which a slow network makes seconds late.
func TestAConnectionThatIsLateIsNeverFasterThanAllowed(t *testing.T) {
	const rate = 100
	b := newBench(t, nil)
	var mu sync.Mutex
	var begun []time.Time
	made := b.o.Clock.After(1500 * time.Millisecond)
	connecting, connected := context.WithCancel(t.Context())
	go func() {
		<-made
		connected()
	}()
	b.send = func(_ context.Context, m providers.Message) (providers.Accepted, error) {
		<-connecting.Done()
		require.False(t, m.Latest.IsZero())
		if err := m.MayBegin(); err != nil {
			return providers.Accepted{}, fmt.Errorf("not asked: %w", err)
		}
		mu.Lock()
		defer mu.Unlock()
		begun = append(begun, b.o.Clock.Now())
		return providers.Accepted{}, nil
	}
	ch := b.channel(providers.Channel{Limits: providers.Limits{PerSecond: rate, Concurrency: 160}})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	_ = ch.handle(ctx, envelope(300))
	requireNeverFaster(t, begun, rate)
}

// requireNeverFaster holds when messages began to a rate, of which there were enough to tell.
func requireNeverFaster(t *testing.T, begun []time.Time, rate int) {
	t.Helper()
	slices.SortFunc(begun, time.Time.Compare)
	require.Greater(t, len(begun), rate/2)
	for i, from := range begun {
		n := 0
		for _, at := range begun[i:] {
			if at.Sub(from) < time.Second {
				n++
			}
		}
		require.LessOrEqual(t, n, rate+1, "in the second from number %d on", i)
	}
}
