// Package sink owns the far ends that tests, the crash suite and `carillon
// bench` send to: an SMTP and an HTTP receiver on loopback that count what
// arrives by Carillon's own message ids. They must not know the adapters: what
// they understand is what any receiver could.
package sink

import (
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"carillon/internal/clock"
)

// Options change what a receiver does. The zero value accepts everything, at
// once, and keeps nothing but a counter.
type Options struct {
	// Record keeps the arrival time and the number of copies of each message.
	// Memory then grows with their number; without it it is flat.
	Record bool
	// Answer decides what becomes of each message; nil accepts them all. n counts
	// the messages that were asked for from 1, id is Carillon's id, or 0 where the
	// message has none. It is called by many goroutines at once.
	Answer func(n, id int64) Answer
	// Delay is how long every answer to a message takes, as at a provider that is
	// far away or slow; zero answers at once. Connections wait side by side.
	Delay time.Duration
	// Seen is handed each message before it is answered. It is called by many
	// goroutines at once, and what it gets is its own.
	Seen func(Delivery)
	// Dialect is the API that the HTTP receiver speaks; nil takes every request for one
	// message, with its id in the webhook-id header.
	Dialect Dialect
	// Command may answer an SMTP command line in place of the receiver, such as
	// "550 5.1.1 no such user"; empty lets the receiver answer. A reply that begins
	// with 421 closes the connection; "drop" closes it without one.
	Command func(line string) string
	// Plain leaves PIPELINING out of what the SMTP receiver offers, and has it
	// count a client that doesn't wait for its answers as a violation.
	Plain bool
	// ASCII leaves SMTPUTF8 and 8BITMIME out of what the SMTP receiver offers.
	ASCII bool
}

// Answer is what a receiver does with one message. The zero value accepts it.
type Answer struct {
	// Code is the reply: for SMTP the one to the end of the message (0 is 250),
	// for HTTP the status (0 is 200). In a dialect it is the status of a request all
	// of whose messages get the same; where they differ, and for 0, the dialect answers.
	Code int
	// Text follows the code in an SMTP reply; over HTTP it is the body.
	Text string
	// Header is added to an HTTP answer, such as Retry-After or Location.
	Header http.Header
	// Wait, if set, holds the answer back until it is closed or the receiver is.
	Wait <-chan struct{}
	// Drop closes the connection instead of answering.
	Drop Drop
}

// accepts reports whether the message is taken, whether or not its sender learns it.
func (a *Answer) accepts() bool { return a.Code == 0 || a.Code/100 == 2 }

// Drop says when a connection is closed instead of answering.
type Drop int

// The moments.
const (
	// Never: the message is answered.
	Never Drop = iota
	// BeforeAccepting: the message is not counted.
	BeforeAccepting
	// AfterAccepting: the message is counted, but its sender can't know.
	AfterAccepting
)

// Delivery is a message as it arrived.
type Delivery struct {
	// ID is Carillon's message id, the first one's where there are several; 0 where
	// none was found.
	ID int64
	// From and To are the SMTP envelope.
	From, To string
	// Header is the HTTP request's.
	Header http.Header
	// Body is the HTTP request's, or the SMTP message with its header.
	Body []byte
}

// Arrival is one accepted message.
type Arrival struct {
	ID int64
	At time.Time
}

// Ask is one message that the receiver was asked to take, accepted or not: also
// one of which only a part came.
type Ask struct {
	// ID is 0 where the connection ended before it was known.
	ID int64
	// Began is when the first of it came: the request's header, or MAIL.
	Began time.Time
}

// wait holds an answer back for as long as the options and the answer say. It
// reports false if the receiver was closed meanwhile.
func (o *Options) wait(a Answer, done <-chan struct{}) bool {
	if o.Delay > 0 {
		timer := time.NewTimer(o.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-done:
			return false
		}
	}
	if a.Wait != nil {
		select {
		case <-a.Wait:
		case <-done:
			return false
		}
	}
	return true
}

// Tally is what a receiver has counted. It is part of both receivers.
type Tally struct {
	record      bool
	asked       atomic.Int64
	count       atomic.Int64
	connections atomic.Int64
	open        atomic.Int64
	violations  atomic.Int64

	mu       sync.Mutex
	arrivals []Arrival
	asks     []Ask
}

// began is when a message begins, if that is recorded.
func (t *Tally) began() (at time.Time) {
	if t.record {
		at = clock.System{}.Now()
	}
	return at
}

func (t *Tally) askedFor(id int64, began time.Time) {
	if t.record {
		t.mu.Lock()
		t.asks = append(t.asks, Ask{ID: id, Began: began})
		t.mu.Unlock()
	}
}

// Asks are the messages that the receiver was asked to take, in the order in which
// their ids were known. It needs Record.
func (t *Tally) Asks() []Ask {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.asks)
}

func (t *Tally) arrived(id int64) {
	if t.record {
		t.mu.Lock()
		t.arrivals = append(t.arrivals, Arrival{ID: id, At: clock.System{}.Now()})
		t.mu.Unlock()
	}
	t.count.Add(1)
}

// Count is how many messages were accepted.
func (t *Tally) Count() int64 { return t.count.Load() }

// Asked is how many messages the receiver was asked to take, whatever it
// answered.
func (t *Tally) Asked() int64 { return t.asked.Load() }

// Connections is how many connections were ever opened.
func (t *Tally) Connections() int64 { return t.connections.Load() }

// Open is how many connections are open now.
func (t *Tally) Open() int64 { return t.open.Load() }

// Violations is how often an SMTP client broke the protocol: it wrote on
// without waiting for an answer that it had to wait for (RFC 5321, RFC 2920).
func (t *Tally) Violations() int64 { return t.violations.Load() }

// Arrivals are the accepted messages in order of arrival. It needs Record.
func (t *Tally) Arrivals() []Arrival {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.arrivals)
}

// Duplicates is, for each message id that was accepted more than once, how many
// times it was. It needs Record.
func (t *Tally) Duplicates() map[int64]int {
	counts := map[int64]int{}
	for _, a := range t.Arrivals() {
		counts[a.ID]++
	}
	for id, n := range counts {
		if n == 1 {
			delete(counts, id)
		}
	}
	return counts
}

// MaxInSlidingSecond is the most messages that were accepted within any second,
// wherever it begins. It needs Record.
func (t *Tally) MaxInSlidingSecond() int {
	arrivals := t.Arrivals()
	slices.SortFunc(arrivals, func(a, b Arrival) int { return a.At.Compare(b.At) })
	most, first := 0, 0
	for last, a := range arrivals {
		for a.At.Sub(arrivals[first].At) >= time.Second {
			first++
		}
		most = max(most, last-first+1)
	}
	return most
}
