package queue

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWorkAndSizeAreCounted shows that what Redis does and holds can be measured
// on every kind of it: envelopes cost commands, and bytes while they wait.
func TestWorkAndSizeAreCounted(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, q *Queue) {
		before, err := q.Work(t.Context())
		require.NoError(t, err)
		empty, err := q.HeldBytes(t.Context())
		require.NoError(t, err)
		const envelopes = 20
		for id := range int64(envelopes) {
			require.NoError(t, q.Enqueue(t.Context(), envelope(id+1, 50)))
		}
		after, err := q.Work(t.Context())
		require.NoError(t, err)
		require.GreaterOrEqual(t, after.Commands-before.Commands, int64(envelopes))
		require.GreaterOrEqual(t, after.Scripts-before.Scripts, int64(envelopes))
		held, err := q.HeldBytes(t.Context())
		require.NoError(t, err)
		require.Greater(t, held-empty, int64(envelopes*50), "an envelope takes at least a byte a message")
	})
}

func TestCommandCallsReadsOnlyItsLines(t *testing.T) {
	for line, want := range map[string]int64{
		"cmdstat_evalsha:calls=12,usec=3,usec_per_call=0.25\r\n": 12,
		"cmdstat_get:calls=x,usec=3\r\n":                         0,
		"# Commandstats\r\n":                                     0,
		"":                                                       0,
	} {
		_, calls := commandCalls(line)
		require.Equal(t, want, calls, line)
	}
}
