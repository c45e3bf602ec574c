// Package discord owns the adapter for Discord's webhooks: texts go into channels, and nothing
// comes back. It must not know who reads there.
package discord

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"carillon/providers"
	"carillon/providers/line"
	"carillon/providers/room"
)

// maxText is in letters: what Discord documents for content.
const maxText = 2000

// Kind describes Discord.
func Kind() providers.Kind {
	k := providers.Define(providers.Kind{
		Name: "discord", Title: "Discord",
		Description: "Writes into channels of Discord by webhooks, each of which leads to one channel: texts, in Discord's Markdown, that ping nobody. " +
			"An address is the name of a room in config.rooms. " +
			"Discord reports nothing of what becomes of a message, and what people write does not come back.",
		Preset:       providers.Limits{PerRecipientSeconds: 1},
		Capabilities: providers.Capabilities{Address: providers.Custom, MaxTextUnits: maxText, GivesID: true},
	}, check, open)
	k.MostRequests = line.Requests
	return k
}

// Provider writes into channels.
type Provider struct {
	rooms *room.Rooms
	deps  providers.Deps
}

func open(c *room.Config, deps providers.Deps) (providers.Provider, error) {
	return &Provider{rooms: room.Open(c, deps), deps: deps}, nil
}

// body is a message. Nobody is pinged, whatever a value says that came from data.
type body struct {
	Content  string `json:"content"`
	Mentions struct {
		Parse []string `json:"parse"`
	} `json:"allowed_mentions"`
}

// Send has Discord take one message.
func (p *Provider) Send(ctx context.Context, m providers.Message) (providers.Accepted, error) {
	b := body{Content: room.Text(&m.Content)}
	b.Mentions.Parse = []string{}
	if n := providers.Units(b.Content); n > maxText {
		return providers.Accepted{}, room.TooLong(n, maxText, "letters, an emoji counted as two")
	}
	encoded, err := json.Marshal(b)
	if err != nil {
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorContent, Err: fmt.Errorf("encode message: %w", err)}
	}
	// Without wait Discord says neither the id nor whether the message was made.
	return p.rooms.Ask(ctx, room.Asking{Message: &m, Query: "wait=true", Body: encoded, Read: p.taken})
}

// taken reads the answer to a message.
func (p *Provider) taken(answer *http.Response, of room.Room) (providers.Accepted, error) {
	a, failure := p.read(answer, of)
	switch {
	case failure != nil:
		return providers.Accepted{}, failure
	case !providers.Key(a.ID):
		return providers.Accepted{}, room.InDoubt()
	}
	return providers.Accepted{ProviderID: a.ID, Response: answer.Status}, nil
}

// Check looks whether Discord knows the webhooks. It sends nothing.
func (p *Provider) Check(ctx context.Context) error {
	return p.rooms.Look(ctx, func(answer *http.Response, of room.Room) error {
		if _, failure := p.read(answer, of); failure != nil {
			return failure
		}
		return nil
	})
}

// Close closes the idle connections; no request is under way.
func (p *Provider) Close() error { return p.rooms.Close() }
