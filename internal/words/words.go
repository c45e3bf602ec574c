// Package words owns the grammar of sentences with numbers in them. It must not
// know what is counted.
package words

import (
	"fmt"
	"time"
)

// Count is a number with its noun: "1 message", "0 messages".
func Count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Was is "was" for one and "were" for any other number.
func Was(n int64) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

// Is is "is" for one and "are" for any other number.
func Is(n int64) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// Duration is a duration in one unit, rounded down: "90 seconds", "2 hours", "3 days".
func Duration(d time.Duration) string {
	for _, unit := range []struct {
		size time.Duration
		noun string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if d >= 2*unit.size || d == unit.size {
			return Count(int64(d/unit.size), unit.noun)
		}
	}
	return Count(int64(d/time.Second), "second")
}
