package xms

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strconv"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/messages"
	"carillon/webhooks"
)

// format is the name of XMS's words for webhooks.
const format webhooks.Format = "xms"

// webhookWish is where an app wants to be told what happens.
type webhookWish struct {
	URL text `json:"url"`
	// VerifyToken is ours: XMS does not say where the token is set.
	VerifyToken text `json:"verifyToken"`
}

// clientApp is an app as it is shown: without its key and secret.
type clientApp struct {
	ID           string         `json:"id"`
	AppType      string         `json:"appType"`
	AppMode      *string        `json:"appMode"`
	AgentApp     bool           `json:"agentApp"`
	AppHook      *string        `json:"appHook"`
	AppHookFrwrd *string        `json:"appHookFrwrd"`
	Config       map[string]any `json:"config"`
	Forward      *string        `json:"forward"`
	KeyName      string         `json:"keyName"`
	KeyVersion   *string        `json:"keyVersion"`
	Props        map[string]any `json:"props"`
	Queue        *string        `json:"queue"`
	ReadOnly     bool           `json:"readOnly"`
	Shared       bool           `json:"shared"`
	Webhook      *string        `json:"webhook"`
}

const appType = "WEBHOOK"

// verifyHeader has the token by which the far end knows us.
const verifyHeader = "x-verify-token"

// maxVerifyToken is in bytes.
const maxVerifyToken = 200

// toldOf are what an app is told of: what has a word in XMS.
func toldOf() []webhooks.Event {
	list := []webhooks.Event{webhooks.MessageReceived}
	for state := range statuses {
		list = append(list, webhooks.MessageEvent(state))
	}
	return list
}

// setWebhook sets where the app of the key is told what happens; an empty address ends that.
func (x *Server) setWebhook(ctx context.Context, a asked) (answer, error) {
	wish, err := read[webhookWish](a.body)
	if err != nil {
		return answer{}, err
	}
	if len(wish.VerifyToken) > maxVerifyToken {
		return answer{}, refuse("verifyToken", paramInvalid, fmt.Sprintf("verifyToken has at most %d bytes", maxVerifyToken))
	}
	before, found, err := x.webhookOf(ctx, a.caller)
	if err != nil {
		return answer{}, err
	}
	app := clientApp{ID: appIDOf(a.caller.ID), AppType: appType, Config: map[string]any{}, KeyName: a.caller.Name, Props: map[string]any{}}
	url := wish.URL.trimmed()
	switch {
	case url == "" && found:
		err = x.Webhooks.Delete(ctx, a.caller.AccountID, before.ID)
	case url == "":
	default:
		app.Webhook = &url
		var token string
		if token, err = x.keepWebhook(ctx, a.caller, before, webhookWish{text(url), wish.VerifyToken}); token != "" {
			app.Props["verifyToken"] = token // it is shown this once
		}
	}
	if fault.Is(err, fault.NotFound) { // somebody deleted it just now
		err = nil
	}
	out := one(app)
	out.meta = map[string]string{"url": url}
	return out, err
}

// appIDOf is the id of the app that a key is.
func appIDOf(keyID int64) string { return strconv.FormatInt(keyID, 10) }

// webhookOf is the webhook that a key has set.
func (x *Server) webhookOf(ctx context.Context, caller access.Caller) (w webhooks.Webhook, found bool, err error) {
	for after := int64(0); ; {
		list, err := x.Webhooks.List(ctx, caller.AccountID, after, pageSize)
		if err != nil {
			return w, false, err
		}
		for _, w := range list {
			after = w.ID
			if w.Format == format && w.KeyID == caller.ID {
				return w, true, nil
			}
		}
		if len(list) < pageSize {
			return w, false, nil
		}
	}
}

// keepWebhook keeps where an app is told, and returns the token by which it knows us if that
// was made now.
func (x *Server) keepWebhook(ctx context.Context, caller access.Caller, before webhooks.Webhook, wish webhookWish) (made string, err error) {
	headers := before.Headers
	switch token := wish.VerifyToken.trimmed(); {
	case token != "":
		headers = map[string]secret.String{verifyHeader: secret.New(token)}
	case len(headers) == 0:
		raw := make([]byte, 24)
		_, _ = rand.Read(raw) // never fails (crypto/rand)
		made = base64.RawURLEncoding.EncodeToString(raw)
		headers = map[string]secret.String{verifyHeader: secret.New(made)}
	}
	var bound []int64
	if caller.ChannelID != 0 {
		bound = []int64{caller.ChannelID}
	}
	set := func(w *webhooks.Webhook) error {
		w.URL, w.Headers, w.Events, w.Channels, w.Content, w.State = string(wish.URL), headers, toldOf(), bound, true, webhooks.On
		return nil
	}
	if before.ID != 0 {
		_, err = x.Webhooks.Update(ctx, webhooks.Change{AccountID: caller.AccountID, ID: before.ID, By: caller.Actor()}, set)
		return made, err
	}
	w := webhooks.Webhook{AccountID: caller.AccountID, Format: format, KeyID: caller.ID, Sole: webhooks.SoleOfKey, Description: "XMS, " + caller.Name}
	if err := set(&w); err != nil {
		return "", err
	}
	_, _, err = x.Webhooks.Create(ctx, w, caller.Actor())
	return made, err
}

// statuses are XMS's words for the states of messages that it tells.
var statuses = map[messages.State]string{
	messages.Sent:      "SENT",
	messages.Delivered: "DLVRD",
	messages.Read:      "READ",
	messages.Failed:    failed,
	messages.Rejected:  failed,
	messages.Skipped:   failed,
	messages.Canceled:  failed,
}

const failed = "FAILD"
