package chatapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"

	"carillon/api/compat/params"
	"carillon/api/gate"
	"carillon/channels"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/webhooks"
)

// name is that of the API: of its keys, its webhooks and its settings.
const name = "chatapi"

// settings are what clients set of an instance. Those that say what WhatsApp Web does are
// kept and given back, and change nothing.
type settings struct {
	WebhookURL            string `json:"webhookUrl"`
	AckNotificationsOn    bool   `json:"ackNotificationsOn"`
	SendDelay             int64  `json:"sendDelay"`
	GuaranteedHooks       bool   `json:"guaranteedHooks"`
	WebhookStatuses       bool   `json:"webhookStatuses"`
	StatusNotificationsOn bool   `json:"statusNotificationsOn"`
	ChatUpdateOn          bool   `json:"chatUpdateOn"`
	VideoUploadOn         bool   `json:"videoUploadOn"`
	IgnoreOldMessages     bool   `json:"ignoreOldMessages"`
	OldMessagesPeriod     int64  `json:"oldMessagesPeriod"`
	ProcessArchive        bool   `json:"processArchive"`
	InstanceStatuses      bool   `json:"instanceStatuses"`
	DisableDialogsArchive bool   `json:"disableDialogsArchive"`
	ParallelHooks         bool   `json:"parallelHooks"`
	Proxy                 string `json:"proxy"`
}

// longestDelay bounds sendDelay, in seconds: a day.
const longestDelay = 86400

// take changes settings by what a call gives, and says which were changed.
func (s *settings) take(given params.Params) (changed map[string]any, err error) {
	was := *s
	for name, at := range map[string]*bool{
		"ackNotificationsOn": &s.AckNotificationsOn, "guaranteedHooks": &s.GuaranteedHooks, "webhookStatuses": &s.WebhookStatuses,
		"statusNotificationsOn": &s.StatusNotificationsOn, "chatUpdateOn": &s.ChatUpdateOn, "videoUploadOn": &s.VideoUploadOn,
		"ignoreOldMessages": &s.IgnoreOldMessages, "processArchive": &s.ProcessArchive, "instanceStatuses": &s.InstanceStatuses,
		"disableDialogsArchive": &s.DisableDialogsArchive, "parallelHooks": &s.ParallelHooks,
	} {
		if *at, err = given.Bool(name, *at); err != nil {
			return nil, err
		}
	}
	for name, at := range map[string]*int64{"sendDelay": &s.SendDelay, "oldMessagesPeriod": &s.OldMessagesPeriod} {
		if *at, err = given.Int(name, *at); err != nil {
			return nil, err
		}
		if *at < 0 || *at > longestDelay {
			return nil, fault.InvalidField(name, *at, "must be a number of seconds from 0 to %d", longestDelay)
		}
	}
	for name, at := range map[string]*string{"webhookUrl": &s.WebhookURL, "proxy": &s.Proxy} {
		if given.Value(name) == nil {
			continue
		}
		if *at, err = given.Text(name); err != nil {
			return nil, err
		}
	}
	if s.WebhookURL != was.WebhookURL && s.WebhookURL != "" {
		if u, err := url.Parse(s.WebhookURL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return nil, fault.InvalidField("webhookUrl", s.WebhookURL, "must be an address such as https://example.org/hook")
		}
	}
	return differences(was, *s), nil
}

// differences are the settings that are not as they were, by their names.
func differences(was, is settings) map[string]any {
	before, after := asMap(was), asMap(is)
	for name, value := range before {
		if after[name] == value {
			delete(after, name)
		}
	}
	return after
}

func asMap(s settings) map[string]any {
	text, _ := json.Marshal(s) // it is of plain values
	var m map[string]any
	_ = json.Unmarshal(text, &m)
	return m
}

func (c *Server) settingsOf(a asked) channels.APISettings {
	return channels.APISettings{AccountID: a.caller.AccountID, API: name, ChannelID: a.channel}
}

// read are the settings of an instance: those of its webhook while there is one, so that
// what is shown is what is told.
func (c *Server) read(ctx context.Context, a asked) (s settings, err error) {
	w, has, err := c.webhookOf(ctx, a)
	if err != nil {
		return s, err
	}
	if has {
		return settingsIn(w)
	}
	return s, c.Channels.APISettings(ctx, c.settingsOf(a), &s)
}

// settingsIn are the settings that a webhook has.
func settingsIn(w webhooks.Webhook) (s settings, err error) {
	if err := json.Unmarshal(w.Options, &s); err != nil {
		return s, fmt.Errorf("read the settings of webhook %d: %w", w.ID, err)
	}
	s.WebhookURL = w.URL
	return s, nil
}

