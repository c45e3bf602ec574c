package providers

import (
	"fmt"
	"math"
	"time"

	"carillon/internal/fault"
)

// WarmUp is how a sender that nobody knows yet becomes known: a limit on the recipients
// of a moving day that begins low and grows with each day on which it was made use of.
// The zero value is none.
type WarmUp struct {
	// First is the most recipients of the first day, Ceiling what it grows to, and stays.
	First   int `json:"first" minimum:"1" maximum:"100000000" doc:"Most different addresses on the first day." example:"200"`
	Ceiling int `json:"ceiling" minimum:"1" maximum:"100000000" doc:"Most different addresses a day that it grows to; it stays the limit until the warm-up is taken away." example:"50000"`
	// Factor is by how much a day's most grows; 0 is DefaultWarmUpFactor.
	Factor float64 `json:"factor,omitempty" minimum:"1.01" maximum:"10" doc:"By how much it grows from day to day; default 1.5." example:"1.5"`
}

const (
	// DefaultWarmUpFactor doubles the day's most in some two days, as mail services
	// advise for addresses without a history.
	DefaultWarmUpFactor = 1.5
	maxWarmUp           = 100_000_000
	warmUpDay           = 24 * time.Hour
)

// On reports whether there is one.
func (w WarmUp) On() bool { return w != WarmUp{} }

// Check names what is wrong in it, by its fields behind a location such as limits.warm_up.
func (w WarmUp) Check(location string) (wrong []fault.Field) {
	if !w.On() {
		return nil
	}
	add := func(name string, value any, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: location + name, Value: value, Message: fmt.Sprintf(format, args...)})
	}
	if w.First < 1 || w.First > maxWarmUp {
		add("first", w.First, "must be from 1 to %d: how many people may be written to on the first day", maxWarmUp)
	}
	if w.Ceiling < w.First || w.Ceiling > maxWarmUp {
		add("ceiling", w.Ceiling, "must be from first (%d) to %d: how many people a day it grows to", w.First, maxWarmUp)
	}
	if w.Factor != 0 && !(w.Factor >= 1.01 && w.Factor <= 10) {
		add("factor", w.Factor, "must be from 1.01 to 10: 1.5 makes 200 a day 300 the next")
	}
	return wrong
}

func (w WarmUp) factor() float64 {
	if w.Factor == 0 {
		return DefaultWarmUpFactor
	}
	return w.Factor
}

// Next is the most recipients of the day after one with so many: at least one more, to
// the ceiling.
func (w WarmUp) Next(allowance int) int {
	return min(w.Ceiling, max(allowance+1, int(math.Floor(float64(allowance)*w.factor()+1e-9))))
}

// Warmth is where a warm-up stands.
type Warmth struct {
	// Domain is the sender's; another one begins anew. It is empty where the provider
	// has none.
	Domain string `json:"domain,omitempty"`
	// Allowance is the most recipients of a moving day now.
	Allowance int `json:"allowance"`
	// Since is when the present day of the warm-up began; zero if nothing was sent yet.
	Since time.Time `json:"since,omitzero"`
	// Before is what had come of the channel's messages when the day began.
	Before Traffic `json:"before"`
	// Slowed says why the day's most was lowered, for people; empty once it grows.
	Slowed string `json:"slowed,omitempty"`
}

// Traffic is what came of a channel's messages, ever since it was made.
type Traffic struct {
	// Asked is how many the provider was asked to take, and Deferred how often it put
	// one off.
	Asked    int64 `json:"asked"`
	Deferred int64 `json:"deferred"`
	// Bounced and Complained count addresses that were suppressed for it.
	Bounced    int64 `json:"bounced"`
	Complained int64 `json:"complained"`
}

func (t Traffic) less(before Traffic) Traffic {
	return Traffic{
		Asked: max(0, t.Asked-before.Asked), Deferred: max(0, t.Deferred-before.Deferred),
		Bounced: max(0, t.Bounced-before.Bounced), Complained: max(0, t.Complained-before.Complained),
	}
}

