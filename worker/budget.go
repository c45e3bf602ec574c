package worker

import (
	"math"
	"sync"
	"time"
)

// What is claimed and not yet recorded is of three parts: claims ahead of the
// requests, requests under way at the provider (limits.concurrency), and outcomes
// on their way to the store. The first and the last are as many as go by while a
// claim and a record are committed, which is Little's law: rate times time. Few at
// 80 a second, hundreds at 15,000.
const (
	// leastAhead lets a channel begin before its rate is known.
	leastAhead = 8
	// mostAhead bounds what a worker that is lost with its machine leaves in doubt
	// beside limits.concurrency.
	mostAhead = 512
	// aheadMargin is how much more than the average is let in, because commits vary.
	aheadMargin = 2
	// paceInterval is how often the rate is looked at.
	paceInterval = 100 * time.Millisecond
)

// budget is a semaphore whose size may change: it hands out as many as there are,
// at least one.
type budget struct {
	mu        sync.Mutex
	size, out int
	// freed is closed when there may be more than there were.
	freed chan struct{}
}

func newBudget(size int) *budget { return &budget{size: size, freed: make(chan struct{})} }

// acquire waits for one and takes up to n; 0 if stop is closed first.
func (b *budget) acquire(stop <-chan struct{}, n int) int {
	for {
		b.mu.Lock()
		got, freed := b.take(n), b.freed
		b.mu.Unlock()
		if got > 0 {
			return got
		}
		select {
		case <-freed:
		case <-stop:
			return 0
		}
	}
}

// more takes up to n of what is free.
func (b *budget) more(n int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.take(n)
}

func (b *budget) take(n int) int {
	got := max(0, min(n, b.size-b.out))
	b.out += got
	return got
}

func (b *budget) release(n int) {
	if n == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.out -= n
	b.tell()
}

// resize changes how many there are. Those that are out beyond that come back one
// by one.
func (b *budget) resize(size int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if size != b.size {
		b.size = size
		b.tell()
	}
}

// tell wakes whoever waits, if there is something for them.
func (b *budget) tell() {
	if b.out < b.size {
		close(b.freed)
		b.freed = make(chan struct{})
	}
}

// all is how many there are at the moment.
func (b *budget) all() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.size
}

// free is how many of them are not out.
func (b *budget) free() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.size - b.out
}

// pace is how fast a channel's messages are recorded.
type pace struct {
	mu    sync.Mutex
	since time.Time
	count int
	rate  float64 // a second
}

// add counts messages that were recorded, and says once in a while what the rate is.
func (p *pace) add(now time.Time, n int) (rate float64, news bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.since.IsZero() {
		p.since = now
	}
	p.count += n
	took := now.Sub(p.since)
	if took < paceInterval {
		return p.rate, false
	}
	latest := float64(p.count) / took.Seconds()
	// It follows at once upwards, and slowly down: a pause is no lower rate.
	p.rate = max(latest, p.rate*0.9)
	p.since, p.count = now, 0
	return p.rate, true
}

// aheadFor is how many messages to have claimed or answered beside those at the
// provider, at a rate and with commits that take so long together.
func aheadFor(rate float64, commits time.Duration) int {
	return int(min(mostAhead, max(leastAhead, math.Ceil(aheadMargin*rate*commits.Seconds()))))
}
