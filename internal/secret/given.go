package secret

import (
	"time"

	"carillon/internal/fault"
)

// LongestOverlap is the longest time for which a secret that was replaced is still taken.
const LongestOverlap = 30 * 24 * time.Hour

// Given is when a secret was set last, and by whom.
type Given struct {
	At time.Time `json:"at"`
	By string    `json:"by"`
}

// GivenAt is that somebody sets a secret now, to the millisecond, as times are kept.
func GivenAt(now time.Time, by string) Given {
	return Given{At: now.UTC().Truncate(time.Millisecond), By: by}
}

// Record says of secrets, by the names of their settings, when each was set last. One that was
// set before that was recorded is not in it.
type Record map[string]Given

// After is the record once secrets have changed: what is new or another was given now, what is
// gone is in it no more, and all else stays.
func (r Record) After(before, after map[string]String, now Given) Record {
	next := Record{}
	for name, value := range after {
		was, known := r[name]
		switch {
		case value.Empty():
		case !before[name].Equal(value.Reveal()):
			next[name] = now
		case known:
			next[name] = was
		}
	}
	return next
}

// CheckOverlap refuses a time for which nothing that was replaced is taken; the error is
// Invalid, of overlap_seconds.
func CheckOverlap(overlap time.Duration) error {
	if overlap >= 0 && overlap <= LongestOverlap {
		return nil
	}
	return fault.InvalidField("overlap_seconds", int64(overlap.Seconds()), "must be 0 to %d, which is 30 days", int64(LongestOverlap.Seconds()))
}
