package scheduler

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/messages"
)

// passes runs passes until something holds, and lets the time pass in which a pass
// waits for its lanes.
func (f *fixture) passes(t *testing.T, until func() bool) {
	t.Helper()
	done := make(chan error, 1)
	for range 50 {
		go func() {
			_, err := f.feeder.pass(t.Context())
			done <- err
		}()
		for ended := false; !ended; {
			select {
			case err := <-done:
				require.NoError(t, err)
				ended = true
			default:
				f.clock.Advance(laneWait)
			}
		}
		if until() {
			return
		}
	}
	t.Fatal("it does not come to hold")
}

// Whatever a channel's campaigns take, other channels and the channel's own
// transactional messages are fed.
func TestASlowLaneHoldsUpNoOther(t *testing.T) {
	f := newFixture()
	release := make(chan struct{})
	f.store.hangs[1] = release
	f.campaign(7, 10, nil)
	f.passes(t, func() bool { return true })
	f.store.mu.Lock()
	f.store.feedable = append(f.store.feedable, messages.Feedable{ChannelID: 1, Pending: 3}, messages.Feedable{ChannelID: 2, Pending: 3})
	f.campaign(8, 10, func(item *messages.Feedable) { item.ChannelID = 2 })
	f.store.mu.Unlock()
	f.passes(t, func() bool { return f.fed()[0] == 6 && f.fed()[8] == 10 })
	require.Zero(t, f.fed()[7])
	close(release)
	f.feeder.wait()
	require.Equal(t, 10, f.fed()[7], "it went on by itself, once")
	select {
	case <-f.wake.feed:
	default:
		t.Fatal("whoever ends late wakes the feeder")
	}
	require.Empty(t, f.feeder.lanes)
}
