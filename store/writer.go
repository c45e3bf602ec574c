package store

import (
	"context"
	"errors"
	"time"

	"carillon/internal/fault"
	"carillon/internal/loops"
	"carillon/messages"
	"carillon/providers"
)

// The bounds of a group: a transaction is committed when it has groupRows rows
// or when groupLinger has passed since its first. Larger groups cost less a
// row; lingering for 4 ms and more costs more than that gains.
const (
	groupRows   = 500
	groupLinger = 2 * time.Millisecond
)

// Writer gathers claims, outcomes and receipts of many goroutines into few
// transactions of set-based statements.
type Writer struct {
	store *Store
	lanes [2]*lane
	loops loops.Group
	// follow is told of receipts; may be nil.
	follow func(ctx context.Context, channelID int64, list []messages.Received)
}

// lane is one goroutine that commits groups. On PostgreSQL claims and outcomes
// have a lane each, so that one works while the other waits for its commit.
type lane struct {
	writer *Writer
	shard  int
	ops    chan *op
	gone   chan struct{} // closed when nobody takes ops any more
}

// op is one caller's part of a group: exactly one of claim, outcomes and events
// is set.
type op struct {
	claim    *messages.Claim
	claimed  []int64
	outcomes []messages.Outcome
	// notTaken are those of the outcomes that the group could do nothing with and
	// that prove that the provider has not taken the message.
	notTaken []messages.Outcome
	channel  int64
	events   []providers.Receipt
	// request is remembered with the events; if it is known already, they are
	// passed over and repeated is set.
	request  string
	repeated bool
	// received are those of the events whose messages are known.
	received []messages.Received
	done     chan error
}

func (o *op) rows() int {
	if o.claim != nil {
		return len(o.claim.MessageIDs)
	}
	return len(o.outcomes) + len(o.events)
}

// StartWriter starts the group-commit writer of a process. workerID spreads the
// counters of several processes.
func (s *Store) StartWriter(workerID int64) *Writer {
	w := &Writer{store: s}
	lanes := 1
	if s.Postgres() {
		lanes = len(w.lanes)
	}
	for i := range lanes {
		l := &lane{
			writer: w,
			shard:  shardFirstWriter + int((workerID*int64(lanes)+int64(i))%writerShards),
			ops:    make(chan *op, 1024),
			gone:   make(chan struct{}),
		}
		w.lanes[i] = l
		w.loops.Go(l.run)
	}
	if lanes == 1 {
		w.lanes[1] = w.lanes[0]
	}
	return w
}

// Follow has a function told of the receipts whose messages are known, after they are kept.
// It is called before the writer is used.
func (w *Writer) Follow(do func(ctx context.Context, channelID int64, list []messages.Received)) {
	w.follow = do
}

// errStopped is what callers get who come when the writer has been stopped.
var errStopped = errors.New("the writer has stopped")

// Stop ends the writer. Who is still in Claim, Record or Receive is refused, so
// callers with an outcome to record must have returned before.
func (w *Writer) Stop() {
	w.loops.Stop()
}

// Claim moves those of the named messages that still are queued in this
// envelope to sending and returns them, but for those beyond what their account may send
// in a day. After an error nothing may be sent; the
// claim may have been committed all the same, so the caller gives the messages
// back with Record.
func (w *Writer) Claim(ctx context.Context, c messages.Claim) ([]int64, error) {
	o := &op{claim: &c, done: make(chan error, 1)}
	if err := w.lanes[0].submit(ctx, o); err != nil {
		return nil, err
	}
	return o.claimed, nil
}

// Record writes outcomes of claimed messages. It tries until the store takes
// them or ctx ends. An outcome of a message that somebody else has settled
// meanwhile is dropped, but for one in doubt, which it clears up.
func (w *Writer) Record(ctx context.Context, outcomes []messages.Outcome) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		o := &op{outcomes: outcomes, done: make(chan error, 1)}
		err := w.lanes[1].submit(ctx, o)
		if err == nil && len(o.notTaken) > 0 {
			err = w.store.takeDoubtBack(ctx, o.notTaken)
		}
		if err == nil || ctx.Err() != nil || errors.Is(err, errStopped) {
			return err
		}
		w.store.log.Warn("recording outcomes failed, trying again", "messages", len(outcomes), "error", err)
		if err := w.store.clock.Sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// Receive applies receipts of a channel; those that come too early are kept.
// When it returns, what bounced for good is suppressed.
func (w *Writer) Receive(ctx context.Context, channelID int64, events []providers.Receipt) error {
	_, err := w.ReceiveOnce(ctx, channelID, "", events)
	return err
}

// ReceiveOnce is Receive for the receipts of a request that its sender may repeat
// for days: a repeat of one that was taken changes nothing. Without an id it is
// Receive.
func (w *Writer) ReceiveOnce(ctx context.Context, channelID int64, request string, events []providers.Receipt) (repeated bool, err error) {
	for len(events) > 0 {
		n := min(len(events), groupRows)
		o := &op{channel: channelID, events: events[:n], done: make(chan error, 1)}
		if n == len(events) {
			o.request = request // the parts before it change nothing a second time
		}
		if err := w.lanes[1].submit(ctx, o); err != nil || o.repeated {
			return o.repeated, err
		}
		if w.follow != nil && len(o.received) > 0 {
			w.follow(ctx, channelID, o.received)
		}
		events = events[n:]
	}
	return false, nil
}

func (l *lane) submit(ctx context.Context, o *op) error {
	select {
	case l.ops <- o:
	case <-l.gone:
		return fault.Wrap(fault.Unavailable, "write", errStopped)
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, "wait for the writer", ctx.Err())
	}
	// Once it is in the group its fate is the transaction's: waiting for less
	// would leave the caller not knowing.
	select {
	case err := <-o.done:
		return err
	case <-l.gone:
	}
	select {
	case err := <-o.done:
		return err
	default: // it came too late to be taken
		return fault.Wrap(fault.Unavailable, "write", errStopped)
	}
}

func (l *lane) run(ctx context.Context) {
	defer close(l.gone)
	for {
		var group []*op
		select {
		case o := <-l.ops:
			group = append(group, o)
		case <-ctx.Done():
			l.refuseRest()
			return
		}
		l.commit(l.gather(group))
	}
}

// gather adds to the group what comes within the linger time.
func (l *lane) gather(group []*op) []*op {
	rows := group[0].rows()
	linger := l.writer.store.clock.After(groupLinger)
	for rows < groupRows {
		select {
		case o := <-l.ops:
			group = append(group, o)
			rows += o.rows()
		case <-linger:
			return group
		}
	}
	return group
}

// commitTimeout bounds a transaction of the writer on PostgreSQL, so that a
// server that hangs is noticed. SQLite works in this process, where a context
// that can end makes each row dearer.
const commitTimeout = 30 * time.Second

func (l *lane) commit(group []*op) {
	ctx := context.Background()
	if l.writer.store.Postgres() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, commitTimeout)
		defer cancel()
	}
	apply := func(check bool) error {
		return l.writer.store.inTx(ctx, func(tx conn) error {
			return tx.applyGroup(ctx, group, l.shard, check)
		})
	}
	err := apply(false)
	if errors.Is(err, errUnexpected) {
		err = apply(true)
	}
	for _, o := range group {
		o.done <- err
	}
}

func (l *lane) refuseRest() {
	for {
		select {
		case o := <-l.ops:
			o.done <- fault.Wrap(fault.Unavailable, "write", errStopped)
		default:
			return
		}
	}
}
