package targeting_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/targeting"
)

// many is how many contacts are dealt out.
const many = 200_000

// requireShare fails if n, of so many, are further from a share than chance goes: five
// standard deviations.
func requireShare(t *testing.T, share float64, n, all int) {
	t.Helper()
	far := 5 * math.Sqrt(float64(all)*share*(1-share))
	require.InDelta(t, float64(all)*share, float64(n), far)
}

func TestASplitDealsSharesOut(t *testing.T) {
	for campaign := int64(1); campaign <= 40; campaign++ {
		s := targeting.NewSplit(campaign, 5, 20, []int{60, 30, 10})
		var held, waits, odd int
		of := map[int]int{}
		for id := int64(1); id <= many; id++ {
			switch {
			case s.HoldsOut(id):
				require.False(t, s.Waits(id))
				held++
			case s.Waits(id):
				waits++
			default:
				of[s.Variant(id)]++
				if id%2 == 1 && s.Variant(id) == 1 {
					odd++
				}
			}
		}
		test := of[1] + of[2] + of[3]
		requireShare(t, 0.05, held, many)
		requireShare(t, 0.95*0.8, waits, many)
		requireShare(t, 0.6, of[1], test)
		requireShare(t, 0.3, of[2], test)
		requireShare(t, 0.1, of[3], test)
		requireShare(t, 0.5, odd, of[1])
		require.Len(t, of, 3)
	}
}

// What somebody has in one campaign says nothing of what they have in another.
func TestSplitsOfCampaignsAreIndependent(t *testing.T) {
	for one := int64(1); one <= 12; one++ {
		for _, other := range []int64{one + 1, one + 2, one + 7, 1000 * one} {
			a, b := targeting.NewSplit(one, 10, 100, []int{50, 50}), targeting.NewSplit(other, 10, 100, []int{50, 50})
			var same, held int
			for id := int64(1); id <= many; id++ {
				if a.Variant(id) == b.Variant(id) {
					same++
				}
				if a.HoldsOut(id) && b.HoldsOut(id) {
					held++
				}
			}
			requireShare(t, 0.5, same, many)
			requireShare(t, 0.01, held, many)
		}
	}
}

// Neither a larger test nor a larger holdout gives anybody another variant.
func TestAVariantDoesNotDependOnTheSizeOfTheTest(t *testing.T) {
	small, large := targeting.NewSplit(7, 0, 10, []int{50, 25, 25}), targeting.NewSplit(7, 30, 90, []int{50, 25, 25})
	for id := int64(1); id <= 10_000; id++ {
		require.Equal(t, small.Variant(id), large.Variant(id))
	}
	require.Zero(t, targeting.NewSplit(7, 30, 100, nil).Variant(1))
	require.False(t, targeting.NewSplit(7, 30, 100, nil).Waits(1))
}
