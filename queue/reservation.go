package queue

import (
	"math"
	"time"

	"carillon/internal/fault"
)

// reservation is a checked Reservation, in the units of the rules.
type reservation struct {
	Reservation
	burst, recipientBurst int
	// groups are the different ones of Mailboxes, and groupOf the number of each item's, from
	// 1; nil if there are none.
	groups  []Mailbox
	groupOf []int
	// lost is how far ahead slots may lie that were given out before, if missing
	// state means that Redis lost it; 0 if it means that the channel is new.
	lost time.Duration
}

func check(r Reservation) (*reservation, error) {
	bad := func(field string, value any) error {
		return fault.InvalidField("reservation."+field, value, "must be a number of at least 0")
	}
	finite := func(f float64) bool { return f >= 0 && !math.IsInf(f, 0) }
	switch {
	case r.ChannelID <= 0:
		return nil, fault.InvalidField("reservation.channel_id", r.ChannelID, "must be positive")
	case !finite(r.Limits.PerSecond):
		return nil, bad("limits.per_second", r.Limits.PerSecond)
	case !finite(r.CampaignPerSecond):
		return nil, bad("campaign_per_second", r.CampaignPerSecond)
	case !finite(r.AccountPerSecond):
		return nil, bad("account_per_second", r.AccountPerSecond)
	case r.Limits.PerRecipient < 0:
		return nil, bad("limits.per_recipient", r.Limits.PerRecipient)
	case r.Exempt != nil && len(r.Exempt) != len(r.Recipients):
		return nil, fault.InvalidField("reservation.exempt", len(r.Exempt), "must be one for each recipient, or none")
	case r.Missed != 0 && len(r.Recipients) != 1:
		return nil, fault.InvalidField("reservation.missed", r.Missed, "one slot can be instead of it")
	case r.Limits.RecipientsPerDay < 0:
		return nil, bad("limits.recipients_per_day", r.Limits.RecipientsPerDay)
	case r.Mailboxes != nil && len(r.Mailboxes) != len(r.Recipients):
		return nil, fault.InvalidField("reservation.mailboxes", len(r.Mailboxes), "must be one for each recipient, or none")
	}
	for _, m := range r.Mailboxes {
		if !finite(m.PerSecond) || m.RecipientsPerDay < 0 {
			return nil, bad("mailboxes", m)
		}
	}
	if r.MaxAhead <= 0 {
		r.MaxAhead = DefaultMaxAhead
	}
	most := MaxMaxAhead
	if r.AccountPerSecond > 0 {
		most = DefaultMaxAhead // which ALOST of the script is
	}
	r.MaxAhead = min(r.MaxAhead, most)
	if r.MaxGap <= 0 {
		r.MaxGap = DefaultMaxGap
	}
	checked := &reservation{Reservation: r, burst: max(1, r.Limits.Burst), recipientBurst: max(1, r.Limits.RecipientBurst)}
	checked.group()
	return checked, nil
}

// group finds out which mailbox providers there are.
func (r *reservation) group() {
	numbers := map[string]int{}
	for i, m := range r.Mailboxes {
		if m.Name == "" {
			continue
		}
		if r.groupOf == nil {
			r.groupOf = make([]int, len(r.Mailboxes))
		}
		if numbers[m.Name] == 0 {
			r.groups = append(r.groups, m)
			numbers[m.Name] = len(r.groups)
		}
		r.groupOf[i] = numbers[m.Name]
	}
}

func (r *reservation) unlimited() bool {
	return r.Limits.PerSecond == 0 && r.CampaignPerSecond == 0 && r.AccountPerSecond == 0 && r.Limits.PerRecipient == 0 && r.Limits.RecipientsPerDay == 0 &&
		len(r.groups) == 0
}

func (r *reservation) channel() Channel { return Channel{AccountID: r.AccountID, ID: r.ChannelID} }

// counted is an item's recipient among those of a day; empty if it is not.
func (r *reservation) counted(item int) string {
	if len(r.Exempt) > 0 && r.Exempt[item] {
		return ""
	}
	return r.Recipients[item]
}

// dayOf is whose recipients of a day a channel's are.
func dayOf(c Channel, pool string) Channel {
	if pool == "" {
		return c
	}
	return Channel{AccountID: c.AccountID, pool: pool}
}
