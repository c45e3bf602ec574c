package queue

import (
	"cmp"
	"context"
	"math"
	"sync"
	"time"

	"carillon/internal/clock"
)

// The constants of limiter.lua, which explains them.
const (
	ruleWindow        = 1015000.0
	ruleShare         = 0.985
	ruleCampaignShare = 0.965
	ruleCampaignSlack = 20000.0
	ruleSame          = 2.0
	ruleDay           = 86400000000.0
	ruleMinute        = 60000000.0
	ruleKeep          = 400000000.0
	ruleCeiling       = 1000.0
	ruleLeast         = 1.0 / 32
	ruleStep          = 10000000.0
	ruleGain          = 0.1
	never             = -1e15
	ruleAccountLost   = 1000000.0
	ruleAccountKeep   = 172800000000.0
	ruleDeserted      = 10000000.0
)

// memoryLimits is limiter.lua in Go, for the embedded Redis, whose Lua is a
// hundred times slower. It does the same arithmetic in the same order; a
// property test holds the two together.
type memoryLimits struct {
	now func() float64 // µs since limiterBase

	mu       sync.Mutex
	channels map[Channel]*channelLimits
	accounts map[int64]keptPlace
}

// channelLimits is what the keys of one channel hold, or of a mailbox provider on it.
type channelLimits struct {
	exists     bool
	numbers    limitNumbers // the hash
	campaigns  map[int64]keptPlace
	recipients map[string]float64
	days       recipientDay
	lines      map[int64]line // of campaigns at a mailbox provider
	sweepAt    float64
	askedAt    float64 // when somebody asked for the channel last
	keptFor    float64 // longest spacing that recipients are kept for
}

// line is until when a campaign's recipients stand in line for a mailbox provider, and the limits by
// which they do.
type line struct {
	end, rate float64
	cap       int
}

// keptPlace is where the latest slot of a campaign, or an account, lies, and until when
// that is kept.
type keptPlace struct{ place, keepUntil float64 }

// limitNumbers are the fields of the hash.
type limitNumbers struct {
	last, debt, credit, blocked, factor, event, anew float64
	epoch                                            int64
	// soon, rate and cap are a mailbox provider's.
	soon, rate float64
	cap        int
	// eased is the share of the rate that throttling leaves at the time of the
	// call, mended says that the call found a clock that went back, or an older epoch.
	eased  float64
	mended bool
	// counted is as in the script.
	counted string
}

func newMemoryLimits(c clock.Clock) *memoryLimits {
	return &memoryLimits{
		now:      func() float64 { return sinceBase(c.Now()) },
		channels: map[Channel]*channelLimits{},
		accounts: map[int64]keptPlace{},
	}
}

// channelIdle is after how long a channel that nobody asks for is forgotten: nothing
// that holds for a day is in force by then.
const channelIdle = 2 * ruleDay

func (b *memoryLimits) channel(of Channel) *channelLimits {
	c := b.channels[of]
	now := b.now()
	if c == nil {
		for id, other := range b.channels { // deleted ones would be kept for ever
			if now-other.askedAt > channelIdle {
				delete(b.channels, id)
			}
		}
		for id, known := range b.accounts {
			if known.keepUntil < now {
				delete(b.accounts, id)
			}
		}
		c = &channelLimits{
			numbers:   limitNumbers{last: never, blocked: never, event: never, anew: never, soon: never, factor: 1},
			campaigns: map[int64]keptPlace{}, recipients: map[string]float64{},
		}
		b.channels[of] = c
	}
	c.askedAt = now
	return c
}

// at is a copy of the hash, prepared for a call at now in an epoch.
func (c *channelLimits) at(now float64, epoch int64) limitNumbers {
	n := c.numbers
	if epoch > n.epoch {
		n.epoch, n.blocked, n.factor, n.event, n.mended = epoch, never, 1, never, c.exists
	}
	if n.last > max(now, n.blocked)+ruleMinute+ruleWindow {
		n.last, n.debt, n.credit, n.mended = now, 0, 0, true
	}
	if n.blocked > now+ruleDay+ruleMinute {
		n.blocked = now
	}
	if n.event > now+ruleMinute {
		n.event = now
	}
	n.eased = n.factor
	if calm := max(n.event, n.blocked); n.eased < 1 && now > calm {
		n.eased = min(1, n.factor+ruleGain*math.Floor((now-calm)/ruleStep))
	}
	return n
}

