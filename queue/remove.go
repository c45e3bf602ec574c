package queue

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// purgePiece is how many tasks one script deletes: Redis answers nobody else
// meanwhile, and payloads are freed with them.
const purgePiece = 100

// removeScript deletes one task unless it is active.
//
// KEYS[1] asynq:{queue}:t:<task>, KEYS[2] pending, KEYS[3] scheduled,
// KEYS[4] retry, KEYS[5] archived, KEYS[6] completed; ARGV[1] task id.
// Returns 1 if it was deleted, 0 if it is active or not there.
var removeScript = redis.NewScript(`
local state = redis.call("HGET", KEYS[1], "state")
if not state or state == "active" then return 0 end
redis.call("LREM", KEYS[2], 0, ARGV[1])
for i = 3, 6 do redis.call("ZREM", KEYS[i], ARGV[1]) end
return redis.call("DEL", KEYS[1])
`)

// purgeScript deletes the first tasks of a list or a sorted set.
//
// KEYS[1] the list or set; ARGV[1] "list" or "zset", ARGV[2] how many,
// ARGV[3] prefix of task keys (same slot). Returns how many were deleted.
var purgeScript = redis.NewScript(`
local n = tonumber(ARGV[2])
local ids
if ARGV[1] == "list" then
	ids = redis.call("LRANGE", KEYS[1], -n, -1)
	redis.call("LTRIM", KEYS[1], 0, -n - 1)
else
	ids = redis.call("ZRANGE", KEYS[1], 0, n - 1)
	redis.call("ZREMRANGEBYRANK", KEYS[1], 0, n - 1)
end
for _, id in ipairs(ids) do redis.call("DEL", ARGV[3] .. id) end
return #ids
`)

// Remove deletes an envelope's task unless a worker has it. That it is not there
// is success.
func (q *Queue) Remove(ctx context.Context, channelID int64, transactional bool, envelopeID int64) error {
	k := keysOf(channelID, transactional)
	id := taskID(envelopeID)
	keys := []string{k.task(id), k.pending(), k.scheduled(), k.retry(), k.archived(), k.completed()}
	return unavailable("remove envelope", removeScript.Run(ctx, q.client, keys, id).Err())
}

// Purge deletes all tasks of a channel that no worker has, a hundred at a time.
// Tasks that are enqueued meanwhile may stay.
func (q *Queue) Purge(ctx context.Context, channelID int64) error {
	for _, transactional := range []bool{false, true} {
		k := keysOf(channelID, transactional)
		if err := q.purge(ctx, k, k.pending(), "list"); err != nil {
			return err
		}
		for _, set := range []string{k.scheduled(), k.retry(), k.archived(), k.completed()} {
			if err := q.purge(ctx, k, set, "zset"); err != nil {
				return err
			}
		}
	}
	return nil
}

func (q *Queue) purge(ctx context.Context, k queueKeys, key, kind string) error {
	size := q.client.LLen
	if kind == "zset" {
		size = q.client.ZCard
	}
	left, err := size(ctx, key).Result() // a bound, for a producer that goes on
	if err != nil {
		return unavailable("purge queue", err)
	}
	for left > 0 {
		n, err := purgeScript.Run(ctx, q.client, []string{key}, kind, purgePiece, k.taskPrefix()).Int64()
		if err != nil {
			return unavailable("purge queue", err)
		}
		if n == 0 {
			break
		}
		left -= n
	}
	return nil
}
