package worker

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/providers"
	"carillon/queue"
)

func TestARateIsOfTheLastSeconds(t *testing.T) {
	var r rate
	at := time.Unix(1_750_000_000, 0)
	require.Zero(t, r.perSecond(at))
	for i := range 60 { // four a second, for fifteen seconds
		r.add(at.Add(time.Duration(i) * time.Second / 4))
	}
	now := at.Add(15 * time.Second)
	require.InDelta(t, 4, r.perSecond(now), 1e-9)
	r.add(now)
	require.InDelta(t, 4, r.perSecond(now), 1e-9, "the second that goes on is no whole one")
	require.InDelta(t, 2.1, r.perSecond(now.Add(5*time.Second)), 1e-9)
	require.InDelta(t, 0.1, r.perSecond(now.Add(10*time.Second)), 1e-9)
	require.Zero(t, r.perSecond(now.Add(11*time.Second)), "it is over")
	require.Zero(t, r.perSecond(now.Add(time.Hour)))
}

// What the provider took is told with the heartbeat, and goes on being counted on a channel
// that was changed.
func TestTheHeartbeatSaysWhatWasAccepted(t *testing.T) {
	b := newBench(t, nil)
	channel := providers.Channel{ID: 1, Provider: "fake", Limits: providers.Limits{RefusalsInARow: 100}}
	b.set(channel)
	b.send = func(_ context.Context, m providers.Message) (providers.Accepted, error) {
		if m.ID%2 == 0 {
			return providers.Accepted{}, &providers.Error{Kind: providers.ErrorRecipient, Err: errors.New("no such user")}
		}
		return providers.Accepted{}, nil
	}
	b.Start()
	defer b.Stop()
	require.NoError(t, b.queue.EnqueueAll(t.Context(), []queue.Envelope{envelope(20)}))
	half := map[int64]float64{1: 1} // ten in ten seconds
	told := func() map[int64]float64 {
		b.store.mu.Lock()
		defer b.store.mu.Unlock()
		return b.store.told.Accepted
	}
	until(t, func() bool { return maps.Equal(half, told()) })
	channel.Config = []byte(`{"changed":true}`)
	b.set(channel)
	until(t, func() bool { return len(b.providers()) == 2 })
	require.Equal(t, half, b.doing().Accepted)
	b.set()
	until(t, func() bool { return len(told()) == 0 })
}
