package cli

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The API counts overlaps in seconds: what is no whole number of them would be another overlap than
// was asked for, or none.
func TestAnOverlapHasWholeSecondsWithinItsBound(t *testing.T) {
	for overlap, seconds := range map[time.Duration]int64{0: 0, time.Second: 1, 24 * time.Hour: 86400, 720 * time.Hour: 2592000} {
		n, err := overlapSeconds(overlap)
		require.NoError(t, err)
		require.Equal(t, seconds, n)
	}
	for _, overlap := range []time.Duration{time.Millisecond, 1500 * time.Millisecond, -time.Millisecond} {
		_, err := overlapSeconds(overlap)
		require.ErrorContains(t, err, "whole seconds")
	}
	for _, overlap := range []time.Duration{-time.Second, 720*time.Hour + time.Second} {
		_, err := overlapSeconds(overlap)
		require.ErrorContains(t, err, "0 to 720h")
	}
}
