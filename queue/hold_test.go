package queue

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHeldEnvelopesAreKnownAndCanBeDiscarded(t *testing.T) {
	t.Parallel()
	onEveryRedis(t, func(t *testing.T, q *Queue) {
		taken, finish := make(chan struct{}, 2), make(chan struct{})
		s, err := q.Serve(7, 42, Handlers{2, 2}, func(context.Context, Envelope) error {
			taken <- struct{}{}
			<-finish
			return nil
		})
		require.NoError(t, err)
		require.NoError(t, q.EnqueueAll(t.Context(), []Envelope{envelope(1, 1), transactional(2)}))
		<-taken
		<-taken
		held, err := q.Held(t.Context(), 7)
		require.NoError(t, err)
		require.Equal(t, map[int64]int64{1: 42, 2: 42}, held)
		active, err := q.Active(t.Context(), 7)
		require.NoError(t, err)
		require.ElementsMatch(t, []int64{1, 2}, active)
		require.NoError(t, q.Discard(t.Context(), 7, 1))
		require.Equal(t, []int64{1}, lost(t, q, 1))
		require.Equal(t, Window{Transactional: 1}, window(t, q))
		close(finish) // asynq finds the one task gone and the other done
		eventually(t, "the handlers are done", func() bool {
			held, err := q.Held(t.Context(), 7)
			return err == nil && len(held) == 0
		})
		s.Stop()
		require.Zero(t, window(t, q))
	})
}
