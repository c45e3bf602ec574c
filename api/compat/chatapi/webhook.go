package chatapi

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/outgoing"
	"carillon/providers/fetch"
	"carillon/services"
	"carillon/webhooks"
)

// Format tells webhooks in Chat-API's words: what was written to us, or what became of what
// was sent, never both in one request.
type Format struct {
	*services.Services
	clock clock.Clock
}

// NewFormat makes the format.
func NewFormat(s *services.Services, c clock.Clock) *Format { return &Format{s, c} }

// told is a request.
type told struct {
	Messages   []said `json:"messages,omitempty"`
	Acks       []ack  `json:"ack,omitempty"`
	InstanceID string `json:"instanceId"`
}

// ack is what became of a message.
type ack struct {
	ID          string `json:"id"`
	QueueNumber int64  `json:"queueNumber"`
	ChatID      string `json:"chatId"`
	Status      string `json:"status"`
}

// statuses are what Chat-API calls what becomes of messages.
var statuses = map[webhooks.Event]string{
	webhooks.MessageEvent(messages.Sent): "sent", webhooks.MessageEvent(messages.Delivered): "delivered",
	webhooks.MessageEvent(messages.Read): "viewed",
}

// Request makes the request that tells what happened.
func (f *Format) Request(ctx context.Context, w webhooks.Webhook, _ webhooks.Delivery, o webhooks.Occurrence) (r outgoing.Request, ok bool, err error) {
	s, err := settingsIn(w)
	if err != nil {
		return r, false, err
	}
	body := told{}
	if o.Type == webhooks.MessageReceived {
		body, ok, err = f.received(ctx, w, o)
	} else if status := statuses[o.Type]; status != "" && s.AckNotificationsOn {
		body, ok, err = f.became(ctx, w, o, status)
	}
	if err != nil || !ok {
		return r, false, err
	}
	r.Body, err = json.Marshal(body)
	return r, true, err
}

// became is what became of a message; of one that is kept no more nothing is told.
func (f *Format) became(ctx context.Context, w webhooks.Webhook, o webhooks.Occurrence, status string) (told, bool, error) {
	var of webhooks.Message
	if err := json.Unmarshal(o.Data, &of); err != nil {
		return told{}, false, err
	}
	m, err := f.Messages.Get(ctx, w.AccountID, of.ID)
	if err != nil || m.Address == "" {
		return told{}, false, unlessGone(err)
	}
	digits := strings.TrimPrefix(m.Address, "+")
	body := told{InstanceID: strconv.FormatInt(of.ChannelID, 10), Acks: []ack{{idOf(digits, m.ID), m.ID, chatOf(digits), status}}}
	return body, true, nil
}

func unlessGone(err error) error {
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// How long is waited until what was written has its number in the log, which another reader
// of what happened gives it.
const (
	numberWait  = 50 * time.Millisecond
	numberTries = 40
)

// received is what was written to us.
func (f *Format) received(ctx context.Context, w webhooks.Webhook, o webhooks.Occurrence) (told, bool, error) {
	var of webhooks.Reply
	if err := json.Unmarshal(o.Data, &of); err != nil {
		return told{}, false, err
	}
	r, err := f.Replies.Get(ctx, w.AccountID, of.ID)
	if err != nil || r.Address == "" {
		return told{}, false, unlessGone(err)
	}
	var number int64
	for range numberTries {
		if number, err = f.Log.NumberOf(ctx, r.ID); err != nil || number != 0 {
			break
		}
		if err = f.clock.Sleep(ctx, numberWait); err != nil {
			break
		}
	}
	if err != nil {
		return told{}, false, err
	}
	one, err := naming{contacts: f.Contacts, account: w.AccountID, known: map[int64]string{}}.cameIn(ctx, number, r)
	return told{Messages: []said{one}, InstanceID: strconv.FormatInt(of.ChannelID, 10)}, true, err
}

// Took reports whether the program took it.
func (f *Format) Took(answer fetch.Told) bool { return answer.Status >= 200 && answer.Status < 300 }

// guaranteedTries is how often hooks are tried that are guaranteed.
const guaranteedTries = 20

// Tries is how often a request is made.
func (f *Format) Tries(w webhooks.Webhook) (most int, off bool) {
	if s, err := settingsIn(w); err == nil && s.GuaranteedHooks {
		return guaranteedTries, false
	}
	return 0, false
}
