package line

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"carillon/internal/clock"
	"carillon/providers"
)

// Desk is where access tokens are bought (RFC 6749).
type Desk struct {
	Address string
	// Setting is the configuration's that Address is of.
	Setting string
	// Form is what is asked with.
	Form func() (url.Values, error)
	// Hint says what to do where what the form proves is not taken.
	Hint string
	// Scrub takes the secrets out of what the desk says.
	Scrub func(string) string
}

// early is how long before its end a token is used no more, so that none expires on its way.
const early = time.Minute

// Tokens has the access token that a provider is asked with. It buys one when there is none, for
// all who wait for it, on behalf of nobody: it comes though whoever asked first has left. It is
// safe for concurrent use.
type Tokens struct {
	desk Desk
	// line has a connection of its own, so that no message is in the way.
	line  *Line
	clock clock.Clock
	life  context.Context
	end   context.CancelFunc
	group sync.WaitGroup

	mu      sync.Mutex
	current string
	endsAt  time.Time
	under   *purchase
}

// purchase is a token that is being bought; done says that what it holds is there.
type purchase struct {
	done  chan struct{}
	token string
	err   error
}

// NewTokens buys at a desk, which may take so long for an answer.
func NewTokens(deps providers.Deps, timeout time.Duration, desk Desk) *Tokens {
	t := &Tokens{desk: desk, line: New(deps, 1, timeout), clock: deps.Clock}
	t.life, t.end = context.WithCancel(context.Background())
	return t
}

// Get is a token other than stale, which was turned away; stale is empty for any. What the desk
// does not take is a *providers.Error of kind ErrorAuth.
func (t *Tokens) Get(ctx context.Context, stale string) (string, error) {
	t.mu.Lock()
	if t.current != "" && t.current != stale && t.clock.Now().Before(t.endsAt) {
		defer t.mu.Unlock()
		return t.current, nil
	}
	p := t.under
	if p == nil {
		p = &purchase{done: make(chan struct{})}
		t.under = p
		t.group.Go(func() { t.buy(p) })
	}
	t.mu.Unlock()
	select {
	case <-p.done:
		return p.token, p.err
	case <-ctx.Done():
		return "", &providers.Error{Kind: providers.ErrorTemporary, Err: fmt.Errorf("wait for an access token: %w", ctx.Err())}
	}
}

// buy buys a token for all who wait.
func (t *Tokens) buy(p *purchase) {
	token, lasts, err := t.ask(t.life)
	t.mu.Lock()
	defer t.mu.Unlock()
	p.token, p.err = token, err
	t.current, t.endsAt, t.under = token, t.clock.Now().Add(lasts-early), nil
	close(p.done)
}

// ask asks for a token. Whatever goes wrong, no message was sent.
func (t *Tokens) ask(ctx context.Context) (token string, lasts time.Duration, err error) {
	_, err = t.line.Ask(ctx, Asking{
		Message: &providers.Message{},
		Request: func(ctx context.Context) (*http.Request, []byte, error) {
			form, err := t.desk.Form()
			if err != nil {
				return nil, nil, err
			}
			r, err := Request(ctx, http.MethodPost, t.desk.Address, t.desk.Setting)
			if err != nil {
				return nil, nil, err
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Accept", "application/json")
			return r, []byte(form.Encode()), nil
		},
		Read: func(answer *http.Response) (_ providers.Accepted, err error) {
			token, lasts, err = t.read(answer)
			return providers.Accepted{}, err
		},
	})
	if err == nil {
		return token, lasts, nil
	}
	failure := providers.AsError(err)
	switch failure.Kind {
	case providers.ErrorInDoubt:
		failure.Kind = providers.ErrorTemporary
	case providers.ErrorContent:
		failure.Kind = providers.ErrorAuth // by RFC 6749 what is wrong with who asks is a 400
	default:
	}
	failure.Err = fmt.Errorf("buy an access token: %w", failure.Err)
	return "", 0, failure
}

// read reads the answer of who sells tokens.
func (t *Tokens) read(answer *http.Response) (token string, lasts time.Duration, err error) {
	var said struct {
		Token       string `json:"access_token"`
		Lasts       int64  `json:"expires_in"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	understood := json.Unmarshal([]byte(Text(answer)), &said) == nil
	failure := providers.ClassifyHTTP(answer.StatusCode, answer.Header, t.clock.Now())
	switch {
	case failure == nil && understood && said.Token != "":
		return said.Token, time.Duration(said.Lasts) * time.Second, nil
	case failure == nil:
		return "", 0, &providers.Error{Kind: providers.ErrorTemporary, Err: fmt.Errorf("the answer holds none: check config.%s", t.desk.Setting)}
	case failure.Kind == providers.ErrorContent || failure.Kind == providers.ErrorAuth:
		failure.Err = fmt.Errorf("%w: %s", failure.Err, t.desk.Hint)
	}
	if quoted := Quote(t.desk.Scrub(said.Error + " " + said.Description)); quoted != "" {
		failure.Err = fmt.Errorf("%w: %s", failure.Err, quoted)
	}
	return "", 0, failure
}

// Close returns when nothing of it is under way.
func (t *Tokens) Close() error {
	t.end()
	t.group.Wait()
	return t.line.Close()
}
