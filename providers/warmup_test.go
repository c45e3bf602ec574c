package providers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var warmNoon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

func TestAWarmUpIsChecked(t *testing.T) {
	require.Empty(t, WarmUp{}.Check("limits.warm_up."))
	require.Empty(t, WarmUp{First: 200, Ceiling: 50_000}.Check("limits.warm_up."))
	for _, c := range []struct {
		w     WarmUp
		field string
	}{
		{WarmUp{Ceiling: 10}, "limits.warm_up.first"},
		{WarmUp{First: -1, Ceiling: 10}, "limits.warm_up.first"},
		{WarmUp{First: 20, Ceiling: 10}, "limits.warm_up.ceiling"},
		{WarmUp{First: 20}, "limits.warm_up.ceiling"},
		{WarmUp{First: 20, Ceiling: maxWarmUp + 1}, "limits.warm_up.ceiling"},
		{WarmUp{First: 20, Ceiling: 100, Factor: 1}, "limits.warm_up.factor"},
		{WarmUp{First: 20, Ceiling: 100, Factor: 11}, "limits.warm_up.factor"},
	} {
		wrong := c.w.Check("limits.warm_up.")
		require.Len(t, wrong, 1, "%+v", c.w)
		require.Equal(t, c.field, wrong[0].Location)
	}
}

// A day that was made use of makes the next one larger, an idle one does not.
func TestAWarmUpGrowsWithUse(t *testing.T) {
	w := WarmUp{First: 200, Ceiling: 1000}
	at := w.Begin("example.org", Traffic{Asked: 5000, Bounced: 4000})
	total := at.Before
	require.Equal(t, at, w.Step(at, total, warmNoon), "nothing was sent yet")
	total.Asked += 99
	at = w.Step(at, total, warmNoon)
	require.Equal(t, warmNoon, at.Since, "it begins with the first message")
	require.Equal(t, at, w.Step(at, total, warmNoon.Add(72*time.Hour)), "not half of the day was used")
	total.Asked++
	require.Equal(t, at, w.Step(at, total, warmNoon.Add(24*time.Hour-1)))
	var got []int
	for day := range 6 {
		at = w.Step(at, total, warmNoon.Add(time.Duration(day+1)*24*time.Hour))
		got = append(got, at.Allowance)
		total.Asked += int64(at.Allowance)
	}
	require.Equal(t, []int{300, 450, 675, 1000, 1000, 1000}, got)
	require.Equal(t, []int{200, 300, 450, 675, 1000}, w.Ahead(w.Begin("", Traffic{}), 50))
	require.Equal(t, []int{200, 300}, w.Ahead(w.Begin("", Traffic{}), 2))
}

func TestTroubleSlowsAWarmUp(t *testing.T) {
	w := WarmUp{First: 100, Ceiling: 10_000, Factor: 2}
	from := Warmth{Domain: "a.example", Allowance: 800, Since: warmNoon, Before: Traffic{10, 10, 10, 10}}
	for _, c := range []struct {
		seen Traffic
		says string
	}{
		{Traffic{Asked: 100, Bounced: 5}, ""},
		{Traffic{Asked: 100, Bounced: 6}, "6 of 100 addresses bounced, more than 5 %"},
		{Traffic{Asked: 49, Bounced: 49, Deferred: 49, Complained: 49}, ""},
		{Traffic{Asked: 100, Complained: 1}, ""},
		{Traffic{Asked: 100, Complained: 2}, "2 of 100 people complained, more than 0.3 %"},
		{Traffic{Asked: 1000, Complained: 3}, ""},
		{Traffic{Asked: 100, Deferred: 25}, ""},
		{Traffic{Asked: 100, Deferred: 26}, "the provider deferred 26 of 100 messages, more than 25 %"},
	} {
		total := Traffic{10 + c.seen.Asked, 10 + c.seen.Deferred, 10 + c.seen.Bounced, 10 + c.seen.Complained}
		now := warmNoon.Add(time.Hour)
		got := w.Step(from, total, now)
		if c.says == "" {
			require.Equal(t, from, got, "%+v", c.seen)
			continue
		}
		require.Equal(t, Warmth{Domain: "a.example", Allowance: 400, Since: now, Before: total, Slowed: c.says}, got)
		require.Equal(t, got, w.Step(got, total, now.Add(time.Minute)), "once for the same figures")
		total.Asked += 200
		got = w.Step(got, total, now.Add(24*time.Hour))
		require.Equal(t, 800, got.Allowance, "and it grows again")
		require.Empty(t, got.Slowed)
	}
	low := from
	low.Allowance = 120
	require.Equal(t, 100, w.Step(low, Traffic{Asked: 110, Bounced: 110}, warmNoon).Allowance, "never below the first day's")
}

func TestAChangedPlanGoesOn(t *testing.T) {
	w := WarmUp{First: 100, Ceiling: 500}
	at := Warmth{Domain: "a.example", Allowance: 300, Since: warmNoon}
	require.Equal(t, at, w.Adopt(&at, "a.example", Traffic{Asked: 7}))
	require.Equal(t, 200, WarmUp{First: 50, Ceiling: 200}.Adopt(&at, "a.example", Traffic{}).Allowance)
	require.Equal(t, 400, WarmUp{First: 400, Ceiling: 800}.Adopt(&at, "a.example", Traffic{}).Allowance)
	anew := Warmth{Domain: "b.example", Allowance: 100, Before: Traffic{Asked: 7}}
	require.Equal(t, anew, w.Adopt(&at, "b.example", Traffic{Asked: 7}), "another domain is not known yet")
	require.Equal(t, anew, w.Adopt(nil, "b.example", Traffic{Asked: 7}))
}

// Whatever comes, the day's most stays within the plan, grows once a day at most and
// by no more than the plan says; and what the plan foretells is what happens if all goes
// well.
func TestAWarmUpKeepsToItsPlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := WarmUp{First: rapid.IntRange(1, 500).Draw(t, "first"), Factor: rapid.SampledFrom([]float64{0, 1.01, 1.3, 2, 10}).Draw(t, "factor")}
		w.Ceiling = w.First + rapid.IntRange(0, 5000).Draw(t, "more")
		require.Empty(t, w.Check("limits.warm_up."))
		at, total, now := w.Begin("", Traffic{}), Traffic{}, warmNoon
		grew := time.Time{}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			now = now.Add(rapid.SampledFrom([]time.Duration{time.Minute, time.Hour, 23 * time.Hour, 24 * time.Hour, 80 * time.Hour}).Draw(t, "later"))
			n := rapid.Int64Range(0, int64(at.Allowance)).Draw(t, "asked")
			total.Asked += n
			total.Bounced += rapid.Int64Range(0, n/8).Draw(t, "bounced")
			next := w.Step(at, total, now)
			require.GreaterOrEqual(t, next.Allowance, w.First)
			require.LessOrEqual(t, next.Allowance, w.Ceiling)
			if next.Allowance > at.Allowance {
				require.LessOrEqual(t, float64(next.Allowance), max(float64(at.Allowance)*w.factor(), float64(at.Allowance+1))+1e-6)
				require.GreaterOrEqual(t, now.Sub(grew), 24*time.Hour)
				grew = now
			}
			at = next
		}
		n := rapid.Int64Range(1, 20_000).Draw(t, "recipients")
		left, allowance, days := n, at.Allowance, int64(0)
		for ; left > int64(allowance); days++ {
			left -= int64(allowance)
			allowance = w.Next(allowance)
		}
		require.Equal(t, days, w.Takes(at, n))
	})
}
