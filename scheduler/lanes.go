package scheduler

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"carillon/campaigns"
	"carillon/messages"
)

// laneWait is how long a pass waits for the lanes that it started, before it looks
// for others that have something to do.
const laneWait = 50 * time.Millisecond

// lane is what is fed by itself: the transactional messages of a channel, or its
// campaigns. One that takes long holds up no other.
type lane struct {
	channelID     int64
	transactional bool
}

// filled is what became of a lane.
type filled struct {
	fed bool
	err error
}

// round is one pass over the lanes, for as long as it waits for them.
type round struct {
	mu      sync.Mutex
	over    bool
	results chan filled
}

// report hands a result to the round, unless that is over.
func (r *round) report(done filled) (taken bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return false
	}
	r.results <- done // there is room for every lane
	return true
}

// end takes no result any more.
func (r *round) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	close(r.results)
}

// pass fills the windows once: every lane that is not being filled anyway, side by
// side. It waits for those that it started, but not long: a lane for which the
// store takes its time ends by itself. What is wrong with one keeps no other from being
// fed.
func (f *feeder) pass(ctx context.Context) (worked bool, err error) {
	feedable, err := f.store.Feedable(ctx)
	if err != nil {
		return false, err
	}
	lanes := map[lane][]messages.Feedable{}
	for _, item := range feedable {
		l := lane{item.ChannelID, item.RunID == 0}
		lanes[l] = append(lanes[l], item)
	}
	f.keepTurns(lanes)
	r := &round{results: make(chan filled, len(lanes))}
	running := 0
	for l, items := range lanes {
		if ctx.Err() == nil && f.start(ctx, r, l, items) {
			running++
		}
	}
	var errs []error
	take := func(done filled) {
		worked = worked || done.fed
		errs = append(errs, done.err)
	}
	for long := f.clock.After(laneWait); running > 0; running-- {
		select {
		case done := <-r.results:
			take(done)
			continue
		case <-long:
		}
		break
	}
	r.end()
	for done := range r.results {
		take(done)
	}
	return worked, errors.Join(errs...)
}

// keepTurns forgets whose turn it is on channels whose campaigns have nothing to
// feed: who comes again begins with no credit, as a new run does. How fast they were
// is kept for a while.
func (f *feeder) keepTurns(lanes map[lane][]messages.Feedable) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, p := range f.paces {
		l := lane{channelID: id}
		if _, feedable := lanes[l]; feedable || f.lanes[l] {
			continue
		}
		delete(f.turns, id)
		if f.clock.Now().Sub(p.since) > paceKept {
			delete(f.paces, id)
		}
	}
}

// start fills a lane, unless it is being filled.
func (f *feeder) start(ctx context.Context, r *round, l lane, items []messages.Feedable) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lanes[l] {
		return false
	}
	f.lanes[l] = true
	f.filling.Go(func() {
		fed, err := f.fill(ctx, l, items)
		if err != nil {
			err = fmt.Errorf("feed channel %d: %w", l.channelID, err)
		}
		f.mu.Lock()
		delete(f.lanes, l)
		f.mu.Unlock()
		if r.report(filled{fed, err}) {
			return
		}
		// Nobody waits for it any more.
		switch {
		case err != nil && ctx.Err() == nil:
			f.log.Warn("a pass of the scheduler failed, trying again", "loop", "feed", "error", err)
		case fed:
			f.wake()
		}
	})
	return true
}

// wait returns when no lane is being filled any more.
func (f *feeder) wait() { f.filling.Wait() }

// fill feeds a lane once.
func (f *feeder) fill(ctx context.Context, l lane, items []messages.Feedable) (fed bool, err error) {
	channel, err := f.store.ChannelByID(ctx, l.channelID)
	if err != nil {
		return false, err
	}
	window, err := f.queue.Window(ctx, l.channelID)
	if err != nil {
		return false, err
	}
	if near, err := f.slotNear(ctx, channel, campaigns.Campaign{}); err != nil || !near {
		return false, err
	}
	if l.transactional {
		return f.fillTransactional(ctx, channel, MaxTransactional-window.Transactional, items)
	}
	return f.fillBulk(ctx, channel, window, items)
}
