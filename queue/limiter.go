package queue

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"carillon/internal/clock"
	"carillon/internal/fault"
)

const (
	// ChannelShare is the share of its rate for which a channel gets slots.
	ChannelShare = ruleShare
	// CampaignShare is the same for a campaign.
	CampaignShare = ruleCampaignShare
	// ThrottleCeiling is the rate, messages a second, that counts as a channel's where it has
	// no limit and its provider asks to slow down.
	ThrottleCeiling = ruleCeiling
	// SlotSlack is how late a slot may be used without breaking the promise that
	// no sliding second holds more than the limit: slots are given out for 98.5 %
	// of it. A worker that comes later must ask for another slot.
	SlotSlack = 15 * time.Millisecond
	// DefaultMaxAhead is how far ahead slots are given out if a reservation doesn't
	// say.
	DefaultMaxAhead = time.Second
	// DefaultMaxGap is the MaxGap of a reservation that doesn't say.
	DefaultMaxGap = 60 * time.Millisecond
	// MaxMaxAhead bounds it; limiter.lua takes slots further ahead for the work of
	// a clock that went back.
	MaxMaxAhead = time.Minute
	// easedAfter is by when the whole rate is had again after a throttling has ended: 1/32 of it
	// grows by a tenth each ten seconds.
	easedAfter = 2 * time.Minute
	// maxThrottle bounds what Throttle may ask for.
	maxThrottle = 24 * time.Hour
	// defaultThrottle is what a provider gets that names no time.
	defaultThrottle = time.Second
	// openFor is how long an unlimited channel may go on without asking Redis
	// whether it was throttled.
	openFor = 200 * time.Millisecond
	// rememberedFor is how long a channel's slots make a missing state suspicious.
	// It is less than what idle state is kept for.
	rememberedFor = time.Minute
)

// Reasons of a Slot's Denied.
const (
	DeniedRecipientSpacing = "recipient_spacing"
	DeniedRecipientsPerDay = "recipients_per_day"
	// DeniedMailbox and DeniedMailboxPerDay are of the limits of a mailbox provider.
	DeniedMailbox       = "mailbox"
	DeniedMailboxPerDay = "mailbox_per_day"
)

// denials are the reasons by their numbers in the rules' answers.
var denials = [4]string{DeniedRecipientSpacing, DeniedRecipientsPerDay, DeniedMailbox, DeniedMailboxPerDay}

// Limits of a channel; zero stands for no limit.
type Limits struct {
	// PerSecond is the most messages in any sliding second (rounded up to a whole
	// number); fractions such as 0.5 keep their interval.
	PerSecond float64
	// Burst is how many slots may be used at once after a second without any; the
	// next slots make up for it. Below 1 means 1, and it counts no more than
	// PerSecond.
	Burst int
	// PerRecipient is the least time between two slots of one recipient.
	PerRecipient time.Duration
	// RecipientBurst is how many slots one recipient may have at once, each of which moves the
	// next one on by PerRecipient: no time of length W holds more than W / PerRecipient +
	// RecipientBurst. Below 1 means 1.
	RecipientBurst int
	// RecipientsPerDay is the most different recipients in a moving 24 hours.
	RecipientsPerDay int
	// RecipientsPool names the channels of the account that count the recipients of a day
	// together; empty for the channel alone.
	RecipientsPool string
}

// Channel names a channel to the Limiter.
type Channel struct {
	// AccountID is the channel's account: it decides where the channel's state lies, so
	// that all who ask for a channel have to give the same.
	AccountID, ID int64
	// Mailbox is the mailbox provider that is meant of all that the channel writes to; empty
	// for the channel itself.
	Mailbox string
	// pool is whose recipients of a day are meant, in place of a channel.
	pool string
}

// Mailbox are the limits of a channel for recipients whose mailboxes are at one provider.
type Mailbox struct {
	// Name is the provider's; empty where the recipient has no such limits.
	Name string
	// PerSecond and RecipientsPerDay are as in Limits; zero stands for no limit.
	PerSecond        float64
	RecipientsPerDay int
}

