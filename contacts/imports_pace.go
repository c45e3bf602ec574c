package contacts

import (
	"sync/atomic"
	"time"
)

// The bounds of a batch where the configuration fixes none. While a batch is
// written everybody else who writes waits; but where addresses are spread over
// a large index, a batch of twice the size costs far less than twice as much.
const (
	minBatchRecords = 5_000
	maxBatchRecords = 20_000
	// batchTime is how long a batch may take before the next is smaller.
	batchTime = 250 * time.Millisecond
	// batchBytes of the file end a batch whatever the number of records: memory
	// must not grow with the length of lines.
	batchBytes = 4 << 20
)

// pace chooses the size of batches. Who reads the file asks it, who writes
// tells it.
type pace struct {
	fixed   bool
	records atomic.Int64
}

func newPace(fixed int64) *pace {
	p := &pace{fixed: fixed > 0}
	p.records.Store(max(fixed, 0))
	if !p.fixed {
		p.records.Store(minBatchRecords)
	}
	return p
}

// next is how many records the next batch may have.
func (p *pace) next() int64 { return p.records.Load() }

// took says how long a batch of some records took.
func (p *pace) took(records int64, d time.Duration) {
	size := p.records.Load()
	if p.fixed || records < size/2 {
		return // the end of the file, or long lines: says nothing about the pace
	}
	fitting := int64(maxBatchRecords)
	if d > 0 {
		fitting = min(fitting, int64(float64(records)*float64(batchTime)/float64(d)))
	}
	p.records.Store(min(max(fitting, minBatchRecords), 2*size, maxBatchRecords))
}
