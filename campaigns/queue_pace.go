package campaigns

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
)

// ChannelPace is how fast a channel sends now, how fast it may, and why no faster.
type ChannelPace struct {
	// Accepted is how many messages a second its provider took over the last AcceptedOver,
	// from all workers together.
	Accepted float64
	// Most is how many of those that wait may go out a second at present; 0 while none may,
	// and nil where only the provider says how many it takes.
	Most   *float64
	Reason PaceReason
	// Waits is the reason of the first message in line, of messages that all are due later.
	Waits string
	// Until is when it ends by itself; zero where it doesn't, or nobody knows.
	Until time.Time
	// Words say the reason in a sentence.
	Words string
	// Mailboxes are the mailbox providers that are slowed down, or warmed up for, by name.
	Mailboxes []MailboxPace
}

// MailboxPace is how fast a channel may send to a mailbox provider that is slowed down, or warmed
// up for.
type MailboxPace struct {
	Name string
	// Most is how many may go to it a second at present: 0 while none may, nil for no limit.
	Most *float64
	// RecipientsPerDay is the most different recipients of a day; 0 for no limit.
	RecipientsPerDay int
	// Reason is PaceThrottled or PaceWarmUp.
	Reason PaceReason
	// Until is when it ends, or the day's most grows, at the earliest; zero where nobody knows.
	Until time.Time
	Words string
}

// PaceReason is why a channel sends no faster: a StandstillReason where nothing goes out, a
// limit, or empty for none.
type PaceReason string

// The reasons beside those of a standstill.
const (
	PaceThrottled  PaceReason = "throttled"
	PaceChannel    PaceReason = "channel.per_second"
	PaceAccount    PaceReason = "account.per_second"
	PaceCampaigns  PaceReason = "campaign.per_second"
	PaceWarmUp     PaceReason = "channel.warm_up"
	PaceRecipients PaceReason = "channel.recipients_per_day"
)

// Throttled is what a provider that asks to slow down has left of a channel's rate.
type Throttled struct {
	// For is how long nothing is sent; 0 where it may be.
	For time.Duration
	// PerSecond is the rate that is left of Full; 0 where it is not lowered.
	PerSecond, Full float64
	// Since is how long ago the provider asked last, and BackIn when the full rate is had
	// again if it stays quiet.
	Since, BackIn time.Duration
	// Mailboxes are those of mailbox providers that were asked for alone, in the order of their
	// names.
	Mailboxes []ThrottledMailbox
}

// ThrottledMailbox is what one mailbox provider has left of its rate.
type ThrottledMailbox struct {
	Name string
	Throttled
}

// Throttling is a StandstillStore that knows how throttled a channel is.
type Throttling interface {
	// Throttled is Unavailable if Redis does not answer.
	Throttled(ctx context.Context, c providers.Channel) (Throttled, error)
}

// paces are those of the channels of the totals, in their order.
func (s *Service) paces(ctx context.Context, v *survey, accountID int64, q QueueState) ([]ChannelPace, error) {
	paces := make([]ChannelPace, len(q.Totals))
	for i, t := range q.Totals {
		c, err := s.store.GetChannel(ctx, accountID, t.ChannelID)
		if fault.Is(err, fault.NotFound) {
			continue // deleted: what is in doubt of it stays
		}
		if err != nil {
			return nil, err
		}
		if paces[i], err = v.pace(ctx, c, q.runs); err != nil {
			return nil, err
		}
		paces[i].Accepted = v.accepted[c.ID]
	}
	return paces, nil
}

// PaceOf is how fast a channel sends, and why no faster.
func (s *Service) PaceOf(ctx context.Context, c providers.Channel) (ChannelPace, error) {
	v, err := newSurvey(ctx, s.store, s.clock.Now())
	if err != nil {
		return ChannelPace{}, err
	}
	_, runs, err := s.hindrances(ctx, v, c.AccountID)
	if err != nil {
		return ChannelPace{}, err
	}
	p, err := v.pace(ctx, c, runs)
	p.Accepted = v.accepted[c.ID]
	return p, err
}

// pace is how fast what waits on a channel may go out.
func (v *survey) pace(ctx context.Context, c providers.Channel, runs []LiveRun) (ChannelPace, error) {
	throttled, err := v.throttled(ctx, c)
	if err != nil {
		return ChannelPace{}, err
	}
	p, err := v.whole(ctx, c, runs, throttled)
	p.Mailboxes = v.mailboxes(c, throttled)
	return p, err
}

// mailboxes are the paces of mailbox providers, of which each is named once: throttling is told
// before a warm-up.
func (v *survey) mailboxes(c providers.Channel, throttled Throttled) (list []MailboxPace) {
	limits := c.Bounds().Mailboxes
	told := map[string]bool{}
	for _, t := range throttled.Mailboxes {
		of, _ := limits.Of(t.Name)
		told[t.Name] = true
		p := MailboxPace{Name: t.Name, Most: new(t.PerSecond), RecipientsPerDay: of.RecipientsPerDay, Reason: PaceThrottled, Until: v.now.Add(t.BackIn),
			Words: fmt.Sprintf("It asked to slow down, last at %s; the rate grows again by itself until %s if it stays quiet.",
				exactTime(v.now.Add(-t.Since)), exactTime(v.now.Add(t.BackIn)))}
		if t.For > 0 {
			p.Most, p.Until = new(float64), v.now.Add(t.For)
			p.Words = "It asked to wait until " + exactTime(p.Until) + "."
		}
		list = append(list, p)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Limits.Mailboxes)) {
		up, of := c.Limits.Mailboxes[name].WarmUp, limits[name]
		if !up.On() || told[name] {
			continue
		}
		at := c.MailboxWarmth[name]
		p := MailboxPace{Name: name, RecipientsPerDay: of.RecipientsPerDay, Reason: PaceWarmUp, Until: up.GrowsAt(at),
			Words: fmt.Sprintf("It warms up: %d recipients in 24 hours now, and at most %d in the end.", of.RecipientsPerDay, up.Ceiling)}
		if of.PerSecond > 0 {
			p.Most = &of.PerSecond
		}
		if at.Slowed != "" {
			p.Words += " It was slowed, because " + at.Slowed + "."
		}
		list = append(list, p)
	}
	return list
}

