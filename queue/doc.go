// Package queue owns everything that is kept in Redis: the envelopes that name
// messages from the feeder to the workers (as asynq tasks), the windows
// that say how much of them is under way, and the rate limiter that all workers
// of a channel share. It is the only package that knows asynq, go-redis and
// miniredis. It must not know the store, campaigns, the scheduler or workers.
//
// What is in Redis is a hint and never the truth: every task may be lost, come
// twice or come late, and its handler finds out from the store what is still to
// be done. The package therefore needs no persistence of Redis, and it runs
// unchanged on an embedded one that dies with the process.
//
// # asynq, as it is used here
//
// Each channel has two queues, ch<id>:transactional and ch<id>:bulk, and one
// asynq server a process. What asynq would get wrong for us is designed out:
//
//   - The payload travels in a task header: asynq writes the payloads of all
//     active tasks into Redis again every five seconds (asynq:workers), headers
//     it does not. Nothing but active tasks' ids shows up there.
//   - No task is ever archived or retained, because such tasks keep their id and
//     block a repeat. Errors of a handler don't count as failures (IsFailure),
//     so that retries are never used up; a task that can't be decoded, or that
//     made its handler panic too often, is revoked, and Lost reports it.
//   - A handler's context is detached from asynq's: asynq ends its own when it
//     could not renew a lease, which happens when Redis is away for half a
//     minute. Ending the sends that are under way would put them in doubt.
//   - Queues are registered by hand with every enqueue, because asynq does it
//     once a process and FLUSHALL forgets it.
//   - Purge takes tasks away in small pieces; asynq's own deletion is one script.
//   - Inspection and Window read asynq's keys in pipelines without Lua, which is
//     slow on the embedded Redis.
package queue
