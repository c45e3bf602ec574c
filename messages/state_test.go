package messages_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/messages"
)

// The whole machine, every pair of it: a row's letters say whether a message may
// go on to the state of that number.
func TestEveryMove(t *testing.T) {
	table := [messages.NumStates]string{
		//                    PQSSDRFRSCU
		messages.Pending:   ".x..xxxxxx.",
		messages.Queued:    "x.x.xxxxxx.",
		messages.Sending:   "x..xxxxx..x",
		messages.Sent:      "x...xxxx...",
		messages.Delivered: "x....x.....",
		messages.Read:      "x..........",
		messages.Failed:    "x...xx.....",
		messages.Rejected:  "x...xx.....",
		messages.Skipped:   "....xx.....",
		messages.Canceled:  "....xx.....",
		messages.Unknown:   "x..xxxxx.x.",
	}
	for _, from := range messages.States() {
		for _, to := range messages.States() {
			require.Equal(t, table[from][to] == 'x', messages.CanMove(from, to), "%s → %s", from, to)
		}
	}
}

// Whatever comes in whatever order: what a receipt has said is never taken back,
// unless an operator sends the message again.
func TestNoSequenceOfMovesLeadsBackwards(t *testing.T) {
	rank := map[messages.State]int{messages.Sent: 1, messages.Delivered: 2, messages.Read: 3}
	rapid.Check(t, func(t *rapid.T) {
		state, reached := messages.Pending, 0
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			to := rapid.SampledFrom(messages.States()).Draw(t, "to")
			if !messages.CanMove(state, to) {
				continue
			}
			if !state.Active() && to == messages.Pending {
				reached = 0 // a new try
			}
			if reached >= 2 {
				require.Greater(t, rank[to], reached, "%s → %s", state, to)
			}
			if state == messages.Skipped || state == messages.Canceled {
				require.GreaterOrEqual(t, rank[to], 2, "%s → %s: only a fact says otherwise", state, to)
			}
			reached = max(reached, rank[to])
			state = to
		}
	})
}

func TestEveryStateCanBecomeFinal(t *testing.T) {
	for _, state := range messages.States() {
		require.Equal(t, state == messages.Pending || state == messages.Queued || state == messages.Sending, state.Active(), state)
		if !state.Active() {
			continue
		}
		ends := false
		for _, to := range messages.States() {
			ends = ends || (messages.CanMove(state, to) && !to.Active())
		}
		require.True(t, ends, "a run could wait for a message in %s for ever", state)
	}
}

func TestStateNames(t *testing.T) {
	seen := map[string]bool{}
	for i, state := range messages.States() {
		require.Equal(t, messages.State(i), state, "numbers are stored: they keep their meaning")
		name := state.String()
		require.False(t, seen[name])
		seen[name] = true
		parsed, err := messages.ParseState(name)
		require.NoError(t, err)
		require.Equal(t, state, parsed)
		text, err := json.Marshal(map[messages.State]messages.State{state: state})
		require.NoError(t, err)
		require.JSONEq(t, `{"`+name+`":"`+name+`"}`, string(text))
		var back map[messages.State]messages.State
		require.NoError(t, json.Unmarshal(text, &back))
		require.Equal(t, state, back[state])
	}
	require.Len(t, seen, messages.NumStates)
	_, err := messages.ParseState("Sent")
	require.ErrorContains(t, err, `"Sent" is no message state: one of [pending queued`)
	var s messages.State
	require.Error(t, json.Unmarshal([]byte(`"gone"`), &s))
	require.Equal(t, "state(11)", messages.State(11).String())
	require.Equal(t, "state(-1)", messages.State(-1).String())
}

func TestCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) (c messages.Counts) {
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
		require.Len(t, shown, messages.NumStates)
		var active, total int64
		for _, state := range messages.States() {
			require.Equal(t, a[state]+b[state], sum[state])
			require.Equal(t, sum[state], shown[state.String()])
			if total += sum[state]; state.Active() {
				active += sum[state]
			}
		}
		require.Equal(t, total, sum.Total())
		require.Equal(t, active, sum.Active())
	})
	require.Equal(t, int64(0), messages.Counts{}.Map()["read"], "every state is shown")
}
