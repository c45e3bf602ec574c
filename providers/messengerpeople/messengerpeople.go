// Package messengerpeople owns the adapter that hands messages to MessengerPeople's REST
// API, as chats or as notifications, and reads what it tells of what people write. It must not know the dialect that Carillon itself
// serves, though the one can send to the other.
package messengerpeople

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"carillon/providers"
	"carillon/providers/line"
)

// maxText is WhatsApp's bound of a text in bytes, the least of the messengers'.
const maxText = 4096

// Kind describes the provider.
func Kind() providers.Kind {
	k := providers.Define(providers.Kind{
		Name: "messengerpeople", Title: "MessengerPeople",
		Description: "Hands each message to MessengerPeople's REST API, as a chat or as a WhatsApp notification. " +
			"A message is taken once the answer says code 200; 400 fails it, and stops the channel where it is about the API key; 429 slows down; " +
			"5xx is tried again. There are no receipts: what is taken counts as sent. What people write comes by the channel's webhook there: " +
			"set /hooks/{channel_id}?token=… as that, with the hook_token. MessengerPeople shows no text beside audio and documents: " +
			"give these a message of their own.",
		Capabilities: providers.Capabilities{Address: providers.WhatsApp, MaxTextBytes: maxText, Media: true, Replies: true},
	}, check, open)
	k.AddressFor = func(raw json.RawMessage) providers.AddressKind {
		var c Config
		if providers.DecodeConfig(raw, &c) != nil {
			return providers.WhatsApp
		}
		return c.Address
	}
	return k
}

// Provider hands messages on.
type Provider struct {
	config *Config
	deps   providers.Deps
	line   *line.Line
	// scrub takes the secrets out of what the other side says.
	scrub func(string) string
}

func open(c *Config, deps providers.Deps) (providers.Provider, error) {
	return &Provider{
		config: c, deps: deps, scrub: line.Scrub(append(deps.Taken("hook_token", c.HookToken), c.APIKey)...),
		line: line.New(deps, 0, time.Duration(c.TimeoutMS)*time.Millisecond),
	}, nil
}

// Close closes the idle connections; no request is under way.
func (p *Provider) Close() error { return p.line.Close() }

// parameters are those of a message and the call that takes it.
func (p *Provider) parameters(m *providers.Message) (call string, form url.Values) {
	form = url.Values{"id": {strings.TrimPrefix(m.To, "+")}, "apikey": {p.config.APIKey.Reveal()}}
	set := func(name, value string) {
		if value != "" {
			form.Set(name, value)
		}
	}
	text := m.Content.Text
	if file := m.Content.Attachment; file != nil && file.Caption != "" {
		if text != "" {
			text += "\n"
		}
		text += file.Caption
	}
	if p.config.NotificationTemplate != "" {
		variables, _ := json.Marshal([]string{text}) // a list of texts can be written
		set("notification_template", p.config.NotificationTemplate)
		set("notification_language", p.config.NotificationLanguage)
		set("notification_body_variables", string(variables))
		if file := m.Content.Attachment; file != nil {
			set("notification_header_media", file.URL)
		}
		return "/chat/notification", form
	}
	set("message", text)
	if file := m.Content.Attachment; file != nil {
		set("attachment", file.URL)
		set("filename", file.Filename)
	}
	return "/chat", form
}

// Send hands one message on.
func (p *Provider) Send(ctx context.Context, m providers.Message) (providers.Accepted, error) {
	if len(m.Content.Text) > maxText {
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorContent, Code: "too_long", Err: fmt.Errorf("the text has more than %d bytes", maxText)}
	}
	call, form := p.parameters(&m)
	return p.line.Ask(ctx, line.Asking{
		Message: &m,
		Request: func(ctx context.Context) (*http.Request, []byte, error) {
			r, err := line.Request(ctx, http.MethodPost, strings.TrimSuffix(p.config.URL, "/")+call, "url")
			if err != nil {
				return nil, nil, err
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return r, []byte(form.Encode()), nil
		},
		Read: p.read,
	})
}

// said is an answer: a code that is the status, and why it is none of success.
type said struct {
	Code   int    `json:"code"`
	Reason string `json:"reason"`
}

// aboutKey is a reason that says that the key is not good: the status is that of any
// mistake.
var aboutKey = regexp.MustCompile(`(?i)\b(api[ _-]?key|unauthori[sz]ed|permission|token)\b`)

func (p *Provider) read(answer *http.Response) (providers.Accepted, error) {
	var of said
	readable := json.Unmarshal([]byte(line.Text(answer)), &of) == nil
	status := answer.StatusCode
	if readable && status/100 == 2 && of.Code != 0 {
		status = of.Code // it is said in the body alone, too
	}
	failure := providers.ClassifyHTTP(status, answer.Header, p.deps.Clock.Now())
	switch {
	case failure == nil && (!readable || of.Code == 0):
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorInDoubt,
			Err: errors.New("the far end took the request, in words that are not the API's: check config.url")}
	case failure == nil:
		return providers.Accepted{Response: "code " + strconv.Itoa(of.Code)}, nil
	case readable && status == http.StatusBadRequest && aboutKey.MatchString(of.Reason):
		failure.Kind = providers.ErrorAuth
	case status/100 == 3:
		failure.Err = fmt.Errorf("the far end answered %d, and redirects are not followed: set config.url to where it points", status)
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		failure.Err = fmt.Errorf("the far end answered %d: check config.url", status)
	}
	if readable {
		if words := line.Quote(p.scrub(of.Reason)); words != "" {
			failure.Err = fmt.Errorf("%w: %s", failure.Err, words)
		}
	}
	return providers.Accepted{}, failure
}
