// Package messenger owns the adapter for Facebook Messenger: texts, files and buttons go out from
// a page, and what Meta posts to its webhook is read. It must not know who else the page talks
// through.
package messenger

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"carillon/providers"
	"carillon/providers/graph"
	"carillon/providers/graph/sendapi"
	"carillon/providers/line"
)

// maxText is in characters, as Meta documents it.
const maxText = 2000

// Kind describes Messenger.
func Kind() providers.Kind {
	k := providers.Define(providers.Kind{
		Name: "messenger", Title: "Facebook Messenger",
		Description: "Sends from a Facebook page to people who have written to it in Messenger: texts, files and buttons. " +
			"Meta lets a page write to somebody for 24 hours after they wrote, and later with a tag that it has approved. " +
			"It takes 300 texts a second of a page, and 10 sounds or videos: a new channel is limited to 10. " +
			"Give Meta the address of /hooks/{channel_id} and the verify_token: what arrived comes back, and what people write.",
		Preset: providers.Limits{PerSecond: 10},
		Capabilities: providers.Capabilities{
			Address: providers.Facebook, MaxTextUnits: maxText, Receipts: true, Replies: true, GivesID: true, Media: true, MediaAlone: true,
			ReplyWindow: sendapi.Window,
			Buttons:     []providers.ButtonType{providers.ButtonLink, providers.ButtonPostback, providers.ButtonCall},
		},
	}, check, open)
	k.MostRequests = line.Requests
	k.ReplyWindowFor = func(raw json.RawMessage) time.Duration {
		var c Config
		if providers.DecodeConfig(raw, &c) != nil {
			return sendapi.Window
		}
		return sendapi.WindowOf(c.Tag)
	}
	return k
}

// Provider sends messages from a page.
type Provider struct {
	*sendapi.Provider
	api  *graph.API
	page string
}

func open(c *Config, deps providers.Deps) (providers.Provider, error) {
	api := graph.Open(graph.API{
		Product: "Messenger", Address: c.API, Token: c.Token, AppSecret: c.AppSecret, VerifyToken: c.VerifyToken, Deps: deps,
		Line: line.New(deps, c.MaxConnections, time.Duration(c.TimeoutMS)*time.Millisecond),
	})
	// What Carillon sends answers nobody by itself.
	sender := sendapi.Sender{ID: c.PageID, Place: c.PageID + "/messages", Type: "UPDATE", Tag: c.Tag, API: api, Product: sendapi.Product{
		Name: "Messenger", MostText: maxText, Documents: func(*providers.Attachment) bool { return true },
	}}
	return &Provider{Provider: sendapi.New(sender), api: api, page: c.PageID}, nil
}

// Check looks whether the token is the page's. It sends nothing.
func (p *Provider) Check(ctx context.Context) error {
	var of struct {
		ID string `json:"id"`
	}
	err := p.api.Look(ctx, p.page, url.Values{"fields": {"id,name"}}, &of)
	if err == nil && of.ID != p.page {
		return &providers.Error{Kind: providers.ErrorAccount, Err: errors.New("the answer is of another page: check config.page_id and config.api")}
	}
	return err
}
