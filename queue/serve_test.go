package queue

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/testenv"
)

func TestFailedHandlerGetsItsEnvelopeAgain(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, o Options) {
		q := open(t, o)
		q.retry = 0
		calls := make(chan int64, 2*maxRetry)
		var n atomic.Int64
		serve(t, q, 1, func(context.Context, Envelope) error {
			calls <- n.Add(1)
			if n.Load() <= maxRetry+1 { // oftener than asynq would allow
				return errors.New("the store is down")
			}
			return nil
		})
		require.NoError(t, q.Enqueue(t.Context(), envelope(1, 1)))
		for range maxRetry + 2 {
			<-calls
		}
		eventually(t, "the task is done", func() bool { return window(t, q) == Window{} })
	})
}

func TestPanickingHandlerGivesItsEnvelopeUp(t *testing.T) {
	t.Parallel()
	q := open(t, Options{})
	q.retry = 0
	var n atomic.Int64
	s := serve(t, q, 1, func(context.Context, Envelope) error {
		n.Add(1)
		panic("a bug")
	})
	require.NoError(t, q.Enqueue(t.Context(), envelope(1, 1)))
	eventually(t, "the task is given up", func() bool { return len(lost(t, q, 1)) == 1 })
	s.Stop()
	require.EqualValues(t, maxRetry, n.Load())
	i, err := q.Inspect(t.Context(), 7)
	require.NoError(t, err)
	require.Zero(t, i, "nothing is archived: it would keep its id")
}

func TestUnreadableEnvelopeIsGivenUp(t *testing.T) {
	q := open(t, Options{})
	_, err := q.asynq.EnqueueContext(t.Context(), asynq.NewTask(taskType, nil), asynq.TaskID(taskID(1)), asynq.Queue(QueueName(7, false)))
	require.NoError(t, err)
	serve(t, q, 1, func(context.Context, Envelope) error {
		t.Error("it must not be handled")
		return nil
	})
	eventually(t, "the task is given up", func() bool { return len(lost(t, q, 1)) == 1 })
	i, err := q.Inspect(t.Context(), 7)
	require.NoError(t, err)
	require.Zero(t, i)
}

func TestStopWaitsForHandlers(t *testing.T) {
	onBoth(t, func(t *testing.T, o Options) {
		q := open(t, o)
		taken, finish := make(chan struct{}), make(chan struct{})
		s := serve(t, q, 2, func(ctx context.Context, _ Envelope) error {
			close(taken)
			<-finish
			return ctx.Err()
		})
		require.NoError(t, q.Enqueue(t.Context(), envelope(1, 1)))
		<-taken
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			s.Stop()
		}()
		select {
		case <-stopped:
			t.Fatal("it stopped before its handler")
		default:
		}
		close(finish)
		<-stopped
		s.Stop() // again
		require.Equal(t, Window{}, window(t, q), "the handler's context had not ended")
	})
}

func TestStopEndsTheContextAfterTheDrain(t *testing.T) {
	q := open(t, Options{DrainTimeout: time.Millisecond})
	taken := make(chan struct{})
	s := serve(t, q, 1, func(ctx context.Context, _ Envelope) error {
		close(taken)
		<-ctx.Done()
		return ctx.Err()
	})
	require.NoError(t, q.Enqueue(t.Context(), envelope(1, 1)))
	<-taken
	s.Stop()
	require.Equal(t, Window{Bulk: 1}, window(t, q), "the envelope is for another worker")
	require.Empty(t, lost(t, q, 1))
}

// asynq's own tools can cancel a task; sends that are under way must not end.
func TestCanceledTaskLetsItsHandlerFinish(t *testing.T) {
	q := open(t, Options{})
	taken, finish := make(chan struct{}), make(chan struct{})
	ended := make(chan error, 1)
	s := serve(t, q, 1, func(ctx context.Context, _ Envelope) error {
		close(taken)
		<-finish
		ended <- ctx.Err()
		return nil
	})
	require.NoError(t, q.Enqueue(t.Context(), envelope(1, 1)))
	<-taken
	inspector := asynq.NewInspectorFromRedisClient(q.client)
	eventually(t, "asynq gives the task up", func() bool {
		require.NoError(t, inspector.CancelProcessing(taskID(1))) // until its subscriber listens
		i, err := q.Inspect(t.Context(), 7)
		return err == nil && i.Bulk.Retry == 1
	})
	close(finish)
	require.NoError(t, <-ended)
	s.Stop()
}

func TestServerOutlivesRedis(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	q := open(t, Options{URL: server.URL()})
	got := make(chan int64, 10)
	s := serve(t, q, 2, func(_ context.Context, e Envelope) error {
		got <- e.ID
		return nil
	})
	require.NoError(t, q.Enqueue(t.Context(), envelope(1, 1)))
	require.EqualValues(t, 1, <-got)
	require.NoError(t, server.Kill())
	require.Error(t, q.Enqueue(t.Context(), envelope(2, 1)))
	require.NoError(t, server.Start())
	eventually(t, "redis is back", func() bool { return q.Enqueue(t.Context(), envelope(2, 1)) == nil })
	require.EqualValues(t, 2, <-got)
	require.NoError(t, server.Kill())
	s.Stop() // with Redis away
}

func TestNoGoroutineIsLeft(t *testing.T) {
	for _, url := range []string{"", testenv.SharedRedis(t).NewDatabase(t)} {
		before := goleak.IgnoreCurrent()
		q, err := Open(t.Context(), Options{URL: url, Logger: quiet()})
		require.NoError(t, err)
		for range 3 { // as channels come and go
			got := make(chan struct{}, 1)
			s, err := q.Serve(7, 1, Handlers{16, 32}, func(context.Context, Envelope) error {
				got <- struct{}{}
				return nil
			})
			require.NoError(t, err)
			require.NoError(t, q.Enqueue(t.Context(), envelope(1, 1)))
			<-got
			s.Stop()
		}
		require.NoError(t, q.Close())
		goleak.VerifyNone(t, before, testenv.IgnoreServers())
	}
}
