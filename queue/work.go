package queue

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// Work is what Redis has done since it was started, for all its clients.
type Work struct {
	// Commands are all that were run, those of scripts among them, but for those
	// that only look at Redis itself (INFO, MEMORY, SCAN), as who measures does.
	Commands int64
	// Scripts are the Lua scripts among them. A look into an empty queue, which
	// the embedded Redis answers without one, is none there.
	Scripts int64
}

// Work asks Redis what it has done so far. Of a cluster it is the sum over the
// masters.
func (q *Queue) Work(ctx context.Context) (Work, error) {
	if q.embedded != nil {
		return Work{Commands: q.embedded.commands.Load(), Scripts: q.embedded.scripts.Load()}, nil
	}
	var commands, scripts atomic.Int64
	err := q.eachMaster(ctx, func(ctx context.Context, node redis.UniversalClient) error {
		info, err := node.Info(ctx, "commandstats").Result()
		for line := range strings.Lines(info) {
			name, calls := commandCalls(line)
			if !looks(name) {
				commands.Add(calls)
			}
			if name == "eval" || name == "evalsha" {
				scripts.Add(calls)
			}
		}
		return err
	})
	return Work{Commands: commands.Load(), Scripts: scripts.Load()}, unavailable("ask Redis for its work", err)
}

// looks reports whether a command only looks at Redis itself. A subcommand
// follows a bar.
func looks(command string) bool {
	name, _, _ := strings.Cut(strings.ToLower(command), "|")
	return name == "info" || name == "memory" || name == "scan"
}

// commandCalls reads a line such as cmdstat_get:calls=7,usec=21,…; every other
// line has no calls.
func commandCalls(line string) (name string, calls int64) {
	name, fields, found := strings.Cut(line, ":")
	name, ours := strings.CutPrefix(name, "cmdstat_")
	fields, counted := strings.CutPrefix(fields, "calls=")
	if !found || !ours || !counted {
		return "", 0
	}
	number, _, _ := strings.Cut(fields, ",")
	calls, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return "", 0
	}
	return name, calls
}

// sizedPiece is how many keys are measured in one round trip.
const sizedPiece = 500

// HeldBytes is how much memory the keys of the queues take, in bytes, as Redis
// tells it (MEMORY USAGE) or, for the embedded one, estimates it. Unlike Memory
// it is not moved by connections and other users of the same Redis. It walks
// through all keys: it is for measuring, not for watching.
func (q *Queue) HeldBytes(ctx context.Context) (int64, error) {
	if q.embedded != nil {
		n, err := q.embedded.memory(ctx, q.client)
		return n, unavailable("measure the queues", err)
	}
	var total atomic.Int64
	err := q.eachMaster(ctx, func(ctx context.Context, node redis.UniversalClient) error {
		for cursor := uint64(0); ; {
			keys, next, err := node.Scan(ctx, cursor, "asynq:*", sizedPiece).Result()
			if err != nil {
				return err
			}
			n, err := keyBytes(ctx, node, keys)
			total.Add(n)
			if cursor = next; err != nil || next == 0 {
				return err
			}
		}
	})
	return total.Load(), unavailable("measure the queues", err)
}

// keyBytes sums up what keys take; those that are gone meanwhile take nothing.
func keyBytes(ctx context.Context, client redis.UniversalClient, keys []string) (total int64, err error) {
	for len(keys) > 0 && err == nil {
		piece := keys[:min(len(keys), sizedPiece)]
		keys = keys[len(piece):]
		var sizes []redis.Cmder
		sizes, err = client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, key := range piece {
				p.MemoryUsage(ctx, key)
			}
			return nil
		})
		for _, size := range sizes {
			if c, ok := size.(*redis.IntCmd); ok {
				total += c.Val()
			}
		}
		if errors.Is(err, redis.Nil) {
			err = nil
		}
	}
	return total, err
}