// Reservation asks for slots.
type Reservation struct {
	ChannelID int64
	// AccountID is the channel's account, and AccountPerSecond its limit over all of its
	// channels; 0 is none.
	AccountID        int64
	AccountPerSecond float64
	// MaxGap is how far ahead a slot may lie that the channel has later than the account,
	// whose time before it is left unused; 0 means DefaultMaxGap.
	MaxGap time.Duration
	// Limits are in force from this reservation on; slots that were given out
	// before stay where they are.
	Limits Limits
	// Epoch counts the channel's resumptions and changes of its configuration: what
	// a provider said in an earlier one (Throttle) holds no longer.
	Epoch int64
	// CampaignID and CampaignPerSecond are the campaign's own limit; 0 is none.
	CampaignID        int64
	CampaignPerSecond float64
	// Recipients are the hashed addresses, one an item; their number is the number
	// of slots asked for. They may be empty strings where Limits knows nothing of
	// recipients.
	Recipients []string
	// Exempt are those of the recipients that are not among those of a day, one an item; nil if
	// all are.
	Exempt []bool
	// CountedAs says whose recipients of a day are counted, in whatever words; empty where nobody's
	// are. Where the channel was seeded with something else, SeedFirst has Fresh said.
	CountedAs string
	// Mailboxes are the recipients' own, one an item; nil if none has any. Of one name all
	// are alike.
	Mailboxes []Mailbox
	// Near is how soon a mailbox provider's limit has to have room for who is denied to be
	// told that time, which others may be told, too. Who is told a later one has it alone, at
	// the end of the line.
	Near time.Duration
	// SeedFirst asks for no slots, only for Fresh to be said, where Redis knows
	// nothing of the channel, or of a campaign that has a limit, or counts the recipients of a
	// day as something else: the caller Seeds them, with a LastSlot each, and asks again without
	// this.
	SeedFirst bool
	// Missed is the Mark of a slot that nothing was sent in, for one recipient alone:
	// where it is still the latest one it is moved to now and not charged again, so
	// that who is always late still has its turn. 0 is none.
	Missed int64
	// MaxAhead is how far ahead a slot may lie; 0 means DefaultMaxAhead, at most
	// MaxMaxAhead, or DefaultMaxAhead where the account has a limit. It is also what a
	// Throttle comes too late for.
	MaxAhead time.Duration
}

// Slot is the permission to hand one message to the provider.
type Slot struct {
	// Wait is the time from the answer until the slot, which lasts for SlotSlack.
	Wait time.Duration
	// Mark names the slot, for Reservation.Missed.
	Mark int64
	// Denied is empty, or says why there is no slot for this item now; nothing was
	// charged for it then, and RetryIn is when it may ask again.
	Denied  string
	RetryIn time.Duration
}

// Grant is the answer to a reservation.
type Grant struct {
	// Slots are for the first items, in their order. They are fewer than the items
	// where the next would lie too far ahead, or where the campaign's limit would
	// leave slots of the channel unused.
	Slots []Slot
	// RetryIn is when to ask for the rest; 0 if nothing is left.
	RetryIn time.Duration
	// Fresh says that Redis knew nothing of the channel: it is new, idle for long,
	// or Redis lost its memory. The first one to see it may Seed the limits of a
	// day from the store.
	Fresh bool
	// PaidFor and CampaignPaidFor are the time from the answer until which the
	// latest slots, those of bursts included, are paid for: one interval later the
	// next may be had. They are what a Seed gives back.
	PaidFor, CampaignPaidFor time.Duration
}

// State is what throttling has left of a channel's rate.
type State struct {
	// BlockedFor is how long no slot is given out; 0 if the channel isn't blocked.
	BlockedFor time.Duration
	// RateFactor is the share of PerSecond that is in force: 1, or less for a while
	// after repeated throttling.
	RateFactor float64
	// ThrottledFor is how long ago the provider throttled it last, and BackIn when the
	// whole rate is in force again, if the provider stays quiet; both are 0 while RateFactor is 1.
	ThrottledFor, BackIn time.Duration
}

