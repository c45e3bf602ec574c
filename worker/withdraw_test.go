package worker

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/messages"
	"carillon/providers"
)

// What is withdrawn between claim and request goes back at no cost, and the others
// go on.
func TestWhatIsWithdrawnAfterItsClaimIsNotAskedFor(t *testing.T) {
	b := newBench(t, clock.NewFake(noon))
	b.store.withdrawn = map[int64]bool{2: true, 5: true}
	var mu sync.Mutex
	asked := map[int64]bool{}
	b.send = func(_ context.Context, m providers.Message) (providers.Accepted, error) {
		mu.Lock()
		defer mu.Unlock()
		asked[m.ID] = true
		return providers.Accepted{}, nil
	}
	b.writer.onClaim = func() { // the claim is committed, and then somebody opts out
		b.store.mu.Lock()
		defer b.store.mu.Unlock()
		b.store.halts++
	}
	ch := b.channel(providers.Channel{})
	require.NoError(t, ch.handle(t.Context(), envelope(6)))
	require.Equal(t, map[int64]bool{1: true, 3: true, 4: true, 6: true}, asked)
	outcomes := b.writer.recorded()
	for _, id := range []int64{2, 5} {
		o := outcomes[id]
		require.Equal(t, []any{messages.Pending, true, true}, []any{o.State, o.Unspent, o.NotAsked})
		require.Empty(t, o.Kind, "it is no failure")
	}
	require.Len(t, outcomes, 6)
	require.Positive(t, b.store.looks)
	requireAllFree(t, ch)
}

// Claims that got their slots by limits that have changed since go back, and get others.
func TestChangedLimitsWithdrawClaims(t *testing.T) {
	b := newBench(t, clock.NewFake(noon))
	b.send = func(context.Context, providers.Message) (providers.Accepted, error) {
		t.Error("asked")
		return providers.Accepted{}, nil
	}
	b.writer.onClaim = func() {
		b.store.mu.Lock()
		defer b.store.mu.Unlock()
		b.store.revision = noon
		b.store.halts++
	}
	require.NoError(t, b.channel(providers.Channel{}).handle(t.Context(), envelope(3)))
	for _, o := range b.writer.recorded() {
		require.True(t, o.NotAsked)
	}
	require.Len(t, b.writer.recorded(), 3)
}

// A store that does not answer says nothing about withdrawals: nothing is sent.
func TestNothingIsAskedForWhileTheStoreIsSilent(t *testing.T) {
	b := newBench(t, clock.NewFake(noon))
	b.writer.onClaim = func() {
		b.store.mu.Lock()
		defer b.store.mu.Unlock()
		b.store.halting = errors.New("no answer")
	}
	b.send = func(context.Context, providers.Message) (providers.Accepted, error) {
		t.Error("asked")
		return providers.Accepted{}, nil
	}
	require.NoError(t, b.channel(providers.Channel{}).handle(t.Context(), envelope(3)))
	for _, o := range b.writer.recorded() {
		require.True(t, o.NotAsked)
	}
	require.Len(t, b.writer.recorded(), 3)
}
