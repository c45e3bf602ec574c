package campaigns_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
)

func TestThrottleAttempts(t *testing.T) {
	for given, want := range map[int]int{0: campaigns.DefaultMaxAttempts, 1: 1, 20: 20} {
		require.Equal(t, want, campaigns.Throttle{MaxAttempts: given}.Attempts())
	}
}