// From when on a day's figures slow a warm-up.
const (
	// troubleLeast is how many have to be asked, or told of, for a share to say
	// something.
	troubleLeast = 50
	// mostBounced is the share of bounces at which Amazon SES puts a sender under
	// review; mostComplained that of complaints which Gmail asks bulk senders never to
	// reach, of two people at least.
	mostBounced     = 0.05
	mostComplained  = 0.003
	complainedLeast = 2
	// mostDeferred leaves room for greylisting, which puts off what it has never seen.
	mostDeferred = 0.25
)

// trouble says what of a day's traffic is too much; empty if nothing is.
func (t Traffic) trouble() string {
	if t.Asked < troubleLeast {
		return ""
	}
	share := func(n int64) float64 { return float64(n) / float64(t.Asked) }
	switch {
	case share(t.Bounced) > mostBounced:
		return fmt.Sprintf("%d of %d addresses bounced, more than %g %%", t.Bounced, t.Asked, 100*mostBounced)
	case t.Complained >= complainedLeast && share(t.Complained) > mostComplained:
		return fmt.Sprintf("%d of %d people complained, more than %g %%", t.Complained, t.Asked, 100*mostComplained)
	case share(t.Deferred) > mostDeferred:
		return fmt.Sprintf("the provider deferred %d of %d messages, more than %g %%", t.Deferred, t.Asked, 100*mostDeferred)
	}
	return ""
}

// Begin is a warm-up at its start, by what had come of the channel's messages until then.
func (w WarmUp) Begin(domain string, total Traffic) Warmth {
	return Warmth{Domain: domain, Allowance: w.First, Before: total}
}

// Adopt is where a changed plan stands: it goes on where the old one was, within its
// own bounds, and begins anew for another domain, or where there was none.
func (w WarmUp) Adopt(at *Warmth, domain string, total Traffic) Warmth {
	if at == nil || at.Domain != domain {
		return w.Begin(domain, total)
	}
	kept := *at
	kept.Allowance = min(max(kept.Allowance, w.First), w.Ceiling)
	return kept
}

// Step is where a warm-up stands at an instant, by what has come of the channel's
// messages until then. Trouble lowers the day's most at once, as far as First, and
// begins a day; a day of 24 hours ends in a higher one if half of what it allowed was
// used, and goes on until then if not: an idle sender does not become known.
func (w WarmUp) Step(at Warmth, total Traffic, now time.Time) Warmth {
	seen := total.less(at.Before)
	begin := func(allowance int, slowed string) Warmth {
		return Warmth{Domain: at.Domain, Allowance: allowance, Since: now, Before: total, Slowed: slowed}
	}
	switch why := seen.trouble(); {
	case seen.Asked == 0:
		return at
	case at.Since.IsZero():
		at.Since = now
		return at
	case why != "":
		return begin(max(w.First, int(float64(at.Allowance)/w.factor())), why)
	case now.Sub(at.Since) >= warmUpDay && 2*seen.Asked >= int64(at.Allowance) && at.Allowance < w.Ceiling:
		return begin(w.Next(at.Allowance), "")
	}
	return at
}

// GrowsAt is when the day's most grows at the earliest; zero if nobody knows yet, or it
// does no more.
func (w WarmUp) GrowsAt(at Warmth) time.Time {
	if at.Since.IsZero() || at.Allowance >= w.Ceiling {
		return time.Time{}
	}
	return at.Since.Add(warmUpDay)
}

// Takes is in how many days the last of n recipients has a turn, 0 for today, if each
// day is made full use of and nothing goes wrong.
func (w WarmUp) Takes(at Warmth, n int64) (days int64) {
	for allowance := at.Allowance; n > int64(allowance); days++ {
		n -= int64(allowance)
		if allowance == w.Ceiling {
			return days + 1 + (n-1)/int64(allowance)
		}
		allowance = w.Next(allowance)
	}
	return days
}

// Ahead are the most recipients of each day from the present one on, until the ceiling
// is reached, at most of so many days.
func (w WarmUp) Ahead(at Warmth, days int) (list []int) {
	for allowance := at.Allowance; len(list) < days; allowance = w.Next(allowance) {
		list = append(list, allowance)
		if allowance >= w.Ceiling {
			break
		}
	}
	return list
}
