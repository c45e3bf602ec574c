package providers

import (
	"fmt"
	"maps"
	"slices"

	"carillon/internal/fault"
	"carillon/providers/mailbox"
)

// Mailboxes are limits for the recipients whose mailboxes are at one provider, by its name (see
// providers/mailbox); those of mailbox.Default are each provider's that has none of its own.
type Mailboxes map[string]MailboxLimits

// MailboxLimits bound what goes to one mailbox provider. Zero means no limit.
type MailboxLimits struct {
	PerSecond        float64 `json:"per_second,omitempty" minimum:"0" maximum:"100000" doc:"Most messages to it in any sliding second, over all workers; 0 sets no limit. Fractions are allowed: 0.5 is one message every two seconds."`
	RecipientsPerDay int     `json:"recipients_per_day,omitempty" minimum:"0" maximum:"100000000" doc:"Most different addresses at it in a moving 24 hours."`
	// WarmUp has the most different addresses of a day begin low and grow; the default has none.
	WarmUp WarmUp `json:"warm_up,omitzero" required:"false" doc:"For a sender that it does not know yet: a limit on its different addresses of a day that begins low and grows. Not of default."`
}

// mostMailboxes bounds the mailbox providers that have limits of their own on a channel.
const mostMailboxes = 100

// Of are the limits for a mailbox provider; false if there are none.
func (m Mailboxes) Of(name string) (MailboxLimits, bool) {
	if limits, own := m[name]; own || len(m) == 0 || name == "" {
		return limits, own
	}
	limits, others := m[mailbox.Default]
	return limits, others
}

// Check names what is wrong in them, by the fields of limits; address is what the channel
// delivers to.
func (m Mailboxes) Check(address AddressKind) (wrong []fault.Field) {
	const location = "limits.mailboxes"
	add := func(at string, value any, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: at, Value: value, Message: fmt.Sprintf(format, args...)})
	}
	switch {
	case len(m) == 0:
		return nil
	case address != Email:
		add(location, string(address), "are for channels that deliver to e-mail addresses; this one delivers to %s: leave it out", address)
		return wrong
	case len(m) > mostMailboxes:
		add(location, len(m), "may name %d mailbox providers at most", mostMailboxes)
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		at, limits := location+"."+name, m[name]
		if named, err := fault.Gather(nil, mailbox.CheckName(at, name)); err == nil {
			wrong = append(wrong, named...)
		}
		if !(limits.PerSecond >= 0 && limits.PerSecond <= 100_000) {
			add(at+".per_second", limits.PerSecond, "must be from 0, which sets no limit, to 100000")
		}
		if limits.RecipientsPerDay < 0 || limits.RecipientsPerDay > maxWarmUp {
			add(at+".recipients_per_day", limits.RecipientsPerDay, "must be from 0, which sets no limit, to %d", maxWarmUp)
		}
		if name == mailbox.Default && limits.WarmUp.On() {
			add(at+".warm_up", nil, "a warm-up is of one mailbox provider: give it to those that matter, such as google, or warm the whole channel up by limits.warm_up")
		} else {
			wrong = append(wrong, limits.WarmUp.Check(at+".warm_up.")...)
		}
	}
	return wrong
}

// bounded are the limits that hold now: warm-ups lower those of the day.
func (m Mailboxes) bounded(at map[string]Warmth) Mailboxes {
	bounded := maps.Clone(m)
	for name, limits := range m {
		if !limits.WarmUp.On() {
			continue
		}
		allowance := limits.WarmUp.First
		if known, begun := at[name]; begun {
			allowance = known.Allowance
		}
		if limits.RecipientsPerDay == 0 || allowance < limits.RecipientsPerDay {
			limits.RecipientsPerDay = allowance
		}
		bounded[name] = limits
	}
	return bounded
}
