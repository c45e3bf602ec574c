package worker

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/messages"
	"carillon/providers"
	"carillon/queue"
)

func TestSlotIsEmptyIfTheProcessWasHeldUpWhileItAsked(t *testing.T) {
	asked := time.Unix(1_800_000_000, 0)
	for _, c := range []struct {
		name         string
		took, usual  time.Duration
		empty        bool
		length, from time.Duration
	}{
		{name: "as usual", took: time.Millisecond, usual: time.Millisecond, from: time.Second + time.Millisecond, length: slotTime},
		{name: "a distant Redis", took: 90 * time.Millisecond, usual: 90 * time.Millisecond, from: time.Second + 90*time.Millisecond, length: slotTime},
		{name: "slow once", took: 6 * time.Millisecond, usual: time.Millisecond, from: time.Second + 6*time.Millisecond, length: slotTime - 5*time.Millisecond},
		{name: "held up", took: 40 * time.Millisecond, usual: time.Millisecond, empty: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := asking{asked: asked, answered: asked.Add(c.took), usual: c.usual, lasts: slotTime}
			s := a.slot(item{}, queue.Slot{Wait: time.Second})
			if c.empty {
				require.True(t, s.until.Before(s.from))
				return
			}
			require.Equal(t, asked.Add(c.from), s.from)
			require.Equal(t, c.length, s.until.Sub(s.from))
		})
	}
}

func TestTripsRememberTheShortestAndFollowASlowerNetwork(t *testing.T) {
	var trips trips
	require.Equal(t, 4*time.Millisecond, trips.add(4*time.Millisecond))
	require.Equal(t, time.Millisecond, trips.add(time.Millisecond))
	require.Equal(t, 1011*time.Microsecond, trips.add(time.Hour))
	for range 1000 {
		trips.add(5 * time.Millisecond)
	}
	require.Equal(t, 5*time.Millisecond, trips.add(5*time.Millisecond))
}

func TestASlowClaimIsRememberedForAWhile(t *testing.T) {
	var c claims
	c.add(time.Hour)
	require.Equal(t, maxClaimLag, c.lag())
	for range 200 {
		c.add(2 * time.Millisecond)
	}
	require.Equal(t, 2*time.Millisecond, c.lag())
}

// drowsyClock sleeps longer than it is asked to, the first times.
type drowsyClock struct {
	clock.System
	late atomic.Int64
}

func (c *drowsyClock) Sleep(ctx context.Context, d time.Duration) error {
	if c.late.Add(-1) >= 0 {
		d = max(d, 0) + 3*queue.SlotSlack
	}
	return c.System.Sleep(ctx, d)
}

func TestWhoWakesLateAsksForAnotherSlot(t *testing.T) {
	c := &drowsyClock{}
	q, err := queue.Open(t.Context(), queue.Options{Clock: c})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, q.Close()) })
	ch := newChannel(New(Options{Queue: q, Clock: c}), providers.Channel{ID: 1, Limits: providers.Limits{PerSecond: 20}}, nil, ways{requests: 8})
	one := item{Item: queue.Item{MessageID: 1}}
	grant, a, err := ch.timedReserve(t.Context(), ch.reservation(queue.Envelope{}, []item{one}, aheadBulk))
	require.NoError(t, err)
	s := a.slot(one, grant.Slots[0])

	first := s.from
	c.late.Store(1)
	require.True(t, ch.awaitSlot(t.Context(), queue.Envelope{}, &s))
	require.True(t, s.from.After(first.Add(queue.SlotSlack)), "it does not go late in its own")
	next, _, err := ch.timedReserve(t.Context(), ch.reservation(queue.Envelope{}, []item{one}, aheadBulk))
	require.NoError(t, err)
	require.Greater(t, next.Slots[0].Wait, 40*time.Millisecond, "the next one keeps its distance from the slot that was moved")

	c.late.Store(1000)
	require.False(t, ch.awaitSlot(t.Context(), queue.Envelope{}, &s), "it gives up, and the message goes back")
}

// A store whose claims take longer than a slot lasts is slow, and no reason to send
// nothing: a campaign with a limit of its own gets its slots for now alone, and each
// was gone by when its claim was committed.
func TestASlowClaimLosesNoSlot(t *testing.T) {
	for _, c := range []struct {
		name              string
		channel, campaign float64
		spacing           float64 // seconds between two messages of a recipient
	}{
		{"a campaign on a channel with a limit", 50, 10, 0}, {"a campaign alone", 0, 10, 0}, {"a channel", 10, 0, 0}, {"spaced recipients", 10, 0, 3600},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, clock.System{})
			b.writer.onClaim = func() { _ = clock.System{}.Sleep(context.Background(), 3*queue.SlotSlack) }
			for i := range int64(5) {
				b.store.people[i+1] = messages.Recipient{Address: fmt.Sprintf("p%d@example.com", i)}
			}
			ch := b.channel(providers.Channel{Limits: providers.Limits{PerSecond: c.channel, PerRecipientSeconds: c.spacing}})
			e := envelope(5)
			e.CampaignPerSecond = c.campaign
			require.NoError(t, ch.handle(t.Context(), e))
			sent := 0
			for _, o := range b.writer.recorded() {
				if o.State == messages.Sent {
					sent++
				}
			}
			require.Equal(t, 5, sent)
		})
	}
}
