// Package loops owns how goroutines begin and end that live as long as whoever
// began them. It must not know what they do.
package loops

import (
	"context"
	"sync"
)

// Group is goroutines that end together. The zero value is ready; it is safe for
// concurrent use, and not to be copied.
type Group struct {
	mu      sync.Mutex
	ctx     context.Context // it lives from the first Go to Stop
	cancel  context.CancelFunc
	stopped bool
	running sync.WaitGroup
}

// Go runs loop until it returns; its context ends with Stop. After Stop nothing is
// begun any more.
func (g *Group) Go(loop func(ctx context.Context)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped {
		return
	}
	if g.cancel == nil {
		g.ctx, g.cancel = context.WithCancel(context.Background())
	}
	ctx := g.ctx
	g.running.Go(func() { loop(ctx) })
}

// Stop ends the context of all loops, and returns when they are gone. It may be
// called again, and before anything was begun.
func (g *Group) Stop() {
	g.mu.Lock()
	g.stopped = true
	if g.cancel != nil {
		g.cancel()
	}
	g.mu.Unlock()
	g.running.Wait()
}
