package sandbox

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"carillon/internal/clock"
)

// Bounds of the receipts that wait.
const (
	// maxPending is how many may wait; above it the earliest are reported before
	// their time, because holding up messages would be worse. Twice as many make
	// Send wait for the receiver.
	maxPending = 65536
	// batch is the most that is handed over at once.
	batch = 1000
	// retryEvery is the pause after the receiver refused a batch.
	retryEvery = 250 * time.Millisecond
)

// planned is something that comes of a message: how long after acceptance, and what it is
// at its time.
type planned[T any] struct {
	after time.Duration
	make  func(at time.Time) T
}

// mailbag holds what comes of messages, receipts or replies, until it is due and hands it
// over in batches from one goroutine. A nil mailbag takes nothing.
type mailbag[T any] struct {
	clock   clock.Clock
	receive func(ctx context.Context, list []T) error
	room    chan struct{} // told when room may have become free
	wake    chan struct{} // told when there may be something to do
	closing chan struct{}
	done    chan struct{}
	once    sync.Once

	mu       sync.Mutex
	pending  queue[T]
	reserved int
	serial   uint64
	failed   error // why the last batch at closing was refused
}

func newMailbag[T any](c clock.Clock, receive func(context.Context, []T) error) *mailbag[T] {
	b := &mailbag[T]{
		clock: c, receive: receive, room: make(chan struct{}, 1), wake: make(chan struct{}, 1),
		closing: make(chan struct{}), done: make(chan struct{}),
	}
	go b.run()
	return b
}

// reserve makes room for n receipts, waiting until the receiver has taken some
// if there is none.
func (b *mailbag[T]) reserve(ctx context.Context, n int) error {
	if b == nil || n == 0 {
		return nil
	}
	for {
		b.mu.Lock()
		if b.pending.Len()+b.reserved+n <= 2*maxPending {
			b.reserved += n
			more := b.pending.Len()+b.reserved < 2*maxPending
			b.mu.Unlock()
			if more {
				signal(b.room) // pass it on to whoever waits beside us
			}
			return nil
		}
		b.mu.Unlock()
		select {
		case <-b.room:
		case <-ctx.Done():
			return ctx.Err()
		case <-b.closing:
			return errors.New("the channel is closing")
		}
	}
}

// release gives reserved room back.
func (b *mailbag[T]) release(n int) {
	if b == nil || n == 0 {
		return
	}
	b.mu.Lock()
	b.reserved -= n
	b.mu.Unlock()
	signal(b.room)
}

// post adds receipts to reserved room.
func (b *mailbag[T]) post(list []planned[T]) {
	if b == nil || len(list) == 0 {
		return
	}
	now := b.clock.Now()
	b.mu.Lock()
	b.reserved -= len(list)
	for _, e := range list {
		b.serial++
		at := now.Add(e.after)
		heap.Push(&b.pending, entry[T]{serial: b.serial, at: at, what: e.make(at)})
	}
	b.mu.Unlock()
	signal(b.wake)
}

// close reports what waits, at once, and returns when the goroutine is gone.
func (b *mailbag[T]) close() error {
	if b == nil {
		return nil
	}
	b.once.Do(func() { close(b.closing) })
	<-b.done
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := b.pending.Len(); n > 0 {
		return fmt.Errorf("hand over: %d were not taken: %w", n, b.failed)
	}
	return nil
}

func (b *mailbag[T]) run() {
	defer close(b.done)
	for {
		wait, some, refused := b.report(false)
		var next <-chan time.Time
		if some {
			next = b.clock.After(wait)
		}
		wake := b.wake
		if refused {
			wake = nil // what comes meanwhile must not hurry the receiver
		}
		select {
		case <-wake:
		case <-next:
		case <-b.closing:
			b.report(true)
			return
		}
	}
}

// report hands over what is due, or everything, and says how long until more
// is, and whether the receiver refused.
func (b *mailbag[T]) report(everything bool) (wait time.Duration, some, refused bool) {
	for {
		due, wait, some := b.take(everything)
		if len(due) == 0 {
			return wait, some, false
		}
		list := make([]T, len(due))
		for i, e := range due {
			list[i] = e.what
		}
		if err := b.receive(context.Background(), list); err != nil {
			b.putBack(due, err)
			return retryEvery, true, true
		}
		signal(b.room)
	}
}

// take removes a batch of what is due, or is over the bound.
func (b *mailbag[T]) take(everything bool) (due []entry[T], wait time.Duration, some bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock.Now()
	for len(due) < batch && b.pending.Len() > 0 {
		first := b.pending[0]
		if wait := first.at.Sub(now); wait > 0 && !everything && b.pending.Len() <= maxPending {
			return due, wait, true
		}
		due = append(due, heap.Pop(&b.pending).(entry[T]))
	}
	return due, 0, b.pending.Len() > 0
}

func (b *mailbag[T]) putBack(due []entry[T], why error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed = why
	for _, e := range due {
		b.serial++
		e.serial = b.serial
		heap.Push(&b.pending, e)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// entry orders what is due at the same time by its arrival.
type entry[T any] struct {
	what   T
	at     time.Time
	serial uint64
}

// queue is a heap of entries, the earliest first.
type queue[T any] []entry[T]

// Len is how many wait.
func (q queue[T]) Len() int { return len(q) }

// Less orders by time, then by arrival.
func (q queue[T]) Less(i, j int) bool {
	if c := q[i].at.Compare(q[j].at); c != 0 {
		return c < 0
	}
	return q[i].serial < q[j].serial
}

// Swap is for container/heap.
func (q queue[T]) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push is for container/heap.
func (q *queue[T]) Push(x any) { *q = append(*q, x.(entry[T])) }

// Pop is for container/heap.
func (q *queue[T]) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}
