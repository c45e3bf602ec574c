// Package sendgrid owns the adapter for SendGrid: e-mail goes out by its API, and what becomes
// of it is read from its event webhook. It must not know campaigns, nor who else sends through
// the same account.
package sendgrid

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"carillon/providers"
	"carillon/providers/line"
	"carillon/providers/mail"
)

// Kind describes SendGrid. It takes no batches: a request of its own has many recipients of one
// content, and ours has a content for each.
func Kind() providers.Kind {
	k := providers.Define(providers.Kind{
		Name: "sendgrid", Title: "E-mail (SendGrid)",
		Description: "Hands e-mail to SendGrid (Twilio). Set the address of /hooks/{channel_id} as an event webhook that is signed, for what was delivered, " +
			"bounced, dropped and reported as spam.",
		Capabilities: providers.Capabilities{
			Address: providers.Email, Subject: true, HTML: true, Receipts: true, GivesID: true, EchoesID: true,
			Uploads: providers.FileWithin, Files: providers.AnyFile("", mostAttached),
		},
	}, check, open)
	k.MostRequests = line.Requests
	k.Sender = mail.Said(func(c Config) string { return c.From })
	k.SenderDomain = mail.Said(func(c Config) string { return mail.Domain(c.From) })
	k.Server = mail.Said(func(Config) string { return "smtp.sendgrid.net" })
	return k
}

// Provider sends e-mail through an account of SendGrid's.
type Provider struct {
	// config is behind a pointer because fmt prints what is in an unexported field
	// without asking it, secrets too.
	config *Config
	deps   providers.Deps
	line   *line.Line
	// scrub takes the secrets out of what the other side says.
	scrub func(string) string
}

func open(c *Config, deps providers.Deps) (providers.Provider, error) {
	return &Provider{
		config: c, deps: deps, scrub: line.Scrub(append(deps.Taken("verification_key", c.VerificationKey), c.APIKey)...),
		line: line.New(deps, c.MaxConnections, time.Duration(c.TimeoutMS)*time.Millisecond),
	}, nil
}

// Send asks SendGrid to take one message.
func (p *Provider) Send(ctx context.Context, m providers.Message) (providers.Accepted, error) {
	o, refused := p.outbound(&m)
	if refused != nil {
		return providers.Accepted{}, refused
	}
	return p.line.Ask(ctx, line.Asking{
		Message: &m,
		Request: func(ctx context.Context) (*http.Request, []byte, error) {
			body, err := mail.JSON(o)
			if err != nil {
				return nil, nil, err
			}
			r, err := p.request(ctx, http.MethodPost, "/v3/mail/send")
			return r, body, err
		},
		Read: p.taken,
	})
}

// request is one of a call.
func (p *Provider) request(ctx context.Context, method, path string) (*http.Request, error) {
	r, err := line.Request(ctx, method, strings.TrimSuffix(p.config.API, "/")+path, "api")
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Authorization", "Bearer "+p.config.APIKey.Reveal())
	return r, nil
}

// taken reads the answer to a message, whose id stands in its header alone.
func (p *Provider) taken(answer *http.Response) (providers.Accepted, error) {
	if failure := p.failure(answer, line.Text(answer)); failure != nil {
		return providers.Accepted{}, failure
	}
	id := answer.Header.Get("X-Message-Id")
	if !providers.Key(id) {
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorInDoubt,
			Err: errors.New("the answer has no X-Message-Id, so that nobody knows whether it was taken: check config.api")}
	}
	return providers.Accepted{ProviderID: id, Response: answer.Status}, nil
}

// maySend is the permission that a key must have.
const maySend = "mail.send"

// Check looks whether SendGrid knows the key, and lets it send. It sends nothing.
func (p *Provider) Check(ctx context.Context) error {
	return p.line.Look(ctx, func(ctx context.Context) (*http.Request, error) { return p.request(ctx, http.MethodGet, "/v3/scopes") },
		func(answer *http.Response) error {
			text := line.Text(answer)
			if failure := p.failure(answer, text); failure != nil {
				return failure
			}
			var list struct {
				Scopes []string `json:"scopes"`
			}
			if err := json.Unmarshal([]byte(text), &list); err != nil {
				return &providers.Error{Kind: providers.ErrorTemporary, Err: errors.New("what answers there is not SendGrid: check config.api")}
			}
			if !slices.Contains(list.Scopes, maySend) {
				return &providers.Error{Kind: providers.ErrorAuth, Err: fmt.Errorf("the key may not send mail: give it the permission %s", maySend)}
			}
			return nil
		})
}

// Close closes the idle connections; no request is under way.
func (p *Provider) Close() error { return p.line.Close() }
