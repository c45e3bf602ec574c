package scheduler

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
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
	f.store.feedable = append(f.store.feedable, campaigns.Feedable{ChannelID: 1, Pending: 3}, campaigns.Feedable{ChannelID: 2, Pending: 3})
	f.campaign(8, 10, func(_ *campaigns.Campaign, item *campaigns.Feedable) { item.ChannelID = 2 })
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

// A template that takes long is rendered for a while; the rest is fed again, in
// smaller pieces.
func TestRenderingIsCutIntoPieces(t *testing.T) {
	f := newFixture()
	f.feeder.unsubscribe = func(int64, int64) string {
		f.clock.Advance(300 * time.Millisecond) // what the template takes
		return ""
	}
	f.campaign(7, 100, nil)
	pass := func() {
		_, err := f.feeder.pass(t.Context())
		require.NoError(t, err)
		f.feeder.wait()
	}
	pass()
	require.Equal(t, 4, f.fed()[7], "what went into renderFor")
	back := 0
	for _, ids := range f.store.unqueued {
		back += len(ids)
	}
	require.Equal(t, 96, back)
	pass()
	last := f.store.requests[len(f.store.requests)-1]
	require.Equal(t, []int{1, 1}, []int{len(last.Envelopes), last.PerEnvelope}, "half of renderFor holds one")
	for range 100 {
		pass()
	}
	require.Equal(t, 100, f.fed()[7], "everybody is fed in the end")
}

// Whom a template takes too much for is skipped with a reason of its own; a run of
// them pauses the campaign with words, and nothing more of it is fed.
func TestARunOfExceededTemplatesPausesTheCampaign(t *testing.T) {
	f := newFixture()
	f.campaign(7, 1000, func(c *campaigns.Campaign, _ *campaigns.Feedable) {
		c.Content.Text = `{% if contact.first_name %}Hi{% else %}{% for i in (1..999999999) %}{% endfor %}{% endif %}`
	})
	f.store.nameless = map[int64]bool{}
	for id := range int64(1000) {
		f.store.nameless[id] = id < exceededInARow || id >= 20 // one short, some fine, then all
	}
	_, err := f.feeder.pass(t.Context())
	require.NoError(t, err)
	require.Contains(t, f.store.paused[7], "10 recipients in a row were skipped: ")
	require.Contains(t, f.store.paused[7], "content.text: the template takes more than")
	require.Len(t, f.store.skipped, exceededInARow-1+exceededInARow, "a run counts, not the sum")
	for id, detail := range f.store.skipped {
		require.Contains(t, detail, campaigns.ReasonRenderExceeded+": ", fmt.Sprint(id))
	}
	require.Zero(t, f.fed()[7], "what was rendered is taken back by the pause")
	require.Equal(t, 0, f.feeder.runs[7].exceeded, "resuming begins anew")
}

// A feeder that has to stop does not wait for a template.
func TestStoppingEndsARendering(t *testing.T) {
	f := newFixture()
	f.campaign(7, 1000, func(c *campaigns.Campaign, _ *campaigns.Feedable) {
		c.Content.Text = `{% for i in (1..20000) %}{% endfor %}`
	})
	ctx, cancel := context.WithCancel(t.Context())
	f.feeder.unsubscribe = func(int64, int64) string { cancel(); return "" }
	_, err := f.feeder.pass(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, f.store.skipped, "nobody is skipped for it")
	require.Empty(t, f.fed())
}
