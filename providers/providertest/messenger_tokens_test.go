package providertest

import (
	"context"
	"fmt"
	"sync"

	"carillon/internal/secret"
	"carillon/providers"
)

// tokenSource has the token that requests are made with.
type tokenSource interface {
	// get is a token other than stale, which the provider has turned away.
	get(ctx context.Context, stale string) (string, error)
	// close returns when nothing of it is under way.
	close()
}

type fixedToken struct{ token secret.String }

func (f fixedToken) get(context.Context, string) (string, error) { return f.token.Reveal(), nil }
func (f fixedToken) close()                                      {}

// boughtTokens buys a token when there is none, one for all who wait for it. It is
// bought on behalf of nobody, so that it comes though whoever asked first has left.
type boughtTokens struct {
	buy   func(context.Context) (string, error)
	life  context.Context
	end   context.CancelFunc
	group sync.WaitGroup

	mu      sync.Mutex
	current string
	under   *purchase
}

type purchase struct {
	done  chan struct{}
	token string
	err   error
}

func newBoughtTokens(buy func(context.Context) (string, error)) *boughtTokens {
	b := &boughtTokens{buy: buy}
	b.life, b.end = context.WithCancel(context.Background())
	return b
}

func (b *boughtTokens) get(ctx context.Context, stale string) (string, error) {
	b.mu.Lock()
	if b.current != "" && b.current != stale {
		defer b.mu.Unlock()
		return b.current, nil
	}
	p := b.under
	if p == nil {
		p = &purchase{done: make(chan struct{})}
		b.under = p
		b.group.Go(func() {
			p.token, p.err = b.buy(b.life)
			b.mu.Lock()
			defer b.mu.Unlock()
			b.current, b.under = p.token, nil
			close(p.done)
		})
	}
	b.mu.Unlock()
	select {
	case <-p.done:
		return p.token, p.err
	case <-ctx.Done():
		return "", &providers.Error{Kind: providers.ErrorTemporary, Err: fmt.Errorf("wait for an access token: %w", ctx.Err())}
	}
}

func (b *boughtTokens) close() {
	b.end()
	b.group.Wait()
}
