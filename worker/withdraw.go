package worker

import (
	"context"
	"errors"
	"sync"
	"time"

	"carillon/queue"
)

// withdrawn is what a message gets that may not begin: it goes back to the store
// at no cost, which decides whether it waits, is skipped or is canceled.
var errWithdrawn = errors.New("it was paused, canceled, cleared or opted out of after it was claimed")

// claimed is what was claimed together. Before the provider is asked for one of
// its messages, the store is asked whether anything was withdrawn since: the answer
// is nearly always no, and costs nothing. If it is yes, all of them are looked at
// again.
type claimed struct {
	ch    *channel
	runID int64
	ids   []int64
	// revision is the channel's whose configuration they would be sent with, pass what
	// they were let through with.
	revision time.Time
	pass     pass
	// before is the version of before the claim: what was withdrawn until then was
	// not claimed.
	before int64

	mu      sync.Mutex
	looked  int64 // the version at which allowed was read
	allowed map[int64]bool
}

// mayBegin is nil if the message may be asked for now.
func (c *claimed) mayBegin(ctx context.Context, id int64) error {
	if c.ch.worker.fenced() || c.ch.breaker.holds(c.pass) {
		return errWithdrawn
	}
	version, err := c.ch.worker.o.Store.HaltVersion(ctx)
	if err != nil {
		return errors.Join(errWithdrawn, err)
	}
	if version == c.before {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.allowed == nil || c.looked != version {
		ids, err := c.ch.worker.o.Store.Sendable(ctx, c.ch.c.ID, c.revision, c.runID, c.ids)
		if err != nil {
			return errors.Join(errWithdrawn, err)
		}
		c.allowed, c.looked = make(map[int64]bool, len(ids)), version
		for _, id := range ids {
			c.allowed[id] = true
		}
	}
	if !c.allowed[id] {
		return errWithdrawn
	}
	return nil
}

// errOutdated says that the channel is not configured any more as it is here.
var errOutdated = errors.New("the channel has another configuration now")

// outdatedWait is how long a channel waits for its successor before it looks again.
const outdatedWait = 50 * time.Millisecond

// claiming begins a claim of the messages that got slots by the channel's limits of a
// revision. It is errOutdated if there was a change since, of these or of its
// configuration, that was answered.
func (ch *channel) claiming(ctx context.Context, e queue.Envelope, revision time.Time, granted []slotted) error {
	version, err := ch.worker.o.Store.HaltVersion(ctx)
	if err != nil {
		return err
	}
	if !revision.Equal(ch.revision()) {
		return errOutdated
	}
	if ch.current.Load() != version {
		now, err := ch.worker.o.Store.ChannelRevision(ctx, ch.c.ID)
		if err != nil {
			return err
		}
		if !now.Equal(revision) {
			return errOutdated
		}
		ch.current.Store(version)
	}
	if len(granted) == 0 {
		return nil
	}
	c := &claimed{ch: ch, runID: e.RunID, revision: revision, pass: granted[0].pass, before: version, ids: make([]int64, len(granted))}
	for i := range granted {
		c.ids[i], granted[i].claimed = granted[i].item.MessageID, c
	}
	return nil
}
