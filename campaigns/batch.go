package campaigns

import (
	"time"

	"carillon/internal/fault"
)

// Batch has a run go out in batches with pauses. The zero value is none.
type Batch struct {
	// Size is how many messages a batch has at most.
	Size int `json:"size" minimum:"1" maximum:"10000000" doc:"Most messages of a batch." example:"500"`
	// Every is a duration such as 10m, from the begin of a batch to that of the next.
	Every string `json:"every" doc:"Duration such as 10m, from 1s to 168h: from the begin of a batch to that of the next." example:"10m"`
}

const (
	maxBatch      = 10_000_000
	maxBatchEvery = 7 * 24 * time.Hour
)

// On reports whether there are batches.
func (b Batch) On() bool { return b != Batch{} }

// Check names what is wrong in it, by the fields of throttle.
func (b Batch) Check() (wrong []fault.Field) {
	if !b.On() {
		return nil
	}
	if b.Size < 1 || b.Size > maxBatch {
		wrong = append(wrong, fault.Field{Location: "throttle.batch.size", Value: b.Size, Message: "must be from 1 to 10000000: how many go out at once"})
	}
	if b.Every == "" {
		return append(wrong, fault.Field{Location: "throttle.batch.every", Message: "is missing: a duration such as 10m, from one batch to the next"})
	}
	_, more := durationOf("throttle.batch.every", b.Every, maxBatchEvery)
	return append(wrong, more...)
}

// Period is Every.
func (b Batch) Period() time.Duration {
	d, _ := durationOf("", b.Every, maxBatchEvery)
	return d
}

// Batching is where the batches of a run stand; the zero value is before the first.
type Batching struct {
	// Left is how many messages the present batch may still have.
	Left int
	// Next is from when on the next one may begin.
	Next time.Time
}

// Room is how many messages may go at an instant.
func (b Batch) Room(at Batching, now time.Time) int {
	if !now.Before(at.Next) {
		return b.Size
	}
	return min(at.Left, b.Size)
}

// Take is where the batches stand when so many of the room have gone at an instant: a
// batch begins with its first message.
func (b Batch) Take(at Batching, n int, now time.Time) Batching {
	if n > 0 && !now.Before(at.Next) {
		at = Batching{Left: b.Size, Next: now.Add(b.Period())}
	}
	at.Left = max(0, at.Left-n)
	return at
}

// takes is how long n messages take at least.
func (b Batch) takes(n int64) time.Duration {
	if !b.On() || n <= 0 {
		return 0
	}
	return time.Duration(min(float64((n-1)/int64(b.Size))*float64(b.Period()), longest))
}
