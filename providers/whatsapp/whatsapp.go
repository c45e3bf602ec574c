// Package whatsapp owns the adapter for Meta's WhatsApp Cloud API: texts, files, places, contact
// cards, buttons and approved templates go out from a business phone number, and what Meta posts
// to its webhook is read. It must not know who else uses the number.
package whatsapp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"carillon/providers"
	"carillon/providers/graph"
	"carillon/providers/line"
)

// Kind describes WhatsApp.
func Kind() providers.Kind {
	k := providers.Define(providers.Kind{
		Name: "whatsapp", Title: "WhatsApp",
		Description: "Sends from a business phone number through Meta's WhatsApp Cloud API: texts, files, places, contact cards, buttons, " +
			"and templates that Meta has approved. " +
			"Who has not written in the last 24 hours can be sent a template and nothing else. " +
			"Meta takes 80 messages a second of a number (20 where the WhatsApp Business app uses it, too), and one in 6 seconds to the same person: " +
			"a new channel is limited to these. " +
			"Give Meta the address of /hooks/{channel_id} and the verify_token: what arrived and was read comes back, and what people write.",
		Preset: providers.Limits{PerSecond: 80, PerRecipientSeconds: 6, PerRecipientBurst: 45},
		Capabilities: providers.Capabilities{
			Address: providers.WhatsApp, MaxTextUnits: maxText, MaxCaptionUnits: maxCaption, Receipts: true, Replies: true, GivesID: true, EchoesID: true,
			Media: true, Uploads: providers.FileKept, Files: limits, Location: true, Cards: true, Templates: true, ReplyWindow: window,
			Buttons: []providers.ButtonType{providers.ButtonLink, providers.ButtonPostback},
		},
	}, check, open)
	k.MostRequests = line.Requests
	return k
}

// window is for how long after a person's message a business may write to them as it likes:
// https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages
const window = 24 * time.Hour

// Provider sends messages from a business phone number.
type Provider struct {
	// config is behind a pointer because fmt prints what is in an unexported field
	// without asking it, secrets too.
	config *Config
	deps   providers.Deps
	graph  *graph.API
}

func open(c *Config, deps providers.Deps) (providers.Provider, error) {
	return &Provider{config: c, deps: deps, graph: graph.Open(graph.API{
		Product: "WhatsApp", Address: c.API, Token: c.Token, AppSecret: c.AppSecret, VerifyToken: c.VerifyToken, Deps: deps, Means: means,
		Line: line.New(deps, c.MaxConnections, time.Duration(c.TimeoutMS)*time.Millisecond),
	})}, nil
}

// Send asks Meta to take one message.
func (p *Provider) Send(ctx context.Context, m providers.Message) (providers.Accepted, error) {
	parameters, refused := outbound(&m)
	if refused != nil {
		return providers.Accepted{}, refused
	}
	// Meta keeps no key by which it drops repeats, but echoes this in what it reports.
	parameters["biz_opaque_callback_data"] = p.deps.UniqueID(m.ID)
	accepted, err := p.graph.Line.Ask(ctx, line.Asking{
		Message: &m,
		Request: func(ctx context.Context) (*http.Request, []byte, error) {
			body, err := json.Marshal(parameters)
			if err != nil {
				return nil, nil, fmt.Errorf("encode message: %w", err)
			}
			r, err := p.graph.Request(ctx, http.MethodPost, p.config.PhoneNumberID+"/messages", nil)
			return r, body, err
		},
		Read: p.accepted,
	})
	return accepted, p.withMedia(ctx, &m, err)
}

// accepted reads the answer to a message.
func (p *Provider) accepted(answer *http.Response) (providers.Accepted, error) {
	var a struct {
		Messages []struct {
			ID     string `json:"id"`
			Status string `json:"message_status"`
		} `json:"messages"`
	}
	text := line.Text(answer)
	if failure := p.graph.Refusal(answer, text); failure != nil {
		return providers.Accepted{}, failure
	}
	if json.Unmarshal([]byte(text), &a) != nil || len(a.Messages) != 1 || !providers.Key(a.Messages[0].ID) {
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorInDoubt,
			Err: errors.New("the answer names no message, so that nobody knows what became of the request: check config.api")}
	}
	// Of a new template Meta may hold messages back to see how people take the first.
	said := strings.TrimSpace(answer.Status + " " + line.Quote(p.graph.Scrub(a.Messages[0].Status)))
	return providers.Accepted{ProviderID: a.Messages[0].ID, Response: said}, nil
}

// Check looks whether the token opens the number. It sends nothing.
func (p *Provider) Check(ctx context.Context) error {
	var number struct {
		ID string `json:"id"`
	}
	err := p.graph.Look(ctx, p.config.PhoneNumberID, url.Values{"fields": {"id,display_phone_number"}}, &number)
	if err == nil && number.ID != p.config.PhoneNumberID {
		return &providers.Error{Kind: providers.ErrorAccount, Err: errors.New("the answer is of another phone number: check config.phone_number_id and config.api")}
	}
	return err
}

// Close closes the idle connections; no request is under way.
func (p *Provider) Close() error { return p.graph.Line.Close() }
