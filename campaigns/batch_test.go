package campaigns_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/campaigns"
)

func TestBatchesAreChecked(t *testing.T) {
	require.Empty(t, campaigns.Batch{}.Check())
	require.Empty(t, campaigns.Batch{Size: 500, Every: "10m"}.Check())
	for _, c := range []struct {
		b     campaigns.Batch
		field string
	}{
		{campaigns.Batch{Every: "10m"}, "throttle.batch.size"},
		{campaigns.Batch{Size: -1, Every: "10m"}, "throttle.batch.size"},
		{campaigns.Batch{Size: 5}, "throttle.batch.every"},
		{campaigns.Batch{Size: 5, Every: "soon"}, "throttle.batch.every"},
		{campaigns.Batch{Size: 5, Every: "10ms"}, "throttle.batch.every"},
		{campaigns.Batch{Size: 5, Every: "169h"}, "throttle.batch.every"},
		{campaigns.Batch{Size: 5, Every: "10m", Growth: 0.9}, "throttle.batch.growth"},
		{campaigns.Batch{Size: 5, Every: "10m", Growth: 1.01}, "throttle.batch.growth"},
		{campaigns.Batch{Size: 5, Every: "10m", Growth: 10.1}, "throttle.batch.growth"},
		{campaigns.Batch{Size: 5, Every: "10m", Growth: math.NaN()}, "throttle.batch.growth"},
	} {
		wrong := c.b.Check()
		require.Len(t, wrong, 1, "%+v", c.b)
		require.Equal(t, c.field, wrong[0].Location)
	}
}

// Whenever somebody asks for room, batches begin as far apart as was said, none is
// larger than was said, each as many times as the one before, and who asks all the time gets a
// full one each time.
func TestBatchesKeepTheirDistance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := campaigns.Batch{Size: rapid.IntRange(1, 50).Draw(t, "size"), Every: "10m",
			Growth: rapid.SampledFrom([]float64{0, 1, 1.05, 1.5, 10}).Draw(t, "growth")}
		size, begun := b.Size, 0
		grow := func() int {
			return int(min(float64(b.Size)*math.Pow(max(1, b.Growth), float64(begun)), 10_000_000))
		}
		var at campaigns.Batching
		now := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
		var began time.Time
		in, total := 0, 0
		for range rapid.IntRange(1, 100).Draw(t, "tries") {
			now = now.Add(rapid.SampledFrom([]time.Duration{0, time.Second, 4 * time.Minute, 10 * time.Minute, 25 * time.Minute}).Draw(t, "later"))
			room := b.Room(at, now)
			if began.IsZero() || now.Sub(began) >= 10*time.Minute {
				require.Equal(t, grow(), room, "a batch is due")
			} else {
				require.Equal(t, size-in, room)
			}
			n := rapid.IntRange(0, room).Draw(t, "taken")
			if n > 0 && (began.IsZero() || now.Sub(began) >= 10*time.Minute) {
				began, in, size = now, 0, grow()
				begun++
			}
			in, total = in+n, total+n
			require.LessOrEqual(t, in, size)
			at = b.Take(at, n, now)
		}
	})
}
