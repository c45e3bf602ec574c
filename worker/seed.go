package worker

import (
	"context"
	"time"

	"carillon/campaigns"
	"carillon/providers"
	"carillon/queue"
)

// seedSpan is how far back the limits per recipient reach.
const seedSpan = 24 * time.Hour

// needsSeed reports whether limits look back further than the second that the
// limiter bridges by itself when Redis has lost its memory.
func needsSeed(l *providers.Limits) bool {
	return l.RecipientsPerDay > 0 || l.PerRecipientSeconds > 0 || (l.PerSecond > 0 && l.PerSecond < 1)
}

// reserve asks the limiter for slots. What Redis has forgotten the store tells
// it first.
func (ch *channel) reserve(ctx context.Context, r queue.Reservation) (queue.Grant, error) {
	limiter := ch.worker.o.Queue.Limiter()
	r.SeedFirst = needsSeed(ch.limits.Load())
	grant, err := limiter.Reserve(ctx, r)
	if err != nil || !r.SeedFirst || !grant.Fresh {
		return grant, err
	}
	if err := ch.seed(ctx); err != nil {
		return queue.Grant{}, err
	}
	r.SeedFirst = false
	return limiter.Reserve(ctx, r)
}

// seed tells the limiter what the store knows of the channel's last day.
func (ch *channel) seed(ctx context.Context) error {
	limits := ch.limits.Load()
	since := ch.now().Add(-seedSpan)
	sends, err := ch.worker.o.Store.RecentSends(ctx, ch.c.ID, since)
	if err != nil {
		return err
	}
	// A latest slot is always given: it makes the channel known.
	seed := queue.Seed{LastSlot: since, PerRecipient: time.Duration(limits.PerRecipientSeconds * float64(time.Second))}
	for _, s := range sends {
		if s.At.After(seed.LastSlot) {
			seed.LastSlot = s.At
		}
		seed.Recipients = append(seed.Recipients, queue.SeedRecipient{Key: campaigns.RecipientKey(s.Address), At: s.At})
	}
	return ch.worker.o.Queue.Limiter().Seed(ctx, ch.c.ID, seed)
}
