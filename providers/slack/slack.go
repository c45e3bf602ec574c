// Package slack owns the adapter for Slack's incoming webhooks: texts go into channels, and
// nothing comes back. It must not know who reads there.
package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"carillon/providers"
	"carillon/providers/line"
	"carillon/providers/room"
)

// maxText is in letters: a longer text is cut by Slack.
const maxText = 40000

// Kind describes Slack.
func Kind() providers.Kind {
	k := providers.Define(providers.Kind{
		Name: "slack", Title: "Slack",
		Description: "Writes into channels of Slack by incoming webhooks, each of which leads to one channel: texts, in Slack's mrkdwn. " +
			"An address is the name of a room in config.rooms. " +
			"Slack takes about one message a second of a webhook, and a new channel is limited to that. " +
			"It reports nothing, and what people write does not come back.",
		Preset:       providers.Limits{PerRecipientSeconds: 1},
		Capabilities: providers.Capabilities{Address: providers.Custom, MaxTextUnits: maxText},
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

// escaped is a text in which nothing is a mention or a link in Slack's own notation.
var escaped = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// Send has Slack take one message.
func (p *Provider) Send(ctx context.Context, m providers.Message) (providers.Accepted, error) {
	text := escaped.Replace(room.Text(&m.Content))
	if n := providers.Units(text); n > maxText {
		return providers.Accepted{}, room.TooLong(n, maxText, "letters, an emoji counted as two and each of & < > as four or five")
	}
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	if err := e.Encode(map[string]string{"text": text}); err != nil {
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorContent, Err: fmt.Errorf("encode message: %w", err)}
	}
	return p.rooms.Ask(ctx, room.Asking{Message: &m, Body: body.Bytes(), Read: p.read})
}

// Close closes the idle connections; no request is under way.
func (p *Provider) Close() error { return p.rooms.Close() }
