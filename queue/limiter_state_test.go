package queue

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What throttling has left of a rate is told with when it was, and when all is had again.
func TestStateSaysWhenTheRateIsBack(t *testing.T) {
	onBothLimiters(t, func(t *testing.T, l testLimiter) {
		state := func() State {
			t.Helper()
			s, err := l.State(t.Context(), Channel{ID: 1}, 0)
			require.NoError(t, err)
			return s
		}
		require.Equal(t, State{RateFactor: 1}, state())
		for range 2 {
			require.NoError(t, l.Throttle(t.Context(), Channel{ID: 1}, 0, 2*time.Second))
			l.fake.Advance(3 * time.Second)
		}
		require.Equal(t, State{RateFactor: 0.5, ThrottledFor: 3 * time.Second, BackIn: 49 * time.Second}, state(), "50 s after it was blocked for 2 s")
		l.fake.Advance(29 * time.Second)
		require.Equal(t, State{RateFactor: 0.8, ThrottledFor: 32 * time.Second, BackIn: 20 * time.Second}, state())
		l.fake.Advance(20 * time.Second)
		require.Equal(t, State{RateFactor: 1}, state())
	})
}
