package outgoing

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Telling gives way to sending: it rests in proportion to the time that it took the database
// for, the longer the more webhooks are told side by side, up to a bound.
func TestTellingRests(t *testing.T) {
	teller := &Teller{running: map[int64]bool{}}
	require.Zero(t, teller.restAfter(0))
	before := time.Duration(0)
	for n := range int64(2 * restsMost) {
		teller.running[n] = true
		rest := teller.restAfter(10 * time.Millisecond)
		require.Equal(t, 10*time.Millisecond*rests*time.Duration(1+min(n+1, restsMost)), rest)
		if n < restsMost {
			require.Greater(t, rest, before)
		} else {
			require.Equal(t, before, rest)
		}
		before = rest
	}
}
