package fcm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"carillon/internal/clock"
	"carillon/providers"
	"carillon/providers/line"
)

// What Google wants of who buys a token (RFC 7523).
const (
	grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	scope = "https://www.googleapis.com/auth/firebase.messaging"
	// life is how long an assertion holds: Google takes an hour at most.
	life = 10 * time.Minute
	// early is how long before its end a token is used no more, so that none expires on its way.
	early = time.Minute
)

// tokens has the access token that requests are made with. It buys one when there is none, for
// all who wait for it, on behalf of nobody: it comes though whoever asked first has left.
type tokens struct {
	account *account
	address string
	// line has a connection of its own, so that no message is in the way.
	line  *line.Line
	clock clock.Clock
	scrub func(string) string
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

// get is a token other than stale, which was turned away.
func (t *tokens) get(ctx context.Context, stale string) (string, error) {
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
func (t *tokens) buy(p *purchase) {
	token, lasts, err := t.ask(t.life)
	t.mu.Lock()
	defer t.mu.Unlock()
	p.token, p.err = token, err
	t.current, t.endsAt, t.under = token, t.clock.Now().Add(lasts-early), nil
	close(p.done)
}

// ask asks for a token. Whatever goes wrong, no message was sent.
func (t *tokens) ask(ctx context.Context) (token string, lasts time.Duration, err error) {
	_, err = t.line.Ask(ctx, line.Asking{
		Message: &providers.Message{},
		Request: func(ctx context.Context) (*http.Request, []byte, error) {
			assertion, err := t.assertion()
			if err != nil {
				return nil, nil, err
			}
			r, err := line.Request(ctx, http.MethodPost, t.address, "token_uri")
			if err != nil {
				return nil, nil, err
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return r, []byte(url.Values{"grant_type": {grant}, "assertion": {assertion}}.Encode()), nil
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
		failure.Kind = providers.ErrorAuth // by RFC 6749 what is wrong with the key is a 400
	default:
	}
	failure.Err = fmt.Errorf("buy an access token: %w", failure.Err)
	return "", 0, failure
}

// assertion is what the account's key signs to buy a token.
func (t *tokens) assertion() (string, error) {
	now := t.clock.Now()
	made := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": t.account.email, "scope": scope, "aud": t.account.audience, "iat": now.Unix(), "exp": now.Add(life).Unix(),
	})
	made.Header["kid"] = t.account.keyID
	signed, err := made.SignedString(t.account.key)
	if err != nil {
		return "", fmt.Errorf("sign with the service account's key: %w", err)
	}
	return signed, nil
}

// read reads the answer of who sells tokens.
func (t *tokens) read(answer *http.Response) (token string, lasts time.Duration, err error) {
	var said struct {
		Token       string `json:"access_token"`
		Lasts       int64  `json:"expires_in"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	understood := json.Unmarshal([]byte(line.Text(answer)), &said) == nil
	failure := providers.ClassifyHTTP(answer.StatusCode, answer.Header, t.clock.Now())
	switch {
	case failure == nil && understood && said.Token != "":
		return said.Token, time.Duration(said.Lasts) * time.Second, nil
	case failure == nil:
		return "", 0, &providers.Error{Kind: providers.ErrorTemporary, Err: errors.New("the answer holds none: check config.token_uri")}
	case failure.Kind == providers.ErrorContent || failure.Kind == providers.ErrorAuth:
		failure.Err = fmt.Errorf("%w: the key is not taken: make another for the service account, and check this machine's clock", failure.Err)
	}
	if quoted := line.Quote(t.scrub(said.Error + " " + said.Description)); quoted != "" {
		failure.Err = fmt.Errorf("%w: %s", failure.Err, quoted)
	}
	return "", 0, failure
}

// close returns when nothing of it is under way.
func (t *tokens) close() error {
	t.end()
	t.group.Wait()
	return t.line.Close()
}
