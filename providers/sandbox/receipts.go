package sandbox

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"carillon/internal/clock"
	"carillon/providers"
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

// planned is a receipt and how long after acceptance it is to be reported.
type planned struct {
	after  time.Duration
	id     int64
	status providers.ReceiptStatus
}

// plan is the receipts that a message gets if it is accepted.
func (p *Provider) plan(m providers.Message) []planned {
	if p.receipts == nil {
		return nil
	}
	delay := time.Duration(p.config.ReceiptDelayMS) * time.Millisecond
	read := p.draw(m, "read", "") < p.config.ReadRate
	receipts := []planned{{delay, m.ID, providers.ReceiptDelivered}}
	if read {
		receipts = append(receipts, planned{2 * delay, m.ID, providers.ReceiptRead})
	}
	if p.config.Receipts != "chaotic" {
		return receipts
	}
	// Chaos: each is late by up to four times the delay, half of them come
	// twice, and read comes before delivered where chance or order has it so.
	for i := range receipts {
		salt := strconv.Itoa(i)
		receipts[i].after = time.Duration(float64(delay) * (1 + 4*p.draw(m, "late", salt)))
		if p.draw(m, "twice", salt) < 0.5 {
			again := receipts[i]
			again.after = time.Duration(float64(delay) * (1 + 4*p.draw(m, "late again", salt)))
			receipts = append(receipts, again)
		}
	}
	if p.draw(m, "order", "") < 0.5 {
		for i, j := 0, len(receipts)-1; i < j; i, j = i+1, j-1 {
			receipts[i], receipts[j] = receipts[j], receipts[i]
		}
	}
	return receipts
}

// mailbag holds receipts until they are due and hands them over in batches from
// one goroutine.
type mailbag struct {
	clock   clock.Clock
	receive func(ctx context.Context, receipts []providers.Receipt) error
	room    chan struct{} // told when room may have become free
	wake    chan struct{} // told when there may be something to do
	closing chan struct{}
	done    chan struct{}
	once    sync.Once

	mu       sync.Mutex
	pending  queue
	reserved int
	serial   uint64
	failed   error // why the last batch at closing was refused
}

func newMailbag(c clock.Clock, receive func(context.Context, []providers.Receipt) error) *mailbag {
	b := &mailbag{
		clock: c, receive: receive, room: make(chan struct{}, 1), wake: make(chan struct{}, 1),
		closing: make(chan struct{}), done: make(chan struct{}),
	}
	go b.run()
	return b
}

// reserve makes room for n receipts, waiting until the receiver has taken some
// if there is none.
func (b *mailbag) reserve(ctx context.Context, n int) error {
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
func (b *mailbag) release(n int) {
	b.mu.Lock()
	b.reserved -= n
	b.mu.Unlock()
	signal(b.room)
}

// post adds receipts to reserved room.
func (b *mailbag) post(receipts []planned) {
	now := b.clock.Now()
	b.mu.Lock()
	b.reserved -= len(receipts)
	for _, e := range receipts {
		b.serial++
		heap.Push(&b.pending, entry{serial: b.serial, receipt: providers.Receipt{
			MessageID: e.id, Status: e.status, At: now.Add(e.after),
		}})
	}
	b.mu.Unlock()
	signal(b.wake)
}

// close reports what waits, at once, and returns when the goroutine is gone.
func (b *mailbag) close() error {
	b.once.Do(func() { close(b.closing) })
	<-b.done
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := b.pending.Len(); n > 0 {
		return fmt.Errorf("report receipts: %d were not taken: %w", n, b.failed)
	}
	return nil
}

func (b *mailbag) run() {
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
func (b *mailbag) report(everything bool) (wait time.Duration, some, refused bool) {
	for {
		receipts, wait, some := b.take(everything)
		if len(receipts) == 0 {
			return wait, some, false
		}
		if err := b.receive(context.Background(), receipts); err != nil {
			b.putBack(receipts, err)
			return retryEvery, true, true
		}
		signal(b.room)
	}
}

// take removes a batch of what is due, or is over the bound.
func (b *mailbag) take(everything bool) (receipts []providers.Receipt, wait time.Duration, some bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock.Now()
	for len(receipts) < batch && b.pending.Len() > 0 {
		first := b.pending[0]
		if wait := first.receipt.At.Sub(now); wait > 0 && !everything && b.pending.Len() <= maxPending {
			return receipts, wait, true
		}
		receipts = append(receipts, heap.Pop(&b.pending).(entry).receipt)
	}
	return receipts, 0, b.pending.Len() > 0
}

func (b *mailbag) putBack(receipts []providers.Receipt, why error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed = why
	for _, e := range receipts {
		b.serial++
		heap.Push(&b.pending, entry{serial: b.serial, receipt: e})
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// entry orders receipts that are due at the same time by their arrival.
type entry struct {
	receipt providers.Receipt
	serial  uint64
}

// queue is a heap of receipts, the earliest first.
type queue []entry

// Len is the number of receipts that wait.
func (q queue) Len() int { return len(q) }

// Less orders by time, then by arrival.
func (q queue) Less(i, j int) bool {
	if c := q[i].receipt.At.Compare(q[j].receipt.At); c != 0 {
		return c < 0
	}
	return q[i].serial < q[j].serial
}

// Swap is for container/heap.
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push is for container/heap.
func (q *queue) Push(x any) { *q = append(*q, x.(entry)) }

// Pop is for container/heap.
func (q *queue) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}
