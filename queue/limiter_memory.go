package queue

import (
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
	ruleDay           = 86400000000.0
	ruleMinute        = 60000000.0
	ruleKeep          = 400000000.0
	ruleCeiling       = 1000.0
	ruleLeast         = 1.0 / 32
	ruleStep          = 10000000.0
	ruleGain          = 0.1
	never             = -1e15
)

// memoryLimits is limiter.lua in Go, for the embedded Redis, whose Lua is a
// hundred times slower. It does the same arithmetic in the same order; a
// property test holds the two together.
type memoryLimits struct {
	now func() float64 // µs since limiterBase

	mu       sync.Mutex
	channels map[int64]*channelLimits
}

// channelLimits is what the keys of one channel hold.
type channelLimits struct {
	exists                                     bool
	last, debt, credit, blocked, factor, event float64
	campaigns                                  map[int64]float64
	recipients                                 map[string]float64
	days                                       recipientDay
	sweepAt                                    float64
	eased                                      float64 // of factor, at the time of the call
	// keptFor is the longest spacing that recipients are kept for.
	keptFor float64
}

func newMemoryLimits(c clock.Clock) *memoryLimits {
	return &memoryLimits{
		now:      func() float64 { return sinceBase(c.Now()) },
		channels: map[int64]*channelLimits{},
	}
}

// at is the channel's state, prepared for a call at now.
func (b *memoryLimits) at(channelID int64, now float64) *channelLimits {
	c := b.channels[channelID]
	if c == nil {
		c = &channelLimits{last: never, blocked: never, event: never, factor: 1,
			campaigns: map[int64]float64{}, recipients: map[string]float64{}}
		b.channels[channelID] = c
	}
	if c.last > max(now, c.blocked)+ruleMinute+ruleWindow {
		c.last, c.debt, c.credit = now, 0, 0
	}
	if c.blocked > now+ruleDay+ruleMinute {
		c.blocked = now
	}
	if c.event > now+ruleMinute {
		c.event = now
	}
	c.eased = c.factor
	if calm := max(c.event, c.blocked); c.eased < 1 && now > calm {
		c.eased = min(1, c.factor+ruleGain*math.Floor((now-calm)/ruleStep))
	}
	return c
}

func (c *channelLimits) answer(now float64, waits []int64, retry float64, fresh bool) reply {
	return reply{
		waits: waits, retry: time.Duration(math.Ceil(retry)) * time.Microsecond, fresh: fresh,
		blocked: time.Duration(math.Ceil(max(0, c.blocked-now))) * time.Microsecond,
		factor:  math.Floor(c.eased*1e6+0.5) / 1e6,
	}
}

func (b *memoryLimits) state(_ context.Context, channelID int64) (reply, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	return b.at(channelID, now).answer(now, nil, 0, false), nil
}

func (b *memoryLimits) throttle(_ context.Context, channelID int64, retryAfter time.Duration) (reply, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	c := b.at(channelID, now)
	if now >= c.blocked && now-c.event >= 1000000 {
		c.factor = c.eased
		if now-max(c.event, c.blocked) <= ruleMinute {
			c.factor = max(c.eased/2, ruleLeast)
		}
		c.event = now
		c.eased = c.factor
	}
	c.blocked = max(c.blocked, now+micros(retryAfter))
	c.exists = true
	return c.answer(now, nil, 0, false), nil
}

func (b *memoryLimits) seed(_ context.Context, channelID int64, s Seed) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	c := b.at(channelID, now)
	if !s.LastSlot.IsZero() {
		c.last = max(c.last, min(sinceBase(s.LastSlot), now))
		c.exists = true
	}
	per := micros(s.PerRecipient)
	c.keptFor = max(c.keptFor, per)
	for _, r := range s.Recipients {
		at := sinceBase(r.At)
		if _, ok := c.recipients[r.Key]; !ok && per > 0 && at+per > now {
			c.recipients[r.Key] = at
		}
		if had, ok := c.days.at(r.Key); r.Key != "" && at > now-ruleDay && (!ok || had < at) {
			c.days.set(r.Key, at)
		}
	}
	return nil
}

func (b *memoryLimits) reserve(_ context.Context, r *reservation) (reply, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	c := b.at(r.ChannelID, now)
	p := c.pass(r, now)
	waits := make([]int64, 0, len(r.Recipients))
	var retry float64
	for _, recipient := range r.Recipients {
		wait, later := p.job(recipient)
		if later > 0 {
			retry = later
			break
		}
		waits = append(waits, wait)
	}
	p.save()
	return c.answer(now, waits, retry, p.missing), nil
}

