// Package xms owns the adapter for the XMS API: messages of every type go to a channel
// there, and what it posts to its webhook, receipts and what people write, is read. It must
// not know who speaks XMS at the other end, which may be another Carillon.
package xms

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"carillon/providers"
	"carillon/providers/line"
)

// Kind describes XMS.
func Kind() providers.Kind {
	k := providers.Define(providers.Kind{
		Name: "xms", Title: "XMS",
		Description: "Sends through a channel of an XMS server: WhatsApp, SMS or e-mail, with files, places, contact cards and buttons. " +
			"Set the address of /hooks/{channel_id} as the app's webhook there, and its verify token here.",
		Capabilities: providers.Capabilities{
			Address: providers.WhatsApp, Subject: true, Receipts: true, Replies: true, GivesID: true, Media: true, Location: true, Cards: true,
			Buttons: []providers.ButtonType{providers.ButtonLink, providers.ButtonPostback, providers.ButtonCall},
		},
	}, check, open)
	k.AddressFor = func(raw json.RawMessage) providers.AddressKind {
		c, ok := read(raw)
		if !ok {
			return providers.WhatsApp
		}
		return c.Address
	}
	k.Sender = func(raw json.RawMessage) string { // wa360:919999998888 is that number's
		c, _ := read(raw)
		_, lane, _ := strings.Cut(c.ChannelID, ":")
		return lane
	}
	k.MostRequests = line.Requests
	return k
}

func read(raw json.RawMessage) (c Config, ok bool) {
	return c, providers.DecodeConfig(raw, &c) == nil
}

// Provider sends messages through XMS.
type Provider struct {
	// config is behind a pointer because fmt prints what is in an unexported field
	// without asking it, secrets too.
	config *Config
	deps   providers.Deps
	line   *line.Line
	base   string
	// scrub takes the secrets out of what the other side says.
	scrub func(string) string
}

func open(c *Config, deps providers.Deps) (providers.Provider, error) {
	return &Provider{
		config: c, deps: deps, base: strings.TrimSuffix(c.URL, "/") + "/api/v1",
		scrub: line.Scrub(append(deps.Taken("verify_token", c.VerifyToken), c.APIKey)...),
		line:  line.New(deps, c.MaxConnections, time.Duration(c.TimeoutMS)*time.Millisecond),
	}, nil
}

// Send asks XMS to take one message.
func (p *Provider) Send(ctx context.Context, m providers.Message) (providers.Accepted, error) {
	return p.line.Ask(ctx, line.Asking{
		Message: &m,
		Request: func(ctx context.Context) (*http.Request, []byte, error) {
			body, err := p.encode(&m)
			if err != nil {
				return nil, nil, err
			}
			r, err := p.request(ctx, http.MethodPost, "/message/send")
			return r, body, err
		},
		Read: p.taken,
	})
}

// request is one with the headers that every call has.
func (p *Provider) request(ctx context.Context, method, path string) (*http.Request, error) {
	r, err := line.Request(ctx, method, p.base+path, "url")
	if err != nil {
		return nil, err
	}
	r.Header.Set("x-api-key", p.config.APIKey.Reveal())
	if p.config.APIID != "" {
		r.Header.Set("x-api-id", p.config.APIID)
	}
	return r, nil
}

// Check looks whether the key is good and the channel is there. It sends nothing.
func (p *Provider) Check(ctx context.Context) error {
	return p.line.Look(ctx, func(ctx context.Context) (*http.Request, error) {
		return p.request(ctx, http.MethodGet, "/config/channels")
	},
		func(answer *http.Response) error {
			text := line.Text(answer)
			if failure := p.failure(answer, text); failure != nil {
				return failure
			}
			var list struct {
				Results []struct {
					ChannelID loose `json:"channelId"`
				} `json:"results"`
			}
			if err := json.Unmarshal([]byte(text), &list); err != nil {
				return &providers.Error{Kind: providers.ErrorTemporary, Err: errors.New("what answers there is no XMS API: check config.url")}
			}
			for _, c := range list.Results {
				if string(c.ChannelID) == p.config.ChannelID {
					return nil
				}
			}
			return &providers.Error{Kind: providers.ErrorSender, Code: channelNotFound,
				Err: errors.New("there is no such channel for this key: check config.channel_id")}
		})
}

