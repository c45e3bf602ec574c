package app

import (
	"context"
	"time"

	"carillon/internal/clock"
	"carillon/internal/loops"
)

// hostsEvery is how soon a process writes links with another address after an account has one.
const hostsEvery = 2 * time.Second

// followHosts has this process know where the recipients of each account reach the server.
func (e *Engine) followHosts(ctx context.Context) error {
	learn := func(ctx context.Context) error {
		own, err := e.Store.PublicURLs(ctx)
		if err == nil {
			e.Hosts.Learn(own)
		}
		return err
	}
	if err := learn(ctx); err != nil {
		return err
	}
	e.follow("the addresses of accounts", hostsEvery, learn)
	return nil
}

// follow has this process learn again and again what others may change.
func (e *Engine) follow(what string, every time.Duration, learn func(ctx context.Context) error) {
	var group loops.Group
	group.Go(func(ctx context.Context) {
		for {
			select {
			case <-ctx.Done():
				return
			case <-clock.System{}.After(every):
			}
			if err := learn(ctx); err != nil && ctx.Err() == nil {
				e.log.Warn("what others may have changed could not be found out", "what", what, "error", err)
			}
		}
	})
	e.stack.push(what, quietly(group.Stop))
}
