package queue

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"carillon/internal/clock"
)

// Guess is a kind of guess, of which there may be some at once, and one more in a while.
type Guess struct {
	// Name says whose, or from where. It is no secret, and names nobody.
	Name string
	// AtOnce, at least 1, are those that are not slowed down; another comes each Every.
	AtOnce int
	Every  time.Duration
}

// Brake slows down who guesses, for all processes together: by the generic cell rate
// algorithm, whose one number for each name is the time from which all guesses are there again. While
// Redis does not answer each process slows down by itself, so that who is right still gets in. It
// is safe for concurrent use.
type Brake struct {
	client redis.UniversalClient
	script *redis.Script
	clock  clock.Clock

	mu sync.Mutex
	// own is what this process knows while Redis does not answer.
	own map[string]time.Time
}

// mostOwn bounds the names that a process knows by itself.
const mostOwn = 10_000

// Brake is the one of this Redis.
func (q *Queue) Brake() *Brake {
	return &Brake{client: q.client, script: redis.NewScript(brakeSource), clock: q.clock, own: map[string]time.Time{}}
}

// brakeSource takes one guess of each name, or none and returns the wait in milliseconds; with
// ARGV[1] "back" it gives them back. Behind the time, in milliseconds, ARGV has how many are at
// once, and what each takes, for each key.
const brakeSource = `
local now, wait = tonumber(ARGV[2]), 0
local full = {}
for i, key in ipairs(KEYS) do
	local most, every = tonumber(ARGV[1 + 2 * i]), tonumber(ARGV[2 + 2 * i])
	local at = math.max(tonumber(redis.call('GET', key) or '0'), now)
	if ARGV[1] == 'back' then
		full[i] = math.max(at - every, now)
	else
		full[i] = at + every
		wait = math.max(wait, full[i] - now - most * every)
	end
end
if wait > 0 then return wait end
for i, key in ipairs(KEYS) do
	if full[i] > now then
		redis.call('SET', key, string.format('%d', full[i]), 'PX', full[i] - now)
	else
		redis.call('DEL', key)
	end
end
return 0`

// Take uses one guess of each up, or none and says how long to wait.
func (b *Brake) Take(ctx context.Context, guesses ...Guess) (time.Duration, error) {
	return b.run(ctx, "take", guesses)
}

// GiveBack gives them back: it was no guess.
func (b *Brake) GiveBack(ctx context.Context, guesses ...Guess) error {
	_, err := b.run(ctx, "back", guesses)
	return err
}

func (b *Brake) run(ctx context.Context, what string, guesses []Guess) (time.Duration, error) {
	now := b.clock.Now()
	keys, args := make([]string, len(guesses)), []any{what, now.UnixMilli()}
	for i, g := range guesses {
		// One hash tag, and with it one node of a cluster: they are taken together.
		keys[i] = "carillon:{brake}:" + g.Name
		args = append(args, g.AtOnce, g.Every.Milliseconds())
	}
	wait, err := b.script.Run(ctx, b.client, keys, args...).Int64()
	switch {
	case err == nil:
		return time.Duration(wait) * time.Millisecond, nil
	case ctx.Err() != nil:
		return 0, ctx.Err()
	}
	return b.alone(what == "back", now, guesses), nil
}

// alone is what the script does, in this process.
func (b *Brake) alone(back bool, now time.Time, guesses []Guess) (wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.own) > mostOwn {
		clear(b.own)
	}
	full := make([]time.Time, len(guesses))
	for i, g := range guesses {
		at := b.own[g.Name]
		if at.Before(now) {
			at = now
		}
		if back {
			full[i] = at.Add(-g.Every)
			continue
		}
		full[i] = at.Add(g.Every)
		wait = max(wait, full[i].Sub(now)-time.Duration(g.AtOnce)*g.Every)
	}
	for i, g := range guesses {
		if wait > 0 {
			return wait
		}
		b.own[g.Name] = full[i]
	}
	return 0
}
