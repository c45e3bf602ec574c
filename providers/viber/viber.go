// Package viber owns the adapter for Viber's REST Bot API: texts, pictures and buttons go out
// through a bot, and what Viber posts to its webhook is read. It must not know who else the bot
// talks for.
package viber

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"carillon/providers"
	"carillon/providers/line"
)

// Kind describes Viber.
func Kind() providers.Kind {
	k := providers.Define(providers.Kind{
		Name: "viber", Title: "Viber",
		Description: "Sends through a bot of Viber's to who has subscribed to it: texts, pictures and buttons. " +
			"Viber takes 100 messages in an hour for somebody who does not answer, and says nothing of a rate: a new channel is limited to 20 a second. " +
			"Give the address of /hooks/{channel_id} to set_webhook: what arrived and was seen comes back, and what people write.",
		Preset: providers.Limits{PerSecond: 20},
		Capabilities: providers.Capabilities{
			Address: providers.Viber, MaxTextUnits: maxText, Receipts: true, Replies: true, GivesID: true,
			Buttons: []providers.ButtonType{providers.ButtonLink, providers.ButtonPostback},
		},
	}, check, open)
	k.MostRequests = line.Requests
	return k
}

// Provider sends messages through a bot.
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
		config: c, deps: deps, scrub: line.Scrub(deps.Taken("token", c.Token)...),
		line: line.New(deps, c.MaxConnections, time.Duration(c.TimeoutMS)*time.Millisecond),
	}, nil
}

// Send asks Viber to take one message.
func (p *Provider) Send(ctx context.Context, m providers.Message) (providers.Accepted, error) {
	parameters, refused := outbound(&m.Content)
	if refused != nil {
		return providers.Accepted{}, refused
	}
	sender := map[string]any{"name": p.config.Sender}
	if p.config.Avatar != "" {
		sender["avatar"] = p.config.Avatar
	}
	parameters["receiver"], parameters["sender"], parameters["min_api_version"] = m.To, sender, 1
	// Viber keeps no key by which it drops repeats, but sends this back with what they answer.
	parameters["tracking_data"] = p.deps.UniqueID(m.ID)
	body, err := json.Marshal(parameters)
	if err != nil {
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorContent, Err: fmt.Errorf("encode message: %w", err)}
	}
	if len(body) > maxBytes {
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorContent, Code: "too_long",
			Err: fmt.Errorf("the message has %d bytes with its buttons; Viber takes at most %d: shorten it", len(body), maxBytes)}
	}
	return p.ask(ctx, &m, call{"send_message", body}, func(answer *http.Response, a *answered) (providers.Accepted, error) {
		id := a.Token.String()
		if number, err := strconv.ParseUint(id, 10, 64); err != nil || number == 0 {
			return providers.Accepted{}, inDoubt()
		}
		return providers.Accepted{ProviderID: id, Response: answer.Status}, nil
	})
}

// call is one of the API's, with its parameters as JSON.
type call struct {
	name string
	body []byte
}

// ask makes a call. read has its answer where that refuses nothing.
func (p *Provider) ask(ctx context.Context, m *providers.Message, c call, read func(answer *http.Response, a *answered) (providers.Accepted, error),
) (providers.Accepted, error) {
	return p.line.Ask(ctx, line.Asking{
		Message: m,
		Request: func(ctx context.Context) (*http.Request, []byte, error) {
			r, err := line.Request(ctx, http.MethodPost, strings.TrimSuffix(p.config.API, "/")+"/"+c.name, "api")
			if err == nil {
				r.Header.Set("X-Viber-Auth-Token", p.config.Token.Reveal())
			}
			return r, c.body, err
		},
		Read: func(answer *http.Response) (providers.Accepted, error) {
			a, failure := p.read(answer)
			if failure != nil {
				return providers.Accepted{}, failure
			}
			return read(answer, a)
		},
	})
}

func inDoubt() *providers.Error {
	return &providers.Error{Kind: providers.ErrorInDoubt,
		Err: errors.New("the answer is not the REST Bot API's, so that nobody knows what became of the request: check config.api")}
}

// Check looks whether Viber knows the bot. It sends nothing.
func (p *Provider) Check(ctx context.Context) error {
	_, err := p.ask(ctx, &providers.Message{}, call{"get_account_info", []byte("{}")}, func(*http.Response, *answered) (providers.Accepted, error) {
		return providers.Accepted{}, nil
	})
	if err == nil {
		return nil
	}
	failure := *providers.AsError(err)
	if failure.Kind == providers.ErrorInDoubt { // nothing was sent
		failure.Kind = providers.ErrorTemporary
	}
	return &failure
}

// Close closes the idle connections; no request is under way.
func (p *Provider) Close() error { return p.line.Close() }