// whole is the pace of a channel, whoever it writes to.
func (v *survey) whole(ctx context.Context, c providers.Channel, runs []LiveRun, throttled Throttled) (ChannelPace, error) {
	if still := v.channel(c); still.Stands() {
		return stands(c, still), nil
	}
	if still, err := v.waits(ctx, c.ID, runs); err != nil || still.Stands() {
		return stands(c, still), err
	}
	if throttled.For > 0 {
		until := v.now.Add(throttled.For)
		return ChannelPace{
			Most: new(float64), Reason: PaceThrottled, Until: until,
			Words: "The provider asked to wait until " + exactTime(until) + ".",
		}, nil
	}
	p := ChannelPace{Words: fmt.Sprintf("No limit: as fast as the provider answers, %d requests at a time.", v.requests[c.ID])}
	lower := func(reason PaceReason, perSecond float64, words string) {
		if perSecond > 0 && (p.Most == nil || perSecond < *p.Most) {
			p.Most, p.Reason, p.Words = &perSecond, reason, words
		}
	}
	lower(PaceChannel, c.Limits.PerSecond, "The channel's own limit.")
	back := v.now.Add(throttled.BackIn)
	lower(PaceThrottled, throttled.PerSecond, fmt.Sprintf(
		"The provider asked to slow down, last at %s; the rate grows again by itself, to %s a second at %s if it stays quiet.",
		exactTime(v.now.Add(-throttled.Since)), strconv.FormatFloat(throttled.Full, 'f', -1, 64), exactTime(back)))
	lower(PaceAccount, float64(c.AccountPerSecond), "The account's limit, over all of its channels.")
	lower(PaceCampaigns, ofCampaigns(c.ID, runs), "The limits of the campaigns that send.")
	if p.Reason == PaceThrottled {
		p.Until = back
	}
	return p, nil
}

// stands is the pace of a channel on which nothing goes out.
func stands(c providers.Channel, still Standstill) ChannelPace {
	p := ChannelPace{Most: new(float64), Reason: PaceReason(still.Reason), Waits: still.Waits, Until: still.Until, Words: still.Words}
	switch {
	case still.Waits == messages.ReasonAccountPerDay:
		p.Reason = PaceReason(StillAccountDay)
	case still.Waits != messages.ReasonRecipientPerDay:
	case c.Bounds().RecipientsPerDay != c.Limits.RecipientsPerDay:
		p.Reason = PaceWarmUp
		p.Words = fmt.Sprintf("The channel warms up, and has written to as many addresses as it may in 24 hours by now, %d; it goes on at %s.",
			c.Bounds().RecipientsPerDay, exactTime(still.Until))
	default:
		p.Reason = PaceRecipients
	}
	return p
}

// waits says why nothing goes out on a channel of which nothing is the matter: each of its
// campaigns that has messages waiting stands still, and its single messages are due later.
// It is the standstill that ends first.
func (v *survey) waits(ctx context.Context, channelID int64, runs []LiveRun) (first Standstill, err error) {
	sooner := func(s Standstill) {
		if !first.Stands() || !s.Until.IsZero() && (first.Until.IsZero() || s.Until.Before(first.Until)) {
			first = s
		}
	}
	for _, r := range runs {
		if r.ChannelID != channelID || r.Counts.Active() == 0 {
			continue
		}
		if !r.Pace.Still.Stands() || r.Counts[messages.Sending] > 0 {
			return Standstill{}, nil
		}
		sooner(r.Pace.Still)
	}
	due, err := v.store.NextDue(ctx, channelID, 0)
	if err != nil || due.At.IsZero() {
		return first, err
	}
	if !due.At.After(v.now.Add(passingFor)) {
		return Standstill{}, nil
	}
	sooner(dueLater("Every message that still waits is due later, the first", due))
	return first, nil
}

// throttled asks how throttled a channel is. While Redis does not answer nothing is known,
// which is told as a standstill of everything.
func (v *survey) throttled(ctx context.Context, c providers.Channel) (Throttled, error) {
	knows, ok := v.store.(Throttling)
	if !ok {
		return Throttled{}, nil
	}
	t, err := knows.Throttled(ctx, c)
	if fault.Is(err, fault.Unavailable) {
		return Throttled{}, nil
	}
	return t, err
}

// ofCampaigns is what the campaigns that send through a channel may send a second
// together, if each of them has a limit of its own; else 0.
func ofCampaigns(channelID int64, runs []LiveRun) (perSecond float64) {
	of := map[int64]float64{}
	for _, r := range runs {
		if r.ChannelID != channelID || r.Counts.Active() == 0 || r.Status == RunPaused {
			continue
		}
		if r.Throttle.PerSecond == 0 {
			return 0
		}
		of[r.CampaignID] = r.Throttle.PerSecond
	}
	for _, each := range of {
		perSecond += each
	}
	return perSecond
}
