package queue

import (
	"context"
	"maps"
	"math"
)

// mailboxes are the mailbox providers of one reservation, as far as it has asked for them.
type mailboxes struct {
	all    *memoryLimits
	r      *reservation
	pass   *pass
	opened []*mailbox
}

// mailbox is one of them as it goes through its items: a group of the script.
type mailbox struct {
	c        *channelLimits
	n        limitNumbers
	pass     *pass
	interval float64 // T of the script
	near     float64
	// moves says that the missed slot is still its latest one.
	moves, changed bool
	// line is the campaign's; stands says that somebody was put into it.
	line   line
	stands bool
}

// of is an item's; nil if it has none.
func (m *mailboxes) of(item int) *mailbox {
	if len(m.r.groups) == 0 || m.r.groupOf[item] == 0 {
		return nil
	}
	number := m.r.groupOf[item] - 1
	if m.opened[number] == nil {
		m.opened[number] = m.open(m.r.groups[number])
	}
	return m.opened[number]
}

func (m *mailboxes) open(limits Mailbox) *mailbox {
	of := m.r.channel()
	of.Mailbox = limits.Name
	c, now := m.all.channel(of), m.pass.now
	g := &mailbox{c: c, n: c.at(now, m.r.Epoch), pass: m.pass, near: micros(m.r.Near)}
	g.changed = g.n.mended
	g.interval = g.n.interval(ruleCampaignShare, limits.PerSecond)
	if limits.RecipientsPerDay > 0 {
		c.days.trim(now - ruleDay)
	}
	if c.exists {
		g.n.last = max(g.n.last, g.n.anew)
	} else {
		g.n.last = max(g.n.last, m.pass.n.anew)
	}
	if known, stands := c.lines[m.pass.campaign]; stands {
		g.line = known
	} else {
		g.line.end = never
	}
	// Who was told a time by other limits is told another one. A line in which nobody comes
	// although there is room is of messages that are gone.
	room := limits.RecipientsPerDay == 0 || c.days.count() < limits.RecipientsPerDay
	deserted := g.line.end > now && max(g.n.last, g.n.blocked)+max(ruleDeserted, 3*g.interval) < now && room
	if g.n.rate != limits.PerSecond || g.n.cap != limits.RecipientsPerDay || deserted {
		g.n.soon = never
	}
	if g.line.rate != limits.PerSecond || g.line.cap != limits.RecipientsPerDay || deserted {
		g.line.end = never
	}
	g.n.rate, g.n.cap = limits.PerSecond, limits.RecipientsPerDay
	g.line.rate, g.line.cap = g.n.rate, g.n.cap
	g.moves = g.interval > 0 && m.pass.lags(g.n.last, g.interval)
	return g
}

func (m *mailboxes) save() {
	for _, g := range m.opened {
		if g != nil && g.changed {
			g.c.save(g.n)
		}
		if g != nil && g.stands {
			g.c.keepLine(m.pass.campaign, g.line, m.pass.now)
		}
	}
}

// deny says that a recipient has no slot at pos, and when to come again.
func (g *mailbox) deny(recipient string, pos float64) (int64, bool) {
	if pos < g.n.blocked || g.interval > 0 && !g.moves && pos < g.n.last+g.interval-ruleCampaignSlack {
		wait := g.again(max(g.n.last+g.interval, g.n.blocked), g.interval)
		return -3 - 4*int64(math.Ceil(max(1000, wait))), true
	}
	if days := &g.c.days; g.n.cap > 0 && recipient != "" && days.count() >= g.n.cap {
		if _, counted := days.at(recipient); !counted {
			wait := g.again(days.oldest(days.count()-g.n.cap)+ruleDay, max(g.interval, ruleDay/float64(g.n.cap)))
			return -4 - 4*int64(math.Ceil(max(1000, wait))), true
		}
	}
	return 0, false
}

// again is how long to wait of who would be in turn at first, of all that come one each step.
func (g *mailbox) again(first, step float64) float64 {
	now := g.pass.now
	g.changed = true
	if soon := max(g.n.soon+step, first); soon-now <= g.near {
		g.n.soon = soon
		return soon - now
	}
	end := max(max(g.line.end, g.n.soon)+step, first)
	if end > now+ruleDay {
		return ruleDay
	}
	g.line.end, g.stands = end, true
	return end - now
}

// keepLine keeps a campaign's line, and forgets those that are over.
func (c *channelLimits) keepLine(campaignID int64, of line, now float64) {
	if _, stands := c.lines[campaignID]; !stands {
		maps.DeleteFunc(c.lines, func(_ int64, l line) bool { return l.end < now })
	}
	if c.lines == nil {
		c.lines = map[int64]line{}
	}
	c.lines[campaignID] = of
}

func (g *mailbox) charge(recipient string, pos float64) {
	if g.moves {
		g.n.last = max(g.n.last, pos)
	} else {
		g.n.last = max(g.n.last+g.interval, pos)
	}
	g.changed = true
	if g.n.cap > 0 && recipient != "" {
		g.c.days.set(recipient, pos)
	}
}

func (b *memoryLimits) slowed(_ context.Context, of Channel) (names []string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	for c, limits := range b.channels {
		if c.AccountID != of.AccountID || c.ID != of.ID || c.Mailbox == "" {
			continue
		}
		if n := limits.at(now, 0); n.eased < 1 || n.blocked > now {
			names = append(names, c.Mailbox)
		}
	}
	return names, nil
}
