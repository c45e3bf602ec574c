// Package vonage owns the adapter for Vonage's Messages API: SMS go out from a number or a name,
// and what Vonage posts, what became of messages and what people write, is read. It must not know
// who else sends through the account.
package vonage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"carillon/internal/secret"
	"carillon/providers"
	"carillon/providers/line"
)

// maxText is the longest text that Vonage takes, in characters: developer.vonage.com/en/api/messages.
// Counted in units of UTF-16 nothing goes that it would refuse.
const maxText = 1000

// perSecond is how many requests a second Vonage takes of an account: developer.vonage.com/en/messaging/sms/guides/throughput-limits.
const perSecond = 30

// Kind describes Vonage.
func Kind() providers.Kind {
	k := providers.Define(providers.Kind{
		Name: "vonage", Title: "Vonage",
		Description: "Sends SMS through an account at Vonage, by its Messages API. It takes 30 messages a second of an account, which a new channel is limited to; " +
			"a US number may send one a second. With public_url set Vonage is asked to report what becomes of each message; set the address of " +
			"/hooks/{channel_id} as the inbound URL of the application, and what people write comes back.",
		Preset: providers.Limits{PerSecond: perSecond},
		Capabilities: providers.Capabilities{
			Address: providers.SMS, MaxTextUnits: maxText, Receipts: true, Replies: true, GivesID: true, EchoesID: true,
		},
	}, check, open)
	k.Sender = func(raw json.RawMessage) string {
		var c Config
		if providers.DecodeConfig(raw, &c) != nil {
			return ""
		}
		return c.From
	}
	k.MostRequests = line.Requests
	return k
}

// Provider sends messages through an account.
type Provider struct {
	// config is behind a pointer because fmt prints what is in an unexported field
	// without asking it, secrets too.
	config *Config
	deps   providers.Deps
	line   *line.Line
	tokens *line.Signed // nil where an API key sends
	// scrub takes the secrets out of what the other side says.
	scrub func(string) string
}

func open(c *Config, deps providers.Deps) (providers.Provider, error) {
	secrets := slices.Concat(deps.Taken("signature_secret", c.SignatureSecret), []secret.String{c.APISecret}, line.Key(c.PrivateKey))
	p := &Provider{
		config: c, deps: deps, scrub: line.Scrub(secrets...),
		line: line.New(deps, c.MaxConnections, time.Duration(c.TimeoutMS)*time.Millisecond),
	}
	if c.ApplicationID != "" {
		private, err := key(c.PrivateKey)
		if err != nil {
			return nil, fmt.Errorf("read config.private_key: %w", err)
		}
		p.tokens = newTokens(c, private, deps)
	}
	return p, nil
}

// outgoing is a message as Vonage takes it.
type outgoing struct {
	Type    string `json:"message_type"`
	Channel string `json:"channel"`
	To      string `json:"to"`
	From    string `json:"from"`
	Text    string `json:"text"`
	// Ref comes back with every status.
	Ref string `json:"client_ref"`
	// Hook is where these are posted to, in place of the application's address, and HookForm
	// the form of them.
	Hook     string `json:"webhook_url,omitempty"`
	HookForm string `json:"webhook_version,omitempty"`
}

// Send asks Vonage to take one message.
func (p *Provider) Send(ctx context.Context, m providers.Message) (providers.Accepted, error) {
	out := outgoing{
		Type: "text", Channel: "sms", To: digits(m.To), From: digits(p.config.From), Text: words(&m.Content), Ref: p.deps.UniqueID(m.ID), Hook: p.deps.HookURL,
	}
	if out.Hook != "" {
		out.HookForm = "v1"
	}
	if n := providers.Units(out.Text); n > maxText {
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorContent, Code: "too_long",
			Err: fmt.Errorf("the text has %d letters, an emoji counted as two; Vonage takes at most %d: shorten it", n, maxText)}
	}
	body, err := json.Marshal(out)
	if err != nil {
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorContent, Err: fmt.Errorf("encode message: %w", err)}
	}
	return p.line.Ask(ctx, line.Asking{
		Message: &m,
		Request: func(ctx context.Context) (*http.Request, []byte, error) {
			r, err := p.request(ctx)
			return r, body, err
		},
		Read: p.taken,
	})
}

// words are a text with the address of a file below it.
func words(c *providers.Content) string {
	if c.Attachment == nil {
		return c.Text
	}
	return strings.TrimPrefix(c.Beside()+"\n"+c.Attachment.URL, "\n")
}

// digits is a number as Vonage writes it; a name is as it is.
func digits(number string) string { return strings.TrimPrefix(number, "+") }

// request is one that hands a message in.
func (p *Provider) request(ctx context.Context) (*http.Request, error) {
	r, err := line.Request(ctx, http.MethodPost, strings.TrimSuffix(p.config.API, "/")+"/v1/messages", "api")
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	if p.tokens == nil {
		r.SetBasicAuth(p.config.APIKey, p.config.APISecret.Reveal())
		return r, nil
	}
	token, err := p.tokens.Token()
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return r, nil
}

// taken reads the answer to a message.
func (p *Provider) taken(answer *http.Response) (providers.Accepted, error) {
	text := line.Text(answer)
	if failure := p.failure(answer, text); failure != nil {
		return providers.Accepted{}, failure
	}
	var a struct {
		ID string `json:"message_uuid"`
	}
	if json.Unmarshal([]byte(text), &a) != nil || !providers.Key(a.ID) {
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorInDoubt,
			Err: errors.New("the answer is not Vonage's, so that nobody knows what became of the request: check config.api")}
	}
	return providers.Accepted{ProviderID: a.ID, Response: answer.Status}, nil
}

// Check hands in a message with nothing in it, which Vonage refuses because of that to whom it
// knows. It sends nothing.
func (p *Provider) Check(ctx context.Context) error {
	_, err := p.line.Ask(ctx, line.Asking{
		Message: &providers.Message{},
		Request: func(ctx context.Context) (*http.Request, []byte, error) {
			r, err := p.request(ctx)
			return r, []byte("{}"), err
		},
		Read: func(answer *http.Response) (providers.Accepted, error) {
			text := line.Text(answer)
			failure := p.failure(answer, text)
			switch said, known := read(text); {
			case failure == nil || !known:
				return providers.Accepted{}, &providers.Error{Kind: providers.ErrorTemporary, Err: errors.New("what answers there is not Vonage: check config.api")}
			case answer.StatusCode == http.StatusUnprocessableEntity && meanings[said.code()].kind != providers.ErrorAccount:
				return providers.Accepted{}, nil
			}
			return providers.Accepted{}, failure
		},
	})
	if err == nil {
		return nil
	}
	failure := *providers.AsError(err)
	if failure.Kind == providers.ErrorInDoubt {
		failure.Kind = providers.ErrorTemporary
	}
	return &failure
}

// Close closes the idle connections; no request is under way.
func (p *Provider) Close() error { return p.line.Close() }
