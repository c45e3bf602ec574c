package campaigns_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/campaigns"
)

// The whole machine, every pair of it: a row's letters say whether a message may
// go on to the state of that number.
func TestEveryMove(t *testing.T) {
	table := [campaigns.NumStates]string{
		//                    PQSSDRFRSCU
		campaigns.Pending:   ".x..xxxxxx.",
		campaigns.Queued:    "x.x.xxxxxx.",
		campaigns.Sending:   "x..xxxxx..x",
		campaigns.Sent:      "x...xxxx...",
		campaigns.Delivered: "x....x.....",
		campaigns.Read:      "x..........",
		campaigns.Failed:    "x...xx.....",
		campaigns.Rejected:  "x...xx.....",
		campaigns.Skipped:   "....xx.....",
		campaigns.Canceled:  "....xx.....",
		campaigns.Unknown:   "x..xxxxx.x.",
	}
	for _, from := range campaigns.States() {
		for _, to := range campaigns.States() {
			require.Equal(t, table[from][to] == 'x', campaigns.CanMove(from, to), "%s → %s", from, to)
		}
	}
}

// Whatever comes in whatever order: what a receipt has said is never taken back,
// unless an operator sends the message again.
func TestNoSequenceOfMovesLeadsBackwards(t *testing.T) {
	rank := map[campaigns.State]int{campaigns.Sent: 1, campaigns.Delivered: 2, campaigns.Read: 3}
	rapid.Check(t, func(t *rapid.T) {
		state, reached := campaigns.Pending, 0
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			to := rapid.SampledFrom(campaigns.States()).Draw(t, "to")
			if !campaigns.CanMove(state, to) {
				continue
			}
			if !state.Active() && to == campaigns.Pending {
				reached = 0 // a new try
			}
			if reached >= 2 {
				require.Greater(t, rank[to], reached, "%s → %s", state, to)
			}
			if state == campaigns.Skipped || state == campaigns.Canceled {
				require.GreaterOrEqual(t, rank[to], 2, "%s → %s: only a fact says otherwise", state, to)
			}
			reached = max(reached, rank[to])
			state = to
		}
	})
}

func TestEveryStateCanBecomeFinal(t *testing.T) {
	for _, state := range campaigns.States() {
		require.Equal(t, state == campaigns.Pending || state == campaigns.Queued || state == campaigns.Sending, state.Active(), state)
		if !state.Active() {
			continue
		}
		ends := false
		for _, to := range campaigns.States() {
			ends = ends || (campaigns.CanMove(state, to) && !to.Active())
		}
		require.True(t, ends, "a run could wait for a message in %s for ever", state)
	}
}

func TestStateNames(t *testing.T) {
	seen := map[string]bool{}
	for i, state := range campaigns.States() {
		require.Equal(t, campaigns.State(i), state, "numbers are stored: they keep their meaning")
		name := state.String()
		require.False(t, seen[name])
		seen[name] = true
		parsed, err := campaigns.ParseState(name)
		require.NoError(t, err)
		require.Equal(t, state, parsed)
		text, err := json.Marshal(map[campaigns.State]campaigns.State{state: state})
		require.NoError(t, err)
		require.JSONEq(t, `{"`+name+`":"`+name+`"}`, string(text))
		var back map[campaigns.State]campaigns.State
		require.NoError(t, json.Unmarshal(text, &back))
		require.Equal(t, state, back[state])
	}
	require.Len(t, seen, campaigns.NumStates)
	_, err := campaigns.ParseState("Sent")
	require.ErrorContains(t, err, `"Sent" is no message state: one of [pending queued`)
	var s campaigns.State
	require.Error(t, json.Unmarshal([]byte(`"gone"`), &s))
	require.Equal(t, "state(11)", campaigns.State(11).String())
	require.Equal(t, "state(-1)", campaigns.State(-1).String())
}

func TestCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) (c campaigns.Counts) {
			for i := range c {
				c[i] = rapid.Int64Range(0, 1_000_000).Draw(t, name)
			}
			return c
		}
		a, b := draw("a"), draw("b")
		before := a
		sum := a.Add(b)
		require.Equal(t, before, a, "a sum changes nothing")
		require.Equal(t, a.Total()+b.Total(), sum.Total())
		require.Equal(t, a.Active()+b.Active(), sum.Active())
		shown := sum.Map()
		require.Len(t, shown, campaigns.NumStates)
		var active, total int64
		for _, state := range campaigns.States() {
			require.Equal(t, a[state]+b[state], sum[state])
			require.Equal(t, sum[state], shown[state.String()])
			if total += sum[state]; state.Active() {
				active += sum[state]
			}
		}
		require.Equal(t, total, sum.Total())
		require.Equal(t, active, sum.Active())
	})
	require.Equal(t, int64(0), campaigns.Counts{}.Map()["read"], "every state is shown")
}