// pass is one reservation as it goes through its jobs.
type pass struct {
	c                   *channelLimits
	now, ahead          float64
	interval, cInterval float64 // T and Tc of the script
	place               float64 // of the campaign's latest slot
	campaign            int64
	per                 float64
	cap                 int
	missing, changed    bool
	overCap             float64 // answer for recipients above the cap, once known
}

func (c *channelLimits) pass(r *reservation, now float64) *pass {
	p := &pass{c: c, now: now, ahead: micros(r.MaxAhead), campaign: r.CampaignID, place: never,
		per: micros(r.Limits.PerRecipient), cap: r.Limits.RecipientsPerDay, missing: !c.exists}
	rate := r.Limits.PerSecond
	effective := 0.0
	if rate > 0 {
		effective = rate * c.eased
	} else if c.eased < 1 {
		effective = ruleCeiling * c.eased
	}
	if effective > 0 {
		p.interval = 1000000 / (ruleShare * effective)
	}
	most := max(1, min(float64(r.burst), math.Floor(rate)))
	if c.eased < 1 {
		most = 1
	}
	if r.CampaignPerSecond > 0 {
		p.cInterval = 1000000 / (ruleCampaignShare * r.CampaignPerSecond)
		if place, ok := c.campaigns[r.CampaignID]; ok {
			p.place = place
		}
		if p.place > now+ruleMinute+ruleWindow {
			p.place = now
		}
	}
	if p.missing && r.known && (p.interval > 0 || p.cInterval > 0) {
		c.last = now + p.ahead + (most-1)*p.interval
		c.credit = 0
		p.place = now + p.ahead
		p.changed = true
	}
	if now >= max(c.last, c.blocked)+ruleWindow {
		c.credit = most
	}
	c.credit = min(c.credit, most)
	if p.cap > 0 {
		c.days.trim(now - ruleDay)
	}
	c.keptFor = max(c.keptFor, p.per)
	c.sweep(now)
	return p
}

// job answers one job: its wait or denial, or when to come back.
func (p *pass) job(recipient string) (wait int64, later float64) {
	c := p.c
	pos := max(p.now, c.blocked)
	turn := pos
	if p.interval > 0 {
		turn = max(c.last+(c.debt+1)*p.interval, pos)
		if c.credit > 0 {
			pos = max(pos, c.last)
		} else {
			pos = turn
		}
	}
	if p.cInterval > 0 && pos < p.place+p.cInterval-ruleCampaignSlack {
		if p.interval > 0 {
			return 0, max(1000, p.place+p.cInterval-ruleCampaignSlack/2-pos)
		}
		pos = p.place + p.cInterval
	}
	if pos > p.now+p.ahead {
		return 0, max(1000, pos-p.now-p.ahead/2)
	}
	if denied, ok := p.deny(recipient, pos); ok {
		return denied, 0
	}
	p.charge(recipient, pos, turn)
	return int64(math.Ceil(pos - p.now)), 0
}

func (p *pass) deny(recipient string, pos float64) (int64, bool) {
	c := p.c
	if p.per > 0 {
		if before, ok := c.recipients[recipient]; ok && pos < before+p.per {
			return -1 - 2*int64(math.Ceil(before+p.per-p.now)), true
		}
	}
	if p.cap > 0 {
		if _, ok := c.days.at(recipient); !ok && c.days.count() >= p.cap {
			if p.overCap == 0 { // a repeat of somebody else may make it a little later; it is a hint
				p.overCap = c.days.oldest(c.days.count()-p.cap) + ruleDay - p.now
			}
			return -2 - 2*int64(math.Ceil(p.overCap)), true
		}
	}
	return 0, false
}

func (p *pass) charge(recipient string, pos, turn float64) {
	c := p.c
	if p.interval > 0 {
		if c.credit > 0 {
			c.credit--
			c.debt = (turn - pos) / p.interval
		} else {
			c.debt = 0
		}
	}
	c.last = max(c.last, pos)
	p.changed = true
	if p.cInterval > 0 {
		p.place = max(p.place+p.cInterval, pos)
	}
	if p.per > 0 {
		c.recipients[recipient] = pos
	}
	if p.cap > 0 {
		c.days.set(recipient, pos)
		p.overCap = 0
	}
}

func (p *pass) save() {
	if !p.changed {
		return
	}
	p.c.exists = true
	if p.cInterval > 0 {
		p.c.campaigns[p.campaign] = p.place
	}
}

// sweep forgets, now and then, what Redis would have expired.
func (c *channelLimits) sweep(now float64) {
	if now < c.sweepAt {
		return
	}
	c.sweepAt = now + max(ruleMinute, c.keptFor/2)
	for id, place := range c.campaigns {
		if place < now-ruleKeep {
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
	var entries int
	for _, c := range b.channels {
		entries += 4 + len(c.campaigns) + len(c.recipients) + 2*c.days.count()
	}
	return int64(entries) * 64
}
