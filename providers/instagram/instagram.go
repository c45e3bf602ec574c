// Package instagram owns the adapter for messages of Instagram: texts, files and buttons go out
// from a professional account, and what Meta posts to its webhook is read. It must not know who
// else the account talks through.
package instagram

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"path"
	"strings"
	"time"

	"carillon/providers"
	"carillon/providers/graph"
	"carillon/providers/graph/sendapi"
	"carillon/providers/line"
)

// maxText is in bytes, as Meta documents it.
const maxText = 1000

// Kind describes Instagram.
func Kind() providers.Kind {
	k := providers.Define(providers.Kind{
		Name: "instagram", Title: "Instagram",
		Description: "Sends from a professional account of Instagram's to people who have written to it: texts, files and buttons. " +
			"Meta lets an account write to somebody for 24 hours after they wrote, and people for 7 days. " +
			"It takes 100 texts a second of an account, and 10 sounds or videos: a new channel is limited to 10. " +
			"Give Meta the address of /hooks/{channel_id} and the verify_token: what was seen comes back, and what people write.",
		Preset: providers.Limits{PerSecond: 10},
		Capabilities: providers.Capabilities{
			Address: providers.Instagram, MaxTextBytes: maxText, Receipts: true, Replies: true, GivesID: true, Media: true, MediaAlone: true,
			ReplyWindow: sendapi.Window,
			Buttons:     []providers.ButtonType{providers.ButtonLink, providers.ButtonPostback},
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

// Provider sends messages from an account.
type Provider struct {
	*sendapi.Provider
	api *graph.API
}

func open(c *Config, deps providers.Deps) (providers.Provider, error) {
	api := graph.Open(graph.API{
		Product: "Instagram", Address: c.API, Token: c.Token, AppSecret: c.AppSecret, VerifyToken: c.VerifyToken, Deps: deps,
		Line: line.New(deps, c.MaxConnections, time.Duration(c.TimeoutMS)*time.Millisecond),
	})
	// The token is of the account or of its page, which have different ids.
	sender := sendapi.Sender{ID: c.AccountID, Place: "me/messages", Tag: c.Tag, API: api, Product: sendapi.Product{
		Name: "Instagram", MostText: maxText, Bytes: true, Documents: pdf,
	}}
	return &Provider{Provider: sendapi.New(sender), api: api}, nil
}

// pdf reports whether a file is of the one form of documents that Instagram takes.
func pdf(a *providers.Attachment) bool {
	address, _, _ := strings.Cut(a.URL, "?")
	return strings.EqualFold(path.Ext(address), ".pdf") || strings.EqualFold(path.Ext(a.Filename), ".pdf")
}

// Check looks whether the token opens an account. It sends nothing.
func (p *Provider) Check(ctx context.Context) error {
	var of struct {
		ID string `json:"id"`
	}
	err := p.api.Look(ctx, "me", url.Values{"fields": {"id"}}, &of)
	if err == nil && of.ID == "" {
		return &providers.Error{Kind: providers.ErrorAccount, Err: errors.New("the answer is of no account: check config.api")}
	}
	return err
}
