// Package fcm owns the adapter for Firebase Cloud Messaging: notifications go to the apps of a
// project by the HTTP v1 API, with access tokens that a service account's key buys. It must not
// know how an app shows them.
package fcm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"carillon/internal/secret"
	"carillon/providers"
	"carillon/providers/line"
)

// maxText leaves a quarter of what goes in a message for the title and addresses.
const maxText = 3000

// Kind describes Firebase Cloud Messaging.
func Kind() providers.Kind {
	k := providers.Define(providers.Kind{
		Name: "fcm", Title: "Firebase Cloud Messaging",
		Description: "Sends notifications to the Android, iOS and web apps of a Firebase project: title, text, picture, link. " +
			"A contact's push address is the registration token that an app gets from Firebase. Google takes 600,000 messages a minute of a project.",
		Capabilities: providers.Capabilities{
			Address: providers.Push, Subject: true, MaxTextBytes: maxText, GivesID: true, Media: true,
			Buttons: []providers.ButtonType{providers.ButtonLink},
		},
	}, check, open)
	k.MostRequests = line.Requests
	return k
}

// Provider sends notifications of a project.
type Provider struct {
	// config is behind a pointer because fmt prints what is in an unexported field
	// without asking it, secrets too.
	config *Config
	deps   providers.Deps
	line   *line.Line
	tokens *line.Tokens
	// address is where messages go.
	address string
	// scrub takes the key out of what the other side says.
	scrub func(string) string
}

func open(c *Config, deps providers.Deps) (providers.Provider, error) {
	a, err := readAccount(c.ServiceAccount.Reveal())
	if err != nil {
		return nil, fmt.Errorf("open fcm: service_account %w", err)
	}
	timeout := time.Duration(c.TimeoutMS) * time.Millisecond
	p := &Provider{
		config: c, deps: deps, line: line.New(deps, c.MaxConnections, timeout), scrub: scrubber(c.ServiceAccount),
		address: strings.TrimSuffix(c.API, "/") + "/v1/projects/" + a.project + "/messages:send",
	}
	p.tokens = line.NewTokens(deps, timeout, line.Desk{
		Address: c.desk(a), Setting: "token_uri", Form: func() (url.Values, error) { return a.form(deps.Clock) }, Scrub: p.scrub,
		Hint: "the key is not taken: make another for the service account, and check this machine's clock",
	})
	return p, nil
}

// scrubber takes the file of a key out of texts, and each line of what is in it.
func scrubber(file secret.String) func(string) string {
	var f struct {
		PrivateKey secret.String `json:"private_key"`
	}
	_ = json.Unmarshal([]byte(file.Reveal()), &f) // Validate has looked at it
	return line.Scrub(append(line.Key(f.PrivateKey), file)...)
}

// Send asks Firebase to take one message; once more if the access token has expired.
func (p *Provider) Send(ctx context.Context, m providers.Message) (providers.Accepted, error) {
	body, refused := p.outbound(&m)
	if refused != nil {
		return providers.Accepted{}, refused
	}
	return p.send(ctx, &m, body)
}

// send makes a request with a token, and once more with another if that has expired.
func (p *Provider) send(ctx context.Context, m *providers.Message, body []byte) (providers.Accepted, error) {
	token, err := p.tokens.Get(ctx, "")
	if err != nil {
		return providers.Accepted{}, err
	}
	accepted, expired, err := p.ask(ctx, m, body, token)
	if !expired {
		return accepted, err
	}
	fresh, err := p.tokens.Get(ctx, token)
	if err != nil {
		return providers.Accepted{}, err
	}
	accepted, _, err = p.ask(ctx, m, body, fresh, token)
	return accepted, err
}

// ask makes one request with the first of some tokens, of which the others went before; expired
// says that it was turned away for its token.
func (p *Provider) ask(ctx context.Context, m *providers.Message, body []byte, tokens ...string) (accepted providers.Accepted, expired bool, err error) {
	accepted, err = p.line.Ask(ctx, line.Asking{
		Message: m,
		Request: func(ctx context.Context) (*http.Request, []byte, error) {
			r, err := line.Request(ctx, http.MethodPost, p.address, "api")
			if err != nil {
				return nil, nil, err
			}
			r.Header.Set("Authorization", "Bearer "+tokens[0])
			return r, body, nil
		},
		Read: func(answer *http.Response) (providers.Accepted, error) {
			text := line.Text(answer)
			for _, token := range tokens {
				text = strings.ReplaceAll(text, token, secret.Redacted)
			}
			failure := p.failure(answer, text)
			if failure == nil {
				return taken(answer, text)
			}
			expired = answer.StatusCode == http.StatusUnauthorized && failure.Code != thirdParty
			return providers.Accepted{}, failure
		},
	})
	return accepted, expired, err
}

// taken reads the answer to a message that was taken.
func taken(answer *http.Response, text string) (providers.Accepted, error) {
	var a struct {
		Name string `json:"name"`
	}
	if json.Unmarshal([]byte(text), &a) != nil || !providers.Key(a.Name) {
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorInDoubt,
			Err: errors.New("the answer is not Firebase's, so that nobody knows what became of the request: check config.api")}
	}
	return providers.Accepted{ProviderID: a.Name, Response: answer.Status}, nil
}

// checked is a message to a topic that nobody is in, which is not sent either: Firebase says
// whether it would be.
const checked = `{"validate_only":true,"message":{"topic":"carillon-check","notification":{"title":"check"}}}`

// Check buys an access token, and asks whether the project may send. It sends nothing.
func (p *Provider) Check(ctx context.Context) error {
	_, err := p.send(ctx, &providers.Message{}, []byte(checked))
	return err
}

// Close closes the idle connections; no request is under way.
func (p *Provider) Close() error { return errors.Join(p.tokens.Close(), p.line.Close()) }