// Seed is what the store knows of a channel's last day.
type Seed struct {
	// LastSlot is until when the channel's latest slots are paid for (see Grant),
	// or when its latest message was handed to the provider; zero if unknown.
	LastSlot time.Time
	// CampaignID, CampaignPerSecond and CampaignLastSlot are the same for one
	// campaign with a limit; the last is zero for none.
	CampaignID        int64
	CampaignPerSecond float64
	CampaignLastSlot  time.Time
	// PerRecipient and RecipientBurst are the channel's limits, as far as spacing is to be seeded.
	// Who is seeded has no burst left.
	PerRecipient   time.Duration
	RecipientBurst int
	// RecipientsPool is whose Recipients are, and CountedAs what the channel's are counted as from now on;
	// empty leaves that as it is.
	RecipientsPool, CountedAs string
	// Recipients are the latest sends by recipient, of the last 24 hours.
	Recipients []SeedRecipient
}

// owed is how much later than a seeded recipient's time the place of its slot may be: as if the
// burst had been had.
func (s *Seed) owed() time.Duration {
	return time.Duration(max(1, s.RecipientBurst)-1) * s.PerRecipient
}

// SeedRecipient is one recipient's latest message.
type SeedRecipient struct {
	Key string
	At  time.Time
}

// Limiter gives out the times at which messages may be handed to providers. All
// processes on the same Redis share it; with the embedded Redis it is memory of
// this process, by the same rules. It is safe for concurrent use.
//
// The rules, of which limiter.lua is the reference:
//
//   - A channel's slots are evenly spaced for 98.5 % of its rate. After a second
//     without slots, and once all earlier ones are paid for, Burst of them may be
//     taken at once; each moves the next even slot on by one interval. So no time
//     of length W holds more than PerSecond * W + Burst, and no sliding second
//     more than PerSecond.
//   - A campaign's slots keep 96.5 % of its rate with a tolerance of 20 ms, and
//     never reserve the channel's time ahead for it: campaigns beside it go on.
//   - An account's slots, over all of its channels, are evenly spaced for 98.5 % of its
//     rate, in the order in which they are asked for. A channel whose own slot is later
//     than the account's next comes back when it is near. Where the state of the account
//     is missing it starts behind all slots that may still be waiting to be used, whoever
//     has them: no process could know of all.
//   - A mailbox provider's slots, on one channel, keep its rate as a campaign's do. Who is
//     denied one is told a time: those that are near come one after the other, and the
//     others stand in a line of at most a day, each campaign's in its own, so that each
//     comes back about once for each campaign in line. A line ends where the limit
//     changes, or where there is room and nobody has come for 10 s. Throttling one is as
//     throttling a channel.
//   - A recipient's slots lie PerRecipient apart, but for a burst that is had ahead and paid
//     for by those after it.
//   - The different recipients of a moving 24 hours are the channel's, or of all channels of
//     one pool. Who is counted by other channels than before is seeded anew.
//   - A slot that was missed may be moved to now while it is the latest one.
//   - Rates that change apply to the next slot, in both directions.
//   - Throttle blocks the channel; the second one within a minute halves the rate,
//     at the least to 1/32, and each 10 s of quiet give 10 % of the full rate back.
//     A channel without limit counts as 1000 a second for that. A later epoch of
//     the channel begins anew.
//   - State that is missing although this process had slots in the last minute
//     was lost (FLUSHALL): the channel starts again behind all slots that may
//     still be waiting to be used. A process that had none starts at once.
type Limiter struct {
	backend backend
	clock   clock.Clock

	mu       sync.Mutex
	channels map[int64]*memory
}

// memory is what this process remembers of a channel.
type memory struct {
	lastSlot  time.Time     // latest slot that this process got
	maxAhead  time.Duration // furthest ahead that it asked for
	openUntil time.Time     // unlimited and not throttled until then
	// burst is how long the latest limits' burst takes to be paid for, and owedUntil
	// until when one of larger limits before may have to be.
	burst     time.Duration
	owedUntil time.Time
}