func (c *channelLimits) save(n limitNumbers) {
	n.mended = false
	c.numbers = n
	c.exists = true
}

func (n limitNumbers) answer(now float64, waits []int64, retry float64, fresh bool) reply {
	return reply{
		waits: waits, retry: time.Duration(math.Ceil(retry)) * time.Microsecond, fresh: fresh,
		blocked: ahead(n.blocked, now),
		factor:  math.Floor(n.eased*1e6+0.5) / 1e6,
		paid:    ahead(n.last+n.debt, now),
		now:     int64(math.Floor(now)),
	}
}

// ahead is how far a time lies ahead of now; 0 if it doesn't.
func ahead(at, now float64) time.Duration {
	return time.Duration(math.Ceil(max(0, at-now))) * time.Microsecond
}

func (b *memoryLimits) state(_ context.Context, of Channel, epoch int64) (reply, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	c := b.channel(of)
	n := c.at(now, epoch)
	if n.eased == 1 {
		return n.answer(now, nil, 0, !c.exists), nil
	}
	back := max(n.event, n.blocked) + ruleStep*math.Ceil((1-n.factor)/ruleGain)
	return n.answer(now, []int64{int64(math.Floor(now - n.event)), int64(math.Ceil(back - now))}, 0, !c.exists), nil
}

func (b *memoryLimits) throttle(_ context.Context, of Channel, epoch int64, retryAfter time.Duration) (reply, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	c := b.channel(of)
	n := c.at(now, epoch)
	if epoch < n.epoch {
		return n.answer(now, nil, 0, false), nil
	}
	if now >= n.blocked && now-n.event >= 1000000 {
		n.factor = n.eased
		if now-max(n.event, n.blocked) <= ruleMinute {
			n.factor = max(n.eased/2, ruleLeast)
		}
		n.event = now
		n.eased = n.factor
	}
	n.blocked = max(n.blocked, now+micros(retryAfter))
	n.credit = 0
	known := c.exists
	c.save(n)
	c.exists = known // what was throttled before it was seeded is as little known as it was
	return n.answer(now, nil, 0, false), nil
}

func (b *memoryLimits) seed(_ context.Context, of Channel, s Seed) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	c := b.channel(of)
	n := c.at(now, 0)
	if !s.LastSlot.IsZero() {
		if !c.exists {
			n.anew = now + ruleAccountLost
		}
		n.last = max(n.last, min(sinceBase(s.LastSlot), now+ruleWindow))
	}
	n.counted = cmp.Or(s.CountedAs, n.counted)
	if !s.LastSlot.IsZero() || s.CountedAs != "" {
		c.save(n)
	}
	if !s.CampaignLastSlot.IsZero() {
		place := never
		if known, ok := c.campaigns[s.CampaignID]; ok {
			place = known.place
		}
		c.keepPlace(s.CampaignID, max(place, min(sinceBase(s.CampaignLastSlot), now+ruleWindow)), campaignInterval(s.CampaignPerSecond), now)
	}
	per, owed, days := micros(s.PerRecipient), micros(s.owed()), b.days(of, s.RecipientsPool)
	c.keptFor = max(c.keptFor, per)
	for _, r := range s.Recipients {
		at := sinceBase(r.At)
		if before, ok := c.recipients[r.Key]; per > 0 && at+owed+per > now && (!ok || before < at+owed) {
			c.recipients[r.Key] = at + owed
		}
		if had, ok := days.at(r.Key); r.Key != "" && at > now-ruleDay && (!ok || had < at) {
			days.set(r.Key, at)
		}
	}
	return nil
}

// days are the recipients of a day of a channel, or of its pool.
func (b *memoryLimits) days(of Channel, pool string) *recipientDay {
	return &b.channel(dayOf(of, pool)).days
}