// change changes the settings of an instance in one step: in its webhook where there is one
// before or after, else beside the channel.
func (c *Server) change(ctx context.Context, a asked) (s settings, changed map[string]any, err error) {
	w, has, err := c.webhookOf(ctx, a)
	if err != nil {
		return s, nil, err
	}
	if s, err = c.read(ctx, a); err != nil {
		return s, nil, err
	}
	if changed, err = s.take(a.given); err != nil {
		return s, nil, err
	}
	switch {
	case s.WebhookURL != "" && has:
		_, err = c.Webhooks.Update(ctx, webhooks.Change{AccountID: a.caller.AccountID, ID: w.ID, By: a.caller.Actor()}, func(w *webhooks.Webhook) error {
			if s, err = settingsIn(*w); err != nil {
				return err
			}
			if changed, err = s.take(a.given); err != nil {
				return err
			}
			if w.URL != s.WebhookURL {
				w.State = webhooks.On
			}
			return s.into(w, a)
		})
		return s, changed, err
	case s.WebhookURL != "":
		made := webhooks.Webhook{
			AccountID: a.caller.AccountID, Format: name, Channels: []int64{a.channel}, Sole: webhooks.SoleOfChannels, Description: "set through Chat-API",
			Events: []webhooks.Event{
				webhooks.MessageReceived, webhooks.MessageEvent(messages.Sent), webhooks.MessageEvent(messages.Delivered), webhooks.MessageEvent(messages.Read),
			},
		}
		if err := s.into(&made, a); err != nil {
			return s, nil, err
		}
		_, _, err = c.Webhooks.Create(ctx, made, a.caller.Actor())
		return s, changed, err
	}
	// They are kept before the webhook is gone: what dies between the two is still told by it.
	var kept settings
	err = c.Channels.ChangeAPISettings(ctx, c.settingsOf(a), &kept, func() error { kept = s; return nil })
	if err == nil && has {
		err = c.Webhooks.Delete(ctx, a.caller.AccountID, w.ID)
	}
	return s, changed, err
}

// into puts settings into a webhook, which the caller has set.
func (s settings) into(w *webhooks.Webhook, a asked) (err error) {
	w.URL, w.KeyID = s.WebhookURL, a.caller.ID
	w.Options, err = json.Marshal(s)
	return err
}

// webhookOf is the webhook of an instance, as far as it has one.
func (c *Server) webhookOf(ctx context.Context, a asked) (w webhooks.Webhook, has bool, err error) {
	list, err := c.Webhooks.List(ctx, a.caller.AccountID, 0, mostMessages)
	i := slices.IndexFunc(list, func(w webhooks.Webhook) bool {
		return w.Format == name && slices.Equal(w.Channels, []int64{a.channel})
	})
	if err != nil || i < 0 {
		return w, false, err
	}
	return list[i], true, nil
}

// hooked is what is said of a webhook: set is whether this call set it.
type hooked struct {
	Set        bool   `json:"set"`
	WebhookURL string `json:"webhookUrl"`
	// Message says why it was not set.
	Message string `json:"message,omitempty"`
}

// webhook sets the webhook, or says which there is.
func (c *Server) webhook(ctx context.Context, a asked) (any, error) {
	address, err := a.given.Text("webhookUrl")
	if err != nil {
		return nil, err
	}
	if a.reads || address == "" {
		s, err := c.read(ctx, a)
		return hooked{WebhookURL: s.WebhookURL}, err
	}
	s, _, err := c.change(ctx, a)
	if fault.Is(err, fault.Invalid) {
		kept, readErr := c.read(ctx, a)
		return hooked{WebhookURL: kept.WebhookURL, Message: gate.TextOf(err)}, readErr
	}
	return hooked{Set: true, WebhookURL: s.WebhookURL}, err
}

// acks switches acks on and off, by GET too, or says whether they are on.
func (c *Server) acks(ctx context.Context, a asked) (any, error) {
	var s settings
	var err error
	if a.given.Has("ackNotificationsOn") {
		s, _, err = c.change(ctx, a)
	} else {
		s, err = c.read(ctx, a)
	}
	return struct {
		On bool `json:"ackNotificationsOn"`
	}{s.AckNotificationsOn}, err
}

// all shows the settings, and changes those that are given.
func (c *Server) all(ctx context.Context, a asked) (any, error) {
	if a.reads {
		return c.read(ctx, a)
	}
	s, changed, err := c.change(ctx, a)
	return struct {
		settings
		Updated map[string]any `json:"updated"`
	}{s, changed}, err
}

// logout does nothing: programs that are taken down ask for it, and fail without an answer.
func (c *Server) logout(context.Context, asked) (any, error) {
	return struct {
		Result string `json:"result"`
	}{"There is no session to end: revoke the key instead"}, nil
}