// backend keeps the state of the limits.
type backend interface {
	reserve(ctx context.Context, r *reservation) (reply, error)
	next(ctx context.Context, r *reservation) (reply, error)
	throttle(ctx context.Context, c Channel, epoch int64, retryAfter time.Duration) (reply, error)
	state(ctx context.Context, c Channel, epoch int64) (reply, error)
	slowed(ctx context.Context, c Channel) ([]string, error)
	seed(ctx context.Context, c Channel, s Seed) error
	memory() int64
}

// reply is what the rules answer.
type reply struct {
	// waits has a number an item: µs until the slot, or a denial (see limiter.lua).
	waits   []int64
	retry   time.Duration
	fresh   bool
	blocked time.Duration
	factor  float64
	// paid and campaignPaid are Grant's PaidFor and CampaignPaidFor.
	paid, campaignPaid time.Duration
	// now is the moment of the answer, µs since limiterBase.
	now int64
}

func newLimiter(b backend, c clock.Clock) *Limiter {
	return &Limiter{backend: b, clock: c, channels: map[int64]*memory{}}
}

// Reserve asks for one slot a recipient. Slots are used up even if they aren't
// used. Where no limit is set nothing waits, and Redis is asked a few times a
// second only, for a Throttle. Errors are faults of code Invalid or Unavailable.
func (l *Limiter) Reserve(ctx context.Context, r Reservation) (Grant, error) {
	checked, err := check(r)
	if err != nil {
		return Grant{}, err
	}
	if len(r.Recipients) == 0 {
		return Grant{}, nil
	}
	if checked.unlimited() && l.open(r.ChannelID) {
		return Grant{Slots: make([]Slot, len(r.Recipients))}, nil
	}
	checked.lost = l.lost(checked)
	reply, err := l.backend.reserve(ctx, checked)
	if err != nil {
		return Grant{}, unavailable("reserve slots", err)
	}
	g := Grant{Slots: make([]Slot, len(reply.waits)), RetryIn: reply.retry, Fresh: reply.fresh, PaidFor: reply.paid, CampaignPaidFor: reply.campaignPaid}
	if reply.fresh && r.SeedFirst {
		return g, nil
	}
	last := time.Duration(-1)
	for i, wait := range reply.waits {
		if wait >= 0 {
			g.Slots[i].Wait, g.Slots[i].Mark = time.Duration(wait)*time.Microsecond, reply.now+wait
			last = max(last, g.Slots[i].Wait)
			continue
		}
		g.Slots[i] = denial(wait)
	}
	l.remember(checked, reply, last)
	return g, nil
}

// Wait is how long one item of a reservation would wait for its slot now, of all
// that its limits say but of recipients; nothing is reserved. Errors are as
// Reserve's.
func (l *Limiter) Wait(ctx context.Context, r Reservation) (time.Duration, error) {
	checked, err := check(r)
	if err != nil {
		return 0, err
	}
	if checked.unlimited() && l.open(r.ChannelID) {
		return 0, nil
	}
	reply, err := l.backend.next(ctx, checked)
	return reply.retry, unavailable("look for a slot", err)
}

// denial reads the negative numbers of the rules' answer.
func denial(number int64) Slot {
	number = -1 - number
	return Slot{Denied: denials[number%4], RetryIn: time.Duration(number/4) * time.Microsecond}
}

// open reports whether the channel was neither blocked nor slowed down lately.
func (l *Limiter) open(channelID int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.channels[channelID]
	return m != nil && l.clock.Now().Before(m.openUntil)
}

// lost is positive if this process had slots so lately that the state must
// still be there.
func (l *Limiter) lost(r *reservation) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.channels[r.ChannelID]
	if m == nil || m.lastSlot.IsZero() {
		return 0
	}
	now := l.clock.Now()
	m.noteBurst(r, now)
	if now.Sub(m.lastSlot) >= rememberedFor {
		return 0
	}
	// The rules add a burst of the limits of now.
	lost := m.maxAhead
	if m.owedUntil.After(now) {
		lost = max(lost, m.owedUntil.Sub(now)-m.burst)
	}
	return lost
}