func (b *memoryLimits) reserve(_ context.Context, r *reservation) (reply, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	c := b.channel(r.channel())
	p := c.pass(r, now)
	p.ofDay(b, r)
	if p.missing && r.SeedFirst {
		return p.answer(nil, 0), nil
	}
	p.ofAccount(b, r)
	p.mailboxes = mailboxes{all: b, r: r, pass: p, opened: make([]*mailbox, len(r.groups))}
	waits := make([]int64, 0, len(r.Recipients))
	var retry float64
	for i := range r.Recipients {
		wait, later := p.item(r, i)
		if later > 0 {
			retry = later
			break
		}
		waits = append(waits, wait)
	}
	p.save()
	if p.aCharged {
		b.keepAccount(r.AccountID, p.aPlace, now)
	}
	return p.answer(waits, retry), nil
}

func (b *memoryLimits) next(_ context.Context, r *reservation) (reply, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.channel(r.channel()).pass(r, b.now())
	p.ofAccount(b, r)
	pos, _, campaign := p.nextSlot()
	return p.answer(nil, max(p.accountSlot(pos), campaign)-p.now), nil
}

// pass is one reservation as it goes through its items.
type pass struct {
	c                   *channelLimits
	n                   limitNumbers
	now, ahead          float64
	interval, cInterval float64 // T and Tc of the script
	place               float64 // of the campaign's latest slot
	campaign            int64
	per, pAhead         float64 // pahead of the script
	cap                 int
	days                *recipientDay
	missing, changed    bool
	missed              float64 // the slot that this one is instead of; 0 for none
	// aInterval, aPlace and gap are Ta, aplace and gap of the script.
	aInterval, aPlace, gap float64
	aMoves, aCharged       bool
	// moves says that it is still the channel's latest one, campaignMoves that it is
	// the campaign's.
	moves, campaignMoves bool
	overCap              float64 // answer for recipients above the cap, once known
	mailboxes            mailboxes
}

func (p *pass) answer(waits []int64, retry float64) reply {
	answer := p.n.answer(p.now, waits, retry, p.missing)
	answer.campaignPaid = ahead(p.place, p.now)
	return answer
}

// ofDay adds the limit of a day, and looks at whether whoever counts is known.
func (p *pass) ofDay(b *memoryLimits, r *reservation) {
	switch {
	case p.n.counted == r.CountedAs:
	case r.CountedAs == "":
		p.n.counted, p.changed = "", true
	case r.SeedFirst:
		p.missing = true
	}
	if p.cap == 0 {
		return
	}
	p.days = b.days(r.channel(), r.Limits.RecipientsPool)
	p.days.trim(p.now - ruleDay)
}

// campaignInterval is the time between two slots of a campaign, µs.
func campaignInterval(perSecond float64) float64 { return 1000000 / (ruleCampaignShare * perSecond) }

// ofAccount adds the account's limit. Where its state is missing it starts behind all
// slots that its channels may still have.
func (p *pass) ofAccount(b *memoryLimits, r *reservation) {
	if r.AccountPerSecond == 0 {
		return
	}
	p.aInterval, p.gap = 1000000/(ruleShare*r.AccountPerSecond), micros(r.MaxGap)
	known, ok := b.accounts[r.AccountID]
	if p.aPlace = known.place; !ok || known.keepUntil < p.now {
		p.aPlace = p.now + ruleAccountLost
		b.keepAccount(r.AccountID, p.aPlace, p.now)
	}
	if p.aPlace > p.now+ruleMinute+ruleWindow {
		p.aPlace = p.now
	}
	p.aMoves = p.own(p.aPlace)
}

func (b *memoryLimits) keepAccount(accountID int64, place, now float64) {
	b.accounts[accountID] = keptPlace{place, max(place, now) + ruleAccountKeep}
}

// accountSlot is where the slot lies that the channel has at pos and the account, too.
func (p *pass) accountSlot(pos float64) float64 {
	if p.aInterval == 0 || p.aMoves {
		return pos
	}
	return max(pos, p.now, p.aPlace+p.aInterval)
}

