package queue

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Which worker works on which envelope stands in a hash of the channel. asynq
// knows it only by leases that run out half a minute after a worker died; the
// store knows within seconds which workers are dead.
func heldKey(channelID int64) string {
	return "carillon:{ch" + strconv.FormatInt(channelID, 10) + "}:held"
}

func (s *Server) hold(envelopeID int64) {
	if err := s.queue.client.HSet(s.ctx, heldKey(s.channelID), envelopeID, s.workerID).Err(); err != nil {
		// The lease still says it, later.
		s.log.DebugContext(s.ctx, "an envelope's worker could not be noted", "envelope", envelopeID, "err", err)
	}
}

func (s *Server) letGo(envelopeID int64) {
	ctx := context.WithoutCancel(s.ctx)
	if err := s.queue.client.HDel(ctx, heldKey(s.channelID), strconv.FormatInt(envelopeID, 10)).Err(); err != nil {
		s.log.DebugContext(ctx, "an envelope's worker could not be forgotten", "envelope", envelopeID, "err", err)
	}
}

// Held says which worker works on which of a channel's envelopes, dead workers
// included.
func (q *Queue) Held(ctx context.Context, channelID int64) (map[int64]int64, error) {
	fields, err := q.client.HGetAll(ctx, heldKey(channelID)).Result()
	if err != nil {
		return nil, unavailable("read who works on what", err)
	}
	held := make(map[int64]int64, len(fields))
	for field, value := range fields {
		envelope, err1 := strconv.ParseInt(field, 10, 64)
		worker, err2 := strconv.ParseInt(value, 10, 64)
		if err1 != nil || err2 != nil {
			return nil, fmt.Errorf("read who works on what: %q is held by %q", field, value)
		}
		held[envelope] = worker
	}
	return held, nil
}

// Active lists the envelopes of a channel whose tasks asynq has given out.
func (q *Queue) Active(ctx context.Context, channelID int64) ([]int64, error) {
	var lists [2]*redis.StringSliceCmd
	_, err := q.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, transactional := range []bool{false, true} {
			lists[i] = p.LRange(ctx, keysOf(channelID, transactional).active(), 0, -1)
		}
		return nil
	})
	if err != nil {
		return nil, unavailable("list active envelopes", err)
	}
	var active []int64
	for _, id := range append(lists[0].Val(), lists[1].Val()...) {
		envelope, err := strconv.ParseInt(strings.TrimPrefix(id, taskPrefix), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("list active envelopes: task %q is none of ours", id)
		}
		active = append(active, envelope)
	}
	return active, nil
}

// Discard deletes an envelope's task although a worker has it, because that
// worker is dead. If it is not dead after all nothing happens but that asynq
// finds the task gone when it is done.
func (q *Queue) Discard(ctx context.Context, channelID, envelopeID int64) error {
	id := taskID(envelopeID)
	_, err := q.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, transactional := range []bool{false, true} {
			k := keysOf(channelID, transactional)
			p.LRem(ctx, k.active(), 0, id)
			p.LRem(ctx, k.pending(), 0, id)
			for _, set := range []string{k.lease(), k.scheduled(), k.retry(), k.archived(), k.completed()} {
				p.ZRem(ctx, set, id)
			}
			p.Del(ctx, k.task(id))
		}
		p.HDel(ctx, heldKey(channelID), strconv.FormatInt(envelopeID, 10))
		return nil
	})
	return unavailable("discard envelope", err)
}
