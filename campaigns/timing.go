package campaigns

import (
	"time"

	"carillon/campaigns/hours"
	"carillon/internal/zone"
	"carillon/messages"
	"carillon/providers"
)

// Timing says when each recipient of a run has their turn. It is the one place that
// says in which order things apply:
//
//  1. The time that is meant for somebody: the run's instant, or with recipient_time
//     the same wall-clock time in their own zone.
//  2. Hours, those of the campaign, of its channel and of its account together: the
//     first instant, not before that, which is within them on the recipient's clock.
//  3. spread_over: later by the contact's share of the span.
//  4. expires_after, which counts from 1: who still waits then is due, to be skipped.
//
// This is planned. What 3 moves out of the hours, and whatever is late or tried again,
// is held against them once more by a gate just before it goes out, and waits for the
// first instant that is within them from then on.
//
// Who has no zone, or one that is not known, has the campaign's. Timings can be
// compared: two that are equal say the same.
type Timing struct {
	instant time.Time
	// wall is the wall-clock time that is meant, as if it were in UTC; zero where the
	// instant is meant.
	wall time.Time
	home *time.Location
	rule hours.Rule
	// closed says that hours leave nothing, which is refused when they are set: then
	// nothing may go until they are changed.
	closed          bool
	spread, expires time.Duration
}

// Quieting is what a channel and an account say of hours.
type Quieting struct {
	Channel, Account *providers.QuietHours
}

// quietOf turns what is kept of quiet hours into hours.
func quietOf(q *providers.QuietHours) (list []hours.Hours) {
	if q != nil {
		list = append(list, hours.Quiet(q.From, q.To))
	}
	return list
}

// All are the hours of a schedule, a channel and an account.
func (q Quieting) All(of *hours.Hours) (list []hours.Hours) {
	if of != nil {
		list = append(list, *of)
	}
	return append(append(list, quietOf(q.Channel)...), quietOf(q.Account)...)
}

// NewTiming is the timing of a run that was fired for an instant. defaultZone stands
// in for a zone that the schedule does not name.
func NewTiming(s Schedule, instant time.Time, defaultZone string, quiet Quieting) Timing {
	t := Timing{instant: instant.UTC(), home: s.home(defaultZone)}
	var err error
	t.rule, err = hours.Compile("schedule.hours", quiet.All(s.Hours)...)
	t.closed = err != nil
	t.spread, _ = durationOf("", s.SpreadOver, maxSpread)
	t.expires, _ = durationOf("", s.ExpiresAfter, maxExpiry)
	if s.RecipientTime {
		t.wall = s.wall(t.instant, t.home)
	}
	return t
}

// home is the campaign's zone.
func (s Schedule) home(defaultZone string) *time.Location {
	for _, name := range []string{s.Timezone, defaultZone} {
		if location, ok := zone.Known(name); ok {
			return location
		}
	}
	return time.UTC
}

// farthestEast is the zone in which every wall-clock time is shown first.
var farthestEast = time.FixedZone("UTC+14", 14*60*60)

// Fires is when a run has to begin for a time of its schedule: with recipient_time
// when the first zone on earth shows it, so that nobody's comes before.
func (s Schedule) Fires(at time.Time, defaultZone string) time.Time {
	if !s.RecipientTime {
		return at
	}
	return zone.Resolve(at.In(s.home(defaultZone)), farthestEast)
}

// stillThat is by how much later than an instant runs may stand that correct the one that
// was fired for it: two are never of the same millisecond.
const stillThat = time.Second

// wall is the wall-clock time that a run of an instant is about: that of the
// schedule's time if it was fired for this, and else what the campaign's clock
// showed then.
func (s Schedule) wall(instant time.Time, home *time.Location) time.Time {
	if at, ok, err := s.Instant(home.String()); err == nil && ok {
		if late := instant.Sub(s.Fires(at, home.String())); late >= 0 && late < stillThat {
			instant = at
		}
	}
	w := instant.In(home)
	return time.Date(w.Year(), w.Month(), w.Day(), w.Hour(), w.Minute(), w.Second(), w.Nanosecond(), time.UTC)
}

// Plain reports whether everybody has their turn as soon as there is room, and nothing
// is to be asked of their clocks.
func (t *Timing) Plain() bool { return t.wall.IsZero() && t.spread == 0 && !t.Gated() }

// Gated reports whether a gate has to look at what is fed: there are hours, or it
// expires.
func (t *Timing) Gated() bool { return t.rule.Bounded() || t.closed || t.expires > 0 }

// ByRecipientTime reports whether the run goes in waves.
func (t *Timing) ByRecipientTime() bool { return !t.wall.IsZero() }

// Zone is the zone of a contact, by what is kept of it.
func (t *Timing) Zone(name string) *time.Location {
	if location, ok := zone.Known(name); ok {
		return location
	}
	return t.home
}

// Meant is the time that is meant for somebody, whatever the hours.
func (t *Timing) Meant(at *time.Location) time.Time {
	if t.wall.IsZero() {
		return t.instant
	}
	return zone.Resolve(t.wall, at)
}

// Turn is when somebody has a turn, before the run is spread, and why that is later than
// the time that is meant for them; empty if it is not.
type Turn struct {
	Due    time.Time
	Reason string
}

// Turn is that of the recipients of a zone.
func (t *Timing) Turn(at *time.Location) Turn {
	meant := t.Meant(at)
	turn := Turn{Due: t.Next(meant, at)}
	if turn.Due.After(meant) {
		turn.Reason = messages.ReasonHours
	}
	return turn
}

// whileClosed is how soon one looks again where hours leave nothing.
const whileClosed = time.Hour

// Next is the first instant, not before due, at which a message to somebody in a zone
// may go, or is to be skipped because it expires.
func (t *Timing) Next(due time.Time, at *time.Location) time.Time {
	next := t.rule.Next(due, at)
	if t.closed {
		next = due.Add(whileClosed)
	}
	if expiry, ends := t.Expires(at); ends && expiry.Before(next) && !expiry.Before(due) {
		return expiry
	}
	return next
}

// Expires is from when on nobody of a zone is sent to any more.
func (t *Timing) Expires(at *time.Location) (expiry time.Time, ends bool) {
	if t.expires == 0 {
		return time.Time{}, false
	}
	return t.Meant(at).Add(t.expires), true
}

// Changes is the first instant after now at which it may be another question for
// somebody, of those whose zones are named, whether they may be sent to.
func (t *Timing) Changes(now time.Time, names []string) (first time.Time, ok bool) {
	consider := func(at time.Time) {
		if at.After(now) && (!ok || at.Before(first)) {
			first, ok = at, true
		}
	}
	for _, name := range append([]string{""}, names...) {
		at := t.Zone(name)
		if closes, closing := t.rule.Closes(now, at); closing {
			consider(closes)
		}
		if expiry, ends := t.Expires(at); ends {
			consider(expiry)
		}
	}
	return first, ok
}

// Spread is the span over which recipients are spread; 0 for none.
func (t *Timing) Spread() time.Duration { return t.spread }

// What makes a contact's share of a span of its id: a multiplication that reaches
// every number below the modulus once, and spaces ids that follow each other evenly.
// Products stay below 2^62 on both databases and here.
const (
	SpreadModulus    = 1 << 31
	SpreadMultiplier = 1327217885 // the golden section of the modulus, odd
)

// Share is by how much a contact's turn comes later.
func (t *Timing) Share(contactID int64) time.Duration {
	hash := contactID % SpreadModulus * SpreadMultiplier % SpreadModulus
	return time.Duration(hash*t.spread.Milliseconds()/SpreadModulus) * time.Millisecond
}