// noteBurst remembers the burst of limits, and of larger ones that they follow:
// until now others may have taken it.
func (m *memory) noteBurst(r *reservation, now time.Time) {
	burst := r.paysBurst()
	if owed := now.Add(m.maxAhead + m.burst); m.burst > burst && owed.After(m.owedUntil) {
		m.owedUntil = owed
	}
	m.burst = burst
}

// paysBurst is how long it takes until a whole burst is paid for: one of its slots
// is in turn.
func (r *reservation) paysBurst() time.Duration {
	rate := r.Limits.PerSecond
	if rate == 0 {
		return 0
	}
	most := max(1, min(float64(r.burst), math.Floor(rate)))
	return time.Duration((most - 1) / (ruleShare * rate) * float64(time.Second))
}

func (l *Limiter) remember(r *reservation, answer reply, last time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.channels[r.ChannelID]
	if m == nil {
		for id, other := range l.channels { // deleted ones would be kept for ever
			if now := l.clock.Now(); now.Sub(other.lastSlot) >= rememberedFor && now.After(other.openUntil) {
				delete(l.channels, id)
			}
		}
		m = &memory{}
		l.channels[r.ChannelID] = m
	}
	m.maxAhead = max(m.maxAhead, r.MaxAhead)
	now := l.clock.Now()
	m.noteBurst(r, now)
	if slot := now.Add(last); last >= 0 && slot.After(m.lastSlot) {
		m.lastSlot = slot
	}
	m.openUntil = time.Time{}
	if r.unlimited() && answer.blocked <= 0 && answer.factor >= 1 {
		m.openUntil = now.Add(openFor)
	}
}

// Throttle tells that the provider asked to slow down: no slot of the channel, or of
// one mailbox provider on it, before retryAfter has passed (a second if it is 0, at most 24 hours), for any
// worker. Answers of requests that were under way at the same time count as one,
// and one to a request of an earlier epoch of the channel is not heard.
func (l *Limiter) Throttle(ctx context.Context, c Channel, epoch int64, retryAfter time.Duration) error {
	if c.ID <= 0 {
		return fault.InvalidField("channel_id", c.ID, "must be positive")
	}
	if retryAfter <= 0 {
		retryAfter = defaultThrottle
	}
	l.mu.Lock()
	if m := l.channels[c.ID]; m != nil && c.Mailbox == "" {
		m.openUntil = time.Time{}
	}
	l.mu.Unlock()
	_, err := l.backend.throttle(ctx, c, epoch, min(retryAfter, maxThrottle))
	return unavailable("throttle channel", err)
}

// State says how throttled a channel is in an epoch.
func (l *Limiter) State(ctx context.Context, c Channel, epoch int64) (State, error) {
	if c.ID <= 0 {
		return State{}, fault.InvalidField("channel_id", c.ID, "must be positive")
	}
	r, err := l.backend.state(ctx, c, epoch)
	if err != nil {
		return State{}, unavailable("read limiter", err)
	}
	s := State{BlockedFor: r.blocked, RateFactor: r.factor}
	if len(r.waits) == 2 {
		s.ThrottledFor, s.BackIn = time.Duration(r.waits[0])*time.Microsecond, time.Duration(r.waits[1])*time.Microsecond
	}
	return s, nil
}

// SlowMailboxes names the mailbox providers that were throttled on a channel, in their order, as
// far as anything may be left of it.
func (l *Limiter) SlowMailboxes(ctx context.Context, c Channel) ([]string, error) {
	names, err := l.backend.slowed(ctx, c)
	slices.Sort(names)
	return names, unavailable("read limiter", err)
}

// Seed adds what the store knows, after a restart of the embedded Redis or a
// FLUSHALL. It never takes anything back, and may be repeated.
func (l *Limiter) Seed(ctx context.Context, c Channel, s Seed) error {
	if c.ID <= 0 {
		return fault.InvalidField("channel_id", c.ID, "must be positive")
	}
	return unavailable("seed limiter", l.backend.seed(ctx, c, s))
}

func (l *Limiter) memory() int64 { return l.backend.memory() }
