package queue

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// lostPiece is how many envelopes Lost asks for in one transaction.
const lostPiece = 200

// Window says how many of a channel's tasks are under way: pending, active,
// waiting for a retry or scheduled. A task whose worker died is not counted once
// its lease has expired, so that the feeder fills its place.
type Window struct {
	Bulk, Transactional int
}

// Window reads a channel's window in one round trip (two in a cluster) and
// without Lua.
func (q *Queue) Window(ctx context.Context, channelID int64) (Window, error) {
	live := "(" + strconv.FormatInt(q.clock.Now().Unix(), 10)
	var counts [2][4]*redis.IntCmd
	_, err := q.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, transactional := range []bool{false, true} {
			k := keysOf(channelID, transactional)
			counts[i] = [4]*redis.IntCmd{
				p.LLen(ctx, k.pending()), p.ZCount(ctx, k.lease(), live, "+inf"),
				p.ZCard(ctx, k.retry()), p.ZCard(ctx, k.scheduled()),
			}
		}
		return nil
	})
	if err != nil {
		return Window{}, unavailable("read window", err)
	}
	var sums [2]int
	for i := range counts {
		for _, c := range counts[i] {
			sums[i] += int(c.Val())
		}
	}
	return Window{Bulk: sums[0], Transactional: sums[1]}, nil
}

// Lost reports which of the envelopes have no live task: it is missing (done, or
// Redis lost it), archived, completed, or active with an expired lease, because
// its worker died or is cut off from Redis. A worker renews the lease of 30
// seconds every five.
func (q *Queue) Lost(ctx context.Context, channelID int64, transactional bool, envelopeIDs []int64) ([]int64, error) {
	var lost []int64
	for len(envelopeIDs) > 0 {
		piece := envelopeIDs[:min(len(envelopeIDs), lostPiece)]
		envelopeIDs = envelopeIDs[len(piece):]
		found, err := q.lost(ctx, keysOf(channelID, transactional), piece)
		if err != nil {
			return nil, unavailable("look for lost envelopes", err)
		}
		lost = append(lost, found...)
	}
	return lost, nil
}

func (q *Queue) lost(ctx context.Context, k queueKeys, ids []int64) ([]int64, error) {
	states := make([]*redis.StringCmd, len(ids))
	leases := make([]*redis.FloatCmd, len(ids))
	// A transaction, so that a task that changes its state is not seen halfway.
	_, err := q.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			states[i] = p.HGet(ctx, k.task(taskID(id)), "state")
			leases[i] = p.ZScore(ctx, k.lease(), taskID(id))
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	now := float64(q.clock.Now().Unix())
	var lost []int64
	for i, id := range ids {
		switch states[i].Val() {
		case "pending", "retry", "scheduled":
		case "active":
			if leases[i].Err() != nil || leases[i].Val() <= now {
				lost = append(lost, id)
			}
		default:
			lost = append(lost, id)
		}
	}
	return lost, nil
}

// QueueState is what asynq's tools say about one queue.
type QueueState struct {
	Pending, Active, Scheduled, Retry, Archived, Completed int
	// Oldest is how long the task has waited that is taken next; 0 if none waits.
	Oldest time.Duration
}

// Inspection is the state of a channel's two queues.
type Inspection struct {
	Bulk, Transactional QueueState
}

// Inspect reads the state of a channel's queues. It agrees with asynq's own
// Inspector and does without the Lua that samples memory.
func (q *Queue) Inspect(ctx context.Context, channelID int64) (Inspection, error) {
	bulk, err := q.inspect(ctx, keysOf(channelID, false))
	if err != nil {
		return Inspection{}, unavailable("inspect queue", err)
	}
	transactional, err := q.inspect(ctx, keysOf(channelID, true))
	if err != nil {
		return Inspection{}, unavailable("inspect queue", err)
	}
	return Inspection{Bulk: bulk, Transactional: transactional}, nil
}

func (q *Queue) inspect(ctx context.Context, k queueKeys) (QueueState, error) {
	var pending, active, scheduled, retry, archived, completed *redis.IntCmd
	var next *redis.StringSliceCmd
	_, err := q.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		pending, active = p.LLen(ctx, k.pending()), p.LLen(ctx, k.active())
		scheduled, retry = p.ZCard(ctx, k.scheduled()), p.ZCard(ctx, k.retry())
		archived, completed = p.ZCard(ctx, k.archived()), p.ZCard(ctx, k.completed())
		next = p.LRange(ctx, k.pending(), -1, -1)
		return nil
	})
	if err != nil {
		return QueueState{}, err
	}
	state := QueueState{
		Pending: int(pending.Val()), Active: int(active.Val()), Scheduled: int(scheduled.Val()),
		Retry: int(retry.Val()), Archived: int(archived.Val()), Completed: int(completed.Val()),
	}
	for _, id := range next.Val() {
		// It may have been taken by now, or come back from a retry: then it doesn't
		// say since when it waits.
		since, err := q.client.HGet(ctx, k.task(id), "pending_since").Int64()
		if err != nil && !errors.Is(err, redis.Nil) {
			return QueueState{}, err
		}
		if err == nil {
			state.Oldest = max(0, q.clock.Now().Sub(time.Unix(0, since)))
		}
	}
	return state, nil
}
