package bench

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/queue"
)

func TestSteadyIsTheSecondHalf(t *testing.T) {
	began := system.Now()
	at := func(ms, count int64) sample {
		return sample{at: began.Add(time.Duration(ms) * time.Millisecond), count: count}
	}
	require.Zero(t, steady(nil, began))
	require.Zero(t, steady([]sample{at(50, 10)}, began))
	// 100/s at first, 1000/s later; what is watched after the last arrival is no part.
	require.InDelta(t, 1000, steady([]sample{at(0, 0), at(500, 50), at(1000, 100), at(1500, 600), at(2000, 1100), at(2500, 1100)}, began), 1)
}

// TestCountsLeaveOutWhatPassesAnyhow shows that a run that takes ten times as long
// counts the same.
func TestCountsLeaveOutWhatPassesAnyhow(t *testing.T) {
	quiet := reading{seconds: 2, allocations: 2000, bytes: 20_000, transactions: 4, work: queue.Work{Commands: 200, Scripts: 20}}
	for _, seconds := range []uint64{1, 10} {
		busy := reading{
			seconds: float64(seconds), allocations: 50_000 + 1000*seconds, bytes: 10_000 + 10_000*seconds, transactions: int64(40 + 2*seconds),
			work: queue.Work{Commands: int64(300 + 100*seconds), Scripts: int64(10 * seconds)},
		}
		require.Equal(t, Counts{Allocations: 50, AllocatedBytes: 10, Transactions: 40, Commands: 300}, busy.counts(quiet, 1000))
	}
}

func TestParseStat(t *testing.T) {
	times, ok := parseStat("12 (a) name (x)) S 7 12 12 0 -1 4194560 1 2 3 4 150 50 300 100 20 0 1 0 5 6 7\n")
	require.True(t, ok)
	require.Equal(t, processTimes{parent: 7, own: 2, children: 4}, times)
	for _, text := range []string{"", "12 (x", "12 (x) S 7", "12 (x) S 7 12 12 0 -1 4194560 1 2 3 4 a 50 300 100 20"} {
		_, ok := parseStat(text)
		require.False(t, ok, text)
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add("12 (a) name (x)) S 7 12 12 0 -1 4194560 1 2 3 4 150 50 300 100 20 0 1 0 5 6 7\n")
	f.Fuzz(func(t *testing.T, text string) {
		if times, ok := parseStat(text); !ok {
			require.Equal(t, processTimes{}, times)
		}
	})
}

// TestTheMetersMove shows that work is seen on them.
func TestTheMetersMove(t *testing.T) {
	before, all := ownSeconds(), machineSeconds()
	var text strings.Builder
	require.Eventually(t, func() bool {
		for range 1_000_000 {
			text.WriteByte('x')
		}
		text.Reset()
		return ownSeconds() > before && machineSeconds() > all
	}, time.Minute, time.Millisecond)
	require.GreaterOrEqual(t, treeSeconds(os.Getpid()), before)
	require.Zero(t, treeSeconds(0))
	require.Positive(t, peakResidentBytes())
}
