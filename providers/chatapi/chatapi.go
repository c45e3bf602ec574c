// Package chatapi owns the adapter for Chat-API: texts and files go out through an instance,
// and what it posts to its webhook, acks and what people write, is read. It must not know
// who speaks Chat-API at the other end, which may be another Carillon.
package chatapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"carillon/providers"
	"carillon/providers/line"
)

// Kind describes Chat-API.
func Kind() providers.Kind {
	k := providers.Define(providers.Kind{
		Name: "chatapi", Title: "Chat-API",
		Description: "Sends texts and files through an instance of Chat-API. Set /hooks/{channel_id}?token=… as its webhook, with the hook_token, " +
			"and its ackNotificationsOn: it tells what arrived and was read, and nothing of what failed.",
		Capabilities: providers.Capabilities{Address: providers.WhatsApp, Receipts: true, Replies: true, GivesID: true, Media: true},
	}, check, open)
	k.MostRequests = line.Requests
	return k
}

// Provider sends messages through an instance.
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

// outbound is a text, or a file by its address.
type outbound struct {
	Phone    string `json:"phone"`
	Body     string `json:"body"`
	Filename string `json:"filename,omitempty"`
	Caption  string `json:"caption,omitempty"`
}

// Send asks the instance to take one message.
func (p *Provider) Send(ctx context.Context, m providers.Message) (providers.Accepted, error) {
	call, o := "sendMessage", outbound{Phone: strings.TrimPrefix(m.To, "+"), Body: m.Content.Text}
	if a := m.Content.Attachment; a != nil {
		call, o.Body, o.Filename, o.Caption = "sendFile", a.URL, cmp.Or(a.Filename, nameOf(a.URL)), m.Content.Beside()
	}
	return p.line.Ask(ctx, line.Asking{
		Message: &m,
		Request: func(ctx context.Context) (*http.Request, []byte, error) {
			body, err := json.Marshal(o)
			if err != nil {
				return nil, nil, fmt.Errorf("encode message: %w", err)
			}
			r, err := p.request(ctx, http.MethodPost, call)
			return r, body, err
		},
		Read: p.taken,
	})
}

// nameOf is the name of a file that its address has; every file must have one.
func nameOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "file"
	}
	if name := path.Base(u.Path); name != "." && name != "/" {
		return name
	}
	return "file"
}

// request is one of a call. The token stands in the address, as it must: no error may show
// that.
func (p *Provider) request(ctx context.Context, method, call string) (*http.Request, error) {
	address := strings.TrimSuffix(p.config.URL, "/") + "/" + call + "?token=" + url.QueryEscape(p.config.Token.Reveal())
	return line.Request(ctx, method, address, "url")
}

// answered is what is answered to every call.
type answered struct {
	Sent          *bool           `json:"sent"`
	Message       json.RawMessage `json:"message"`
	Error         json.RawMessage `json:"error"`
	ID            json.RawMessage `json:"id"`
	AccountStatus string          `json:"accountStatus"`
}

// text is a value as a text; what is none is empty.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// taken reads the answer to a message.
func (p *Provider) taken(answer *http.Response) (providers.Accepted, error) {
	a, failure := p.read(answer)
	switch {
	case failure != nil:
		return providers.Accepted{}, failure
	case a.Sent == nil:
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorInDoubt, Err: errors.New("the answer does not say whether it was sent")}
	case !*a.Sent:
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorContent, Code: "not_sent", Err: p.saying("the provider did not take it", text(a.Message))}
	}
	accepted := providers.Accepted{ProviderID: text(a.ID), Response: line.Quote(p.scrub(text(a.Message)))}
	if !providers.Key(accepted.ProviderID) { // it was taken all the same; what is reported of it is nobody's
		accepted.ProviderID = ""
	}
	return accepted, nil
}

// wrongToken is what clients look for, whatever the status.
const wrongToken = "Wrong token"

// read reads an answer; failure is what one that refuses means.
func (p *Provider) read(answer *http.Response) (a answered, failure *providers.Error) {
	said := line.Text(answer)
	readable := json.Unmarshal([]byte(said), &a) == nil
	failure = providers.ClassifyHTTP(answer.StatusCode, answer.Header, p.deps.Clock.Now())
	problem := text(a.Error)
	switch {
	case readable && strings.Contains(problem, wrongToken):
		return a, &providers.Error{Kind: providers.ErrorAuth, Code: "wrong_token", Err: p.saying("the provider refuses the token", problem)}
	case failure == nil && problem != "":
		return a, &providers.Error{Kind: providers.ErrorContent, Code: "error", Err: p.saying("the provider refused", problem)}
	case failure == nil:
		return a, nil
	case answer.StatusCode == http.StatusNotFound && problem != "":
		failure.Kind = providers.ErrorAccount // it is Chat-API that answers, and it knows no such instance
	case answer.StatusCode/100 == 3:
		failure.Err = fmt.Errorf("the server answered %s, and redirects are not followed: set config.url to where it points", answer.Status)
		return a, failure
	}
	failure.Err = p.saying(failure.Err.Error(), cmp.Or(problem, said))
	return a, failure
}

// saying is an error with what the other side said.
func (p *Provider) saying(what, said string) error {
	if quoted := line.Quote(p.scrub(said)); quoted != "" {
		return errors.New(what + ": " + quoted)
	}
	return errors.New(what)
}

// Check looks whether the instance is there and signed in. It sends nothing.
func (p *Provider) Check(ctx context.Context) error {
	_, err := p.line.Ask(ctx, line.Asking{
		Message: &providers.Message{},
		Request: func(ctx context.Context) (*http.Request, []byte, error) {
			r, err := p.request(ctx, http.MethodGet, "status")
			return r, nil, err
		},
		Read: func(answer *http.Response) (providers.Accepted, error) {
			a, failure := p.read(answer)
			switch {
			case failure != nil:
				return providers.Accepted{}, failure
			case a.AccountStatus != "authenticated":
				return providers.Accepted{}, &providers.Error{Kind: providers.ErrorTemporary, Err: p.saying("the instance is not signed in", a.AccountStatus)}
			}
			return providers.Accepted{}, nil
		},
	})
	return err
}

// Close closes the idle connections; no request is under way.
func (p *Provider) Close() error { return p.line.Close() }