// tooSoon reports whether a slot that the channel has at pos, and later than the account,
// is to be asked for nearer to it.
func (p *pass) tooSoon(pos float64) bool {
	return p.aInterval > 0 && !p.aMoves && pos > max(p.now, p.aPlace+p.aInterval) && pos > p.now+p.gap
}

// interval is the time between two slots at a rate, of which throttling may have left less; 0
// for none.
func (n limitNumbers) interval(share, rate float64) float64 {
	effective := 0.0
	if rate > 0 {
		effective = rate * n.eased
	} else if n.eased < 1 {
		effective = ruleCeiling * n.eased
	}
	if effective == 0 {
		return 0
	}
	return 1000000 / (share * effective)
}

func (c *channelLimits) pass(r *reservation, now float64) *pass {
	p := &pass{c: c, n: c.at(now, r.Epoch), now: now, ahead: micros(r.MaxAhead), campaign: r.CampaignID, place: never,
		per: micros(r.Limits.PerRecipient), cap: r.Limits.RecipientsPerDay, missing: !c.exists, missed: float64(r.Missed)}
	p.changed = p.n.mended
	rate := r.Limits.PerSecond
	p.interval = p.n.interval(ruleShare, rate)
	most := max(1, min(float64(r.burst), math.Floor(rate)))
	if p.n.eased < 1 {
		most = 1
	}
	if r.CampaignPerSecond > 0 {
		p.cInterval = campaignInterval(r.CampaignPerSecond)
		if known, ok := c.campaigns[r.CampaignID]; ok {
			p.place = known.place
		} else if r.SeedFirst {
			p.missing = true
		}
		if p.place > now+ruleMinute+ruleWindow {
			p.place, p.changed = now, true
		}
	}
	if p.missing && !r.SeedFirst && r.lost > 0 && (p.interval > 0 || p.cInterval > 0 || len(r.groups) > 0) {
		p.n.last = now + micros(r.lost) + (most-1)*p.interval
		p.n.credit = 0
		p.n.anew = now + micros(r.lost)
		p.place = now + micros(r.lost)
		p.changed = true
	}
	if p.missed+2*ruleSame > now {
		p.missed = 0
	}
	p.moves = p.own(p.n.last)
	p.campaignMoves = p.lags(p.place, p.cInterval)
	if !p.moves && now >= max(max(p.n.last, p.n.blocked)+ruleWindow, p.n.last+p.n.debt+p.interval) {
		p.n.credit = most
	}
	if p.moves {
		most--
	}
	p.n.credit = min(p.n.credit, most)
	p.pAhead = float64(r.recipientBurst-1) * p.per
	c.keptFor = max(c.keptFor, p.per)
	c.sweep(now)
	return p
}

// nextSlot is where the next slot of the channel lies, where it would lie without
// a burst, and before when the campaign has none.
func (p *pass) nextSlot() (pos, turn, campaign float64) {
	pos, campaign = max(p.now, p.n.blocked), never
	turn = pos
	if p.interval > 0 && !p.moves {
		turn = max(p.n.last+p.n.debt+p.interval, pos)
		if p.n.credit > 0 {
			pos = max(pos, p.n.last)
		} else {
			pos = turn
		}
	}
	if p.cInterval > 0 && !p.campaignMoves {
		campaign = p.place + p.cInterval - ruleCampaignSlack
	}
	return pos, turn, campaign
}

// lags reports whether a place that keeps an interval with a tolerance is the missed slot's.
func (p *pass) lags(place, interval float64) bool {
	return p.missed > 0 && place > p.missed-ruleSame && place < p.missed+min(ruleCampaignSlack, interval-2*ruleSame)
}

// own reports whether a time is the missed slot's.
func (p *pass) own(at float64) bool { return p.missed > 0 && math.Abs(at-p.missed) < ruleSame }

