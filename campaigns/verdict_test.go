package campaigns_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/campaigns"
)

// z95 is the quantile of 95 % confidence.
const z95 = 1.959963984540054

// The examples of Newcombe's paper, as its table of method 10 has them.
func TestNewcombesExamples(t *testing.T) {
	for _, c := range []struct {
		one, other campaigns.Tally
		low, high  float64
	}{
		{campaigns.Tally{Trials: 70, Successes: 56}, campaigns.Tally{Trials: 80, Successes: 48}, 0.0524, 0.3339},
		{campaigns.Tally{Trials: 10, Successes: 9}, campaigns.Tally{Trials: 10, Successes: 3}, 0.1705, 0.8090},
		{campaigns.Tally{Trials: 7, Successes: 6}, campaigns.Tally{Trials: 7, Successes: 2}, 0.0582, 0.8062},
		{campaigns.Tally{Trials: 56, Successes: 5}, campaigns.Tally{Trials: 29}, -0.0381, 0.1926},
		{campaigns.Tally{Trials: 10}, campaigns.Tally{Trials: 20}, -0.1611, 0.2775},
		{campaigns.Tally{Trials: 10}, campaigns.Tally{Trials: 10}, -0.2775, 0.2775},
		{campaigns.Tally{Trials: 10, Successes: 10}, campaigns.Tally{Trials: 20}, 0.6791, 1},
		{campaigns.Tally{Trials: 10, Successes: 10}, campaigns.Tally{Trials: 10}, 0.6075, 1},
	} {
		ahead := c.one.Ahead(c.other, z95)
		require.InDelta(t, c.low, ahead.Low, 0.0001, "%v %v", c.one, c.other)
		require.InDelta(t, c.high, ahead.High, 0.0001, "%v %v", c.one, c.other)
	}
}

func tallies(t *rapid.T) []campaigns.Tally {
	list := make([]campaigns.Tally, rapid.IntRange(2, 6).Draw(t, "variants"))
	for i := range list {
		list[i].Trials = rapid.Int64Range(0, 100_000).Draw(t, "trials")
		list[i].Successes = rapid.Int64Range(0, list[i].Trials).Draw(t, "successes")
	}
	return list
}

func TestVerdictsHoldTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := tallies(t)
		confidence, looks := rapid.IntRange(80, 99).Draw(t, "confidence"), rapid.IntRange(1, 5).Draw(t, "looks")
		v := campaigns.Judge(list, confidence, looks)
		for _, tally := range list {
			in := tally.Interval(z95)
			require.LessOrEqual(t, in.Low, tally.Rate()+1e-9)
			require.GreaterOrEqual(t, in.High, tally.Rate()-1e-9)
			if v.Leader > 0 {
				require.LessOrEqual(t, tally.Rate(), list[v.Leader-1].Rate())
			}
		}
		if v.Leader == 0 {
			require.False(t, v.Decided)
			return
		}
		require.NotEqual(t, v.Leader, v.Against)
		require.Equal(t, v.Ahead.Low > 0, v.Decided)
		d := list[v.Leader-1].Rate() - list[v.Against-1].Rate()
		require.LessOrEqual(t, v.Ahead.Low, d+1e-9)
		require.GreaterOrEqual(t, v.Ahead.High, d-1e-9)
		// Who asks more often has to be surer.
		require.False(t, campaigns.Judge(list, confidence, looks+1).Decided && !v.Decided)
		require.False(t, campaigns.Judge(list, min(99, confidence+1), looks).Decided && !v.Decided)
		// Ten times as many with the same shares say it more clearly.
		more := make([]campaigns.Tally, len(list))
		for i, tally := range list {
			more[i] = campaigns.Tally{Trials: 10 * tally.Trials, Successes: 10 * tally.Successes}
		}
		require.False(t, v.Decided && !campaigns.Judge(more, confidence, looks).Decided)
	})
}

func TestNothingIsToldOfNothing(t *testing.T) {
	for _, list := range [][]campaigns.Tally{
		nil, {{Trials: 10, Successes: 5}}, {{}, {}}, {{Trials: 100, Successes: 90}, {}}, {{Trials: 10, Successes: 5}, {Trials: 20, Successes: 10}},
	} {
		require.Equal(t, campaigns.Verdict{}, campaigns.Judge(list, 95, 1))
	}
}

