package scheduler

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

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
	lanes, err := f.list(ctx)
	if err != nil {
		return false, err
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

// listingShare bounds the time that goes into looking which runs there are to feed: a
// list that took a second is used for so many.
const listingShare = 4

// listing is the runs that there are to feed, by channel.
type listing struct {
	channels map[int64]*listed
	until    time.Time
}

// listed is what a lane has to feed. The lane keeps it up to date with what it feeds;
// fresh says that it has not fed any since it was listed.
type listed struct {
	items []*messages.Feedable
	fresh bool
}

// list looks what there is to feed. Transactional messages are looked for each time. With
// very many runs that takes long, and the last list of them is still good for a while:
// what is over is not fed, as Feed looks for itself, and what comes waits so long.
func (f *feeder) list(ctx context.Context) (map[lane]*listed, error) {
	lanes := map[lane]*listed{}
	transactional, err := f.store.FeedableTransactional(ctx)
	if err != nil {
		return nil, err
	}
	for _, item := range transactional {
		lanes[lane{item.ChannelID, true}] = &listed{items: []*messages.Feedable{&item}}
	}
	if began := f.clock.Now(); !began.Before(f.runs.until) {
		runs, err := f.store.FeedableRuns(ctx)
		if err != nil {
			return nil, err
		}
		channels := map[int64]*listed{}
		for _, item := range runs {
			if channels[item.ChannelID] == nil {
				channels[item.ChannelID] = &listed{fresh: true}
			}
			channels[item.ChannelID].items = append(channels[item.ChannelID].items, &item)
		}
		now := f.clock.Now()
		f.runs = listing{channels, now.Add(listingShare * now.Sub(began))}
	}
	for id, runs := range f.runs.channels {
		lanes[lane{id, false}] = runs
	}
	return lanes, nil
}

// keepTurns forgets whose turn it is on channels whose campaigns have nothing to
// feed: who comes again begins with no credit, as a new run does. How fast they were
// is kept for a while.
func (f *feeder) keepTurns(lanes map[lane]*listed) {
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
func (f *feeder) start(ctx context.Context, r *round, l lane, items *listed) bool {
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
func (f *feeder) fill(ctx context.Context, l lane, items *listed) (fed bool, err error) {
	channel, err := f.store.ChannelByID(ctx, l.channelID)
	if err != nil {
		return false, err
	}
	window, err := f.queue.Window(ctx, l.channelID)
	if err != nil {
		return false, err
	}
	if near, err := f.slotNear(ctx, channel, &messages.Feedable{}); err != nil || !near {
		return false, err
	}
	if l.transactional {
		return f.fillTransactional(ctx, channel, MaxTransactional-window.Transactional, items.items)
	}
	return f.fillBulk(ctx, channel, window, items)
}
