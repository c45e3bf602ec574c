package campaigns

import (
	"time"

	"carillon/campaigns/hours"
	"carillon/internal/fault"
)

// Delivery says when, once a campaign has fired, each of its recipients has a turn.
// The zero value means as soon as there is room. Timing is what it comes to.
type Delivery struct {
	// RecipientTime has the time of the schedule mean the clock of each recipient.
	RecipientTime bool `json:"recipient_time,omitempty" doc:"The time of the schedule is meant on each recipient's own clock: the campaign fires when the first zone on earth shows it, and goes out in waves until the last has. Who has no zone has the campaign's."`
	// Hours are when it may be sent to somebody, on their own clock; nil for always.
	Hours *hours.Hours `json:"hours,omitempty" doc:"When it may be sent to somebody, on their own clock; what comes outside of them waits for the next time within."`
	// SpreadOver is a duration such as 2h over which recipients are spread evenly.
	SpreadOver string `json:"spread_over,omitempty" doc:"Duration such as 2h, at most 168h: instead of all at once, recipients have their turns evenly over so long." example:"2h"`
	// ExpiresAfter is a duration after which who still waits is skipped.
	ExpiresAfter string `json:"expires_after,omitempty" doc:"Duration such as 12h, at most 720h: who has not been sent to so long after the time that was meant for them is skipped (expired)." example:"12h"`
}

const (
	// maxSpread keeps a campaign's turns within a week.
	maxSpread = 7 * 24 * time.Hour
	// maxExpiry is a month, after which nothing waits anyway.
	maxExpiry = 30 * 24 * time.Hour
)

// Check names what is wrong in it, by the fields of a schedule.
func (d Delivery) Check() error {
	spread, wrong := durationOf("schedule.spread_over", d.SpreadOver, maxSpread)
	expires, more := durationOf("schedule.expires_after", d.ExpiresAfter, maxExpiry)
	wrong = append(wrong, more...)
	if len(wrong) == 0 && spread > 0 && expires > 0 && spread >= expires {
		wrong = append(wrong, fault.Field{Location: "schedule.spread_over", Value: d.SpreadOver,
			Message: "must be shorter than expires_after (" + d.ExpiresAfter + "), or the last recipients would always be skipped"})
	}
	if d.Hours != nil {
		if _, err := hours.Compile("schedule.hours", *d.Hours); err != nil {
			if wrong, err = fault.Gather(wrong, err); err != nil {
				return err
			}
		}
	}
	return fault.InvalidFields(wrong)
}

// durationOf reads a duration of whole milliseconds, from 1s to most; none is 0.
func durationOf(location, text string, most time.Duration) (time.Duration, []fault.Field) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second || d > most {
		return 0, []fault.Field{{Location: location, Value: text, Message: "not a duration from 1s to " + most.String() + ": write one such as 2h or 90m"}}
	}
	return d.Truncate(time.Millisecond), nil
}
