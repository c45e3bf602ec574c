package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/hibiken/asynq"

	"carillon/internal/clock"
	"carillon/internal/fault"
)

const (
	// checkInterval is about how often an idle server looks for work; asynq varies
	// it by half. The first message of a campaign waits as long.
	checkInterval = 20 * time.Millisecond
	// forwardInterval is how often tasks whose retry is due are made pending.
	forwardInterval = 500 * time.Millisecond
	// retryDelay is how long a task waits whose handler returned an error.
	retryDelay = time.Second
	// abortMargin is how much longer than the drain asynq waits for a handler that
	// doesn't heed its context before it gives the task back.
	abortMargin = time.Minute
)

// Handler works on one envelope. It returns nil once every outcome is in the
// store. An error means that something was not there to work with (the store
// was down, the context ended): the task comes again after about a second, as
// often as it takes, here or on another worker.
//
// The context ends only when the Server's drain does: neither a lost lease nor
// Redis being away ends it. The same envelope may be worked on elsewhere at the
// same time; the store decides who may send what.
type Handler func(ctx context.Context, e Envelope) error

// errPanicked marks the only failure that uses up asynq's retries.
var errPanicked = errors.New("the handler panicked")

// Server takes a channel's envelopes off its queues. Each queue has handlers of its
// own, so that neither transactional envelopes wait for bulk ones nor one worker takes
// all of these away from the others.
type Server struct {
	queue               *Queue
	channelID, workerID int64

	asynq   []*asynq.Server
	handler Handler
	log     *slog.Logger
	clock   clock.Clock

	// ctx is the handlers' context.
	ctx    context.Context
	cancel context.CancelFunc

	mu       sync.Mutex
	closed   bool
	handlers sync.WaitGroup
	stop     sync.Once
}

// Handlers are how many of a channel's envelopes a worker has at once.
type Handlers struct{ Bulk, Transactional int }

// Serve starts to take envelopes of a channel for a worker. At most so many handlers
// run at once (more only while Redis is unreachable for longer than a lease, when
// asynq gives tasks up that are still worked on). Stop must be called before the
// Queue is closed.
func (q *Queue) Serve(channelID, workerID int64, n Handlers, h Handler) (*Server, error) {
	if channelID <= 0 {
		return nil, fault.InvalidField("channel_id", channelID, "must be positive")
	}
	if n.Bulk < 1 || n.Transactional < 1 {
		return nil, fault.InvalidField("handlers", n, "must be at least 1 of each")
	}
	s := &Server{queue: q, channelID: channelID, workerID: workerID, handler: h, log: q.log.With("channel", channelID), clock: q.clock}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	for _, serving := range []struct {
		transactional bool
		handlers      int
	}{{true, n.Transactional}, {false, n.Bulk}} {
		server := asynq.NewServerFromRedisClient(q.client, asynq.Config{
			Concurrency:              serving.handlers,
			Queues:                   map[string]int{QueueName(channelID, serving.transactional): 1},
			TaskCheckInterval:        checkInterval,
			DelayedTaskCheckInterval: forwardInterval,
			RetryDelayFunc:           q.delayRetry,
			IsFailure:                func(err error) bool { return errors.Is(err, errPanicked) },
			ShutdownTimeout:          q.drainTimeout() + abortMargin,
			Logger:                   asynqLog{s.log},
			LogLevel:                 asynq.InfoLevel, // its debug level speaks of every poll
		})
		if err := server.Start(asynq.HandlerFunc(s.process)); err != nil {
			s.Stop()
			return nil, fault.Wrap(fault.Internal, "start asynq server", err)
		}
		s.asynq = append(s.asynq, server)
	}
	return s, nil
}

// Stop takes no more envelopes, waits for the handlers, ends their context when
// the drain timeout has passed, and returns when all goroutines are gone. It may
// be called again.
func (s *Server) Stop() {
	s.stop.Do(func() {
		done := make(chan struct{})
		go func() {
			defer close(done)
			var all sync.WaitGroup
			for _, server := range s.asynq {
				all.Go(server.Shutdown)
			}
			all.Wait()
		}()
		select {
		case <-done:
		case <-s.clock.After(s.queue.drainTimeout()):
			s.cancel()
			<-done
		}
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		s.cancel() // for handlers that asynq gave up with their lease
		s.handlers.Wait()
	})
}

// begin counts a handler in, unless the server is closed.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.handlers.Add(1)
	}
	return !s.closed
}

func (s *Server) process(asynqCtx context.Context, task *asynq.Task) error {
	if !s.begin() {
		return context.Canceled
	}
	defer s.handlers.Done()
	e, err := s.open(asynqCtx, task)
	if err != nil {
		s.queue.refused.Add(1)
		s.log.ErrorContext(s.ctx, "an envelope is refused and given up; the messages that it was for are fed again", "task", task.ResultWriter().TaskID(), "err", err)
		return fmt.Errorf("%w: %w", err, asynq.RevokeTask)
	}
	s.hold(e.ID)
	err = s.handle(e)
	s.letGo(e.ID)
	if errors.Is(err, errPanicked) {
		if retried, _ := asynq.GetRetryCount(asynqCtx); retried+1 >= maxRetry {
			return fmt.Errorf("%w: %w", err, asynq.RevokeTask) // an archived task would stay for 90 days
		}
	}
	return err
}

// open reads the envelope of a task, and holds it to the queue and the name of the task: one
// that was signed for another channel, or copied, is nobody's.
func (s *Server) open(ctx context.Context, task *asynq.Task) (Envelope, error) {
	e, err := unseal(task.Headers()[payloadHeader], s.queue.signer)
	if err != nil {
		return e, err
	}
	name, _ := asynq.GetQueueName(ctx)
	if id := task.ResultWriter().TaskID(); e.ChannelID != s.channelID || QueueName(e.ChannelID, e.Transactional) != name || taskID(e.ID) != id {
		return e, fmt.Errorf("open envelope %d: it was signed for queue %s and is task %s of queue %s",
			e.ID, QueueName(e.ChannelID, e.Transactional), id, name)
	}
	return e, nil
}

func (s *Server) handle(e Envelope) (err error) {
	defer func() {
		if r := recover(); r != nil {
			s.log.ErrorContext(s.ctx, "a handler panicked", "envelope", e.ID, "panic", r, "stack", string(debug.Stack()))
			err = errPanicked
		}
	}()
	return s.handler(s.ctx, e)
}

// delayRetry waits about a second after an error, and longer each time after a
// panic.
func (q *Queue) delayRetry(retried int, err error, _ *asynq.Task) time.Duration {
	if errors.Is(err, errPanicked) {
		return q.retry << min(retried, maxRetry)
	}
	return q.retry
}

// asynqLog passes asynq's log on: its errors are warnings here, because tasks
// survive them, and all else is of interest only when debugging.
type asynqLog struct{ log *slog.Logger }

func (l asynqLog) Debug(args ...any) { l.log.Debug("asynq: " + fmt.Sprint(args...)) }
func (l asynqLog) Info(args ...any)  { l.log.Debug("asynq: " + fmt.Sprint(args...)) }
func (l asynqLog) Warn(args ...any)  { l.log.Debug("asynq: " + fmt.Sprint(args...)) }
func (l asynqLog) Error(args ...any) { l.log.Warn("asynq: " + fmt.Sprint(args...)) }

// Fatal is never called by the parts of asynq that are used here; it must not
// end the process.
func (l asynqLog) Fatal(args ...any) { l.log.Error("asynq: " + fmt.Sprint(args...)) }
