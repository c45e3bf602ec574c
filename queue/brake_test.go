package queue

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/internal/testenv"
)

// Of many who guess at once, in several processes, no more get through than there may be; after a
// while one more does.
func TestGuessesAreSlowedAcrossProcesses(t *testing.T) {
	for name, url := range map[string]string{"embedded": "", "server": testenv.Redis(t).URL()} {
		t.Run(name, func(t *testing.T) {
			fake := clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
			first := open(t, Options{URL: url, Clock: fake})
			second := first
			if url != "" {
				second = open(t, Options{URL: url, Clock: fake})
			}
			guess := Guess{Name: "user:" + t.Name(), AtOnce: 10, Every: time.Minute}
			many := func(ctx context.Context) int64 {
				var through atomic.Int64
				var all sync.WaitGroup
				for _, b := range []*Brake{first.Brake(), second.Brake()} {
					for range 50 {
						all.Go(func() {
							if wait, err := b.Take(ctx, guess, Guess{Name: "source:" + t.Name(), AtOnce: 1000, Every: time.Second}); err == nil && wait == 0 {
								through.Add(1)
							}
						})
					}
				}
				all.Wait()
				return through.Load()
			}
			require.EqualValues(t, 10, many(t.Context()))
			b := first.Brake()
			wait, err := b.Take(t.Context(), guess)
			require.NoError(t, err)
			require.Equal(t, time.Minute, wait)
			fake.Advance(59 * time.Second)
			require.Zero(t, many(t.Context()))
			fake.Advance(2 * time.Second)
			require.EqualValues(t, 1, many(t.Context()))
			require.NoError(t, b.GiveBack(t.Context(), guess))
			require.EqualValues(t, 1, many(t.Context()), "one was given back")
			fake.Advance(time.Hour)
			require.EqualValues(t, 10, many(t.Context()), "no more than there may be, however long nobody guessed")
		})
	}
}

// While Redis does not answer, a process slows down by itself, and who is right gets in.
func TestGuessesAreSlowedWithoutRedis(t *testing.T) {
	fake := clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	q := open(t, Options{Clock: fake})
	require.NoError(t, q.Close())
	b, guess := q.Brake(), Guess{Name: "user:a", AtOnce: 3, Every: time.Minute}
	through := 0
	for range 10 {
		wait, err := b.Take(t.Context(), guess)
		require.NoError(t, err)
		if wait == 0 {
			through++
		}
	}
	require.Equal(t, 3, through)
	require.NoError(t, b.GiveBack(t.Context(), guess))
	wait, err := b.Take(t.Context(), guess)
	require.NoError(t, err)
	require.Zero(t, wait)
	fake.Advance(time.Minute)
	wait, err = b.Take(t.Context(), guess)
	require.NoError(t, err)
	require.Zero(t, wait)
}
