package worker

import (
	"context"
	"sync/atomic"
	"time"

	"carillon/queue"
	"carillon/worker/flight"
)

// slotTime is how long a slot may be used. The rest of the limiter's slack is for
// the way to the provider.
const slotTime = queue.SlotSlack * 2 / 3

// slotTimeOf is how long a slot may be used at a rate, messages a second: the
// limiter's slack is a share of a second, or of the interval where that is longer.
func slotTimeOf(perSecond float64) time.Duration {
	if perSecond <= 0 || perSecond >= 1 {
		return slotTime
	}
	return time.Duration(float64(slotTime) / perSecond)
}

// slotted is an item with its slot: the time in which it may be sent.
type slotted struct {
	item        item
	from, until time.Time
	// latest is until when the provider may be asked that was waiting for a connection, or for more
	// to go with it: the limiter's slack ends then.
	latest time.Time
	// mark names the slot to the limiter, if it is missed.
	mark int64
	// pass is what it was let through with.
	pass    pass
	flight  *flight.Flight
	claimed *claimed
}

// asking is when slots were asked for and when the answer came. The limiter
// counted them from a moment in between.
type asking struct {
	asked, answered time.Time
	// lasts is how long a slot may be used.
	lasts time.Duration
	// usual is the least that it takes, which delays all slots alike.
	usual time.Duration
}

// slot is the time that lies in the slot whichever the limiter's moment was. It
// is empty if this process was held up while it asked.
func (a asking) slot(item item, s queue.Slot) slotted {
	until := a.asked.Add(a.usual + s.Wait + a.lasts)
	return slotted{item: item, from: a.answered.Add(s.Wait), until: until, latest: until.Add(a.lasts / 2), mark: s.Mark}
}

// trips knows how long it takes at least to ask the limiter.
type trips struct{ least atomic.Int64 }

// add counts a trip in and returns the least. That creeps up, by 1 % each time,
// to follow a network that got slower.
func (t *trips) add(took time.Duration) time.Duration {
	if least := time.Duration(t.least.Load()); least > 0 {
		took = min(took, least+least/100+time.Microsecond)
	}
	t.least.Store(int64(took))
	return took
}

// claims knows how long it takes to claim while the store is busy: a slot that
// begins before the claim is committed is lost.
type claims struct{ recent atomic.Int64 }

// maxClaimLag bounds what is reserved ahead for the time that claiming takes.
const maxClaimLag = 500 * time.Millisecond

// add counts a claim in. A slow one is remembered for about ten more.
func (c *claims) add(took time.Duration) {
	c.recent.Store(max(int64(took), c.recent.Load()*9/10))
}

func (c *claims) lag() time.Duration { return min(time.Duration(c.recent.Load()), maxClaimLag) }

// timedReserve asks for slots and notes when.
func (ch *channel) timedReserve(ctx context.Context, r queue.Reservation) (queue.Grant, asking, error) {
	a := asking{asked: ch.now(), lasts: slotTimeOf(lowest(lowest(r.Limits.PerSecond, r.CampaignPerSecond), r.AccountPerSecond))}
	grant, err := ch.reserve(ctx, r)
	a.answered = ch.now()
	a.usual = ch.trips.add(a.answered.Sub(a.asked))
	return grant, a, err
}

// awaitSlot waits until the slot. A slot that was missed, because claiming took
// long or this process was woken late, is not used late, where it would crowd
// with the next ones: the limiter moves it, or gives another one if there are later
// ones already. It is false when none came in time.
func (ch *channel) awaitSlot(ctx context.Context, e queue.Envelope, s *slotted) bool {
	for missed := 0; ; missed++ {
		if ch.worker.o.Clock.Sleep(ctx, s.from.Sub(ch.now())) != nil {
			return false
		}
		if !ch.limited(e) || !ch.now().After(s.until) {
			return true
		}
		if missed == maxMissedSlots {
			return false
		}
		r := ch.reservation(e, []item{s.item}, aheadTransactional)
		r.Missed = s.mark
		grant, a, err := ch.timedReserve(ctx, r)
		switch {
		case err != nil:
			return false
		case len(grant.Slots) == 0 && grant.RetryIn <= aheadTransactional:
			s.from, s.until = a.answered.Add(grant.RetryIn), time.Time{} // to ask again then
		case len(grant.Slots) == 0 || grant.Slots[0].Denied != "":
			return false
		default:
			again := a.slot(s.item, grant.Slots[0])
			s.from, s.until, s.latest, s.mark = again.from, again.until, again.latest, again.mark
		}
	}
}

// maxMissedSlots is how often a message asks for another slot before it goes
// back to the queue.
const maxMissedSlots = 20

func (ch *channel) limited(e queue.Envelope) bool {
	return ch.accountRate.Load() > 0 || lowest(ch.limits.Load().PerSecond, e.CampaignPerSecond) > 0
}

// lowest is the lower of two rates, of which 0 is none.
func lowest(a, b float64) float64 {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}
