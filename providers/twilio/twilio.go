// Package twilio owns the adapter for Twilio's Messages API: SMS, MMS and WhatsApp go out from
// a number, a name or a messaging service, and what Twilio posts, what became of messages and
// what people write, is read. It must not know who else sends through the account.
package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"carillon/providers"
	"carillon/providers/line"
)

// maxBody is the longest text that Twilio takes, alone or beside a file; what has more than 16
// bits in UTF-16 counts twice.
const maxBody = 1600

// The largest files that Twilio fetches, in bytes: twilio.com/docs/messaging/guides/accepted-mime-types,
// "Media size limits".
const (
	mostMMS      = 5 * providers.MB
	mostWhatsApp = 16 * providers.MB
)

// whatsApp stands before the numbers of WhatsApp, so that they are not taken for those of SMS.
const whatsApp = "whatsapp:"

// Kind describes Twilio.
func Kind() providers.Kind {
	k := providers.Define(providers.Kind{
		Name: "twilio", Title: "Twilio",
		Description: "Sends SMS, MMS and WhatsApp messages through an account at Twilio. Limit the channel to what the number may send: " +
			"one part of an SMS a second from a US number, 3 from a toll-free one, 100 from a short code. " +
			"With public_url set Twilio is asked to report what becomes of each message; set the address of /hooks/{channel_id} as the number's, " +
			"the messaging service's or the WhatsApp sender's webhook for incoming messages, and what people write comes back.",
		Capabilities: providers.Capabilities{
			Address: providers.SMS, MaxTextUnits: maxBody, MaxCaptionUnits: maxBody, Receipts: true, Replies: true, GivesID: true, Media: true,
			Finds: true, Files: slices.Concat(providers.AnyFile(providers.SMS, mostMMS), providers.AnyFile(providers.WhatsApp, mostWhatsApp)),
		},
	}, check, open)
	k.AddressFor = func(raw json.RawMessage) providers.AddressKind {
		c, ok := read(raw)
		if !ok {
			return providers.SMS
		}
		return c.Address
	}
	k.Sender = func(raw json.RawMessage) string {
		c, _ := read(raw)
		return c.From
	}
	k.MostRequests = line.Requests
	return k
}

func read(raw json.RawMessage) (c Config, ok bool) {
	return c, providers.DecodeConfig(raw, &c) == nil
}

// Provider sends messages through an account.
type Provider struct {
	// config is behind a pointer because fmt prints what is in an unexported field
	// without asking it, secrets too.
	config *Config
	deps   providers.Deps
	line   *line.Line
	// base is the account's address, without .json.
	base string
	// scrub takes the secrets out of what the other side says.
	scrub func(string) string
}

func open(c *Config, deps providers.Deps) (providers.Provider, error) {
	return &Provider{
		config: c, deps: deps, base: strings.TrimSuffix(c.API, "/") + "/2010-04-01/Accounts/" + c.AccountSID,
		scrub: line.Scrub(append(deps.Taken("auth_token", c.AuthToken), c.APIKeySecret)...),
		line:  line.New(deps, c.MaxConnections, time.Duration(c.TimeoutMS)*time.Millisecond),
	}, nil
}

// Send asks Twilio to take one message.
func (p *Provider) Send(ctx context.Context, m providers.Message) (providers.Accepted, error) {
	if n := providers.Units(m.Content.Beside()); n > maxBody {
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorContent, Code: "too_long",
			Err: fmt.Errorf("the text has %d letters, an emoji counted as two; Twilio takes at most %d: shorten it", n, maxBody)}
	}
	return p.line.Ask(ctx, line.Asking{
		Message: &m,
		Request: func(ctx context.Context) (*http.Request, []byte, error) {
			r, err := p.request(ctx, http.MethodPost, "/Messages.json")
			if err != nil {
				return nil, nil, err
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return r, []byte(p.form(&m).Encode()), nil
		},
		Read: p.taken,
	})
}

// form is a message as Twilio takes it.
func (p *Provider) form(m *providers.Message) url.Values {
	f := url.Values{"To": {p.address(m.To)}}
	if p.config.From != "" {
		f.Set("From", p.address(p.config.From))
	} else {
		f.Set("MessagingServiceSid", p.config.MessagingServiceSID)
	}
	if text := m.Content.Beside(); text != "" {
		f.Set("Body", text)
	}
	if m.Content.Attachment != nil {
		f.Set("MediaUrl", m.Content.Attachment.URL)
	}
	if p.deps.HookURL != "" {
		f.Set("StatusCallback", p.deps.HookURL)
	}
	return f
}

// address is a number as Twilio writes it.
func (p *Provider) address(number string) string {
	if p.config.Address == providers.WhatsApp {
		return whatsApp + number
	}
	return number
}

// request is one of the account's.
func (p *Provider) request(ctx context.Context, method, path string) (*http.Request, error) {
	r, err := line.Request(ctx, method, p.base+path, "api")
	if err != nil {
		return nil, err
	}
	if p.config.APIKeySID != "" {
		r.SetBasicAuth(p.config.APIKeySID, p.config.APIKeySecret.Reveal())
	} else {
		r.SetBasicAuth(p.config.AccountSID, p.config.AuthToken.Reveal())
	}
	return r, nil
}

// taken reads the answer to a message.
func (p *Provider) taken(answer *http.Response) (providers.Accepted, error) {
	text := line.Text(answer)
	if failure := p.failure(answer, text); failure != nil {
		return providers.Accepted{}, failure
	}
	var a struct {
		SID string `json:"sid"`
	}
	if json.Unmarshal([]byte(text), &a) != nil || !providers.Key(a.SID) {
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorInDoubt,
			Err: errors.New("the answer is not Twilio's, so that nobody knows what became of the request: check config.api")}
	}
	return providers.Accepted{ProviderID: a.SID, Response: answer.Status}, nil
}

// Check looks whether the account is there, and active. It sends nothing.
func (p *Provider) Check(ctx context.Context) error {
	return p.line.Look(ctx, func(ctx context.Context) (*http.Request, error) { return p.request(ctx, http.MethodGet, ".json") },
		func(answer *http.Response) error {
			text := line.Text(answer)
			if failure := p.failure(answer, text); failure != nil {
				return failure
			}
			var account struct {
				Status string `json:"status"`
			}
			switch err := json.Unmarshal([]byte(text), &account); {
			case err != nil || account.Status == "":
				return &providers.Error{Kind: providers.ErrorTemporary, Err: errors.New("what answers there is not Twilio: check config.api")}
			case account.Status != "active":
				return &providers.Error{Kind: providers.ErrorAccount, Code: line.Quote(account.Status),
					Err: fmt.Errorf("the account is %s: the Console says why", line.Quote(p.scrub(account.Status)))}
			}
			return nil
		})
}

// Close closes the idle connections; no request is under way.
func (p *Provider) Close() error { return p.line.Close() }
