// Package postmark owns the adapter for Postmark: e-mail goes out in batches, and what becomes
// of it is read from what Postmark posts to its webhook. It must not know campaigns, nor who
// else sends through the same server of Postmark's.
package postmark

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"carillon/providers"
	"carillon/providers/line"
	"carillon/providers/mail"
)

// maxBatch is the most messages of one request (Postmark's documentation of /email/batch).
const maxBatch = 500

// Kind describes Postmark.
func Kind() providers.Kind {
	k := providers.Define(providers.Kind{
		Name: "postmark", Title: "E-mail (Postmark)",
		Description: "Hands e-mail to Postmark, campaigns and transactional messages in a message stream each. " +
			"Set /hooks/{channel_id}?token=… with the hook_token as the webhook of both streams, for deliveries, bounces, complaints and " +
			"subscription changes.",
		Capabilities: providers.Capabilities{
			Address: providers.Email, Subject: true, HTML: true, Receipts: true, GivesID: true, EchoesID: true, MaxBatch: maxBatch,
			Finds: true, Uploads: providers.FileWithin, Files: providers.AnyFile("", mostAttached),
		},
	}, check, open)
	k.MostRequests = line.Requests
	k.Sender = mail.Said(func(c Config) string { return c.From })
	k.SenderDomain = mail.Said(func(c Config) string { return mail.Domain(c.From) })
	k.Server = mail.Said(func(Config) string { return "smtp.postmarkapp.com" })
	return k
}

// Provider sends e-mail through a server of Postmark's.
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
		config: c, deps: deps, scrub: line.Scrub(append(deps.Taken("hook_token", c.HookToken), c.Token)...),
		line: line.New(deps, c.MaxConnections, time.Duration(c.TimeoutMS)*time.Millisecond),
	}, nil
}

// Send is a batch of one.
func (p *Provider) Send(ctx context.Context, m providers.Message) (providers.Accepted, error) {
	r := p.SendBatch(ctx, []providers.Message{m})[0]
	return r.Accepted, r.Err
}

// request is one of a call.
func (p *Provider) request(ctx context.Context, method, path string) (*http.Request, error) {
	r, err := line.Request(ctx, method, strings.TrimSuffix(p.config.API, "/")+path, "api")
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("X-Postmark-Server-Token", p.config.Token.Reveal())
	return r, nil
}

// Check looks whether Postmark knows the token, and has the message streams. It sends nothing.
func (p *Provider) Check(ctx context.Context) error {
	return p.line.Look(ctx, func(ctx context.Context) (*http.Request, error) {
		return p.request(ctx, http.MethodGet, "/message-streams?MessageStreamType=All&IncludeArchivedStreams=false")
	}, p.streams)
}

// streams reads the list of message streams.
func (p *Provider) streams(answer *http.Response) error {
	text := line.Text(answer)
	if failure := p.failure(answer, text); failure != nil {
		return failure
	}
	var list struct {
		MessageStreams []struct{ ID, MessageStreamType string }
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return &providers.Error{Kind: providers.ErrorTemporary, Err: errors.New("what answers there is not Postmark: check config.api")}
	}
	known := map[string]string{}
	for _, s := range list.MessageStreams {
		known[s.ID] = s.MessageStreamType
	}
	for _, wanted := range []struct{ setting, id string }{{"stream", p.config.Stream}, {"transactional_stream", p.config.TransactionalStream}} {
		switch kind, has := known[wanted.id]; {
		case !has:
			return &providers.Error{Kind: providers.ErrorSender, Err: fmt.Errorf("the server has no message stream %q: correct config.%s", wanted.id, wanted.setting)}
		case kind == "Inbound":
			return &providers.Error{Kind: providers.ErrorSender, Err: fmt.Errorf("the message stream %q only receives: correct config.%s", wanted.id, wanted.setting)}
		}
	}
	return nil
}

// Close closes the idle connections; no request is under way.
func (p *Provider) Close() error { return p.line.Close() }
