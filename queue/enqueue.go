package queue

import (
	"context"
	"errors"
	"time"

	"github.com/hibiken/asynq"
	"golang.org/x/sync/errgroup"

	"carillon/internal/fault"
)

const (
	// taskType is the only type of task.
	taskType = "envelope"
	// payloadHeader carries the envelope; doc.go says why it is no payload.
	payloadHeader = "e"
	// maxRetry is how often a handler may panic on a task before the task is given
	// up. Neither errors nor lost leases count. asynq archives a task unrun if a
	// worker dies and this is 0.
	maxRetry = 5
	// taskTimeout only keeps asynq from using its own of half an hour; a handler's
	// context does not depend on it.
	taskTimeout = 7 * 24 * time.Hour
	// enqueueWidth is how many envelopes EnqueueAll sends at once.
	enqueueWidth = 16
)

// Enqueue puts an envelope on its channel's queue. If its task is there already
// that is success, also because go-redis repeats a command whose answer got
// lost. Errors are faults of code Invalid or Unavailable; after Unavailable the
// envelope may have been enqueued all the same.
func (q *Queue) Enqueue(ctx context.Context, e Envelope) error {
	if err := e.check(); err != nil {
		return err
	}
	if err := q.register(ctx, QueueName(e.ChannelID, e.Transactional)); err != nil {
		return err
	}
	return q.enqueue(ctx, &e)
}

// EnqueueAll enqueues many envelopes, several at once, in no certain order. On
// an error some may have been enqueued; enqueueing all of them again is safe.
func (q *Queue) EnqueueAll(ctx context.Context, envelopes []Envelope) error {
	var queues []any
	seen := map[string]bool{}
	for i := range envelopes {
		if err := envelopes[i].check(); err != nil {
			return err
		}
		name := QueueName(envelopes[i].ChannelID, envelopes[i].Transactional)
		if !seen[name] {
			seen[name] = true
			queues = append(queues, name)
		}
	}
	if len(queues) == 0 {
		return nil
	}
	if err := q.register(ctx, queues...); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(enqueueWidth)
	for i := range envelopes {
		group.Go(func() error { return q.enqueue(ctx, &envelopes[i]) })
	}
	return group.Wait()
}

// register tells asynq's tools about queues. asynq does it once a process, and
// would not do it again after a FLUSHALL.
func (q *Queue) register(ctx context.Context, queues ...any) error {
	return unavailable("register queue", q.client.SAdd(ctx, "asynq:queues", queues...).Err())
}

func (q *Queue) enqueue(ctx context.Context, e *Envelope) error {
	task := asynq.NewTaskWithHeaders(taskType, nil, map[string]string{payloadHeader: seal(e, q.signer)})
	_, err := q.asynq.EnqueueContext(ctx, task,
		asynq.TaskID(taskID(e.ID)), asynq.Queue(QueueName(e.ChannelID, e.Transactional)),
		asynq.MaxRetry(maxRetry), asynq.Timeout(taskTimeout))
	if err == nil || errors.Is(err, asynq.ErrTaskIDConflict) {
		return nil
	}
	return fault.Wrap(fault.Unavailable, "enqueue envelope", err)
}
