// Package webpush owns the adapter for Web Push (RFC 8030): notifications of a web site go to
// browsers through the push services of who makes them, encrypted for each (RFC 8291) and signed
// by the site's key (RFC 8292). It must not know how a page shows them.
package webpush

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"carillon/providers"
	"carillon/providers/line"
)

// maxText leaves a quarter of what goes in a message for the title, addresses and what JSON
// escapes.
const maxText = 3000

// Kind describes Web Push.
func Kind() providers.Kind {
	k := providers.Define(providers.Kind{
		Name: "webpush", Title: "Web Push",
		Description: "Sends notifications to browsers that have subscribed on a web site: title, text, link, picture. " +
			"A contact's web address is the subscription as JSON. " +
			"The push services of Google, Mozilla, Apple and Microsoft need no account: a key pair of your own proves that it is you.",
		Capabilities: providers.Capabilities{
			Address: providers.Web, Subject: true, MaxTextBytes: maxText, Media: true, Buttons: []providers.ButtonType{providers.ButtonLink},
		},
	}, check, open)
	k.MostRequests = line.Requests
	return k
}

// Provider sends notifications that a key signs.
type Provider struct {
	// config is behind a pointer because fmt prints what is in an unexported field
	// without asking it, secrets too.
	config *Config
	deps   providers.Deps
	line   *line.Line
	// scrub takes the key out of what the other side says.
	scrub func(string) string
}

func open(c *Config, deps providers.Deps) (providers.Provider, error) {
	return &Provider{
		config: c, deps: deps, scrub: line.Scrub(c.PrivateKey),
		line: line.New(deps, c.MaxConnections, time.Duration(c.TimeoutMS)*time.Millisecond),
	}, nil
}

// Send asks the subscription's push service to take one message.
func (p *Provider) Send(ctx context.Context, m providers.Message) (providers.Accepted, error) {
	to, refused := p.subscription(m.To)
	if refused != nil {
		return providers.Accepted{}, refused
	}
	text, refused := p.payload(&m)
	if refused != nil {
		return providers.Accepted{}, refused
	}
	accepted, err := p.line.Ask(ctx, line.Asking{
		Message: &m,
		Request: func(ctx context.Context) (*http.Request, []byte, error) {
			sealed, err := p.seal(ctx, text, to)
			if err != nil {
				return nil, nil, fmt.Errorf("encrypt message: %w", err)
			}
			r, err := line.Request(ctx, http.MethodPost, to.Endpoint, "services")
			if err != nil {
				return nil, nil, err
			}
			for name, values := range sealed.header {
				r.Header[name] = values
			}
			return r, sealed.body, nil
		},
		Read: p.read,
	})
	if err != nil {
		return accepted, elsewhere(err)
	}
	return accepted, nil
}

// elsewhere is a failure to reach an endpoint that would say of another channel that its
// settings are wrong: here it is the subscription that says where to connect.
func elsewhere(err error) error {
	failure := providers.AsError(err)
	if failure.Kind == providers.ErrorAuth && failure.Code == "" {
		failure.Kind = providers.ErrorRecipient
		return failure
	}
	return err
}

// Close closes the idle connections; no request is under way.
func (p *Provider) Close() error { return p.line.Close() }
