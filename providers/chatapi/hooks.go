package chatapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"carillon/providers"
)

// posted is what an instance posts to its webhook.
type posted struct {
	Acks     []postedAck     `json:"ack"`
	Messages []postedMessage `json:"messages"`
}

type postedAck struct {
	ID     string `json:"id"`
	Status string `json:"status"`
}

type postedMessage struct {
	ID      string `json:"id"`
	Body    string `json:"body"`
	Type    string `json:"type"`
	FromMe  bool   `json:"fromMe"`
	Caption string `json:"caption"`
	// Time is in seconds.
	Time   int64  `json:"time"`
	ChatID string `json:"chatId"`
}

// open checks who posts, and reads what.
func (p *Provider) open(header http.Header, body []byte) (posted, error) {
	var of posted
	if !p.deps.Takes("hook_token", p.config.HookToken, header.Get(providers.HookTokenHeader)) {
		return of, &providers.Error{Kind: providers.ErrorAuth, Err: errors.New("the token in the address is not the channel's config.hook_token")}
	}
	if err := json.Unmarshal(body, &of); err != nil {
		return of, &providers.Error{Kind: providers.ErrorContent, Err: fmt.Errorf("the body can't be read: %w", err)}
	}
	return of, nil
}

// statuses are the words of acks that say more than that a message was sent.
var statuses = map[string]providers.ReceiptStatus{"delivered": providers.ReceiptDelivered, "viewed": providers.ReceiptRead}

// ParseCallback reads what became of messages.
func (p *Provider) ParseCallback(header http.Header, body []byte) ([]providers.Receipt, error) {
	of, err := p.open(header, body)
	if err != nil {
		return nil, err
	}
	var receipts []providers.Receipt
	var refused providers.Refused
	for i, a := range of.Acks {
		status, known := statuses[a.Status]
		switch {
		case !known:
		case !providers.Key(a.ID):
			refused = append(refused, providers.NoKey(fmt.Sprintf("ack[%d].id", i), a.ID))
		default:
			receipts = append(receipts, providers.Receipt{ProviderID: a.ID, Status: status})
		}
	}
	return receipts, refused.OrNil()
}

// person is what the chat with one person ends with; groups end otherwise.
const person = "@c.us"

// files are the types of messages that are files; a ptt was spoken.
var files = map[string]providers.AttachmentType{
	"image": providers.Image, "video": providers.Video, "ptt": providers.Audio, "audio": providers.Audio, "document": providers.Document,
}

// ParseReplies reads what people wrote: not what went out, nor what was said in groups.
func (p *Provider) ParseReplies(header http.Header, body []byte) ([]providers.Reply, error) {
	of, err := p.open(header, body)
	if err != nil {
		return nil, err
	}
	var replies []providers.Reply
	var refused providers.Refused
	for i, m := range of.Messages {
		digits, alone := strings.CutSuffix(m.ChatID, person)
		switch {
		case m.FromMe || !alone:
		case !providers.Key(m.ID):
			refused = append(refused, providers.NoKey(fmt.Sprintf("messages[%d].id", i), m.ID))
		case !providers.Key(digits):
			refused = append(refused, providers.NoKey(fmt.Sprintf("messages[%d].chatId", i), m.ChatID))
		default:
			r := providers.Reply{ID: m.ID, From: "+" + strings.TrimPrefix(digits, "+"), Text: m.Body}
			if m.Caption != "" { // the body is where the file is
				r.Text = m.Caption + " " + m.Body
			}
			if sort, sent := files[m.Type]; sent {
				r.Parts.Media = &providers.ReplyFile{Type: sort, Caption: m.Caption}
			}
			if m.Time > 0 {
				r.At = time.Unix(m.Time, 0).UTC()
			}
			replies = append(replies, r)
		}
	}
	return replies, refused.OrNil()
}
