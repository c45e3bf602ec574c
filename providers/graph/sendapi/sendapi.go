// Package sendapi owns Meta's Send API, by which pages write in Messenger and professional
// accounts in Instagram: what is sent, and what is posted back. It must not know which of the
// two it is: what differs is in the Product.
package sendapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"carillon/providers"
	"carillon/providers/graph"
	"carillon/providers/line"
)

// Product is Messenger or Instagram.
type Product struct {
	// Name is what people call it.
	Name string
	// MostText is how much a text may have, in bytes where Bytes says so, else in units of UTF-16.
	MostText int
	Bytes    bool
	// Documents says whether a file that is no picture, video or sound goes as one.
	Documents func(a *providers.Attachment) bool
}

// Sender is who sends: a page or an account.
type Sender struct {
	Product Product
	// ID is who is posted about.
	ID string
	// Place is where messages are handed in, with the id of who sends.
	Place string
	// Type is the messaging_type of a message without a tag; empty for none.
	Type string
	// Tag has messages go outside the 24 hours, where Meta allows that; empty for none.
	Tag string
	API *graph.API
}

// Provider sends messages through the Send API.
type Provider struct {
	// sender is behind a pointer because fmt prints what is in an unexported field without asking
	// it, secrets too.
	sender *Sender
}

// New makes a provider. The API's Means is its own.
func New(s Sender) *Provider {
	s.API.Means = s.Product.means
	return &Provider{&s}
}

// Send asks Meta to take one message.
func (p *Provider) Send(ctx context.Context, m providers.Message) (providers.Accepted, error) {
	message, refused := p.sender.Product.outbound(&m.Content)
	if refused != nil {
		return providers.Accepted{}, refused
	}
	// Meta keeps no key by which it drops repeats.
	parameters := map[string]any{"recipient": map[string]any{"id": m.To}, "message": message}
	if p.sender.Type != "" {
		parameters["messaging_type"] = p.sender.Type
	}
	if p.sender.Tag != "" {
		parameters["messaging_type"], parameters["tag"] = "MESSAGE_TAG", p.sender.Tag
	}
	return p.sender.API.Line.Ask(ctx, line.Asking{
		Message: &m,
		Request: func(ctx context.Context) (*http.Request, []byte, error) {
			body, err := json.Marshal(parameters)
			if err != nil {
				return nil, nil, fmt.Errorf("encode message: %w", err)
			}
			r, err := p.sender.API.Request(ctx, http.MethodPost, p.sender.Place, nil)
			return r, body, err
		},
		Read: p.accepted,
	})
}

// accepted reads the answer to a message.
func (p *Provider) accepted(answer *http.Response) (providers.Accepted, error) {
	var a struct {
		MessageID string `json:"message_id"`
	}
	text := line.Text(answer)
	if failure := p.sender.API.Refusal(answer, text); failure != nil {
		return providers.Accepted{}, failure
	}
	if json.Unmarshal([]byte(text), &a) != nil || !providers.Key(a.MessageID) {
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorInDoubt,
			Err: errors.New("the answer names no message, so that nobody knows what became of the request: check config.api")}
	}
	return providers.Accepted{ProviderID: a.MessageID, Response: answer.Status}, nil
}

// Close closes the idle connections; no request is under way.
func (p *Provider) Close() error { return p.sender.API.Line.Close() }

// Challenge answers Meta's question whether the address is one that wants to be posted to.
func (p *Provider) Challenge(query url.Values) (string, error) { return p.sender.API.Challenge(query) }
