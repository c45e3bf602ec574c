package chatwoot

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"carillon/internal/fault"
	"carillon/webhooks"
)

// format is the name of webhooks that are told in Chatwoot's words.
const format webhooks.Format = "chatwoot"

// subscriptions are what one can ask for; the first eight are those of who names none.
var subscriptions = []string{
	"conversation_status_changed", "conversation_updated", "conversation_created", "contact_created", "contact_updated", "message_created", "message_updated",
	"webwidget_triggered", "inbox_created", "inbox_updated", "conversation_typing_on", "conversation_typing_off",
}

const defaultSubscriptions = 8

// events are what of ours is told as each. What there is not here is told nobody.
var events = map[string][]webhooks.Event{
	"conversation_status_changed": {webhooks.ConversationStatus},
	"conversation_updated":        {webhooks.ConversationUpdated, webhooks.ConversationStatus},
	"conversation_created":        {webhooks.ConversationCreated},
	"contact_created":             {webhooks.ContactCreated},
	"contact_updated":             {webhooks.ContactUpdated},
	"message_created":             {webhooks.ConversationEntry},
	"message_updated": {
		"message.sent", "message.delivered", "message.read", "message.failed", "message.rejected", "message.skipped", "message.canceled",
		webhooks.ConversationHidden,
	},
}

// options are what only this format reads of a webhook.
type options struct {
	Name          string   `json:"name,omitempty"`
	Subscriptions []string `json:"subscriptions"`
	InboxID       int64    `json:"inbox_id,omitempty"`
}

func optionsOf(w webhooks.Webhook) (o options) {
	if json.Unmarshal(w.Options, &o) != nil {
		return options{}
	}
	return o
}

func (c *Server) showWebhook(ctx context.Context, w webhooks.Webhook) (map[string]any, error) {
	o := optionsOf(w)
	out := map[string]any{
		"id": w.ID, "name": orNull(o.Name), "url": w.URL, "account_id": w.AccountID, "subscriptions": o.Subscriptions, "secret": "",
	}
	if len(w.Secrets) > 0 {
		out["secret"] = w.Secrets[0].Reveal()
	}
	if o.InboxID != 0 {
		channel, err := c.Channels.Get(ctx, w.AccountID, o.InboxID)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		out["inbox"] = map[string]any{"id": o.InboxID, "name": channel.Name}
	}
	return out, nil
}

// hooks are the webhooks that are told in Chatwoot's words.
func (c *Server) hooks(ctx context.Context, account int64) (list []webhooks.Webhook, err error) {
	const page = 100
	for after := int64(0); ; {
		some, err := c.Webhooks.List(ctx, account, after, page)
		if err != nil {
			return nil, err
		}
		for _, w := range some {
			if after = w.ID; w.Format == format {
				list = append(list, w)
			}
		}
		if len(some) < page {
			return list, nil
		}
	}
}

func (c *Server) listWebhooks(ctx context.Context, a asked) (any, error) {
	list, err := c.hooks(ctx, a.account())
	if err != nil {
		return nil, err
	}
	shown := []any{}
	for _, w := range list {
		out, err := c.showWebhook(ctx, w)
		if err != nil {
			return nil, err
		}
		shown = append(shown, out)
	}
	return map[string]any{"payload": map[string]any{"webhooks": shown}}, nil
}

