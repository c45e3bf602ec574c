package worker

import (
	"context"
	"errors"
	"runtime/debug"
	"sync"
	"time"

	"carillon/providers"
)

const (
	// gatherFor is how long the first message of a request waits for others: a fifth of the time
	// for which a slot may be used, so that a message is not late because of it.
	gatherFor = 3 * time.Millisecond
	// mostGathered bounds the messages under way where several go in one request, unless one
	// request takes more: four of Postmark's. Each has its texts in memory for as long.
	mostGathered = 2000
)

// sender hands messages to a provider, one at a time.
type sender func(ctx context.Context, m providers.Message) (providers.Accepted, error)

// gatherer has messages that may go at about the same time go in one request, to a provider that
// takes several. Each has its own slot and its own outcome: who sends one notices nothing of the
// others.
type gatherer struct {
	ch   *channel
	to   providers.BatchSender
	most int

	mu   sync.Mutex
	open *gathering
}

// gathering is what goes in one request.
type gathering struct {
	ctx      context.Context
	messages []providers.Message
	results  []providers.Result
	full     chan struct{} // is closed when no more may join
	done     chan struct{} // is closed when results are there
}

// send has a message go with others. One that carries its file goes alone: next to the file it would
// save nothing, and others would wait for its bytes.
func (g *gatherer) send(ctx context.Context, m providers.Message) (providers.Accepted, error) {
	if carrying(&m) > 0 {
		results := g.ask(ctx, []providers.Message{m})
		return results[0].Accepted, results[0].Err
	}
	g.mu.Lock()
	joined, first := g.open, g.open == nil
	if first {
		joined = &gathering{ctx: ctx, full: make(chan struct{}), done: make(chan struct{})}
		g.open = joined
	}
	at := len(joined.messages)
	joined.messages = append(joined.messages, m)
	if len(joined.messages) == g.most {
		g.open = nil
		close(joined.full)
	}
	g.mu.Unlock()
	if first {
		g.lead(joined)
	}
	<-joined.done
	return joined.results[at].Accepted, joined.results[at].Err
}

// lead waits for others to join, and asks the provider.
func (g *gatherer) lead(j *gathering) {
	select {
	case <-j.full:
	case <-g.ch.worker.o.Clock.After(gatherFor):
		g.mu.Lock()
		if g.open == j {
			g.open = nil
		}
		g.mu.Unlock()
	}
	defer close(j.done)
	j.results = g.ask(j.ctx, j.messages)
}

// ask asks the provider for all messages in one request. What befalls the adapter leaves each of
// them in doubt.
func (g *gatherer) ask(ctx context.Context, list []providers.Message) (results []providers.Result) {
	broken := func(why string) []providers.Result {
		results := make([]providers.Result, len(list))
		for i := range results {
			results[i].Err = &providers.Error{Kind: providers.ErrorInDoubt, Err: errors.New(why)}
		}
		return results
	}
	defer func() {
		if r := recover(); r != nil {
			g.ch.panicked(r, debug.Stack())
			results = broken(panicWords)
		}
	}()
	if results = g.to.SendBatch(ctx, list); len(results) != len(list) {
		return broken("the provider's adapter did not say what became of each message")
	}
	return results
}

// gathers is how many messages a provider takes in one request; 1 for one at a time.
func gathers(kind providers.Kind, p providers.Provider) int {
	if _, takes := p.(providers.BatchSender); takes && kind.Capabilities.MaxBatch > 1 {
		return kind.Capabilities.MaxBatch
	}
	return 1
}
