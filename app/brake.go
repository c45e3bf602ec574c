package app

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"carillon/access"
	"carillon/internal/clock"
	"carillon/queue"
)

// slowedEvery bounds how often the log says that guesses are slowed down.
const slowedEvery = time.Minute

// brake slows down who guesses by the queue's Redis, and says so.
type brake struct {
	*queue.Brake
	log   *slog.Logger
	clock clock.Clock
	// meter may be nil.
	meter Meter

	mu     sync.Mutex
	said   time.Time
	slowed int
}

// Take uses one guess of each up, or none and says how long to wait.
func (b *brake) Take(ctx context.Context, guesses ...access.Guess) (time.Duration, error) {
	wait, err := b.Brake.Take(ctx, asked(guesses)...)
	if err == nil && wait > 0 {
		b.say(guesses)
	}
	return wait, err
}

// GiveBack gives them back: it was no guess.
func (b *brake) GiveBack(ctx context.Context, guesses ...access.Guess) error {
	return b.Brake.GiveBack(ctx, asked(guesses)...)
}

func asked(guesses []access.Guess) []queue.Guess {
	list := make([]queue.Guess, len(guesses))
	for i, g := range guesses {
		list[i] = queue.Guess(g)
	}
	return list
}

// say tells the log how many guesses were slowed down since it was told last.
func (b *brake) say(guesses []access.Guess) {
	var kinds []string
	for _, g := range guesses {
		kind, _, _ := strings.Cut(g.Name, ":")
		kinds = append(kinds, kind)
	}
	if b.meter != nil {
		b.meter.Slowed(kinds[0])
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.slowed++
	if now := b.clock.Now(); now.Sub(b.said) >= slowedEvery {
		b.log.Warn("somebody guesses passwords or keys and is slowed down: carillon audit has the sign-ins that were refused", "slowed", b.slowed,
			"by", strings.Join(kinds, ", "))
		b.said, b.slowed = now, 0
	}
}
