package messengerpeople

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"carillon/providers"
)

// posted is what a channel's webhook is told: the fields that were asked for of each message.
type posted struct {
	Messages []struct {
		ID         loose `json:"id"`
		ChatID     loose `json:"chat_id"`
		Messenger  loose `json:"messenger"`
		UserNumber loose `json:"usernumber"`
		// Date is in seconds.
		Date       loose `json:"date"`
		Text       loose `json:"text"`
		Attachment loose `json:"attachment"`
	} `json:"messages"`
}

// loose is a text that may be written as a number; all values are texts there, as the
// document has it.
type loose string

// UnmarshalJSON reads one; what is neither is empty.
func (l *loose) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		*l = loose(text)
	} else if !bytes.ContainsAny(raw[:1], "{[tf") {
		*l = loose(raw)
	}
	return nil
}

// messengers are the words for the kinds of address.
var messengers = map[providers.AddressKind]string{
	providers.WhatsApp: "WB", providers.Facebook: "FB", providers.Telegram: "TG", providers.Viber: "VI", providers.Instagram: "IN", providers.Push: "WN",
	providers.Custom: "CC",
}

// ParseReplies reads what people wrote on the channel's messenger.
func (p *Provider) ParseReplies(header http.Header, body []byte) ([]providers.Reply, error) {
	if !p.deps.Takes("hook_token", p.config.HookToken, header.Get(providers.HookTokenHeader)) {
		return nil, &providers.Error{Kind: providers.ErrorAuth, Err: errors.New("the token in the address is not the channel's config.hook_token")}
	}
	var of posted
	if err := json.Unmarshal(body, &of); err != nil {
		return nil, &providers.Error{Kind: providers.ErrorContent, Err: fmt.Errorf("the body can't be read: %w", err)}
	}
	var replies []providers.Reply
	var refused providers.Refused
	for i, m := range of.Messages {
		if m.Messenger != "" && string(m.Messenger) != messengers[p.config.Address] {
			continue // it is for another channel
		}
		id, from := string(cmp.Or(m.ID, m.ChatID)), string(m.UserNumber)
		switch {
		case !providers.Key(id):
			refused = append(refused, providers.NoKey(fmt.Sprintf("messages[%d].id", i), id))
		case !providers.Key(from):
			refused = append(refused, providers.NoKey(fmt.Sprintf("messages[%d].usernumber", i), from))
		default:
			r := providers.Reply{ID: id, From: from, Text: string(m.Text)}
			if p.config.Address == providers.WhatsApp {
				r.From = "+" + strings.TrimPrefix(from, "+")
			}
			if m.Attachment != "" {
				// No document says the words of attachment_type: the type is that of the address.
				a := providers.Attachment{URL: string(m.Attachment)}
				r.Parts.Media = &providers.ReplyFile{Type: a.Sort(), Caption: r.Text}
				r.Text = strings.TrimSpace(r.Text + " " + string(m.Attachment))
			}
			if seconds, err := strconv.ParseInt(string(m.Date), 10, 64); err == nil && seconds > 0 {
				r.At = time.Unix(seconds, 0).UTC()
			}
			replies = append(replies, r)
		}
	}
	return replies, refused.OrNil()
}

// Acknowledgement is what MessengerPeople takes for a sign that a message was taken; it
// switches webhooks off that say anything else.
func (p *Provider) Acknowledgement([]byte) []byte { return []byte(`{"success":"true"}`) }