// envelope is around every answer.
type envelope struct {
	Status    loose `json:"status"`
	StatusKey loose `json:"statusKey"`
	Data      *sent `json:"data"`
	Results   []sent
	Errors    []struct {
		Field       loose `json:"field"`
		CodeKey     loose `json:"codeKey"`
		Description loose `json:"description"`
	} `json:"errors"`
}

type sent struct {
	ID loose `json:"id"`
}

// id is the id of the message; empty if none was given that can be kept.
func (e *envelope) id() string {
	id := ""
	if len(e.Results) > 0 {
		id = string(e.Results[0].ID)
	}
	if id == "" && e.Data != nil {
		id = string(e.Data.ID)
	}
	if !providers.Key(id) {
		return ""
	}
	return id
}

// taken reads the answer to a message.
func (p *Provider) taken(answer *http.Response) (providers.Accepted, error) {
	text := line.Text(answer)
	if failure := p.failure(answer, text); failure != nil {
		return providers.Accepted{}, failure
	}
	var e envelope
	if err := json.Unmarshal([]byte(text), &e); err != nil || e.id() == "" {
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorInDoubt, Err: errors.New("the answer has no id: whether it was taken is not known")}
	}
	return providers.Accepted{ProviderID: e.id(), Response: answer.Status}, nil
}

// Codes of XMS that mean something of their own; all else that is wrong with a message is
// that message's fault.
const (
	channelNotFound = "CHANNEL_NOT_FOUND"
	accessDenied    = "ACCESS_DENIED"
)

var codes = map[string]providers.ErrorKind{
	"CHANNEL_MISSING":              providers.ErrorSender,
	channelNotFound:                providers.ErrorSender,
	"CHANNEL_DISABLED":             providers.ErrorSender,
	accessDenied:                   providers.ErrorAuth,
	"INSUFFICIENT_CONTACT_DETAILS": providers.ErrorRecipient,
}

// failure is what an answer that refuses means; nil for one that does not. A code is more
// than the status that it comes with.
func (p *Provider) failure(answer *http.Response, text string) *providers.Error {
	failure := providers.ClassifyHTTP(answer.StatusCode, answer.Header, p.deps.Clock.Now())
	var e envelope
	readable := json.Unmarshal([]byte(text), &e) == nil
	if failure == nil {
		if !readable || e.Status == "" || strings.HasPrefix(string(e.Status), "2") {
			return nil
		}
		failure = &providers.Error{Kind: providers.ErrorContent, Code: string(e.Status), Err: errors.New("the provider refused")}
	}
	said := text
	if readable {
		code := string(e.StatusKey)
		if len(e.Errors) > 0 {
			code, said = cmp.Or(string(e.Errors[0].CodeKey), code), string(e.Errors[0].Description)
		}
		if kind, known := codes[code]; known {
			failure.Kind, failure.Bounce = kind, ""
		}
		failure.Code = cmp.Or(line.Quote(code), failure.Code)
	}
	if answer.StatusCode/100 == 3 {
		failure.Err = fmt.Errorf("the server answered %s, and redirects are not followed: set config.url to where it points", answer.Status)
		return failure
	}
	if quoted := line.Quote(p.scrub(said)); quoted != "" {
		failure.Err = fmt.Errorf("%w: %s", failure.Err, quoted)
	}
	return failure
}

// Close closes the idle connections; no request is under way.
func (p *Provider) Close() error { return p.line.Close() }

// loose is a text that may be written as a number.
type loose string

// UnmarshalJSON reads one; what is neither is empty.
func (l *loose) UnmarshalJSON(raw []byte) error {
	switch {
	case string(raw) == "null" || bytes.ContainsAny(raw[:1], "{["):
	case raw[0] == '"':
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return err
		}
		*l = loose(s)
	default:
		*l = loose(raw)
	}
	return nil
}
