// Package teams owns the adapter for Microsoft Teams: cards go into channels and chats by
// workflows that a webhook begins, and nothing comes back. It must not know who reads there.
package teams

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"carillon/providers"
	"carillon/providers/line"
	"carillon/providers/room"
)

// Bounds, in bytes.
const (
	// maxBody is below the about 28 KB that Microsoft documents of a message: a workflow
	// that is asked for more says yes, and fails where nobody hears of it.
	maxBody = 26 << 10
	// maxText leaves room in maxBody for the card around some hundred lines.
	maxText = 18000
)

// Kind describes Teams.
func Kind() providers.Kind {
	k := providers.Define(providers.Kind{
		Name: "teams", Title: "Microsoft Teams",
		Description: "Writes into channels and chats of Microsoft Teams, by a workflow for each that begins with a webhook: texts, and buttons " +
			"that open a page. An address is the name of a room in config.rooms. A workflow takes about four messages a second. " +
			"It says neither whether a message was shown nor what people write.",
		Preset:       providers.Limits{PerRecipientSeconds: 1},
		Capabilities: providers.Capabilities{Address: providers.Custom, MaxTextBytes: maxText, Buttons: []providers.ButtonType{providers.ButtonLink}},
	}, check, open)
	k.MostRequests = line.Requests
	return k
}

// Provider writes into channels and chats.
type Provider struct {
	rooms *room.Rooms
	deps  providers.Deps
}

func open(c *room.Config, deps providers.Deps) (providers.Provider, error) {
	return &Provider{rooms: room.Open(c, deps), deps: deps}, nil
}

// Send has a workflow take one message.
func (p *Provider) Send(ctx context.Context, m providers.Message) (providers.Accepted, error) {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false) // which would make six bytes of one
	if err := e.Encode(drawn(&m.Content)); err != nil {
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorContent, Err: fmt.Errorf("encode message: %w", err)}
	}
	if n := body.Len(); n > maxBody {
		return providers.Accepted{}, room.TooLong(n, maxBody, "bytes as a card, in which each line counts for about a hundred more")
	}
	return p.rooms.Ask(ctx, room.Asking{Message: &m, Body: body.Bytes(), Read: p.read})
}

// Close closes the idle connections; no request is under way.
func (p *Provider) Close() error { return p.rooms.Close() }
