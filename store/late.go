package store

import (
	"context"
	"slices"
	"sync"
	"time"

	"carillon/campaigns"
	"carillon/internal/failpoint"
	"carillon/internal/zone"
	"carillon/messages"
	"carillon/store/sqldb"
)

// What is late: due, and outside of its hours, or expired. A feeder that meets some of
// it has all that is due of the run looked at once, in batches, each message's due time
// moved to when its hours begin. Nothing of that is kept: who dies over it leaves
// messages that are still due, and the next feeder meets them.

const (
	// lateBatch bounds the messages that one transaction looks at.
	lateBatch = 5000
	// lateAtOnce is how many batches follow each other before the other campaigns of a
	// channel have their turn.
	lateAtOnce = 10
)

// lates are the passes over what is late, by run and channel. It is safe for
// concurrent use.
type lates struct {
	mu     sync.Mutex
	passes map[countKey]*latePass
}

// latePass is a pass under way, or the last one.
type latePass struct {
	timing campaigns.Timing
	// at is the moment that it is about, until when the answers stay the same: what
	// is met late before that came after the pass, and is no reason for another.
	at, until time.Time
	done      bool
	// due and id are the place that it has got to, in the feeder's order.
	due, id int64
}

// mostPasses is how many runs' passes are remembered; to forget one costs a pass.
const mostPasses = 1000

// found notes that late messages were met, by a timing.
func (l *lates) found(request messages.FeedRequest, timing campaigns.Timing, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := countKey{request.RunID, request.ChannelID}
	if p := l.passes[key]; p != nil && p.timing == timing && (!p.done || now.Before(p.until)) {
		return
	}
	if l.passes == nil || len(l.passes) >= mostPasses {
		l.passes = map[countKey]*latePass{}
	}
	until, ok := timing.Changes(now, zone.Names())
	if !ok {
		until = now.Add(time.Hour)
	}
	l.passes[key] = &latePass{timing: timing, at: now, until: until, due: -1}
}

// under is the pass that is under way, if any.
func (l *lates) under(request messages.FeedRequest) *latePass {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.passes[countKey{request.RunID, request.ChannelID}]; p != nil && !p.done {
		return p
	}
	return nil
}

// end ends a pass; one that is not done is forgotten.
func (l *lates) end(request messages.FeedRequest, p *latePass, done bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p.done = done
	if key := (countKey{request.RunID, request.ChannelID}); !done && l.passes[key] == p {
		delete(l.passes, key)
	}
}

// moveLate goes on with the pass over what is late, and reports whether that is to go
// on before anything is fed.
func (s *Store) moveLate(ctx context.Context, request messages.FeedRequest) (moving bool, err error) {
	p := s.lates.under(request)
	if p == nil {
		return false, nil
	}
	for range lateAtOnce {
		more, holds, err := s.moveLateBatch(ctx, request, p)
		if err != nil || !holds || !more {
			s.lates.end(request, p, err == nil && holds)
			return false, err
		}
		failpoint.Hit(failpoint.AfterMoveLate)
	}
	return true, nil
}

// lateMessage is a message that may be late, and where its recipient is.
type lateMessage struct {
	id, due int64
	zone    string
}

// moveLateBatch looks at the next messages that are due. It reports whether there are
// more, and whether the pass's timing still holds and its run is being sent.
func (s *Store) moveLateBatch(ctx context.Context, request messages.FeedRequest, p *latePass) (more, holds bool, err error) {
	due, id := p.due, p.id
	err = s.inTxAsync(ctx, func(tx conn) error {
		more, due, id = false, p.due, p.id
		open, feeding, err := tx.feedingIfOpen(ctx, request)
		if holds = open && feeding.timing == p.timing; err != nil || !holds {
			return err
		}
		list, err := sqldb.Structs(ctx, tx, func(m *lateMessage) []any {
			return []any{&m.id, &m.due, &m.zone}
		}, `SELECT m.id, m.due_at, COALESCE((SELECT c.timezone FROM contacts c WHERE c.id = m.contact_id), '') FROM messages m `+tx.d.pendingIndex+
			" WHERE m.channel_id = ? AND m.run_id = ? AND m."+phasePending+" AND m.due_at <= ? AND (m.due_at, m.id) > (?, ?) ORDER BY m.due_at, m.id LIMIT ?",
			request.ChannelID, request.RunID, sqldb.Millis(p.at), due, id, lateBatch)
		if err != nil || len(list) == 0 {
			return err
		}
		last := list[len(list)-1]
		more, due, id = len(list) == lateBatch, last.due, last.id
		return tx.moveLateOnes(ctx, request, p, list)
	})
	if err == nil {
		p.due, p.id = due, id
	}
	return more, holds, err
}

// moveLateOnes moves those of the messages that are late: to when their hours begin,
// or to skipped.
func (tx conn) moveLateOnes(ctx context.Context, request messages.FeedRequest, p *latePass, list []lateMessage) error {
	fates := map[string]fate{}
	var moved [][2]int64
	var expired []int64
	for _, m := range list {
		f, known := fates[m.zone]
		if !known {
			f = p.fateOf(m.zone)
			fates[m.zone] = f
		}
		switch {
		case f.expired:
			expired = append(expired, m.id)
		case f.next.After(p.at):
			moved = append(moved, [2]int64{m.id, f.next.UnixMilli()})
		}
	}
	if len(moved) > 0 {
		if _, err := tx.Exec(ctx, tx.d.statements.moveDue, messages.ReasonHours, mustJSON(moved)); err != nil {
			return err
		}
	}
	if len(expired) == 0 {
		return nil
	}
	l := tx.ledger()
	if _, err := l.swap(ctx, change{
		move: moves.skip.narrowed(messages.Pending), args: []any{messages.ReasonExpired, nil, sqldb.Millis(l.now)},
		whose: &countKey{request.RunID, request.ChannelID}, where: tx.d.among("id", expired),
	}); err != nil {
		return err
	}
	return l.close(ctx, shardFeeder)
}

// fate is what becomes of the due messages of a zone.
type fate struct {
	expired bool
	next    time.Time
}

func (p *latePass) fateOf(name string) fate {
	at := p.timing.Zone(name)
	if expiry, ends := p.timing.Expires(at); ends && !p.at.Before(expiry) {
		return fate{expired: true}
	}
	return fate{next: p.timing.Next(p.at, at)}
}

// stillInTime are those of a run's queued messages that are not late by now.
func (tx conn) stillInTime(ctx context.Context, runID int64, list []messages.QueuedMessage) ([]messages.QueuedMessage, error) {
	timing, err := tx.runTiming(ctx, runID)
	if err != nil || !timing.Gated() {
		return list, err
	}
	pass := latePass{timing: timing, at: tx.s.clock.Now()}
	late := map[string]bool{}
	return slices.DeleteFunc(list, func(m messages.QueuedMessage) bool {
		is, known := late[m.Recipient.Timezone]
		if !known {
			f := pass.fateOf(m.Recipient.Timezone)
			is = f.expired || f.next.After(pass.at)
			late[m.Recipient.Timezone] = is
		}
		return is
	}), nil
}
