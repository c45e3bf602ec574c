package campaigns

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"carillon/providers"
)

// MailboxForecast is how long a campaign takes at mailbox providers, as far as that is known before
// anything is sent: nothing is looked up in the DNS, so that who is counted at one is at its own
// domains, such as gmail.com.
type MailboxForecast struct {
	// At are those for which the channel has limits, the slowest first.
	At []MailboxShare
	// Elsewhere is how many are at other domains, which any mailbox provider may host: where is
	// found out when their messages are rendered, and they are not in the estimate of any.
	Elsewhere int64
}

// MailboxShare is what of a campaign goes to one mailbox provider.
type MailboxShare struct {
	Name       string
	Recipients int64
	// Duration is how long it takes at least, and LimitedBy why; 0 and empty where its limits are
	// none.
	Duration  time.Duration
	LimitedBy string
}

// forecastMailboxes adds how long a campaign takes at mailbox providers, which may be longer than
// all else.
func (s *Service) forecastMailboxes(ctx context.Context, c Campaign, channel providers.Channel, f *Forecast) error {
	if len(channel.Limits.Mailboxes) == 0 {
		return nil
	}
	people, err := s.store.MailboxesOfAudience(ctx, channel, c.Audience, c.CategoryID)
	if err != nil {
		return err
	}
	m := MailboxForecast{Elsewhere: f.Reachable}
	for _, name := range slices.Sorted(maps.Keys(people)) {
		share := MailboxShare{Name: name, Recipients: people[name]}
		m.Elsewhere -= share.Recipients
		if limits, limited := channel.Limits.Mailboxes.Of(name); limited {
			share.Duration, share.LimitedBy = mailboxBounds(channel, name, limits).estimate(share.Recipients)
			share.LimitedBy = strings.Replace(share.LimitedBy, "channel.", "mailbox.", 1)
			m.At = append(m.At, share)
		}
	}
	slices.SortStableFunc(m.At, func(a, b MailboxShare) int { return cmp.Compare(b.Duration, a.Duration) })
	if len(m.At) > 0 && (m.At[0].Duration > f.Duration || f.LimitedBy == "") {
		f.Duration, f.LimitedBy = m.At[0].Duration, m.At[0].LimitedBy
	}
	f.Mailboxes = &m
	return nil
}

// mailboxBounds are what the limits of a mailbox provider bound, as those of a channel do.
func mailboxBounds(channel providers.Channel, name string, limits providers.MailboxLimits) bounds {
	b := bounds{limits: providers.Limits{PerSecond: limits.PerSecond, RecipientsPerDay: limits.RecipientsPerDay, WarmUp: limits.WarmUp}}
	if limits.WarmUp.On() {
		at, begun := channel.MailboxWarmth[name]
		if !begun {
			at = limits.WarmUp.Begin("", providers.Traffic{})
		}
		b.warmth = &at
	}
	return b
}