// Of variants that are alike a winner is found no more often than was promised, although
// there are three and they are looked at four times.
func TestChanceMakesNoWinner(t *testing.T) {
	const rounds, looks, each = 1500, 4, 200
	r := rand.New(rand.NewPCG(1, 2))
	for _, share := range []float64{0.02, 0.2, 0.9} {
		won := 0
		for range rounds {
			list := make([]campaigns.Tally, 3)
			for range looks {
				for i := range list {
					for range each {
						if r.Float64() < share {
							list[i].Successes++
						}
					}
					list[i].Trials += each
				}
				if campaigns.Judge(list, 95, looks).Decided {
					won++
					break
				}
			}
		}
		most := 0.05*rounds + 3*math.Sqrt(0.05*0.95*rounds)
		require.Less(t, float64(won), most, "with a share of %v", share)
	}
}

func TestTrialsChoose(t *testing.T) {
	rule := func(w campaigns.WinnerRule) *campaigns.Experiment {
		return &campaigns.Experiment{Variants: []campaigns.Variant{{Name: "A"}, {Name: "B"}}, TestShare: 20, Winner: &w}
	}
	plain := []campaigns.Tally{{Trials: 1000, Successes: 100}, {Trials: 1000, Successes: 300}}
	narrow := []campaigns.Tally{{Trials: 1000, Successes: 110}, {Trials: 1000, Successes: 100}}
	same := []campaigns.Tally{{Trials: 1000, Successes: 100}, {Trials: 1000, Successes: 100}}
	waits := campaigns.WinnerRule{By: campaigns.ByRead, After: "1h", Until: "5h"}
	leader := waits
	leader.Otherwise = campaigns.OtherwiseLeader
	for name, c := range map[string]struct {
		rule    campaigns.WinnerRule
		tallies []campaigns.Tally
		since   string
		variant int
		next    string
	}{
		"clear":                    {waits, plain, "1h", 2, "0s"},
		"close":                    {waits, narrow, "1h", 0, "2h"},
		"looked at late":           {waits, narrow, "3h", 0, "4h"},
		"nearly over":              {waits, narrow, "4h", 0, "5h"},
		"over":                     {waits, narrow, "5h", 0, "0s"},
		"over, and the leader":     {leader, narrow, "5h", 1, "0s"},
		"over, and nobody leads":   {leader, same, "7h", 0, "0s"},
		"long over, and it's told": {waits, plain, "700h", 2, "0s"},
	} {
		trial := campaigns.Trial{Experiment: rule(c.rule), By: campaigns.ByRead, Tallies: c.tallies, RunID: 3, CampaignID: 2}
		variant, next := trial.Choose(duration(t, c.since))
		require.Equal(t, c.variant, variant, name)
		require.Equal(t, duration(t, c.next), next, name)
	}
	trial := campaigns.Trial{Experiment: rule(waits), By: campaigns.ByRead, Tallies: narrow, Waiting: 1, HeldOut: 2, RunID: 3, CampaignID: 2}
	require.Equal(t, []string{
		"not decidable yet: A leads B in read by 1.0 points (-2.4 to 4.5 with 95% confidence)",
		"1 recipient waits for the winner; a person has to choose it: carillon campaign winner 2 --run 3 --variant A",
		"2 recipients were held out, and get nothing",
	}, trial.Says())
	trial.Tallies = same
	require.Equal(t, "not decidable yet: no variant leads in read", trial.Says()[0])
	trial.Chosen = campaigns.Chosen{Variant: 2, By: "key 1 (Bea)", At: noon}
	require.Equal(t, "the winner is B, chosen by key 1 (Bea) at 2026-03-01 12:00:00 UTC", trial.Says()[0])
	trial.Chosen = campaigns.Chosen{Variant: 2, At: noon, Tallies: plain}
	require.Equal(t, "the winner is B, chosen by its rule at 2026-03-01 12:00:00 UTC", trial.Says()[0])
	trial.Chosen = campaigns.Chosen{Variant: 1, At: noon, Tallies: narrow}
	require.Equal(t, "the winner is A, chosen by its rule as the one that was ahead, which may be chance, at 2026-03-01 12:00:00 UTC", trial.Says()[0])
	require.Empty(t, (&campaigns.Trial{}).Says())
}
