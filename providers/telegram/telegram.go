// Package telegram owns the adapter for Telegram's Bot API: texts, files, places and buttons go
// out through a bot, and what Telegram posts to its webhook, what people write and press, is
// read. It must not know who else the bot talks for.
package telegram

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"carillon/internal/secret"
	"carillon/providers"
	"carillon/providers/line"
)

// Kind describes Telegram.
func Kind() providers.Kind {
	k := providers.Define(providers.Kind{
		Name: "telegram", Title: "Telegram",
		Description: "Sends through a bot of Telegram's, to who has started it and to groups that it is in: texts, files, places and buttons. " +
			"Telegram takes about 30 messages a second of a bot, one a second in a chat and 20 a minute in a group: " +
			"a new channel is limited to 30 a second, and one a second for each chat. " +
			"Give the address of /hooks/{channel_id} and the secret_token to setWebhook, and what people write and press comes back.",
		Preset: providers.Limits{PerSecond: 30, PerRecipientSeconds: 1},
		Capabilities: providers.Capabilities{
			Address: providers.Telegram, MaxTextUnits: maxText, MaxCaptionUnits: maxCaption, Replies: true, GivesID: true, Media: true,
			Uploads: providers.FileSentOnce, Files: limits, Location: true,
			Buttons: []providers.ButtonType{providers.ButtonLink, providers.ButtonPostback, providers.ButtonShare},
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
	_, half, _ := strings.Cut(c.Token.Reveal(), ":")
	secrets := append(deps.Taken("secret_token", c.SecretToken), c.Token, secret.New(half))
	return &Provider{
		config: c, deps: deps, scrub: line.Scrub(secrets...),
		line: line.New(deps, c.MaxConnections, time.Duration(c.TimeoutMS)*time.Millisecond),
	}, nil
}

// Send asks Telegram to take one message.
func (p *Provider) Send(ctx context.Context, m providers.Message) (providers.Accepted, error) {
	call, parameters, refused := p.outbound(&m)
	if refused != nil {
		return providers.Accepted{}, refused
	}
	var form *line.Form
	if carries(&m.Content) {
		var err error
		if form, err = formOf(m.Content.Attachment, parameters); err != nil {
			return providers.Accepted{}, &providers.Error{Kind: providers.ErrorContent, Err: err}
		}
	}
	accepted, err := p.line.Ask(ctx, line.Asking{
		Message: &m, Form: form,
		Request: func(ctx context.Context) (*http.Request, []byte, error) {
			body, err := json.Marshal(parameters)
			if err != nil {
				return nil, nil, fmt.Errorf("encode message: %w", err)
			}
			r, err := p.request(ctx, http.MethodPost, call)
			return r, body, err
		},
		Read: func(answer *http.Response) (providers.Accepted, error) {
			a, failure := p.read(answer)
			switch {
			case failure != nil:
				return providers.Accepted{}, failure
			case a.Result.MessageID <= 0:
				return providers.Accepted{}, inDoubt()
			}
			// Messages are numbered in each chat.
			taken := providers.Accepted{ProviderID: numbered(m.To, a.Result.MessageID), Response: answer.Status}
			if form != nil {
				taken.MediaID = a.Result.file()
			}
			return taken, nil
		},
	})
	return accepted, withMedia(&m, err)
}

// withMedia looks whether a message was refused because Telegram does not know its file by that
// id: the Bot API has no code for it.
func withMedia(m *providers.Message, err error) error {
	a := m.Content.Attachment
	if err == nil || a == nil || a.File == nil || a.File.ID == "" {
		return err
	}
	failure := providers.AsError(err)
	if failure.Kind != providers.ErrorContent || failure.Err == nil || !says(failure.Err.Error(), unknownFile) {
		return err
	}
	gone := *failure
	gone.Kind, gone.MediaGone = providers.ErrorTemporary, true
	return &gone
}

// numbered is the id of a message that has a number in a chat.
func numbered(chat string, number int64) string { return chat + ":" + strconv.FormatInt(number, 10) }

func inDoubt() *providers.Error {
	return &providers.Error{Kind: providers.ErrorInDoubt,
		Err: errors.New("the answer is not the Bot API's, so that nobody knows what became of the request: check config.api")}
}

// request is one of a call. The token stands in the address, as it must: no error may show
// that.
func (p *Provider) request(ctx context.Context, method, call string) (*http.Request, error) {
	address := strings.TrimSuffix(p.config.API, "/") + "/bot" + p.config.Token.Reveal() + "/" + call
	return line.Request(ctx, method, address, "api")
}

// Check looks whether Telegram knows the bot. It sends nothing.
func (p *Provider) Check(ctx context.Context) error {
	return p.line.Look(ctx, func(ctx context.Context) (*http.Request, error) { return p.request(ctx, http.MethodGet, "getMe") },
		func(answer *http.Response) error {
			if _, failure := p.read(answer); failure != nil {
				return failure
			}
			return nil
		})
}

// Close closes the idle connections; no request is under way.
func (p *Provider) Close() error { return p.line.Close() }