// readWebhook reads what is to become of a webhook.
func (c *Server) readWebhook(ctx context.Context, a asked, w *webhooks.Webhook) error {
	o := optionsOf(*w)
	var bad wrong
	if a.given.has("url") {
		w.URL = strings.TrimSpace(a.given.text("url"))
	}
	if u, err := url.Parse(w.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		bad.add("url", "Url is invalid")
	} else if err := c.freeURL(ctx, a, *w, &bad); err != nil {
		return err
	}
	if a.given.has("name") {
		o.Name = a.given.text("name")
	}
	if a.given.has("subscriptions") {
		o.Subscriptions = a.given.texts("subscriptions")
		if len(o.Subscriptions) == 0 {
			bad.add("subscriptions", "Subscriptions Invalid events")
		}
	}
	if w.ID == 0 && !a.given.has("subscriptions") {
		o.Subscriptions = subscriptions[:defaultSubscriptions]
	}
	for _, name := range o.Subscriptions {
		if !slices.Contains(subscriptions, name) {
			bad.add("subscriptions", "Subscriptions Invalid events")
			break
		}
	}
	if a.given.has("inbox_id") {
		if o.InboxID = a.given.number("inbox_id"); o.InboxID != 0 {
			if _, err := c.Channels.Get(ctx, a.account(), o.InboxID); err != nil {
				return err
			}
		}
	}
	if err := bad.err(); err != nil {
		return err
	}
	w.Format, w.Options, w.Description, w.Channels = format, encoded(o), "Chatwoot", nil
	if o.InboxID != 0 {
		w.Channels = []int64{o.InboxID}
	}
	// Campaigns make no messages of conversations: what is of none alone is told.
	w.Campaigns = []int64{0}
	w.Events = nil
	for _, name := range o.Subscriptions {
		w.Events = append(w.Events, events[name]...)
	}
	if len(w.Events) == 0 {
		// Somebody who wants to know what never happens here is told nothing.
		w.Events = []webhooks.Event{webhooks.ConversationHidden}
	}
	return nil
}

// freeURL says if another webhook has the address.
func (c *Server) freeURL(ctx context.Context, a asked, w webhooks.Webhook, bad *wrong) error {
	list, err := c.hooks(ctx, a.account())
	if err != nil {
		return err
	}
	if slices.ContainsFunc(list, func(other webhooks.Webhook) bool { return other.URL == w.URL && other.ID != w.ID }) {
		bad.add("url", "Url has already been taken")
	}
	return nil
}

// hook is the webhook that the path names.
func (c *Server) hook(ctx context.Context, a asked) (webhooks.Webhook, error) {
	w, err := c.Webhooks.Get(ctx, a.account(), a.ids[0])
	if err == nil && w.Format != format {
		err = fault.New(fault.NotFound, "there is no webhook %d", a.ids[0])
	}
	return w, err
}

func (c *Server) createWebhook(ctx context.Context, a asked) (any, error) {
	w := webhooks.Webhook{AccountID: a.account()}
	if err := c.readWebhook(ctx, a, &w); err != nil {
		return nil, err
	}
	made, _, err := c.Webhooks.Create(ctx, w, a.caller.Actor())
	if err != nil {
		return nil, err
	}
	return c.oneWebhook(ctx, made)
}

func (c *Server) oneWebhook(ctx context.Context, w webhooks.Webhook) (any, error) {
	out, err := c.showWebhook(ctx, w)
	return map[string]any{"payload": map[string]any{"webhook": out}}, err
}

func (c *Server) updateWebhook(ctx context.Context, a asked) (any, error) {
	w, err := c.hook(ctx, a)
	if err != nil {
		return nil, err
	}
	if err := c.readWebhook(ctx, a, &w); err != nil {
		return nil, err
	}
	changed, err := c.Webhooks.Update(ctx, webhooks.Change{AccountID: a.account(), ID: w.ID, By: a.caller.Actor()}, func(to *webhooks.Webhook) error {
		to.URL, to.Options, to.Events, to.Channels, to.Campaigns = w.URL, w.Options, w.Events, w.Channels, w.Campaigns
		return nil
	})
	if err != nil {
		return nil, err
	}
	return c.oneWebhook(ctx, changed)
}

func (c *Server) deleteWebhook(ctx context.Context, a asked) (any, error) {
	if _, err := c.hook(ctx, a); err != nil {
		return nil, err
	}
	return nothing(http.StatusOK), c.Webhooks.Delete(ctx, a.account(), a.ids[0])
}
