package cli

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
)

// Nobody who looks at a campaign, a channel, the queue or a message that waits takes
// for progress what stands still.
func TestEveryViewSaysThatNothingGoesOut(t *testing.T) {
	f := newFixture(t)
	f.ok("channel", "create", "news", "--provider", "sandbox")
	f.stdin = "email\nada@example.org\n"
	f.ok("import", "-")
	f.ok("campaign", "create", "--name", "x", "--channel", "news", "--all", "--subject", "s", "--text", "t", "--start")
	const nobody = "No worker is running: nothing is sent."
	views := [][]string{
		{"campaign", "show", "1"}, {"queue", "ls"}, {"channel", "ls"}, {"channel", "show", "news"}, {"explain", "1", "ada@example.org"}, {"messages", "show", "1"},
	}
	for _, view := range views {
		require.Contains(t, f.ok(view...), nobody, "%v", view)
	}
	require.NotContains(t, f.ok("campaign", "show", "1"), "Ends about")
	code, out, errs := f.run("status")
	require.Equal(t, exitUnbalanced, code)
	require.Contains(t, out, nobody+" Start one: `carillon worker`")
	require.Regexp(t, `Workers alive +0`, out)
	require.Contains(t, errs, "1 thing is wrong")
	require.NotContains(t, f.ok("workers"), "box-1")

	ctx := t.Context()
	worker, err := f.store.RegisterWorker(ctx, "box-1")
	require.NoError(t, err)
	require.NoError(t, f.store.Heartbeat(ctx, worker, campaigns.Beat{Version: "1.2.3", Channels: []int64{1}, Requests: map[int64]int{1: 24}, InFlight: 3}))
	_, _, err = f.store.AcquireLease(ctx, "scheduler", "box-2", 1<<40)
	require.NoError(t, err)
	require.Regexp(t, `box-1 +alive .* 1 +3 +1\.2\.3`, f.ok("workers"))
	other, err := f.store.RegisterWorker(ctx, "box-3")
	require.NoError(t, err)
	require.NoError(t, f.store.Heartbeat(ctx, other, campaigns.Beat{Channels: []int64{1}, Requests: map[int64]int{1: 6}}))
	require.Regexp(t, `Requests at once +30`, f.ok("channel", "show", "1"), "of both")
	require.NoError(t, f.store.RetireWorker(ctx, other))
	require.Regexp(t, `Requests at once +24`, f.ok("channel", "show", "1"))
	out = f.ok("status")
	require.Contains(t, out, "Nothing is wrong")
	require.Regexp(t, `Scheduler +box-2`, out)
	for _, view := range views {
		require.NotContains(t, f.ok(view...), "nothing is sent", "%v", view)
	}
	require.Regexp(t, `key 1 \(admin\) +create-channel +channel 1 +news +127\.0\.0\.1 +[0-9a-f]{16}`, f.ok("audit"))
	f.ok("campaign", "pause", "1")
	require.Contains(t, f.ok("campaign", "show", "1"), "Campaign 1 is paused since")
	require.Contains(t, f.ok("queue", "ls"), "`carillon campaign resume 1` lets it go on")
}

// Whoever watches is told once that it stands still, and once that it goes on.
func TestWatchingTellsAStandstill(t *testing.T) {
	f := newFixture(t)
	f.ok("channel", "create", "news", "--provider", "sandbox")
	f.stdin = "email\nada@example.org\n"
	f.ok("import", "-")
	f.ok("campaign", "create", "--name", "x", "--channel", "news", "--all", "--subject", "s", "--text", "t", "--start")
	f.ok("campaign", "show", "1") // plans it
	f.looked = func(n int) {
		switch n {
		case 20:
			worker, err := f.store.RegisterWorker(t.Context(), "box-1")
			require.NoError(t, err)
			require.NoError(t, f.store.Heartbeat(t.Context(), worker, campaigns.Beat{Channels: []int64{1}}))
			_, _, err = f.store.AcquireLease(t.Context(), "scheduler", "box-2", 1<<40)
			require.NoError(t, err)
		case 40:
			require.NoError(t, f.store.CancelCampaign(t.Context(), 1, 1, "test"))
		}
	}
	code, _, errs := f.run("campaign", "watch", "1")
	require.Equal(t, exitFailed, code)
	require.Regexp(t, "^No worker is running: nothing is sent. Start one[^\n]*\nIt goes on.\ncarillon: campaign 1 is canceled", errs)
}
