package campaigns

import (
	"math"
	"time"

	"carillon/internal/fault"
)

// Batch has a run go out in batches with pauses. The zero value is none.
type Batch struct {
	// Size is how many messages a batch has at most.
	Size int `json:"size" minimum:"1" maximum:"10000000" doc:"Most messages of a batch." example:"500"`
	// Every is a duration such as 10m, from the begin of a batch to that of the next.
	Every string `json:"every" doc:"Duration such as 10m, from 1s to 168h: from the begin of a batch to that of the next." example:"10m"`
	// Growth is how many times as large as the one before each batch is: above 1 it is a
	// ramp. 0 is 1.
	Growth float64 `json:"growth,omitempty" minimum:"0" maximum:"10" doc:"How many times as large as the one before each batch is, from 1.05 to 10, for a ramp; 1, if absent, has all alike." example:"1.5"`
}

const (
	maxBatch      = 10_000_000
	maxBatchEvery = 7 * 24 * time.Hour
	// leastGrowth is the slowest ramp: one that is slower is none that anybody notices.
	leastGrowth = 1.05
	maxGrowth   = 10
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
	if b.Growth != 0 && b.Growth != 1 && !(b.Growth >= leastGrowth && b.Growth <= maxGrowth) {
		wrong = append(wrong, fault.Field{Location: "throttle.batch.growth", Value: b.Growth,
			Message: "must be from 1.05 to 10, how many times as large as the one before each batch is, or 1 for all alike"})
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

// SizeOf is how many messages the nth batch has at most, from the first on.
func (b Batch) SizeOf(n int) int {
	if b.Growth <= 1 {
		return b.Size
	}
	return int(min(float64(b.Size)*math.Pow(b.Growth, float64(max(0, n-1))), maxBatch))
}

// Batching is where the batches of a run stand; the zero value is before the first.
type Batching struct {
	// Begun is how many have begun.
	Begun int
	// Left is how many messages the present batch may still have.
	Left int
	// Next is from when on the next one may begin.
	Next time.Time
}

// Room is how many messages may go at an instant.
func (b Batch) Room(at Batching, now time.Time) int {
	if !now.Before(at.Next) {
		return b.SizeOf(at.Begun + 1)
	}
	return min(at.Left, b.SizeOf(at.Begun))
}

// Take is where the batches stand when so many of the room have gone at an instant: a
// batch begins with its first message.
func (b Batch) Take(at Batching, n int, now time.Time) Batching {
	if n > 0 && !now.Before(at.Next) {
		at = Batching{Begun: at.Begun + 1, Left: b.SizeOf(at.Begun + 1), Next: now.Add(b.Period())}
	}
	at.Left = max(0, at.Left-n)
	return at
}

// takes is how long n messages take at least after so many that went before them.
func (b Batch) takes(gone, n int64) time.Duration {
	if !b.On() || n <= 0 {
		return 0
	}
	return time.Duration(min(float64(b.batches(gone+n)-max(1, b.batches(gone)))*float64(b.Period()), longest))
}

// batches is how many batches so many messages are.
func (b Batch) batches(n int64) (batches int64) {
	for size := int64(0); n > 0 && size < maxBatch && b.Growth > 1; batches++ {
		size = int64(b.SizeOf(int(batches) + 1))
		n -= size
	}
	if size := int64(b.SizeOf(int(batches) + 1)); n > 0 {
		batches += (n + size - 1) / size
	}
	return batches
}
