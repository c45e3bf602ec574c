package sendapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"carillon/providers"
	"carillon/providers/graph"
)

// posted is what Meta posts: of several pages and accounts in one request, each item read by
// itself.
type posted struct {
	Entries []struct {
		ID    string            `json:"id"`
		Items []json.RawMessage `json:"messaging"`
	} `json:"entry"`
}

// item is something that happened in a conversation, as far as it is read.
type item struct {
	Sender struct {
		ID string `json:"id"`
	} `json:"sender"`
	// Timestamp is in milliseconds.
	Timestamp int64    `json:"timestamp"`
	Message   *message `json:"message"`
	Postback  *struct {
		ID      string `json:"mid"`
		Title   string `json:"title"`
		Payload string `json:"payload"`
	} `json:"postback"`
	// Delivery names the messages that have arrived; older versions named only until when all had.
	Delivery *struct {
		IDs []string `json:"mids"`
	} `json:"delivery"`
	// Read names the message that was seen, in Instagram. Messenger says only until when all were,
	// by which no message can be told.
	Read *struct {
		ID string `json:"mid"`
	} `json:"read"`
}

type message struct {
	ID    string `json:"mid"`
	Text  string `json:"text"`
	Quick *struct {
		Payload string `json:"payload"`
	} `json:"quick_reply"`
	Files []struct {
		Type    string `json:"type"`
		Title   string `json:"title"`
		Payload struct {
			Coordinates *struct {
				Latitude  float64 `json:"lat"`
				Longitude float64 `json:"long"`
			} `json:"coordinates"`
		} `json:"payload"`
	} `json:"attachments"`
	// Echo says that it is one of the sender's own.
	Echo    bool `json:"is_echo"`
	Deleted bool `json:"is_deleted"`
}

// read checks who posts, and has what happened in the sender's conversations, with its place.
func (p *Provider) read(header http.Header, body []byte, each func(place string, of *item) providers.Refused) error {
	var all posted
	if err := p.sender.API.Read(header, body, &all); err != nil {
		return err
	}
	var refused providers.Refused
	for i, entry := range all.Entries {
		if entry.ID != p.sender.ID {
			continue
		}
		for k, raw := range entry.Items {
			var of item
			place := fmt.Sprintf("entry[%d].messaging[%d]", i, k)
			if wrong := graph.Item(place, raw, &of); wrong != nil {
				refused = append(refused, wrong...)
				continue
			}
			refused = append(refused, each(place, &of)...)
		}
	}
	return refused.OrNil()
}

func (i *item) at() time.Time {
	if i.Timestamp <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(i.Timestamp).UTC()
}

// ParseCallback reads what has arrived and was seen.
func (p *Provider) ParseCallback(header http.Header, body []byte) ([]providers.Receipt, error) {
	var receipts []providers.Receipt
	err := p.read(header, body, func(place string, of *item) (refused providers.Refused) {
		take := func(place, id string, status providers.ReceiptStatus) {
			if !providers.Key(id) {
				refused = append(refused, providers.NoKey(place, id))
				return
			}
			receipts = append(receipts, providers.Receipt{ProviderID: id, Status: status, At: of.at()})
		}
		if of.Delivery != nil {
			for i, id := range of.Delivery.IDs {
				take(fmt.Sprintf("%s.delivery.mids[%d]", place, i), id, providers.ReceiptDelivered)
			}
		}
		if of.Read != nil && of.Read.ID != "" {
			take(place+".read.mid", of.Read.ID, providers.ReceiptRead)
		}
		return refused
	})
	return receipts, err
}

// ParseReplies reads what people wrote and tapped. All else that Meta tells is taken, and is no
// reply.
func (p *Provider) ParseReplies(header http.Header, body []byte) ([]providers.Reply, error) {
	var replies []providers.Reply
	err := p.read(header, body, func(place string, of *item) providers.Refused {
		id, where, text := "", "", ""
		var parts providers.ReplyParts
		switch m, b := of.Message, of.Postback; {
		case b != nil:
			parts.Button = &providers.ReplyOption{ID: b.Payload, Title: b.Title}
			id, where, text = b.ID, ".postback.mid", parts.Words()
		case m != nil && !m.Echo && !m.Deleted:
			id, where = m.ID, ".message.mid"
			text, parts = m.said()
		}
		switch {
		case text == "" || !graph.ID(of.Sender.ID):
			return nil
		case !providers.Key(id):
			return providers.Refused{providers.NoKey(place+where, id)}
		}
		replies = append(replies, providers.Reply{ID: id, From: of.Sender.ID, Text: text, Parts: parts, At: of.at()})
		return nil
	})
	return replies, err
}

// sentFiles are the types of what people send as they are told; others, such as a story that is
// mentioned, are no files of theirs.
var sentFiles = map[string]providers.AttachmentType{
	"image": providers.Image, "video": providers.Video, "audio": providers.Audio, "file": providers.Document,
}

// said is what a message says, in words and beside them; the words are empty for one that says
// nothing, such as a reaction.
func (m *message) said() (text string, parts providers.ReplyParts) {
	if m.Quick != nil && m.Quick.Payload != "" {
		parts.Button = &providers.ReplyOption{ID: m.Quick.Payload, Title: m.Text}
		return m.Quick.Payload, parts
	}
	if len(m.Files) == 0 {
		return m.Text, parts
	}
	f := m.Files[0]
	if at := f.Payload.Coordinates; at != nil {
		parts.Location = &providers.Location{Latitude: at.Latitude, Longitude: at.Longitude, Name: f.Title}
		return cmp.Or(m.Text, parts.Words()), parts
	}
	if sort, sent := sentFiles[f.Type]; sent {
		parts.Media = &providers.ReplyFile{Type: sort, Caption: m.Text, Filename: f.Title}
	}
	return cmp.Or(m.Text, f.Title, "["+f.Type+"]"), parts
}
