package worker

import (
	"context"
	"time"

	"carillon/messages"
	"carillon/queue"
)

// seedSpan is how far back the limits per recipient reach.
const seedSpan = 24 * time.Hour

// slowest is the rate up to which a process that begins anew could send sooner
// than one interval after what was sent before it: nothing starts within a tenth
// of a second.
const slowest = 10

// keepsSlots reports whether the store keeps a channel's latest slots, because
// they reach further than Redis may: a restart of the embedded one, a FLUSHALL.
// It costs a transaction for each reservation, of which such a channel makes few.
func (l *limits) keepsSlots() bool {
	return l.PerSecond > 0 && (l.PerSecond <= slowest || l.Burst > 1)
}

func keepsCampaignSlots(perSecond float64) bool { return perSecond > 0 && perSecond <= slowest }

// reserve asks the limiter for slots. What Redis has forgotten the store tells
// it first, and what it will have to tell it is kept.
func (ch *channel) reserve(ctx context.Context, r queue.Reservation) (queue.Grant, error) {
	limiter, limits := ch.worker.o.Queue.Limiter(), ch.limits.Load()
	keeps, keepsCampaign := limits.keepsSlots(), keepsCampaignSlots(r.CampaignPerSecond)
	r.SeedFirst = keeps || keepsCampaign || limits.ofRecipients()
	grant, err := limiter.Reserve(ctx, r)
	if err == nil && r.SeedFirst && grant.Fresh {
		if err := ch.seed(ctx, r); err != nil {
			return queue.Grant{}, err
		}
		r.SeedFirst = false
		grant, err = limiter.Reserve(ctx, r)
	}
	if err != nil || len(grant.Slots) == 0 || !keeps && !keepsCampaign {
		return grant, err
	}
	var latest messages.LatestSlots
	if keeps {
		latest.Channel = ch.now().Add(grant.PaidFor)
	}
	if keepsCampaign {
		latest.Campaign = ch.now().Add(grant.CampaignPaidFor)
	}
	return grant, ch.worker.o.Store.NoteSlots(ctx, ch.c.ID, r.CampaignID, latest)
}

// seed tells the limiter what the store knows of the channel's last slots, and of
// its last day where limits ask for it.
func (ch *channel) seed(ctx context.Context, r queue.Reservation) error {
	since := ch.now().Add(-seedSpan)
	latest, err := ch.worker.o.Store.LatestSlots(ctx, ch.c.ID, r.CampaignID)
	if err != nil {
		return err
	}
	// A latest slot is always given: it makes the channel, or campaign, known.
	seed := queue.Seed{
		LastSlot: later(latest.Channel, since), PerRecipient: r.Limits.PerRecipient, RecipientBurst: r.Limits.RecipientBurst,
		RecipientsPool: r.Limits.RecipientsPool, CountedAs: r.CountedAs,
	}
	if r.CampaignPerSecond > 0 {
		seed.CampaignID, seed.CampaignPerSecond = r.CampaignID, r.CampaignPerSecond
		// Far enough back for whoever had none to have one at once.
		seed.CampaignLastSlot = later(latest.Campaign, ch.now().Add(-2*time.Duration(float64(time.Second)/r.CampaignPerSecond)))
	}
	if ch.limits.Load().ofRecipients() {
		sends, err := ch.worker.o.Store.RecentSends(ctx, ch.c.ID, since)
		if err != nil {
			return err
		}
		for _, s := range sends {
			seed.LastSlot = later(seed.LastSlot, s.At)
		}
		seed.Recipients = recipientsOf(sends)
		if r.Limits.RecipientsPool != "" {
			if err := ch.seedPool(ctx, r.Limits.RecipientsPool, since); err != nil {
				return err
			}
		}
		if err := ch.seedMailboxes(ctx, sends); err != nil {
			return err
		}
	}
	return ch.worker.o.Queue.Limiter().Seed(ctx, ch.limiterID(), seed)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