// item answers one item: its wait or denial, or when to come back.
func (p *pass) item(r *reservation, i int) (wait int64, later float64) {
	pos, turn, campaign := p.nextSlot()
	if p.tooSoon(pos) {
		return 0, max(1000, pos-p.now-p.gap/2)
	}
	pos = p.accountSlot(pos)
	if pos < campaign {
		if p.interval > 0 || p.aInterval > 0 {
			return 0, max(1000, p.place+p.cInterval-ruleCampaignSlack/2-pos)
		}
		pos = p.place + p.cInterval
	}
	if pos > p.now+p.ahead {
		return 0, max(1000, pos-p.now-p.ahead/2)
	}
	if denied, ok := p.deny(r, i, pos); ok {
		return denied, 0
	}
	if at := p.mailboxes.of(i); at != nil {
		if denied, ok := at.deny(r.counted(i), pos); ok {
			return denied, 0
		}
		at.charge(r.counted(i), pos)
	}
	p.charge(pos, turn)
	p.chargeRecipient(r, i, pos)
	return int64(math.Ceil(pos - p.now)), 0
}

func (p *pass) deny(r *reservation, i int, pos float64) (int64, bool) {
	if p.per > 0 {
		if before, ok := p.c.recipients[r.Recipients[i]]; ok && !p.own(before) && pos < before+p.per-p.pAhead {
			return -1 - 4*int64(math.Ceil(before+p.per-p.pAhead-p.now)), true
		}
	}
	if recipient := r.counted(i); p.cap > 0 && recipient != "" {
		if _, ok := p.days.at(recipient); !ok && p.days.count() >= p.cap {
			if p.overCap == 0 { // a repeat of somebody else may make it a little later; it is a hint
				p.overCap = p.days.oldest(p.days.count()-p.cap) + ruleDay - p.now
			}
			return -2 - 4*int64(math.Ceil(p.overCap)), true
		}
	}
	return 0, false
}

func (p *pass) charge(pos, turn float64) {
	if p.interval > 0 && !p.moves {
		if p.n.credit > 0 {
			p.n.credit--
			p.n.debt = max(0, turn-pos)
		} else {
			p.n.debt = 0
		}
	}
	p.n.last = max(p.n.last, pos)
	p.changed = true
	switch {
	case p.cInterval > 0 && p.campaignMoves:
		p.place = max(p.place, pos)
	case p.cInterval > 0:
		p.place = max(p.place+p.cInterval, pos)
	}
	if p.aInterval > 0 {
		if p.aPlace = max(p.aPlace, pos); !p.aMoves {
			p.aPlace = pos
		}
		p.aCharged = true
	}
}

func (p *pass) chargeRecipient(r *reservation, i int, pos float64) {
	if p.per > 0 {
		place := pos
		if before, ok := p.c.recipients[r.Recipients[i]]; ok && p.pAhead > 0 && !p.own(before) {
			place = max(before+p.per, pos)
		}
		p.c.recipients[r.Recipients[i]] = place
	}
	if recipient := r.counted(i); p.cap > 0 && recipient != "" {
		p.days.set(recipient, pos)
		p.overCap = 0
	}
}

func (p *pass) save() {
	p.mailboxes.save()
	if !p.changed {
		return
	}
	p.c.save(p.n)
	if p.cInterval > 0 {
		p.c.keepPlace(p.campaign, p.place, p.cInterval, p.now)
	}
}

func (c *channelLimits) keepPlace(campaignID int64, place, interval, now float64) {
	c.campaigns[campaignID] = keptPlace{place, max(place, now) + interval + ruleKeep}
}

// sweep forgets, now and then, what Redis would have expired.
func (c *channelLimits) sweep(now float64) {
	if now < c.sweepAt {
		return
	}
	c.sweepAt = now + max(ruleMinute, c.keptFor/2)
	for id, known := range c.campaigns {
		if known.keepUntil < now {
			delete(c.campaigns, id)
		}
	}
	for key, at := range c.recipients {
		if at+c.keptFor < now {
			delete(c.recipients, key)
		}
	}
}

// memory is an estimate: a map's entry of a short text and a number.
func (b *memoryLimits) memory() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	entries := len(b.accounts)
	for _, c := range b.channels {
		entries += 4 + len(c.campaigns) + len(c.recipients) + 2*c.days.count()
	}
	return int64(entries) * 64
}
