package clock_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/clock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("CET", 3600))

func TestFakeStandsStill(t *testing.T) {
	f := clock.NewFake(noon)
	require.Equal(t, noon.UTC(), f.Now())
	require.Equal(t, time.UTC, f.Now().Location())
	f.Advance(90 * time.Second)
	require.Equal(t, noon.Add(90*time.Second).UTC(), f.Now())
}

// came reports what a channel delivers without waiting for it.
func came(ch <-chan time.Time) (time.Time, bool) {
	select {
	case at := <-ch:
		return at, true
	default:
		return time.Time{}, false
	}
}

func TestAdvanceWakesExactlyThoseWhoseTimeHasCome(t *testing.T) {
	f := clock.NewFake(noon)
	var waiting []<-chan time.Time
	for _, seconds := range []int{3, 1, 2, 10} {
		waiting = append(waiting, f.After(time.Duration(seconds)*time.Second))
	}
	due := func() (woken []int) {
		for i, ch := range waiting {
			if at, ok := came(ch); ok {
				require.Equal(t, f.Now(), at)
				woken = append(woken, i)
			}
		}
		return woken
	}
	require.Empty(t, due())
	f.Advance(time.Second - 1)
	require.Empty(t, due())
	f.Advance(1)
	require.Equal(t, []int{1}, due())
	f.Advance(2 * time.Second)
	require.Equal(t, []int{0, 2}, due())
	f.Advance(time.Minute)
	require.Equal(t, []int{3}, due())
	f.Advance(time.Minute)
	require.Empty(t, due(), "each is woken once")

	for _, d := range []time.Duration{0, -time.Second} {
		at, ok := came(f.After(d))
		require.True(t, ok, "no time to wait is none")
		require.Equal(t, f.Now(), at)
	}
}

// Both clocks sleep by the same rules.
func TestSleep(t *testing.T) {
	for name, start := range map[string]func() (clock.Clock, func(time.Duration)){
		"fake": func() (clock.Clock, func(time.Duration)) {
			f := clock.NewFake(noon)
			return f, f.Advance
		},
		"system": func() (clock.Clock, func(time.Duration)) {
			return clock.System{}, func(d time.Duration) { <-time.After(d) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, advance := start()
				ctx, cancel := context.WithCancel(t.Context())
				started := c.Now()
				short, long := make(chan error, 1), make(chan error, 1)
				go func() { short <- c.Sleep(ctx, time.Minute) }()
				go func() { long <- c.Sleep(ctx, time.Hour) }()
				after := c.After(time.Minute)
				synctest.Wait()
				advance(time.Minute - 1)
				synctest.Wait()
				require.Empty(t, short, "still asleep")
				require.Empty(t, after)
				advance(1)
				synctest.Wait()
				require.NoError(t, <-short)
				require.Equal(t, time.Minute, (<-after).Sub(started))
				require.Equal(t, time.Minute, c.Now().Sub(started))
				require.Empty(t, long, "still asleep")
				cancel()
				require.ErrorIs(t, <-long, context.Canceled)

				require.ErrorIs(t, c.Sleep(ctx, time.Hour), context.Canceled, "an ended context is not slept in")
				require.ErrorIs(t, c.Sleep(ctx, 0), context.Canceled)
				require.NoError(t, c.Sleep(t.Context(), 0))
				require.NoError(t, c.Sleep(t.Context(), -time.Hour))
			})
		})
	}
}

func TestSystemTellsUTC(t *testing.T) {
	now := clock.System{}.Now()
	require.Equal(t, time.UTC, now.Location())
	require.WithinDuration(t, time.Now(), now, time.Minute)
}

func TestFakeIsSafeForManyGoroutines(t *testing.T) {
	f := clock.NewFake(noon)
	const sleepers = 50
	woken := make(chan struct{}, sleepers)
	for i := range sleepers {
		go func() {
			<-f.After(time.Duration(i%7) * time.Second)
			woken <- struct{}{}
		}()
	}
	for range sleepers {
		for done := false; !done; {
			select {
			case <-woken:
				done = true
			default:
				f.Advance(time.Second)
			}
		}
	}
}
