package whatsapp

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"carillon/providers"
	"carillon/providers/graph"
)

// message is what somebody wrote, as far as it is read: Type says which of the others there is.
type message struct {
	ID   string `json:"id"`
	From string `json:"from"`
	// Group is where it was said, if not to the number alone.
	Group     string `json:"group_id"`
	Timestamp loose  `json:"timestamp"`
	Type      string `json:"type"`
	Text      struct {
		Body string `json:"body"`
	} `json:"text"`
	// Button is one of a template.
	Button struct {
		Payload string `json:"payload"`
		Text    string `json:"text"`
	} `json:"button"`
	Interactive struct {
		Button pressed `json:"button_reply"`
		Row    pressed `json:"list_reply"`
	} `json:"interactive"`
	Image    file      `json:"image"`
	Sticker  file      `json:"sticker"`
	Video    file      `json:"video"`
	Audio    file      `json:"audio"`
	Document file      `json:"document"`
	Location spot      `json:"location"`
	Contacts []contact `json:"contacts"`
}

type pressed struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// file has no address that could be shown: only who has the token can fetch it.
type file struct {
	Caption  string `json:"caption"`
	Filename string `json:"filename"`
}

type spot struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	Name      string  `json:"name"`
	Address   string  `json:"address"`
	URL       string  `json:"url"`
}

type contact struct {
	Name struct {
		Formatted string `json:"formatted_name"`
	} `json:"name"`
	Phones []struct {
		Phone string `json:"phone"`
	} `json:"phones"`
}

// preference is what somebody has set for the advertising of the number.
type preference struct {
	WaID      string `json:"wa_id"`
	Value     string `json:"value"`
	Timestamp loose  `json:"timestamp"`
}

// wishes are the preferences as the words that say the same when somebody writes them.
var wishes = map[string]string{"stop": "STOP", "resume": "START"}

// ParseReplies reads what people wrote, pressed and set. All else that Meta tells is taken, and
// is no reply.
func (p *Provider) ParseReplies(header http.Header, body []byte) ([]providers.Reply, error) {
	var replies []providers.Reply
	var refused providers.Refused
	take := func(r providers.Reply, said bool, wrong providers.Refused) {
		refused = append(refused, wrong...)
		if said {
			replies = append(replies, r)
		}
	}
	err := p.read(header, body, func(place, field string, v *value) {
		if field == "messages" { // what comes as smb_message_echoes or history the number itself wrote, or is old
			for i, raw := range v.Messages {
				take(heard(fmt.Sprintf("%smessages[%d]", place, i), raw))
			}
		}
		for i, raw := range v.Preferences {
			take(set(fmt.Sprintf("%suser_preferences[%d]", place, i), raw))
		}
	})
	if err != nil {
		return nil, err
	}
	return replies, refused.OrNil()
}

// heard is a message as a reply; said is false where it is none.
func heard(place string, raw json.RawMessage) (r providers.Reply, said bool, wrong providers.Refused) {
	var m message
	if wrong := graph.Item(place, raw, &m); wrong != nil {
		return r, false, wrong
	}
	text, parts, said := m.said()
	switch {
	case !said || m.Group != "" || !graph.ID(m.From): // who hides their number can't be written to by it either
		return r, false, nil
	case !providers.Key(m.ID):
		return r, false, providers.Refused{providers.NoKey(place+".id", m.ID)}
	}
	return providers.Reply{ID: m.ID, From: "+" + m.From, Text: text, Parts: parts, At: m.Timestamp.instant()}, true, nil
}

// set is a preference as the reply that it stands for. It has no id: whose, what and when name it.
func set(place string, raw json.RawMessage) (r providers.Reply, said bool, wrong providers.Refused) {
	var of preference
	if wrong := graph.Item(place, raw, &of); wrong != nil {
		return r, false, wrong
	}
	word, known := wishes[of.Value]
	if !known || !graph.ID(of.WaID) {
		return r, false, nil
	}
	at := of.Timestamp.instant()
	id := fmt.Sprintf("preference:%s:%s:%d", of.WaID, of.Value, at.Unix())
	return providers.Reply{ID: id, From: "+" + of.WaID, Text: word, At: at, Setting: true}, true, nil
}

// said is what a message says, in words and beside them; ok is false for what says nothing, such
// as a reaction.
func (m *message) said() (text string, parts providers.ReplyParts, ok bool) {
	switch m.Type {
	case "text":
		return m.Text.Body, parts, true
	case "button":
		parts.Button = &providers.ReplyOption{ID: m.Button.Payload, Title: m.Button.Text}
		return parts.Words(), parts, true
	case "interactive":
		if parts.Button = m.Interactive.Button.option(); parts.Button == nil {
			parts.Choice = m.Interactive.Row.option()
		}
		text = parts.Words()
		return text, parts, text != ""
	case "image":
		parts.Media = m.Image.sent(providers.Image)
	case "sticker":
		parts.Media = m.Sticker.sent(providers.Image)
		return "[sticker]", parts, true
	case "video":
		parts.Media = m.Video.sent(providers.Video)
	case "audio":
		parts.Media = m.Audio.sent(providers.Audio)
	case "document":
		parts.Media = m.Document.sent(providers.Document)
	case "location":
		l := m.Location
		parts.Location = &providers.Location{Latitude: l.Latitude, Longitude: l.Longitude, Name: l.Name, Address: l.Address, URL: l.URL}
	case "contacts":
		var words []string
		for _, c := range m.Contacts {
			words = append(words, c.Name.Formatted)
			for _, phone := range c.Phones {
				words = append(words, phone.Phone)
			}
		}
		return strings.Join(strings.Fields(strings.Join(words, " ")), " "), parts, true
	default:
		return "", parts, false
	}
	return parts.Words(), parts, true
}

// option is what was pressed; nil for nothing.
func (p *pressed) option() *providers.ReplyOption {
	if *p == (pressed{}) {
		return nil
	}
	return &providers.ReplyOption{ID: p.ID, Title: p.Title}
}

func (f *file) sent(sort providers.AttachmentType) *providers.ReplyFile {
	return &providers.ReplyFile{Type: sort, Caption: f.Caption, Filename: f.Filename}
}
