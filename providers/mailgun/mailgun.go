// Package mailgun owns the adapter for Mailgun: e-mail goes out by its API, and what becomes of
// it is read from what Mailgun posts to its webhooks. It must not know campaigns, nor who else
// sends from the same domain.
package mailgun

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"carillon/providers"
	"carillon/providers/line"
	"carillon/providers/mail"
)

// Kind describes Mailgun. It takes no batches: a request of its own has many recipients of one
// content, and ours has a content for each.
func Kind() providers.Kind {
	k := providers.Define(providers.Kind{
		Name: "mailgun", Title: "E-mail (Mailgun)",
		Description: "Hands e-mail to Mailgun, in its region US or EU. Set the address of /hooks/{channel_id} as the domain's webhook for delivered messages, " +
			"permanent failures and spam complaints.",
		Capabilities: providers.Capabilities{
			Address: providers.Email, Subject: true, HTML: true, Receipts: true, GivesID: true, EchoesID: true, Finds: true,
			Uploads: providers.FileWithin, Files: providers.AnyFile("", mostAttached),
		},
	}, check, open)
	k.MostRequests = line.Requests
	k.Sender = mail.Said(func(c Config) string { return c.From })
	k.SenderDomain = mail.Said(func(c Config) string { return mail.Domain(c.From) })
	k.Server = mail.Said(server)
	k.SignedDomain = mail.Said(func(c Config) string { return strings.ToLower(c.Domain) })
	return k
}

// server is the name of the server at which the region takes mail, by which it is known what it
// sends from.
func server(c Config) string {
	if strings.Contains(c.API, "//api.eu.") {
		return "smtp.eu.mailgun.org"
	}
	return "smtp.mailgun.org"
}

// Provider sends e-mail from a domain at Mailgun.
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
		config: c, deps: deps, scrub: line.Scrub(append(deps.Taken("signing_key", c.SigningKey), c.APIKey)...),
		line: line.New(deps, c.MaxConnections, time.Duration(c.TimeoutMS)*time.Millisecond),
	}, nil
}

// Send asks Mailgun to take one message.
func (p *Provider) Send(ctx context.Context, m providers.Message) (providers.Accepted, error) {
	made, refused := mail.New(&m, p.config.From, mostAttached, p.deps)
	if refused != nil {
		return providers.Accepted{}, refused
	}
	return p.line.Ask(ctx, line.Asking{
		Message: &m,
		Request: func(ctx context.Context) (*http.Request, []byte, error) {
			contentType, body, err := p.form(m.ID, &made)
			if err != nil {
				return nil, nil, err
			}
			r, err := p.request(ctx, http.MethodPost, "/messages", contentType)
			return r, body, err
		},
		Read: p.taken,
	})
}

// request is one of the domain's; contentType is of its body, empty without one.
func (p *Provider) request(ctx context.Context, method, path, contentType string) (*http.Request, error) {
	r, err := line.Request(ctx, method, strings.TrimSuffix(p.config.API, "/")+"/v3/"+p.config.Domain+path, "api")
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	r.SetBasicAuth("api", p.config.APIKey.Reveal())
	return r, nil
}

// taken reads the answer to a message.
func (p *Provider) taken(answer *http.Response) (providers.Accepted, error) {
	text := line.Text(answer)
	if failure := p.failure(answer, text); failure != nil {
		return providers.Accepted{}, failure
	}
	var a struct {
		ID      string `json:"id"`
		Message string `json:"message"`
	}
	if json.Unmarshal([]byte(text), &a) != nil || !providers.Key(a.ID) {
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorInDoubt,
			Err: errors.New("the answer has no id, so that nobody knows whether it was taken: check config.api")}
	}
	return providers.Accepted{ProviderID: a.ID, Response: line.Quote(answer.Status + " " + p.scrub(a.Message))}, nil
}

// missing is what Mailgun says of a message without a sender.
const missing = "parameter is missing"

// Check asks Mailgun to take a message without a sender, a recipient or a word, which it refuses
// if all else is right: a sending key may ask for nothing else. It sends nothing.
func (p *Provider) Check(ctx context.Context) error {
	return p.line.Look(ctx, func(ctx context.Context) (*http.Request, error) {
		return p.request(ctx, http.MethodPost, "/messages", "application/x-www-form-urlencoded")
	},
		func(answer *http.Response) error {
			text := line.Text(answer)
			failure := p.failure(answer, text)
			switch {
			case failure == nil:
				return &providers.Error{Kind: providers.ErrorTemporary, Err: errors.New("what answers there is not Mailgun: check config.api")}
			case answer.StatusCode == http.StatusBadRequest && strings.Contains(text, missing):
				return nil
			}
			return failure
		})
}

// Close closes the idle connections; no request is under way.
func (p *Provider) Close() error { return p.line.Close() }
